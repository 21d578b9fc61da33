//go:build unix

package launch_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A started launcher is a process of its own, with its processes.
type started struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner // of its standard output
	stderr *strings.Builder
	stdout io.Closer // nobody reads it any more
	pids   []int     // of its processes
}

// start starts a launcher of n processes that are a program, and waits until each of
// them has said that it is ready, and as which process.
func start(t *testing.T, program string, n int, settings ...string) *started {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &started{cmd: exec.Command(self), stderr: new(strings.Builder), pids: make([]int, n)}
	s.cmd.Env = append(os.Environ(), append(settings, role+"="+program, size+"="+strconv.Itoa(n), "GORACE="+quickExit)...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that it can be sent signals as a terminal does
	s.cmd.Stderr = s.stderr
	s.cmd.WaitDelay = patience
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) }) // whatever is left
	s.lines, s.stdout = bufio.NewScanner(stdout), stdout
	within(t, patience, func() {
		for ready := 0; ready < n && s.lines.Scan(); {
			var i, pid int
			if _, err := fmt.Sscanf(s.lines.Text(), "p%d: ready %d", &i, &pid); err == nil {
				s.pids[i] = pid
				ready++
			}
		}
	})
	if slices.Contains(s.pids, 0) {
		t.Fatalf("not all are ready: %v, %s", s.pids, s.stderr)
	}
	return s
}

// ended waits for the launcher, and returns its status and what its processes still said.
func (s *started) ended(t *testing.T) (status int, said []string) {
	t.Helper()
	within(t, patience, func() {
		for s.lines.Scan() {
			said = append(said, s.lines.Text())
		}
		_ = s.cmd.Wait()
	})
	return s.cmd.ProcessState.ExitCode(), said
}

// gone waits until none of the processes is left.
func (s *started) gone(t *testing.T) {
	t.Helper()
	for _, pid := range s.pids {
		for deadline := time.Now().Add(patience); runs(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d is left", pid)
			}
		}
	}
}

// runs reports whether a process does, and is not just not waited for.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err != nil || !strings.HasPrefix(state, "Z")
}

func (s *started) signal(t *testing.T, pid int, what syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, what); err != nil {
		t.Fatal(err)
	}
}

func TestSignalsArePassedOnOnce(t *testing.T) {
	tests := []struct {
		name string
		send func(t *testing.T, s *started)
		want string // of each process
	}{
		{"SIGTERM", func(t *testing.T, s *started) {
			s.signal(t, s.cmd.Process.Pid, syscall.SIGTERM)
		}, "terminated interrupt"},
		{"SIGTERM to all, as supervisors do", func(t *testing.T, s *started) {
			s.signal(t, -s.cmd.Process.Pid, syscall.SIGTERM)
		}, "terminated interrupt"},
		{"SIGTERM to one, then to the launcher", func(t *testing.T, s *started) {
			for _, pid := range s.pids {
				s.signal(t, pid, syscall.SIGTERM)
			}
			s.signal(t, s.cmd.Process.Pid, syscall.SIGTERM)
		}, "terminated interrupt"},
		{"an interrupt to all, as terminals do", func(t *testing.T, s *started) {
			s.signal(t, -s.cmd.Process.Pid, syscall.SIGINT)
		}, "interrupt"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, "signals", 2)
			test.send(t, s)
			for range strings.Count(test.want, "terminated") * 2 {
				within(t, patience, func() { s.lines.Scan() })
				if !strings.HasSuffix(s.lines.Text(), "terminated") {
					t.Errorf("%q", s.lines.Text())
				}
			}
			if strings.HasPrefix(test.want, "terminated") {
				s.signal(t, s.cmd.Process.Pid, syscall.SIGINT)
			}
			status, said := s.ended(t)
			slices.Sort(said)
			if status != 0 || s.stderr.Len() > 0 || !slices.Equal(said, []string{"p0: interrupt", "p1: interrupt"}) {
				t.Errorf("status %d, %q, %s", status, said, s.stderr)
			}
			s.gone(t)
		})
	}
}

func TestWhoHeedsNoSignalIsKilled(t *testing.T) {
	tests := []struct {
		program string
		what    syscall.Signal
	}{
		{"deaf", syscall.SIGTERM}, {"deaf", syscall.SIGINT},
	}
	for _, test := range tests {
		s := start(t, test.program, 2, grace+"="+shortGrace.String())
		s.signal(t, s.cmd.Process.Pid, test.what)
		status, _ := s.ended(t)
		if status != 1 || s.stderr.String() != "processes 0, 1 had not left in time, and were killed\n" {
			t.Errorf("%v: status %d, %s", test.what, status, s.stderr)
		}
		s.gone(t)
	}
}

// A signal that no process asks for does to each what it does to a lone one.
func TestSignalsThatNobodyAsksForEndProcesses(t *testing.T) {
	for what, want := range map[syscall.Signal]int{syscall.SIGTERM: 128 + 15, syscall.SIGINT: 128 + 2, syscall.SIGQUIT: 2} {
		s := start(t, "wait", 2)
		s.signal(t, s.cmd.Process.Pid, what)
		if status, _ := s.ended(t); status != want {
			t.Errorf("%v: status %d, %s", what, status, s.stderr)
		}
		if what == syscall.SIGQUIT && (strings.Count(s.stderr.String(), ": SIGQUIT: quit\n") != 2 || !strings.Contains(s.stderr.String(), "p1: goroutine ")) {
			t.Errorf("no stacks: %s", s.stderr)
		}
		s.gone(t)
	}
}

func TestAProcessThatIsKilledEndsAll(t *testing.T) {
	for victim := range 3 {
		s := start(t, "peers", 3)
		s.signal(t, s.pids[victim], syscall.SIGKILL)
		status, _ := s.ended(t)
		if want := fmt.Sprintf("process %d: signal: killed\n", victim); status != 128+9 || s.stderr.String() != want {
			t.Errorf("status %d, %s", status, s.stderr)
		}
		s.gone(t)
	}
	s := start(t, "deaf", 3, grace+"="+shortGrace.String())
	s.signal(t, s.pids[1], syscall.SIGKILL)
	status, _ := s.ended(t)
	if status != 128+9 || s.stderr.String() != "process 1: signal: killed; processes 0, 2 had not left in time, and were killed\n" {
		t.Errorf("status %d, %s", status, s.stderr)
	}
	s.gone(t)
}

func TestALauncherThatNobodyReadsEndsBySignal(t *testing.T) {
	s := start(t, "say more", 2, grace+"=2s")
	s.signal(t, s.cmd.Process.Pid, syscall.SIGTERM)
	s.gone(t)
	// Nothing is read, and the pipe stays: only then would Wait close it.
	within(t, patience, func() {
		if state, err := s.cmd.Process.Wait(); err != nil || state.ExitCode() != 128+15 {
			t.Error(state, err)
		}
	})
}

func TestAReaderThatGoesAwayEndsAll(t *testing.T) {
	s := start(t, "say more", 2)
	if err := s.stdout.Close(); err != nil {
		t.Fatal(err)
	}
	s.gone(t)
	within(t, patience, func() { _ = s.cmd.Wait() })
	if s.cmd.ProcessState.Success() {
		t.Error(s.cmd.ProcessState)
	}
}
