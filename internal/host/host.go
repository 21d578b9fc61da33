// Package host is the outside as interfaces: what a worker asks of the machine
// that it runs on, apart from memory. There is one real implementation, here, and
// tests put others into the context that they run a program with: then time,
// sleep and the order in which workers run are theirs to choose.
package host

import (
	"context"
	"time"
)

// Host is the machine as one program sees it.
type Host struct {
	Clock     Clock
	NewParker func(worker int) Parker
	Transport Transport // nil: what a worker sends arrives at once
	Turns     Turns     // nil: workers run when they like

	// Audit, if not nil, is told of each worker whose view of a dataflow breaks an
	// invariant: most of all, if it has run ahead of what is true. It needs Turns:
	// all workers are looked at.
	Audit func(error)

	// Paused, if not nil, is told of each operator that is about to be paused.
	Paused func(Pause)

	// Flow, if not nil, is told what flow control does at a worker, and how much.
	Flow func(worker int, what Flow, n int64)

	// Told, if not nil, is told of each message of progress before it is sent, by several
	// goroutines at once if workers run like that.
	Told func(Told)

	StallAfter time.Duration // how long a worker may be in one turn, or its program wait and nothing happen, before that is told; 0: the engine's default

	Spin       bool // workers look for work for some microseconds before they park
	WorkLimit  int  // records an operator handles in one turn before it yields; 0: the engine's default
	MaxRecords int  // in a buffer; 0: the engine's default
	Poison     bool // buffers that were returned are overwritten, and not used again
}

// Pause says where an operator is paused.
type Pause struct {
	InStage  bool // in a stage that is fused to it
	Sessions int  // how many of its sessions are open
}

// Told is a message of progress: what one worker tells all others, or what all workers of
// this process together tell another process.
type Told struct {
	By      int // the worker; AllHere if it goes to another process
	Sum     int // how many messages it is the sum of
	Changes int // of pointstamps
	Bytes   int // that it takes on its way to another process; 0 if its times cannot go there
}

// AllHere is who tells what all workers of this process did.
const AllHere = -1

// Flow is what flow control does.
type Flow int

// What flow control does.
const (
	WaitsForEdge   Flow = iota // an operator is paused, as an input at this worker is full
	WaitsForCredit             // as an input at another worker is full
	WaitsForLoop               // as a loop into which it sends is full
	GrantsAtRest               // who waits at an input, or for a loop, may send more, as the dataflow is at rest
	GrantsInTime               // or as it has waited for long
	Laps                       // a loop that is full is at the end of a lap
	Peak                       // the worker ends; so many bytes have waited there at most
	Flows
)

// Clock tells the time that has passed since some moment. It does not go back.
type Clock interface {
	Now() time.Duration
}

// Parker puts one worker to sleep.
type Parker interface {
	// Park returns after Unpark was called, before or during Park, or after a
	// time; a negative time is for ever. It may return for no reason.
	Park(limit time.Duration)
	// Unpark may be called from any goroutine. Several calls before a Park count as one.
	Unpark()
}

// Real returns the machine itself.
func Real() *Host {
	return &Host{
		Clock:     realClock{time.Now()},
		NewParker: func(int) Parker { return newRealParker() },
		Spin:      true,
	}
}

// Transport decides when what one worker sends to another arrives.
type Transport interface {
	// Send is called by the sender. It has deliver called once, now or later, by
	// any goroutine: for one sender, receiver and channel in the order of Send.
	Send(from, to, channel int, deliver func())
}

// Turns decides when workers run. A worker calls Begin on its goroutine before it
// runs anything, Yield whenever it is about to take in what has arrived, and End
// when it runs nothing any more. Begin and Yield return when it may go on.
type Turns interface {
	Begin(worker int)
	Yield(worker int)
	End(worker int)
}

type key struct{}

// With returns a context that carries h.
func With(ctx context.Context, h *Host) context.Context {
	return context.WithValue(ctx, key{}, h)
}

// From returns the host that a context carries, or the machine itself.
func From(ctx context.Context) *Host {
	if h, _ := ctx.Value(key{}).(*Host); h != nil {
		return h
	}
	return Real()
}

type realClock struct{ start time.Time }

func (c realClock) Now() time.Duration { return time.Since(c.start) }

// realParker is a binary semaphore with a time limit.
type realParker struct {
	token chan struct{}
	timer *time.Timer // made at the first Park with a limit
}

func newRealParker() *realParker { return &realParker{token: make(chan struct{}, 1)} }

func (p *realParker) Park(limit time.Duration) {
	if limit < 0 {
		<-p.token
		return
	}
	if p.timer == nil {
		p.timer = time.NewTimer(limit)
	} else {
		p.timer.Reset(limit)
	}
	select {
	case <-p.token:
	case <-p.timer.C:
	}
	p.timer.Stop()
}

func (p *realParker) Unpark() {
	select {
	case p.token <- struct{}{}:
	default:
	}
}
