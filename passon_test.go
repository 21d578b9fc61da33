package timely_test

import (
	"slices"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/timelytest"
)

// passOn sends 1,000 numbers, of which all belong to the last worker, from the first,
// as one batch through an operator that sends on what it is lent, a Map, an Exchange
// and another Map. It returns where the batch lay on its way. The shared stream, before
// the Exchange, has another reader if there is one.
func passOn(t *testing.T, workers int, other func(timely.Stream[timely.Epoch, int])) (seen []*int) {
	got := make([][]*int, workers)
	timelytest.Run(t, workers, func(w *timely.Worker) error {
		look := func(_ timely.Epoch, ns []int) { got[w.Index()] = append(got[w.Index()], &ns[0]) }
		in := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			numbers := timely.InspectBatch(in.Stream(s), look)
			lent := timely.Unary(numbers, timely.Pipeline, "Pass", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, ns := range in.Batches() {
					out.Session(at).SendBatch(ns)
				}
			})
			mapped := timely.InspectBatch(timely.Map(lent, func(n int) int { return n + 1 }), look)
			if other != nil {
				other(mapped)
			}
			moved := timely.Exchange(mapped, func(int) uint64 { return uint64(workers - 1) })
			timely.InspectBatch(timely.MapInPlace(moved, func(n *int) { *n = -*n }), look)
		})
		if w.Index() == 0 {
			in.SendBatch(slices.Collect(upTo(1000)))
		}
		return nil
	})
	return slices.Concat(got...)
}

// TestBatchIsPassedOnWithoutACopy through an operator that sends on what it is lent,
// and through an exchange, if nobody else uses it.
func TestBatchIsPassedOnWithoutACopy(t *testing.T) {
	for _, workers := range []int{2, 3} {
		seen := passOn(t, workers, nil)
		if len(seen) != 3 || slices.ContainsFunc(seen, func(p *int) bool { return p != seen[0] }) {
			t.Errorf("%d workers: the batch lay at %v", workers, seen)
		}
	}
}

// TestSharedBatchIsNotPassedOn by an exchange: who gets it may change it.
func TestSharedBatchIsNotPassedOn(t *testing.T) {
	var got timelytest.Collected[int]
	passOn(t, 2, func(s timely.Stream[timely.Epoch, int]) {
		late := timely.Exchange(s, func(int) uint64 { return 1 }) // attached before the other
		timelytest.Collect(late, &got)
	})
	for _, n := range got.At(timely.Epoch(0)) {
		if n < 1 {
			t.Fatalf("%d was changed by another reader", n)
		}
	}
	if got.Len() != 1000 {
		t.Errorf("%d records arrived", got.Len())
	}
}

// TestSendAfterAPassedOnBatchComesAfterIt, in the same session and in the next turn.
func TestSendAfterAPassedOnBatchComesAfterIt(t *testing.T) {
	var got []int
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		in := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			out := timely.Unary(in.Stream(s), timely.Pipeline, "Both", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, ns := range in.Batches() {
					session := out.Session(at)
					session.Send(-1)
					session.SendBatch(ns)
					session.Send(-2)
					session.SendBatch(ns)
					session.SendBatch(ns[:1])
				}
			})
			timely.Inspect(out, func(n int) { got = append(got, n) })
		})
		in.SendBatch([]int{1, 2, 3})
		return nil
	})
	if want := []int{-1, 1, 2, 3, -2, 1, 2, 3, 1}; !slices.Equal(got, want) {
		t.Errorf("%v arrived, want %v", got, want)
	}
}

// TestBroadcastBatchIsPassedOnByAll: the workers share the batch, and each sends on what
// it is lent.
func TestBroadcastBatchIsPassedOnByAll(t *testing.T) {
	var got timelytest.Collected[int]
	const workers, batches = 4, 200
	timelytest.Run(t, workers, func(w *timely.Worker) error {
		in := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			all := timely.Broadcast(in.Stream(s))
			passed := timely.Unary(all, timely.Pipeline, "Pass", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, ns := range in.Batches() {
					out.Session(at).SendBatch(ns)
				}
			})
			timelytest.Collect(passed, &got)
		})
		if w.Index() == 0 {
			for range batches {
				in.SendBatch(hundred)
			}
		}
		return nil
	})
	if want := workers * batches * len(hundred); got.Len() != want {
		t.Errorf("%d records arrived, not %d", got.Len(), want)
	}
}
