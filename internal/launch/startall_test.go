//go:build unix

package launch

import (
	"io"
	"testing"
	"time"
)

func TestProcessesThatWereStartedAreEnded(t *testing.T) {
	t.Setenv("LAUNCH_TEST_PROGRAM", "wait")
	out, errs := sinksOf(io.Discard, io.Discard, func(error) {})
	processes, err := startAll(Options{Processes: 3}, out, errs)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	endAll(processes)
	for _, p := range processes {
		if p.status() != 128+9 {
			t.Error(p)
		}
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
