package timely_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/timely-go/timely"
)

// This file is about the end of executions and dataflows in which operators are
// paused, as what they send into is full.

// refuses takes nothing from a stream, and is always busy.
func refuses(s epochInts, p timely.Pact[int]) { refusesIf(true, s, p) }

// refusesIf takes nothing from a stream; it may be always busy.
func refusesIf(busy bool, s epochInts, p timely.Pact[int]) {
	b := timely.NewBuilder(s.Scope(), "Refuses")
	timely.AddInput(b, s, p)
	b.Build(func() bool {
		if busy {
			b.Activate()
		}
		return busy
	})
}

// stuck counts operators that stand in the middle of a turn.
type stuck struct{ begun, sent, left atomic.Int64 }

// enter counts one more, and returns what it is to defer.
func (k *stuck) enter() func() {
	k.begun.Add(1)
	return func() { k.left.Add(1) }
}

// kinds is how many operators stickAll has stand in the middle of a turn, at each worker.
const kinds = 4

// stickAll has operators of several kinds send, without end, what nobody takes.
func (k *stuck) stickAll(s epochScope) {
	endless := func(int) iter.Seq[int] {
		return func(yield func(int) bool) {
			defer k.enter()()
			forever(func(i int) bool { k.sent.Add(1); return yield(i) })
		}
	}
	refuses(timely.ToStream(s, endless(0)), timely.Pipeline)
	refuses(timely.ToStream(s, endless(0)), timely.ExchangeBy(toWorker))
	once := func() epochInts { return timely.ToStream(s, counting(1)) }
	refuses(timely.FlatMap(once(), endless), timely.ExchangeBy(toWorker))
	refuses(timely.Unary(once(), timely.Pipeline, "sending", func(in *intIn, out *intOut) {
		for at := range in.Batches() {
			defer k.enter()()
			session := out.Session(at)
			forever(func(i int) bool { k.sent.Add(1); session.Send(i); return true })
		}
	}), timely.Pipeline)
}

// steps steps until all stand in the middle of a turn, and nothing more is sent.
func (k *stuck) steps(w *timely.Worker) {
	for k.begun.Load() < int64(kinds*w.Peers()) {
		w.Poll()
	}
	for still := 0; still < 10; still++ {
		before := k.sent.Load()
		if w.Poll(); k.sent.Load() > before {
			still = 0
		}
	}
}

func panicsHere(int) { panic("in pieces") }

func TestOperatorsPausedAtFullEdgesAreUnwound(t *testing.T) {
	tests := []struct {
		name string
		says string // "" if it does not fail
		end  func(w *timely.Worker, i *timely.Installed, cancel func()) error
	}{
		{"error", "enough", func(*timely.Worker, *timely.Installed, func()) error { return errors.New("enough") }},
		{"panic in an operator", "in pieces", func(w *timely.Worker, _ *timely.Installed, _ func()) error {
			flowOf(w, func(s epochScope) { timely.Inspect(threeInts(s), panicsHere) })
			for {
				w.Step()
			}
		}},
		{"cancel", "canceled", func(w *timely.Worker, _ *timely.Installed, cancel func()) error {
			cancel()
			for {
				w.Step()
			}
		}},
		{"drop", "", func(_ *timely.Worker, i *timely.Installed, _ func()) error { i.Drop(); return nil }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachFlow(t, []budget{oneRecord, oneBatch}, []int{1, 3}, func(t *testing.T, f flowCase) {
				before := runtime.NumGoroutine()
				var k stuck
				ctx, cancel := context.WithCancel(f.context(t))
				defer cancel()
				err := f.endWith(t, ctx, func(w *timely.Worker) error {
					i := flowOf(w, k.stickAll)
					k.steps(w)
					if w.Index() == 0 || test.says == "" {
						return test.end(w, i, cancel)
					}
					for {
						w.Step()
					}
				})
				nothingLeft(t, before)
				if (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Error(err)
				}
				var failure *timely.Failure
				if errors.As(err, &failure) && test.says == "in pieces" && !strings.Contains(string(failure.Stack), "panicsHere") {
					t.Errorf("the stack is not that of the panic:\n%s", failure.Stack)
				}
				if k.left.Load() != k.begun.Load() || k.begun.Load() != int64(kinds*f.workers) {
					t.Errorf("%d operators have begun, and the deferred functions of %d ran", k.begun.Load(), k.left.Load())
				}
			})
		})
	}
}

// panicsAfter panics when its operator has been paused at least once.
func panicsAfter(session timely.Session[epoch, int], resumed func() bool) {
	for i := 0; ; i++ {
		if session.Send(i); resumed() {
			panic("after a pause")
		}
	}
}

// An operator that was paused has a stack of its own, which is told.
func TestAPanicAfterAPauseCarriesItsStack(t *testing.T) {
	eachFlow(t, tightBudgets, []int{1, 2}, func(t *testing.T, f flowCase) {
		before := runtime.NumGoroutine()
		err := f.end(t, func(w *timely.Worker) error {
			arrived := 0
			flowOf(w, func(s epochScope) {
				many := timely.Unary(timely.ToStream(s, counting(1)), timely.Pipeline, "Panics", func(in *intIn, out *intOut) {
					for at := range in.Batches() {
						panicsAfter(out.Session(at), func() bool { return arrived > 10_000 })
					}
				})
				timely.Inspect(oneBatchATurn(many, timely.Pipeline), func(int) { arrived++ })
			})
			return nil
		})
		nothingLeft(t, before)
		var failure *timely.Failure
		if !errors.As(err, &failure) || !strings.Contains(failure.Error(), "Panics@flow_ends_test.go") || !strings.Contains(failure.Error(), "after a pause") {
			t.Fatal(err)
		}
		if !strings.Contains(string(failure.Stack), "panicsAfter") {
			t.Errorf("the stack is not that of the panic:\n%s", failure.Stack)
		}
	})
}

// A program in the middle of Send leaves as one in the middle of Step does.
func TestAFailureEndsASendThatWaits(t *testing.T) {
	eachFlow(t, []budget{oneRecord, oneByte, usual}, []int{2, 3}, func(t *testing.T, f flowCase) {
		before := runtime.NumGoroutine()
		var begun, left atomic.Int64
		err := f.end(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) { refuses(input.Stream(s), timely.ExchangeBy(func(int) uint64 { return 0 })) })
			if w.Index() > 0 {
				defer left.Add(1)
				begun.Add(1)
				forever(func(i int) bool { input.Send(i); return true })
			}
			for begun.Load() < int64(w.Peers()-1) {
				w.Poll()
			}
			return errors.New("enough")
		})
		nothingLeft(t, before)
		if err == nil || !strings.Contains(err.Error(), "enough") || left.Load() != int64(f.workers-1) {
			t.Errorf("%v; %d workers have left Send", err, left.Load())
		}
	})
}

// Who has dropped a dataflow takes all that is sent there, for ever.
func TestADropAtOneWorkerLetsTheOthersSend(t *testing.T) {
	eachFlow(t, allBudgets, []int{2, 3, 4}, func(t *testing.T, f flowCase) {
		n := 4 * f.many
		var sent atomic.Int64
		f.run(t, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flow := flowOf(w, func(s epochScope) {
				refusesIf(w.Index() == 0, input.Stream(s), timely.ExchangeBy(func(int) uint64 { return 0 }))
			})
			defer flow.Drop()
			if w.Index() == 0 {
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
		if want := int64(n * (f.workers - 1)); sent.Load() != want {
			t.Errorf("%d records were sent, want %d", sent.Load(), want)
		}
	})
}

// Likewise for an operator that has waited for the worker that drops.
func TestADropAtOneWorkerLetsOperatorsOfOthersGoOn(t *testing.T) {
	eachFlow(t, allBudgets, []int{2, 4}, func(t *testing.T, f flowCase) {
		n := 4 * f.many
		var sent, ended atomic.Int64
		f.run(t, func(w *timely.Worker) error {
			flow := flowOf(w, func(s epochScope) {
				numbers := timely.ToStream(s, func(yield func(int) bool) {
					if w.Index() == 0 {
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
				refusesIf(w.Index() == 0, numbers, timely.ExchangeBy(func(int) uint64 { return 0 }))
			})
			defer flow.Drop()
			if w.Index() == 0 {
				for sent.Load() == 0 {
					w.Poll()
				}
				return nil
			}
			for ended.Load() < int64(w.Peers()-1) {
				w.Poll()
			}
			return nil
		})
	})
}
