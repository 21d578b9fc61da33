package timely_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/timely-go/timely"
)

// This file is about processes that do not do the same: that build something else, or
// later, drop, return or fail.

// anOperator adds an operator that does nothing, and has one output.
func anOperator(s epochScope, name string) epochInts {
	b := timely.NewBuilder(s, name)
	_, out := timely.AddOutput[int](b)
	b.Build(func() bool { return false })
	return out
}

func TestProcessesThatBuildDifferentDataflowsNameBoth(t *testing.T) {
	tests := []struct {
		name      string
		one, two  func(s epochScope)
		wants     []string // one of them is in each failure
		different bool
	}{
		{
			"another operator", func(s epochScope) { anOperator(s, "A"); anOperator(s, "B") }, func(s epochScope) { anOperator(s, "A"); anOperator(s, "X") },
			[]string{"stands where process 0 has B@", "stands where process 1 has X@"}, true,
		},
		{
			"one more", func(s epochScope) { anOperator(s, "A") }, func(s epochScope) { anOperator(s, "A"); anOperator(s, "B") },
			[]string{"B@cluster_plans_test.go", "lacks B@cluster_plans_test.go"}, true,
		},
		{
			"another pact", func(s epochScope) { refuses(anOperator(s, "A"), timely.Pipeline) }, func(s epochScope) { refuses(anOperator(s, "A"), timely.ToAll) },
			[]string{"differs from process 0's ", "differs from process 1's "}, true,
		},
		{
			"another type", func(s epochScope) {
				timely.Exchange(timely.Map(anOperator(s, "A"), func(n int) int32 { return int32(n) }), func(int32) uint64 { return 0 })
			}, func(s epochScope) {
				timely.Exchange(timely.Map(anOperator(s, "A"), func(n int) int64 { return int64(n) }), func(int64) uint64 { return 0 })
			},
			[]string{"differs from process 0's ", "differs from process 1's "}, true,
		},
		{
			"another line only", func(s epochScope) { anOperator(s, "A") },
			func(s epochScope) { anOperator(s, "A") }, nil, false,
		},
	}
	for _, test := range tests {
		for first := range 2 { // builds first
			t.Run(fmt.Sprint(test.name, "/", first), func(t *testing.T) {
				built := make(chan struct{})
				program := func(w *timely.Worker) error {
					flowOf(w, func(s epochScope) { anOperator(s, "same") })
					if w.Index() != first {
						<-built
					}
					flowOf(w, func(s epochScope) {
						threeInts(s) // so that the dataflow does not end before it was compared
						if w.Index() == 0 {
							test.one(s)
						} else {
							test.two(s)
						}
					})
					if w.Index() == first {
						close(built)
					}
					return nil
				}
				if !test.different {
					twoByOne.mustRun(t, program)
					return
				}
				for i, f := range twoByOne.mustFail(t, program) {
					if text := f.Error(); !strings.Contains(text, test.wants[0]) && !strings.Contains(text, test.wants[1]) || !strings.Contains(text, "every worker must build the same dataflows in the same order") {
						t.Errorf("process %d: %v", i, text)
					}
				}
			})
		}
	}
}

// TestDifferentDataflowsInWhichNothingHappensAreNamed, too, although none of them waits for
// another process: it is over before anything has arrived.
func TestDifferentDataflowsInWhichNothingHappensAreNamed(t *testing.T) {
	for range 20 {
		built := make(chan struct{})
		for i, f := range twoByOne.mustFail(t, func(w *timely.Worker) error {
			if w.Index() == 0 {
				flowOf(w, func(s epochScope) { anOperator(s, "A") })
				close(built)
				return nil
			}
			<-built
			flowOf(w, func(s epochScope) { anOperator(s, "A"); anOperator(s, "B") })
			return nil
		}) {
			if !strings.Contains(f.Error(), "B@cluster_plans_test.go") {
				t.Errorf("process %d: %v", i, f)
			}
		}
	}
}

// TestAProcessMayBeAheadOfAnother has process 0 build some dataflows, and send what
// there is to send in all, before the others build any.
func TestAProcessMayBeAheadOfAnother(t *testing.T) {
	const flows, n = 5, 1000
	eachCluster(t, []cluster{twoByOne, twoByTwo, {processes: 3, workers: 1}}, func(t *testing.T, c cluster) {
		for _, bytes := range []int{0, 1000} {
			var got [flows]tally
			ahead := make(chan struct{})
			var left atomic.Int64
			left.Store(int64(c.workers))
			c.with(bytes).mustRun(t, func(w *timely.Worker) error {
				if !c.isAt(w, 0) {
					<-ahead
				}
				var inputs []*timely.Input[epoch, int]
				for i := range flows {
					input := timely.NewInput[epoch, int]()
					flowOf(w, func(s epochScope) { tallied(timely.Exchange(input.Stream(s), spread), &got[i]) })
					inputs = append(inputs, input)
				}
				for i := range shareOf(w, n) {
					for _, input := range inputs {
						for !input.TrySend(i) {
							w.Poll()
							if c.isAt(w, 0) && left.Load() == int64(c.workers) { // there is no more room: the others must go on
								left.Store(0)
								close(ahead)
							}
						}
					}
				}
				w.Poll()
				if c.isAt(w, 0) && left.Add(-1) == 0 {
					close(ahead)
				}
				return nil
			})
			for i := range got {
				got[i].mustBe(t, counting(n))
			}
		}
	})
}

// TestADropBeforeOthersBuildIsKnownToThem: they report it, and nothing waits for the
// process that has dropped.
func TestADropBeforeOthersBuildIsKnownToThem(t *testing.T) {
	dropped := make(chan struct{})
	twoByOne.with(1000).mustRun(t, func(w *timely.Worker) error {
		if w.Index() == 1 {
			<-dropped
		}
		input := timely.NewInput[epoch, int]()
		flow := flowOf(w, func(s epochScope) {
			refusesIf(w.Index() == 0, input.Stream(s), timely.ExchangeBy(func(int) uint64 { return 0 }))
		})
		if w.Index() == 0 {
			flow.Drop()
			close(dropped)
			return nil
		}
		for range 10_000 {
			input.Send(1)
		}
		const want = "worker 0 has dropped it"
		for !strings.Contains(w.Report(), want) {
			w.Poll()
			runtime.Gosched()
		}
		flow.Drop()
		return nil
	})
}

// TestManyDataflowsComeAndGoOverProcesses has each of them carry something, and end in
// order or be dropped.
func TestManyDataflowsComeAndGoOverProcesses(t *testing.T) {
	const flows = 200
	eachCluster(t, []cluster{twoByOne, twoByTwo, {processes: 3, workers: 1}}, func(t *testing.T, c cluster) {
		var got tally
		c.mustRun(t, func(w *timely.Worker) error {
			for i := range flows {
				input, probe := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
				flow := flowOf(w, func(s epochScope) {
					timely.ProbeWith(tallied(timely.Exchange(input.Stream(s), spread), &got), probe)
				})
				for range shareOf(w, 10) {
					input.Send(i)
				}
				input.AdvanceTo(1)
				for probe.LessThan(1) {
					w.Step()
				}
				if i%3 == 0 {
					flow.Drop()
				}
				input.Close()
			}
			return nil
		})
		got.mustBe(t, func(yield func(int) bool) {
			for i := range 10 * flows {
				if !yield(i / 10) {
					return
				}
			}
		})
	})
}

var errNoGood = errors.New("it is no good")

// TestAFailureOfOneProcessIsAFailureOfAll looks at what they say, wherever it happens.
func TestAFailureOfOneProcessIsAFailureOfAll(t *testing.T) {
	tests := []struct {
		name string
		fail func(w *timely.Worker) error
		want []string
	}{
		{"error", func(*timely.Worker) error { return errNoGood }, []string{"worker 1", "it is no good"}},
		{"panic", func(*timely.Worker) error { panic(errNoGood) }, []string{"worker 1", "it is no good"}},
		{"exit", func(*timely.Worker) error { runtime.Goexit(); return nil }, []string{"worker 1", "without returning"}},
		{"operator", func(w *timely.Worker) error {
			for {
				w.Step()
			}
		}, []string{"worker 1", "Inspect@cluster_plans_test.go", "it is no good"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i, f := range (cluster{processes: 3, workers: 1}).mustFail(t, func(w *timely.Worker) error {
				probe := timely.NewProbe[epoch]()
				flowOf(w, func(s epochScope) {
					all := timely.Exchange(timely.ToStream(s, forever), spread)
					timely.ProbeWith(timely.Inspect(all, func(int) {
						if w.Index() == 1 && test.name == "operator" {
							panic(errNoGood)
						}
					}), probe)
				})
				if w.Index() == 1 {
					return test.fail(w)
				}
				for !probe.Done() {
					w.Step()
				}
				return nil
			}) {
				want := append([]string{fmt.Sprint("timely: process ", i)}, test.want...)
				if i != 1 {
					want = append(want, "process 1 failed: ")
				} else if !errors.Is(f, errNoGood) && test.name != "exit" {
					t.Error("the error is not the program's")
				}
				for _, text := range want {
					if !strings.Contains(f.Error(), text) {
						t.Errorf("process %d: %q lacks %q", i, f, text)
					}
				}
				if f.Process != i {
					t.Errorf("the failure is of process %d, and came from process %d", f.Process, i)
				}
			}
		})
	}
}

// TestWorkersAreNumberedThroughAllProcesses and each is there once.
func TestWorkersAreNumberedThroughAllProcesses(t *testing.T) {
	for _, c := range allClusters {
		var mu sync.Mutex
		seen := make(map[int]int)
		c.mustRun(t, func(w *timely.Worker) error {
			mu.Lock()
			defer mu.Unlock()
			seen[w.Index()]++
			if w.Peers() != c.processes*c.workers {
				t.Errorf("%v: worker %d has %d peers", c, w.Index(), w.Peers())
			}
			return nil
		})
		for i := range c.processes * c.workers {
			if seen[i] != 1 {
				t.Errorf("%v: %d workers %d", c, seen[i], i)
			}
		}
	}
}
