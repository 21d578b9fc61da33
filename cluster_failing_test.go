package timely_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// failingPrograms fail at one worker, or end there early. Their argument is which.
var failingPrograms = map[string]func(*timely.Worker) error{
	"panics": func(w *timely.Worker) error {
		return completes(w, func(e epoch) error {
			if e == 3 && w.Index() == argument(w, 0) {
				fmt.Println("failing")
				panic("in pieces")
			}
			return nil
		}, nil)
	},
	"errors": func(w *timely.Worker) error {
		return completes(w, nil, func(e epoch) error {
			if e == 3 && w.Index() == argument(w, 0) {
				fmt.Println("failing")
				return errors.New("it is no good")
			}
			return nil
		})
	},
	"returns": func(w *timely.Worker) error {
		return completes(w, nil, func(e epoch) error {
			if e == 3 && w.Index() == argument(w, 0) {
				return errEnough
			}
			return nil
		})
	},
	"unreadable": func(w *timely.Worker) error {
		fmt.Println("failing")
		flowOf(w, func(s epochScope) {
			xs := timely.Map(threeInts(s), func(n int) unreadable { return unreadable{n: n} })
			timely.Exchange(xs, func(u unreadable) uint64 { return uint64(u.n) })
		})
		return nil
	},
}

var errEnough = errors.New("enough")

// completes has each worker send a record to each in each of five epochs, and says which
// epochs are complete. What is given may fail, in an operator before the exchange or in
// the program before an epoch ends; errEnough ends the program well.
func completes(w *timely.Worker, inOperator, inProgram func(epoch) error) error {
	input, probe := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
	flowOf(w, func(s epochScope) {
		xs := timely.InspectTime(input.Stream(s), func(e epoch, _ int) {
			if inOperator != nil {
				_ = inOperator(e)
			}
		})
		sums := timely.Accumulate(timely.Exchange(xs, toWorker), 0, func(n, _ int) int { return n + 1 })
		timely.ProbeWith(timely.InspectTime(sums, func(e epoch, n int) { fmt.Println("complete", e, n) }), probe)
	})
	for e := range epoch(5) {
		for to := range w.Peers() {
			input.Send(to)
		}
		if inProgram != nil {
			if err := inProgram(e); errors.Is(err, errEnough) {
				break
			} else if err != nil {
				return err
			}
		}
		input.AdvanceTo(e + 1)
		for probe.LessThan(e + 1) {
			w.Step()
		}
	}
	return nil
}

// unreadable is a record that can be written, and not read.
type unreadable struct{ n int }

func (unreadable) MarshalBinary() ([]byte, error) { return []byte("x"), nil }
func (*unreadable) UnmarshalBinary([]byte) error  { return errors.New("these are no records") }

// nothingAfterTheFailure checks that nobody took the inputs of the worker that failed for
// complete.
func nothingAfterTheFailure(t *testing.T, p *process) {
	t.Helper()
	for _, line := range p.stdout.lines() {
		if strings.Contains(line, "complete 3") || strings.Contains(line, "complete 4") || strings.Contains(line, "returned") {
			t.Errorf("it went on: %v", p)
		}
	}
}

func TestAPanicEndsAllProcessesWithItsCause(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	for _, worker := range []int{0, 3, 5} {
		mayTake(t, time.Second, func() time.Duration {
			c := newMachines(t, "panics", 3, "-w", "2", fmt.Sprint(worker))
			c.startAll(t)
			where := worker / 2
			origin := c.processes[where]
			origin.await(t, 1, "failing")
			begun := time.Now()
			at := regexp.MustCompile(fmt.Sprintf(`worker %d, InspectTime@cluster_failing_test\.go:\d+: panic: in pieces`, worker))
			for i, p := range c.processes {
				p.wait(t)
				nothingAfterTheFailure(t, p)
				if i != where {
					line := failed(t, p)
					if !strings.HasPrefix(line, fmt.Sprintf("timely: process %d: process %d failed: ", i, where)) || !at.MatchString(line) {
						t.Errorf("it said %q", line)
					}
				}
			}
			first, stack, _ := strings.Cut(origin.errs.String(), "\n")
			if !strings.HasPrefix(first, fmt.Sprintf("timely: process %d, ", where)) || !at.MatchString(first) || origin.status() != 1 ||
				strings.Count("\n"+stack, "\ngoroutine ") != 1 || !strings.Contains(stack, "cluster_failing_test.go") {
				t.Error(origin)
			}
			return last(t, c.processes).Sub(begun)
		})
	}
}

func TestLaunchedProcessesEndWithTheCauseOfAPanic(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	p := launched(t, "panics", 3, asItIs, "-w", "2", "3")
	p.wait(t)
	nothingAfterTheFailure(t, p)
	lines := p.errs.lines()
	for _, want := range []string{"p0: timely: process 0: process 1 failed: ", "p1: timely: process 1, ", "p2: timely: process 2: process 1 failed: "} {
		if n := len(slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
			return !strings.HasPrefix(l, want) || !strings.HasSuffix(l, ": panic: in pieces")
		})); n != 1 {
			t.Errorf("%q: %d lines", want, n)
		}
	}
	if final := lines[len(lines)-1]; !strings.HasPrefix(final, "timely: process 1") || p.status() != 1 || strings.Count(p.errs.String(), "goroutine ")-strings.Count(p.errs.String(), "in goroutine ") != 1 {
		t.Error(p)
	}
}

func TestAnErrorOfOneWorkerEndsAllProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	mayTake(t, time.Second, func() time.Duration {
		c := newMachines(t, "errors", 3, "-w", "2", "2")
		c.startAll(t)
		c.processes[1].await(t, 1, "failing")
		begun := time.Now()
		for i, p := range c.processes {
			want := fmt.Sprintf("timely: process %d: process 1 failed: worker 2: it is no good\n", i)
			if i == 1 {
				want = "timely: process 1, worker 2: it is no good\n"
			}
			if line := failed(t, p); line != want {
				t.Errorf("it said %q, want %q", line, want)
			}
			nothingAfterTheFailure(t, p)
		}
		return last(t, c.processes).Sub(begun)
	})
}

// TestAnEarlyReturnIsCompletion has one worker return in epoch 3, after it has sent.
func TestAnEarlyReturnIsCompletion(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	c := newMachines(t, "returns", 3, "-w", "2", "2")
	c.startAll(t)
	want := []string{"complete 0 6", "complete 0 6", "complete 1 6", "complete 1 6", "complete 2 6", "complete 2 6", "complete 3 6", "complete 3 6", "complete 4 5", "complete 4 5"}
	for _, p := range c.processes {
		p.wait(t)
		said := p.says("complete")
		slices.Sort(said)
		if !slices.Equal(said, want) || p.status() != 0 || p.errs.String() != "" {
			t.Error(p)
		}
	}
}

func TestRecordsThatCannotBeReadEndAllProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	mayTake(t, time.Second, func() time.Duration {
		c := newMachines(t, "unreadable", 2)
		c.startAll(t)
		for _, p := range c.processes {
			p.await(t, 1, "failing")
		}
		begun := time.Now()
		what := regexp.MustCompile(`worker [01] sent to Exchange@cluster_failing_test\.go:\d+ what cannot be decoded as timely_test\.unreadable: .*these are no records`)
		for _, p := range c.processes {
			if line := failed(t, p); !what.MatchString(line) {
				t.Errorf("it said %q", line)
			}
		}
		return last(t, c.processes).Sub(begun)
	})
}
