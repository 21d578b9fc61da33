// Distinct shows each different number once, at the worker that owns it.
package main

import (
	"fmt"

	"github.com/timely-go/timely"
)

func main() { timely.Main(distinct) }

// numbers are what each worker sends; workers beyond those send nothing.
var numbers = [][]int{
	{0, 1, 2, 2, 2, 3, 3, 4},
	{0, 0, 3, 4, 4, 5, 7, 7},
}

func distinct(w *timely.Worker) error {
	input := timely.NewInput[timely.Epoch, int]()

	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		different := timely.Distinct(input.Stream(s), func(n int) uint64 { return uint64(n) })
		timely.Inspect(different, func(n int) {
			fmt.Printf("worker %d:\tvalue %d\n", w.Index(), n)
		})
	})

	if w.Index() < len(numbers) {
		input.SendBatch(numbers[w.Index()])
	}
	return nil // the input closes, and the worker goes on until the dataflow is complete
}
