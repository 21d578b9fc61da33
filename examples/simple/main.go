// Simple looks at ten numbers as they pass by.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/timely-go/timely"
)

func main() {
	var oneWorker timely.Config // the zero value
	if err := timely.Execute(context.Background(), oneWorker, simple); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func simple(w *timely.Worker) error {
	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		numbers := timely.ToStream(s, firstTen)
		timely.Inspect(numbers, func(n int) { fmt.Println("seen:", n) })
	})
	return nil // the worker goes on until the dataflow is complete
}

// firstTen is a sequence: it yields the numbers from 0 to 9.
func firstTen(yield func(int) bool) {
	for n := range 10 {
		if !yield(n) {
			return
		}
	}
}
