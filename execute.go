package timely

import (
	"context"
	"log/slog"
	"time"

	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/launch"
)

// Execute runs a program at each worker and waits for all of them. It returns nil
// when every program returned nil and every dataflow completed; else the first
// failure, as a *[Failure]. Inputs that a program leaves open are closed when it
// returns, and its worker goes on until all dataflows are complete.
//
// A panic in the program or in an operator, an error that the program returns, and
// the end of ctx are failures. After one the workers leave: Step does not return,
// and nothing is closed, so that nobody takes a failure for completion. Workers
// that do not leave within Config.Grace are named in the log, and left behind.
//
// If Config.Processes says that there are several processes, Execute joins this one
// with the others before anything runs, which takes until the last has come; it returns
// nil if it does at all of them. What keeps them from joining is a failure, too.
//
// Execute may be called anywhere, also several times at once: it has no globals,
// handles no signals, and never ends the process.
func Execute(ctx context.Context, c Config, program func(*Worker) error) error {
	return execute(ctx, c, nil, nil, program)
}

// execute is Execute, also for a process that was launched.
func execute(ctx context.Context, c Config, launched *launch.Member, begin func(engine.Stopper), program func(*Worker) error) error {
	if err := c.check(); err != nil {
		return err
	}
	var first *Failure // set before the context ends with it
	s := engine.Settings{
		Workers: max(1, c.Workers), EdgeBudget: c.EdgeBudget, Grace: c.Grace, Log: c.Log,
		Cause: func(f *engine.Failure) error { first = c.failureOf(f); return first },
	}
	if s.Grace == 0 {
		s.Grace = time.Second
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.Mesh, err = c.join(ctx, launched, s.Log); err != nil {
		return &Failure{Process: c.Process, Worker: -1, Err: err, cluster: true}
	}
	f := engine.Execute(ctx, s, begin, func(w *engine.Worker) error {
		return program(&Worker{engine: w, args: c.Args})
	})
	switch {
	case f == nil:
		return nil
	case first != nil && first.engine == f:
		return first
	}
	return c.failureOf(f)
}
