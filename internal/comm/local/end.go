package local

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/timely-go/timely/internal/host"
)

// End is what a worker holds of the fabric: where it hears of messages, and how
// it sleeps until it does. Ready and Park are for the worker alone; Signal and
// Send may be called from any goroutine.
type End struct {
	fabric  *Fabric
	index   int // the worker's
	parker  host.Parker
	spin    bool
	crowded bool // there are more workers than cores

	signal atomic.Bool   // something happened since the last Ready
	state  atomic.Uint32 // awake, napping or asleep

	mu    sync.Mutex
	ready []int // channels whose inbox has become non-empty
	spare []int
}

const (
	awake   = iota
	napping // parked, with something of its own that will end it: a timer, an open waker
	asleep  // parked, and only another worker can wake it
	gone    // it will neither send nor look again
)

func newEnd(f *Fabric, index int, p host.Parker, spin, crowded bool) *End {
	return &End{fabric: f, index: index, parker: p, spin: spin, crowded: crowded}
}

// Notify says that a channel has something. It may be called by any goroutine.
func (e *End) Notify(channel int) {
	e.mu.Lock()
	e.ready = append(e.ready, channel)
	e.mu.Unlock()
	e.Signal()
}

// Signal wakes the worker, or keeps it from parking once.
func (e *End) Signal() {
	e.signal.Store(true)
	s := e.state.Load()
	if (s == napping || s == asleep) && e.state.CompareAndSwap(s, awake) {
		e.parker.Unpark()
	}
}

// Ready returns the channels whose inboxes became non-empty since the last Ready,
// lent until the next.
func (e *End) Ready() []int {
	if !e.signal.Load() {
		return nil
	}
	e.signal.Store(false)
	e.mu.Lock()
	e.ready, e.spare = e.spare[:0], e.ready
	e.mu.Unlock()
	return e.spare
}

// Park sleeps until a Signal, or a time has passed; a negative limit is for ever.
// A Signal since the last Ready makes it return at once. alone says that nothing
// but another worker can wake this one: if all workers then sleep, none ever will
// be woken, and Park reports that it is stuck.
func (e *End) Park(limit time.Duration, alone bool) (stuck bool) {
	if e.spinning() {
		return false
	}
	// Announce, then look again; who signals does it the other way round. If both
	// see the other, the parker is left with a token, and the next Park returns
	// for no reason.
	if alone && limit < 0 {
		if e.fabric.lastAsleep(e) {
			return true
		}
	} else {
		e.state.Store(napping)
	}
	defer e.state.Store(awake)
	if !e.signal.Load() {
		e.parker.Park(limit)
		e.letOthersRun()
	}
	return false
}

// Leave says that the worker has ended: nobody waits for what it might send.
func (e *End) Leave() {
	e.fabric.sleeping.Lock()
	e.state.Store(gone)
	e.fabric.sleeping.Unlock()
	for _, other := range e.fabric.ends {
		if other.state.Load() == asleep {
			other.Signal() // it may be the last now
		}
	}
}

// lastAsleep announces that e sleeps for good, unless no worker is left that could
// wake it. It reports that.
func (f *Fabric) lastAsleep(e *End) bool {
	f.sleeping.Lock()
	defer f.sleeping.Unlock()
	e.state.Store(asleep)
	if f.carrying.Load() > 0 { // what is under way will wake somebody
		return false
	}
	for _, other := range f.ends {
		if !other.sleepsOn() {
			return false
		}
	}
	e.state.Store(awake)
	return true
}

// sleepsOn reports whether the worker has ended or sleeps for good. It is called
// while no worker can fall asleep or end. So one that is seen asleep, after it was
// seen without a signal, had none that it could have forgotten since; and one that
// could send a signal meanwhile is awake, and is seen so.
func (e *End) sleepsOn() bool {
	signal := e.signal.Load()
	s := e.state.Load()
	return s == gone || s == asleep && !signal
}

// letOthersRun lets those run who wait for a core, if there are such. What they send is
// taken in together with what has woken this worker, and what it does then is told to all
// at once: with 256 workers that send to each other, a third as often.
func (e *End) letOthersRun() {
	if e.crowded {
		runtime.Gosched()
	}
}

const (
	spins      = 60 // times that the processor is offered to other goroutines
	looksASpin = 200
)

// spinning looks for a signal for a few microseconds.
func (e *End) spinning() bool {
	if !e.spin {
		return e.signal.Load()
	}
	for range spins {
		for range looksASpin {
			if e.signal.Load() {
				return true
			}
		}
		runtime.Gosched()
	}
	return false
}
