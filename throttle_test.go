package timely_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
	"github.com/timely-go/timely/order"
)

// throttled runs numbers through a throttle into an operator that keeps those of
// each open time. It returns what came out, and the most times that were open there.
func throttled(t *testing.T, workers, inFlight, budget int, send func(w *timely.Worker, input *timely.Input[timely.Epoch, int])) (sums map[timely.Epoch]int, most int64) {
	t.Helper()
	sums = make(map[timely.Epoch]int)
	results := make(chan map[timely.Epoch]int, workers)
	var opened atomic.Int64
	err := timely.Execute(context.Background(), timely.Config{Workers: workers, EdgeBudget: budget}, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		mine := make(map[timely.Epoch]int)
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			held := timely.Throttle(input.Stream(s), probe, inFlight)
			open := make(map[timely.Epoch]int)
			complete := timely.NewNotificator[timely.Epoch]()
			done := timely.Unary(held, timely.Pipeline, "Sum", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, xs := range in.Batches() {
					for _, x := range xs {
						open[at.Time()] += x
					}
					complete.NotifyAt(at)
				}
				if n := int64(len(open)); n > opened.Load() {
					opened.Store(n)
				}
				for at := range complete.Ready(in.Frontier()) {
					mine[at.Time()] += open[at.Time()]
					delete(open, at.Time())
				}
			})
			timely.ProbeWith(done, probe)
		})
		send(w, input)
		input.Close()
		for !probe.Done() {
			w.Step()
		}
		results <- mine
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range workers {
		for at, n := range <-results {
			sums[at] += n
		}
	}
	return sums, opened.Load()
}

func TestThrottleBoundsTheTimesInFlight(t *testing.T) {
	const times, each = 300, 7
	for _, workers := range []int{1, 2, 3} {
		for _, inFlight := range []int{1, 2, 5} {
			for _, budget := range []int{1, 4 << 10, 0} {
				sums, most := throttled(t, workers, inFlight, budget, func(w *timely.Worker, input *timely.Input[timely.Epoch, int]) {
					for at := range timely.Epoch(times) {
						input.AdvanceTo(at)
						for range each {
							input.Send(int(at))
						}
					}
				})
				for at := range timely.Epoch(times) {
					if sums[at] != workers*each*int(at) {
						t.Fatalf("%d workers, %d in flight, budget %d: at %v %d, want %d", workers, inFlight, budget, at, sums[at], workers*each*int(at))
					}
				}
				if most > int64(inFlight) {
					t.Errorf("%d workers, %d in flight, budget %d: %d times were open at once", workers, inFlight, budget, most)
				}
			}
		}
	}
}

// Times come in any order, and one that came first may wait for one that comes last:
// a throttle that let them through in the order of arrival would never end.
func TestThrottleLetsThroughWhatTimesInFlightWaitFor(t *testing.T) {
	for seed := range uint64(20) {
		for _, budget := range []int{1, 300, 0} {
			var got []order.Product[timely.Epoch, timely.Epoch]
			err := timely.Execute(context.Background(), timely.Config{EdgeBudget: budget}, func(w *timely.Worker) error {
				type pair = order.Product[timely.Epoch, timely.Epoch]
				var all []pair
				for a := range timely.Epoch(6) {
					for b := range timely.Epoch(6) {
						all = append(all, pair{Outer: a, Inner: b})
					}
				}
				r := rand.New(rand.NewPCG(seed, 5))
				r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				timely.Dataflow(w, func(s timely.Scope[pair]) {
					probe := timely.NewProbe[pair]()
					complete := timely.NewNotificator[pair]()
					numbers := timely.ToStream(s, slices.Values(all))
					later := timely.Delay(numbers, func(_ pair, t pair) pair { return t })
					held := timely.Throttle(later, probe, 2)
					timely.ProbeWith(timely.Unary(held, timely.Pipeline, "Complete", func(in *timely.InPort[pair, pair], out *timely.OutPort[pair, pair]) {
						for at := range in.Batches() {
							complete.NotifyAt(at)
						}
						for at := range complete.Ready(in.Frontier()) {
							got = append(got, at.Time())
						}
					}), probe)
				})
				return nil
			})
			if err != nil || len(got) != 36 {
				t.Fatalf("seed %d, budget %d: %d times came through: %v", seed, budget, len(got), err)
			}
		}
	}
}

// A source that goes through many times in one turn is paused before it has sent them
// all, although nothing downstream can take them.
func TestThrottleBehindASourceHoldsFourBudgets(t *testing.T) {
	const budget = 64 << 10
	sent, taken, most := 0, 0, 0
	err := timely.Execute(context.Background(), timely.Config{EdgeBudget: budget}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			probe := timely.NewProbe[timely.Epoch]()
			numbers := timely.Source(s, "Times", func(yield func(timely.Epoch, [1 << 10]byte) bool) {
				for i := range 3000 {
					sent++
					if !yield(timely.Epoch(i), [1 << 10]byte{}) {
						return
					}
				}
			})
			complete := timely.NewNotificator[timely.Epoch]()
			timely.ProbeWith(timely.Unary(timely.Throttle(numbers, probe, 2), timely.Pipeline, "Stash", func(in *timely.InPort[timely.Epoch, [1 << 10]byte], out *timely.OutPort[timely.Epoch, int]) {
				for at, xs := range in.Batches() {
					taken += len(xs)
					complete.NotifyAt(at)
				}
				most = max(most, sent-taken)
				for range complete.Ready(in.Frontier()) {
				}
			}), probe)
		})
		return nil
	})
	if err != nil || taken != 3000 {
		t.Fatal(taken, err)
	}
	if most<<10 > 4*budget {
		t.Errorf("%d KiB were under way, with a budget of %d KiB", most, budget>>10)
	}
}

func ExampleThrottle_order() {
	// Three numbers at times 2, 1, 0 arrive in that order, and leave in that of time.
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			probe := timely.NewProbe[timely.Epoch]()
			numbers := timely.ToStream(s, slices.Values([]int{2, 1, 0}))
			later := timely.Delay(numbers, func(_ timely.Epoch, n int) timely.Epoch { return timely.Epoch(n) })
			held := timely.Throttle(later, probe, 1)
			timely.ProbeWith(timely.Inspect(held, func(n int) { fmt.Println(n) }), probe)
		})
		return nil
	})
	fmt.Println(err)
	// Output:
	// 0
	// 1
	// 2
	// <nil>
}

// leaping is time that passes only when somebody sleeps, and then at once.
type leaping struct{ now atomic.Int64 }

func (c *leaping) Now() time.Duration { return time.Duration(c.now.Load()) }

// leapingParker sleeps in it.
type leapingParker struct {
	host.Parker
	clock *leaping
}

func (p leapingParker) Park(limit time.Duration) {
	if limit < 0 {
		p.Parker.Park(limit)
		return
	}
	p.clock.now.Add(int64(limit))
	runtime.Gosched()
}

// TestThrottleBesideAnIdleWorkerTakesNoMoreMemory for ten seconds of the engine's time,
// in which another worker does nothing and so holds back the probe: producers are
// granted more ever more seldom, as no grant can help.
func TestThrottleBesideAnIdleWorkerTakesNoMoreMemory(t *testing.T) {
	const budget = 64 << 10
	clock := &leaping{}
	var peak atomic.Int64
	h := host.Real()
	parker := h.NewParker
	h.Clock, h.Spin = clock, false
	h.NewParker = func(worker int) host.Parker { return leapingParker{parker(worker), clock} }
	h.Flow = func(_ int, what host.Flow, n int64) {
		if what == host.Peak {
			peak.Store(max(peak.Load(), n))
		}
	}
	idle := make(chan struct{})
	var sent, sum atomic.Int64
	err := timely.Execute(host.With(t.Context(), h), timely.Config{Workers: 2, EdgeBudget: budget}, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			held := timely.Throttle(input.Stream(s), probe, 3)
			timely.ProbeWith(timely.Inspect(held, func(n int) { sum.Add(int64(n)) }), probe)
		})
		if w.Index() == 1 {
			<-idle
			return nil
		}
		defer close(idle)
		for n := 1; clock.Now() < 10*time.Second; {
			if !input.TrySend(n) {
				w.StepFor(time.Millisecond)
				continue
			}
			sent.Add(int64(n))
			if n++; n%100 == 0 {
				input.AdvanceTo(timely.Epoch(n / 100))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Load() != sent.Load() {
		t.Errorf("the sum of what came out is %d, of what was sent %d", sum.Load(), sent.Load())
	}
	if peak.Load() > 4*budget {
		t.Errorf("%d bytes have waited at once, with budgets of %d", peak.Load(), budget)
	}
	t.Logf("%d bytes have waited at once", peak.Load())
}
