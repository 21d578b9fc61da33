package timely_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// exploded is what tests panic with.
type exploded struct{ worker int }

func (e *exploded) Error() string { return fmt.Sprint("exploded at worker ", e.worker) }

// explodesHere is a name to look for in stacks.
func explodesHere(w *timely.Worker) { panic(&exploded{w.Index()}) }

// sendsToAll builds a dataflow in which every worker sends records to all.
func sendsToAll(w *timely.Worker, build func(s epochScope, xs epochInts)) (*timely.Input[epoch, int], *timely.Probe[epoch]) {
	input := timely.NewInput[epoch, int]()
	probe := timely.NewProbe[epoch]()
	flowOf(w, func(s epochScope) {
		xs := timely.Exchange(input.Stream(s), toWorker)
		timely.ProbeWith(xs, probe)
		build(s, xs)
	})
	for i := range 3 * w.Peers() {
		input.Send(i)
	}
	return input, probe
}

func TestAPanicAnywhereEndsTheExecutionAndSaysWhere(t *testing.T) {
	tests := []struct {
		operator string // "" if it is in none
		build    func(w *timely.Worker, s epochScope, xs epochInts, at *spot, explode func())
	}{
		{"Map", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			ys := timely.Map(xs, func(n int) int { explode(); return n })
			timely.Map(ys, sameInt)
		}},
		{"MapBatch", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.MapBatch(xs, func(in, out []int) { explode() })
		}},
		{"MapInPlace", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.MapInPlace(timely.Map(xs, sameInt), func(*int) { explode() })
		}},
		{"Filter", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Filter(xs, func(int) bool { explode(); return true })
		}},
		{"FlatMap", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			ys := timely.FlatMap(xs, func(int) iter.Seq[int] {
				return func(yield func(int) bool) {
					for i := range 100_000 { // it is paused before it explodes
						yield(i)
					}
					explode()
				}
			})
			timely.Map(ys, sameInt)
		}},
		{"Inspect", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Inspect(xs, func(int) { explode() })
		}},
		{"InspectBatch", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.InspectBatch(xs, func(epoch, []int) { explode() })
		}},
		{"Split", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Split(xs, func(int) bool { explode(); return true })
		}},
		{"Partition", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Partition(xs, 3, func(int) int { explode(); return 1 })
		}},
		{"Delay", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Delay(xs, func(e epoch, _ int) epoch { explode(); return e })
		}},
		{"Exchange", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			ys := timely.Map(xs, sameInt)
			at.next()
			timely.Exchange(ys, func(int) uint64 { explode(); return 0 })
		}},
		{"Route", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Route(xs, func(r *timely.Routes[int]) { r.ByBatch(func([]int, []uint32) { explode() }) })
		}},
		{"Accumulate", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Accumulate(xs, 0, func(n, _ int) int { explode(); return n })
		}},
		{"Aggregate", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Aggregate(xs, sameInt, toWorker, func(*int, int) {}, func(int, int) int { explode(); return 0 })
		}},
		{"ToStream", func(_ *timely.Worker, s epochScope, _ epochInts, at *spot, explode func()) {
			at.next()
			ys := timely.ToStream(s, func(yield func(int) bool) {
				for i := range 100_000 {
					yield(i)
				}
				explode()
			})
			timely.Map(ys, sameInt)
		}},
		{"logic", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Unary(xs, timely.Pipeline, "logic", func(in *intIn, _ *intOut) {
				for range in.Batches() {
					explode()
				}
			})
		}},
		{"sending", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			ys := timely.Unary(xs, timely.Pipeline, "sending", func(in *intIn, out *intOut) {
				for c := range in.Batches() {
					session := out.Session(c)
					for i := range 100_000 {
						session.Send(i)
					}
					explode()
				}
			})
			timely.Map(ys, sameInt)
		}},
		{"other session", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			ys := timely.Unary(xs, timely.Pipeline, "other session", func(in *intIn, out *intOut) {
				for c := range in.Batches() {
					out.Session(c).Send(1)
					out.Session(c.Delay(c.Time() + 1)).Send(2)
					explode()
				}
			})
			timely.Map(ys, sameInt)
		}},
		{"passing on", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			ys := timely.Unary(xs, timely.Pipeline, "passing on", func(in *intIn, out *intOut) {
				for c, records := range in.Batches() {
					out.Session(c).SendBatch(records)
					explode()
				}
			})
			timely.Map(ys, sameInt)
		}},
		{"complete", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			complete := timely.NewNotificator[epoch]()
			at.next()
			timely.Unary(xs, timely.Pipeline, "complete", func(in *intIn, _ *intOut) {
				for c := range in.Batches() {
					complete.NotifyAt(c)
				}
				for range complete.Ready(in.Frontier()) {
					explode()
				}
			})
		}},
		{"deferring", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			at.next()
			timely.Sink(xs, timely.Pipeline, "deferring", func(in *intIn) {
				defer explode()
				for range in.Batches() {
				}
			})
		}},
		{"nested", func(_ *timely.Worker, _ epochScope, xs epochInts, at *spot, explode func()) {
			type loop = timely.Loop[epoch]
			timely.Iterate(xs, func(xs loopInts) (again, done loopInts) {
				at.next()
				timely.Sink(xs, timely.Pipeline, "nested", func(in *timely.InPort[loop, int]) {
					for range in.Batches() {
						explode()
					}
				})
				return timely.Filter(xs, func(int) bool { return false }), xs
			})
		}},
		{"", func(_ *timely.Worker, _ epochScope, _ epochInts, _ *spot, explode func()) { explode() }},
	}
	const workers = 4
	for _, test := range tests {
		t.Run(test.operator, func(t *testing.T) {
			for culprit := range workers {
				var at [workers]spot
				start := time.Now()
				f := mustFail(t, workers, func(w *timely.Worker) error {
					input, _ := sendsToAll(w, func(s epochScope, xs epochInts) {
						test.build(w, s, xs, &at[w.Index()], func() {
							if w.Index() == culprit {
								explodesHere(w)
							}
						})
					})
					input.AdvanceTo(1)
					return nil
				})
				if took := time.Since(start); took > time.Second {
					t.Errorf("it took %v to end", took)
				}
				site := ""
				if test.operator != "" {
					site = strings.Replace(at[culprit].String(), "misuse_test", "failure_test", 1)
				}
				var e *exploded
				if f.Worker != culprit || f.Operator != test.operator || f.Site != site || !errors.As(f, &e) || e.worker != culprit {
					t.Errorf("culprit %d: %v (operator %q, site %q, want %q and %q)", culprit, f, f.Operator, f.Site, test.operator, site)
				}
				if f.Unwrap() != error(e) {
					t.Errorf("Unwrap gives %v, want the panic's value", f.Unwrap())
				}
				if !strings.Contains(string(f.Stack), "explodesHere") {
					t.Errorf("the stack does not show where it came from:\n%s", f.Stack)
				}
			}
		})
	}
}

func TestAPanicWithAnyValueIsOneLine(t *testing.T) {
	type point struct{ x, y int }
	tests := []struct {
		value any
		want  string
	}{
		{"boom", "panic: boom"},
		{"two\n  lines\n", "panic: two; lines"},
		{errors.New("an\nerror"), "panic: an; error"},
		{point{1, 2}, "panic: {1 2}"},
		{nil, "panic called with nil argument"},
		{(*exploded)(nil), "nil"},
		{context.Canceled, "panic: context canceled"},
	}
	for _, test := range tests {
		f := mustFail(t, 2, func(w *timely.Worker) error {
			_, _ = sendsToAll(w, func(_ epochScope, xs epochInts) { timely.Inspect(xs, func(int) { panic(test.value) }) })
			return nil
		})
		if !strings.Contains(f.Error(), test.want) || f.Operator != "Inspect" {
			t.Errorf("%v: got %q, want %q", test.value, f.Error(), test.want)
		}
	}
}

func TestGoexitIsAFailure(t *testing.T) {
	const workers = 3
	tests := []struct {
		name     string
		operator string
		program  func(w *timely.Worker, exit func())
	}{
		{"in the program", "", func(_ *timely.Worker, exit func()) { exit() }},
		{"in the building", "", func(w *timely.Worker, exit func()) { flowOf(w, func(epochScope) { exit() }) }},
		{"in an operator", "leaving", func(w *timely.Worker, exit func()) {
			sendsToAll(w, func(_ epochScope, xs epochInts) {
				timely.Sink(xs, timely.Pipeline, "leaving", func(in *intIn) {
					for range in.Batches() {
						exit()
					}
				})
			})
		}},
		{"in a stage", "Inspect", func(w *timely.Worker, exit func()) {
			sendsToAll(w, func(_ epochScope, xs epochInts) { timely.Inspect(xs, func(int) { exit() }) })
		}},
		{"in a source that was paused", "ToStream", func(w *timely.Worker, exit func()) {
			flowOf(w, func(s epochScope) {
				timely.ToStream(s, func(yield func(int) bool) {
					for i := range 1_000_000 {
						yield(i)
					}
					exit()
				})
			})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for culprit := range workers {
				var deferred atomic.Int32
				f := mustFail(t, workers, func(w *timely.Worker) error {
					defer func() {
						deferred.Add(1)
						if test.operator != "" {
							<-w.Context().Done() // it has ended before anything is unwound
							w.Poll()             // leaves again
						}
					}()
					test.program(w, func() {
						if w.Index() == culprit {
							exitsHere()
						}
					})
					for {
						w.Step()
						if w.Context().Err() != nil || test.operator == "" {
							<-w.Context().Done()
							w.Step()
						}
					}
				})
				if f.Worker != culprit || f.Operator != test.operator || !strings.Contains(f.Error(), "without returning") {
					t.Errorf("culprit %d: %v", culprit, f)
				}
				if !strings.Contains(string(f.Stack), "exitsHere") {
					t.Errorf("the stack does not show where it came from:\n%s", f.Stack)
				}
				if deferred.Load() != workers {
					t.Errorf("%d deferred functions ran", deferred.Load())
				}
			}
		})
	}
}

func exitsHere() { runtime.Goexit() }

// TestNobodysFrontierPassesFalsely: what the failing worker held is never seen as
// complete, whatever its deferred functions do.
func TestNobodysFrontierPassesFalsely(t *testing.T) {
	const workers = 4
	wrong := errors.New("wrong")
	tests := []struct {
		name  string
		fault func(w *timely.Worker, input *timely.Input[epoch, int]) error // outside operators
		inner func(c timely.Capability[epoch], in *intIn)                   // in one
	}{
		{"error returned", func(*timely.Worker, *timely.Input[epoch, int]) error { return wrong }, nil},
		{"panic", func(*timely.Worker, *timely.Input[epoch, int]) error { panic(wrong) }, nil},
		{"Goexit", func(*timely.Worker, *timely.Input[epoch, int]) error { runtime.Goexit(); return nil }, nil},
		{"panic in an operator that drops in a deferred function", nil, func(c timely.Capability[epoch], _ *intIn) {
			kept := c.Retain()
			defer kept.Drop()
			panic(wrong)
		}},
		{"Goexit in an operator that drops in a deferred function", nil, func(c timely.Capability[epoch], _ *intIn) {
			kept := c.Retain()
			defer kept.Drop()
			runtime.Goexit()
		}},
		{"panic in an operator with a batch", nil, func(timely.Capability[epoch], *intIn) { panic(wrong) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for culprit := range workers {
				var passed atomic.Bool
				mustFail(t, workers, func(w *timely.Worker) error {
					probes := [2]*timely.Probe[epoch]{timely.NewProbe[epoch](), timely.NewProbe[epoch]()}
					input := timely.NewInput[epoch, int]()
					look := func() {
						for _, p := range probes {
							if !p.LessThan(1) {
								passed.Store(true)
							}
						}
					}
					flowOf(w, func(s epochScope) {
						xs := timely.Exchange(input.Stream(s), toWorker)
						ys := timely.Unary(xs, timely.Pipeline, "holding", func(in *intIn, _ *intOut) {
							for c := range in.Batches() {
								if w.Index() == culprit && test.inner != nil {
									test.inner(c, in)
								}
							}
						})
						zs := timely.Map(timely.Exchange(timely.ProbeWith(ys, probes[0]), toWorker), sameInt)
						timely.ProbeWith(zs, probes[1])
					})
					defer look()
					defer func() { // does nothing, or leaves
						if w.Index() == culprit && test.inner != nil {
							input.AdvanceTo(7)
							input.Close()
							w.Poll()
						}
					}()
					if w.Index() == culprit && test.fault != nil {
						return test.fault(w, input)
					}
					input.Send(culprit)
					input.AdvanceTo(1)
					for {
						look()
						w.Step()
					}
				})
				if passed.Load() {
					t.Errorf("culprit %d: a frontier has passed what it held", culprit)
				}
			}
		})
	}
}

// journal keeps what is logged.
type journal struct {
	mu      sync.Mutex
	records []string
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	j.records = append(j.records, text)
	return nil
}

func (j *journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.records)
}

func TestLaterFailuresGoToTheLog(t *testing.T) {
	tests := []struct {
		name string
		want string
		fail func(w *timely.Worker) error // at worker 1, after the first failure
	}{
		{"an error", "worker=1 operator= site= err=later", func(*timely.Worker) error { return errors.New("later") }},
		{"a panic", "err=panic: later", func(*timely.Worker) error { panic("later") }},
		{"a panic in a deferred function", "err=panic: later", func(w *timely.Worker) error {
			defer func() { panic("later") }()
			w.Step()
			return nil
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			first := make(chan struct{})
			var log journal
			f := mustFailWith(t, t.Context(), timely.Config{Workers: 2, Log: slog.New(&log)}, func(w *timely.Worker) error {
				if w.Index() == 0 {
					close(first)
					return errors.New("sooner")
				}
				<-first
				<-w.Context().Done()
				return test.fail(w)
			})
			if f.Worker != 0 || f.Err.Error() != "sooner" {
				t.Error(f)
			}
			if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], test.want) {
				t.Errorf("the log is %q, want %q", lines, test.want)
			}
		})
	}
}

// TestWorkersThatLeaveSayNothing: only failures are logged.
func TestWorkersThatLeaveSayNothing(t *testing.T) {
	for _, inOperator := range []bool{false, true} {
		var log journal
		mustFailWith(t, t.Context(), timely.Config{Workers: 4, Log: slog.New(&log)}, func(w *timely.Worker) error {
			sendsToAll(w, func(s epochScope, xs epochInts) {
				timely.Inspect(xs, func(int) {
					if inOperator && w.Index() == 2 {
						runtime.Goexit()
					}
				})
				timely.Exchange(timely.ToStream(s, forever), toWorker)
			})
			if !inOperator && w.Index() == 2 {
				return errors.New("enough")
			}
			for {
				w.Step()
			}
		})
		if lines := log.lines(); len(lines) != 0 {
			t.Errorf("the log is %q, want nothing", lines)
		}
	}
}

// forever yields without an end.
func forever(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

func TestTheEndOfTheContextIsAFailure(t *testing.T) {
	why := errors.New("why")
	tests := []struct {
		name string
		ctx  func(context.Context) (context.Context, func())
		want error
	}{
		{"cancelled", func(ctx context.Context) (context.Context, func()) { return context.WithCancel(ctx) }, context.Canceled},
		{"with a cause", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { cancel(why) }
		}, why},
		{"deadline", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			return ctx, func() { <-ctx.Done(); cancel() }
		}, context.DeadlineExceeded},
	}
	programs := []struct {
		name string
		run  func(w *timely.Worker) error
	}{
		{"parked", func(w *timely.Worker) error {
			waker := w.Waker()
			defer waker.Close()
			flowOf(w, func(s epochScope) { timely.Exchange(timely.NewInput[epoch, int]().Stream(s), toWorker) })
			for {
				w.Step()
			}
		}},
		{"busy", func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) { timely.Exchange(timely.ToStream(s, forever), toWorker) })
			for {
				w.Step()
			}
		}},
		{"polling", func(w *timely.Worker) error {
			for {
				w.Poll()
			}
		}},
		{"sending", func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) { input.Stream(s) })
			for i := 0; ; i++ {
				input.Send(i)
				if i%1_000_000 == 0 {
					w.Poll()
				}
			}
		}},
		{"finishing", func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) { timely.Exchange(timely.ToStream(s, forever), toWorker) })
			return nil
		}},
		{"returning the context's error", func(w *timely.Worker) error {
			<-w.Context().Done()
			return w.Context().Err()
		}},
		{"panicking with the context's cause", func(w *timely.Worker) error {
			<-w.Context().Done()
			panic(context.Cause(w.Context()))
		}},
	}
	for _, test := range tests {
		for _, program := range programs {
			t.Run(test.name+", "+program.name, func(t *testing.T) {
				ctx, end := test.ctx(t.Context())
				var begun sync.WaitGroup
				begun.Add(3)
				go func() { begun.Wait(); end() }()
				var deferred atomic.Int32
				f := mustFailWith(t, ctx, timely.Config{Workers: 3}, func(w *timely.Worker) error {
					defer deferred.Add(1)
					begun.Done()
					return program.run(w)
				})
				if f.Worker != -1 || f.Unwrap() != test.want || !errors.Is(f, test.want) || f.Operator != "" || f.Stack != nil {
					t.Errorf("%v at worker %d, want %v", f, f.Worker, test.want)
				}
				if deferred.Load() != 3 {
					t.Errorf("%d deferred functions ran", deferred.Load())
				}
			})
		}
	}
}

func TestAContextThatHasEndedRunsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		ran := false
		f := mustFailWith(t, ctx, timely.Config{}, func(*timely.Worker) error { ran = true; return nil })
		if ran || !errors.Is(f, context.Canceled) {
			t.Fatal(ran, f)
		}
	}
}

func TestAContextThatEndsAfterCompletionIsNil(t *testing.T) {
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		if err := mustEndWith(t, ctx, timely.Config{Workers: 2}, busyProgramShort); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
}

func busyProgramShort(w *timely.Worker) error {
	sendsToAll(w, func(epochScope, epochInts) {})
	return nil
}

func stuckHere(release <-chan struct{}) { <-release }

func TestAWorkerStuckInTheProgramIsNamedAfterGrace(t *testing.T) {
	tests := []struct {
		name  string
		stick func(w *timely.Worker, end func(), stick func())
	}{
		{"in the program", func(_ *timely.Worker, end func(), stick func()) { end(); stick() }},
		{"in an operator", func(w *timely.Worker, end func(), stick func()) {
			sendsToAll(w, func(_ epochScope, xs epochInts) { timely.Inspect(xs, func(int) { end(); stick() }) })
			for {
				w.Step()
			}
		}},
		{"in a deferred function", func(w *timely.Worker, end func(), stick func()) {
			end()
			defer stick()
			<-w.Context().Done()
			w.Poll()
		}},
		{"in a deferred function of a paused operator", func(w *timely.Worker, end func(), stick func()) {
			flowOf(w, func(s epochScope) {
				timely.ToStream(s, func(yield func(int) bool) {
					end()
					defer stick()
					forever(yield)
				})
			})
			for {
				w.Step()
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			var log journal
			release := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var err error
			start := time.Now()
			within(t, patience, func() {
				c := timely.Config{Workers: 3, Grace: 50 * time.Millisecond, Log: slog.New(&log)}
				err = timely.Execute(ctx, c, func(w *timely.Worker) error {
					if w.Index() == 1 {
						test.stick(w, cancel, func() { stuckHere(release) })
					} else {
						test.stick(w, func() {}, func() {})
					}
					<-w.Context().Done()
					return nil
				})
			})
			if took := time.Since(start); took < 50*time.Millisecond || took > time.Second {
				t.Errorf("it took %v", took)
			}
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			lines := log.lines()
			if len(lines) != 1 || !strings.Contains(lines[0], "worker=1") || !strings.Contains(lines[0], "stuckHere") {
				t.Errorf("the log is %q", lines)
			}
			close(release)
			nothingLeft(t, before)
		})
	}
}

func TestDeferredFunctionsLeaveAgainAfterAFailure(t *testing.T) {
	const workers = 3
	var ran [5]atomic.Int32
	var ready sync.WaitGroup
	ready.Add(workers)
	f := mustFail(t, workers, func(w *timely.Worker) error {
		input, probe := sendsToAll(w, func(epochScope, epochInts) {})
		// Each leaves, and the next is still run.
		defer func() { defer ran[0].Add(1); w.Step(); t.Error("Step returned") }()
		defer func() { defer ran[1].Add(1); w.StepFor(time.Hour); t.Error("StepFor returned") }()
		defer func() { defer ran[2].Add(1); w.Poll(); t.Error("Poll returned") }()
		defer func() {
			defer ran[3].Add(1)
			for i := range 1 << 12 { // some buffers, and less than a budget
				input.Send(i)
			}
			t.Error("Send returned all the time")
		}()
		defer func() {
			defer ran[4].Add(1)
			probe.LessThan(1)
			probe.Done()
			for !probe.Done() {
				w.Step()
			}
		}()
		defer func() { // these do nothing
			input.AdvanceTo(9)
			input.AdvanceTo(1)
			input.Close()
			input.Close()
			if w.Index() == 1 && w.Context().Err() == nil {
				t.Error("the context has not ended")
			}
		}()
		defer func() {
			<-w.Context().Done()
			defer func() { _ = recover() }()
			w.Step()
		}()
		defer func() { _ = recover() }()
		ready.Done()
		ready.Wait()
		sendsToAll(w, func(_ epochScope, xs epochInts) {
			timely.Inspect(xs, func(int) {
				if w.Index() == 1 {
					panic("first")
				}
			})
		})
		for {
			w.Step()
		}
	})
	if f.Worker != 1 || f.Operator != "Inspect" {
		t.Error(f)
	}
	for i := range ran {
		if n := ran[i].Load(); n != workers {
			t.Errorf("deferred function %d ran at %d workers", i, n)
		}
	}
}

func TestRecoverInAnOperatorDoesNotSwallowLeaving(t *testing.T) {
	const workers = 2
	var begun, recovered, left atomic.Int32
	f := mustFail(t, workers, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			source := timely.NewBuilder(s, "stubborn")
			out, xs := timely.AddOutput[int](source)
			c := source.Initial(out)
			source.Build(func() bool {
				begun.Add(1)
				defer left.Add(1)
				for {
					func() {
						defer func() {
							if recover() != nil {
								recovered.Add(1)
							}
						}()
						out.Session(c).Send(1)
					}()
				}
			})
			timely.Inspect(timely.Exchange(xs, toWorker), func(int) {
				if w.Index() == 1 {
					panic("enough")
				}
			})
		})
		for {
			w.Step()
		}
	})
	if f.Operator != "Inspect" || recovered.Load() != 0 || left.Load() != begun.Load() {
		t.Error(f, recovered.Load(), begun.Load(), left.Load())
	}
}

// TestAPanicThatAnOperatorRecoversFromIsNoFailure: and the batch is consumed.
func TestAPanicThatAnOperatorRecoversFromIsNoFailure(t *testing.T) {
	recovered := 0
	err := mustEnd(t, 1, func(w *timely.Worker) error {
		input, probe := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
		flowOf(w, func(s epochScope) {
			careful := timely.Unary(input.Stream(s), timely.Pipeline, "careful", func(in *intIn, out *intOut) {
				defer func() {
					if recover() != nil {
						recovered++
					}
				}()
				for c, records := range in.Batches() {
					if records[0] == 1 {
						panic("a wrong record")
					}
					out.Session(c).SendBatch(records)
				}
			})
			timely.ProbeWith(careful, probe)
		})
		for e := range epoch(4) {
			input.AdvanceTo(e)
			input.Send(int(e))
		}
		input.Close()
		for !probe.Done() {
			w.Step()
		}
		return nil
	})
	if err != nil || recovered != 1 {
		t.Error(err, recovered)
	}
}

// TestPausedOperatorsAreUnwound: whatever ends them, their deferred functions run.
func TestPausedOperatorsAreUnwound(t *testing.T) {
	const workers, all = 2, 4*2 + 1 // one is behind an exchange
	type counts struct{ begun, left atomic.Int32 }
	// paused has operators of several kinds stand in the middle of a turn.
	paused := func(s epochScope, n *counts) {
		begin := func() func() {
			n.begun.Add(1)
			return func() { n.left.Add(1) }
		}
		endless := func(int) iter.Seq[int] {
			return func(yield func(int) bool) {
				defer begin()()
				forever(yield)
			}
		}
		timely.ToStream(s, endless(0))
		once := func() epochInts { return timely.ToStream(s, counting(1)) }
		timely.FlatMap(once(), endless)
		timely.Exchange(timely.FlatMap(timely.Exchange(once(), toWorker), endless), toWorker)
		timely.Unary(once(), timely.Pipeline, "sending", func(in *intIn, out *intOut) {
			for c := range in.Batches() {
				defer begin()()
				session := out.Session(c)
				defer forever(func(i int) bool { session.Send(i); return true }) // it cannot be held up
				forever(func(i int) bool { session.Send(i); return true })
			}
		})
		// A coroutine of the program's own.
		timely.Source(s, "pulling", func(yield func(epoch, int) bool) {
			defer begin()()
			next, stop := iter.Pull(iter.Seq[int](forever))
			defer stop()
			for {
				x, _ := next()
				yield(0, x)
			}
		})
	}
	begun := func(w *timely.Worker, n *counts) {
		for n.begun.Load() < all {
			w.Poll()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	tests := []struct {
		name  string
		ctx   context.Context
		fails bool
		end   func(w *timely.Worker, i *timely.Installed) error // at worker 0, when all are paused
	}{
		{"error", t.Context(), true, func(*timely.Worker, *timely.Installed) error { return errors.New("enough") }},
		{"panic", t.Context(), true, func(*timely.Worker, *timely.Installed) error { panic("enough") }},
		{"panic in another dataflow's operator", t.Context(), true, func(w *timely.Worker, _ *timely.Installed) error {
			flowOf(w, func(s epochScope) { timely.Inspect(threeInts(s), func(int) { panic("enough") }) })
			for {
				w.Step()
			}
		}},
		{"Goexit", t.Context(), true, func(*timely.Worker, *timely.Installed) error { runtime.Goexit(); return nil }},
		{"cancelled", ctx, true, func(w *timely.Worker, _ *timely.Installed) error {
			cancel()
			for {
				w.Step()
			}
		}},
		{"dropped", t.Context(), false, func(_ *timely.Worker, i *timely.Installed) error { i.Drop(); return nil }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var n counts
			err := mustEndWith(t, test.ctx, timely.Config{Workers: workers}, func(w *timely.Worker) error {
				i := flowOf(w, func(s epochScope) { paused(s, &n) })
				begun(w, &n)
				if w.Index() == 0 || !test.fails {
					return test.end(w, i)
				}
				for {
					w.Step()
				}
			})
			if (err != nil) != test.fails {
				t.Error(err)
			}
			if n.begun.Load() != n.left.Load() || n.begun.Load() < all {
				t.Errorf("%d operators have begun, and the deferred functions of %d ran", n.begun.Load(), n.left.Load())
			}
		})
	}
}

// TestAPanicWhileAPausedOperatorIsUnwoundIsAFailure: of a healthy execution.
func TestAPanicWhileAPausedOperatorIsUnwoundIsAFailure(t *testing.T) {
	f := mustFail(t, 2, func(w *timely.Worker) error {
		i := flowOf(w, func(s epochScope) {
			timely.ToStream(s, func(yield func(int) bool) {
				defer explodesHere(w)
				forever(yield)
			})
		})
		w.Poll()
		i.Drop()
		return nil
	})
	if f.Operator != "ToStream" || !strings.Contains(string(f.Stack), "explodesHere") {
		t.Error(f)
	}
}

func TestTheContextEndsWithTheFailureAsItsCause(t *testing.T) {
	var cause error
	err := timely.Execute(context.Background(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
		if w.Index() == 1 {
			return errors.New("no more")
		}
		<-w.Context().Done()
		cause = context.Cause(w.Context())
		return nil
	})
	var f *timely.Failure
	if err == nil || cause != err || !errors.As(cause, &f) || f.Worker != 1 || f.Err.Error() != "no more" {
		t.Errorf("the cause is %v, the failure %v", cause, err)
	}
}
