package timely_test

import (
	"context"
	"fmt"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
)

// A program sends at its input's time, moves that on, and asks a probe what may
// still appear.
func ExampleInput() {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, string]()
		probe := timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			words := input.Stream(s)
			timely.ProbeWith(timely.InspectTime(words, func(at timely.Epoch, word string) { fmt.Println(at, word) }), probe)
		})
		input.Send("zero")
		input.AdvanceTo(input.Time() + 5)
		input.SendBatch([]string{"five", "too"})
		input.AdvanceTo(6)
		for probe.LessEqual(5) {
			w.Step()
		}
		fmt.Println("complete before 6, done:", probe.Done())
		input.Close()
		return nil
	})
	fmt.Println(err)
	// Output:
	// 0 zero
	// 5 five
	// 5 too
	// complete before 6, done: false
	// <nil>
}

// A probe knows the frontier of one place, for all workers together.
func ExampleProbe() {
	err := timely.Execute(context.Background(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { timely.ProbeWith(input.Stream(s), probe) })

		input.AdvanceTo(timely.Epoch(10 + 10*w.Index())) // to 10 and to 20
		for probe.LessThan(10) {
			w.Step()
		}
		if w.Index() == 1 {
			fmt.Println("worker 1 has waited for worker 0, up to 9:", !probe.LessEqual(9))
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// worker 1 has waited for worker 0, up to 9: true
	// <nil>
}

// A region groups operators under a name.
func ExampleRegion() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		all := numbers(s, 1, 2, 3)
		var odd timely.Stream[timely.Epoch, int]
		timely.Region(all.Scope(), "odd numbers", func(timely.Scope[timely.Epoch]) {
			odd = timely.Filter(all, func(n int) bool { return n%2 == 1 })
		})
		show(odd)
	})
	// Output:
	// 1
	// 3
}

// A scope of its own time: inside, epochs have a day.
func ExampleNested() {
	type day = order.Product[timely.Epoch, timely.Epoch]
	days := order.Refinement[timely.Epoch, day]{
		Enter: func(e timely.Epoch) day { return day{Outer: e} },
		Leave: func(d day) timely.Epoch { return d.Outer },
	}
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		visits := numbers(s, 3, 1, 3)
		var perDay timely.Stream[timely.Epoch, string]
		timely.Nested(s, "days", days, func(inner timely.Scope[day]) {
			dated := timely.Delay(timely.Enter(visits, inner), func(at day, n int) day {
				at.Inner = timely.Epoch(n)
				return at
			})
			counts := timely.Accumulate(dated, 0, func(count, _ int) int { return count + 1 })
			lines := timely.Unary(counts, timely.Pipeline, "Lines", func(in *timely.InPort[day, int], out *timely.OutPort[day, string]) {
				for at, batch := range in.Batches() {
					for _, count := range batch {
						out.Session(at).Send(fmt.Sprintf("day %v: %d", at.Time().Inner, count))
					}
				}
			})
			perDay = timely.Leave(lines, s)
		})
		show(perDay)
	})
	// Unordered output:
	// day 1: 1
	// day 3: 2
}

// Iterate goes round until nothing is left that goes again.
func ExampleIterate() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		type trail struct{ start, n, steps int }
		starts := timely.Map(numbers(s, 6, 7), func(n int) trail { return trail{n, n, 0} })
		ones := timely.Iterate(starts, func(trails timely.Stream[timely.Loop[timely.Epoch], trail]) (again, done timely.Stream[timely.Loop[timely.Epoch], trail]) {
			next := timely.Map(trails, func(t trail) trail {
				if t.n%2 == 0 {
					return trail{t.start, t.n / 2, t.steps + 1}
				}
				return trail{t.start, 3*t.n + 1, t.steps + 1}
			})
			return timely.Split(next, func(t trail) bool { return t.n > 1 })
		})
		timely.Inspect(ones, func(t trail) { fmt.Println(t.start, "takes", t.steps, "steps") })
	})
	// Unordered output:
	// 6 takes 8 steps
	// 7 takes 16 steps
}

// Feedback is a loop with the wires in one's hands: what goes round costs time.
func ExampleFeedback() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		var variable *timely.LoopVariable[timely.Epoch, int]
		variable, cycle := timely.Feedback[int](s, 1)
		all := timely.Concat(numbers(s, 3), cycle)
		timely.InspectTime(all, func(at timely.Epoch, n int) { fmt.Println(n, "at", at) })
		less := timely.Map(all, func(n int) int { return n - 1 })
		variable.Connect(timely.Filter(less, func(n int) bool { return n > 0 }))
	})
	// Output:
	// 3 at 0
	// 2 at 1
	// 1 at 2
}

// Functions that are generic over the time can be used inside loops and outside.
func ExampleTimestamp() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		outside := doubled(numbers(s, 1))
		inside := timely.Iterate(numbers(s, 1), func(all timely.Stream[timely.Loop[timely.Epoch], int]) (again, done timely.Stream[timely.Loop[timely.Epoch], int]) {
			return timely.Split(doubled(all), func(n int) bool { return n < 1000 })
		})
		show(timely.Concat(outside, inside))
	})
	// Unordered output:
	// 2
	// 1024
}

func doubled[T timely.Timestamp[T]](s timely.Stream[T, int]) timely.Stream[T, int] {
	return timely.Map(s, func(n int) int { return 2 * n })
}
