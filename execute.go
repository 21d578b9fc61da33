package timely

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/timely-go/timely/internal/engine"
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
// Execute may be called anywhere, also several times at once: it has no globals,
// handles no signals, and never ends the process.
func Execute(ctx context.Context, c Config, program func(*Worker) error) error {
	return execute(ctx, c, nil, program)
}

func execute(ctx context.Context, c Config, begin func(engine.Stopper), program func(*Worker) error) error {
	if err := c.check(); err != nil {
		return err
	}
	var first *Failure // set before the context ends with it
	s := engine.Settings{
		Workers: max(1, c.Workers), EdgeBudget: c.EdgeBudget, Grace: c.Grace, Log: c.Log,
		Cause: func(f *engine.Failure) error { first = failureOf(f); return first },
	}
	if s.Grace == 0 {
		s.Grace = time.Second
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
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
	return failureOf(f)
}

func (c *Config) check() error {
	switch {
	case c.Workers < 0:
		return errors.New("timely: Config.Workers is negative; 1 is the default")
	case c.EdgeBudget < 0:
		return errors.New("timely: Config.EdgeBudget is negative; 1 MiB is the default")
	case c.Grace < 0:
		return errors.New("timely: Config.Grace is negative; 1 s is the default")
	}
	return nil
}
