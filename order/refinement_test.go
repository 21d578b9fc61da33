package order_test

import (
	"testing"

	"github.com/timely-go/timely/order"
)

// The laws of the built-in refinements are checked in package ordertest.

func TestLoopsNest(t *testing.T) {
	outer, inner := order.LoopRefinement[epoch](), order.LoopRefinement[loop]()
	deep := inner.Enter(outer.Enter(5))
	deep.Inner = 7
	if got := deep.String(); got != "((5, 0), 7)" {
		t.Errorf("inside both loops the time is %s", got)
	}
	if got := outer.Leave(inner.Leave(deep)); got != 5 {
		t.Errorf("outside both loops the time is %v", got)
	}
}
