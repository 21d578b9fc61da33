package cluster

import (
	"testing"
	"time"
)

// still is a parker that looks how many workers are idle while it parks one.
type still struct{ look func() }

func (s still) Park(time.Duration) { s.look() }
func (s still) Unpark()            {}

func TestAWorkerIsIdleExactlyWhileItIsParked(t *testing.T) {
	idle, seen := 0, -1
	p := parker{still{func() { seen = idle }}, func(workers int) { idle += workers }}
	p.Park(-1)
	if seen != 1 || idle != 0 {
		t.Errorf("%d idle while one is parked, %d afterwards; want 1 and 0", seen, idle)
	}
}
