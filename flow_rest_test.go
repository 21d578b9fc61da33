package timely_test

import (
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// This file is about consumers that do not take what waits for them: whatever the
// budget, the program ends, and no limit rises more than it must.

var oneToFour = []int{1, 2, 3, 4}

// afterwards reads its right input only when its left one has ended.
func afterwards(l, r epochInts) epochInts {
	return timely.Binary(l, timely.Pipeline, r, timely.Pipeline, "Afterwards", func(l, r *intIn, out *intOut) {
		for at, xs := range l.Batches() {
			out.Session(at).SendBatch(xs)
		}
		if l.Frontier().Empty() {
			for at, xs := range r.Batches() {
				out.Session(at).SendBatch(xs)
			}
		}
	})
}

func even(n int) int { return 2 * n }
func odd(n int) int  { return 2*n + 1 }

// diamond makes 0, 1, … up to 2n of the numbers up to n, by two ways.
func diamond(numbers epochInts) epochInts {
	return afterwards(timely.Exchange(timely.Map(numbers, even), spread), timely.Exchange(timely.Map(numbers, odd), spread))
}

func TestADiamondOfWhichOneSideIsReadAfterTheOther(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		f.mustGive(t, f.many, counting(2*f.many), func(_ *timely.Worker, numbers epochInts) epochInts { return diamond(numbers) })
	})
}

// Both sides end in the same place, so all that one side carries must wait while
// the other is behind a queue of its own.
func TestADiamondBehindQueues(t *testing.T) {
	eachFlow(t, tightBudgets, oneToFour, func(t *testing.T, f flowCase) {
		f.mustGive(t, f.many, counting(2*f.many), func(_ *timely.Worker, numbers epochInts) epochInts {
			shared := passedOn(numbers, timely.Pipeline, "Shared")
			left := passedOn(timely.Map(shared, even), timely.ExchangeBy(spread), "Left")
			right := passedOn(timely.Map(shared, odd), timely.ExchangeBy(spread), "Right")
			return afterwards(passedOn(left, timely.Pipeline, "More"), right)
		})
	})
}

func TestAnInputIsIgnoredUntilTheOtherHasEnded(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		f.mustGive(t, f.many, counting(2*f.many), func(w *timely.Worker, numbers epochInts) epochInts {
			others := timely.ToStream(numbers.Scope(), shareOf(w, f.many))
			return afterwards(timely.Exchange(timely.Map(numbers, even), spread), timely.Exchange(timely.Map(others, odd), spread))
		})
	})
}

// What waits at the ignored input comes from an operator that is wanted elsewhere, too.
func TestDiamondsInARow(t *testing.T) {
	eachFlow(t, tightBudgets, []int{1, 3}, func(t *testing.T, f flowCase) {
		n := f.many / 4
		f.mustGive(t, n, counting(8*n), func(_ *timely.Worker, numbers epochInts) epochInts {
			return diamond(diamond(diamond(numbers)))
		})
	})
}

func TestAConsumerTakesOneBatchATurn(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		f.mustGive(t, f.many, counting(f.many), func(_ *timely.Worker, numbers epochInts) epochInts {
			return oneBatchATurn(oneBatchATurn(numbers, timely.ExchangeBy(spread)), toFirst)
		})
	})
}

// busyBeside builds a dataflow that is always busy, until it is told.
func busyBeside(w *timely.Worker, told *atomic.Bool) {
	flowOf(w, func(s epochScope) {
		timely.ToStream(s, func(yield func(int) bool) {
			for i := 0; !told.Load() && yield(i); i++ {
			}
		})
	})
}

func TestADiamondBesideABusyDataflow(t *testing.T) {
	eachFlow(t, tightBudgets, []int{1, 2, 4}, func(t *testing.T, f flowCase) {
		if f.records == 1 {
			f.many = 20 // each grant takes turns of the busy dataflow
		} else {
			f.many /= 10
		}
		var got tally
		var told atomic.Bool
		f.run(t, func(w *timely.Worker) error {
			busyBeside(w, &told)
			probe := timely.NewProbe[epoch]()
			flowOf(w, func(s epochScope) {
				timely.ProbeWith(tallied(diamond(timely.ToStream(s, shareOf(w, f.many))), &got), probe)
			})
			for !probe.Done() {
				w.Step()
			}
			told.Store(true)
			return nil
		})
		got.mustBe(t, counting(2*f.many))
	})
}

// diamondTime returns how long a diamond takes beside a busy dataflow.
func diamondTime(t *testing.T, n, budget int) (took time.Duration) {
	f := flowCase{usual, 1}
	f.bytes = budget
	var told atomic.Bool
	f.run(t, func(w *timely.Worker) error {
		busyBeside(w, &told)
		probe := timely.NewProbe[epoch]()
		flowOf(w, func(s epochScope) {
			timely.ProbeWith(diamond(timely.ToStream(s, counting(n))), probe)
		})
		start := time.Now()
		for !probe.Done() {
			w.Step()
		}
		took = time.Since(start)
		told.Store(true)
		return nil
	})
	return took
}

func TestADiamondBesideABusyDataflowTakesLittleLonger(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("it measures time")
	}
	const n = 1_000_000 // 16 MB by both ways
	for attempt := 1; ; attempt++ {
		without, with := diamondTime(t, n, unlimited), diamondTime(t, n, 0)
		t.Logf("%v, %v without budgets", with, without)
		if with <= 3*without {
			return
		}
		if attempt == 3 {
			t.Fatalf("%v, more than 3 times the %v that it takes without budgets", with, without)
		}
	}
}

// The program fills one input before the other, and the operator reads them the
// other way round.
func TestInputsAreFilledInTheWrongOrder(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		n := 10 * max(1000, f.bytes/8)
		if f == (flowCase{usual, f.workers}) {
			n = 10 << 20 / 8
		}
		if f.records == 1 {
			n = 500
		}
		var got tally
		f.run(t, func(w *timely.Worker) error {
			a, b := timely.NewInput[epoch, int](), timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				as := timely.Exchange(a.Stream(s), spread)
				bs := timely.Exchange(b.Stream(s), spread)
				tallied(afterwards(bs, as), &got)
			})
			for i := range shareOf(w, n) {
				a.Send(even(i))
			}
			for i := range shareOf(w, n) {
				b.Send(odd(i))
			}
			return nil
		})
		got.mustBe(t, counting(2*n))
	})
}

// Each time's answer by one way depends on all records of that time, and the other
// way's wait for it: what waits is one time, not all.
func TestAPerTimeDiamondStashesOneTime(t *testing.T) {
	const times, each = 20, 5_000 // 40 KB a time
	eachFlow(t, []budget{oneByte, oneBatch}, []int{1, 2}, func(t *testing.T, f flowCase) {
		var got tally
		var waiting gauge
		f.run(t, func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) {
				numbers := timely.Source(s, "Times", func(yield func(epoch, int) bool) {
					for i := range shareOf(w, times*each) {
						if !yield(epoch(i/each), i) {
							return
						}
					}
				})
				counts := timely.Aggregate(numbers, func(int) int { return 0 }, uintOf, func(n *int, _ int) { *n++ }, func(_, n int) int { return n })
				here := timely.Broadcast(counts)
				tallied(waiting.out(inTime(here, waiting.in(numbers))), &got)
			})
			return nil
		})
		got.mustBe(t, counting(times*each))
		// A time, and what the budgets on the way allow; the next may have begun at some workers.
		limit := each + f.workers*(each+4*1024)
		waiting.mustNotExceed(t, limit)
		t.Logf("%d of %d records waited at most", waiting.most.Load(), times*each)
	})
}

// inTime passes on what comes on the right when what is on the left of that time
// has come. It reads ahead no more than one batch.
func inTime(l, r epochInts) epochInts {
	type kept struct {
		at timely.Capability[epoch]
		xs []int
	}
	var ahead *kept
	return timely.Binary(l, timely.Pipeline, r, timely.Pipeline, "InTime", func(l, r *intIn, out *intOut) {
		for range l.Batches() {
		}
		open := l.Frontier()
		if ahead != nil {
			if open.LessEqual(ahead.at.Time()) {
				return
			}
			out.Session(ahead.at).SendBatch(ahead.xs)
			ahead.at.Drop()
			ahead = nil
		}
		for at, xs := range r.Batches() {
			if open.LessEqual(at.Time()) {
				ahead = &kept{at.Retain(), append([]int(nil), xs...)}
				break
			}
			out.Session(at).SendBatch(xs)
		}
	})
}

// While the slow one has not ended the fast one waits, at an operator that is never
// at rest: its limit rises, slowly.
func TestSlowAndFastIntoOneOperator(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("it measures time")
	}
	const slow, fast = 300, 2_000_000 // 300 times 1 ms; 16 MB
	for _, workers := range []int{1, 2} {
		f := flowCase{usual, workers}
		var got tally
		var waiting gauge
		start := time.Now()
		f.run(t, func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) {
				a := timely.Map(timely.ToStream(s, shareOf(w, slow)), func(n int) int { work(1_000_000); return n })
				b := waiting.in(timely.ToStream(s, shareOf(w, fast)))
				tallied(afterwards(timely.Filter(passedOn(a, timely.Pipeline, "A"), func(int) bool { return false }), waiting.out(passedOn(b, timely.Pipeline, "B"))), &got)
			})
			return nil
		})
		took := time.Since(start)
		got.mustBe(t, counting(fast))
		limit := workers*(3<<20) + int(took.Seconds()*(10<<20))
		waiting.mustNotExceed(t, limit/8)
		t.Logf("%d bytes waited at most, in %v", 8*waiting.most.Load(), took)
	}
}

// One worker is faster than another: what it sends there waits, up to the budget.
func TestASlowConsumerElsewhereBoundsAFastProducer(t *testing.T) {
	const n = 1_000_000
	f := flowCase{usual, 2}
	var got tally
	var waiting gauge
	f.run(t, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			numbers := waiting.in(timely.ToStream(s, counting(n*(1-w.Index()))))
			there := timely.Unary(numbers, timely.ExchangeBy(func(int) uint64 { return 1 }), "Slow", func(in *intIn, out *intOut) {
				for at, xs := range in.Batches() {
					work(50 * len(xs))
					waiting.add(-len(xs))
					out.Session(at).SendBatch(xs)
				}
			})
			tallied(there, &got)
		})
		return nil
	})
	got.mustBe(t, counting(n))
	limit := (1 << 20) * 11 / 10 / 8
	waiting.mustNotExceed(t, limit)
	t.Logf("%d bytes waited at most", 8*waiting.most.Load())
}

// A worker with a producer that waits does its other work as fast as before.
func TestAProducerThatWaitsCostsItsWorkerNothing(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("it measures time")
	}
	for attempt := 1; ; attempt++ {
		alone, beside := ratesBeside(t)
		t.Logf("%d records alone, %d beside a producer that waits", alone, beside)
		if 10*beside >= 8*alone {
			return
		}
		if attempt == 5 {
			t.Fatalf("%d records alone, %d beside a producer that waits for a slow consumer at another worker", alone, beside)
		}
	}
}

// ratesBeside returns how many records a dataflow of worker 0 makes in some time,
// while worker 1 is busy with something else, and while it is busy with what
// worker 0's other dataflow sends it.
func ratesBeside(t *testing.T) (alone, beside int) {
	const phase = 100 * time.Millisecond
	var begin, told atomic.Bool
	made := 0
	f := flowCase{usual, 2}
	f.run(t, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			mine := timely.ToStream(s, func(yield func(int) bool) {
				for w.Index() == 0 && !told.Load() && yield(made) {
					made++
				}
			})
			passedOn(mine, timely.Pipeline, "Mine")
		})
		input := timely.NewInput[epoch, int]()
		sent := flowOf(w, func(s epochScope) {
			numbers := timely.FlatMap(input.Stream(s), func(int) iter.Seq[int] { return forever })
			timely.Sink(numbers, timely.ExchangeBy(func(int) uint64 { return 1 }), "Slow", func(in *intIn) {
				for _, xs := range in.Batches() {
					work(1000 * len(xs))
				}
			})
		})
		if w.Index() == 1 {
			for !begin.Load() {
				work(1000)
			}
			for !told.Load() {
				w.Poll()
			}
			sent.Drop()
			return nil
		}
		steps := func() (n int) {
			for start, before := time.Now(), made; ; {
				if w.Step(); time.Since(start) > phase {
					return made - before
				}
			}
		}
		steps() // until it is warm
		alone = steps()
		begin.Store(true)
		input.Send(1)
		steps() // until the edge is full
		beside = steps()
		told.Store(true)
		sent.Drop()
		return nil
	})
	return alone, beside
}
