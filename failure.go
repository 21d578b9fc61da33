package timely

import "github.com/timely-go/timely/internal/engine"

// Failure is what [Execute] returns: the first thing that went wrong, at any worker.
// [Worker.Context] ends with it as its cause.
type Failure struct {
	Process, Worker int    // where; Worker is -1 when it was not at a worker
	Operator, Site  string // in which operator or stage, and where the program wrote it; empty if in neither
	Err             error  // what happened: what a program returned, what was panicked with, or why the context ended
	Stack           []byte // where a panic came from; nil if it was none

	engine *engine.Failure // that it stands for; nil if a program made it
}

// failureOf returns an engine's failure as programs see it.
func failureOf(f *engine.Failure) *Failure {
	return &Failure{Process: f.Process, Worker: f.Worker, Operator: f.Operator, Site: f.Site, Err: f.Err, Stack: f.Stack, engine: f}
}

// Error returns one line: where, and what.
func (f *Failure) Error() string {
	if f.engine != nil {
		return f.engine.Error()
	}
	return (&engine.Failure{Process: f.Process, Worker: f.Worker, Operator: f.Operator, Site: f.Site, Err: f.Err}).Error()
}

// Unwrap returns what happened, so that errors.Is and errors.As look at it.
func (f *Failure) Unwrap() error { return f.Err }
