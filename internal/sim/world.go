package sim

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/timely-go/timely/internal/host"
)

// World is the outside of a simulated execution. It implements host.Clock,
// host.Transport and host.Turns, and makes the host.Parkers. All of it is used by
// one goroutine at a time: the scheduler's, or that of the worker whose turn it is.
type World struct {
	rand    *rand.Rand
	policy  Policy
	now     time.Duration
	workers []*worker
	links   []*link       // from worker i to worker j at i*len(workers)+j
	carried int           // messages in them
	born    chan struct{} // a worker's goroutine has begun
	back    chan struct{} // the worker that ran gives up its turn
	among   []Choice      // what could happen, at the last step
	trace   uint64        // hash of all that was chosen
	serial  int           // of the message that was sent last
	newest  int           // serial number of the newest message that has arrived
	saw     Sometimes     // of what happens outside of the program
	steps   int           // so far

	pace         time.Duration // that a worker's step takes, beside looks at the clock
	stopped      int           // this worker does not run, while it is before stoppedUntil
	stoppedUntil time.Duration

	wrong error // the first invariant that was broken
}

// worker is where a worker stands.
type worker struct {
	index   int
	state   state
	unpark  bool          // Unpark was called since the last Park began to look
	wakesAt time.Duration // while parked: when its limit ends; negative: never
	resume  chan struct{}
}

type state int

const (
	unborn state = iota
	ready        // it can run
	parked
	over
)

// link is what one worker has sent to another and has not arrived.
type link struct {
	from, to int
	queues   []queue // by channel, in order of first use
	sent     int     // serial number of the last message
}

type queue struct {
	channel int
	waiting []message
}

type message struct {
	deliver func()
	serial  int // over all links: greater is newer
}

// NewWorld returns a world for so many workers.
func NewWorld(workers int, seed uint64, policy Policy) *World {
	w := &World{rand: rand.New(rand.NewPCG(seed, 0x7153)), policy: policy, born: make(chan struct{}), back: make(chan struct{})}
	for i := range workers {
		w.workers = append(w.workers, &worker{index: i, resume: make(chan struct{})})
		for j := range workers {
			w.links = append(w.links, &link{from: i, to: j})
		}
	}
	return w
}

// Host returns the world as the engine sees it. Limits make operators pause often:
// see host.Host.
func (w *World) Host(workLimit, maxRecords int) *host.Host {
	return &host.Host{
		Clock:      w,
		NewParker:  func(i int) host.Parker { return parker{w, w.workers[i]} },
		Transport:  w,
		Turns:      w,
		Audit:      w.audit,
		Paused:     w.paused,
		WorkLimit:  workLimit,
		MaxRecords: maxRecords,
		Poison:     true,
	}
}

// audit is told of a worker whose view breaks an invariant.
func (w *World) audit(err error) {
	if w.wrong == nil {
		w.wrong = err
	}
}

// paused is told of an operator that is about to be paused.
func (w *World) paused(p host.Pause) {
	if p.InStage {
		w.saw.InStages++
	}
	if p.Sessions > 0 {
		w.saw.InSessions++
	}
	if p.InStage && p.Sessions > 0 {
		w.saw.InSessionStages++
	}
}

// Now implements host.Clock. Time passes with every look at it, and when nothing
// else can happen.
func (w *World) Now() time.Duration {
	w.now += time.Microsecond
	return w.now
}

// Begin implements host.Turns.
func (w *World) Begin(i int) {
	w.born <- struct{}{}
	<-w.workers[i].resume
}

// Yield implements host.Turns.
func (w *World) Yield(i int) { w.giveUp(w.workers[i]) }

// End implements host.Turns.
func (w *World) End(i int) {
	w.workers[i].state = over
	w.back <- struct{}{}
}

func (w *World) giveUp(me *worker) {
	w.back <- struct{}{}
	<-me.resume
}

// parker implements host.Parker.
type parker struct {
	w  *World
	me *worker
}

func (p parker) Park(limit time.Duration) {
	if p.me.unpark {
		p.me.unpark = false
		return
	}
	p.me.state, p.me.wakesAt = parked, -1
	if limit >= 0 {
		p.me.wakesAt = p.w.now + limit
	}
	p.w.giveUp(p.me)
	p.me.unpark = false
}

func (p parker) Unpark() {
	p.me.unpark = true
	if p.me.state == parked {
		p.me.state = ready
	}
}

// Send implements host.Transport.
func (w *World) Send(from, to, channel int, deliver func()) {
	l := w.links[from*len(w.workers)+to]
	w.serial++
	w.carried++
	m := message{deliver, w.serial}
	l.sent = w.serial
	for i := range l.queues {
		if l.queues[i].channel == channel {
			l.queues[i].waiting = append(l.queues[i].waiting, m)
			return
		}
	}
	l.queues = append(l.queues, queue{channel, []message{m}})
}

// Choice is something that can happen next.
type Choice struct {
	Worker int // this worker runs; -1: a message arrives
	From   int // the link of the message
	To     int
	Newest int // serial number of the newest message of the link
	queue  *queue
}

// Run lets the workers run, one at a time, until all have ended. It fails if
// nothing can happen any more, or after so many steps.
func (w *World) Run(limit int) error {
	for range w.workers {
		<-w.born
	}
	for _, k := range w.workers {
		k.state = ready
	}
	for n := 0; ; n++ {
		choices := w.choices()
		if len(choices) == 0 {
			if w.allOver() {
				return nil
			}
			if !w.skipTime() {
				return fmt.Errorf("nothing can happen any more")
			}
			continue
		}
		w.steps = n
		if n == limit {
			return fmt.Errorf("not at an end after %d steps", limit)
		}
		w.take(choices[w.policy.Choose(w.rand, choices)])
		if w.wrong != nil {
			return fmt.Errorf("after %d steps: %w", n, w.wrong)
		}
	}
}

// choices returns what can happen next, lent until the next call.
func (w *World) choices() []Choice {
	all := w.among[:0]
	defer func() { w.among = all }()
	for _, k := range w.workers {
		if k.state == ready && !w.isStopped(k) {
			all = append(all, Choice{Worker: k.index, From: -1, To: -1})
		}
	}
	if w.carried == 0 { // so that many workers cost little whose messages arrive at once
		return all
	}
	for _, l := range w.links {
		for i := range l.queues {
			if q := &l.queues[i]; len(q.waiting) > 0 {
				all = append(all, Choice{Worker: -1, From: l.from, To: l.to, Newest: l.sent, queue: q})
			}
		}
	}
	return all
}

// isStopped reports whether a worker does not run for the time being.
func (w *World) isStopped(k *worker) bool { return k.index == w.stopped && w.now < w.stoppedUntil }

// take makes a choice happen.
func (w *World) take(c Choice) {
	w.note(uint64(c.Worker), uint64(c.From), uint64(c.To), uint64(w.now))
	if c.Worker >= 0 {
		k := w.workers[c.Worker]
		w.now += w.pace
		k.resume <- struct{}{}
		<-w.back
		return
	}
	m := c.queue.waiting[0]
	c.queue.waiting[0] = message{} // what it holds may go
	c.queue.waiting = c.queue.waiting[1:]
	w.carried--
	if m.serial < w.newest {
		w.saw.Late++
	}
	w.newest = max(w.newest, m.serial)
	m.deliver()
}

// note adds what happens to the trace.
func (w *World) note(words ...uint64) {
	const prime = 0x100000001b3
	for _, x := range words {
		w.trace = bits.RotateLeft64(w.trace^x, 29) * prime
	}
}

func (w *World) allOver() bool {
	for _, k := range w.workers {
		if k.state != over {
			return false
		}
	}
	return true
}

// skipTime moves the clock to where the next parked worker wakes.
func (w *World) skipTime() bool {
	var next *worker
	for _, k := range w.workers {
		if k.state == parked && k.wakesAt >= 0 && (next == nil || k.wakesAt < next.wakesAt) {
			next = k
		}
	}
	if w.stoppedUntil > w.now && (next == nil || next.wakesAt > w.stoppedUntil) {
		w.now = w.stoppedUntil
		return true
	}
	if next == nil {
		return false
	}
	w.now = max(w.now, next.wakesAt)
	next.state = ready
	return true
}

// Trace returns a hash of all that has happened: the same seed gives the same.
func (w *World) Trace() uint64 { return w.trace }
