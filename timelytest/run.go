package timelytest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// patience is how long one run may take.
const patience = time.Minute

// Run runs a program with so many workers, and fails the test if it fails, or if
// it takes more than a minute.
func Run(t testing.TB, workers int, program func(*timely.Worker) error) {
	t.Helper()
	Settings()[0].Run(t, workers, program)
}

// Setting is one way to run a program.
type Setting struct {
	name   string
	change func(*host.Host) // nil: as it is run outside of tests
}

// Settings returns the ways in which [SameAnswer] runs a program. The first is
// that of programs outside of tests.
func Settings() []Setting {
	return []Setting{
		{"plain", nil},
		{"every Send pauses", func(h *host.Host) { h.WorkLimit, h.MaxRecords, h.Poison = 1, 1, true }},
		{"buffers of three records", func(h *host.Host) { h.MaxRecords, h.Poison = 3, true }},
		{"random pauses", func(h *host.Host) { h.Clock, h.MaxRecords, h.Poison = &jumpyClock{real: h.Clock}, 2, true }},
	}
}

// String returns the setting's name.
func (s Setting) String() string { return s.name }

// Run does what the function Run does, under this setting.
func (s Setting) Run(t testing.TB, workers int, program func(*timely.Worker) error) {
	t.Helper()
	if err := s.execute(t.Context(), workers, program); err != nil {
		t.Errorf("%s: %v", s.describe(workers), err)
	}
}

func (s Setting) describe(workers int) string {
	if workers == 1 {
		return "1 worker, " + s.name
	}
	return fmt.Sprintf("%d workers, %s", workers, s.name)
}

func (s Setting) execute(ctx context.Context, workers int, program func(*timely.Worker) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it has not ended within %v", patience))
	defer cancel()
	if s.change != nil {
		h := host.Real()
		s.change(h)
		ctx = host.With(ctx, h)
	}
	return timely.Execute(ctx, timely.Config{Workers: workers}, program)
}

// jumpyClock sometimes goes on by more than an operator's turn may take. So the
// engine pauses operators here and there, in an order that hardly repeats.
type jumpyClock struct {
	real  host.Clock
	calls atomic.Uint64
	ahead atomic.Int64 // nanoseconds before the real clock
}

func (c *jumpyClock) Now() time.Duration {
	if timely.HashUint64(c.calls.Add(1))%4 == 0 {
		c.ahead.Add(int64(time.Millisecond))
	}
	return c.real.Now() + time.Duration(c.ahead.Load())
}
