package local

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/timely-go/timely/internal/host"
)

// End is what a worker holds of the fabric: where it hears of messages, and how
// it sleeps until it does. Ready and Park are for the worker alone; Signal and
// Send may be called from any goroutine.
type End struct {
	rung  atomic.Pointer[Bell] // the bells that rang since the last Ready, the last first
	state atomic.Uint32        // awake, napping or asleep

	_ [48]byte // what others write, and the worker looks at all the time, fills a line

	fabric  *Fabric
	index   int // the worker's
	parker  host.Parker
	spin    bool
	crowded bool  // there are more workers than cores
	signal  Bell  // of no channel
	ready   []int // scratch

	_ [32]byte // and the rest two others
}

// Bell is how an inbox has its worker look at it. It stands in the worker's list from
// when it rings until the worker hears it, so it is not told twice, and needs no memory
// but its own: the list is Treiber's stack ("Systems Programming: Coping with
// Parallelism", 1986), of which all is taken at once.
type Bell struct {
	end     *End
	next    *Bell       // in the list
	rung    atomic.Bool // it is in the list, or about to be
	channel int         // noChannel: it only wakes
}

const noChannel = -1

const (
	awake   = iota
	napping // parked, with something of its own that will end it: a timer, an open waker
	asleep  // parked, and only another worker can wake it
	gone    // it will neither send nor look again
)

func newEnd(f *Fabric, index int, p host.Parker, spin, crowded bool) *End {
	e := &End{fabric: f, index: index, parker: p, spin: spin, crowded: crowded}
	e.signal.end, e.signal.channel = e, noChannel
	return e
}

// NewBell returns one for what is at a channel. A channel may have several.
func (e *End) NewBell(channel int) *Bell { return &Bell{end: e, channel: channel} }

// Signal wakes the worker, or keeps it from parking once.
func (e *End) Signal() { e.signal.Ring() }

// Ring has the worker hear of the channel. It may be called by any goroutine. What
// there is to look at was put there before: who finds that the bell has rung already
// knows that the worker looks only after it has heard that.
func (b *Bell) Ring() {
	if b.rung.Load() || b.rung.Swap(true) {
		return
	}
	e := b.end
	for b.next = nil; !e.rung.CompareAndSwap(b.next, b); { // most often it is the first
		b.next = e.rung.Load()
	}
	s := e.state.Load()
	if (s == napping || s == asleep) && e.state.CompareAndSwap(s, awake) {
		e.parker.Unpark()
	}
}

// signalled reports whether something has rung since the last Ready.
func (e *End) signalled() bool { return e.rung.Load() != nil }

// Ready returns the channels whose inboxes became non-empty since the last Ready,
// in that order, lent until the next.
func (e *End) Ready() []int {
	if !e.signalled() {
		return nil
	}
	e.ready = e.ready[:0]
	for b := e.rung.Swap(nil); b != nil; {
		next := b.next
		if b.channel != noChannel {
			e.ready = append(e.ready, b.channel)
		}
		b.rung.Store(false) // from here on it may ring again
		b = next
	}
	slices.Reverse(e.ready)
	return e.ready
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
	if !e.signalled() {
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
	signal := e.signalled()
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
		return e.signalled()
	}
	for range spins {
		for range looksASpin {
			if e.signalled() {
				return true
			}
		}
		runtime.Gosched()
	}
	return false
}
