package timelytest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/timelytest"
)

// In a test file of yours, t is the test's. Here it only prints.
var t testing.TB = printer{}

type printer struct{ testing.TB }

// count is a program: it counts the letters of a word, wherever they are read.
func count(w *timely.Worker, out *timelytest.Collected[string]) error {
	input := timely.NewInput[timely.Epoch, rune]()
	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		counts := timely.Count(input.Stream(s), func(letter rune) uint64 { return uint64(letter) })
		shown := timely.Map(counts, func(c timely.Counted[rune]) string { return fmt.Sprintf("%c%d", c.Record, c.N) })
		timelytest.Collect(shown, out)
	})
	for i, letter := range "barbarian" {
		if i%w.Peers() == w.Index() {
			input.Send(letter)
		}
	}
	return nil
}

func ExampleSameAnswer() {
	answer := timelytest.SameAnswer(t, count, timelytest.Workers(1, 2, 4))
	fmt.Println(answer)
	// Output: 0: a3 b2 i1 n1 r2
}

func ExampleCollected() {
	var out timelytest.Collected[int]
	timelytest.Run(t, 2, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			three := timely.ToStream(s, func(yield func(int) bool) { _ = yield(w.Index()) && yield(10) })
			timelytest.Collect(three, &out)
		})
		return nil
	})
	fmt.Println(out.Len(), "records at", out.Times())
	fmt.Println(out.String())
	// Output:
	// 4 records at [0]
	// 0: 0 1 10 10
}

func ExampleSettings() {
	for _, setting := range timelytest.Settings() {
		setting.Run(t, 1, func(w *timely.Worker) error { return nil })
		fmt.Println(setting)
	}
	// Output:
	// plain
	// every Send pauses
	// buffers of three records
	// random pauses
}

func (printer) Helper()                           {}
func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (printer) Context() context.Context          { return context.Background() }
