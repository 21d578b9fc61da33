package timely

import (
	"context"
	"time"

	"github.com/timely-go/timely/internal/engine"
)

// Worker is one goroutine with its share of every dataflow. A program is run by
// each worker, and everything that it builds belongs to that worker: only [Waker]
// may be used from other goroutines.
type Worker struct {
	engine *engine.Worker
	args   []string
}

// Index returns the worker's number, from 0, counted through all processes.
func (w *Worker) Index() int { return w.engine.Index() }

// Peers returns the number of workers of all processes.
func (w *Worker) Peers() int { return w.engine.Peers() }

// Args returns what [Main] found on the command line beside flags, or Config.Args.
func (w *Worker) Args() []string { return w.args }

// Context returns a context that ends at the first failure of any worker, or with
// that of Execute. Use it for everything that blocks.
func (w *Worker) Context() context.Context { return w.engine.Context() }

// Stopping reports whether the execution was asked to end in good order. A program
// that feeds inputs for ever looks at it, and returns.
func (w *Worker) Stopping() bool { return w.engine.Stopping() }

// Step runs what is ready to run, and parks until there is something if there is
// nothing. It returns when something ran (soon after a probe has moved that the
// program asked before), after a Waker of the worker was used, or at once if no
// dataflow is left. So the loop to wait for a time is
//
//	for probe.LessThan(t) {
//		w.Step()
//	}
//
// After a failure, of any worker, it does not return: the worker leaves by
// runtime.Goexit, as tests do in FailNow, and deferred functions run. Do not call
// it in a deferred function: when the program has panicked the engine does not
// know of it until its deferred functions have run, and a step would tell the peers
// what those did, such as closing an input.
func (w *Worker) Step() { w.engine.Step(-1) }

// StepFor is Step that parks no longer than d.
func (w *Worker) StepFor(d time.Duration) { w.engine.Step(max(0, d)) }

// Poll is Step that never parks. It reports whether anything ran.
func (w *Worker) Poll() (ran bool) { return w.engine.Poll() }

// Waker returns how another goroutine makes the worker's Step return.
func (w *Worker) Waker() *Waker { return &Waker{w.engine.Waker()} }

// Report says, in words, for each dataflow which input, capability or queue holds
// its frontiers back, at which times.
func (w *Worker) Report() string { return w.engine.Report() }

// Waker is how another goroutine wakes a worker ([Worker.Waker]) or one operator
// ([Builder.Waker]). While one is open its worker counts as able to go on, so that
// a program that waits for the outside is not taken for one that is stuck. It may
// be used from any goroutine.
type Waker struct{ engine *engine.Waker }

// Wake makes the worker's present Step return, or its next one not park; or it
// makes the operator run. Several calls before that count as one.
func (k *Waker) Wake() { k.engine.Wake() }

// Close says that the waker will not be used any more. Wake then does nothing.
func (k *Waker) Close() { k.engine.Close() }
