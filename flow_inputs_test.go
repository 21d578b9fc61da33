package timely_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/timelytest"
)

// This file is about inputs: a program that sends more than may wait runs the
// worker in doing so.

func TestSendBeyondTheBudgetRunsTheWorker(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		n := 3 * f.many // for each worker
		if f.bytes == 0 {
			n = 900_000
		}
		var got tally
		var waiting gauge
		var inside atomic.Int64
		f.run(t, func(w *timely.Worker) error {
			sending := false
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				slow := oneBatchATurn(passedOn(input.Stream(s), timely.ExchangeBy(spread), "Moved"), timely.Pipeline)
				timely.InspectBatch(tallied(waiting.out(slow), &got), func(_ epoch, xs []int) {
					if sending {
						inside.Add(int64(len(xs)))
					}
				})
			})
			sending = true
			for i := range shareOf(w, n*w.Peers()) {
				waiting.add(1)
				input.Send(i)
			}
			sending = false
			return nil
		})
		got.mustBe(t, counting(n*f.workers))
		if half := int64(n * f.workers / 2); inside.Load() < half {
			t.Errorf("%d records were handled inside Send, of %d", inside.Load(), n*f.workers)
		}
		budget := 1 << 20
		if f.bytes > 0 {
			budget = f.bytes
		}
		// Three edges, and at each a batch more; and one that is sorted for each worker.
		waiting.mustNotExceed(t, f.workers*(3*(budget/8+1024)+1024*f.workers))
	})
}

func TestAMillionSendsWithoutAStepTakeLittleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector buffers are not reused")
	}
	const n = 2_000_000 // 16 MB
	f := flowCase{usual, 1}
	var got tally
	f.run(t, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		flowOf(w, func(s epochScope) { tallied(timely.Exchange(input.Stream(s), spread), &got) })
		before := retained()
		for i := range n {
			input.Send(i)
		}
		if after := retained(); after > before+6<<20 { // what waits, and what is kept to be used again
			t.Errorf("%d bytes more are held after %d sends", after-before, n)
		}
		return nil
	})
	got.mustBe(t, counting(n))
}

func TestSendBatchBeyondTheBudgetRunsTheWorker(t *testing.T) {
	eachFlow(t, allBudgets, []int{1, 2}, func(t *testing.T, f flowCase) {
		n := 3 * f.many
		if f.bytes == 0 { // much more than the budget, under the race detector too
			n = 3 * usual.many
		}
		all := make([]int, 0, n)
		for i := range n {
			all = append(all, i)
		}
		var got tally
		f.run(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			handled := 0
			flowOf(w, func(s epochScope) {
				timely.Inspect(tallied(passedOn(input.Stream(s), timely.Pipeline, "Here"), &got), func(int) { handled++ })
			})
			if w.Index() > 0 {
				return nil
			}
			if input.SendBatch(all); handled < n/3 {
				t.Errorf("%d records were handled inside SendBatch, of %d", handled, n)
			}
			return nil
		})
		got.mustBe(t, counting(n))
	})
}

func TestSendInsideATurnIsRefused(t *testing.T) {
	for name, send := range map[string]func(*timely.Input[epoch, int]){
		"Send":      func(in *timely.Input[epoch, int]) { in.Send(1) },
		"SendBatch": func(in *timely.Input[epoch, int]) { in.SendBatch([]int{1}) },
		"TrySend":   func(in *timely.Input[epoch, int]) { in.TrySend(1) },
	} {
		f := flowCase{oneByte, 1}
		err := f.end(t, func(w *timely.Worker) error {
			input, other := timely.NewInput[epoch, int](), timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				other.Stream(s)
				timely.Inspect(input.Stream(s), func(int) { send(other) })
			})
			input.Send(1)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "inside a turn of Input@flow_inputs_test.go") || !strings.Contains(err.Error(), "call it from the program") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TrySend never waits: it is refused until the worker has run.
func TestTrySendIsRefusedUntilThereIsRoom(t *testing.T) {
	eachFlow(t, allBudgets, []int{1, 2}, func(t *testing.T, f flowCase) {
		n := 3 * f.many * f.workers // each worker more than its budget
		var got tally
		var refused atomic.Int64
		f.run(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			running := false
			flowOf(w, func(s epochScope) {
				numbers := timely.Inspect(input.Stream(s), func(int) {
					if !running {
						t.Error("an operator runs inside TrySend")
					}
				})
				tallied(timely.Exchange(numbers, spread), &got)
			})
			for i := range shareOf(w, n) {
				for !input.TrySend(i) {
					refused.Add(1)
					running = true
					w.Step()
					running = false
				}
			}
			running = true
			return nil
		})
		got.mustBe(t, counting(n))
		if refused.Load() == 0 {
			t.Errorf("TrySend took %d records at once", n)
		}
	})
}

// What is sent goes to all dataflows, at the pace of the slowest.
func TestAnInputFeedsASlowAndAFastDataflow(t *testing.T) {
	eachFlow(t, tightBudgets, []int{1, 2, 4}, func(t *testing.T, f flowCase) {
		n := f.many
		var fast, slow tally
		var waiting gauge
		f.run(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) { tallied(timely.Exchange(input.Stream(s), spread), &fast) })
			flowOf(w, func(s epochScope) {
				numbers := oneBatchATurn(oneBatchATurn(input.Stream(s), toFirst), timely.Pipeline)
				tallied(waiting.out(numbers), &slow)
			})
			for i := range shareOf(w, n) {
				waiting.add(1)
				input.Send(i)
			}
			return nil
		})
		fast.mustBe(t, counting(n))
		slow.mustBe(t, counting(n))
		limit := f.workers * 3 * (f.bytes/8 + 2*1024)
		if f.records == 1 {
			limit = f.workers * 8
		}
		waiting.mustNotExceed(t, limit)
	})
}

// An input goes on feeding one dataflow after another of them was dropped, which
// was full.
func TestAnInputOfADroppedDataflowDoesNotWaitForIt(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		var got tally
		f.run(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			refusing := flowOf(w, func(s epochScope) {
				refuses(input.Stream(s), timely.Pipeline)
			})
			flowOf(w, func(s epochScope) { tallied(timely.Exchange(input.Stream(s), spread), &got) })
			next := w.Index()
			for ; next < f.many && input.TrySend(next); next += w.Peers() {
			}
			refusing.Drop()
			for ; next < f.many; next += w.Peers() {
				input.Send(next)
			}
			return nil
		})
		got.mustBe(t, counting(f.many))
	})
}

// Send may take the signal that a waker was used: the next Step must know.
func TestAWakerUsedWhileSendWaitsIsNotLost(t *testing.T) {
	eachFlow(t, []budget{oneRecord, oneByte}, []int{1, 2}, func(t *testing.T, f flowCase) {
		f.run(t, func(w *timely.Worker) error {
			waker := w.Waker()
			defer waker.Close()
			input, idle := timely.NewInput[epoch, int](), timely.NewInput[epoch, int]()
			sent := 0
			flow := flowOf(w, func(s epochScope) {
				timely.Inspect(passedOn(input.Stream(s), timely.Pipeline, "Here"), func(int) {
					if sent++; sent == 5 {
						waker.Wake() // as another goroutine might
					}
				})
			})
			flowOf(w, func(s epochScope) { idle.Stream(s) })
			for i := range 5_000 {
				input.Send(i)
			}
			if sent < 5 {
				t.Error("nothing has run inside Send")
			}
			flow.Drop() // so that the next Step has nothing else to return for
			w.Step()
			return nil
		})
	})
}

// A goroutine wakes the worker again and again, while it sends and while it steps.
func TestNoWakeIsLostWhileSendWaits(t *testing.T) {
	const rounds = 2_000
	f := flowCase{oneByte, 2}
	f.run(t, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		flow := flowOf(w, func(s epochScope) {
			timely.Inspect(oneBatchATurn(input.Stream(s), timely.ExchangeBy(spread)), func(int) { work(20) })
		})
		idle := flowOf(w, func(s epochScope) { timely.NewInput[epoch, int]().Stream(s) })
		waker := w.Waker()
		var asked, answered atomic.Int64
		go func() {
			for n := range int64(rounds) {
				asked.Store(n + 1)
				waker.Wake()
				for answered.Load() <= n && w.Context().Err() == nil {
					runtime.Gosched()
				}
			}
			waker.Close()
		}()
		for i := 0; answered.Load() < rounds; i++ {
			input.SendBatch(hundred)
			if i%2 == 0 {
				w.Step()
			}
			answered.Store(asked.Load())
			runtime.Gosched() // on one processor the workers would wake each other only
		}
		flow.Drop()
		idle.Drop()
		return nil
	})
}

// The waker of an operator that runs inside Send.
func TestAnOperatorIsWokenWhileSendWaits(t *testing.T) {
	f := flowCase{oneByte, 1}
	f.run(t, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		var woken atomic.Bool
		turns, open := 0, false
		flowOf(w, func(s epochScope) {
			b := timely.NewBuilder(s, "Gate")
			in := timely.AddInput(b, input.Stream(s), timely.Pipeline)
			waker := b.Waker()
			b.Build(func() bool {
				turns++
				if !open {
					open = woken.Load()
				}
				if !open {
					go func() { woken.Store(true); waker.Wake() }()
					return false
				}
				for range in.Batches() {
				}
				return false
			})
		})
		for i := range 100_000 {
			input.Send(i)
		}
		if !open {
			t.Error("the operator was not woken inside Send")
		}
		return nil
	})
}

// sized is a record that says what it points to.
type sized struct{ bytes []byte }

func (s sized) Size() int { return cap(s.bytes) }

// sizedToo says it by a pointer's method.
type sizedToo struct{ bytes []byte }

func (s *sizedToo) Size() int { return cap(s.bytes) }

func TestWhatARecordPointsToCountsIfItSaysSo(t *testing.T) {
	const n, bytes = 2_000, 64 << 10
	t.Run("value", func(t *testing.T) {
		sizedRecords(t, n, bytes, func() sized { return sized{make([]byte, bytes)} })
	})
	t.Run("pointer's method", func(t *testing.T) {
		sizedRecords(t, n, bytes, func() sizedToo { return sizedToo{make([]byte, bytes)} })
	})
	t.Run("pointer", func(t *testing.T) {
		sizedRecords(t, n, bytes, func() *sizedToo { return &sizedToo{make([]byte, bytes)} })
	})
}

// sizedRecords sends large records: 16 may wait where 40,000 small ones might.
func sizedRecords[D any](t *testing.T, n, bytes int, make func() D) {
	for _, workers := range []int{1, 2} {
		f := flowCase{usual, workers}
		var waiting gauge
		arrived := 0
		f.run(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, D]()
			flowOf(w, func(s epochScope) {
				slow := timely.Unary(input.Stream(s), timely.ExchangeBy(func(D) uint64 { return 0 }), "Slow", func(in *timely.InPort[epoch, D], out *intOut) {
					for at, xs := range in.Batches() {
						waiting.add(-len(xs))
						out.Session(at).Send(len(xs))
						break
					}
				})
				timely.Inspect(slow, func(n int) { arrived += n })
			})
			for range shareOf(w, n) {
				waiting.add(1)
				input.Send(make())
			}
			return nil
		})
		if arrived != n {
			t.Errorf("%d records arrived, of %d", arrived, n)
		}
		t.Logf("%d workers: %d records waited at most", workers, waiting.most.Load())
		if most := int(waiting.most.Load()); most > n/2 {
			t.Errorf("%d records of %d bytes waited, of %d", most, bytes, n)
		}
	}
}

// TestSendGoesOnWithLargeBatchesAfterWaiting for room, many times.
func TestSendGoesOnWithLargeBatchesAfterWaiting(t *testing.T) {
	small, waits := 0, 0
	f := flowCase{budget{"eight batches", 64 << 10, 0, 500_000}, 1}
	f.run(t, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		flowOf(w, func(s epochScope) {
			timely.InspectBatch(input.Stream(s), func(_ epoch, xs []int) {
				if waits++; len(xs) < 500 {
					small++
				}
			})
		})
		for i := range f.many {
			input.Send(i)
		}
		return nil
	})
	if waits < 400 || small > 10 {
		t.Errorf("of %d batches %d are small", waits, small)
	}
}

// TestTrySendFillsBatches as Send does.
func TestTrySendFillsBatches(t *testing.T) {
	const n = 50_000
	batches := func(send func(*timely.Worker, *timely.Input[epoch, int], int)) (got int) {
		records := 0
		timelytest.Run(t, 1, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				timely.InspectBatch(input.Stream(s), func(_ epoch, xs []int) { got++; records += len(xs) })
			})
			for i := range n {
				send(w, input, i)
			}
			return nil
		})
		if records != n {
			t.Errorf("%d records have arrived", records)
		}
		return got
	}
	sent := batches(func(_ *timely.Worker, in *timely.Input[epoch, int], x int) { in.Send(x) })
	tried := batches(func(w *timely.Worker, in *timely.Input[epoch, int], x int) {
		for !in.TrySend(x) {
			w.Step()
		}
	})
	if tried > 2*sent {
		t.Errorf("TrySend makes %d batches, Send %d", tried, sent)
	}
}
