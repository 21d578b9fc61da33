package timely_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// diesWithTests sees to it that a process does not outlive this one, even if it is
// stopped. (The kernel counts from the end of the thread that started it. Threads of
// tests do not end.)
func diesWithTests(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// residentBytes returns the memory of a process: now, or the most so far (VmHWM).
func residentBytes(t *testing.T, pid int, key string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, is := strings.CutPrefix(line, key+":"); is {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no %s in %s", key, text)
	return 0
}

// children returns the processes that a process has started.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, child)
		}
	}
	return pids
}

// runs reports whether a process does, and is not just not waited for.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

func TestNoProcessOutlivesAKilledLauncher(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	for _, stop := range []bool{false, true} {
		p := launched(t, "flood", 3, asItIs)
		for i := range 3 {
			p.await(t, 1, fmt.Sprintf("p%d: running", i))
		}
		pids := children(t, p.cmd.Process.Pid)
		if len(pids) != 3 {
			t.Fatalf("%d processes", len(pids))
		}
		if stop {
			if err := syscall.Kill(pids[1], syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		p.signal(t, syscall.SIGKILL)
		for _, pid := range pids {
			for late := time.Now().Add(patience); runs(pid); time.Sleep(time.Millisecond) {
				if time.Now().After(late) {
					t.Fatalf("process %d is left", pid)
				}
			}
		}
	}
}

// TestAKilledProcessEndsItsLauncher kills each process of three.
func TestAKilledProcessEndsItsLauncher(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	for i := range 3 {
		mayTake(t, time.Second, func() time.Duration {
			p := launched(t, "flood", 3, asItIs)
			for i := range 3 {
				p.await(t, 1, fmt.Sprintf("p%d: running", i))
			}
			begun := time.Now()
			if err := syscall.Kill(children(t, p.cmd.Process.Pid)[i], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			p.wait(t)
			lines := p.errs.lines()
			if len(lines) != 3 {
				t.Fatalf("want a line of each other, and one of the launcher, got %v", p)
			}
			var victim int
			if _, err := fmt.Sscanf(lines[2], "timely: process %d: signal: killed", &victim); err != nil || p.status() != 128+int(syscall.SIGKILL) {
				t.Error(p)
			}
			for _, line := range lines[:2] {
				if !strings.Contains(line, fmt.Sprintf("process %d at 127.0.0.1:", victim)) || strings.HasPrefix(line, fmt.Sprintf("p%d: ", victim)) {
					t.Errorf("process %d was killed: %v", victim, p)
				}
			}
			return p.at.Sub(begun)
		})
	}
}

// TestAStoppedProcessIsSilentToAll stops each process of three, and then wakes it: it
// finds itself alone.
func TestAStoppedProcessIsSilentToAll(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters, and waits for them to be silent")
	}
	for _, test := range []struct {
		program string
		victim  int
		dead    time.Duration // 0: the default, of 3 s
	}{
		{"flood", 0, 600 * time.Millisecond},
		{"flood", 1, 600 * time.Millisecond},
		{"stubborn", 2, 600 * time.Millisecond}, // where nobody has anything to say
		{"flood", 1, 0},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			c := newMachines(t, test.program, 3)
			limit := 3 * time.Second
			if test.dead > 0 {
				c.impatient(test.dead)
				limit = test.dead
			}
			mayTake(t, limit+time.Second, func() time.Duration {
				c.startAll(t)
				for _, p := range c.processes {
					p.await(t, 1, map[string]string{"flood": "running", "stubborn": "ready"}[test.program])
				}
				begun := time.Now()
				victim := c.processes[test.victim]
				victim.signal(t, syscall.SIGSTOP)
				for _, p := range c.others(test.victim) {
					line := failed(t, p)
					if want := c.named(test.victim) + ": it is silent: stopped, or cut off"; !strings.Contains(line, want) {
						t.Errorf("want %q, got %q", want, line)
					}
				}
				end := last(t, c.others(test.victim))
				victim.signal(t, syscall.SIGCONT)
				if line := failed(t, victim); strings.Contains(line, c.named(test.victim)) && !strings.Contains(line, " failed: ") {
					t.Errorf("it blames itself: %q", line)
				}
				return end.Sub(begun)
			})
		})
	}
}

// TestASenderKeepsToItsBudgetWhileItsPeerIsStopped measures what waits for a process that
// is stopped and not dead yet. Then it is woken, and gets all.
func TestASenderKeepsToItsBudgetWhileItsPeerIsStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters, and sends a gigabyte")
	}
	const budget = 32 << 20
	much := 1 << 20 // kibibytes
	if raceEnabled {
		much /= 4
	}
	for _, test := range []struct {
		program string
		records int  // of a kibibyte
		idle    bool // nothing was sent before the peer stops
	}{{"sends arrays", much, true}, {"sends arrays", much, false}, {"sends texts", max(much/2, 1<<18), false}} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			c := newMachines(t, test.program, 2, "-edge-budget", strconv.Itoa(budget), strconv.Itoa(test.records))
			c.network = &timely.Network{DeadAfter: time.Minute}
			var begin io.WriteCloser
			sender := c.startWith(t, 0, func(cmd *exec.Cmd) {
				var err error
				if begin, err = cmd.StdinPipe(); err != nil {
					t.Fatal(err)
				}
			})
			peer := c.start(t, 1)
			// weigh returns what the sender says next.
			weigh := func() (sent, heap int64) {
				n := len(sender.says("memory")) + 2 // the next may have been measured before
				sender.await(t, n, "memory")
				if _, err := fmt.Sscanf(sender.says("memory")[n-1], "memory %d %d", &sent, &heap); err != nil {
					t.Fatal(err)
				}
				return sent, heap
			}
			_, heap := weigh()
			resident := residentBytes(t, sender.cmd.Process.Pid, "VmRSS")
			if test.idle {
				peer.signal(t, syscall.SIGSTOP)
			}
			if _, err := io.WriteString(begin, "go\n"); err != nil {
				t.Fatal(err)
			}
			for !test.idle {
				if sent, _ := weigh(); sent > 4*budget {
					peer.signal(t, syscall.SIGSTOP)
					break
				}
			}
			var sent, now int64
			for still, late := 0, time.Now().Add(patience); still < 6; still++ {
				before := sent
				if sent, now = weigh(); sent != before || sent == 0 {
					still = 0
				}
				if sent >= int64(test.records)<<10 || time.Now().After(late) {
					t.Fatalf("it does not pause: %d bytes sent", sent)
				}
			}
			inUse := now - heap
			held := residentBytes(t, sender.cmd.Process.Pid, "VmRSS") - resident
			peak := residentBytes(t, sender.cmd.Process.Pid, "VmHWM") - resident // with garbage
			t.Logf("%d KiB sent; in use %d KiB more, resident %d KiB more, and %d KiB at most", sent>>10, inUse>>10, held>>10, peak>>10)
			if limit := int64(budget + budget/10); inUse > limit || !raceEnabled && (held > limit || peak > 2*limit || test.idle && peak > limit) {
				t.Errorf("more than %d KiB", limit>>10)
			}
			peer.signal(t, syscall.SIGCONT)
			answered(t, c.processes[1:], 1, fmt.Sprint("answer ", test.records))
			if sender.wait(t); sender.status() != 0 || sender.errs.String() != "" {
				t.Error(sender)
			}
		})
	}
}

// connected waits until somebody is connected to an address of this machine.
func connected(t *testing.T, address string) {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	ip := at.IP.To4()
	local := fmt.Sprintf(" %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], at.Port)
	for late := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		table, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			t.Skip(err)
		}
		for line := range strings.Lines(string(table)) {
			_, rest, is := strings.Cut(line, local)
			if fields := strings.Fields(rest); is && len(fields) > 1 && fields[1] == "01" {
				return
			}
		}
		if time.Now().After(late) {
			t.Fatal("nobody has connected to ", address)
		}
	}
}

// TestAProcessOfAnEarlierRunIsRefused stops a process, has the others die and come again,
// and wakes it among them.
func TestAProcessOfAnEarlierRunIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	// again starts the other processes, and then the one that is left over goes on. It
	// reports whether that one was of the earlier run indeed.
	again := func(t *testing.T, c *machines, left int) bool {
		old := c.processes[left]
		for _, p := range c.others(left) {
			if p != nil {
				_ = p.cmd.Process.Kill() // it may have ended, as another one did
				p.wait(t)
			}
		}
		c.args = []string{"5"}
		for i := range c.hosts {
			if i != left {
				c.start(t, i)
			}
		}
		early := c.start(t, left)
		if line := failed(t, early); !strings.Contains(line, "cannot listen at "+c.hosts[left]) {
			t.Errorf("its address is taken, and it said %q", line)
		}
		old.signal(t, syscall.SIGCONT)
		old.wait(t)
		refused := old.status() == 1
		if refused {
			if text := old.errs.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "it closed the connection without a word") &&
				!strings.Contains(text, "the connection broke") && !strings.Contains(text, "another run of the cluster") {
				t.Error(old)
			}
			c.start(t, left)
		} else {
			c.processes[left] = old
		}
		for _, p := range c.processes {
			p.wait(t)
			if said := p.says("answer"); p.status() != 0 || len(said) == 0 || said[len(said)-1] != "answer 15" {
				t.Error(p)
			}
			for _, line := range p.errs.lines() {
				if !strings.Contains(line, "connection refused") { // of the one that is left over
					t.Errorf("it said %q", line)
				}
			}
		}
		return refused
	}
	t.Run("which ran", func(t *testing.T) {
		c := newMachines(t, "epochs", 3)
		c.startAll(t)
		for _, p := range c.processes {
			p.await(t, 1, "epoch 5")
		}
		c.processes[2].signal(t, syscall.SIGSTOP)
		if !again(t, c, 2) {
			t.Error("it went on")
		}
	})
	t.Run("which was joining", func(t *testing.T) {
		for range 10 { // it may be stopped before it has said hello, and is as good as new then
			c := newMachines(t, "epochs", 3, "5")
			c.start(t, 0)
			c.start(t, 2)
			connected(t, c.hosts[0])
			c.processes[2].signal(t, syscall.SIGSTOP)
			if again(t, c, 2) || t.Failed() {
				return
			}
		}
		t.Error("it never was of the earlier run")
	})
}
