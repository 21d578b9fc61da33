package timely_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// steady is a dataflow in its steady state: it is built once, and driven a round
// at a time.
type steady struct {
	name  string
	build func(timely.Scope[timely.Epoch], timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int]
	sends func(worker int) bool
}

func everyWorker(int) bool    { return true }
func onlyTheFirst(w int) bool { return w == 0 }
func identity(n int) uint64   { return uint64(n) }
func increment(n int) int     { return n + 1 }
func isEven(n int) bool       { return n%2 == 0 }
func decrement(n int) int     { return n - 1 }
func sixteenth(n int) bool    { return n%16 != 0 }
func spread(n int) uint64     { return timely.HashUint64(uint64(n)) }

// copying is a Unary generic in its time.
func copying[T timely.Timestamp[T]](s timely.Stream[T, int]) timely.Stream[T, int] {
	complete := timely.NewNotificator[T]()
	return timely.Unary(s, timely.Pipeline, "Copying", func(in *timely.InPort[T, int], out *timely.OutPort[T, int]) {
		for at, ns := range in.Batches() {
			complete.NotifyAt(at)
			session := out.Session(at)
			for _, n := range ns {
				session.Send(n)
			}
		}
		for range complete.Ready(in.Frontier()) {
		}
	})
}

var steadies = []steady{
	{"map filter exchange", func(_ timely.Scope[timely.Epoch], s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
		return timely.Exchange(timely.Filter(timely.Map(s, increment), isEven), identity)
	}, everyWorker},
	{"one-way scatter", func(_ timely.Scope[timely.Epoch], s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
		return timely.Exchange(s, spread)
	}, onlyTheFirst},
	{"generic unary", func(_ timely.Scope[timely.Epoch], s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
		return copying(s)
	}, everyWorker},
	{"concrete unary", func(_ timely.Scope[timely.Epoch], s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
		complete := timely.NewNotificator[timely.Epoch]()
		return timely.Unary(s, timely.Pipeline, "Concrete", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
			for at, ns := range in.Batches() {
				complete.NotifyAt(at)
				out.Session(at).SendBatch(ns)
			}
			for at := range complete.Ready(in.Frontier()) {
				out.Session(at).Send(0)
			}
		})
	}, everyWorker},
	{"loop", func(_ timely.Scope[timely.Epoch], s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
		return timely.Iterate(s, func(ns timely.Stream[timely.Loop[timely.Epoch], int]) (again, done timely.Stream[timely.Loop[timely.Epoch], int]) {
			return timely.Split(timely.Map(timely.Exchange(ns, identity), decrement), sixteenth)
		})
	}, everyWorker},
	{"flat map", func(_ timely.Scope[timely.Epoch], s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
		return timely.FlatMap(s, twice)
	}, everyWorker},
}

// twice yields a number twice. The sequence is one object, so that the test counts
// the engine's allocations only.
func twice(int) iter.Seq[int] { return two }

func two(yield func(int) bool) { _ = yield(1) && yield(2) }

func TestSteadyStateAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector buffers are poisoned and not reused")
	}
	for _, s := range steadies {
		for _, workers := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", s.name, workers), func(t *testing.T) {
				limit := 0.05
				if workers > 1 { // one that is held up for a moment needs more buffers than ever before
					limit = 0.9
				}
				perRound, collections := allocationsPerRound(t, s, workers)
				if perRound > limit {
					t.Errorf("%.2f allocations a round of several batches; the steady state should have none", perRound)
				}
				if collections > 0 && workers == 1 { // what more workers need may be the last that was missing for one
					t.Errorf("%d garbage collections; in the steady state there is nothing to collect", collections)
				}
			})
		}
	}
}

// allocationsPerRound counts what the whole process allocates, and how often it
// collects garbage, while a dataflow goes through many rounds of 3,000 records, after as
// many to warm up.
func allocationsPerRound(t *testing.T, s steady, workers int) (perRound float64, collections uint32) {
	const rounds, size = 400, 3_000
	err := timely.Execute(context.Background(), timely.Config{Workers: workers}, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(scope timely.Scope[timely.Epoch]) {
			timely.ProbeWith(s.build(scope, input.Stream(scope)), probe)
		})
		drive := func(n int) {
			for range n {
				for i := range size {
					if s.sends(w.Index()) {
						input.Send(i)
					}
				}
				input.AdvanceTo(input.Time() + 1)
				for probe.LessThan(input.Time()) {
					w.Step()
				}
			}
		}
		drive(rounds)
		var before, after runtime.MemStats
		if w.Index() == 0 {
			runtime.GC() // what others have left does not become due meanwhile
			runtime.ReadMemStats(&before)
		}
		drive(rounds)
		if w.Index() == 0 {
			runtime.ReadMemStats(&after)
			perRound, collections = float64(after.Mallocs-before.Mallocs)/rounds, after.NumGC-before.NumGC
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return perRound, collections
}

func TestMillionEpochsSentWithoutWaiting(t *testing.T) {
	const epochs = 1_000_000
	arrived := 0
	start := time.Now()
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			owned := timely.Exchange(input.Stream(s), identity)
			timely.ProbeWith(timely.Inspect(owned, func(int) { arrived++ }), probe)
		})
		for e := range epochs {
			input.Send(e)
			input.AdvanceTo(timely.Epoch(e + 1))
		}
		for probe.LessThan(epochs) {
			w.Step()
		}
		return nil
	})
	took := time.Since(start)
	if err != nil || arrived != epochs {
		t.Fatal(arrived, err)
	}
	t.Logf("%v for %d epochs", took, epochs)
	if limit := 4 * time.Second; took > limit && !raceEnabled { // about 0.6 s on a quiet machine
		t.Errorf("%d epochs took %v, more than %v", epochs, took, limit)
	}
}
