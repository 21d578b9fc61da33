package timely_test

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
)

// spot is the line of this file that a message should name.
type spot struct{ line int }

// next says that it is the line after the caller's.
func (s *spot) next() {
	_, _, line, _ := runtime.Caller(1)
	s.line = line + 1
}

func (s *spot) String() string { return fmt.Sprintf("misuse_test.go:%d", s.line) }

// misuse is a wrong use of the interface, and what the message must say.
type misuse struct {
	name string
	want string
	do   func(w *timely.Worker, at *spot)
}

func testMisuses(t *testing.T, misuses []misuse) {
	for _, m := range misuses {
		t.Run(m.name, func(t *testing.T) {
			for workers := range 2 {
				at := make([]spot, workers+1)
				f := mustFail(t, workers+1, func(w *timely.Worker) error {
					m.do(w, &at[w.Index()])
					return nil
				})
				text := f.Error()
				if !strings.Contains(text, at[f.Worker].String()) || !strings.Contains(text, m.want) {
					t.Errorf("with %d workers: %v\n\twant it to name %v and to say %q", workers+1, text, &at[f.Worker], m.want)
				}
				if f.Stack == nil {
					t.Error("there is no stack")
				}
			}
		})
	}
}

// flowOf builds a dataflow.
func flowOf(w *timely.Worker, build func(epochScope)) *timely.Installed {
	return timely.Dataflow(w, build)
}

// threeInts is a source of three records.
func threeInts(s epochScope) epochInts { return timely.ToStream(s, counting(3)) }

func sameInt(n int) int { return n }

type loopInts = timely.Stream[timely.Loop[epoch], int]

func nestedIn(s epochScope, build func(timely.Scope[timely.Loop[epoch]])) {
	timely.Nested(s, "inner", order.LoopRefinement[epoch](), build)
}

func TestMisuseWhileBuildingIsToldWithItsLine(t *testing.T) {
	unconnected := func(s epochScope) (*timely.LoopVariable[epoch, int], epochInts) {
		return timely.Feedback[int](s, epoch(1))
	}
	testMisuses(t, []misuse{
		{"concat of a stream of another dataflow", "a stream whose dataflow was built before", func(w *timely.Worker, at *spot) {
			var other epochInts
			flowOf(w, func(s epochScope) { other = threeInts(s) })
			flowOf(w, func(s epochScope) {
				own := threeInts(s)
				at.next()
				timely.Concat(own, other)
			})
		}},
		{"map of a stream of a finished dataflow", "whose building has ended", func(w *timely.Worker, at *spot) {
			var other epochInts
			flowOf(w, func(s epochScope) { other = threeInts(s) })
			at.next()
			timely.Map(other, sameInt)
		}},
		{"unary of a stream of a finished dataflow", "whose building has ended", func(w *timely.Worker, at *spot) {
			var other epochInts
			flowOf(w, func(s epochScope) { other = threeInts(s) })
			flowOf(w, func(epochScope) {
				at.next()
				timely.Unary(other, timely.Pipeline, "late", func(*intIn, *intOut) {})
			})
		}},
		{"concat of a stream of another scope", "different scopes (the outermost and /part/inner); Enter or Leave one of them first", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				outer := timely.Map(threeInts(s), sameInt)
				timely.Region(s, "part", func(s epochScope) {
					timely.Nested(s, "inner", order.Same[epoch](), func(inner epochScope) {
						entered := timely.Enter(outer, inner)
						at.next()
						timely.Concat(entered, outer)
					})
				})
			})
		}},
		{"binary of a stream of another scope", "different scopes", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				outer := threeInts(s)
				timely.Nested(s, "inner", order.Same[epoch](), func(inner epochScope) {
					entered := timely.Enter(outer, inner)
					at.next()
					timely.Binary(entered, timely.Pipeline, outer, timely.Pipeline, "join", func(_, _ *intIn, _ *intOut) {})
				})
			})
		}},
		{"loop connected to a stream of another scope", "different scopes", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				outer := threeInts(s)
				timely.Nested(s, "inner", order.Same[epoch](), func(inner epochScope) {
					loop, _ := unconnected(inner)
					at.next()
					loop.Connect(outer)
				})
			})
		}},
		{"enter of a stream of another scope", "not directly inside", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				outer := threeInts(s)
				timely.Nested(s, "one", order.Same[epoch](), func(one epochScope) {
					timely.Nested(one, "two", order.Same[epoch](), func(two epochScope) {
						at.next()
						timely.Enter(outer, two)
					})
				})
			})
		}},
		{"leave to another scope", "not directly inside", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				outer := threeInts(s)
				at.next()
				timely.Leave(outer, s)
			})
		}},
		{"leave after the scope was built", "use Leave inside the function that builds it", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				var inside loopInts
				outer := threeInts(s)
				nestedIn(s, func(inner timely.Scope[timely.Loop[epoch]]) { inside = timely.Enter(outer, inner) })
				at.next()
				timely.Leave(inside, s)
			})
		}},
		{"operator in a scope that was built", "whose building has ended", func(w *timely.Worker, at *spot) {
			var kept epochScope
			flowOf(w, func(s epochScope) { kept = s })
			at.next()
			timely.ToStream(kept, counting(1))
		}},
		{"operator in a nested scope that was built", "whose building has ended", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				var kept timely.Scope[timely.Loop[epoch]]
				nestedIn(s, func(inner timely.Scope[timely.Loop[epoch]]) { kept = inner })
				at.next()
				timely.ToStream(kept, counting(1))
			})
		}},
		{"builder that goes on after its scope was built", "whose building has ended", func(w *timely.Worker, at *spot) {
			var b *timely.Builder[epoch]
			flowOf(w, func(s epochScope) { b = timely.NewBuilder(s, "late"); b.Build(func() bool { return false }) })
			at.next()
			b.Build(func() bool { return false })
		}},
		{"builder that is never built", "Build was not called", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				b := timely.NewBuilder(s, "half")
				timely.AddInput(b, threeInts(s), timely.Pipeline)
			})
		}},
		{"builder built twice", "Build of twice@", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				b := timely.NewBuilder(s, "twice")
				b.Build(func() bool { return false })
				b.Build(func() bool { return false })
			})
		}},
		{"input added after Build", "AddInput of late@", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				b := timely.NewBuilder(s, "late")
				xs := threeInts(s)
				b.Build(func() bool { return false })
				at.next()
				timely.AddInput(b, xs, timely.Pipeline)
			})
		}},
		{"build without logic", "without logic", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				timely.NewBuilder(s, "empty").Build(nil)
			})
		}},
		{"unary without logic", "Unary none without logic", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Unary[epoch, int, int](xs, timely.Pipeline, "Unary none", nil)
			})
		}},
		{"sink without logic", "none without logic", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Sink(xs, timely.Pipeline, "none", nil)
			})
		}},
		{"source without a sequence", "nothing without a sequence", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				timely.Source[epoch, int](s, "nothing", nil)
			})
		}},
		{"tostream without a sequence", "ToStream without a sequence", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				timely.ToStream[epoch, int](s, nil)
			})
		}},
		{"loop variable never connected", "never connected", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				_, cycle := timely.Feedback[int](s, epoch(1))
				timely.Map(cycle, sameInt)
			})
		}},
		{"loop variable of a nested scope never connected", "never connected", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				nestedIn(s, func(inner timely.Scope[timely.Loop[epoch]]) {
					at.next()
					timely.Feedback[int](inner, timely.Loop[epoch]{Inner: 1})
				})
			})
		}},
		{"loop variable connected twice", "Concat the streams", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				loop, cycle := unconnected(s)
				xs := timely.Filter(cycle, func(int) bool { return false })
				loop.Connect(xs)
				at.next()
				loop.Connect(xs)
			})
		}},
		{"loop variable connected after its scope was built", "whose building has ended", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				var loop *timely.LoopVariable[timely.Loop[epoch], int]
				var inside loopInts
				func() {
					defer func() { _ = recover() }() // of the variable that was not connected
					nestedIn(s, func(inner timely.Scope[timely.Loop[epoch]]) {
						loop, inside = timely.Feedback[int](inner, timely.Loop[epoch]{Inner: 1})
					})
				}()
				at.next()
				loop.Connect(inside)
			})
		}},
		{"cycle without delay", "time does not advance round the cycle of", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				loop, cycle := timely.Feedback[int](s, epoch(0))
				at.next()
				round := timely.Unary(cycle, timely.Pipeline, "round", func(*intIn, *intOut) {})
				loop.Connect(round)
			})
		}},
		{"cycle of nothing but stages without delay", "time does not advance round the cycle of Loop@", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				loop, cycle := timely.Feedback[int](s, epoch(0))
				xs := timely.Map(cycle, sameInt)
				at.next()
				loop.Connect(xs)
			})
		}},
		{"cycle without delay through a nested scope", "time does not advance round the cycle of", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				loop, cycle := timely.Feedback[int](s, epoch(0))
				at.next()
				again := timely.Iterate(cycle, func(xs loopInts) (again, done loopInts) {
					return xs, timely.Exchange(xs, toWorker)
				})
				loop.Connect(again)
			})
		}},
		{"cycle without delay inside a nested scope", "time does not advance round the cycle of round@", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				nestedIn(s, func(inner timely.Scope[timely.Loop[epoch]]) {
					loop, cycle := timely.Feedback[int](inner, timely.Loop[epoch]{})
					at.next()
					round := timely.Unary(cycle, timely.Pipeline, "round", func(*timely.InPort[timely.Loop[epoch], int], *timely.OutPort[timely.Loop[epoch], int]) {})
					loop.Connect(round)
				})
			})
		}},
		{"cycle through Connect without delay", "time does not advance round the cycle of built@", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				loop, cycle := timely.Feedback[int](s, epoch(0))
				at.next()
				b := timely.NewBuilder(s, "built")
				in := timely.AddInput(b, cycle, timely.Pipeline)
				out, round := timely.AddOutput[int](b)
				b.Connect(in, out, 0)
				b.Build(func() bool { return false })
				loop.Connect(round)
			})
		}},
		{"connect of an output as input", "the first port must be one of its inputs", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				b := timely.NewBuilder(s, "built")
				out, _ := timely.AddOutput[int](b)
				at.next()
				b.Connect(out, out, 1)
			})
		}},
		{"connect of nil", "Connect", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				b := timely.NewBuilder(s, "built")
				out, _ := timely.AddOutput[int](b)
				at.next()
				b.Connect(nil, out, 1)
			})
		}},
		{"connect to another operator's output", "not one of its outputs", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				other := timely.NewBuilder(s, "other")
				out, _ := timely.AddOutput[int](other)
				b := timely.NewBuilder(s, "built")
				in := timely.AddInput(b, threeInts(s), timely.Pipeline)
				at.next()
				b.Connect(in, out, 1)
			})
		}},
		{"initial capability for an input", "not one of its outputs", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				b := timely.NewBuilder(s, "built")
				in := timely.AddInput(b, threeInts(s), timely.Pipeline)
				at.next()
				b.Initial(in)
			})
		}},
		{"nil pact", "nil pact", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Sink(xs, nil, "none", func(*intIn) {})
			})
		}},
		{"pact that calls no method", "calls no method of Routes", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Sink(xs, func(*timely.Routes[int]) {}, "none", func(*intIn) {})
			})
		}},
		{"pact that calls two methods", "calls one method of Routes, once", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				pact := func(r *timely.Routes[int]) {
					r.Stay()
					at.next()
					r.ToAll()
				}
				timely.Sink(threeInts(s), pact, "two", func(*intIn) {})
			})
		}},
		{"exchange without a key function", "needs a function", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Exchange(xs, nil)
			})
		}},
		{"partition into no parts", "there must be one at least", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Partition(xs, 0, sameInt)
			})
		}},
		{"input in a nested scope", "use it outside, and Enter", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				timely.Nested(s, "inner", order.Same[epoch](), func(inner epochScope) {
					input := timely.NewInput[epoch, int]()
					at.next()
					input.Stream(inner)
				})
			})
		}},
		{"stream of a closed input", "closed Input", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				input := timely.NewInput[epoch, int]()
				input.Close()
				at.next()
				input.Stream(s)
			})
		}},
		{"nested scope without a refinement", "needs both Enter and Leave", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				timely.Nested(s, "inner", order.Refinement[epoch, epoch]{}, func(epochScope) {})
			})
		}},
		{"dataflow inside the building of another", "one after the other", func(w *timely.Worker, at *spot) {
			flowOf(w, func(epochScope) {
				at.next()
				timely.Dataflow(w, func(epochScope) {})
			})
		}},
		{"step inside the building of a dataflow", "Step inside the building", func(w *timely.Worker, at *spot) {
			flowOf(w, func(epochScope) {
				at.next()
				w.Step()
			})
		}},
		{"poll inside the building of a dataflow", "Poll inside the building", func(w *timely.Worker, at *spot) {
			flowOf(w, func(epochScope) {
				at.next()
				w.Poll()
			})
		}},
	})
}

func TestZeroValuesAreToldWithTheirLine(t *testing.T) {
	var none epochInts
	var nowhere epochScope
	inside := func(use func(s epochScope, xs epochInts, at *spot)) func(*timely.Worker, *spot) {
		return func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) { use(s, threeInts(s), at) })
		}
	}
	const zeroStream, zeroScope = "of a zero Stream; a stream comes from", "a zero Scope; a scope comes from"
	testMisuses(t, []misuse{
		{"map", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Map(none, sameInt)
		})},
		{"map in place", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.MapInPlace(none, func(*int) {})
		})},
		{"filter", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Filter(none, func(int) bool { return true })
		})},
		{"flatmap", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.FlatMap(none, func(int) iter.Seq[int] { return counting(1) })
		})},
		{"inspect", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Inspect(none, func(int) {})
		})},
		{"inspect batch", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.InspectBatch(none, func(epoch, []int) {})
		})},
		{"split", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Split(none, func(int) bool { return true })
		})},
		{"partition", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Partition(none, 2, sameInt)
		})},
		{"concat first", zeroStream, inside(func(_ epochScope, xs epochInts, at *spot) {
			at.next()
			timely.Concat(none, xs)
		})},
		{"concat second", zeroStream, inside(func(_ epochScope, xs epochInts, at *spot) {
			at.next()
			timely.Concat(xs, none)
		})},
		{"exchange", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Exchange(none, toWorker)
		})},
		{"route", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Route(none, timely.Pipeline)
		})},
		{"map batch", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.MapBatch(none, func(in, out []int) {})
		})},
		{"count", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Count(none, toWorker)
		})},
		{"delay", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Delay(none, func(e epoch, _ int) epoch { return e })
		})},
		{"unary", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Unary(none, timely.Pipeline, "u", func(*intIn, *intOut) {})
		})},
		{"sink", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Sink(none, timely.Pipeline, "s", func(*intIn) {})
		})},
		{"binary left", zeroStream, inside(func(_ epochScope, xs epochInts, at *spot) {
			at.next()
			timely.Binary(none, timely.Pipeline, xs, timely.Pipeline, "b", func(_, _ *intIn, _ *intOut) {})
		})},
		{"binary right", zeroStream, inside(func(_ epochScope, xs epochInts, at *spot) {
			at.next()
			timely.Binary(xs, timely.Pipeline, none, timely.Pipeline, "b", func(_, _ *intIn, _ *intOut) {})
		})},
		{"probe", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			probe := timely.NewProbe[epoch]()
			at.next()
			timely.ProbeWith(none, probe)
		})},
		{"iterate", zeroStream, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Iterate(none, func(xs loopInts) (again, done loopInts) { return xs, xs })
		})},
		{"leave", zeroStream, inside(func(s epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Leave(loopInts{}, s)
		})},
		{"connect", zeroStream, inside(func(s epochScope, _ epochInts, at *spot) {
			loop, _ := timely.Feedback[int](s, epoch(1))
			at.next()
			loop.Connect(none)
		})},
		{"source in a zero scope", zeroScope, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.ToStream(nowhere, counting(1))
		})},
		{"input in a zero scope", zeroScope, inside(func(_ epochScope, _ epochInts, at *spot) {
			input := timely.NewInput[epoch, int]()
			at.next()
			input.Stream(nowhere)
		})},
		{"enter a zero scope", zeroScope, inside(func(_ epochScope, xs epochInts, at *spot) {
			at.next()
			timely.Enter(xs, timely.Scope[timely.Loop[epoch]]{})
		})},
		{"region of a zero scope", zeroScope, inside(func(_ epochScope, _ epochInts, at *spot) {
			at.next()
			timely.Region(nowhere, "part", func(epochScope) {})
		})},
		{"time of a zero capability", "zero Capability", func(_ *timely.Worker, at *spot) {
			at.next()
			timely.Capability[epoch]{}.Retain()
		}},
		{"drop of a zero capability", "zero Capability", func(_ *timely.Worker, at *spot) {
			at.next()
			timely.Capability[epoch]{}.Drop()
		}},
	})
}

func TestMisuseOfInputsIsToldWithItsLine(t *testing.T) {
	attached := func(w *timely.Worker) (*timely.Input[epoch, int], *timely.Installed) {
		input := timely.NewInput[epoch, int]()
		return input, flowOf(w, func(s epochScope) { input.Stream(s) })
	}
	testMisuses(t, []misuse{
		{"advance backwards", "AdvanceTo 2, but the input is at 3 already", func(w *timely.Worker, at *spot) {
			input, _ := attached(w)
			input.AdvanceTo(3)
			at.next()
			input.AdvanceTo(2)
		}},
		{"send when closed", "Send on a closed Input", func(w *timely.Worker, at *spot) {
			input, _ := attached(w)
			input.Send(1)
			input.Close()
			input.Close() // does nothing
			at.next()
			input.Send(1)
		}},
		{"send batch when closed", "Send on a closed Input", func(w *timely.Worker, at *spot) {
			input, _ := attached(w)
			input.Close()
			at.next()
			input.SendBatch([]int{1})
		}},
		{"advance when closed", "AdvanceTo on a closed Input", func(w *timely.Worker, at *spot) {
			input, _ := attached(w)
			input.Close()
			at.next()
			input.AdvanceTo(1)
		}},
		{"send before it is in a dataflow", "call Input.Stream while building one", func(_ *timely.Worker, at *spot) {
			input := timely.NewInput[epoch, int]()
			at.next()
			input.Send(1)
		}},
		{"send when the dataflow was dropped", "all dropped", func(w *timely.Worker, at *spot) {
			input, installed := attached(w)
			installed.Drop()
			at.next()
			input.Send(1)
		}},
		{"send when the dataflow was dropped with a buffer half full", "all dropped", func(w *timely.Worker, at *spot) {
			input, installed := attached(w)
			input.Send(1)
			installed.Drop()
			at.next()
			input.Send(2)
		}},
		{"send when both dataflows were dropped", "all dropped", func(w *timely.Worker, at *spot) {
			input, first := attached(w)
			second := flowOf(w, func(s epochScope) { input.Stream(s) })
			input.Send(1)
			first.Drop()
			input.Send(2)
			w.Poll()
			second.Drop()
			second.Drop() // does nothing
			at.next()
			input.Send(3)
		}},
	})
}

func TestAnInputOfAnotherWorkerIsRefused(t *testing.T) {
	given := make(chan *timely.Input[epoch, int], 1)
	f := mustFail(t, 2, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		if w.Index() == 1 {
			input = <-given
		}
		flowOf(w, func(s epochScope) { input.Stream(s) })
		if w.Index() == 0 {
			given <- input
			<-w.Context().Done() // it is the other's
		}
		return nil
	})
	if !strings.Contains(f.Error(), "belongs to worker 0; each worker makes its own") {
		t.Error(f)
	}
}

func TestMisuseOfProbesIsToldWithItsLine(t *testing.T) {
	testMisuses(t, []misuse{
		{"asked before it is anywhere", "before ProbeWith", func(_ *timely.Worker, at *spot) {
			probe := timely.NewProbe[epoch]()
			at.next()
			probe.LessThan(1)
		}},
		{"frontier before it is anywhere", "before ProbeWith", func(_ *timely.Worker, at *spot) {
			probe := timely.NewProbe[epoch]()
			at.next()
			probe.Frontier()
		}},
		{"put somewhere twice", "make one for each place", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				probe := timely.NewProbe[epoch]()
				xs := timely.ProbeWith(threeInts(s), probe)
				at.next()
				timely.ProbeWith(xs, probe)
			})
		}},
		{"asked when its dataflow was dropped", "was dropped", func(w *timely.Worker, at *spot) {
			probe := timely.NewProbe[epoch]()
			installed := flowOf(w, func(s epochScope) {
				timely.ProbeWith(timely.NewInput[epoch, int]().Stream(s), probe)
			})
			installed.Drop()
			at.next()
			probe.Done()
		}},
	})
}

// unaryWrong has a Unary do something with the first batch that arrives, at time 5.
func unaryWrong(at *spot, w *timely.Worker, do func(c timely.Capability[epoch], records []int, out *intOut)) {
	input := timely.NewInput[epoch, int]()
	flowOf(w, func(s epochScope) {
		xs := input.Stream(s)
		at.next()
		timely.Unary(xs, timely.Pipeline, "wrong", func(in *intIn, out *intOut) {
			for c, records := range in.Batches() {
				do(c, records, out)
			}
		})
	})
	input.AdvanceTo(5)
	input.Send(1)
	input.AdvanceTo(6)
	input.Send(2)
}

// builtWrong has an operator with an input and two outputs do something with the
// batches that arrive, at times 5 and 6. The first output is reached by 1, and the
// second is not, if delayed.
func builtWrong(at *spot, w *timely.Worker, delayed bool, do func(c timely.Capability[epoch], one, two *intOut)) {
	input := timely.NewInput[epoch, int]()
	flowOf(w, func(s epochScope) {
		xs := input.Stream(s)
		at.next()
		b := timely.NewBuilder(s, "wrong")
		in := timely.AddInput(b, xs, timely.Pipeline)
		one, _ := timely.AddOutput[int](b)
		two, _ := timely.AddOutput[int](b)
		if delayed {
			b.Connect(in, one, 1)
		}
		b.Build(func() bool {
			for c := range in.Batches() {
				do(c, one, two)
			}
			return false
		})
	})
	input.AdvanceTo(5)
	input.Send(1)
	input.AdvanceTo(6)
	input.Send(2)
}

func TestMisuseOfCapabilitiesIsToldWithTheOperatorsLine(t *testing.T) {
	type capability = timely.Capability[epoch]
	// again is given the capability of an earlier loop turn.
	again := func(do func(old capability, out *intOut)) func(*timely.Worker, *spot) {
		return func(w *timely.Worker, at *spot) {
			var old *capability
			unaryWrong(at, w, func(c capability, _ []int, out *intOut) {
				if old != nil {
					do(*old, out)
				}
				old = &c
			})
		}
	}
	now := func(do func(c capability, out *intOut)) func(*timely.Worker, *spot) {
		return func(w *timely.Worker, at *spot) {
			unaryWrong(at, w, func(c capability, _ []int, out *intOut) { do(c, out) })
		}
	}
	const late, lent, later = "after its turn of the loop; Retain it to keep it", "only lent", "which is not later"
	testMisuses(t, []misuse{
		{"session with an old one", "wrong@", again(func(c capability, out *intOut) { out.Session(c) })},
		{"session after its turn", late, again(func(c capability, out *intOut) { out.Session(c) })},
		{"retain after its turn", late, again(func(c capability, _ *intOut) { c.Retain() })},
		{"delay after its turn", late, again(func(c capability, _ *intOut) { c.Delay(9) })},
		{"delayed one after its turn", late, again(func(c capability, out *intOut) { out.Session(c) })},
		{"notify at an old one", late, again(func(c capability, _ *intOut) { timely.NewNotificator[epoch]().NotifyAt(c) })},
		{"drop of a lent one", lent, now(func(c capability, _ *intOut) { c.Drop() })},
		{"downgrade of a lent one", lent, now(func(c capability, _ *intOut) { c.Downgrade(9) })},
		{"drop of a delayed one", lent, now(func(c capability, _ *intOut) { c.Retain().Delay(9).Drop() })},
		{"delay to a smaller time", "from 5 to 4, " + later, now(func(c capability, _ *intOut) { c.Delay(4) })},
		{"downgrade to a smaller time", "from 5 to 4, " + later, now(func(c capability, _ *intOut) { c.Retain().Downgrade(4) })},
		{"session after drop", "was dropped", now(func(c capability, out *intOut) {
			kept := c.Retain()
			kept.Drop()
			out.Session(kept)
		})},
		{"double drop", "was dropped", now(func(c capability, _ *intOut) {
			kept := c.Retain()
			copied := kept
			kept.Drop()
			copied.Drop()
		})},
		{"time after drop", "was dropped", now(func(c capability, _ *intOut) {
			kept := c.Retain()
			kept.Drop()
			_ = kept.Time()
		})},
		{"drop of one that was dropped and is used again for another", "was dropped", now(func(c capability, _ *intOut) {
			kept := c.Retain()
			kept.Drop()
			c.Retain()
			kept.Drop()
		})},
		{"delayed one of a retained one that has moved on", "has moved to 9", now(func(c capability, out *intOut) {
			kept := c.Retain()
			delayed := kept.Delay(7)
			kept.Downgrade(9)
			out.Session(delayed)
		})},
		{"retain with several outputs", "2 outputs; use RetainFor", func(w *timely.Worker, at *spot) {
			builtWrong(at, w, false, func(c capability, _, _ *intOut) { c.Retain() })
		}},
		{"retain for nil", "nil Port", now(func(c capability, _ *intOut) { c.RetainFor(nil) })},
		{"retain for one output and use for another", "for output 0 is used for output 1", func(w *timely.Worker, at *spot) {
			builtWrong(at, w, false, func(c capability, one, two *intOut) { two.Session(c.RetainFor(one)) })
		}},
		{"session that the path delays", "by a delay of [1]", func(w *timely.Worker, at *spot) {
			builtWrong(at, w, true, func(c capability, one, _ *intOut) { one.Session(c) })
		}},
		{"retain for an output that the path delays", "by a delay of [1]", func(w *timely.Worker, at *spot) {
			builtWrong(at, w, true, func(c capability, one, _ *intOut) { c.RetainFor(one) })
		}},
		{"session at an output that is not connected", "by no path", func(w *timely.Worker, at *spot) {
			builtWrong(at, w, true, func(c capability, _, two *intOut) { two.Session(c.Delay(9)) })
		}},
		{"drop of a notificator's", lent, notifiedWrong(func(c capability, _ *intOut) { c.Drop() })},
		{"downgrade of a notificator's", lent, notifiedWrong(func(c capability, _ *intOut) { c.Downgrade(9) })},
		{"a notificator's after its turn", "lent by a notificator for an earlier turn", func(w *timely.Worker, at *spot) {
			var old *capability
			notifiedWrong(func(c capability, out *intOut) {
				if old != nil {
					out.Session(*old)
				}
				old = &c
			})(w, at)
		}},
	})
}

// notifiedWrong has an operator do something with the capabilities of a notificator.
func notifiedWrong(do func(timely.Capability[epoch], *intOut)) func(*timely.Worker, *spot) {
	return func(w *timely.Worker, at *spot) {
		input := timely.NewInput[epoch, int]()
		flowOf(w, func(s epochScope) {
			xs := input.Stream(s)
			complete := timely.NewNotificator[epoch]()
			at.next()
			timely.Unary(xs, timely.Pipeline, "wrong", func(in *intIn, out *intOut) {
				for c := range in.Batches() {
					complete.NotifyAt(c)
				}
				for c := range complete.Ready(in.Frontier()) {
					do(c, out)
				}
			})
		})
		for e := range epoch(3) {
			input.AdvanceTo(e)
			input.Send(1)
		}
	}
}

func TestADelayedPathAllowsWhatItSays(t *testing.T) {
	var at spot
	sent := 0
	err := mustEnd(t, 1, func(w *timely.Worker) error {
		builtWrong(&at, w, true, func(c timely.Capability[epoch], one, _ *intOut) {
			one.Session(c.Delay(c.Time() + 1)).Send(1)
			kept := c.Delay(c.Time() + 2).RetainFor(one)
			one.Session(kept).Send(2)
			kept.Drop()
			sent++
		})
		return nil
	})
	if err != nil || sent != 2 {
		t.Error(err, sent)
	}
}

func TestMisuseOfPortsAndSessionsIsToldWithTheOperatorsLine(t *testing.T) {
	type capability = timely.Capability[epoch]
	// leak gives away the ports of an operator, after a turn of it.
	leak := func(do func(in *intIn, out *intOut, kept capability, w *timely.Worker)) func(*timely.Worker, *spot) {
		return func(w *timely.Worker, at *spot) {
			input := timely.NewInput[epoch, int]()
			var in *intIn
			var out *intOut
			var kept capability
			flowOf(w, func(s epochScope) {
				xs := input.Stream(s)
				at.next()
				timely.Unary(xs, timely.Pipeline, "wrong", func(i *intIn, o *intOut) {
					in, out = i, o
					for c := range i.Batches() {
						kept = c.Retain()
					}
				})
			})
			input.Send(1)
			for in == nil {
				w.Step()
			}
			do(in, out, kept, w)
		}
	}
	const outside = "outside its turn"
	testMisuses(t, []misuse{
		{"batches outside", outside, leak(func(in *intIn, _ *intOut, _ capability, _ *timely.Worker) {
			for range in.Batches() {
			}
		})},
		{"frontier outside", outside, leak(func(in *intIn, _ *intOut, _ capability, _ *timely.Worker) { in.Frontier() })},
		{"session outside", outside, leak(func(_ *intIn, out *intOut, kept capability, _ *timely.Worker) { out.Session(kept) })},
		{"ready outside", outside, leak(func(_ *intIn, _ *intOut, kept capability, _ *timely.Worker) {
			n := timely.NewNotificator[epoch]()
			n.NotifyAt(kept)
			for range n.Ready() {
			}
		})},
		{"batches of another operator", outside, leak(func(in *intIn, _ *intOut, _ capability, w *timely.Worker) {
			flowOf(w, func(s epochScope) {
				timely.Sink(threeInts(s), timely.Pipeline, "other", func(*intIn) {
					for range in.Batches() {
					}
				})
			})
			w.Step()
		})},
		{"session at a capability of another operator", "is used in other@", leak(func(_ *intIn, _ *intOut, kept capability, w *timely.Worker) {
			flowOf(w, func(s epochScope) {
				timely.Unary(threeInts(s), timely.Pipeline, "other", func(in *intIn, out *intOut) {
					for range in.Batches() {
						out.Session(kept)
					}
				})
			})
			w.Step()
		})},
		{"notificator of another operator", "is given a capability of other@", leak(func(_ *intIn, _ *intOut, kept capability, w *timely.Worker) {
			n := timely.NewNotificator[epoch]()
			n.NotifyAt(kept)
			flowOf(w, func(s epochScope) {
				timely.Unary(threeInts(s), timely.Pipeline, "other", func(in *intIn, _ *intOut) {
					for c := range in.Batches() {
						n.NotifyAt(c)
					}
				})
			})
			w.Step()
		})},
		{"send in a session of an earlier turn", "that has ended", func(w *timely.Worker, at *spot) {
			var old *timely.Session[epoch, int]
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				xs := input.Stream(s)
				at.next()
				timely.Unary(xs, timely.Pipeline, "wrong", func(in *intIn, out *intOut) {
					for c := range in.Batches() {
						if old != nil {
							old.Send(1)
						}
						session := out.Session(c)
						session.Send(1)
						old = &session
					}
				})
			})
			input.Send(1)
			w.Step()
			input.Send(1)
			w.Step()
		}},
		{"send in a session after its turn, outside", "that has ended", func(w *timely.Worker, at *spot) {
			var old timely.Session[epoch, int]
			unaryWrong(at, w, func(c capability, _ []int, out *intOut) { old = out.Session(c) })
			w.Step()
			old.Send(1)
		}},
		{"send in a session after one at another time was opened", "because one at another time was opened", func(w *timely.Worker, at *spot) {
			unaryWrong(at, w, func(c capability, _ []int, out *intOut) {
				first := out.Session(c)
				first.Send(1)
				out.Session(c.Delay(7)).Send(2)
				first.Send(3)
			})
		}},
		{"send batch in a session after one at another time was opened", "because one at another time was opened", func(w *timely.Worker, at *spot) {
			unaryWrong(at, w, func(c capability, records []int, out *intOut) {
				first := out.Session(c)
				out.Session(c.Delay(7))
				first.SendBatch(records)
			})
		}},
		{"session of an output of another operator", outside, func(w *timely.Worker, at *spot) {
			var other *intOut
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Unary(xs, timely.Pipeline, "wrong", func(_ *intIn, out *intOut) { other = out })
				timely.Unary(xs, timely.Pipeline, "user", func(in *intIn, _ *intOut) {
					for c := range in.Batches() {
						other.Session(c)
					}
				})
			})
		}},
	})
}

func TestTheWorkerIsNotDrivenFromInsideATurn(t *testing.T) {
	inTurn := func(do func(*timely.Worker, *timely.Installed)) func(*timely.Worker, *spot) {
		return func(w *timely.Worker, at *spot) {
			other := flowOf(w, func(s epochScope) { timely.NewInput[epoch, int]().Stream(s) })
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Sink(xs, timely.Pipeline, "wrong", func(in *intIn) { do(w, other) })
			})
		}
	}
	const from = " inside a turn of wrong@"
	testMisuses(t, []misuse{
		{"Step", "Step" + from, inTurn(func(w *timely.Worker, _ *timely.Installed) { w.Step() })},
		{"StepFor", "Step" + from, inTurn(func(w *timely.Worker, _ *timely.Installed) { w.StepFor(0) })},
		{"Poll", "Poll" + from, inTurn(func(w *timely.Worker, _ *timely.Installed) { w.Poll() })},
		{"Dataflow", "Dataflow" + from, inTurn(func(w *timely.Worker, _ *timely.Installed) { flowOf(w, func(epochScope) {}) })},
		{"Drop", "Drop" + from, inTurn(func(_ *timely.Worker, i *timely.Installed) { i.Drop() })},
		{"Input.Send", "Input.Send" + from, func(w *timely.Worker, at *spot) {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				xs := input.Stream(s)
				at.next()
				timely.Sink(xs, timely.Pipeline, "wrong", func(*intIn) { input.Send(7) })
			})
			input.Send(1)
		}},
		{"the line of the call is named, too", "", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				timely.Sink(threeInts(s), timely.Pipeline, "wrong", func(*intIn) {
					at.next()
					w.Step()
				})
			})
		}},
	})
}

func TestWrongFunctionsAreToldWithTheOperatorsLine(t *testing.T) {
	sink := func(w *timely.Worker, at *spot, pact timely.Pact[int]) {
		flowOf(w, func(s epochScope) {
			xs := threeInts(s)
			at.next()
			timely.Sink(xs, pact, "routed", func(in *intIn) {
				for range in.Batches() {
				}
			})
		})
	}
	testMisuses(t, []misuse{
		{"partition beyond the parts", "returned 7; there are 2 parts", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Partition(xs, 2, func(int) int { return 7 })
			})
		}},
		{"partition before the parts", "returned -1; there are 2 parts", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Partition(xs, 2, func(int) int { return -1 })
			})
		}},
		{"delay backwards", "from 5 to 4, which is not later", func(w *timely.Worker, at *spot) {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				xs := input.Stream(s)
				at.next()
				timely.Delay(xs, func(e epoch, _ int) epoch { return e - 1 })
			})
			input.AdvanceTo(5)
			input.Send(1)
		}},
		{"source backwards", "yields time 2 after 3; its times must not go back", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				timely.Source(s, "back", func(yield func(epoch, int) bool) { _ = yield(3, 0) && yield(2, 0) })
			})
		}},
		{"loop with too great a delay", "the loop has run out of times", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				loop, cycle := timely.Feedback[int](s, epoch(math.MaxInt64/2))
				loop.Connect(timely.Map(timely.Concat(threeInts(s), cycle), sameInt))
			})
		}},
		{"loop with the greatest delay", "the loop has run out of times", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				loop, cycle := timely.Feedback[int](s, ^epoch(0))
				loop.Connect(timely.Exchange(timely.Concat(threeInts(s), cycle), toWorker))
			})
		}},
		{"flatmap whose sequence goes on after it has returned", "after it had returned", func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				var kept func(int) bool
				xs := threeInts(s)
				at.next()
				timely.FlatMap(xs, func(int) iter.Seq[int] {
					return func(yield func(int) bool) {
						if kept != nil {
							kept(1)
						}
						kept = yield
					}
				})
				timely.Sink(xs, timely.Pipeline, "after", func(in *intIn) {
					for range in.Batches() {
						kept(1)
					}
				})
			})
		}},
	})
	t.Run("router beyond the last worker", func(t *testing.T) {
		for workers := 2; workers <= 3; workers++ {
			at := make([]spot, workers)
			f := mustFail(t, workers, func(w *timely.Worker) error {
				sink(w, &at[w.Index()], func(r *timely.Routes[int]) {
					r.ByBatch(func(_ []int, to []uint32) {
						for i := range to {
							to[i] = uint32(r.Peers())
						}
					})
				})
				return nil
			})
			if f.Operator != "routed" || f.Site != at[f.Worker].String() || !strings.Contains(f.Error(), "routes to") {
				t.Error(f)
			}
		}
	})
}

// TestALoopThatOverflowsNamesTheLoop: not the stage that happened to push last.
func TestALoopThatOverflowsNamesTheLoop(t *testing.T) {
	var at spot
	f := mustFail(t, 1, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			at.next()
			loop, cycle := timely.Feedback[int](s, epoch(1<<62))
			loop.Connect(timely.Map(timely.Concat(threeInts(s), cycle), sameInt))
		})
		return nil
	})
	if f.Operator != "Feedback" || f.Site != at.String() {
		t.Error(f)
	}
}

// TestNestedLoopsOverTwoInputsKeepBothCapabilities: each is lent for the turn of
// its own loop.
func TestNestedLoopsOverTwoInputsKeepBothCapabilities(t *testing.T) {
	var pairs []int
	err := mustEnd(t, 1, func(w *timely.Worker) error {
		left, right := timely.NewInput[epoch, int](), timely.NewInput[epoch, int]()
		flowOf(w, func(s epochScope) {
			both := timely.Binary(left.Stream(s), timely.Pipeline, right.Stream(s), timely.Pipeline, "pairs", func(l, r *intIn, out *intOut) {
				for at, ls := range l.Batches() {
					for _, rs := range r.Batches() {
						out.Session(at).Send(ls[0] * rs[0])
					}
					out.Session(at).Send(ls[0])
				}
			})
			timely.Inspect(both, func(n int) { pairs = append(pairs, n) })
		})
		for i := range 3 {
			left.AdvanceTo(epoch(i))
			left.Send(2 + i)
			right.AdvanceTo(epoch(i))
			right.Send(10)
		}
		return nil
	})
	if err != nil || len(pairs) != 6 {
		t.Error(err, pairs)
	}
}

func TestDifferentDataflowsAreRefused(t *testing.T) {
	tests := []struct {
		name  string
		want  []string // with %s for the sites that each worker marks
		build func(w *timely.Worker, at *spot)
	}{
		{"another operator", []string{"Filter@", "Map@", "every worker must build the same dataflows"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				if w.Index() == 0 {
					at.next()
					timely.Map(xs, sameInt)
				} else {
					at.next()
					timely.Filter(xs, func(int) bool { return true })
				}
			})
		}},
		{"another type", []string{"Map@"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				if w.Index() == 0 {
					at.next()
					timely.Map(xs, sameInt)
				} else {
					at.next()
					timely.Map(xs, func(int) string { return "" })
				}
			})
		}},
		{"another interface type", []string{"ToStream@"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				if w.Index() == 0 {
					at.next()
					timely.Broadcast(timely.ToStream(s, func(func(error) bool) {}))
				} else {
					at.next()
					timely.Broadcast(timely.ToStream(s, func(func(any) bool) {}))
				}
			})
		}},
		{"another time", []string{"once@"}, func(w *timely.Worker, at *spot) {
			if w.Index() == 0 {
				timely.Dataflow(w, func(s timely.Scope[epoch]) {
					at.next()
					timely.Source(s, "once", func(func(epoch, int) bool) {})
				})
			} else {
				timely.Dataflow(w, func(s timely.Scope[timely.Loop[epoch]]) {
					at.next()
					timely.Source(s, "once", func(func(timely.Loop[epoch], int) bool) {})
				})
			}
		}},
		{"another pact", []string{"swap@"}, func(w *timely.Worker, at *spot) {
			pact := timely.ExchangeBy(toWorker)
			if w.Index() == 0 {
				pact = timely.Pipeline
			}
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Sink(xs, pact, "swap", func(*intIn) {})
			})
		}},
		{"another name", []string{"swap0@", "swap1@"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				timely.Sink(xs, timely.Pipeline, fmt.Sprint("swap", w.Index()), func(*intIn) {})
			})
		}},
		{"another summary", []string{"built@"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				xs := threeInts(s)
				at.next()
				b := timely.NewBuilder(s, "built")
				in := timely.AddInput(b, xs, timely.Pipeline)
				out, _ := timely.AddOutput[int](b)
				b.Connect(in, out, epoch(w.Index()))
				b.Build(func() bool { return false })
			})
		}},
		{"another delay", []string{"Feedback@"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				loop, cycle := timely.Feedback[int](s, epoch(1+w.Index()))
				loop.Connect(timely.Filter(cycle, func(int) bool { return false }))
			})
		}},
		{"another edge", []string{"swap@"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				two := []epochInts{threeInts(s), threeInts(s)}
				at.next()
				timely.Sink(two[w.Index()], timely.Pipeline, "swap", func(*intIn) {})
			})
		}},
		{"one more at the end", []string{"Exchange@"}, func(w *timely.Worker, at *spot) {
			flowOf(w, func(s epochScope) {
				at.next()
				xs := threeInts(s)
				if w.Index() == 1 {
					timely.Exchange(xs, toWorker)
				}
			})
		}},
		{"another order", []string{"ToStream@", "Input@"}, func(w *timely.Worker, at *spot) {
			one := func() {
				flowOf(w, func(s epochScope) {
					at.next()
					timely.ToStream(s, counting(3))
				})
			}
			two := func() {
				flowOf(w, func(s epochScope) {
					at.next()
					timely.NewInput[epoch, int]().Stream(s)
				})
			}
			if w.Index() == 0 {
				one()
				two()
			} else {
				two()
				one()
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var at [2]spot
			var mu sync.Mutex
			f := mustFail(t, 2, func(w *timely.Worker) error {
				var own spot
				defer func() { mu.Lock(); defer mu.Unlock(); at[w.Index()] = own }()
				test.build(w, &own)
				return nil
			})
			text := f.Error()
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("%v\n\twant %q", text, want)
				}
			}
			if test.name == "one more at the end" || test.name == "another order" {
				return // the sites are not the marked ones
			}
			for i := range at {
				if !strings.Contains(text, at[i].String()) {
					t.Errorf("%v\n\twant the site of worker %d, %v", text, i, &at[i])
				}
			}
		})
	}
}

// TestInspectIsNotAgreedOn: one worker may look.
func TestInspectIsNotAgreedOn(t *testing.T) {
	for watcher := range 2 {
		err := mustEnd(t, 2, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) {
				xs := timely.Map(input.Stream(s), sameInt)
				if w.Index() == watcher {
					xs = timely.Inspect(xs, func(int) {})
					xs = timely.InspectTime(xs, func(epoch, int) {})
					xs = timely.InspectBatch(xs, func(epoch, []int) {})
				}
				timely.Exchange(xs, toWorker)
			})
			input.Send(w.Index())
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestAWorkerThatReturnsWithoutADataflowOfItsPeersFails(t *testing.T) {
	var at spot
	build := func(w *timely.Worker) {
		at.next()
		timely.Dataflow(w, func(s epochScope) { timely.Exchange(timely.NewInput[epoch, int]().Stream(s), toWorker) })
	}
	for _, workers := range []int{2, 3, 4} {
		t.Run(fmt.Sprint(workers, " workers, returned first"), func(t *testing.T) {
			returned := make(chan struct{})
			f := mustFail(t, workers, func(w *timely.Worker) error {
				if w.Index() == 1 {
					close(returned)
					return nil
				}
				if w.Index() > 0 {
					<-w.Context().Done()
					return nil
				}
				<-returned
				build(w)
				return nil
			})
			if !strings.Contains(f.Error(), at.String()) || !strings.Contains(f.Error(), "every worker must build the same dataflows") {
				t.Error(f)
			}
		})
		t.Run(fmt.Sprint(workers, " workers, returned later"), func(t *testing.T) {
			built := make(chan struct{})
			f := mustFail(t, workers, func(w *timely.Worker) error {
				if w.Index() == 0 {
					build(w)
					close(built)
				}
				<-built
				return nil
			})
			if !strings.Contains(f.Error(), at.String()) || f.Worker == 0 {
				t.Error(f)
			}
		})
	}
}

func TestMisuseThatIsRecoveredFromLeavesTheWorkerUsable(t *testing.T) {
	got := 0
	err := mustEnd(t, 2, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		var misused error
		func() {
			defer func() { misused, _ = recover().(error) }()
			flowOf(w, func(s epochScope) {
				timely.Exchange(input.Stream(s), toWorker)
				timely.Feedback[int](s, epoch(1))
			})
		}()
		if misused == nil {
			return errors.New("an unconnected loop variable was accepted")
		}
		flowOf(w, func(s epochScope) {
			xs := timely.Exchange(input.Stream(s), func(int) uint64 { return 0 })
			timely.Inspect(xs, func(n int) { got += n })
		})
		input.Send(1)
		return nil
	})
	if err != nil || got != 2 {
		t.Error(err, got)
	}
}
