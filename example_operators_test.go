package timely_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/timely-go/timely"
)

// oneWorker builds a dataflow at one worker and runs it to its end.
func oneWorker(build func(s timely.Scope[timely.Epoch])) {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		timely.Dataflow(w, build)
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
}

// numbers is a stream of numbers, all at the time 0.
func numbers(s timely.Scope[timely.Epoch], ns ...int) timely.Stream[timely.Epoch, int] {
	return timely.ToStream(s, slices.Values(ns))
}

// show prints what a stream carries.
func show[T timely.Timestamp[T], D any](s timely.Stream[T, D]) {
	timely.Inspect(s, func(r D) { fmt.Println(r) })
}

func ExampleMap() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		squares := timely.Map(numbers(s, 1, 2, 3), func(n int) string { return fmt.Sprint(n, " squared is ", n*n) })
		show(squares)
	})
	// Output:
	// 1 squared is 1
	// 2 squared is 4
	// 3 squared is 9
}

func ExampleMapBatch() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		show(timely.MapBatch(numbers(s, 1, 2, 3), func(in []int, out []float64) {
			for i, n := range in {
				out[i] = float64(n) / 2
			}
		}))
	})
	// Output:
	// 0.5
	// 1
	// 1.5
}

func ExampleMapInPlace() {
	type account struct{ owner, balance int }
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		accounts := timely.Map(numbers(s, 1, 2), func(n int) account { return account{n, 100 * n} })
		show(timely.MapInPlace(accounts, func(a *account) { a.balance += 5 }))
	})
	// Output:
	// {1 105}
	// {2 205}
}

func ExampleFilter() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		show(timely.Filter(numbers(s, 1, 2, 3, 4), func(n int) bool { return n%2 == 0 }))
	})
	// Output:
	// 2
	// 4
}

func ExampleFlatMap() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		lines := timely.ToStream(s, slices.Values([]string{"to be or", "not to be"}))
		show(timely.FlatMap(lines, strings.FieldsSeq))
	})
	// Output:
	// to
	// be
	// or
	// not
	// to
	// be
}

// A sequence may be long: FlatMap is paused in the middle of it, so memory stays
// small.
func ExampleFlatMap_long() {
	upTo := func(n int) iter.Seq[int] {
		return func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
		}
	}
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		many := timely.FlatMap(numbers(s, 1_000_000, 500_000), upTo)
		show(timely.Accumulate(many, 0, func(count, _ int) int { return count + 1 }))
	})
	// Output: 1500000
}

func ExampleConcat() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		all := timely.Concat(numbers(s, 1, 2), numbers(s, 3), numbers(s, 4, 5))
		show(all)
	})
	// Unordered output:
	// 1
	// 2
	// 3
	// 4
	// 5
}

func ExampleSplit() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		small, large := timely.Split(numbers(s, 5, 50, 7), func(n int) bool { return n < 10 })
		timely.Inspect(small, func(n int) { fmt.Println("small:", n) })
		timely.Inspect(large, func(n int) { fmt.Println("large:", n) })
	})
	// Unordered output:
	// small: 5
	// large: 50
	// small: 7
}

func ExamplePartition() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		for i, part := range timely.Partition(numbers(s, 0, 1, 2, 3, 4), 3, func(n int) int { return n % 3 }) {
			timely.Inspect(part, func(n int) { fmt.Println(n, "leaves", i) })
		}
	})
	// Unordered output:
	// 0 leaves 0
	// 1 leaves 1
	// 2 leaves 2
	// 3 leaves 0
	// 4 leaves 1
}

// Exchange brings each record to the worker that its key names.
func ExampleExchange() {
	err := timely.Execute(context.Background(), timely.Config{Workers: 3}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			mine := numbers(s, 10*w.Index(), 10*w.Index()+1)
			owned := timely.Exchange(mine, func(n int) uint64 { return uint64(n) })
			timely.Inspect(owned, func(n int) { fmt.Println(n, "at worker", w.Index()) })
		})
		return nil
	})
	fmt.Println(err)
	// Unordered output:
	// 0 at worker 0
	// 1 at worker 1
	// 10 at worker 1
	// 11 at worker 2
	// 20 at worker 2
	// 21 at worker 0
	// <nil>
}

func ExampleRoute() {
	toLast := func(r *timely.Routes[int]) {
		r.ByBatch(func(records []int, to []uint32) {
			for i := range records {
				to[i] = uint32(r.Peers() - 1)
			}
		})
	}
	err := timely.Execute(context.Background(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.Inspect(timely.Route(numbers(s, w.Index()), toLast), func(n int) { fmt.Println(n, "at worker", w.Index()) })
		})
		return nil
	})
	fmt.Println(err)
	// Unordered output:
	// 0 at worker 1
	// 1 at worker 1
	// <nil>
}

func ExampleBroadcast() {
	err := timely.Execute(context.Background(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			everywhere := timely.Broadcast(numbers(s, w.Index()))
			timely.Inspect(everywhere, func(n int) { fmt.Println("worker", w.Index(), "hears of", n) })
		})
		return nil
	})
	fmt.Println(err)
	// Unordered output:
	// worker 0 hears of 0
	// worker 0 hears of 1
	// worker 1 hears of 0
	// worker 1 hears of 1
	// <nil>
}

func ExampleInspect() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		seen := timely.Inspect(numbers(s, 1, 2), func(n int) { fmt.Println("seen", n) })
		timely.InspectTime(seen, func(at timely.Epoch, n int) { fmt.Println("at time", at, "seen", n) })
		timely.InspectBatch(seen, func(at timely.Epoch, records []int) { fmt.Println("at time", at, "seen", records) })
	})
	// Unordered output:
	// seen 1
	// seen 2
	// at time 0 seen 1
	// at time 0 seen 2
	// at time 0 seen [1 2]
}

// Delay gives records later times: here, hours to what came in minutes.
func ExampleDelay() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		byMinute := timely.Source(s, "minutes", func(yield func(timely.Epoch, string) bool) {
			_ = yield(55, "five to one") && yield(61, "one") && yield(62, "two past one")
		})
		byHour := timely.Delay(byMinute, func(minute timely.Epoch, _ string) timely.Epoch { return (minute + 59) / 60 * 60 })
		counts := timely.Accumulate(byHour, 0, func(n int, _ string) int { return n + 1 })
		timely.InspectTime(counts, func(hour timely.Epoch, n int) { fmt.Println(n, "until minute", hour) })
	})
	// Output:
	// 1 until minute 60
	// 2 until minute 120
}

// Count counts equal records of a time, wherever they are.
func ExampleCount() {
	err := timely.Execute(context.Background(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			letters := timely.ToStream(s, slices.Values([]string{"a", "b", "a"}))
			counts := timely.Count(letters, timely.HashString)
			timely.Inspect(counts, func(c timely.Counted[string]) { fmt.Println(c.Record, c.N) })
		})
		return nil
	})
	fmt.Println(err)
	// Unordered output:
	// a 4
	// b 2
	// <nil>
}

func ExampleDistinct() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		show(timely.Distinct(numbers(s, 3, 1, 3, 3, 1), func(n int) uint64 { return uint64(n) }))
	})
	// Output:
	// 3
	// 1
}

// Aggregate folds by key: the longest word for each first letter.
func ExampleAggregate() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		words := timely.ToStream(s, strings.FieldsSeq("an apple and a blue banana"))
		longest := timely.Aggregate(words,
			func(word string) byte { return word[0] },
			func(letter byte) uint64 { return uint64(letter) },
			func(longest *string, word string) {
				if len(word) > len(*longest) {
					*longest = word
				}
			},
			func(letter byte, longest string) string { return string(letter) + ": " + longest })
		show(longest)
	})
	// Output:
	// a: apple
	// b: banana
}

// Accumulate folds what there is at each worker. Exchange its results to add up.
func ExampleAccumulate() {
	err := timely.Execute(context.Background(), timely.Config{Workers: 4}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			add := func(sum, n int) int { return sum + n }
			parts := timely.Accumulate(numbers(s, 1, 2, 3, 4), 0, add)
			together := timely.Exchange(parts, func(int) uint64 { return 0 })
			show(timely.Accumulate(together, 0, add))
		})
		return nil
	})
	fmt.Println(err)
	// Output:
	// 40
	// <nil>
}

// Source takes records with their times from a sequence, as far as it is wanted.
func ExampleSource() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		fibonacci := timely.Source(s, "fibonacci", func(yield func(timely.Epoch, int) bool) {
			for at, a, b := timely.Epoch(0), 0, 1; a < 10 && yield(at, a); at++ {
				a, b = b, a+b
			}
		})
		timely.InspectTime(fibonacci, func(at timely.Epoch, n int) { fmt.Printf("%v:%d ", at, n) })
	})
	// Output: 0:0 1:1 2:1 3:2 4:3 5:5 6:8
}

func ExampleToStream() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		show(timely.ToStream(s, strings.SplitSeq("one,two,three", ",")))
	})
	// Output:
	// one
	// two
	// three
}

func ExampleHashString() {
	fmt.Println(timely.HashString("timely") == timely.HashBytes([]byte("timely")))
	fmt.Println(timely.HashUint64(1), timely.HashUint64(2))
	// Output:
	// true
	// 6238072747940578789 15839785061582574730
}
