package launch_test

import (
	"syscall"
	"testing"
)

// TestNoProcessOutlivesItsLauncher kills launchers in a way they cannot see coming.
func TestNoProcessOutlivesItsLauncher(t *testing.T) {
	tests := []struct {
		name, program, watch string
		stopped              bool // the processes are, when it happens
	}{
		{name: "processes that wait", program: "wait"},
		{name: "processes that compute", program: "spin"},
		{name: "processes that heed no signal", program: "deaf"},
		{name: "processes that are stopped", program: "wait", stopped: true},
		{name: "by the pipe alone, that wait", program: "wait", watch: "pipe"},
		{name: "by the pipe alone, that compute", program: "spin", watch: "pipe"},
		{name: "by the kernel alone", program: "spin", watch: "kernel"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, test.program, 3, watching+"="+test.watch)
			if test.stopped {
				for _, pid := range s.pids {
					s.signal(t, pid, syscall.SIGSTOP)
				}
			}
			s.signal(t, s.cmd.Process.Pid, syscall.SIGKILL)
			s.gone(t)
			s.ended(t)
		})
	}
}
