package timely_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/timely-go/timely"
)

// A program is run by each worker.
func ExampleExecute() {
	err := timely.Execute(context.Background(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
		fmt.Printf("worker %d of %d\n", w.Index(), w.Peers())
		return nil
	})
	fmt.Println(err)
	// Unordered output:
	// worker 0 of 2
	// worker 1 of 2
	// <nil>
}

// What a program returns, and what panics in it, comes back as a Failure.
func ExampleFailure() {
	broken := errors.New("no such file")
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error { return broken })

	var failure *timely.Failure
	fmt.Println(errors.As(err, &failure), errors.Is(err, broken))
	fmt.Println("worker", failure.Worker, "says", failure.Err)
	// Output:
	// true true
	// worker 0 says no such file
}

// Those who call Execute can offer the engine's flags; Main does it by itself.
func ExampleConfig_Flags() {
	var config timely.Config
	flags := flag.NewFlagSet("program", flag.ContinueOnError)
	config.Flags(flags)
	if err := flags.Parse([]string{"-w", "3", "input.txt"}); err != nil {
		fmt.Println(err)
	}
	config.Args = flags.Args()

	err := timely.Execute(context.Background(), config, func(w *timely.Worker) error {
		if w.Index() == 0 {
			fmt.Println(w.Peers(), "workers read", w.Args())
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// 3 workers read [input.txt]
	// <nil>
}

// Step parks until something can be done, so the loop that waits for a time is a
// good one. Poll never parks, and StepFor not for long.
func ExampleWorker_Step() {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { timely.ProbeWith(input.Stream(s), probe) })

		fmt.Println("anything to run:", w.Poll())
		input.Send(1)
		input.AdvanceTo(1)
		for probe.LessThan(1) {
			w.Step()
		}
		w.StepFor(time.Millisecond) // nothing can be done
		fmt.Println("frontier", probe.Frontier())
		return nil
	})
	fmt.Println(err)
	// Output:
	// anything to run: false
	// frontier {1}
	// <nil>
}

// A program that feeds inputs until it is stopped looks at Stopping, and uses
// Context for what blocks.
func ExampleWorker_Stopping() {
	lines := make(chan string, 1)
	lines <- "a line"
	close(lines)
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		for !w.Stopping() {
			select {
			case line, more := <-lines:
				if !more {
					return nil
				}
				fmt.Println(line)
			case <-w.Context().Done():
				return w.Context().Err()
			}
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// a line
	// <nil>
}

// Report says what holds the frontiers back.
func ExampleWorker_Report() {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { input.Stream(s) })
		input.AdvanceTo(7)
		w.Poll()
		fmt.Println(strings.Contains(w.Report(), "holds 1 capability at time 7"))
		return nil
	})
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// A goroutine that has something for a worker wakes it.
func ExampleWaker() {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, string]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { show(input.Stream(s)) })

		lines := make(chan string, 1)
		waker := w.Waker()
		go func() {
			defer waker.Close() // or the worker would wait for it for ever
			lines <- "from another goroutine"
			waker.Wake()
		}()
		for len(lines) == 0 {
			w.Step()
		}
		input.Send(<-lines)
		return nil
	})
	fmt.Println(err)
	// Output:
	// from another goroutine
	// <nil>
}

// Dataflows come and go while a program runs.
func ExampleInstalled() {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		first := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.Inspect(input.Stream(s), func(n int) { fmt.Println("first:", n) })
		})
		input.Send(1)
		w.Step()
		second := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.Inspect(input.Stream(s), func(n int) { fmt.Println("second:", n) })
		})
		first.Drop()
		input.Send(2)
		input.Close()
		for !second.Done() {
			w.Step()
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// first: 1
	// second: 2
	// <nil>
}

var errNoFlour = errors.New("no flour")

// errors.Is looks at what a program returned.
func ExampleFailure_Unwrap() {
	err := timely.Execute(context.Background(), timely.Config{Workers: 2}, func(w *timely.Worker) error {
		if w.Index() == 1 {
			return fmt.Errorf("bake: %w", errNoFlour)
		}
		return nil
	})
	var failure *timely.Failure
	if errors.As(err, &failure) {
		fmt.Println(failure.Worker, failure.Unwrap())
		fmt.Println(failure.Error())
	}
	fmt.Println(errors.Is(err, errNoFlour))
	// Output:
	// 1 bake: no flour
	// timely: worker 1: bake: no flour
	// true
}
