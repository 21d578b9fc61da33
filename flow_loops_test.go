package timely_test

import (
	"iter"
	"sync/atomic"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
)

// This file is about loops: what goes round must live somewhere, so only the
// entrances can wait.

type loopTrips = timely.Stream[timely.Loop[epoch], trip]

// trips yields a worker's share of the trips of the numbers up to n, exclusive.
func trips(w *timely.Worker, n int) iter.Seq[trip] {
	return func(yield func(trip) bool) {
		for i := range shareOf(w, n) {
			if !yield(trip{from: i, left: i%9 + 1}) {
				return
			}
		}
	}
}

func ended(r trip) int { return r.from*16 + r.rounds }

// allEnded yields what all trips of the numbers up to n end as.
func allEnded(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(ended(trip{from: i, rounds: i%9 + 1})) {
				return
			}
		}
	}
}

func tripKey(r trip) uint64 { return timely.HashUint64(uint64(r.from*16 + r.left)) }

// mustMakeTrips runs a loop in which all numbers up to n make their trips.
func (f flowCase) mustMakeTrips(t *testing.T, n int, loop func(timely.Stream[epoch, trip]) timely.Stream[epoch, trip]) {
	t.Helper()
	f.mustGive(t, 0, allEnded(n), func(w *timely.Worker, none epochInts) epochInts {
		return timely.Map(loop(timely.ToStream(none.Scope(), trips(w, n))), ended)
	})
}

func TestALoopOfStagesOnly(t *testing.T) {
	eachFlow(t, allBudgets, []int{1, 2, 4}, func(t *testing.T, f flowCase) {
		f.mustMakeTrips(t, f.many, func(s timely.Stream[epoch, trip]) timely.Stream[epoch, trip] {
			return timely.Iterate(s, func(trips loopTrips) (again, done loopTrips) {
				return timely.Split(timely.Map(trips, onward), going)
			})
		})
	})
}

func TestALoopWithAnExchange(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		f.mustMakeTrips(t, f.many, func(s timely.Stream[epoch, trip]) timely.Stream[epoch, trip] {
			return timely.Iterate(s, func(trips loopTrips) (again, done loopTrips) {
				return timely.Split(timely.Exchange(timely.Map(trips, onward), tripKey), going)
			})
		})
	})
}

func TestALoopInTheOutermostScope(t *testing.T) {
	eachFlow(t, allBudgets, []int{1, 2, 4}, func(t *testing.T, f flowCase) {
		f.mustMakeTrips(t, f.many, func(s timely.Stream[epoch, trip]) timely.Stream[epoch, trip] {
			loop, cycle := timely.Feedback[trip](s.Scope(), 1)
			moved := timely.Exchange(timely.Map(timely.Concat(s, cycle), onward), tripKey)
			again, done := timely.Split(moved, going)
			loop.Connect(again)
			return done
		})
	})
}

// aLoop adds a loop to the scope that the stream is in. A trip makes so many rounds
// of it, or all that are left.
func aLoop(s loopTrips, rounds int) loopTrips {
	loop, cycle := timely.Feedback[trip](s.Scope(), timely.Loop[epoch]{Inner: 1})
	moved := timely.Exchange(timely.Map(timely.Concat(s, cycle), onward), tripKey)
	again, done := timely.Split(moved, func(r trip) bool { return r.left > 0 && r.rounds%rounds != 0 })
	loop.Connect(again)
	return done
}

func TestTwoLoopsInARow(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		f.mustMakeTrips(t, f.many, func(s timely.Stream[epoch, trip]) (out timely.Stream[epoch, trip]) {
			timely.Nested(s.Scope(), "Both", order.LoopRefinement[epoch](), func(inner timely.Scope[timely.Loop[epoch]]) {
				more, done := timely.Split(aLoop(timely.Enter(s, inner), 4), going)
				out = timely.Leave(timely.Concat(done, aLoop(more, 16)), s.Scope())
			})
			return out
		})
	})
}

// Trips go from one loop into the other and back, at all workers.
func TestTwoLoopsThatFeedEachOther(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		f.mustMakeTrips(t, f.many, func(s timely.Stream[epoch, trip]) (out timely.Stream[epoch, trip]) {
			timely.Nested(s.Scope(), "Both", order.LoopRefinement[epoch](), func(inner timely.Scope[timely.Loop[epoch]]) {
				round := timely.Loop[epoch]{Inner: 1}
				first, again := timely.Feedback[trip](inner, round)
				second, more := timely.Feedback[trip](inner, round)
				back, returned := timely.Feedback[trip](inner, round)
				body := func(s loopTrips) (stays, crosses, done loopTrips) {
					moved := timely.Exchange(timely.Map(s, onward), tripKey)
					goes, done := timely.Split(moved, going)
					stays, crosses = timely.Split(goes, func(r trip) bool { return (r.from+r.left)%3 == 0 })
					return stays, crosses, done
				}
				stays, crosses, done := body(timely.Concat(timely.Enter(s, inner), again, returned))
				first.Connect(stays)
				staysToo, crossesToo, doneToo := body(timely.Concat(crosses, more))
				second.Connect(staysToo)
				back.Connect(crossesToo)
				out = timely.Leave(timely.Concat(done, doneToo), s.Scope())
			})
			return out
		})
	})
}

func TestALoopInsideALoop(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		f.mustMakeTrips(t, f.many, func(s timely.Stream[epoch, trip]) timely.Stream[epoch, trip] {
			return timely.Iterate(s, func(outer loopTrips) (again, done loopTrips) {
				type twice = timely.Stream[timely.Loop[timely.Loop[epoch]], trip]
				some := timely.Iterate(outer, func(inner twice) (again, done twice) {
					moved := timely.Exchange(timely.Map(inner, onward), tripKey)
					return timely.Split(moved, func(r trip) bool { return r.left > 0 && r.rounds%3 != 0 })
				})
				return timely.Split(some, going)
			})
		})
	})
}

// Each record becomes ten, so many rounds; then one in a hundred stays.
func TestALoopThatAmplifies(t *testing.T) {
	rounds := map[string]int{"one record": 3, "one byte": 5, "one batch": 5, "default": 6}
	if raceEnabled {
		rounds = map[string]int{"one record": 2, "one byte": 4, "one batch": 4, "default": 5}
	}
	eachFlow(t, allBudgets, []int{1, 2, 4}, func(t *testing.T, f flowCase) {
		end := 1
		for range rounds[f.name] {
			end *= 10
		}
		const seeds = 4
		want := func(yield func(int) bool) {
			for n := range seeds * end {
				if n%100 == 0 && !yield(n) {
					return
				}
			}
		}
		f.mustGive(t, seeds, want, func(_ *timely.Worker, numbers epochInts) epochInts {
			// A number at its depth: the first digits of those that it becomes.
			type branch struct{ depth, n int }
			begin := timely.Map(numbers, func(n int) branch { return branch{n: n} })
			leaves := timely.Iterate(begin, func(s timely.Stream[timely.Loop[epoch], branch]) (again, done timely.Stream[timely.Loop[epoch], branch]) {
				ten := timely.FlatMap(s, func(b branch) iter.Seq[branch] {
					return func(yield func(branch) bool) {
						for digit := range 10 {
							if !yield(branch{b.depth + 1, 10*b.n + digit}) {
								return
							}
						}
					}
				})
				moved := timely.Exchange(ten, func(b branch) uint64 { return spread(b.n) })
				return timely.Split(moved, func(b branch) bool { return b.depth < rounds[f.name] })
			})
			kept := timely.Filter(leaves, func(b branch) bool { return b.n%100 == 0 })
			return timely.Map(kept, func(b branch) int { return b.n })
		})
	})
}

// tokenOf is what the last record of a worker's input is: negative, to be told from
// numbers.
func tokenOf(w *timely.Worker) int { return -1 - w.Index() }

func tokenKey(n int) uint64 {
	if n < 0 {
		return uint64(-1 - n)
	}
	return uint64(n)
}

// thenToken yields a worker's share of the numbers, and its token.
func thenToken(w *timely.Worker, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range shareOf(w, n) {
			if !yield(i) {
				return
			}
		}
		yield(tokenOf(w))
	}
}

// All that has come goes round until the token has, which is behind it.
func TestALoopThatCirculatesUntilATokenEnters(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		n := f.many
		if f.bytes > 1 {
			n = 4 * f.bytes / 8 * f.workers
		}
		var got tally
		f.run(t, func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) {
				come := timely.ToStream(s, thenToken(w, n))
				done := timely.Iterate(come, func(ns loopInts) (again, done loopInts) {
					return untilToken(ns)
				})
				tallied(done, &got)
			})
			return nil
		})
		got.mustBe(t, counting(n))
	})
}

// untilToken has numbers go again until the token has come.
func untilToken(ns loopInts) (again, done loopInts) {
	const mark = 1 << 30
	come := false
	marked := timely.Unary(ns, timely.ExchangeBy(tokenKey), "UntilToken", func(in *timely.InPort[timely.Loop[epoch], int], out *timely.OutPort[timely.Loop[epoch], int]) {
		for at, xs := range in.Batches() {
			session := out.Session(at)
			for _, x := range xs {
				switch {
				case x < 0:
					come = true
				case come:
					session.Send(x + mark)
				default:
					session.Send(x)
				}
			}
		}
	})
	again, done = timely.Split(marked, func(n int) bool { return n < mark })
	return again, timely.Map(done, func(n int) int { return n - mark })
}

// The loop spins, so it is never at rest; what ends it is behind records that its
// operator does not take.
func TestATokenBehindWhatASpinningLoopDeclines(t *testing.T) {
	eachFlow(t, []budget{oneByte, oneBatch}, []int{1, 2}, func(t *testing.T, f flowCase) {
		n := 3 * max(16, f.bytes/8) * f.workers
		var got tally
		var turns atomic.Int64
		f.run(t, func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) {
				tokens, numbers := timely.Split(timely.ToStream(s, thenToken(w, n)), func(n int) bool { return n < 0 })
				spinning := timely.ToStream(s, counting(1)) // one record that goes round and round
				timely.Nested(s, "Spinning", order.LoopRefinement[epoch](), func(inner timely.Scope[timely.Loop[epoch]]) {
					loop, cycle := timely.Feedback[int](inner, timely.Loop[epoch]{Inner: 1})
					round := timely.Concat(timely.Enter(timely.Concat(spinning, tokens), inner), cycle)
					again, done := timely.Split(spin(round, timely.Enter(numbers, inner), &turns), func(n int) bool { return n < 0 })
					loop.Connect(timely.Map(again, func(int) int { return 0 }))
					tallied(timely.Leave(done, s), &got)
				})
			})
			return nil
		})
		got.mustBe(t, counting(n))
		if turns.Load() < 100 {
			t.Errorf("the loop went round only %d times", turns.Load())
		}
	})
}

// spin passes on what comes on the right once a token has come on the left; until
// then it sends -1 for what else comes there.
func spin(l, r loopInts, turns *atomic.Int64) loopInts {
	come := false
	return timely.Binary(l, timely.Pipeline, r, timely.Pipeline, "Spin", func(l, r *timely.InPort[timely.Loop[epoch], int], out *timely.OutPort[timely.Loop[epoch], int]) {
		for at, xs := range l.Batches() {
			for _, x := range xs {
				if come = come || x < 0; !come {
					turns.Add(1)
					out.Session(at).Send(-1)
				}
			}
		}
		if !come {
			return
		}
		for at, xs := range r.Batches() {
			out.Session(at).SendBatch(xs)
		}
	})
}

// A walk is where a number has got to.
type walk struct{ from, at, steps int }

func stepped(x walk) walk {
	if x.at%2 == 0 {
		return walk{x.from, x.at / 2, x.steps + 1}
	}
	return walk{x.from, 3*x.at + 1, x.steps + 1}
}

// walks yields a worker's share of the walks from 1, 2, … up to n.
func walks(w *timely.Worker, n int) iter.Seq[walk] {
	return func(yield func(walk) bool) {
		for i := range shareOf(w, n) {
			if !yield(walk{from: i + 1, at: i + 1}) {
				return
			}
		}
	}
}

// collatz sends walks round a loop until they reach one.
func collatz(s timely.Stream[epoch, walk], between func(timely.Stream[timely.Loop[epoch], walk]) timely.Stream[timely.Loop[epoch], walk]) timely.Stream[epoch, walk] {
	return timely.Iterate(s, func(walks timely.Stream[timely.Loop[epoch], walk]) (again, done timely.Stream[timely.Loop[epoch], walk]) {
		going, done := timely.Split(walks, func(x walk) bool { return x.at > 1 })
		return between(timely.Map(going, stepped)), done
	})
}

func stepsOf(x walk) int { return x.steps }

func sameWalks(s timely.Stream[timely.Loop[epoch], walk]) timely.Stream[timely.Loop[epoch], walk] {
	return s
}

func exchangedWalks(s timely.Stream[timely.Loop[epoch], walk]) timely.Stream[timely.Loop[epoch], walk] {
	return timely.Exchange(s, func(x walk) uint64 { return timely.HashUint64(uint64(x.at)) })
}

// steps yields how many steps the numbers up to n take.
func steps(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 1; i <= n; i++ {
			x := walk{i, i, 0}
			for x.at > 1 {
				x = stepped(x)
			}
			if !yield(x.steps) {
				return
			}
		}
	}
}

// Each lap lets in one batch a worker, and a walk stays for as many laps as it has
// steps: on average 108 for the numbers up to 300,000, and 80 up to 4,000.
func TestCollatzHoldsWhatGoesRound(t *testing.T) {
	tests := []struct {
		name    string
		budget  budget
		n       int
		laps    int
		between func(timely.Stream[timely.Loop[epoch], walk]) timely.Stream[timely.Loop[epoch], walk]
	}{
		{"stages", oneBatch, 300_000, 108, sameWalks},
		{"exchange", oneRecord, 4_000, 80, exchangedWalks},
		{"exchange, batches", oneBatch, 300_000, 108, exchangedWalks},
	}
	for _, test := range tests {
		if raceEnabled {
			test.n /= 10
		}
		t.Run(test.name, func(t *testing.T) {
			want := tallyOf(steps(test.n)).String()
			eachFlow(t, []budget{test.budget}, []int{1, 2}, func(t *testing.T, f flowCase) {
				var got tally
				var inLoop gauge
				f.run(t, func(w *timely.Worker) error {
					flowOf(w, func(s epochScope) {
						come := timely.InspectBatch(timely.ToStream(s, walks(w, test.n)), func(_ epoch, xs []walk) { inLoop.add(len(xs)) })
						tallied(inLoop.out(timely.Map(collatz(come, test.between), stepsOf)), &got)
					})
					return nil
				})
				if got.String() != want {
					t.Errorf("got %v; want %v", &got, want)
				}
				batch := max(1, f.bytes/24)
				inLoop.mustNotExceed(t, 2*batch*test.laps*f.workers) // they do not come evenly
				t.Logf("%d of %d walks were in the loop at most", inLoop.most.Load(), test.n)
			})
		})
	}
}

func TestCollatzUnderAllBudgets(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		n := min(f.many/5, 10_000)
		f.mustGive(t, 0, steps(n), func(w *timely.Worker, none epochInts) epochInts {
			return timely.Map(collatz(timely.ToStream(none.Scope(), walks(w, n)), exchangedWalks), stepsOf)
		})
	})
}
