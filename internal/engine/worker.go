package engine

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/comm/local"
	"github.com/timely-go/timely/internal/host"
	"github.com/timely-go/timely/internal/schedule"
)

// passes is how many passes one Step makes at most: to go on with the next pass
// costs less than to return to the program and come back.
const passes = 16

// Worker is one goroutine with its share of every dataflow.
type Worker struct {
	Pools   batch.Pools
	Current *Element // whose code is running, for panics and reports; nil between turns

	x     *Execution
	index int
	clock host.Clock
	end   *local.End
	turns host.Turns // nil: it runs when it likes
	loop  *schedule.Loop

	built     int              // dataflows, so far
	flows     []*Dataflow      // that are neither complete nor dropped
	draining  []*Dataflow      // that were dropped, while peers may still send
	live      int              // flows that are neither complete nor dropped
	dirty     []*Dataflow      // flows whose counts have changed
	ending    []*Dataflow      // flows without pointstamps, until their nodes are idle
	channels  int              // opened so far
	receivers map[int]receiver // by channel: those on which something may arrive
	closers   []Closer         // the inputs, to be closed when the program returns
	closing   int              // how many closers there were when the closed ones were last forgotten
	open      []Stepped        // inputs with a partly filled buffer, or that have to move on
	opened    []Stepped        // scratch
	staged    []Shipper        // see Staged
	building  bool

	work      int           // records handled in the running turn
	batches   int           // batches, likewise
	nextLook  int           // records after which the clock is looked at
	began     time.Duration // when it was looked at first in the running turn
	workLimit int
	panicking bool // the logic of the running turn has
	pauses    int  // so far

	Feeding   bool          // what the running node pushes goes through a loop variable
	running   *Node         // whose turn it is, or nil
	full      []gate        // that it has found full, and has to wait for
	budget    int64         // bytes that may wait at an edge
	queued    int64         // bytes that wait at all edges
	peak      int64         // most that queued has been
	grants    int           // so far
	touched   []*Loop       // in which something happened in this pass
	pressed   bool          // there is a producer that waits for an edge or a loop here
	nextGrant time.Duration // when the next one is due; 0: none

	steps uint64     // so far
	moved bool       // counts have changed since the Step began
	asked []Question // since the last Step

	wakers   wakers
	alarms   []alarm           // the next to ring is the last
	returned bool              // its program has; guarded by Execution.mu
	leaving  bool              // it ends because the execution has failed
	noticed  *schedule.Failure // of the loop's
	left     atomic.Bool

	lookedFor  atomic.Bool   // somebody asks whether the worker is still there
	stirred    bool          // something ran since it answered last
	waits      bool          // the program waits in RunUntil
	quietSince time.Duration // when it answered last after something ran
	stalled    bool          // it has told that nothing happens
}

func newLoop(w *Worker) *schedule.Loop { return schedule.NewLoop(w.between) }

// Processes returns how many processes there are.
func (w *Worker) Processes() int { return w.x.fabric.Processes() }

// IsNear reports whether another worker is one of this process.
func (w *Worker) IsNear(other int) bool { return w.x.fabric.Has(other) }

// Index returns the worker's number, and Peers how many there are, in all processes.
func (w *Worker) Index() int { return w.index }

// Peers returns the number of workers.
func (w *Worker) Peers() int { return w.x.fabric.Peers() }

// Context ends at the first failure.
func (w *Worker) Context() context.Context { return w.x.ctx }

// Stopping reports whether the execution was asked to end in good order.
func (w *Worker) Stopping() bool { return w.x.stopping.Load() }

// Failing reports whether the execution has failed.
func (w *Worker) Failing() bool { return w.x.failing.Load() }

// Pauses returns how often an operator was paused in the middle of a turn.
func (w *Worker) Pauses() int { return w.pauses }

// Closer is something to close when the program returns.
type Closer interface {
	Close()
	Closed() bool
}

// OnReturn has c closed when the program returns, before the last steps.
func (w *Worker) OnReturn(c Closer) {
	if len(w.closers) > 2*w.closing+16 {
		w.closers = slices.DeleteFunc(w.closers, Closer.Closed)
		w.closing = len(w.closers)
	}
	w.closers = append(w.closers, c)
}

// Stepped is told of the next step of its worker.
type Stepped interface{ Stepped() }

// Open has s told of the worker's next step.
func (w *Worker) Open(s Stepped) { w.open = append(w.open, s) }

// Outside panics if an operator is in its turn, in which call must not be used,
// and does not return if the execution has failed.
func (w *Worker) Outside(call string) {
	if w.x.failing.Load() {
		w.leave()
	}
	if w.loop.Unwinding() { // a deferred function of an operator that is not to go on
		runtime.Goexit()
	}
	if n := w.Running(); n != nil {
		panic(callsite.Errorf(callsite.Caller(), "%s inside a turn of %v; call it from the program", call, n))
	}
}

// betweenTurns is Outside for what runs operators: a dataflow is built first.
func (w *Worker) betweenTurns(call string) {
	w.Outside(call)
	if w.building {
		panic(callsite.Errorf(callsite.Caller(), "%s inside the building of a dataflow; call it when the dataflow is built", call))
	}
}

// leave ends the goroutine that it runs on, as the execution has failed.
func (w *Worker) leave() {
	w.leaving = true
	runtime.Goexit()
}

// Step takes in what has arrived and makes passes while something is awake. If
// there was nothing to do it parks until there is, so long at most; a negative
// limit is for ever. It returns after that, after a waker of the worker was used,
// or at once if no dataflow is left.
func (w *Worker) Step(limit time.Duration) {
	w.betweenTurns("Step")
	var until time.Duration
	if limit >= 0 {
		until = w.after(limit)
	}
	defer w.forget()
	for {
		ran, woken := w.round()
		if ran || woken || w.live == 0 {
			return
		}
		left := time.Duration(-1)
		if limit >= 0 {
			if left = until - w.clock.Now(); left <= 0 {
				return
			}
		}
		w.park(left)
	}
}

// forget ends a Step: what was asked before it will be asked again.
func (w *Worker) forget() {
	w.steps++
	clear(w.asked)
	w.asked = w.asked[:0]
}

// Question is something that the program has asked and will ask again after the next
// Step, as it waits for another answer.
type Question interface{ Answered() bool }

// Ask has the next Step return soon after the question is answered.
func (w *Worker) Ask(q Question) { w.asked = append(w.asked, q) }

// Steps returns how many Steps there have been.
func (w *Worker) Steps() uint64 { return w.steps }

// after returns the time when so much will have passed, or the end of time.
func (w *Worker) after(d time.Duration) time.Duration {
	now := w.clock.Now()
	if d > math.MaxInt64-now {
		return math.MaxInt64
	}
	return now + d
}

// RunUntil does what Step does until there is no more need to. A waker of the worker
// that is used meanwhile makes the next Step return.
func (w *Worker) RunUntil(done func() bool) {
	w.betweenTurns("RunUntil")
	used := false
	w.waits = true
	defer func() {
		w.waits = false
		if used {
			w.wakers.useWorker()
		}
	}()
	for !done() {
		ran, woken := w.round()
		used = used || woken
		if !ran && !done() {
			w.park(-1)
		}
	}
}

// Budget returns how many bytes may wait at an edge.
func (w *Worker) Budget() int64 { return w.budget }

// Building reports whether a dataflow is being built.
func (w *Worker) Building() bool { return w.building }

// Poll does what Step does without parking, and reports whether anything ran.
func (w *Worker) Poll() (ran bool) {
	w.betweenTurns("Poll")
	defer w.forget()
	ran, woken := w.round()
	return ran || woken
}

// round takes in what has arrived and makes passes while something is awake.
func (w *Worker) round() (ran, woken bool) {
	w.shipInputs()
	w.moved = false
	w.receive()
	woken = w.wakers.take() // after receive, which forgets the signal that comes with a Wake
	w.ring()
	if len(w.dirty) > 0 || len(w.ending) > 0 {
		w.settle()
	}
	w.watch()
	if w.lookedFor.Load() {
		w.answer()
	}
	ran = w.pass()
	w.stirred = w.stirred || ran
	w.x.fabric.Flush(w.index) // what was sent before the pass, if there was none
	if w.x.failing.Load() {
		w.leave()
	}
	return ran || w.moved, woken
}

// shipInputs hands to the dataflows what inputs have buffered.
func (w *Worker) shipInputs() {
	if len(w.open) == 0 {
		return
	}
	w.open, w.opened = w.opened[:0], w.open
	for _, in := range w.opened {
		in.Stepped()
	}
	clear(w.opened)
}

// pass makes passes. What ends a task is a failure before anything of the program
// is unwound: a Goexit inside a task comes through here.
func (w *Worker) pass() (ran bool) {
	defer w.notice()
	return w.loop.Step(passes)
}

// notice notes what has ended a task.
func (w *Worker) notice() {
	f := w.loop.Failure()
	if f == nil || f == w.noticed {
		return
	}
	w.noticed = f
	if f.Exit && w.leaving { // because of a failure that is known
		return
	}
	if w.Current == nil && f.Task != nil { // it was being unwound
		w.Current = f.Task.Owner.(*Node).Element
	}
	if f.Exit {
		w.fail(&Failure{Err: errExited, Stack: f.Stack})
	} else {
		w.fail(panicked(f.Value, f.Stack))
	}
	w.leaving = true
}

// park sleeps until something arrives.
func (w *Worker) park(limit time.Duration) {
	if n := len(w.alarms); n > 0 {
		limit = w.sooner(limit, w.alarms[n-1].at)
	}
	if w.nextGrant > 0 {
		limit = w.sooner(limit, w.nextGrant)
	}
	stuck := w.end.Park(limit, w.Processes() == 1 && w.wakers.open.Load() == 0)
	if stuck && !w.x.failing.Load() { // else others have left because of that, before this one was told
		w.Current = nil
		w.fail(&Failure{Err: errors.New("no worker can go on: all of them are parked, with no timer and no open Waker. What holds the frontiers at this worker:\n" + w.Report())})
	}
	if w.x.failing.Load() {
		w.leave()
	}
}

// sooner returns the limit, or the time until then if that is less.
func (w *Worker) sooner(limit, at time.Duration) time.Duration {
	left := max(0, at-w.clock.Now())
	if limit < 0 {
		return left
	}
	return min(limit, left)
}

// between is what happens between two passes: no operator's frame is on the
// stack, but for those of paused ones.
func (w *Worker) between() {
	w.Current = nil
	w.receive()
	w.wakers.takeNodes()
	w.settle()
	w.watch()
	w.x.fabric.Flush(w.index)
	if w.lookedFor.Load() {
		w.lookedFor.Store(false)
		w.stirred = true
	}
	if w.answered() {
		w.loop.Return()
	}
}

// receive takes in what other workers sent.
func (w *Worker) receive() {
	if w.turns != nil {
		w.turns.Yield(w.index)
	}
	for _, channel := range w.end.Ready() {
		if r := w.receivers[channel]; r != nil { // else it is looked at when it is opened, or is closed
			r.take()
		}
	}
}

// settle tells the peers what this worker did, turns all changes into frontiers,
// and ends the dataflows that are complete.
func (w *Worker) settle() {
	for i := 0; i < len(w.dirty); i++ {
		w.moved = true
		w.dirty[i].settle()
	}
	w.dirty = w.dirty[:0]
	if len(w.ending) > 0 {
		w.endComplete()
	}
}

// answered reports whether something is as the program waits for it to be.
func (w *Worker) answered() bool {
	for _, q := range w.asked {
		if q.Answered() {
			return true
		}
	}
	return false
}

// endComplete ends the dataflows in which nothing can happen any more.
func (w *Worker) endComplete() {
	kept := w.ending[:0]
	for _, f := range w.ending {
		if f.gone() || f.pointstamps() > 0 { // in that case it comes back when it has none
			continue
		}
		if !f.idle() {
			kept = append(kept, f)
			continue
		}
		f.complete = true
		f.remove()
		w.moved = true
	}
	clear(w.ending[len(kept):])
	w.ending = kept
}
