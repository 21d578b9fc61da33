// Squares prints the squares of its arguments; with the argument "worker" also
// the number of each worker.
package main

import (
	"fmt"
	"strconv"

	"github.com/timely-go/timely"
)

func main() { timely.Main(squares) }

func squares(w *timely.Worker) error {
	input := timely.NewInput[timely.Epoch, int]()
	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		owned := timely.Exchange(input.Stream(s), func(n int) uint64 { return uint64(n) })
		timely.Inspect(owned, func(n int) { fmt.Println(n * n) })
	})
	for i, arg := range w.Args() {
		n, err := strconv.Atoi(arg)
		switch {
		case arg == "worker":
			fmt.Println("worker", w.Index())
		case err != nil:
			return err
		case i%w.Peers() == w.Index():
			input.Send(n)
		}
	}
	return nil
}
