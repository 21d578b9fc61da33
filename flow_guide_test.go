package timely_test

import (
	"iter"
	"testing"

	"github.com/timely-go/timely"
)

// This file is the program with which the guide of the Rust system explains flow
// control, as one would write it: an operator of the program's own holds records
// back until all before their time is done.

// heldBack passes on the records of a time when the probe says that those before
// are done.
func heldBack(s epochInts, probe *timely.Probe[epoch]) epochInts {
	type kept struct {
		at      timely.Capability[epoch]
		records []int
	}
	stash := make(map[epoch]*kept)
	return timely.Unary(s, timely.Pipeline, "Buffer", func(in *intIn, out *intOut) {
		for at, xs := range in.Batches() {
			k := stash[at.Time()]
			if k == nil {
				k = &kept{at: at.Retain()}
				stash[at.Time()] = k
			}
			k.records = append(k.records, xs...)
		}
		for t, k := range stash {
			if !probe.LessThan(t) {
				out.Session(k.at).SendBatch(k.records)
				k.at.Drop()
				delete(stash, t)
			}
		}
	})
}

func TestTheGuidesProgram(t *testing.T) {
	eachFlow(t, allBudgets, []int{1, 2}, func(t *testing.T, f flowCase) {
		n := 2_000 // 2,000,000 records
		if raceEnabled {
			n = 500
		}
		if f.records == 1 {
			n = 300
		}
		want := func(yield func(int) bool) {
			for i := range n {
				for j := range i {
					if !yield(j) {
						return
					}
				}
			}
		}
		f.mustGive(t, n, want, func(_ *timely.Worker, numbers epochInts) epochInts {
			probe := timely.NewProbe[epoch]()
			timed := timely.Delay(numbers, func(_ epoch, n int) epoch { return epoch(n / 100) })
			many := timely.FlatMap(heldBack(timed, probe), func(n int) iter.Seq[int] { return counting(n) })
			return timely.ProbeWith(many, probe)
		})
	})
}

// The same with the records moved about, before and after.
func TestTheGuidesProgramWithExchanges(t *testing.T) {
	eachFlow(t, tightBudgets, []int{1, 2, 4}, func(t *testing.T, f flowCase) {
		n := 1_000
		if f.records == 1 {
			n = 200
		}
		want := func(yield func(int) bool) {
			for i := range n {
				for j := range i {
					if !yield(j) {
						return
					}
				}
			}
		}
		f.mustGive(t, n, want, func(_ *timely.Worker, numbers epochInts) epochInts {
			probe := timely.NewProbe[epoch]()
			timed := timely.Delay(timely.Exchange(numbers, spread), func(_ epoch, n int) epoch { return epoch(n / 100) })
			many := timely.FlatMap(heldBack(timed, probe), func(n int) iter.Seq[int] { return counting(n) })
			return timely.ProbeWith(passedOn(many, timely.ExchangeBy(toWorker), "Moved"), probe)
		})
	})
}
