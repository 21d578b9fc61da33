package timely_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/timely-go/timely"
)

// An operator of one's own: the running maximum of each time, at its worker.
func ExampleUnary() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		highest := 0
		records := timely.Unary(numbers(s, 3, 1, 4, 1, 5), timely.Pipeline, "Records",
			func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, string]) {
				for at, batch := range in.Batches() {
					session := out.Session(at)
					for _, n := range batch {
						if n > highest {
							highest = n
							session.Send(fmt.Sprint(n, " is a record"))
						}
					}
				}
			})
		show(records)
	})
	// Output:
	// 3 is a record
	// 4 is a record
	// 5 is a record
}

// Binary waits until a time is complete at both inputs, and sends what both had.
func ExampleBinary() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		left, right := numbers(s, 1, 2, 3), numbers(s, 3, 4, 1)
		pact := timely.ExchangeBy(func(n int) uint64 { return timely.HashUint64(uint64(n)) })
		seen := make(map[timely.Epoch][2][]int)
		complete := timely.NewNotificator[timely.Epoch]()
		keep := func(side int, in *timely.InPort[timely.Epoch, int]) {
			for at, batch := range in.Batches() {
				sides := seen[at.Time()]
				sides[side] = append(sides[side], batch...) // a copy: batches are only lent
				seen[at.Time()] = sides
				complete.NotifyAt(at)
			}
		}
		both := timely.Binary(left, pact, right, pact, "Both",
			func(l, r *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				keep(0, l)
				keep(1, r)
				for at := range complete.Ready(l.Frontier(), r.Frontier()) {
					sides := seen[at.Time()]
					delete(seen, at.Time())
					common := slices.DeleteFunc(sides[0], func(n int) bool { return !slices.Contains(sides[1], n) })
					out.Session(at).SendBatch(common)
				}
			})
		show(both)
	})
	// Output:
	// 1
	// 3
}

func ExampleSink() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		timely.Sink(numbers(s, 1, 2, 3), timely.Pipeline, "Print", func(in *timely.InPort[timely.Epoch, int]) {
			for at, batch := range in.Batches() {
				fmt.Println(at.Time(), batch)
			}
			if in.Frontier().Empty() {
				fmt.Println("that was all")
			}
		})
	})
	// Output:
	// 0 [1 2 3]
	// that was all
}

// A notificator keeps capabilities until their times are complete.
func ExampleNotificator() {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, string]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			complete := timely.NewNotificator[timely.Epoch]()
			show(timely.Unary(input.Stream(s), timely.Pipeline, "Complete",
				func(in *timely.InPort[timely.Epoch, string], out *timely.OutPort[timely.Epoch, string]) {
					for at := range in.Batches() {
						complete.NotifyAt(at)
					}
					for at := range complete.Ready(in.Frontier()) {
						out.Session(at).Send(fmt.Sprintf("%v is complete, %d are pending", at.Time(), complete.Pending()))
					}
				}))
		})
		for epoch := range timely.Epoch(2) {
			input.AdvanceTo(epoch)
			input.Send("word")
			w.Step()
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// 0 is complete, 1 are pending
	// 1 is complete, 0 are pending
	// <nil>
}

// A capability that is retained lasts longer than the turn, until it is dropped.
func ExampleCapability() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		var first timely.Capability[timely.Epoch]
		sum := 0
		sums := timely.Unary(numbers(s, 1, 2, 3), timely.Pipeline, "Sum",
			func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, batch := range in.Batches() {
					if sum == 0 {
						first = at.Retain()
						first.Downgrade(at.Time() + 10) // what is sent is sent at 10 or later
					}
					for _, n := range batch {
						sum += n
					}
				}
				if in.Frontier().Empty() {
					out.Session(first.Delay(15)).Send(sum)
					first.Drop()
				}
			})
		timely.InspectTime(sums, func(at timely.Epoch, sum int) { fmt.Println(sum, "at", at) })
	})
	// Output: 6 at 15
}

// A session is a small value: it can be handed to a function that sends.
func ExampleSession() {
	divide := func(n int, to timely.Session[timely.Epoch, int]) {
		for ; n > 0; n /= 2 {
			to.Send(n)
		}
	}
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		show(timely.Unary(numbers(s, 9, 4), timely.Pipeline, "Divide",
			func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, batch := range in.Batches() {
					session := out.Session(at)
					for _, n := range batch {
						divide(n, session)
					}
					session.SendBatch([]int{100, 200})
				}
			}))
	})
	// Output:
	// 9
	// 4
	// 2
	// 1
	// 4
	// 2
	// 1
	// 100
	// 200
}

// A builder makes operators of any shape: this one has two outputs, and sends to
// the second a day later.
func ExampleBuilder() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		b := timely.NewBuilder(s, "Invoices")
		in := timely.AddInput(b, numbers(s, 20, 30), timely.Pipeline)
		orders, ordered := timely.AddOutput[int](b)
		reminders, reminded := timely.AddOutput[string](b)
		for days, out := range []timely.Port{orders, reminders} {
			b.Connect(in, out, timely.Epoch(days))
		}
		b.Build(func() (busy bool) {
			for at, batch := range in.Batches() {
				orders.Session(at).SendBatch(batch)
				later := at.Delay(at.Time() + 1).RetainFor(reminders)
				for _, n := range batch {
					reminders.Session(later).Send(fmt.Sprint("pay ", n))
				}
				later.Drop()
			}
			return false
		})
		timely.InspectTime(ordered, func(at timely.Epoch, n int) { fmt.Println(at, n) })
		timely.InspectTime(reminded, func(at timely.Epoch, text string) { fmt.Println(at, text) })
	})
	// Unordered output:
	// 0 20
	// 0 30
	// 1 pay 20
	// 1 pay 30
}

// An operator without inputs has a capability from the beginning, and reasons of
// its own to run: the clock, a goroutine that wakes it, or work that it has left.
func ExampleBuilder_Initial() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		b := timely.NewBuilder(s, "Ticks")
		out, ticks := timely.AddOutput[string](b)
		at := b.Initial(out)
		waker := b.Waker()
		turns := 0
		b.Build(func() (busy bool) {
			turns++
			out.Session(at).Send(fmt.Sprint("turn ", turns))
			switch turns {
			case 1:
				b.Activate()
			case 2:
				b.ActivateAfter(time.Millisecond)
			case 3:
				go waker.Wake()
			case 4:
				waker.Close()
				at.Drop()
			}
			return false
		})
		show(ticks)
	})
	// Output:
	// turn 1
	// turn 2
	// turn 3
	// turn 4
}

// WakeOn says whether an operator wants to know that a frontier has moved.
func ExampleBuilder_WakeOn() {
	oneWorker(func(s timely.Scope[timely.Epoch]) {
		for name, interest := range map[string]timely.Interest{
			"if holding": timely.IfHolding, "always": timely.Always, "never": timely.Never,
		} {
			b := timely.NewBuilder(s, name)
			in := timely.AddInput(b, numbers(s), timely.Pipeline)
			b.WakeOn(in, interest)
			turns := 0
			b.Build(func() (busy bool) {
				if turns++; turns > 1 {
					fmt.Println(name, "runs again, as its frontier has moved")
				}
				return false
			})
		}
	})
	// Output: always runs again, as its frontier has moved
}

// A pact is a function that says how records travel.
func ExamplePact() {
	halves := func(r *timely.Routes[int]) { // small numbers to the first worker, large ones to the last
		if r.Peers() == 1 {
			r.Stay()
			return
		}
		r.ByBatch(func(records []int, to []uint32) {
			for i, n := range records {
				if n >= 10 {
					to[i] = uint32(r.Peers() - 1)
				} else {
					to[i] = 0
				}
			}
		})
	}
	byNumber := func(r *timely.Routes[int]) { r.By(func(n int) uint64 { return uint64(n) }) }
	toAll := func(r *timely.Routes[int]) { r.ToAll() } // which is what timely.ToAll does

	pacts := []timely.Pact[int]{halves, byNumber, toAll, timely.ToAll[int]}
	err := timely.Execute(context.Background(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			for i, pact := range pacts {
				timely.Sink(numbers(s, 10+w.Index()), pact, "Print", func(in *timely.InPort[timely.Epoch, int]) {
					for _, batch := range in.Batches() {
						for _, n := range batch {
							fmt.Println("pact", i, "brings", n, "to", w.Index())
						}
					}
				})
			}
		})
		return nil
	})
	fmt.Println(err)
	// Unordered output:
	// pact 0 brings 10 to 1
	// pact 0 brings 11 to 1
	// pact 1 brings 10 to 0
	// pact 1 brings 11 to 1
	// pact 2 brings 10 to 0
	// pact 2 brings 11 to 0
	// pact 2 brings 10 to 1
	// pact 2 brings 11 to 1
	// pact 3 brings 10 to 0
	// pact 3 brings 11 to 0
	// pact 3 brings 10 to 1
	// pact 3 brings 11 to 1
	// <nil>
}
