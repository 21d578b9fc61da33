package timely_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// This file is about flow control between processes: budgets hold, programs end, and
// nothing waits for a timer that need not.

// farCase is one way to run a program of flow control over processes.
type farCase struct {
	budget
	cluster
	saw *sawFlow
}

// sawFlow counts what flow control does, at all processes.
type sawFlow [host.Flows]atomic.Int64

func (s *sawFlow) String() string {
	return fmt.Sprintf("%d waits for credit, %d for a loop, %d grants at rest, %d in time",
		s[host.WaitsForCredit].Load(), s[host.WaitsForLoop].Load(), s[host.GrantsAtRest].Load(), s[host.GrantsInTime].Load())
}

// farFlow returns a case with a context of its own.
func farFlow(t *testing.T, b budget, c cluster) farCase {
	f := farCase{b, c.with(b.bytes), &sawFlow{}}
	h := host.Real()
	h.MaxRecords = b.records
	h.Flow = func(_ int, what host.Flow, n int64) { f.saw[what].Add(n) }
	f.ctx = host.With(t.Context(), h)
	return f
}

// eachFarFlow runs a test with each budget and several clusters.
func eachFarFlow(t *testing.T, budgets []budget, test func(t *testing.T, f farCase)) {
	for _, b := range budgets {
		b.many /= 5
		if raceEnabled { // everything takes ten times as long
			b.many /= 5
		}
		for _, c := range []cluster{twoByOne, twoByTwo, {processes: 3, workers: 1}} {
			t.Run(fmt.Sprintf("%s/%v", b.name, c), func(t *testing.T) { test(t, farFlow(t, b, c)) })
		}
	}
}

// mustGive runs a dataflow in which the workers share the numbers up to n, and
// compares what comes out.
func (f farCase) mustGive(t *testing.T, n int, want iter.Seq[int], build func(w *timely.Worker, numbers epochInts) epochInts) {
	t.Helper()
	var got tally
	f.mustRun(t, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) { tallied(build(w, timely.ToStream(s, shareOf(w, n))), &got) })
		return nil
	})
	got.mustBe(t, want)
}

func TestASlowConsumerAtAnotherProcessBoundsAFastProducer(t *testing.T) {
	for _, workers := range []int{1, 2} {
		for _, bytes := range []int{1 << 20, 64 << 10} {
			c := cluster{processes: 2, workers: workers}
			t.Run(fmt.Sprint(c, "/", bytes), func(t *testing.T) {
				n := 400_000 // 3.2 MB
				if raceEnabled {
					n /= 10
				}
				f := farFlow(t, budget{bytes: bytes}, c)
				var got tally
				var waiting gauge
				f.mustRun(t, func(w *timely.Worker) error {
					flowOf(w, func(s epochScope) {
						mine := counting(0)
						if f.isAt(w, 0) {
							mine = shareOf(w, n)
						}
						numbers := waiting.in(timely.ToStream(s, mine))
						there := timely.Unary(numbers, timely.ExchangeBy(func(int) uint64 { return uint64(w.Peers() - 1) }), "Slow", func(in *intIn, out *intOut) {
							for at, xs := range in.Batches() {
								work(100 * len(xs))
								waiting.add(-len(xs))
								out.Session(at).SendBatch(xs)
							}
						})
						tallied(there, &got)
					})
					return nil
				})
				got.mustBe(t, func(yield func(int) bool) {
					for i := range n {
						if i%(2*workers) < workers && !yield(i) {
							return
						}
					}
				})
				limit := bytes*11/10/8 + 2*1024*workers // a batch a sender, and one that is on its way to the exchange
				waiting.mustNotExceed(t, limit)
				t.Logf("%d of %d records were under way at most; %v", waiting.most.Load(), limit, f.saw)
			})
		}
	}
}

// TestAnInputThatWaitsAtAnotherProcessIsGrantedMoreAtOnce has all that goes one way wait
// for the other to end, with a budget of a thousandth: each grant lets through some
// 64 KiB, so one each 100 ms would take more than a minute.
func TestAnInputThatWaitsAtAnotherProcessIsGrantedMoreAtOnce(t *testing.T) {
	n := 50_000_000 / 8
	if raceEnabled || testing.Short() {
		n /= 20
	}
	for _, c := range []cluster{twoByOne, twoByTwo} {
		t.Run(c.String(), func(t *testing.T) {
			f := farFlow(t, budget{bytes: 64 << 10}, c)
			start := time.Now()
			f.mustGive(t, n, counting(2*n), func(_ *timely.Worker, numbers epochInts) epochInts { return diamond(numbers) })
			took := time.Since(start)
			t.Logf("%v; %v", took, f.saw)
			atRest, inTime := f.saw[host.GrantsAtRest].Load(), f.saw[host.GrantsInTime].Load()
			if atRest < 10*inTime {
				t.Errorf("%d grants at rest, and %d in time", atRest, inTime)
			}
			if took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestAStashOverProcessesTakesAllOfATime keeps 8 MB until their time is complete, of which
// 64 KiB may wait on the way.
func TestAStashOverProcessesTakesAllOfATime(t *testing.T) {
	n := 1_000_000
	if raceEnabled || testing.Short() {
		n /= 20
	}
	f := farFlow(t, budget{bytes: 64 << 10}, twoByOne)
	start := time.Now()
	f.mustGive(t, n, counting(n), func(_ *timely.Worker, numbers epochInts) epochInts {
		return keepUntilComplete(numbers, timely.ExchangeBy(spread))
	})
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	t.Logf("%v; %v", time.Since(start), f.saw)
}

// TestTimesThatComeBackwardsPassAThrottleOverProcesses has a throttle hold back nearly
// all that comes, as the least time comes last.
func TestTimesThatComeBackwardsPassAThrottleOverProcesses(t *testing.T) {
	const times = 10
	n := 300_000
	if raceEnabled || testing.Short() {
		n /= 20
	}
	f := farFlow(t, budget{bytes: 64 << 10}, twoByOne)
	start := time.Now()
	f.mustGive(t, n, counting(n), func(_ *timely.Worker, numbers epochInts) epochInts {
		probe := timely.NewProbe[epoch]()
		backwards := timely.Delay(numbers, func(_ epoch, i int) epoch { return epoch(times - 1 - i*times/n) })
		held := timely.Throttle(timely.Exchange(backwards, spread), probe, 1)
		return timely.ProbeWith(keepUntilComplete(held, timely.ExchangeBy(spread)), probe)
	})
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	t.Logf("%v; %v", time.Since(start), f.saw)
}

func TestDiamondsOverProcesses(t *testing.T) {
	eachFarFlow(t, allBudgets, func(t *testing.T, f farCase) {
		f.mustGive(t, f.many, counting(2*f.many), func(_ *timely.Worker, numbers epochInts) epochInts { return diamond(numbers) })
	})
}

func TestAConsumerOverProcessesTakesOneBatchATurn(t *testing.T) {
	eachFarFlow(t, allBudgets, func(t *testing.T, f farCase) {
		f.mustGive(t, f.many, counting(f.many), func(_ *timely.Worker, numbers epochInts) epochInts {
			return oneBatchATurn(oneBatchATurn(numbers, timely.ExchangeBy(spread)), toFirst)
		})
	})
}

func TestAPerTimeDiamondOverProcessesStashesOneTime(t *testing.T) {
	eachFarFlow(t, []budget{oneByte, oneBatch}, func(t *testing.T, f farCase) {
		var d diamondInTime
		f.mustRun(t, func(w *timely.Worker) error {
			d.build(w)
			return nil
		})
		d.mustBeRight(t, f)
	})
}

// TestADataflowIsNotAtRestBeforeAHeldUpProcessHasGoneOn: a worker that has waited while
// the dataflow was at rest goes on, but not yet. Until then others are granted no more.
func TestADataflowIsNotAtRestBeforeAHeldUpProcessHasGoneOn(t *testing.T) {
	f := farFlow(t, oneByte, twoByOne)
	var d diamondInTime
	var polls atomic.Int64 // of worker 0
	const mostPolls = 300_000
	f.mustRun(t, func(w *timely.Worker) error {
		d.build(w)
		if f.isAt(w, 0) {
			for polls.Load() < mostPolls {
				w.Poll()
				polls.Add(1)
			}
			return nil
		}
		for polls.Load() < mostPolls {
			w.Poll()
			for until := polls.Load() + 1000; polls.Load() < min(until, mostPolls); {
				runtime.Gosched()
			}
		}
		return nil
	})
	d.mustBeRight(t, f)
}

// diamondInTime is a flow in which each time's answer by one way depends on all records
// of that time, and the other way's wait for it.
type diamondInTime struct {
	got     tally
	waiting gauge
}

const diamondTimes, diamondEach = 20, 2_000 // 16 KB a time

func (d *diamondInTime) build(w *timely.Worker) {
	flowOf(w, func(s epochScope) {
		numbers := timely.Source(s, "Times", func(yield func(epoch, int) bool) {
			for i := range shareOf(w, diamondTimes*diamondEach) {
				if !yield(epoch(i/diamondEach), i) {
					return
				}
			}
		})
		counts := timely.Aggregate(numbers, func(int) int { return 0 }, uintOf, func(n *int, _ int) { *n++ }, func(_, n int) int { return n })
		here := timely.Broadcast(counts)
		tallied(d.waiting.out(inTime(here, d.waiting.in(numbers))), &d.got)
	})
}

func (d *diamondInTime) mustBeRight(t *testing.T, f farCase) {
	t.Helper()
	d.got.mustBe(t, counting(diamondTimes*diamondEach))
	d.waiting.mustNotExceed(t, diamondEach+f.processes*f.workers*(diamondEach+4*1024))
	t.Logf("%d of %d records waited at most; %v", d.waiting.most.Load(), diamondTimes*diamondEach, f.saw)
}

func TestALoopWithAnExchangeOverProcesses(t *testing.T) {
	eachFarFlow(t, allBudgets, func(t *testing.T, f farCase) {
		f.mustGive(t, 0, allEnded(f.many), func(w *timely.Worker, none epochInts) epochInts {
			loop := timely.Iterate(timely.ToStream(none.Scope(), trips(w, f.many)), func(trips loopTrips) (again, done loopTrips) {
				return timely.Split(timely.Exchange(timely.Map(trips, onward), tripKey), going)
			})
			return timely.Map(loop, ended)
		})
	})
}

// TestCollatzOverProcessesHoldsWhatGoesRound bounds what is in the loop: see
// TestCollatzHoldsWhatGoesRound.
func TestCollatzOverProcessesHoldsWhatGoesRound(t *testing.T) {
	n := 4000
	if raceEnabled {
		n /= 4
	}
	want := tallyOf(steps(n)).String()
	for _, b := range []budget{oneRecord, oneBatch} {
		for _, c := range []cluster{twoByOne, twoByTwo} {
			t.Run(fmt.Sprintf("%s/%v", b.name, c), func(t *testing.T) {
				f := farFlow(t, b, c)
				var got tally
				var inLoop gauge
				f.mustRun(t, func(w *timely.Worker) error {
					flowOf(w, func(s epochScope) {
						come := timely.InspectBatch(timely.ToStream(s, walks(w, n)), func(_ epoch, xs []walk) { inLoop.add(len(xs)) })
						tallied(inLoop.out(timely.Map(collatz(come, exchangedWalks), stepsOf)), &got)
					})
					return nil
				})
				if got.String() != want {
					t.Errorf("got %v; want %s", &got, want)
				}
				if b.records == 1 {
					inLoop.mustNotExceed(t, min(n, 4*80*f.workers*f.processes)) // they do not come evenly, and news of the others come late
				}
				t.Logf("%d of %d walks were in the loop at most; %v", inLoop.most.Load(), n, f.saw)
			})
		}
	}
}

// TestADropAtOneProcessLetsTheOthersSend has those of process 0 drop a dataflow that all
// others keep sending to.
func TestADropAtOneProcessLetsTheOthersSend(t *testing.T) {
	eachFarFlow(t, allBudgets, func(t *testing.T, f farCase) {
		n := 4 * f.many
		var sent atomic.Int64
		f.mustRun(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flow := flowOf(w, func(s epochScope) {
				refusesIf(f.isAt(w, 0), input.Stream(s), timely.ExchangeBy(func(int) uint64 { return 0 }))
			})
			defer flow.Drop()
			if f.isAt(w, 0) {
				for sent.Load() == 0 {
					w.Poll()
				}
				return nil
			}
			for i := range n {
				input.Send(i)
				sent.Add(1)
			}
			return nil
		})
		if want := int64(n * (f.processes - 1) * f.workers); sent.Load() != want {
			t.Errorf("%d records were sent, want %d", sent.Load(), want)
		}
	})
}

// TestADropAtOneProcessLetsOperatorsOfOthersGoOn is the same for operators that have
// waited for those that drop.
func TestADropAtOneProcessLetsOperatorsOfOthersGoOn(t *testing.T) {
	eachFarFlow(t, allBudgets, func(t *testing.T, f farCase) {
		n := 4 * f.many
		var sent, ended atomic.Int64
		f.mustRun(t, func(w *timely.Worker) error {
			flow := flowOf(w, func(s epochScope) {
				numbers := timely.ToStream(s, func(yield func(int) bool) {
					if f.isAt(w, 0) {
						return
					}
					for i := range n {
						sent.Add(1)
						if !yield(i) {
							return
						}
					}
					ended.Add(1)
				})
				refusesIf(f.isAt(w, 0), numbers, timely.ExchangeBy(func(int) uint64 { return 0 }))
			})
			defer flow.Drop()
			if f.isAt(w, 0) {
				for sent.Load() == 0 {
					w.Poll()
				}
				return nil
			}
			for ended.Load() < int64((f.processes-1)*f.workers) {
				w.Poll()
			}
			return nil
		})
	})
}

func TestTrySendIsRefusedUntilAnotherProcessHasTaken(t *testing.T) {
	eachFarFlow(t, allBudgets, func(t *testing.T, f farCase) {
		n := 3 * f.many * f.processes * f.workers // each worker more than its budget
		var got tally
		var refused atomic.Int64
		f.mustRun(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				tallied(timely.Exchange(input.Stream(s), func(int) uint64 { return uint64(w.Peers() - 1) }), &got)
			})
			for i := range shareOf(w, n) {
				for !input.TrySend(i) {
					refused.Add(1)
					w.Step()
				}
			}
			return nil
		})
		got.mustBe(t, counting(n))
		if refused.Load() == 0 && f.bytes > 0 {
			t.Errorf("TrySend took %d records at once", n)
		}
	})
}

// TestThrottleOverProcessesBoundsTheTimesInFlight looks at how many times are open in an
// operator of another process than most of their records are sent at.
func TestThrottleOverProcessesBoundsTheTimesInFlight(t *testing.T) {
	const times, each, inFlight = 60, 50, 2
	eachFarFlow(t, []budget{oneByte, usual}, func(t *testing.T, f farCase) {
		var got tally
		var most atomic.Int64
		f.mustRun(t, func(w *timely.Worker) error {
			input, probe := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
			flowOf(w, func(s epochScope) {
				held := timely.Exchange(timely.Throttle(input.Stream(s), probe, inFlight), spread)
				open := make(map[epoch][]int)
				complete := timely.NewNotificator[epoch]()
				kept := timely.Unary(held, timely.Pipeline, "Keep", func(in *intIn, out *intOut) {
					for at, xs := range in.Batches() {
						open[at.Time()] = append(open[at.Time()], xs...)
						complete.NotifyAt(at)
					}
					if n := int64(len(open)); n > most.Load() {
						most.Store(n)
					}
					for at := range complete.Ready(in.Frontier()) {
						out.Session(at).SendBatch(open[at.Time()])
						delete(open, at.Time())
					}
				})
				timely.ProbeWith(tallied(kept, &got), probe)
			})
			for i := range shareOf(w, times*each) {
				input.AdvanceTo(epoch(i / each))
				input.Send(i)
			}
			return nil
		})
		got.mustBe(t, counting(times*each))
		// Each worker has its own times in flight; those of all differ, as they hear of each
		// other late.
		if limit := int64(inFlight * 2 * f.processes * f.workers); most.Load() > limit {
			t.Errorf("%d times were open, more than %d", most.Load(), limit)
		}
		t.Logf("%d of %d times were open at most", most.Load(), times)
	})
}

// TestAClusterEndsWithItsContext cancels one process while an operator waits for credit
// from another: all end, and the others say who.
func TestAClusterEndsWithItsContext(t *testing.T) {
	f := farFlow(t, oneByte, twoByTwo)
	ctx, cancel := context.WithCancelCause(f.ctx)
	f.ctx = ctx
	why := errors.New("enough")
	waits := &f.saw[host.WaitsForCredit]
	failures := f.mustFail(t, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) { refuses(timely.ToStream(s, forever), timely.ExchangeBy(spread)) })
		if w.Index() == 0 {
			for waits.Load() == 0 {
				w.Poll()
			}
			cancel(why)
		}
		for {
			w.Step()
		}
	})
	for i, failure := range failures {
		if failure.Process != i || failure.Error() == "" {
			t.Errorf("process %d: %v", i, failure)
		}
	}
}
