package ordertest_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/timely-go/timely/order"
	"github.com/timely-go/timely/order/ordertest"
)

// Minute is a time that forgot to say when it overflows.
type Minute uint8

func (t Minute) LessEqual(u Minute) bool          { return t <= u }
func (t Minute) Join(u Minute) Minute             { return max(t, u) }
func (t Minute) Meet(u Minute) Minute             { return min(t, u) }
func (t Minute) Compare(u Minute) int             { return cmp.Compare(t, u) }
func (t Minute) Plus(delay Minute) (Minute, bool) { return t + delay, true }

// In a test of your own, pass its *testing.T instead of a printer.
func ExampleLaws() {
	ordertest.Laws(printer{}, func(r *rand.Rand) Minute { return Minute(r.Uint32()) })
	// Unordered output:
	// broken: a <= a + b
	// broken: if a <= b then a + c <= b + c
	// broken: if a <= b then c + a <= c + b
}

// Rounds are given away as outer time: leaving takes the later of the two.
func ExampleRefines() {
	type loop = order.Loop[order.Epoch]
	later := order.Refinement[order.Epoch, loop]{
		Enter: func(t order.Epoch) loop { return loop{Outer: t} },
		Leave: func(t loop) order.Epoch { return max(t.Outer, t.Inner) },
	}
	epoch := func(r *rand.Rand) order.Epoch { return order.Epoch(r.IntN(5)) }
	round := func(r *rand.Rand) loop { return loop{Outer: epoch(r), Inner: epoch(r)} }

	ordertest.Refines(printer{}, later, epoch, round)
	ordertest.Refines(printer{}, order.LoopRefinement[order.Epoch](), epoch, round) // says nothing: all is well
	// Output:
	// broken: if a + b is defined then Leave(a) + Leave(b) == Leave(a + b)
}

// printer is a testing.TB that prints the law of each report.
type printer struct{ testing.TB }

func (printer) Helper() {}

func (printer) Errorf(format string, args ...any) {
	report, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	_, law, _ := strings.Cut(report, " breaks a law: ")
	fmt.Println("broken:", law)
}
