// Fromchannel brings into a dataflow what a goroutine sends on a channel: numbers
// that come when they come. Its argument is how many; they begin at 0.
package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/timely-go/timely"
)

func main() { timely.Main(fromchannel) }

func fromchannel(w *timely.Worker) error {
	input := timely.NewInput[timely.Epoch, int]()

	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		owned := timely.Exchange(input.Stream(s), func(n int) uint64 { return uint64(n) })
		timely.Inspect(owned, func(n int) { fmt.Println("heard", n) })
	})

	if w.Index() != 0 {
		return nil // worker 0 listens; the others serve the dataflow to its end
	}
	count := 10
	if args := w.Args(); len(args) > 0 {
		var err error
		if count, err = strconv.Atoi(args[0]); err != nil {
			return err
		}
	}

	ctx, cancel := context.WithCancel(w.Context()) // ends when the program returns or any worker fails
	defer cancel()
	waker := w.Waker()
	defer waker.Close()
	numbers := make(chan int, 16) // with room: a number must be there before the worker is woken for it
	go speak(ctx, numbers, count, waker)

	for !w.Stopping() {
		select {
		case n, open := <-numbers:
			if !open {
				return nil
			}
			input.Send(n)
			input.AdvanceTo(input.Time() + 1)
			w.Poll() // does not park: there may be more in the channel
		default:
			w.Step() // parks until there is something to do, or the worker is woken
		}
	}
	return nil
}

// speak sends count numbers, one every few milliseconds, and wakes the worker
// after each. It closes the channel when it has sent all, not if ctx ends before.
func speak(ctx context.Context, numbers chan<- int, count int, waker *timely.Waker) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := range count {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		select {
		case numbers <- n:
			waker.Wake()
		case <-ctx.Done():
			return
		}
	}
	close(numbers)
	waker.Wake()
}
