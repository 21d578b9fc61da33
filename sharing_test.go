package timely_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/timelytest"
)

// This file is about what is not copied, and about dataflows that are large.

// hundred is enough records for a batch that is passed on as it is.
var hundred = slices.Collect(upTo(100))

// addresses notes where the batches are that a stream brings, and what they hold.
type addresses struct {
	at      []string
	records []int
}

// noted adds an operator with a queue that notes what it is lent.
func noted(s timely.Stream[timely.Epoch, int], to *addresses) {
	timely.Sink(s, timely.Pipeline, "Note", func(in *timely.InPort[timely.Epoch, int]) {
		for _, records := range in.Batches() {
			to.at = append(to.at, fmt.Sprintf("%p", records))
			to.records = append(to.records, records...)
		}
	})
}

// TestConsumersShareBatches has three operators look at one stream, while another
// branch changes the records in place, wherever it stands among them.
func TestConsumersShareBatches(t *testing.T) {
	negate := func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
		return timely.MapInPlace(timely.Filter(s, func(n int) bool { return n%2 == 1 }), func(n *int) { *n = -*n })
	}
	for place := range 4 {
		var seen [3]addresses
		var changed []int
		timelytest.Run(t, 1, func(w *timely.Worker) error {
			input := timely.NewInput[timely.Epoch, int]()
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				sent := input.Stream(s)
				for i := range 4 {
					if i == place {
						timely.Inspect(negate(sent), func(n int) { changed = append(changed, n) })
					}
					if i < 3 {
						noted(sent, &seen[i])
					}
				}
			})
			for range 3 {
				input.SendBatch(hundred)
				w.Step()
			}
			return nil
		})
		want := slices.Concat(hundred, hundred, hundred)
		for i := range seen {
			if !slices.Equal(seen[i].at, seen[0].at) || !slices.Equal(seen[i].records, want) {
				t.Errorf("change at %d: consumer %d sees %v at %v, consumer 0 at %v", place, i, seen[i].records, seen[i].at, seen[0].at)
			}
		}
		if len(changed) != 150 || changed[0] != -1 {
			t.Errorf("change at %d: got %v", place, changed)
		}
	}
}

// TestMapInPlaceOfASharedStream has each of three branches change the records.
func TestMapInPlaceOfASharedStream(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			for i := range 3 {
				moved := timely.MapInPlace(s, func(n *int) { *n += 1000 * (i + 1) })
				timelytest.Collect(timely.Map(moved, func(n int) int { return n + 1 }), out)
			}
			timelytest.Collect(s, out)
		})
		return nil
	}, upToFour)
	for n := range 60 {
		for _, want := range []int{n, 1001 + n, 2001 + n, 3001 + n} {
			if !slices.Contains(answer.At(timely.Epoch(n%5)), want) {
				t.Errorf("%d is missing", want)
			}
		}
	}
}

func TestConcatOfAStreamWithItselfSharesBatches(t *testing.T) {
	var seen addresses
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			sent := input.Stream(s)
			noted(timely.Concat(sent, sent), &seen)
		})
		input.SendBatch(hundred)
		return nil
	})
	if len(seen.at) != 2 || seen.at[0] != seen.at[1] || !slices.Equal(seen.records, slices.Concat(hundred, hundred)) {
		t.Errorf("seen at %v: %v", seen.at, seen.records)
	}
}

// TestSendBatchPassesOnWhatIsLent compares what an operator was lent with what
// comes after it.
func TestSendBatchPassesOnWhatIsLent(t *testing.T) {
	var before, after, copied addresses
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			sent := input.Stream(s)
			noted(sent, &before)
			pass := func(part func([]int) []int) timely.Stream[timely.Epoch, int] {
				return timely.Unary(sent, timely.Pipeline, "Pass", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
					for at, records := range in.Batches() {
						out.Session(at).SendBatch(part(records))
					}
				})
			}
			noted(pass(func(records []int) []int { return records }), &after)
			noted(pass(func(records []int) []int { return records[:99] }), &copied)
		})
		input.SendBatch(hundred)
		input.AdvanceTo(1)
		input.SendBatch(hundred)
		return nil
	})
	if !slices.Equal(before.at, after.at) || !slices.Equal(before.records, after.records) {
		t.Errorf("lent at %v, passed on at %v", before.at, after.at)
	}
	if len(copied.at) != 2 || copied.at[0] == before.at[0] || len(copied.records) != 198 {
		t.Errorf("a part of the batch at %v is at %v", before.at, copied.at)
	}
}

// TestPassingOnKeepsTheOrderOfSends sends before and after the batch that is
// passed on.
func TestPassingOnKeepsTheOrderOfSends(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		var got []int
		setting.Run(t, 1, func(w *timely.Worker) error {
			input := timely.NewInput[timely.Epoch, int]()
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				timely.Inspect(timely.Unary(input.Stream(s), timely.Pipeline, "Around",
					func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
						for at, records := range in.Batches() {
							session := out.Session(at)
							session.Send(-records[0])
							session.SendBatch(records)
							session.SendBatch(records)
							session.Send(-records[0])
						}
					}), func(n int) { got = append(got, n) })
			})
			for n := range 3 {
				input.Send(n + 1)
				w.Step()
			}
			return nil
		})
		if want := []int{-1, 1, 1, -1, -2, 2, 2, -2, -3, 3, 3, -3}; !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", setting, got, want)
		}
	}
}

// TestBroadcastSharesBatches compares where the workers of a process see what one
// of them has sent.
func TestBroadcastSharesBatches(t *testing.T) {
	var seen timelytest.Collected[string]
	timelytest.Run(t, 3, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.InspectBatch(timely.Broadcast(input.Stream(s)), func(at timely.Epoch, records []int) {
				seen.Add(at, fmt.Sprintf("%p", records))
				if !slices.Equal(records, hundred) {
					t.Errorf("worker %d sees %v", w.Index(), records)
				}
			})
		})
		if w.Index() == 1 {
			for e := range timely.Epoch(3) {
				input.AdvanceTo(e)
				input.SendBatch(hundred)
			}
		}
		return nil
	})
	for e := range timely.Epoch(3) {
		if at := seen.At(e); len(at) != 3 || at[0] != at[1] || at[1] != at[2] {
			t.Errorf("epoch %v is seen at %v", e, at)
		}
	}
}

// TestBroadcastOfABroadcast has every worker send on, to all, batches that it
// shares with the others, and change them in place.
func TestBroadcastOfABroadcast(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		for _, workers := range upToFour {
			var got timelytest.Collected[int]
			setting.Run(t, workers, func(w *timely.Worker) error {
				numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
					all := timely.Broadcast(s)
					timelytest.Collect(timely.MapInPlace(timely.Broadcast(all), func(n *int) { *n = -*n }), &got)
					timelytest.Collect(timely.MapInPlace(all, func(n *int) { *n += 1000 }), &got)
				})
				return nil
			})
			if want := 60*workers*workers + 60*workers; got.Len() != want {
				t.Errorf("%v, %d workers: %d records, want %d", setting, workers, got.Len(), want)
			}
			for n := range 60 {
				count := 0
				for _, r := range got.At(timely.Epoch(n % 5)) {
					if r == -n || r == 1000+n {
						count++
					}
				}
				if want := workers*workers + workers; count != want {
					t.Errorf("%v, %d workers: %d came %d times, want %d", setting, workers, n, count, want)
				}
			}
		}
	}
}

// manyInputs builds an operator with so many inputs, fed by the parts of a
// stream, and with as many outputs if it is diagonal: each connected to one input.
func manyInputs(s timely.Scope[timely.Epoch], inputs int, diagonal bool) {
	numbers := timely.ToStream(s, upTo(10))
	b := timely.NewBuilder(s, "Many")
	outputs := 1
	if diagonal {
		outputs = inputs
	}
	outs := make([]*timely.OutPort[timely.Epoch, int], outputs)
	for i := range outs {
		outs[i], _ = timely.AddOutput[int](b)
	}
	for i := range inputs {
		in := timely.AddInput(b, numbers, timely.Pipeline)
		if diagonal {
			b.Connect(in, outs[i], 0)
		}
	}
	b.Build(func() bool { return false })
}

// built returns how long a dataflow takes to build.
func built(t *testing.T, build func(timely.Scope[timely.Epoch])) (took time.Duration) {
	runtime.GC() // what was built before does not count, nor is it collected while others are built
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		began := time.Now()
		flow := timely.Dataflow(w, build)
		took = time.Since(began)
		flow.Drop()
		return nil
	})
	return took
}

// TestManyInputsBuildInLinearTime builds operators with many inputs, and with as
// many outputs.
func TestManyInputsBuildInLinearTime(t *testing.T) {
	if raceEnabled {
		t.Skip("time is not what it is elsewhere under the race detector")
	}
	for _, diagonal := range []bool{false, true} {
		var half, all time.Duration
		for attempt := 0; attempt == 0 || attempt < 8 && all > half*5/2; attempt++ { // others use the machine, too
			half = built(t, func(s timely.Scope[timely.Epoch]) { manyInputs(s, 50_000, diagonal) })
			all = built(t, func(s timely.Scope[timely.Epoch]) { manyInputs(s, 100_000, diagonal) })
		}
		t.Logf("diagonal %v: %v and %v", diagonal, half, all)
		if all > half*5/2 {
			t.Errorf("diagonal %v: 100,000 inputs take %v, 50,000 only %v", diagonal, all, half)
		}
	}
}

// TestManyOperatorsBuildFast builds long chains, and wide ones.
func TestManyOperatorsBuildFast(t *testing.T) {
	for name, build := range map[string]func(timely.Stream[timely.Epoch, int]){
		"exchanges": func(s timely.Stream[timely.Epoch, int]) {
			for range 10_000 {
				s = timely.Exchange(s, uintOf)
			}
		},
		"stages": func(s timely.Stream[timely.Epoch, int]) {
			for range 10_000 {
				s = timely.Map(s, func(n int) int { return n })
			}
		},
		"concat of many": func(s timely.Stream[timely.Epoch, int]) {
			var all []timely.Stream[timely.Epoch, int]
			for range 10_000 {
				all = append(all, timely.Exchange(s, uintOf))
			}
			timely.Sink(timely.Concat(s, all...), timely.Pipeline, "End", func(in *timely.InPort[timely.Epoch, int]) {})
		},
		"concats one by one": func(s timely.Stream[timely.Epoch, int]) {
			all := s
			for range 2_000 {
				all = timely.Concat(all, timely.Exchange(s, uintOf))
			}
			timely.Sink(all, timely.Pipeline, "End", func(in *timely.InPort[timely.Epoch, int]) {})
		},
		"notifications": func(s timely.Stream[timely.Epoch, int]) {
			for range 10_000 {
				s = timely.Distinct(s, uintOf)
			}
		},
		"loops": func(s timely.Stream[timely.Epoch, int]) {
			for range 2_000 {
				s = timely.Iterate(s, func(all timely.Stream[timely.Loop[timely.Epoch], int]) (again, done timely.Stream[timely.Loop[timely.Epoch], int]) {
					return timely.Split(all, func(n int) bool { return false })
				})
			}
		},
	} {
		took := built(t, func(s timely.Scope[timely.Epoch]) { build(timely.ToStream(s, upTo(10))) })
		t.Logf("%s: %v", name, took)
		if took > 2*time.Second && !raceEnabled {
			t.Errorf("%s take %v to build", name, took)
		}
	}
}

// TestDeepDataflowCompletes sends through many operators with notifications.
func TestDeepDataflowCompletes(t *testing.T) {
	got := 0
	timelytest.Run(t, 2, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			numbers := timely.ToStream(s, upTo(10))
			for range 300 {
				numbers = timely.Distinct(numbers, uintOf)
			}
			timely.Inspect(timely.Exchange(numbers, func(int) uint64 { return 0 }), func(int) { got++ })
		})
		return nil
	})
	if got != 10 {
		t.Errorf("%d records, want 10", got)
	}
}
