package timely_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// One dataflow amplifies at full speed; epochs of another, on the same worker, are
// complete soon nevertheless.
func TestLatencyBesideADataflowAtFullSpeed(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("it measures time")
	}
	const epochs = 1000
	for attempt := 0; ; attempt++ {
		took := latencies(t, epochs)
		slices.Sort(took)
		p90, p99 := took[epochs*90/100], took[epochs*99/100]
		if p99 <= 2*time.Millisecond {
			return
		}
		if attempt < 5 {
			continue
		}
		if p90 > 2*time.Millisecond { // other programs may have had the processor now and then
			t.Fatalf("p50 %v, p90 %v, p99 %v, at most %v", took[epochs/2], p90, p99, took[epochs-1])
		}
		return
	}
}

func latencies(t *testing.T, epochs int) (took []time.Duration) {
	t.Helper()
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		ended := false
		made := 0
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			ones := timely.ToStream(s, func(yield func(int) bool) {
				for !ended && yield(1000) {
				}
			})
			many := timely.FlatMap(ones, upTo)
			timely.Sink(many, timely.Pipeline, "Count", func(in *timely.InPort[timely.Epoch, int]) {
				for _, xs := range in.Batches() {
					made += len(xs)
				}
			})
		})
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.ProbeWith(timely.Exchange(input.Stream(s), func(int) uint64 { return 0 }), probe)
		})
		for i := range epochs {
			begun := time.Now()
			input.Send(i)
			input.AdvanceTo(timely.Epoch(i + 1))
			for probe.LessThan(input.Time()) {
				w.Step()
			}
			took = append(took, time.Since(begun))
		}
		ended = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return took
}
