package ordertest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/timely-go/timely/order"
)

// This file holds the laws of a time, one line of a table each.

// Laws checks every law of [order.Timestamp] on times that sample draws.
func Laws[T order.Timestamp[T]](t testing.TB, sample func(r *rand.Rand) T) {
	t.Helper()
	var zero T
	check(t, fmt.Sprintf("%T", zero), timestampLaws[T](), func(r *rand.Rand) triple[T] { return drawTriple(r, sample) })
}

// triple is the case that laws of a time are tried on.
type triple[T order.Timestamp[T]] struct{ a, b, c T }

func (x triple[T]) String() string { return fmt.Sprintf("a = %v, b = %v, c = %v", x.a, x.b, x.c) }

// drawTriple draws three times, related often enough to try the laws that begin
// with "if".
func drawTriple[T order.Timestamp[T]](r *rand.Rand, sample func(*rand.Rand) T) triple[T] {
	x := triple[T]{draw(r, sample), draw(r, sample), draw(r, sample)}
	switch r.IntN(6) {
	case 0: // a chain
		x.b = x.a.Join(x.b)
		x.c = x.b.Join(x.c)
	case 1: // an upper bound
		x.c = x.a.Join(x.b).Join(x.c)
	case 2: // a lower bound
		x.c = x.a.Meet(x.b).Meet(x.c)
	case 3: // a repetition
		x.b = x.a
	}
	return x
}

// draw draws one time, which now and then is zero.
func draw[T order.Timestamp[T]](r *rand.Rand, sample func(*rand.Rand) T) (t T) {
	if r.IntN(8) > 0 {
		t = sample(r)
	}
	return t
}

func timestampLaws[T order.Timestamp[T]]() []law[triple[T]] {
	return append(append(orderLaws[T](), compareLaws[T]()...), plusLaws[T]()...)
}

// orderLaws are those of LessEqual, Join and Meet.
func orderLaws[T order.Timestamp[T]]() []law[triple[T]] {
	var zero T
	return []law[triple[T]]{
		{"0 <= a", func(x triple[T]) bool { return zero.LessEqual(x.a) }},
		{"a <= a", func(x triple[T]) bool { return x.a.LessEqual(x.a) }},
		{"if a <= b and b <= a then a == b", func(x triple[T]) bool {
			return !x.a.LessEqual(x.b) || !x.b.LessEqual(x.a) || x.a == x.b
		}},
		{"if a <= b and b <= c then a <= c", func(x triple[T]) bool {
			return !x.a.LessEqual(x.b) || !x.b.LessEqual(x.c) || x.a.LessEqual(x.c)
		}},
		{"a.Join(b) is at or after a and b", func(x triple[T]) bool {
			join := x.a.Join(x.b)
			return x.a.LessEqual(join) && x.b.LessEqual(join)
		}},
		{"if c is at or after a and b then a.Join(b) <= c", func(x triple[T]) bool {
			return !x.a.LessEqual(x.c) || !x.b.LessEqual(x.c) || x.a.Join(x.b).LessEqual(x.c)
		}},
		{"a.Meet(b) is at or before a and b", func(x triple[T]) bool {
			meet := x.a.Meet(x.b)
			return meet.LessEqual(x.a) && meet.LessEqual(x.b)
		}},
		{"if c is at or before a and b then c <= a.Meet(b)", func(x triple[T]) bool {
			return !x.c.LessEqual(x.a) || !x.c.LessEqual(x.b) || x.c.LessEqual(x.a.Meet(x.b))
		}},
	}
}

// compareLaws are those of Compare.
func compareLaws[T order.Timestamp[T]]() []law[triple[T]] {
	return []law[triple[T]]{
		{"a.Compare(b) is zero exactly if a == b", func(x triple[T]) bool {
			return (x.a.Compare(x.b) == 0) == (x.a == x.b) && x.a.Compare(x.a) == 0
		}},
		{"a.Compare(b) and b.Compare(a) have opposite signs", func(x triple[T]) bool {
			return sign(x.a.Compare(x.b)) == -sign(x.b.Compare(x.a))
		}},
		{"Compare is transitive", func(x triple[T]) bool {
			return x.a.Compare(x.b) > 0 || x.b.Compare(x.c) > 0 || x.a.Compare(x.c) <= 0
		}},
		{"if a <= b then a.Compare(b) is not positive", func(x triple[T]) bool {
			return !x.a.LessEqual(x.b) || x.a.Compare(x.b) <= 0
		}},
	}
}

// plusLaws are those of Plus.
func plusLaws[T order.Timestamp[T]]() []law[triple[T]] {
	var zero T
	return []law[triple[T]]{
		{"a + 0 == a", func(x triple[T]) bool { return sum(x.a, zero).is(x.a) }},
		{"0 + a == a", func(x triple[T]) bool { return sum(zero, x.a).is(x.a) }},
		{"a <= a + b", func(x triple[T]) bool { return defined(x.a).lessEqual(sum(x.a, x.b)) }},
		{"if a + b == a then b is zero", func(x triple[T]) bool { return x.b == zero || !sum(x.a, x.b).is(x.a) }},
		{"if a <= b then a + c <= b + c", func(x triple[T]) bool {
			ac, bc := sum(x.a, x.c), sum(x.b, x.c)
			return !x.a.LessEqual(x.b) || !ac.ok || ac.lessEqual(bc)
		}},
		{"if a <= b then c + a <= c + b", func(x triple[T]) bool {
			ca, cb := sum(x.c, x.a), sum(x.c, x.b)
			return !x.a.LessEqual(x.b) || !ca.ok || ca.lessEqual(cb)
		}},
		{"if a <= b and a + c overflows then b + c does", func(x triple[T]) bool {
			return !x.a.LessEqual(x.b) || sum(x.a, x.c).ok || !sum(x.b, x.c).ok
		}},
		{"if a <= b and c + a overflows then c + b does", func(x triple[T]) bool {
			return !x.a.LessEqual(x.b) || sum(x.c, x.a).ok || !sum(x.c, x.b).ok
		}},
		{"(a + b) + c and a + (b + c) are the same, or overflow both", func(x triple[T]) bool {
			left := sum(x.a, x.b).plus(defined(x.c))
			right := defined(x.a).plus(sum(x.b, x.c))
			return left == right
		}},
	}
}

// A total is a time or, if not ok, an overflow, which is greater than all times.
type total[T order.Timestamp[T]] struct {
	at T // zero if not ok
	ok bool
}

func defined[T order.Timestamp[T]](t T) total[T] { return total[T]{t, true} }

func sum[T order.Timestamp[T]](t, delay T) (s total[T]) {
	if at, ok := t.Plus(delay); ok {
		s = total[T]{at, true}
	}
	return s
}

func (s total[T]) plus(u total[T]) (v total[T]) {
	if s.ok && u.ok {
		v = sum(s.at, u.at)
	}
	return v
}

func (s total[T]) is(t T) bool { return s.ok && s.at == t }

func (s total[T]) lessEqual(u total[T]) bool { return !u.ok || s.ok && s.at.LessEqual(u.at) }

func sign(c int) int {
	switch {
	case c < 0:
		return -1
	case c > 0:
		return 1
	}
	return 0
}
