package timely

import (
	"context"
	"testing"
)

// TestAnInputThatIsAlwaysAheadKeepsOnlyWhatWaits sends faster than the dataflow takes, so
// that something waits at any moment, in ever new epochs.
func TestAnInputThatIsAlwaysAheadKeepsOnlyWhatWaits(t *testing.T) {
	const epochs, budget = 100_000, 16 << 10
	sum, most := int64(0), 0
	err := Execute(context.Background(), Config{EdgeBudget: budget}, func(w *Worker) error {
		in := NewInput[Epoch, int]()
		Dataflow(w, func(s Scope[Epoch]) {
			Sink(in.Stream(s), Pipeline, "One", func(in *InPort[Epoch, int]) {
				for _, ns := range in.Batches() { // one a turn
					sum += int64(ns[0])
					return
				}
			})
		})
		for n := range epochs {
			in.Send(n)
			in.AdvanceTo(Epoch(n + 1))
			l := in.feeds[0]
			most = max(most, cap(l.entries))
			if n > budget && len(l.entries) == l.head {
				t.Fatal("nothing waits")
			}
		}
		return nil
	})
	if want := int64(epochs) * (epochs - 1) / 2; err != nil || sum != want {
		t.Errorf("the sum is %d, want %d: %v", sum, want, err)
	}
	if most > budget {
		t.Errorf("there was room for %d batches at once", most)
	}
}
