package timely_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/timely-go/timely"
)

// A program that must not be held up sees that there is no room.
func ExampleInput_TrySend() {
	program := func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, [8 << 10]byte]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { input.Stream(s) })
		sent := 0
		for sent < 100 && input.TrySend([8 << 10]byte{}) {
			sent++
		}
		fmt.Println("all were sent:", sent == 100)
		w.Step()
		fmt.Println("after a step:", input.TrySend([8 << 10]byte{}))
		return nil
	}
	err := timely.Execute(context.Background(), timely.Config{EdgeBudget: 64 << 10}, program)
	fmt.Println(err)
	// Output:
	// all were sent: false
	// after a step: true
	// <nil>
}

// A program advances its input at every record, and the dataflow sees fewer times
// than that: those that come while one is in flight are one.
func ExampleInput_Coarsen() {
	program := func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		counts := make(map[timely.Epoch]int)
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			seen := timely.Unary(input.Stream(s), timely.Pipeline, "Times", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, batch := range in.Batches() {
					counts[at.Time()] += len(batch)
				}
			})
			timely.ProbeWith(seen, probe)
		})
		input.Coarsen(probe)
		for i := range 1000 {
			input.Send(i)
			input.AdvanceTo(timely.Epoch(i + 1))
		}
		for probe.LessThan(input.Time()) {
			w.Step()
		}
		fmt.Println("times:", len(counts), "records:", counts[0]+counts[1])
		return nil
	}
	fmt.Println(timely.Execute(context.Background(), timely.Config{}, program))
	// Output:
	// times: 2 records: 1000
	// <nil>
}

// An operator that keeps a table for each open time is given two at once.
func ExampleThrottle() {
	program := func(w *timely.Worker) error {
		most, open := 0, make(map[timely.Epoch]int)
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			numbers := timely.Source(s, "Numbers", func(yield func(timely.Epoch, int) bool) {
				for i := range 1000 {
					if !yield(timely.Epoch(i), i) {
						return
					}
				}
			})
			done := timely.NewProbe[timely.Epoch]()
			complete := timely.NewNotificator[timely.Epoch]()
			sums := timely.Unary(timely.Throttle(numbers, done, 2), timely.Pipeline, "Sum", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, batch := range in.Batches() {
					for _, n := range batch {
						open[at.Time()] += n
					}
					complete.NotifyAt(at)
				}
				most = max(most, len(open))
				for at := range complete.Ready(in.Frontier()) {
					out.Session(at).Send(open[at.Time()])
					delete(open, at.Time())
				}
			})
			timely.ProbeWith(sums, done)
		})
		w.Step()
		for w.Poll() {
		}
		fmt.Println("tables at once:", most)
		return nil
	}
	fmt.Println(timely.Execute(context.Background(), timely.Config{}, program))
	// Output:
	// tables at once: 2
	// <nil>
}

// Prices of a time wait until all rates of that time have arrived.
func ExampleInPort_BatchesAt() {
	program := func(w *timely.Worker) error {
		prices, rates := timely.NewInput[timely.Epoch, int](), timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			rate := make(map[timely.Epoch]int)
			timely.Binary(prices.Stream(s), timely.Pipeline, rates.Stream(s), timely.Pipeline, "Convert",
				func(prices *timely.InPort[timely.Epoch, int], rates *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
					for at, batch := range rates.Batches() {
						rate[at.Time()] = batch[0]
					}
					known := rates.Frontier()
					for at, batch := range prices.BatchesAt(func(t timely.Epoch) bool { return !known.LessEqual(t) }) {
						for _, p := range batch {
							fmt.Println(at.Time(), p*rate[at.Time()])
						}
					}
				})
		})
		for t := range timely.Epoch(2) {
			prices.Send(int(t) + 1)
			prices.AdvanceTo(t + 1)
			w.Poll()
		}
		for t := range timely.Epoch(2) {
			rates.Send(100)
			rates.AdvanceTo(t + 1)
			w.Poll()
		}
		return nil
	}
	fmt.Println(timely.Execute(context.Background(), timely.Config{}, program))
	// Output:
	// 0 100
	// 1 200
	// <nil>
}

// One time after the other: what is later waits until the probe has passed the time
// that is in flight.
func ExampleBuilder_Hold() {
	program := func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			b := timely.NewBuilder(s, "OneTime")
			in := timely.AddInput(b, input.Stream(s), timely.Pipeline)
			out, serial := timely.AddOutput[int](b)
			var inFlight timely.Epoch
			b.Hold(in, func(yield func(timely.Epoch) bool) { yield(inFlight) })
			b.Atomic() // others run between its turns only
			b.Build(func() bool {
				for at, batch := range in.BatchesAt(func(t timely.Epoch) bool { return !probe.LessThan(t) }) {
					inFlight = at.Time()
					out.Session(at).SendBatch(batch)
				}
				return false
			})
			seen := timely.Inspect(serial, func(n int) { fmt.Print(n, " ") })
			timely.ProbeWith(timely.Distinct(seen, func(n int) uint64 { return uint64(n) }), probe)
		})
		for i := range 10 {
			input.Send(i)
			input.AdvanceTo(timely.Epoch(i + 1))
		}
		return nil
	}
	fmt.Println(timely.Execute(context.Background(), timely.Config{}, program))
	// Output: 0 1 2 3 4 5 6 7 8 9 <nil>
}

// Each number becomes as many records as it says, far more than there is room for:
// the operators take turns, and the report says where records wait.
func ExampleConfig_edgeBudget() {
	count := func(n int) iter.Seq[int] { return slices.Values(make([]int, n)) }
	program := func(w *timely.Worker) error {
		arrived := 0
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			numbers := timely.ToStream(s, slices.Values([]int{100_000, 200_000}))
			many := timely.FlatMap(numbers, count)
			timely.Sink(many, timely.Pipeline, "OneBatchATurn", func(in *timely.InPort[timely.Epoch, int]) {
				for _, batch := range in.Batches() {
					if arrived == 0 {
						fmt.Println(strings.Contains(w.Report(), "ToStream"))
					}
					arrived += len(batch)
					break
				}
			})
		})
		for arrived < 300_000 {
			w.Step()
		}
		fmt.Println(arrived)
		return nil
	}
	fmt.Println(timely.Execute(context.Background(), timely.Config{EdgeBudget: 16 << 10}, program))
	// Output:
	// true
	// 300000
	// <nil>
}
