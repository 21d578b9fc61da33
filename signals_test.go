package timely

import (
	"context"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timely-go/timely/internal/engine"
)

// stopping is an execution that is told to stop and takes its time.
type stopping struct{ told int }

func (s *stopping) Stop() { s.told++ }

// TestWhatDoesNotStopAfterASIGTERMIsEnded obeys in a time of its own, in which nothing
// else happens.
func TestWhatDoesNotStopAfterASIGTERMIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		x, begun, signals := &stopping{}, make(chan engine.Stopper, 1), make(chan os.Signal, 1)
		begun <- x
		signals <- syscall.SIGTERM
		began := time.Now()
		heeded := obey(ctx, cancel, begun, signals)
		const want = "not stopped within 30s of the signal to stop"
		if cause := context.Cause(ctx); cause == nil || cause.Error() != want || !heeded {
			t.Errorf("it ended with %v, want %s; a signal was heeded: %v", cause, want, heeded)
		}
		if took := time.Since(began); took != 30*time.Second || x.told != 1 {
			t.Errorf("it ended after %v, told to stop %d times", took, x.told)
		}
	})
}
