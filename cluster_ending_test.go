package timely_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// endingPrograms end by themselves, or when they are told to.
var endingPrograms = map[string]func(*timely.Worker) error{
	"lingers": func(*timely.Worker) error { return nil },
	// A source, and an input that somebody feeds until it is to stop: each worker says
	// what it sent and what it got.
	"drains": func(w *timely.Worker) error {
		input, probe := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
		sent, got := 0, 0
		flowOf(w, func(s epochScope) {
			source := timely.ToStream(s, func(yield func(int) bool) {
				for sent++; yield(sent); sent++ {
				}
			})
			xs := timely.Exchange(timely.Concat(source, input.Stream(s)), toWorker)
			timely.ProbeWith(timely.Inspect(xs, func(int) { got++ }), probe)
		})
		for got == 0 {
			w.Step()
		}
		fmt.Println("ready")
		for !w.Stopping() {
			input.Send(sent)
			sent++
			w.Step()
		}
		fmt.Println("stopping")
		input.Close()
		for !probe.Done() {
			w.Step()
		}
		fmt.Println("drained", sent, got)
		return nil
	},
	// It hears that it is to stop, and goes on.
	"stubborn": func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) { timely.Exchange(timely.NewInput[epoch, int]().Stream(s), toWorker) })
		w.Waker()
		fmt.Println("ready")
		for !w.Stopping() {
			w.Step()
		}
		fmt.Println("stopping")
		for {
			w.Step()
		}
	},
	"reads": func(w *timely.Worker) error {
		n := 0
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); n++ {
			fmt.Println("read", lines.Text())
		}
		fmt.Println("answer", n)
		return nil
	},
	// Worker 0 drops what the others feed: with an argument, when it is told to by the
	// standard input.
	"drops": func(w *timely.Worker) error {
		other, done := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
		flowOf(w, func(s epochScope) { timely.ProbeWith(timely.Broadcast(other.Stream(s)), done) })
		input := timely.NewInput[epoch, [100]byte]()
		shared := flowOf(w, func(s epochScope) {
			xs := timely.Exchange(input.Stream(s), func(r [100]byte) uint64 { return uint64(r[0]) })
			timely.Inspect(xs, func([100]byte) {})
		})
		if w.Index() == 0 {
			if len(w.Args()) > 0 {
				_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
			}
			shared.Drop()
		} else {
			for i := range 200_000 { // 20 times what may wait
				if input.Send([100]byte{byte(i)}); i%1000 == 0 {
					fmt.Println("sent", i)
				}
			}
			for !strings.Contains(w.Report(), "worker 0 has dropped it") {
				w.Step()
			}
			for line := range strings.Lines(w.Report()) {
				fmt.Print("report ", line)
			}
			fmt.Println()
			shared.Drop()
		}
		other.Close()
		for !done.Done() {
			w.Step()
		}
		fmt.Println("answer")
		return nil
	},
}

// answerQuits is what the program "lingers" does after Main.
func answerQuits() {
	quits := make(chan os.Signal, 1)
	signal.Notify(quits, syscall.SIGQUIT)
	for fmt.Println("lingers"); ; fmt.Println("alive") {
		<-quits
	}
}

// drained checks that all that was sent has arrived. Lines may have a prefix.
func drained(t *testing.T, processes []*process, workers int) {
	t.Helper()
	sent, got, n, stopping := 0, 0, 0, 0
	for _, p := range processes {
		p.wait(t)
		for _, line := range p.stdout.lines() {
			_, line, found := strings.Cut(": "+line, ": ")
			if _, rest, prefixed := strings.Cut(line, ": "); found && prefixed {
				line = rest
			}
			var s, g int
			if _, err := fmt.Sscanf(line, "drained %d %d", &s, &g); err == nil {
				sent, got, n = sent+s, got+g, n+1
			}
			if line == "stopping" {
				stopping++
			}
		}
		if p.status() != 0 || p.errs.String() != "" || p.stdout.lines()[len(p.stdout.lines())-1] != "returned" {
			t.Error(p)
		}
	}
	if n != workers || stopping != workers || sent != got || sent == 0 {
		t.Errorf("%d of %d workers drained, %d heard that they should stop; %d records were sent, and %d arrived: %v", n, workers, stopping, sent, got, processes)
	}
}

func TestASIGTERMDrainsAllProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	t.Run("of the launcher", func(t *testing.T) {
		p := launched(t, "drains", 3, asItIs, "-w", "2")
		for i := range 3 {
			p.await(t, 2, fmt.Sprintf("p%d: ready", i))
		}
		p.signal(t, syscall.SIGTERM)
		drained(t, []*process{p}, 6)
	})
	for told := range 3 {
		t.Run(fmt.Sprint("of process ", told), func(t *testing.T) {
			c := newMachines(t, "drains", 3, "-w", "2")
			c.startAll(t)
			for _, p := range c.processes {
				p.await(t, 2, "ready")
			}
			c.processes[told].signal(t, syscall.SIGTERM)
			drained(t, c.processes, 6)
		})
	}
}

func TestASecondSIGTERMEndsAllProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	t.Run("of the launcher", func(t *testing.T) {
		mayTake(t, time.Second, func() time.Duration {
			p := launched(t, "stubborn", 2, asItIs)
			var told time.Time
			for _, words := range []string{"ready", "stopping"} {
				p.await(t, 1, "p0: "+words)
				p.await(t, 1, "p1: "+words)
				told = time.Now()
				p.signal(t, syscall.SIGTERM)
			}
			p.wait(t)
			if lines := p.errs.lines(); p.status() != 1 || len(lines) != 3 || strings.Contains(p.stdout.String(), "returned") {
				t.Error(p)
			}
			return p.at.Sub(told)
		})
	})
	t.Run("of one process", func(t *testing.T) {
		mayTake(t, time.Second, func() time.Duration {
			c := newMachines(t, "stubborn", 3)
			c.startAll(t)
			var told time.Time
			for _, words := range []string{"ready", "stopping"} {
				for _, p := range c.processes {
					p.await(t, 1, words)
				}
				told = time.Now()
				c.processes[1].signal(t, syscall.SIGTERM)
			}
			for i, p := range c.processes {
				want := fmt.Sprintf("timely: process %d: process 1 failed: ended by signal: terminated\n", i)
				if i == 1 {
					want = "timely: process 1: ended by signal: terminated\n"
				}
				if line := failed(t, p); line != want {
					t.Errorf("it said %q, want %q", line, want)
				}
			}
			return last(t, c.processes).Sub(told)
		})
	})
}

func TestASIGTERMAfterTheEndIsIgnoredOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a cluster")
	}
	c := newMachines(t, "lingers", 2)
	c.startAll(t)
	for _, p := range c.processes {
		p.await(t, 1, "lingers")
		p.signal(t, syscall.SIGTERM)
		for n := 1; n <= 2; n++ {
			p.signal(t, syscall.SIGQUIT)
			p.await(t, n, "alive")
		}
		for alive := true; alive; { // Main may not have seen the first one yet
			alive = p.cmd.Process.Signal(syscall.SIGTERM) == nil
		}
		if p.wait(t); p.status() != -1 {
			t.Error(p)
		}
	}
}

func TestStandardInputOfTheLauncherGoesToProcess0(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	p := launched(t, "reads", 3, func(cmd *exec.Cmd) { cmd.Stdin = strings.NewReader("one\ntwo\nthree\n") })
	p.wait(t)
	lines := p.stdout.lines()
	slices.Sort(lines)
	want := []string{
		"p0: answer 3", "p0: read one", "p0: read three", "p0: read two", "p0: returned",
		"p1: answer 0", "p1: returned", "p2: answer 0", "p2: returned", "returned",
	}
	if !slices.Equal(lines, want) || p.status() != 0 {
		t.Error(p)
	}
}

// TestSendersDoNotWaitForAWorkerThatDroppedTheDataflow has worker 0 drop it at once, or
// when all others wait for room there.
func TestSendersDoNotWaitForAWorkerThatDroppedTheDataflow(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	for _, late := range []bool{false, true} {
		c := newMachines(t, "drops", 2, "-w", "2")
		if late {
			c.args = append(c.args, "late")
		}
		var drop io.WriteCloser
		c.startWith(t, 0, func(cmd *exec.Cmd) {
			var err error
			if drop, err = cmd.StdinPipe(); err != nil {
				t.Fatal(err)
			}
		})
		c.start(t, 1)
		if late {
			pause(t, c)
			if _, err := io.WriteString(drop, "drop\n"); err != nil {
				t.Fatal(err)
			}
		}
		answered(t, c.processes, 2, "answer")
		for i, n := range []int{1, 2} { // workers that did not drop it
			said := 0
			for _, line := range c.processes[i].says("report") {
				if strings.Contains(line, "worker 0 has dropped it, and what it held stays") {
					said++
				}
			}
			if said != n {
				t.Errorf("want %d reports that name worker 0, got %v", n, c.processes[i])
			}
		}
	}
}

// pause waits until nobody sends any more.
func pause(t *testing.T, c *machines) {
	t.Helper()
	const still = 300 * time.Millisecond
	count := func() int { return len(c.processes[0].says("sent")) + len(c.processes[1].says("sent")) }
	for before, since, late := 0, time.Now(), time.Now().Add(patience); before == 0 || time.Since(since) < still; time.Sleep(time.Millisecond) {
		if n := count(); n != before {
			before, since = n, time.Now()
		}
		if n := count(); n == 600 || time.Now().After(late) {
			t.Fatalf("they do not wait: they have sent %d000 records", n)
		}
	}
}
