package ordertest

import (
	"testing"

	"github.com/timely-go/timely/order"
)

type (
	epoch  = order.Epoch
	loop   = order.Loop[epoch]
	phases = order.Lexicographic[epoch, epoch]
)

func TestBuiltInRefinementsKeepTheLaws(t *testing.T) {
	drawLoop := product(drawEpoch, drawEpoch)
	t.Run("Same", func(t *testing.T) { Refines(t, order.Same[epoch](), drawEpoch, drawEpoch) })
	t.Run("Loop", func(t *testing.T) { Refines(t, order.LoopRefinement[epoch](), drawEpoch, drawLoop) })
	t.Run("Loop in Loop", func(t *testing.T) {
		Refines(t, order.LoopRefinement[loop](), drawLoop, product(drawLoop, drawEpoch))
	})
}

func TestLexicographicRefinesItsFirst(t *testing.T) {
	Refines(t, order.Refinement[epoch, phases]{
		Enter: func(t epoch) phases { return phases{First: t} },
		Leave: func(t phases) epoch { return t.First },
	}, drawEpoch, lexicographic(drawEpoch, drawSmall))
}

func TestBrokenRefinementsAreFound(t *testing.T) {
	enter := func(t epoch) loop { return loop{Outer: t} }
	leave := func(t loop) epoch { return t.Outer }
	tests := []struct {
		law   string
		enter func(epoch) loop
		leave func(loop) epoch
	}{
		{"if s <= t then Enter(s) <= Enter(t)", func(t epoch) loop { return loop{Outer: t, Inner: -t} }, leave},
		{"if a <= b then Leave(a) <= Leave(b)", enter, func(t loop) epoch { return t.Outer &^ t.Inner }},
		{"Leave(Enter(t)) == t", func(t epoch) loop { return loop{Inner: t} }, leave},
		{"Leave(0) == 0", enter, func(t loop) epoch { return max(t.Outer, 1) }},
		{"if a + b is defined then Leave(a) + Leave(b) == Leave(a + b)", enter, func(t loop) epoch { return max(t.Outer, t.Inner) }},
	}
	tested := make(map[string]bool)
	for _, test := range tests {
		tested[test.law] = true
		by := order.Refinement[epoch, loop]{Enter: test.enter, Leave: test.leave}
		got := reports(func(t testing.TB) { Refines(t, by, drawEpoch, product(drawSmall, drawEpoch)) })
		if !mentions(got, "breaks a law: "+test.law+"\n", "ORDERTEST_SEED=") {
			t.Errorf("no report of %q in %q", test.law, got)
		}
	}
	for _, l := range refinementLaws(order.Same[epoch]()) {
		if !tested[l.says] {
			t.Errorf("no broken refinement for the law %q", l.says)
		}
	}
}
