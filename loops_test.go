package timely_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
	"github.com/timely-go/timely/timelytest"
)

// This file is about loops and scopes inside scopes.

// trip is a record that goes round a loop until nothing is left of it.
type trip struct{ from, left, rounds int }

func onward(r trip) trip { return trip{r.from, r.left - 1, r.rounds + 1} }
func going(r trip) bool  { return r.left > 0 }

// countdown sends each number's trip round a loop to zero.
func countdown[T timely.Timestamp[T]](s timely.Stream[T, int]) timely.Stream[T, trip] {
	begin := timely.Map(s, func(n int) trip { return trip{from: n, left: n%7 + 1} })
	return timely.Iterate(begin, func(trips timely.Stream[timely.Loop[T], trip]) (again, done timely.Stream[timely.Loop[T], trip]) {
		return timely.Split(timely.Map(trips, onward), going)
	})
}

// wantTrips checks that each number of numbersOverTime came once, at its time.
func wantTrips(t *testing.T, answer *timelytest.Collected[trip], rounds func(n int) int) {
	t.Helper()
	for n := range 60 {
		if want := (trip{n, 0, rounds(n)}); !slices.Contains(answer.At(timely.Epoch(n%5)), want) {
			t.Errorf("%+v is not at %d: %+v", want, n%5, answer.At(timely.Epoch(n%5)))
		}
	}
	if answer.Len() != 60 {
		t.Errorf("%d records, want 60", answer.Len())
	}
}

func TestStagesGoRoundALoop(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[trip]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) { timelytest.Collect(countdown(s), out) })
		return nil
	}, upToFour)
	wantTrips(t, answer, func(n int) int { return n%7 + 1 })
}

// countdownTwice is a loop inside a loop, generic over the time outside: each
// round of the outer loop goes round the inner one until it has lost three.
func countdownTwice[T timely.Timestamp[T]](s timely.Stream[T, trip]) timely.Stream[T, trip] {
	return timely.Iterate(s, func(trips timely.Stream[timely.Loop[T], trip]) (again, done timely.Stream[timely.Loop[T], trip]) {
		moved := timely.Exchange(trips, func(r trip) uint64 { return uint64(r.left) })
		lost := timely.Iterate(moved, func(trips timely.Stream[timely.Loop[timely.Loop[T]], trip]) (again, done timely.Stream[timely.Loop[timely.Loop[T]], trip]) {
			next := timely.Exchange(timely.Map(trips, onward), func(r trip) uint64 { return uint64(r.left) })
			return timely.Split(next, func(r trip) bool { return r.left%3 != 0 })
		})
		return timely.Split(lost, going)
	})
}

func TestLoopInsideALoop(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[trip]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			begin := timely.Map(s, func(n int) trip { return trip{from: n, left: n + 1} })
			timelytest.Collect(countdownTwice(begin), out)
		})
		return nil
	}, upToFour)
	wantTrips(t, answer, func(n int) int { return n + 1 })
}

// TestMutuallyRecursiveLoopVariables sends even numbers through one variable and
// odd ones through the other: n goes from one to the other n times.
func TestMutuallyRecursiveLoopVariables(t *testing.T) {
	for name, key := range map[string]func(s timely.Stream[timely.Epoch, trip]) timely.Stream[timely.Epoch, trip]{
		"stages only": func(s timely.Stream[timely.Epoch, trip]) timely.Stream[timely.Epoch, trip] { return s },
		"exchanged": func(s timely.Stream[timely.Epoch, trip]) timely.Stream[timely.Epoch, trip] {
			return timely.Exchange(s, func(r trip) uint64 { return uint64(r.left) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[trip]) error {
				numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
					begin := timely.Map(s, func(n int) trip { return trip{from: n, left: n} })
					even, odd := timely.Split(begin, func(r trip) bool { return r.left%2 == 0 })
					evens, evenAgain := timely.Feedback[trip](s.Scope(), 10)
					odds, oddAgain := timely.Feedback[trip](s.Scope(), 20)
					allEven := key(timely.Concat(even, evenAgain))
					allOdd := key(timely.Concat(odd, oddAgain))
					further, done := timely.Split(allEven, going)
					odds.Connect(timely.Map(further, onward))
					evens.Connect(timely.Map(allOdd, onward))
					timelytest.Collect(done, out)
				})
				return nil
			}, upToFour)
			for n := range 60 {
				at := timely.Epoch(n%5 + n/2*30 + n%2*10) // an odd one goes to the even ones first
				if !slices.Contains(answer.At(at), trip{n, 0, n}) {
					t.Errorf("%d is not at %v", n, at)
				}
			}
			if answer.Len() != 60 {
				t.Errorf("%d records, want 60", answer.Len())
			}
		})
	}
}

// TestFeedbackStraightIntoAnotherLoopVariable connects one variable's stream to
// another as it is, before and after the first is connected itself.
func TestFeedbackStraightIntoAnotherLoopVariable(t *testing.T) {
	for _, connectedFirst := range []bool{false, true} {
		t.Run(fmt.Sprint("connected first: ", connectedFirst), func(t *testing.T) {
			answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[trip]) error {
				numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
					first, once := timely.Feedback[trip](s.Scope(), 10)
					second, twice := timely.Feedback[trip](s.Scope(), 100)
					begin := timely.Map(s, func(n int) trip { return trip{from: n, left: n%7 + 1} })
					again, done := timely.Split(timely.Map(timely.Concat(begin, twice), onward), going)
					if connectedFirst {
						first.Connect(again)
						second.Connect(once)
					} else {
						second.Connect(once)
						first.Connect(again)
					}
					timelytest.Collect(done, out)
				})
				return nil
			}, upToFour)
			for n := range 60 {
				if at := timely.Epoch(n%5 + n%7*110); !slices.Contains(answer.At(at), trip{n, 0, n%7 + 1}) {
					t.Errorf("%d is not at %v", n, at)
				}
			}
		})
	}
}

// TestLoopOfNothing connects a variable to its own stream.
func TestLoopOfNothing(t *testing.T) {
	timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			loop, cycle := timely.Feedback[int](s.Scope(), 1)
			loop.Connect(cycle)
			timelytest.Collect(timely.Concat(s, cycle), out)
		})
		return nil
	}, upToFour)
}

// TestLoopThroughAScopeOfStages goes round through a scope in which there are only
// stages.
func TestLoopThroughAScopeOfStages(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[trip]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			loop, cycle := timely.Feedback[trip](s.Scope(), 10)
			begin := timely.Map(s, func(n int) trip { return trip{from: n, left: n%7 + 1} })
			var again, done timely.Stream[timely.Epoch, trip]
			timely.Nested(s.Scope(), "stages", order.LoopRefinement[timely.Epoch](), func(inner timely.Scope[timely.Loop[timely.Epoch]]) {
				moved := timely.Map(timely.Enter(timely.Concat(begin, cycle), inner), onward)
				further, home := timely.Split(moved, going)
				again, done = timely.Leave(further, s.Scope()), timely.Leave(home, s.Scope())
			})
			loop.Connect(again)
			timelytest.Collect(done, out)
		})
		return nil
	}, upToFour)
	for n := range 60 {
		if at := timely.Epoch(n%5 + n%7*10); !slices.Contains(answer.At(at), trip{n, 0, n%7 + 1}) {
			t.Errorf("%d is not at %v", n, at)
		}
	}
}

// TestLoopThroughTheVariableOfAnotherScope goes round through nothing but stages
// and a second loop variable, which is in a scope inside.
func TestLoopThroughTheVariableOfAnotherScope(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[trip]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			loop, cycle := timely.Feedback[trip](s.Scope(), 10)
			begin := timely.Map(s, func(n int) trip { return trip{from: n, left: n%7 + 1} })
			again, done := timely.Split(timely.Map(timely.Concat(begin, cycle), onward), going)
			var round timely.Stream[timely.Epoch, trip]
			timely.Nested(s.Scope(), "inside", order.LoopRefinement[timely.Epoch](), func(inner timely.Scope[timely.Loop[timely.Epoch]]) {
				within, later := timely.Feedback[trip](inner, timely.Loop[timely.Epoch]{Inner: 1})
				within.Connect(timely.Enter(again, inner))
				round = timely.Leave(later, s.Scope())
			})
			loop.Connect(round)
			timelytest.Collect(done, out)
		})
		return nil
	}, upToFour)
	for n := range 60 {
		if at := timely.Epoch(n%5 + n%7*10); !slices.Contains(answer.At(at), trip{n, 0, n%7 + 1}) {
			t.Errorf("%d is not at %v", n, at)
		}
	}
}

// timed is a record that knows the time at which it must arrive.
type timed struct {
	at   timely.Loop[timely.Epoch]
	left int
}

// TestRecordsOfALoopCarryTheirOwnTime has entering and fed-back records meet in
// stages that they share, one of which is a FlatMap that is paused.
func TestRecordsOfALoopCarryTheirOwnTime(t *testing.T) {
	for name, between := range map[string]func(timely.Stream[timely.Loop[timely.Epoch], timed]) timely.Stream[timely.Loop[timely.Epoch], timed]{
		"stages": func(s timely.Stream[timely.Loop[timely.Epoch], timed]) timely.Stream[timely.Loop[timely.Epoch], timed] {
			return s
		},
		"exchange": func(s timely.Stream[timely.Loop[timely.Epoch], timed]) timely.Stream[timely.Loop[timely.Epoch], timed] {
			return timely.Exchange(s, func(r timed) uint64 { return uint64(r.left) + uint64(r.at.Inner) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[timed]) error {
				check := func(at timely.Loop[timely.Epoch], r timed) {
					if at != r.at {
						t.Errorf("%+v arrives at %v", r, at)
					}
				}
				numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
					begin := timely.Map(s, func(n int) timed {
						return timed{timely.Loop[timely.Epoch]{Outer: timely.Epoch(n % 5)}, n % 4}
					})
					done := timely.Iterate(begin, func(all timely.Stream[timely.Loop[timely.Epoch], timed]) (again, done timely.Stream[timely.Loop[timely.Epoch], timed]) {
						first := timely.InspectTime(timely.Map(all, func(r timed) timed { return r }), check)
						many := timely.FlatMap(first, func(r timed) iter.Seq[timed] {
							return func(yield func(timed) bool) {
								for range 2 {
									yield(r)
								}
							}
						})
						moved := timely.InspectTime(between(timely.InspectTime(many, check)), check)
						next := timely.Map(moved, func(r timed) timed {
							r.left--
							r.at.Inner++
							return r
						})
						return timely.Split(next, func(r timed) bool { return r.left >= 0 })
					})
					timelytest.Collect(done, out)
				})
				return nil
			}, upToFour)
		})
	}
}

// TestNestedPassThroughRegions does nothing in regions and scopes inside each
// other, with workers that park, one of which feeds the others.
func TestNestedPassThroughRegions(t *testing.T) {
	for _, workers := range upToFour {
		timelytest.Run(t, workers, func(w *timely.Worker) error {
			input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
			seen := 0
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				passed := input.Stream(s)
				timely.Region(s, "outer", func(outer timely.Scope[timely.Epoch]) {
					timely.Region(outer, "inner", func(timely.Scope[timely.Epoch]) {})
					timely.Nested(outer, "same", order.Same[timely.Epoch](), func(same timely.Scope[timely.Epoch]) {
						in := timely.Enter(passed, same)
						timely.Nested(same, "loop", order.LoopRefinement[timely.Epoch](), func(loop timely.Scope[timely.Loop[timely.Epoch]]) {
							in = timely.Leave(timely.Enter(in, loop), same)
						})
						passed = timely.Leave(in, outer)
					})
				})
				owned := timely.Exchange(passed, uintOf)
				timely.ProbeWith(timely.Inspect(owned, func(int) { seen++ }), probe)
			})
			for round := range 100 {
				if w.Index() == 0 {
					for n := range w.Peers() {
						input.Send(n)
					}
				}
				input.AdvanceTo(timely.Epoch(round + 1))
				for probe.LessThan(input.Time()) {
					w.Step()
				}
				if seen <= round { // more, if worker 0 is ahead
					t.Errorf("worker %d of %d has seen only %d records after round %d", w.Index(), w.Peers(), seen, round)
				}
			}
			return nil
		})
	}
}

// weeks is a time of the program's own refining epochs: a week, then a day.
type weeks = order.Lexicographic[timely.Epoch, timely.Epoch]

// TestNestedWithALexicographicTime runs a loop over days inside a week.
func TestNestedWithALexicographicTime(t *testing.T) {
	byDay := order.Refinement[timely.Epoch, weeks]{
		Enter: func(e timely.Epoch) weeks { return weeks{First: e} },
		Leave: func(d weeks) timely.Epoch { return d.First },
	}
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[trip]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			begin := timely.Map(s, func(n int) trip { return trip{from: n, left: n%7 + 1} })
			timely.Nested(s.Scope(), "days", byDay, func(inner timely.Scope[weeks]) {
				loop, cycle := timely.Feedback[trip](inner, weeks{Second: 1})
				all := timely.Concat(timely.Enter(begin, inner), cycle)
				checked := timely.InspectTime(all, func(at weeks, r trip) {
					if int(at.Second) != r.rounds {
						t.Errorf("%+v arrives at %v", r, at)
					}
				})
				moved := timely.Exchange(timely.Map(checked, onward), func(r trip) uint64 { return uint64(r.left) })
				again, done := timely.Split(moved, going)
				loop.Connect(again)
				timelytest.Collect(timely.Leave(done, s.Scope()), out)
			})
		})
		return nil
	}, upToFour)
	wantTrips(t, answer, func(n int) int { return n%7 + 1 })
}

// TestNestedWithTheSameTime runs a loop in a scope that has its parent's time: it
// costs epochs to go round.
func TestNestedWithTheSameTime(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[trip]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			begin := timely.Map(s, func(n int) trip { return trip{from: n, left: n%7 + 1} })
			timely.Nested(s.Scope(), "same", order.Same[timely.Epoch](), func(inner timely.Scope[timely.Epoch]) {
				loop, cycle := timely.Feedback[trip](inner, 5)
				all := timely.Concat(timely.Enter(begin, inner), cycle)
				moved := timely.Exchange(timely.Map(all, onward), func(r trip) uint64 { return uint64(r.left) })
				again, done := timely.Split(moved, going)
				loop.Connect(again)
				timelytest.Collect(timely.Leave(done, s.Scope()), out)
			})
		})
		return nil
	}, upToFour)
	for n := range 60 {
		if at := timely.Epoch(n%5 + n%7*5); !slices.Contains(answer.At(at), trip{n, 0, n%7 + 1}) {
			t.Errorf("%d is not at %v", n, at)
		}
	}
}

// TestNotificationsRoundALoop counts each round of a loop when it is complete: an
// operator with state decides what goes on.
func TestNotificationsRoundALoop(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[string]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			timely.Iterate(s, func(numbers timely.Stream[timely.Loop[timely.Epoch], int]) (again, done timely.Stream[timely.Loop[timely.Epoch], int]) {
				sums := timely.Aggregate(numbers, func(int) int { return 0 }, uintOf,
					func(n *int, _ int) { *n++ }, func(_, n int) int { return n })
				timelytest.Collect(timely.Map(sums, func(n int) string { return fmt.Sprint(n, " numbers") }), out)
				return timely.Split(timely.Map(numbers, func(n int) int { return n - 20 }), func(n int) bool { return n >= 0 })
			})
		})
		return nil
	}, upToFour)
	for at := range timely.Epoch(5) {
		for round := range timely.Epoch(3) {
			want := fmt.Sprint(12-4*int(round), " numbers")
			if got := answer.At(timely.Loop[timely.Epoch]{Outer: at, Inner: round}); !slices.Equal(got, []string{want}) {
				t.Errorf("epoch %v, round %v: got %v, want %s", at, round, got, want)
			}
		}
	}
}

// TestFlatMapInALoopOfStages pauses a FlatMap inside the loop that feeds it.
func TestFlatMapInALoopOfStages(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			depths := timely.Map(s, func(n int) int { return n % 3 })
			leaves := timely.Iterate(depths, func(all timely.Stream[timely.Loop[timely.Epoch], int]) (again, done timely.Stream[timely.Loop[timely.Epoch], int]) {
				below := timely.FlatMap(all, func(n int) iter.Seq[int] { return slices.Values([]int{n - 1, n - 1, n - 1}) })
				return timely.Split(below, func(n int) bool { return n > 0 })
			})
			timelytest.Collect(leaves, out)
		})
		return nil
	}, upToFour)
	if want := 20*3 + 20*3 + 20*9; answer.Len() != want {
		t.Errorf("%d leaves, want %d", answer.Len(), want)
	}
}

// TestLoopOfStagesLetsOthersRun goes round and round through nothing but stages
// and the variable of a scope inside, until the program has taken some steps.
func TestLoopOfStagesLetsOthersRun(t *testing.T) {
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		stop := false
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			loop, cycle := timely.Feedback[int](s, 1)
			again := timely.Filter(timely.Concat(input.Stream(s), cycle), func(int) bool { return !stop })
			timely.Nested(s, "inside", order.LoopRefinement[timely.Epoch](), func(inner timely.Scope[timely.Loop[timely.Epoch]]) {
				within, later := timely.Feedback[int](inner, timely.Loop[timely.Epoch]{Inner: 1})
				within.Connect(timely.Enter(again, inner))
				loop.Connect(timely.Leave(later, s))
			})
		})
		input.Send(1)
		for range 100 {
			w.Step()
		}
		stop = true
		return nil
	})
}
