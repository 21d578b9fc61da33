package timely_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/timely-go/timely"
)

// stamped is a record that knows its own time.
type stamped struct {
	Own timely.Epoch
	N   int
}

// A program advances its inputs at random, steps at random, and coarsens or not.
// Whatever the probe says to be complete must have arrived by then, by the records'
// own times; and all arrives in the end.
func TestCoarsenedTimesAreNeverCompleteTooEarly(t *testing.T) {
	for seed := range uint64(60) {
		workers := 1 + int(seed%3)
		err := timely.Execute(context.Background(), timely.Config{Workers: workers, EdgeBudget: []int{0, 1, 500}[seed%3]}, func(w *timely.Worker) error {
			r := rand.New(rand.NewPCG(seed, uint64(w.Index())))
			input, probe := timely.NewInput[timely.Epoch, stamped](), timely.NewProbe[timely.Epoch]()
			sent, arrived, before := make(map[timely.Epoch]int), make(map[timely.Epoch]int), 0
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				there := timely.Exchange(input.Stream(s), func(x stamped) uint64 { return uint64(x.N) })
				back := timely.Exchange(there, func(stamped) uint64 { return 0 })
				timely.ProbeWith(timely.Inspect(timely.Broadcast(back), func(x stamped) {
					if x.N%workers == w.Index() {
						arrived[x.Own]++
					}
					before++
				}), probe)
			})
			if r.IntN(4) > 0 {
				input.Coarsen(probe)
			}
			for now := timely.Epoch(0); now < 300; now += timely.Epoch(r.IntN(3)) {
				input.AdvanceTo(now)
				for range r.IntN(4) {
					sent[now]++
					input.Send(stamped{now, w.Index() + workers*r.IntN(100)})
				}
				switch r.IntN(8) {
				case 0:
					w.Poll()
				case 1:
					for probe.LessThan(now) {
						w.Step()
					}
					fallthrough
				case 2:
					for own, n := range sent {
						if !probe.LessEqual(own) && arrived[own] != n {
							t.Errorf("seed %d, worker %d: time %v is complete with %d of %d records", seed, w.Index(), own, arrived[own], n)
						}
					}
				case 3:
					if r.IntN(10) == 0 {
						input.Coarsen(nil)
					}
				}
			}
			input.AdvanceTo(1000)
			for probe.LessThan(1000) {
				w.Step()
			}
			for own, n := range sent {
				if arrived[own] != n {
					t.Errorf("seed %d, worker %d: %d of %d records of time %v have arrived", seed, w.Index(), arrived[own], n, own)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(seed, err)
		}
	}
}

// A million times, one record each, are few groups; and with a dataflow that is as
// fast as the program each time is a group of its own.
func TestCoarsenedTimesAreFewWhileOneIsInFlight(t *testing.T) {
	const times = 1_000_000
	seen, atOnce := 0, 0
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.ProbeWith(timely.InspectTime(input.Stream(s), func(at timely.Epoch, _ int) {
				if seen == 0 || at != timely.Epoch(atOnce) {
					seen++
				}
				atOnce = int(at)
			}), probe)
		})
		input.Coarsen(probe)
		for i := range times {
			input.Send(i)
			input.AdvanceTo(timely.Epoch(i + 1))
		}
		for probe.LessThan(times) {
			w.Step()
		}
		if seen > 100 {
			t.Errorf("%d times were seen", seen)
		}
		seen = 0
		for i := times; i < times+100; i++ {
			input.Send(i)
			input.AdvanceTo(timely.Epoch(i + 1))
			for probe.LessThan(input.Time()) {
				w.Step()
			}
		}
		if seen != 100 {
			t.Errorf("%d of 100 times were seen, though each was waited for", seen)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A probe whose dataflow is dropped holds nothing up.
func TestCoarsenedByADroppedDataflow(t *testing.T) {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input, probe, slow := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch](), timely.NewProbe[timely.Epoch]()
		other := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { timely.ProbeWith(input.Stream(s), probe) })
		dropped := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { timely.ProbeWith(other.Stream(s), slow) })
		input.Coarsen(slow)
		for i := range 10 {
			input.Send(i)
			input.AdvanceTo(timely.Epoch(i + 1))
			w.Poll()
		}
		if !probe.LessEqual(1) {
			t.Error("time 1 is complete, although its group is not")
		}
		dropped.Drop()
		for probe.LessThan(10) {
			w.Step()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
