//go:build unix

package launch

import (
	"fmt"
	"os/exec"
	"testing"
)

// ended returns a process that has ended with a status.
func ended(t *testing.T, index, status int) *process {
	t.Helper()
	cmd := exec.Command("sh", "-c", fmt.Sprint("exit ", status))
	if _, failed := cmd.Output(); cmd.ProcessState == nil {
		t.Fatal(failed)
	}
	return &process{index: index, cmd: cmd, running: true}
}

// TestTheFirstFailureIsTheFirstSeen has processes seen to end in an order.
func TestTheFirstFailureIsTheFirstSeen(t *testing.T) {
	tests := []struct {
		name     string
		statuses []int
		order    []int
		want     string
	}{
		{"the first of three", []int{5, 4, 3}, []int{2, 0, 1}, "3 process 2: exit status 3"},
		{"after success", []int{0, 4, 3}, []int{0, 1, 2}, "4 process 1: exit status 4"},
		{"those that died of it came first", []int{ExitPeer, ExitPeer, 7}, []int{0, 1, 2}, "7 process 2: exit status 7"},
		{"and last", []int{7, ExitPeer, ExitPeer}, []int{0, 1, 2}, "7 process 0: exit status 7"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &supervisor{running: len(test.statuses)}
			for i, status := range test.statuses {
				s.processes = append(s.processes, ended(t, i, status))
			}
			for _, i := range test.order {
				s.note(s.processes[i])
			}
			status, err := s.verdict()
			if got := fmt.Sprint(status, " ", err); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
