package timely_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timely-go/timely"
)

func TestDataflowsAreAddedWhileOthersRun(t *testing.T) {
	for workers := 1; workers <= 4; workers++ {
		var sum atomic.Int64
		err := mustEnd(t, workers, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			var probes []*timely.Probe[epoch]
			for e := range epoch(20) {
				flowOf(w, func(s epochScope) {
					probe := timely.NewProbe[epoch]()
					xs := timely.Exchange(input.Stream(s), toWorker)
					timely.ProbeWith(timely.Inspect(xs, func(int) { sum.Add(1) }), probe)
					if !probe.LessThan(e + 1) {
						t.Error("a fresh probe looks complete")
					}
					probes = append(probes, probe)
				})
				input.Send(int(e))
				input.AdvanceTo(e + 1)
				for _, p := range probes {
					for p.LessThan(e + 1) {
						w.Step()
					}
				}
			}
			return nil
		})
		if want := int64(workers * 20 * 21 / 2); err != nil || sum.Load() != want {
			t.Errorf("%d workers: %v, %d records arrived, want %d", workers, err, sum.Load(), want)
		}
	}
}

// TestManyDataflowsOneAfterTheOther leave neither memory nor goroutines behind,
// whether they complete or are dropped, even with operators that are paused.
func TestManyDataflowsOneAfterTheOther(t *testing.T) {
	const dataflows, bytesEach = 1_000, 1_000
	tests := []struct {
		name string
		n    int
		one  func(w *timely.Worker)
	}{
		{"completed", dataflows, func(w *timely.Worker) {
			input := timely.NewInput[epoch, int]()
			i := flowOf(w, func(s epochScope) {
				timely.Iterate(timely.Count(input.Stream(s), toWorker), func(xs timely.Stream[timely.Loop[epoch], timely.Counted[int]]) (again, done timely.Stream[timely.Loop[epoch], timely.Counted[int]]) {
					return timely.Filter(xs, func(timely.Counted[int]) bool { return false }), xs
				})
			})
			input.Send(1)
			input.Close()
			for !i.Done() {
				w.Step()
			}
		}},
		{"dropped", dataflows, func(w *timely.Worker) {
			input := timely.NewInput[epoch, int]()
			i := flowOf(w, func(s epochScope) { timely.Count(input.Stream(s), toWorker) })
			input.Send(1)
			w.Poll()
			i.Drop()
		}},
		{"dropped while paused", dataflows / 20, func(w *timely.Worker) {
			i := flowOf(w, func(s epochScope) { timely.Map(timely.ToStream(s, forever), sameInt) })
			w.Poll()
			i.Drop()
		}},
		{"dropped with a timer and a waker", dataflows, func(w *timely.Worker) {
			i := flowOf(w, func(s epochScope) {
				b := timely.NewBuilder(s, "waiting")
				out, _ := timely.AddOutput[int](b)
				b.Initial(out)
				b.ActivateAfter(time.Hour)
				b.Waker()
				b.Build(func() bool { return false })
			})
			w.Poll()
			i.Drop()
		}},
	}
	for _, test := range tests {
		for _, workers := range []int{1, 2} {
			t.Run(fmt.Sprint(test.name, ", ", workers, " workers"), func(t *testing.T) {
				if test.name == "dropped while paused" && raceEnabled {
					t.Skip("each would fill as many buffers as it can until it is paused")
				}
				var before, after atomic.Uint64
				var goroutines, goroutinesAfter atomic.Int64
				var meet [4]sync.WaitGroup
				for i := range meet {
					meet[i].Add(workers)
				}
				err := mustEnd(t, workers, func(w *timely.Worker) error {
					met := 0
					all := func() {
						meet[met].Done()
						meet[met].Wait()
						met++
					}
					several := func(n int) {
						for range n {
							test.one(w)
						}
						all()
						test.one(w) // building it, a worker forgets what the others have dropped meanwhile
						all()
					}
					several(test.n / 10) // what is made once
					if w.Index() == 0 {
						before.Store(retained())
						goroutines.Store(int64(runtime.NumGoroutine()))
					}
					several(test.n)
					if w.Index() == 0 {
						after.Store(retained())
						goroutinesAfter.Store(int64(runtime.NumGoroutine()))
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				grown := (int64(after.Load()) - int64(before.Load())) / int64(test.n*workers)
				t.Logf("%d bytes a dataflow and worker", grown)
				if grown > bytesEach {
					t.Errorf("%d bytes are kept of each dataflow at each worker", grown)
				}
				if goroutinesAfter.Load() > goroutines.Load()+int64(8*workers) {
					t.Errorf("%d goroutines, %d before", goroutinesAfter.Load(), goroutines.Load())
				}
			})
		}
	}
}

// TestADropAtOneWorkerHoldsNobodyUp: peers that keep the dataflow can send, the
// dropper's other dataflows go on, and the report says who has dropped it.
func TestADropAtOneWorkerHoldsNobodyUp(t *testing.T) {
	const workers = 3
	var arrived atomic.Int64
	f := mustFail(t, workers, func(w *timely.Worker) error {
		input, other := timely.NewInput[epoch, int](), timely.NewInput[epoch, int]()
		probe := timely.NewProbe[epoch]()
		kept := flowOf(w, func(s epochScope) { timely.Exchange(input.Stream(s), toWorker) })
		flowOf(w, func(s epochScope) {
			xs := timely.Exchange(other.Stream(s), toWorker)
			timely.ProbeWith(timely.Inspect(xs, func(int) { arrived.Add(1) }), probe)
		})
		if w.Index() == 1 {
			kept.Drop()
			kept.Drop()
		} else {
			for i := range 1_000_000 {
				input.Send(i)
			}
		}
		for e := range epoch(10) {
			other.Send(int(e))
			other.AdvanceTo(e + 1)
			for probe.LessThan(e + 1) {
				w.Step()
			}
		}
		return nil
	})
	if arrived.Load() != 10*workers {
		t.Errorf("%d records arrived in the other dataflow", arrived.Load())
	}
	if !strings.Contains(f.Error(), "worker 1 has dropped it") || !strings.Contains(f.Error(), "no worker can go on") {
		t.Error(f)
	}
}

func TestInstalledDoneAndProbesStayDone(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		err := mustEnd(t, workers, func(w *timely.Worker) error {
			input, probe := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
			inner := timely.NewProbe[timely.Loop[epoch]]()
			i := flowOf(w, func(s epochScope) {
				xs := timely.Iterate(timely.Exchange(input.Stream(s), toWorker), func(xs loopInts) (again, done loopInts) {
					timely.ProbeWith(xs, inner)
					return timely.Filter(xs, func(int) bool { return false }), xs
				})
				timely.ProbeWith(timely.Exchange(xs, toWorker), probe)
			})
			if i.Done() || probe.Done() || inner.Done() {
				t.Error("done before anything was sent")
			}
			input.Send(3)
			w.Poll()
			if i.Done() || probe.Done() {
				t.Error("done with an open input")
			}
			input.Close()
			for !i.Done() {
				w.Step()
			}
			for range 2 {
				if !probe.Done() || !inner.Done() || probe.LessThan(1) || probe.LessEqual(0) || !probe.Frontier().Empty() || !i.Done() {
					t.Error("not done any more")
				}
				flowOf(w, func(s epochScope) { threeInts(s) })
				w.Step()
			}
			i.Drop() // does nothing
			if !probe.Done() {
				t.Error("a complete dataflow was dropped")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestStepReturnsAtOnceIfNoDataflowIsLeft(t *testing.T) {
	err := mustEnd(t, 2, func(w *timely.Worker) error {
		w.Step()
		w.StepFor(time.Hour)
		if w.Poll() {
			t.Error("something ran")
		}
		i := flowOf(w, func(s epochScope) { timely.NewInput[epoch, int]().Stream(s) })
		i.Drop()
		w.Step()
		w.StepFor(time.Hour)
		if got := w.Report(); got != "no dataflow is running" {
			t.Error(got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestExecuteIsReentrantAndConcurrent(t *testing.T) {
	var all sync.WaitGroup
	errs := make([]error, 8)
	before := runtime.NumGoroutine()
	within(t, patience, func() {
		for i := range errs {
			all.Go(func() {
				errs[i] = timely.Execute(t.Context(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
					if err := busyProgram(w); err != nil {
						return err
					}
					// From inside an operator, too.
					flowOf(w, func(s epochScope) {
						timely.Inspect(timely.ToStream(s, counting(1)), func(int) {
							if err := timely.Execute(w.Context(), timely.Config{Workers: 2}, busyProgram); err != nil {
								panic(err)
							}
						})
					})
					return timely.Execute(w.Context(), timely.Config{Workers: 1}, func(*timely.Worker) error {
						if i%2 == 1 {
							return context.DeadlineExceeded
						}
						return nil
					})
				})
			})
		}
		all.Wait()
	})
	for i, err := range errs {
		if (err != nil) != (i%2 == 1) || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(i, err)
		}
	}
	nothingLeft(t, before)
}

func TestStepForParksNoLongerThanItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := timely.Execute(t.Context(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			i := flowOf(w, func(s epochScope) { timely.Exchange(input.Stream(s), toWorker) })
			for w.Poll() {
			}
			for _, d := range []time.Duration{time.Millisecond, time.Second, time.Hour, 0, -time.Second} {
				start := time.Now()
				w.StepFor(d)
				if took := time.Since(start); took > max(0, d) {
					t.Errorf("StepFor(%v) took %v", d, took)
				}
			}
			start := time.Now() // nothing can wake the workers any more
			w.StepFor(time.Minute)
			if took := time.Since(start); took != time.Minute {
				t.Errorf("StepFor(1m) with nothing to do took %v", took)
			}
			i.Drop()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAWakeIsSticky(t *testing.T) {
	err := mustEnd(t, 1, func(w *timely.Worker) error {
		i := flowOf(w, func(s epochScope) { timely.NewInput[epoch, int]().Stream(s) })
		waker := w.Waker()
		for w.Poll() {
		}
		waker.Wake()
		waker.Wake()
		w.Step() // does not park
		if w.Poll() {
			t.Error("several calls of Wake do not count as one")
		}
		waker.Wake()
		if !w.Poll() {
			t.Error("Poll has not noticed Wake")
		}
		done := make(chan struct{})
		go func() { defer close(done); waker.Wake() }()
		w.Step()
		<-done
		waker.Wake()
		waker.Close()
		waker.Close()
		waker.Wake()
		w.Step() // of the Wake before Close
		i.Drop()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNoWakeIsLost: each Wake is answered, whatever the worker is about to do.
func TestNoWakeIsLost(t *testing.T) {
	const rounds = 50_000
	var asked, answered atomic.Int64
	err := mustEnd(t, 1, func(w *timely.Worker) error {
		i := flowOf(w, func(s epochScope) { timely.NewInput[epoch, int]().Stream(s) })
		waker := w.Waker()
		go func() {
			for n := range int64(rounds) {
				asked.Store(n + 1)
				waker.Wake()
				for answered.Load() <= n {
					runtime.Gosched()
				}
			}
			waker.Close()
		}()
		for answered.Load() < rounds {
			w.Step()
			answered.Store(asked.Load())
		}
		i.Drop()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNoWakeOfAnOperatorIsLost: likewise, for operators.
func TestNoWakeOfAnOperatorIsLost(t *testing.T) {
	const rounds, operators = 20_000, 3
	err := mustEnd(t, 2, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			for range operators {
				var asked, answered atomic.Int64
				b := timely.NewBuilder(s, "woken")
				out, _ := timely.AddOutput[int](b)
				c := b.Initial(out)
				waker := b.Waker()
				go func() {
					for n := range int64(rounds) {
						asked.Store(n + 1)
						waker.Wake()
						for answered.Load() <= n && w.Context().Err() == nil {
							runtime.Gosched()
						}
					}
				}()
				b.Build(func() bool {
					if n := asked.Load(); n > answered.Load() {
						if n == rounds {
							c.Drop()
						}
						answered.Store(n)
					}
					return false
				})
			}
		})
		return nil // completes although the wakers are open
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAWorkerThatOthersCanWakeIsNotStuck(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		var fed sync.WaitGroup
		err := mustEnd(t, workers, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			i := flowOf(w, func(s epochScope) { timely.Exchange(input.Stream(s), toWorker) })
			if w.Index() == 0 {
				waker := w.Waker()
				parked := make(chan struct{})
				fed.Go(func() {
					<-parked
					for range 100_000 { // while the workers park
						runtime.Gosched()
					}
					waker.Wake()
				})
				close(parked)
				for w.Poll() {
				}
				for woken := false; !woken; {
					w.Step()
					woken = true
				}
				fed.Wait()
				waker.Close()
			}
			input.Close()
			for !i.Done() {
				w.Step()
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestWorkersThatCanNeverGoOnFailWithAReport(t *testing.T) {
	tests := []struct {
		name string
		want []string
		stop func(w *timely.Worker, at *spot)
	}{
		{"an open input", []string{"Input@%s holds", "capabilit", "at time 3 for its output 0"}, func(w *timely.Worker, at *spot) {
			input := timely.NewInput[epoch, int]()
			probe := timely.NewProbe[epoch]()
			flowOf(w, func(s epochScope) {
				at.next()
				xs := input.Stream(s)
				timely.ProbeWith(timely.Exchange(xs, toWorker), probe)
			})
			input.Send(1)
			input.AdvanceTo(3)
			for probe.LessThan(4) {
				w.Step()
			}
		}},
		{"a capability that is never dropped", []string{"hoarding@%s holds", "at time 5 for its output 0"}, func(w *timely.Worker, at *spot) {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				xs := input.Stream(s)
				at.next()
				timely.Unary(xs, timely.Pipeline, "hoarding", func(in *intIn, _ *intOut) {
					for c := range in.Batches() {
						c.Delay(5).Retain()
					}
				})
			})
			input.Send(1)
		}},
		{"a batch that is never taken", []string{"refusing@%s: ", "at time 0 before its input 0"}, func(w *timely.Worker, at *spot) {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				xs := input.Stream(s)
				at.next()
				timely.Sink(xs, timely.Pipeline, "refusing", func(*intIn) {})
			})
			input.Send(1)
		}},
		{"an operator that is busy for ever", []string{"busy@%s"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				timely.NewBuilder(s, "busy").Build(func() bool { return true })
			})
		}},
		{"a waker that is closed", []string{"Input@%s holds"}, func(w *timely.Worker, at *spot) {
			waker := w.Waker()
			flowOf(w, func(s epochScope) {
				input := timely.NewInput[epoch, int]()
				at.next()
				input.Stream(s)
			})
			go waker.Close()
			for {
				w.Step()
			}
		}},
		{"a waker of a dataflow that has completed", []string{"Input@%s holds"}, func(w *timely.Worker, at *spot) {
			i := flowOf(w, func(s epochScope) {
				b := timely.NewBuilder(s, "brief")
				b.Waker()
				b.ActivateAfter(time.Hour)
				b.Build(func() bool { return false })
			})
			for !i.Done() {
				w.Step()
			}
			flowOf(w, func(s epochScope) {
				input := timely.NewInput[epoch, int]()
				at.next()
				input.Stream(s)
			})
			for {
				w.Step()
			}
		}},
	}
	for _, test := range tests {
		for workers := 1; workers <= 3; workers++ {
			t.Run(fmt.Sprint(test.name, ", ", workers, " workers"), func(t *testing.T) {
				at := make([]spot, workers)
				start := time.Now()
				f := mustFail(t, workers, func(w *timely.Worker) error {
					test.stop(w, &at[w.Index()])
					return nil
				})
				if took := time.Since(start); took > time.Second {
					t.Errorf("it took %v", took)
				}
				text := f.Error()
				for _, want := range append(test.want, "no worker can go on") {
					want = strings.ReplaceAll(want, "%s", strings.Replace(at[f.Worker].String(), "misuse_test", "lifecycle_test", 1))
					if !strings.Contains(text, want) {
						t.Errorf("%v\n\twant %q", text, want)
					}
				}
			})
		}
	}
}

func TestAnInputFeedsSeveralDataflowsAndOneIsDropped(t *testing.T) {
	for workers := 1; workers <= 2; workers++ {
		var first, second atomic.Int64
		err := mustEnd(t, workers, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			into := func(sum *atomic.Int64) *timely.Installed {
				return flowOf(w, func(s epochScope) {
					timely.Inspect(timely.Exchange(input.Stream(s), toWorker), func(n int) { sum.Add(int64(n)) })
				})
			}
			one := into(&first)
			input.Send(1)
			input.AdvanceTo(1)
			into(&second)
			input.Send(10)
			input.AdvanceTo(2)
			input.Send(100)
			one.Drop()
			input.Send(1000)
			return nil
		})
		if err != nil || second.Load() != int64(1110*workers) || first.Load() > int64(111*workers) {
			t.Error(err, first.Load(), second.Load())
		}
	}
}
