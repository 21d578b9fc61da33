package timely_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
	"github.com/timely-go/timely/timelytest"
)

// This file is about what each operator makes of its streams, whatever the number
// of workers, and about the ports, paths and capabilities of operators.

var upToFour = timelytest.Workers(1, 2, 3, 4)

// numbersOverTime is a dataflow of the numbers from 0 to 59, of which each worker sends its
// share. The number n has the time n%5.
func numbersOverTime(w *timely.Worker, build func(timely.Stream[timely.Epoch, int])) {
	input := timely.NewInput[timely.Epoch, int]()
	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { build(input.Stream(s)) })
	for t := range 5 {
		input.AdvanceTo(timely.Epoch(t))
		for n := t; n < 60; n += 5 {
			if n/5%w.Peers() == w.Index() {
				input.Send(n)
			}
		}
		w.Poll()
	}
}

func uintOf(n int) uint64 { return uint64(n) }

// upTo yields the numbers from 0 to n-1.
func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// textOf makes records of any type comparable.
func textOf[D any](s timely.Stream[timely.Epoch, D]) timely.Stream[timely.Epoch, string] {
	return timely.Map(s, func(d D) string { return fmt.Sprint(d) })
}

// operators are dataflows of one operator each, with the answer for the numbers
// that have the time 1: 1, 6, 11 … 56.
var operators = []struct {
	name  string
	build func(timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string]
	want  func(n int) []string // of one number
}{
	{"Map", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.Map(s, func(n int) int { return n * n }))
	}, func(n int) []string { return texts(n * n) }},
	{"Map to a larger type", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.Map(s, func(n int) [40]int { return [40]int{n} }))
	}, func(n int) []string { return texts([40]int{n}) }},
	{"MapBatch", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		negated := timely.MapBatch(s, func(in, out []int) {
			for i, n := range in {
				out[i] = -n
			}
		})
		return timely.MapBatch(negated, func(in []int, out []string) {
			for i, n := range in {
				out[i] = fmt.Sprint(n)
			}
		})
	}, func(n int) []string { return texts(-n) }},
	{"MapInPlace", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.MapInPlace(s, func(n *int) { *n = -*n }))
	}, func(n int) []string { return texts(-n) }},
	{"Filter", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.Filter(s, func(n int) bool { return n%3 == 0 }))
	}, func(n int) []string {
		if n%3 == 0 {
			return texts(n)
		}
		return nil
	}},
	{"FlatMap", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.FlatMap(s, func(n int) iter.Seq[int] { return upTo(n % 4) }))
	}, func(n int) (all []string) {
		for i := range n % 4 {
			all = append(all, fmt.Sprint(i))
		}
		return all
	}},
	{"FlatMap of FlatMap", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		twice := timely.FlatMap(s, func(n int) iter.Seq[int] { return slices.Values([]int{n, n}) })
		return textOf(timely.FlatMap(twice, func(n int) iter.Seq[int] { return slices.Values([]int{n, -n}) }))
	}, func(n int) []string { return texts(n, n, -n, -n) }},
	{"Concat", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		more := timely.Map(s, func(n int) int { return -n })
		elsewhere := timely.Exchange(s, uintOf)
		return textOf(timely.Concat(s, more, elsewhere))
	}, func(n int) []string { return texts(n, -n, n) }},
	{"Concat of a stream with itself", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.Concat(s, s))
	}, func(n int) []string { return texts(n, n) }},
	{"Concat of one", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.Concat(s))
	}, func(n int) []string { return texts(n) }},
	{"Split", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		even, odd := timely.Split(s, func(n int) bool { return n%2 == 0 })
		return textOf(timely.Concat(even, timely.Map(odd, func(n int) int { return -n })))
	}, func(n int) []string {
		if n%2 == 0 {
			return texts(n)
		}
		return texts(-n)
	}},
	{"Partition", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		parts := timely.Partition(s, 4, func(n int) int { return n % 3 })
		for i, part := range parts {
			parts[i] = timely.Map(part, func(n int) int { return 100*i + n })
		}
		return textOf(timely.Concat(parts[0], parts[1:]...))
	}, func(n int) []string { return texts(100*(n%3) + n) }},
	{"Exchange", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		w := s.Scope().Worker()
		return textOf(timely.Filter(timely.Exchange(s, uintOf), func(n int) bool { return n%w.Peers() == w.Index() }))
	}, func(n int) []string { return texts(n) }},
	{"Route", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		w := s.Scope().Worker()
		next := func(r *timely.Routes[int]) { r.By(func(n int) uint64 { return uint64(n + 1) }) }
		return textOf(timely.Filter(timely.Route(s, next), func(n int) bool { return (n+1)%w.Peers() == w.Index() }))
	}, func(n int) []string { return texts(n) }},
	{"Broadcast", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		w := s.Scope().Worker()
		return textOf(timely.Filter(timely.Broadcast(s), func(n int) bool { return n%w.Peers() == w.Index() }))
	}, func(n int) []string { return texts(n) }},
	{"Broadcast of a Broadcast", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		w := s.Scope().Worker()
		mine := timely.Filter(timely.Broadcast(s), func(n int) bool { return n%w.Peers() == w.Index() })
		return textOf(timely.Filter(timely.Broadcast(mine), func(n int) bool { return n*n%w.Peers() == w.Index() }))
	}, func(n int) []string { return texts(n) }},
	{"Inspect", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		seen := -1
		shown := timely.Inspect(s, func(n int) { seen = n })
		return textOf(timely.InspectBatch(shown, func(at timely.Epoch, records []int) {
			if records[len(records)-1] != seen {
				panic("Inspect has not seen the last record of the batch")
			}
		}))
	}, func(n int) []string { return texts(n) }},
	{"InspectTime", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.InspectTime(s, func(at timely.Epoch, n int) {
			if timely.Epoch(n%5) != at {
				panic(fmt.Sprintf("%d is shown at %v", n, at))
			}
		}))
	}, func(n int) []string { return texts(n) }},
	{"Unary", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return timely.Unary(s, timely.ExchangeBy(uintOf), "Unary",
			func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, string]) {
				for at, records := range in.Batches() {
					session := out.Session(at)
					for _, n := range records {
						session.Send(fmt.Sprint(n))
					}
				}
			})
	}, func(n int) []string { return texts(n) }},
	{"Binary", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		negative := timely.Map(s, func(n int) int { return -n })
		return textOf(timely.Binary(s, timely.Pipeline, negative, timely.ExchangeBy(uintOf), "Binary",
			func(l, r *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, records := range l.Batches() {
					out.Session(at).SendBatch(records)
				}
				for at, records := range r.Batches() {
					out.Session(at).SendBatch(slices.Clone(records))
				}
			}))
	}, func(n int) []string { return texts(n, -n) }},
	{"Delay by zero", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.Delay(s, func(at timely.Epoch, n int) timely.Epoch { return at }))
	}, func(n int) []string { return texts(n) }},
	{"Count", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		counts := timely.Count(timely.FlatMap(s, upTo), uintOf)
		return textOf(timely.Filter(counts, func(c timely.Counted[int]) bool { return c.Record%5 == 0 }))
	}, func(n int) []string { return texts(timely.Counted[int]{Record: n - 1, N: 12 - n/5}) }},
	{"Distinct", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.Distinct(timely.Concat(s, s, s), uintOf))
	}, func(n int) []string { return texts(n) }},
	{"Aggregate", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return timely.Aggregate(timely.Concat(s, s), func(n int) int { return n / 10 }, uintOf,
			func(sum *int, n int) { *sum += n },
			func(tens, sum int) string { return fmt.Sprint(tens, sum) })
	}, func(n int) []string {
		if n%10 > 5 {
			return nil
		}
		return texts(fmt.Sprint(n/10, 2*(n+n+5)))
	}},
	{"Iterate", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		return textOf(timely.Iterate(s, func(numbers timely.Stream[timely.Loop[timely.Epoch], int]) (again, done timely.Stream[timely.Loop[timely.Epoch], int]) {
			return timely.Split(timely.Map(numbers, func(n int) int { return n - 7 }), func(n int) bool { return n >= 0 })
		}))
	}, func(n int) []string { return texts(n%7 - 7) }},
	{"Region", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		var inside timely.Stream[timely.Epoch, int]
		timely.Region(s.Scope(), "negate", func(timely.Scope[timely.Epoch]) {
			inside = timely.Map(s, func(n int) int { return -n })
		})
		return textOf(timely.Concat(s, inside))
	}, func(n int) []string { return texts(n, -n) }},
	{"Nested", func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, string] {
		var out timely.Stream[timely.Epoch, int]
		timely.Nested(s.Scope(), "pass", order.LoopRefinement[timely.Epoch](), func(inner timely.Scope[timely.Loop[timely.Epoch]]) {
			out = timely.Leave(timely.Exchange(timely.Enter(s, inner), uintOf), s.Scope())
		})
		return textOf(out)
	}, func(n int) []string { return texts(n) }},
}

func texts[D any](ds ...D) (all []string) {
	for _, d := range ds {
		all = append(all, fmt.Sprint(d))
	}
	return all
}

func TestOperatorsGiveTheSameAnswerWithAnyWorkers(t *testing.T) {
	for _, op := range operators {
		t.Run(op.name, func(t *testing.T) {
			answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[string]) error {
				numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) { timelytest.Collect(op.build(s), out) })
				return nil
			}, upToFour)
			var want []string
			for n := 1; n < 60; n += 5 {
				want = append(want, op.want(n)...)
			}
			got := answer.At(timely.Epoch(1))
			slices.Sort(want)
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("at time 1: got %q, want %q", got, want)
			}
		})
	}
}

// TestAccumulateAddsUp adds up what the workers have folded.
func TestAccumulateAddsUp(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		for _, workers := range upToFour {
			var sums timelytest.Collected[int]
			setting.Run(t, workers, func(w *timely.Worker) error {
				numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
					timelytest.Collect(timely.Accumulate(s, 1000, func(sum, n int) int { return sum + n }), &sums)
				})
				return nil
			})
			for at := range timely.Epoch(5) {
				parts := sums.At(at)
				total := 0
				for _, sum := range parts {
					total += sum - 1000
				}
				if want := 12*int(at) + 5*66; total != want || len(parts) != workers {
					t.Errorf("%d workers, %v: at %v %d sums make %d; want %d that make %d", workers, setting, at, len(parts), total, workers, want)
				}
			}
		}
	}
}

func TestDelayMovesRecordsToTheirTimes(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			later := timely.Delay(s, func(at timely.Epoch, n int) timely.Epoch { return at + timely.Epoch(n/20) })
			timelytest.Collect(timely.Exchange(later, uintOf), out)
		})
		return nil
	}, upToFour)
	for n := range 60 {
		if at := timely.Epoch(n%5 + n/20); !slices.Contains(answer.At(at), n) {
			t.Errorf("%d is not at %v", n, at)
		}
	}
}

// TestDelaySendsInOrderOfArrival shows in which order Delay sends what one batch
// has for several times.
func TestDelaySendsInOrderOfArrival(t *testing.T) {
	var got []string
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			later := timely.Delay(input.Stream(s), func(at timely.Epoch, n int) timely.Epoch { return timely.Epoch(n % 10) })
			timely.InspectTime(later, func(at timely.Epoch, n int) { got = append(got, fmt.Sprintf("%d@%v", n, at)) })
		})
		input.SendBatch([]int{15, 13, 25, 17, 23})
		return nil
	})
	if want := "15@5 25@5 13@3 23@3 17@7"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestDelayHoldsNothingBack sees a delayed record before its time is complete.
func TestDelayHoldsNothingBack(t *testing.T) {
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		var seen []timely.Epoch
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			later := timely.Delay(input.Stream(s), func(at timely.Epoch, n int) timely.Epoch { return at + 10 })
			timely.ProbeWith(timely.InspectTime(later, func(at timely.Epoch, n int) { seen = append(seen, at) }), probe)
		})
		input.Send(1)
		for len(seen) == 0 {
			w.Step()
		}
		if seen[0] != 10 || !probe.LessEqual(0) {
			t.Errorf("seen at %v with the frontier %v, want 10 and 0", seen, probe.Frontier())
		}
		return nil
	})
}

func TestToStreamAndSourceAreEachWorkersOwn(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			mine := func(n int) bool { return n%w.Peers() == w.Index() }
			numbers := timely.Filter(timely.ToStream(s, upTo(100)), mine)
			timed := timely.Source(s, "numbers", func(yield func(timely.Epoch, int) bool) {
				for n := range 100 {
					if mine(n) && !yield(timely.Epoch(n/10), 1000+n) {
						return
					}
				}
			})
			timelytest.Collect(timely.Concat(numbers, timed), out)
		})
		return nil
	}, upToFour)
	if len(answer.At(timely.Epoch(0))) != 110 || answer.Len() != 200 {
		t.Errorf("got %v", answer)
	}
}

// TestSourceMovesItsFrontier waits, in a program, for what a Source has left behind.
func TestSourceMovesItsFrontier(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		setting.Run(t, 2, func(w *timely.Worker) error {
			probe := timely.NewProbe[timely.Epoch]()
			stop := false
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				ones := timely.Source(s, "for ever", func(yield func(timely.Epoch, int) bool) {
					for at := timely.Epoch(0); !stop && yield(at, 1); at++ {
					}
				})
				timely.ProbeWith(timely.Exchange(ones, uintOf), probe)
			})
			for probe.LessThan(1000) {
				w.Step()
			}
			stop = true
			return nil
		})
	}
}

// TestInfiniteSourceEndsWhenDropped drops a dataflow in the middle of a sequence,
// whose deferred functions run.
func TestInfiniteSourceEndsWhenDropped(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		setting.Run(t, 2, func(w *timely.Worker) error {
			left, seen := false, 0
			flow := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				ones := timely.ToStream(s, func(yield func(int) bool) {
					defer func() { left = true }()
					for yield(1) {
					}
				})
				timely.Inspect(timely.Exchange(ones, uintOf), func(int) { seen++ })
			})
			for seen < 1000 && (w.Index() == 1 || w.Peers() == 1) { // all of it goes to worker 1
				w.Step()
			}
			if w.Index() == 0 {
				w.Step()
			}
			flow.Drop()
			if !left {
				t.Errorf("%v: the sequence's deferred function has not run", setting)
			}
			return nil
		})
	}
}

func TestInfiniteFlatMapEndsWhenDropped(t *testing.T) {
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		left, seen := 0, 0
		input := timely.NewInput[timely.Epoch, int]()
		flow := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			ones := timely.FlatMap(input.Stream(s), func(int) iter.Seq[int] {
				return func(yield func(int) bool) {
					defer func() { left++ }()
					for yield(1) {
					}
				}
			})
			timely.Inspect(ones, func(int) { seen++ })
		})
		input.Send(1)
		for seen < 1_000_000 {
			w.Step()
		}
		flow.Drop()
		if left != 1 {
			t.Errorf("%d deferred functions have run, want 1", left)
		}
		return nil
	})
}

// TestPactsRouteWhereTheySay has each worker look at what it is brought.
func TestPactsRouteWhereTheySay(t *testing.T) {
	byBatch := func(r *timely.Routes[int]) {
		peers := uint32(r.Peers())
		r.ByBatch(func(records []int, to []uint32) {
			for i, n := range records {
				to[i] = uint32(n+1) % peers
			}
		})
	}
	for name, test := range map[string]struct {
		pact timely.Pact[int]
		to   func(n, peers int) int // -1: all
	}{
		"ExchangeBy": {timely.ExchangeBy(uintOf), func(n, peers int) int { return n % peers }},
		"ByBatch":    {byBatch, func(n, peers int) int { return (n + 1) % peers }},
		"ToAll":      {timely.ToAll[int], func(n, peers int) int { return -1 }},
		"Pipeline":   {timely.Pipeline[int], func(n, peers int) int { return n / 5 % peers }},
		"a large key": {timely.ExchangeBy(func(n int) uint64 { return 1<<63 + uint64(n) }),
			func(n, peers int) int { return int((1<<63 + uint64(n)) % uint64(peers)) }},
	} {
		for _, setting := range timelytest.Settings() {
			for _, workers := range upToFour {
				var got timelytest.Collected[int]
				setting.Run(t, workers, func(w *timely.Worker) error {
					numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
						timely.Sink(s, test.pact, "Look", func(in *timely.InPort[timely.Epoch, int]) {
							for _, records := range in.Batches() {
								got.Add(w.Index(), records...)
							}
						})
					})
					return nil
				})
				for worker := range workers {
					var want []int
					for n := range 60 {
						if to := test.to(n, workers); to == worker || to == -1 {
							want = append(want, n)
						}
					}
					if found := slices.Sorted(slices.Values(got.At(worker))); !slices.Equal(found, want) {
						t.Errorf("%s, %d workers, %v: worker %d got %v, want %v", name, workers, setting, worker, found, want)
					}
				}
			}
		}
	}
}

// TestBatchesOfOneWorkerArriveInOrder numbers what each worker sends.
func TestBatchesOfOneWorkerArriveInOrder(t *testing.T) {
	type numbered struct{ from, n int }
	for _, setting := range timelytest.Settings() {
		for _, workers := range upToFour {
			setting.Run(t, workers, func(w *timely.Worker) error {
				input := timely.NewInput[timely.Epoch, numbered]()
				next := make(map[int]int)
				timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
					one := timely.Exchange(input.Stream(s), func(r numbered) uint64 { return 0 })
					timely.Inspect(timely.Exchange(one, func(r numbered) uint64 { return 1 }), func(r numbered) {
						if r.n != next[r.from] {
							t.Errorf("%v: %d of worker %d arrives when %d is due", setting, r.n, r.from, next[r.from])
						}
						next[r.from] = r.n + 1
					})
				})
				for n := range 300 {
					input.Send(numbered{w.Index(), n})
					if n%7 == 0 {
						input.AdvanceTo(timely.Epoch(n))
					}
					if n%31 == 0 {
						w.Poll()
					}
				}
				return nil
			})
		}
	}
}

// TestFlatMapIsNeverEnteredWhileSuspended has two exchanges, and two outputs of one
// operator, meet above a FlatMap whose function notes whether it is in the middle of
// an earlier call.
func TestFlatMapIsNeverEnteredWhileSuspended(t *testing.T) {
	for name, meet := range map[string]func(timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int]{
		"exchanges": func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
			other := timely.Exchange(timely.Map(s, func(n int) int { return n + 1 }), uintOf)
			return timely.Concat(timely.Exchange(s, uintOf), other)
		},
		"outputs": func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
			b := timely.NewBuilder(s.Scope(), "Two outputs")
			in := timely.AddInput(b, s, timely.ExchangeBy(uintOf))
			one, ones := timely.AddOutput[int](b)
			two, twos := timely.AddOutput[int](b)
			b.Build(func() bool {
				for at, records := range in.Batches() {
					for _, n := range records {
						one.Session(at).Send(n)
						two.Session(at).Send(n + 1)
					}
				}
				return false
			})
			return timely.Concat(ones, twos)
		},
	} {
		t.Run(name, func(t *testing.T) { neverEnteredWhileSuspended(t, meet) })
	}
}

func neverEnteredWhileSuspended(t *testing.T, meet func(timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int]) {
	timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		inside := false
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			both := timely.Map(meet(s), func(n int) int { return n })
			timelytest.Collect(timely.FlatMap(both, func(n int) iter.Seq[int] {
				return func(yield func(int) bool) {
					if inside {
						t.Error("entered while an earlier call is suspended")
					}
					inside = true
					for i := range 5 {
						yield(5*n + i)
					}
					inside = false
				}
			}), out)
		})
		return nil
	}, upToFour)
}

// TestSendInsideACoroutineOfTheOperator sends from where the operator's logic runs
// on an iter.Pull of its own: pauses go through both.
func TestSendInsideACoroutineOfTheOperator(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			timelytest.Collect(timely.Unary(s, timely.ExchangeBy(uintOf), "Pulled", pulled), out)
		})
		return nil
	}, upToFour)
	if got := len(answer.At(timely.Epoch(3))); got != 60 {
		t.Errorf("%d records at 3, want 60", got)
	}
}

// pulled sends each record five times, from inside a coroutine.
func pulled(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		for at, records := range in.Batches() {
			session := out.Session(at)
			for _, n := range records {
				for range 5 {
					session.Send(n)
				}
				if !yield(n) {
					return
				}
			}
		}
	})
	defer stop()
	for _, more := next(); more; _, more = next() {
	}
}

// TestPausedCoroutineOfTheOperatorIsUnwound drops a dataflow whose operator is
// paused inside a coroutine of its own.
func TestPausedCoroutineOfTheOperatorIsUnwound(t *testing.T) {
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		var left []string
		sent := 0
		flow := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			b := timely.NewBuilder(s, "Endless")
			out, _ := timely.AddOutput[int](b)
			at := b.Initial(out)
			b.Build(func() bool {
				defer func() { left = append(left, "operator") }()
				next, stop := iter.Pull(func(yield func(int) bool) {
					defer func() { left = append(left, "coroutine") }()
					for session := out.Session(at); ; sent++ {
						session.Send(1)
					}
				})
				defer stop()
				next()
				return true
			})
		})
		for sent < 1_000_000 {
			w.Step()
		}
		flow.Drop()
		if got := strings.Join(left, " "); got != "coroutine operator" {
			t.Errorf("left: %q", got)
		}
		return nil
	})
}

// TestPathsTakeTheirTime builds an operator with two inputs and two outputs: from
// the first input it takes 3 to the first output and 5 to the second; from the
// second input there is a way to the second output only.
func TestPathsTakeTheirTime(t *testing.T) {
	for _, workers := range upToFour {
		timelytest.Run(t, workers, func(w *timely.Worker) error {
			left, right := timely.NewInput[timely.Epoch, int](), timely.NewInput[timely.Epoch, int]()
			first, second := timely.NewProbe[timely.Epoch](), timely.NewProbe[timely.Epoch]()
			var got timelytest.Collected[int]
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				b := timely.NewBuilder(s, "Paths")
				l := timely.AddInput(b, left.Stream(s), timely.Pipeline)
				r := timely.AddInput(b, right.Stream(s), timely.Pipeline)
				one, ones := timely.AddOutput[int](b)
				two, twos := timely.AddOutput[int](b)
				b.Connect(l, one, 3)
				b.Connect(l, two, 5)
				b.Connect(r, two, 0)
				b.Connect(r, one)
				b.Build(func() bool {
					for at, records := range l.Batches() {
						one.Session(at.Delay(at.Time() + 3)).SendBatch(records)
						two.Session(at.Delay(at.Time() + 6)).SendBatch(records)
					}
					for at, records := range r.Batches() {
						two.Session(at).SendBatch(records)
					}
					return false
				})
				timelytest.Collect(timely.ProbeWith(ones, first), &got)
				timelytest.Collect(timely.ProbeWith(twos, second), &got)
			})
			left.Send(1)
			right.Send(2)
			left.AdvanceTo(10)
			right.AdvanceTo(20)
			for first.LessThan(13) || second.LessThan(15) {
				w.Step()
			}
			if first.LessThan(13) || !first.LessEqual(13) || second.LessThan(15) || !second.LessEqual(15) {
				t.Errorf("frontiers %v and %v, want {13} and {15}", first.Frontier(), second.Frontier())
			}
			left.Close()
			for !first.Done() { // the second input does not hold it back
				w.Step()
			}
			for second.LessThan(20) {
				w.Step()
			}
			if got, want := got.String(), "0: 2\n3: 1\n6: 1"; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			return nil
		})
	}
}

// TestNotifyAtHoldsEachOutputAtItsTime gives a notificator a capability that is
// good for two outputs from different times on.
func TestNotifyAtHoldsEachOutputAtItsTime(t *testing.T) {
	timelytest.Run(t, 2, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		early, late := timely.NewProbe[timely.Epoch](), timely.NewProbe[timely.Epoch]()
		stop := false
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			b := timely.NewBuilder(s, "Two")
			in := timely.AddInput(b, input.Stream(s), timely.Pipeline)
			one, ones := timely.AddOutput[int](b)
			two, twos := timely.AddOutput[int](b)
			b.Connect(in, one, 1)
			b.Connect(in, two, 4)
			n := timely.NewNotificator[timely.Epoch]()
			b.Build(func() bool {
				for at := range in.Batches() {
					n.NotifyAt(at)
				}
				if stop {
					for at := range n.Ready(in.Frontier()) {
						one.Session(at.Delay(at.Time() + 1)).Send(1)
						two.Session(at.Delay(at.Time() + 4)).Send(2)
					}
				}
				return false
			})
			timely.ProbeWith(ones, early)
			timely.ProbeWith(twos, late)
		})
		input.Send(7)
		input.AdvanceTo(100)
		for range 20 {
			w.Poll()
		}
		if !early.LessEqual(1) || early.LessEqual(0) || !late.LessEqual(4) || late.LessEqual(3) {
			t.Errorf("frontiers %v and %v, want {1} and {4}", early.Frontier(), late.Frontier())
		}
		stop = true
		input.AdvanceTo(101)
		for early.LessThan(102) || late.LessThan(105) {
			w.Step()
		}
		return nil
	})
}

// TestManyInputs builds an operator with many inputs that sends what it gets.
func TestManyInputs(t *testing.T) {
	const inputs = 1000
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			parts := timely.Partition(s, inputs, func(n int) int { return n * 16 })
			b := timely.NewBuilder(s.Scope(), "Many")
			var ports []*timely.InPort[timely.Epoch, int]
			for _, part := range parts {
				ports = append(ports, timely.AddInput(b, part, timely.ExchangeBy(uintOf)))
			}
			sum, sums := timely.AddOutput[int](b)
			b.Build(func() bool {
				for _, in := range ports {
					for at, records := range in.Batches() {
						sum.Session(at).SendBatch(records)
					}
				}
				return false
			})
			timelytest.Collect(sums, out)
		})
		return nil
	}, timelytest.Workers(1, 2))
	if answer.Len() != 60 {
		t.Errorf("%d records, want 60", answer.Len())
	}
}

// TestBatchesAtLosesNothingIfItsFunctionPanics, and the operator recovers.
func TestBatchesAtLosesNothingIfItsFunctionPanics(t *testing.T) {
	var got timelytest.Collected[int]
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		flowOf(w, func(s epochScope) {
			panicked := false
			timelytest.Collect(timely.Unary(input.Stream(s), timely.Pipeline, "Panics", func(in *intIn, out *intOut) {
				func() {
					defer func() { _ = recover() }()
					for range in.BatchesAt(func(e epoch) bool {
						if e == 2 && !panicked {
							panicked = true
							panic("once")
						}
						return e == 0 && !panicked
					}) {
						t.Error("a batch before the function has returned for all")
					}
				}()
				for at, xs := range in.Batches() {
					out.Session(at).SendBatch(xs)
				}
			}), &got)
		})
		for n := range 3 {
			input.Send(n)
			input.AdvanceTo(epoch(n + 1))
		}
		return nil
	})
	var want timelytest.Collected[int]
	for n := range 3 {
		want.Add(epoch(n), n)
	}
	if got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s", &got, &want)
	}
}
