package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

type (
	epoch = timely.Epoch
	scope = timely.Scope[timely.Epoch]
)

// run executes a program at so many workers.
func run(workers int, program func(w *timely.Worker) error) error {
	return timely.Execute(context.Background(), timely.Config{Workers: workers}, program)
}

// mustFail fails the test unless err has all that is wanted in its text.
func mustFail(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no failure")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("failure is %q, which lacks %q", err, w)
		}
	}
}

// operator adds an operator that does nothing, and has one output.
func operator(s scope, name string) timely.Stream[epoch, int] {
	b := timely.NewBuilder(s, name)
	_, out := timely.AddOutput[int](b)
	b.Build(func() bool { return false })
	return out
}

func discard[D any](s timely.Stream[epoch, D], p timely.Pact[D], name string) {
	timely.Sink(s, p, name, func(in *timely.InPort[epoch, D]) {
		for range in.Batches() {
		}
	})
}

// TestDifferentProgramsAreNamed has worker 0 build first and worker 1 something else.
func TestDifferentProgramsAreNamed(t *testing.T) {
	for _, test := range []struct {
		name      string
		one, two  func(s scope)
		want      []string
		unchanged bool
	}{
		{
			name: "another operator",
			one:  func(s scope) { operator(s, "A"); operator(s, "B"); operator(s, "C") },
			two:  func(s scope) { operator(s, "A"); operator(s, "X"); operator(s, "Y") },
			want: []string{"worker 1: ", "X@engine_test.go:", " stands where another worker has B@engine_test.go:"},
		},
		{
			name: "one more",
			one:  func(s scope) { operator(s, "A") },
			two:  func(s scope) { operator(s, "A"); operator(s, "B"); operator(s, "C") },
			want: []string{"B@engine_test.go:", "is not there at another worker"},
		},
		{
			name: "one less",
			one:  func(s scope) { operator(s, "A"); operator(s, "B"); operator(s, "C") },
			two:  func(s scope) { operator(s, "A") },
			want: []string{"lacks B@engine_test.go:", "which another worker has"},
		},
		{
			name: "nothing",
			one:  func(s scope) { operator(s, "A") },
			two:  func(scope) {},
			want: []string{"lacks A@engine_test.go:"},
		},
		{
			name: "another type",
			one:  func(s scope) { discard(operator(s, "A"), timely.Pipeline, "B") },
			two:  func(s scope) { timely.Map(operator(s, "A"), func(int) string { return "" }) },
			want: []string{"stands where another worker has"},
		},
		{
			name: "another pact",
			one:  func(s scope) { discard(operator(s, "A"), timely.Pipeline, "B") },
			two:  func(s scope) { discard(operator(s, "A"), timely.ToAll, "B") },
			want: []string{"B@engine_test.go:", " differs from another worker's B@engine_test.go:", "pacts"},
		},
		{
			name: "another scope",
			one:  func(s scope) { timely.Region(s, "R", func(s scope) { operator(s, "A") }) },
			two:  func(s scope) { timely.Region(s, "R", func(scope) {}); operator(s, "A") },
			want: []string{"A@engine_test.go:", " differs from another worker's A@"},
		},
		{
			name: "an initial capability",
			one: func(s scope) {
				b := timely.NewBuilder(s, "A")
				timely.AddOutput[int](b)
				b.Build(func() bool { return false })
			},
			two: func(s scope) {
				b := timely.NewBuilder(s, "A")
				out, _ := timely.AddOutput[int](b)
				b.Initial(out)
				b.Build(func() bool { return false })
			},
			want: []string{" differs from another worker's A@"},
		},
		{
			name:      "another line only",
			one:       func(s scope) { operator(s, "A") },
			two:       func(s scope) { _ = func() {}; operator(s, "A") },
			unchanged: true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			built := make(chan struct{})
			err := run(2, func(w *timely.Worker) error {
				timely.Dataflow(w, func(s scope) { operator(s, "same") })
				if w.Index() == 0 {
					timely.Dataflow(w, test.one)
					close(built)
					return nil
				}
				<-built
				timely.Dataflow(w, test.two)
				return nil
			})
			if test.unchanged {
				if err != nil {
					t.Error(err)
				}
				return
			}
			mustFail(t, err, test.want...)
		})
	}
}

// TestReturningWithoutBuildingFails has one worker return while the other builds.
func TestReturningWithoutBuildingFails(t *testing.T) {
	build := func(w *timely.Worker) { timely.Dataflow(w, func(s scope) { operator(s, "A") }) }
	t.Run("returned first", func(t *testing.T) {
		err := run(2, func(w *timely.Worker) error {
			build(w)
			if w.Index() == 1 {
				return nil
			}
			for range 1000 { // until the other has most likely returned; if not, it is the other case
				runtime.Gosched()
			}
			build(w)
			return nil
		})
		mustFail(t, err, "returned without building the dataflow at engine_test.go:")
	})
	t.Run("built first", func(t *testing.T) {
		built := make(chan struct{})
		err := run(2, func(w *timely.Worker) error {
			if w.Index() == 0 {
				build(w)
				close(built)
				return nil
			}
			<-built
			return nil
		})
		mustFail(t, err, "worker 1: the program has returned without building the dataflow at engine_test.go:", "which another worker has built")
	})
	t.Run("in a bubble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			returned := make(chan struct{})
			err := run(2, func(w *timely.Worker) error {
				if w.Index() == 1 {
					close(returned)
					return nil
				}
				<-returned
				synctest.Wait()
				build(w)
				return nil
			})
			mustFail(t, err, "worker 0: ", "the program of worker 1 has returned without building the dataflow at engine_test.go:")
		})
	})
}

// fakeTime is a host for one worker, whose clock moves when it parks.
type fakeTime struct {
	now    time.Duration
	tokens int
	parks  []time.Duration // limits
}

func (f *fakeTime) Now() time.Duration { return f.now }
func (f *fakeTime) Unpark()            { f.tokens = 1 }
func (f *fakeTime) Park(limit time.Duration) {
	f.parks = append(f.parks, limit)
	if f.tokens == 0 {
		f.now += limit
	}
	f.tokens = 0
}

func (f *fakeTime) context() context.Context {
	return host.With(context.Background(), &host.Host{Clock: f, NewParker: func(int) host.Parker { return f }})
}

func TestAlarmsRingInOrder(t *testing.T) {
	f := &fakeTime{}
	var log []string
	err := timely.Execute(f.context(), timely.Config{}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s scope) {
			for _, name := range []string{"A", "B", "C"} {
				b := timely.NewBuilder(s, name)
				begun, left := false, 0
				rings := map[string][]time.Duration{
					"A": {30, 10, 20, math.MaxInt64},
					"B": {10, 10, 25, -5},
					"C": {math.MaxInt64 - 1, 40, 0, 35},
				}[name]
				b.Build(func() bool {
					if !begun {
						begun = true
						f.now = 100
						for _, d := range rings {
							b.ActivateAfter(d)
							if d < 1000 {
								left++
							}
						}
						left = map[string]int{"A": 3, "B": 3, "C": 3}[name] // what rings at once counts as one
						return true
					}
					log = append(log, fmt.Sprintf("%s%d", name, f.now-100))
					left--
					return left > 0
				})
			}
		})
		return nil
	})
	if got, want := strings.Join(log, " "), "B0 C0 A10 B10 A20 B25 A30 C35 C40"; got != want || err != nil {
		t.Errorf("got  %s\nwant %s\n%v", got, want, err)
	}
}

func TestStepEndsWithItsLimit(t *testing.T) {
	f := &fakeTime{}
	err := timely.Execute(f.context(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		timely.Dataflow(w, func(s scope) {
			discard(input.Stream(s), timely.Pipeline, "sink")
			b := timely.NewBuilder(s, "alarm")
			begun := false
			b.Build(func() bool {
				if !begun {
					b.ActivateAfter(1000)
				}
				begun = true
				return false
			})
		})
		for w.Poll() {
		}
		for _, d := range []time.Duration{0, 10, 20, -1} {
			before := f.now
			if w.StepFor(d); f.now != before+max(0, d) {
				t.Errorf("StepFor(%d) took %d", d, f.now-before)
			}
		}
		w.StepFor(math.MaxInt64)
		if f.now != 1000 {
			t.Errorf("the longest Step ended at %d, not with the alarm", f.now)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWakerIsSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := run(1, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			timely.Dataflow(w, func(s scope) { discard(input.Stream(s), timely.Pipeline, "sink") })
			for w.Poll() {
			}
			waker, open := w.Waker(), w.Waker()
			waker.Wake()
			waker.Wake()
			start := time.Now()
			w.StepFor(time.Second)
			if took := time.Since(start); took != 0 {
				t.Errorf("Step slept %v after a Wake", took)
			}
			w.StepFor(time.Second)
			if took := time.Since(start); took != time.Second {
				t.Errorf("the second Step ended after %v: several Wakes count as one", took)
			}
			waker.Wake()
			if !w.Poll() || w.Poll() {
				t.Error("Poll reports a Wake once")
			}
			waker.Close()
			waker.Close()
			waker.Wake()
			if w.StepFor(time.Second); time.Since(start) != 2*time.Second {
				t.Error("a closed waker wakes")
			}
			time.AfterFunc(time.Minute, open.Wake)
			if w.Step(); time.Since(start) != time.Minute+2*time.Second {
				t.Error("Step ended early")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestManyGoroutinesWake has goroutines wake operators and workers for each piece
// of work: none of it may be left lying.
func TestManyGoroutinesWake(t *testing.T) {
	const workers, goroutines, each = 2, 4, 2000
	var todo, done [workers][2]atomic.Int64
	var feeders sync.WaitGroup
	err := run(workers, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s scope) {
			for k := range 2 {
				todo, done := &todo[w.Index()][k], &done[w.Index()][k]
				b := timely.NewBuilder(s, "worked")
				waker := b.Waker()
				b.Build(func() bool {
					done.Add(todo.Swap(0))
					if done.Load() == goroutines*each {
						waker.Close()
						return false
					}
					return true
				})
				for range goroutines {
					feeders.Go(func() {
						for range each {
							todo.Add(1)
							waker.Wake()
							runtime.Gosched()
						}
					})
				}
			}
		})
		return nil
	})
	feeders.Wait()
	if err != nil {
		t.Error(err)
	}
}

func TestStuckIsReported(t *testing.T) {
	for workers := range 4 {
		t.Run(fmt.Sprint(workers+1, " workers"), func(t *testing.T) {
			err := run(workers+1, func(w *timely.Worker) error {
				timely.Dataflow(w, func(s scope) {
					b := timely.NewBuilder(s, "keeper")
					out, stream := timely.AddOutput[int](b)
					at := b.Initial(out)
					b.Build(func() bool {
						if w.Index() > 0 && at.Time() == 0 {
							at.Downgrade(7)
						}
						return false
					})
					discard(stream, timely.Pipeline, "sink")
				})
				return nil
			})
			mustFail(t, err, "no worker can go on", "all of them are parked", "keeper@engine_test.go:", "1 capability at time 0 for its output 0")
			if workers == 1 {
				mustFail(t, err, "1 capability at time 7 for its output 0")
			} else if workers > 1 {
				mustFail(t, err, fmt.Sprintf("%d capabilities at time 7", workers))
			}
		})
	}
}

// TestOpenWakerIsNotStuck has one of two workers wait for the outside.
func TestOpenWakerIsNotStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := run(2, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			probe := timely.NewProbe[epoch]()
			timely.Dataflow(w, func(s scope) { timely.ProbeWith(input.Stream(s), probe) })
			if w.Index() == 0 {
				waker := w.Waker()
				var came atomic.Bool
				time.AfterFunc(time.Hour, func() { came.Store(true); waker.Wake() })
				for !came.Load() {
					w.Step()
				}
				waker.Close()
				return nil
			}
			input.Close()
			for !probe.Done() {
				w.Step()
			}
			return nil
		})
		if err != nil || time.Since(start) != time.Hour {
			t.Error(err, time.Since(start))
		}
	})
}

// TestClosedWakerLeavesItStuck: as soon as the last waker closes, nobody can go on.
func TestClosedWakerLeavesItStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := run(3, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			timely.Dataflow(w, func(s scope) { discard(input.Stream(s), timely.Pipeline, "sink") })
			if w.Index() == 1 {
				time.AfterFunc(time.Hour, w.Waker().Close)
			}
			for {
				w.Step()
			}
		})
		mustFail(t, err, "no worker can go on", "Input@engine_test.go:", "3 capabilities at time 0")
		if time.Since(start) != time.Hour {
			t.Error("noticed after ", time.Since(start))
		}
	})
}

// TestWakerOfCompleteDataflowIsClosed: an operator's waker ends with its dataflow.
func TestWakerOfCompleteDataflowIsClosed(t *testing.T) {
	err := run(1, func(w *timely.Worker) error {
		flow := timely.Dataflow(w, func(s scope) {
			b := timely.NewBuilder(s, "forgets its waker")
			b.Waker()
			b.Build(func() bool { return false })
		})
		for !flow.Done() {
			w.Step()
		}
		input := timely.NewInput[epoch, int]()
		timely.Dataflow(w, func(s scope) { input.Stream(s) })
		for {
			w.Step()
		}
	})
	mustFail(t, err, "no worker can go on")
}

func TestReport(t *testing.T) {
	err := run(1, func(w *timely.Worker) error {
		if got, want := w.Report(), "no dataflow is running"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		input := timely.NewInput[epoch, int]()
		timely.Dataflow(w, func(s scope) {
			b := timely.NewBuilder(s, "late")
			in := timely.AddInput(b, input.Stream(s), timely.Pipeline)
			b.Build(func() bool { _ = in; return false })
		})
		timely.Dataflow(w, func(s scope) { timely.NewBuilder(s, "busy").Build(func() bool { return true }) })
		input.Send(1)
		input.Send(2)
		input.AdvanceTo(5)
		input.Send(3)
		for w.Poll() {
		}
		got := w.Report()
		for _, want := range []string{
			"worker 0, dataflow 0@engine_test.go:",
			"  Input@engine_test.go:", " holds 1 capability at time 5 for its output 0",
			"  late@engine_test.go:", ": 2 records wait at time 0 before its input 0", ": 1 record wait",
			"worker 0, dataflow 1@engine_test.go:",
			"  nothing is counted; an operator says that it is busy: busy@engine_test.go:",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("report lacks %q:\n%s", want, got)
			}
		}
		return errors.New("enough")
	})
	mustFail(t, err, "timely: worker 0: enough")
}

func TestReportNamesThePaused(t *testing.T) {
	ctx := host.With(context.Background(), &host.Host{Clock: host.Real().Clock, NewParker: host.Real().NewParker, WorkLimit: 1, MaxRecords: 1})
	err := timely.Execute(ctx, timely.Config{}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s scope) {
			source := timely.ToStream(s, func(yield func(int) bool) {
				for i := 0; yield(i); i++ {
				}
			})
			discard(source, timely.Pipeline, "sink")
		})
		w.Step()
		mustFail(t, errors.New(w.Report()), "ToStream@engine_test.go:", "(paused in the middle of a turn)")
		return errors.New("enough")
	})
	mustFail(t, err, "enough")
}

func TestLongReportIsCut(t *testing.T) {
	err := run(1, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s scope) {
			for i := range 50 {
				b := timely.NewBuilder(s, fmt.Sprint("op", i))
				out, _ := timely.AddOutput[int](b)
				b.Initial(out)
				b.Build(func() bool { return false })
			}
		})
		for {
			w.Step()
		}
	})
	mustFail(t, err, "and 10 more")
}

// safeBuffer is where a log goes.
type safeBuffer struct {
	mu sync.Mutex
	strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}

func (b *safeBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

func blocksHere(release chan struct{}) { <-release }
func blocksElsewhere(release chan struct{}) {
	<-release
}

// TestWhoDoesNotLeaveIsNamedWithItsStack has two of twelve workers block, one of
// them inside an operator, where the stack is a coroutine's.
func TestWhoDoesNotLeaveIsNamedWithItsStack(t *testing.T) {
	var log safeBuffer
	release, blocked := make(chan struct{}), make(chan struct{}, 2)
	var left sync.WaitGroup
	left.Add(12)
	c := timely.Config{Workers: 12, Grace: 1, Log: slog.New(slog.NewJSONHandler(&log, nil))}
	err := timely.Execute(context.Background(), c, func(w *timely.Worker) error {
		defer left.Done()
		timely.Dataflow(w, func(s scope) {
			b := timely.NewBuilder(s, "blocker")
			b.Build(func() bool {
				if w.Index() == 1 {
					blocked <- struct{}{}
					blocksHere(release)
				}
				return false
			})
		})
		switch w.Index() {
		case 0:
			<-blocked
			<-blocked
			return errors.New("enough")
		case 11:
			blocked <- struct{}{}
			blocksElsewhere(release)
		}
		for {
			w.Step()
			<-w.Context().Done()
		}
	})
	mustFail(t, err, "worker 0: enough")
	here, elsewhere := 0, 0
	for line := range strings.Lines(log.text()) {
		switch {
		case strings.Contains(line, `"worker":1,`):
			here++
			if !strings.Contains(line, "blocksHere") || strings.Contains(line, "blocksElsewhere") {
				t.Error("worker 1: ", line)
			}
		case strings.Contains(line, `"worker":11,`):
			elsewhere++
			if strings.Contains(line, "blocksHere") || !strings.Contains(line, "blocksElsewhere") {
				t.Error("worker 11: ", line)
			}
		}
		if !strings.Contains(line, "has not left") {
			t.Error("logged: ", line)
		}
	}
	if here != 1 || elsewhere != 1 {
		t.Errorf("workers 1 and 11 are named %d and %d times", here, elsewhere)
	}
	close(release)
	left.Wait()
}

// TestBuildingKeepsOthersChanges drops a capability in the program, and then builds
// another dataflow: what was done to the first must not be forgotten.
func TestBuildingKeepsOthersChanges(t *testing.T) {
	err := run(2, func(w *timely.Worker) error {
		var at timely.Capability[epoch]
		first := timely.Dataflow(w, func(s scope) {
			b := timely.NewBuilder(s, "holder")
			out, _ := timely.AddOutput[int](b)
			at = b.Initial(out)
			b.Build(func() bool { return false })
		})
		for w.Poll() {
		}
		at.Drop()
		timely.Dataflow(w, func(s scope) { operator(s, "second") })
		for !first.Done() {
			w.Step()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func panicsLate() { panic("late") }

// TestPanicWhileADataflowIsDropped is the program's fault as any other panic is.
func TestPanicWhileADataflowIsDropped(t *testing.T) {
	ctx := host.With(context.Background(), &host.Host{Clock: host.Real().Clock, NewParker: host.Real().NewParker, WorkLimit: 1, MaxRecords: 1})
	for _, steps := range []int{1, 0} {
		err := timely.Execute(ctx, timely.Config{}, func(w *timely.Worker) error {
			flow := timely.Dataflow(w, func(s scope) {
				timely.ToStream(s, func(yield func(int) bool) {
					defer panicsLate()
					for i := 0; yield(i); i++ {
					}
				})
			})
			w.Step()
			flow.Drop()
			for range steps {
				w.Step()
			}
			return nil
		})
		mustFail(t, err, "worker 0, ToStream@engine_test.go:", "late")
		var f *timely.Failure
		if !errors.As(err, &f) || !strings.Contains(string(f.Stack), "panicsLate") {
			t.Errorf("the stack does not show who panicked: %+v", f)
		}
	}
}

func exitsHere() { runtime.Goexit() }

// TestGoexitInAnOperatorNamesIt is what FailNow of a test does there.
func TestGoexitInAnOperatorNamesIt(t *testing.T) {
	err := run(2, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s scope) {
			b := timely.NewBuilder(s, "leaver")
			b.Build(func() bool {
				if w.Index() == 1 {
					exitsHere()
				}
				return true
			})
		})
		for {
			w.Step()
		}
	})
	mustFail(t, err, "worker 1, leaver@engine_test.go:", "has ended without returning")
	var f *timely.Failure
	if !errors.As(err, &f) || !strings.Contains(string(f.Stack), "exitsHere") {
		t.Errorf("the stack does not show where it left: %+v", f)
	}
}

// TestNoWakeIsLost has two goroutines wake an operator each, round by round: while
// one round lasts nobody wakes again, so a Wake that is lost is missed.
func TestNoWakeIsLost(t *testing.T) {
	rounds := int64(10_000)
	if testing.Short() {
		rounds /= 10
	}
	var asked, done [2]atomic.Int64
	var lost atomic.Bool
	var feeders sync.WaitGroup
	err := run(1, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s scope) {
			for k := range 2 {
				b := timely.NewBuilder(s, "asked")
				waker := b.Waker()
				b.Build(func() bool {
					done[k].Store(asked[k].Load())
					if done[k].Load() < rounds {
						return true
					}
					waker.Close()
					return false
				})
				feeders.Go(func() {
					for n := int64(1); n <= rounds; n++ {
						for range n % int64(3+k) {
							runtime.Gosched()
						}
						asked[k].Store(n)
						waker.Wake()
						for start := time.Now(); done[0].Load() < n || done[1].Load() < n; runtime.Gosched() {
							if time.Since(start) > 10*time.Second {
								lost.Store(true)
								start = time.Now()
								waker.Wake()
							}
						}
					}
				})
			}
		})
		return nil
	})
	feeders.Wait()
	if err != nil || lost.Load() {
		t.Errorf("failure %v, a Wake was lost: %v", err, lost.Load())
	}
	fmt.Printf("count: %s: %d rounds\n", t.Name(), rounds)
}
