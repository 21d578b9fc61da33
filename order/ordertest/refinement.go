package ordertest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/timely-go/timely/order"
)

// This file holds the laws of a refinement, one line of a table each.

// Refines checks every law of [order.Refinement] on times that sampleOuter and
// sampleInner draw. It does not check the laws of the times themselves.
func Refines[O order.Timestamp[O], I order.Timestamp[I]](t testing.TB, by order.Refinement[O, I], sampleOuter func(r *rand.Rand) O, sampleInner func(r *rand.Rand) I) {
	t.Helper()
	check(t, fmt.Sprintf("%T", by), refinementLaws(by), func(r *rand.Rand) crossing[O, I] {
		outer, inner := drawTriple(r, sampleOuter), drawTriple(r, sampleInner)
		return crossing[O, I]{outer.a, outer.b, inner.a, inner.b}
	})
}

// crossing is the case that laws of a refinement are tried on.
type crossing[O order.Timestamp[O], I order.Timestamp[I]] struct {
	s, t O
	a, b I
}

func (x crossing[O, I]) String() string {
	return fmt.Sprintf("outer s = %v, t = %v, inner a = %v, b = %v", x.s, x.t, x.a, x.b)
}

func refinementLaws[O order.Timestamp[O], I order.Timestamp[I]](by order.Refinement[O, I]) []law[crossing[O, I]] {
	return []law[crossing[O, I]]{
		{"if s <= t then Enter(s) <= Enter(t)", func(x crossing[O, I]) bool {
			return !x.s.LessEqual(x.t) || by.Enter(x.s).LessEqual(by.Enter(x.t))
		}},
		{"if a <= b then Leave(a) <= Leave(b)", func(x crossing[O, I]) bool {
			return !x.a.LessEqual(x.b) || by.Leave(x.a).LessEqual(by.Leave(x.b))
		}},
		{"Leave(Enter(t)) == t", func(x crossing[O, I]) bool { return by.Leave(by.Enter(x.t)) == x.t }},
		{"Leave(0) == 0", func(crossing[O, I]) bool {
			var outer O
			var inner I
			return by.Leave(inner) == outer
		}},
		{"if a + b is defined then Leave(a) + Leave(b) == Leave(a + b)", func(x crossing[O, I]) bool {
			inside := sum(x.a, x.b)
			return !inside.ok || sum(by.Leave(x.a), by.Leave(x.b)).is(by.Leave(inside.at))
		}},
	}
}
