// Hello sends ten numbers to the workers that own them, one round at a time.
package main

import (
	"fmt"

	"github.com/timely-go/timely"
)

func main() { timely.Main(hello) }

func hello(w *timely.Worker) error {
	input := timely.NewInput[timely.Epoch, int]()
	probe := timely.NewProbe[timely.Epoch]()

	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		numbers := input.Stream(s)
		owned := timely.Exchange(numbers, func(n int) uint64 { return uint64(n) })
		seen := timely.Inspect(owned, func(n int) {
			fmt.Printf("worker %d:\thello %d\n", w.Index(), n)
		})
		timely.ProbeWith(seen, probe)
	})

	for round := range 10 {
		if w.Index() == 0 {
			input.Send(round)
		}
		input.AdvanceTo(timely.Epoch(round + 1))
		for probe.LessThan(input.Time()) {
			w.Step()
		}
	}
	return nil
}
