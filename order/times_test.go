package order_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/timely-go/timely/order"
)

// The laws of the built-in times are checked in package ordertest. This file holds
// what is particular to each of them.

type (
	epoch  = order.Epoch
	loop   = order.Loop[epoch]
	phases = order.Lexicographic[epoch, epoch]
)

const last = epoch(math.MaxUint64)

func at(outer, inner epoch) loop { return loop{Outer: outer, Inner: inner} }

func in(first, second epoch) phases { return phases{First: first, Second: second} }

func TestEpochPlusOverflowsPastTheLast(t *testing.T) {
	tests := []struct {
		t, delay, sum epoch
		ok            bool
	}{
		{0, 0, 0, true},
		{2, 3, 5, true},
		{last, 0, last, true},
		{last - 1, 1, last, true},
		{last, 1, 0, false},
		{1, last, 0, false},
		{last, last, 0, false},
	}
	for _, test := range tests {
		sum, ok := test.t.Plus(test.delay)
		if ok != test.ok || ok && sum != test.sum {
			t.Errorf("%v.Plus(%v) = %v, %v; want %v, %v", test.t, test.delay, sum, ok, test.sum, test.ok)
		}
	}
}

func TestProductPlusOverflowsInEitherCoordinate(t *testing.T) {
	tests := []struct {
		t, delay, sum loop
		ok            bool
	}{
		{at(1, 2), at(3, 4), at(4, 6), true},
		{at(last, 2), at(0, 4), at(last, 6), true},
		{at(last, 2), at(1, 4), at(0, 0), false},
		{at(1, last), at(3, 1), at(0, 0), false},
		{at(last, last), at(1, 1), at(0, 0), false},
	}
	for _, test := range tests {
		sum, ok := test.t.Plus(test.delay)
		if ok != test.ok || ok && sum != test.sum {
			t.Errorf("%v.Plus(%v) = %v, %v; want %v, %v", test.t, test.delay, sum, ok, test.sum, test.ok)
		}
	}
}

func TestProductOrderIsPartial(t *testing.T) {
	a, b := at(1, 5), at(3, 2)
	if a.LessEqual(b) || b.LessEqual(a) {
		t.Errorf("%v and %v are comparable", a, b)
	}
	if got, want := a.Join(b), at(3, 5); got != want {
		t.Errorf("join is %v, want %v", got, want)
	}
	if got, want := a.Meet(b), at(1, 2); got != want {
		t.Errorf("meet is %v, want %v", got, want)
	}
}

func TestLexicographicIsOrderedByFirst(t *testing.T) {
	a, b := in(1, 5), in(3, 2)
	if !a.LessEqual(b) || b.LessEqual(a) {
		t.Errorf("%v is not before %v", a, b)
	}
	for _, got := range []phases{a.Join(b), b.Join(a)} {
		if got != b {
			t.Errorf("join is %v, want %v", got, b)
		}
	}
	for _, got := range []phases{a.Meet(b), b.Meet(a)} {
		if got != a {
			t.Errorf("meet is %v, want %v", got, a)
		}
	}
}

func TestLexicographicOfEqualFirstsIsOrderedBySecond(t *testing.T) {
	type partial = order.Lexicographic[epoch, loop]
	a, b := partial{First: 1, Second: at(1, 5)}, partial{First: 1, Second: at(3, 2)}
	if a.LessEqual(b) || b.LessEqual(a) {
		t.Errorf("%v and %v are comparable", a, b)
	}
	if a.Compare(b) >= 0 || b.Compare(a) <= 0 {
		t.Errorf("%v is not sorted before %v", a, b)
	}
	if got, want := a.Join(b), (partial{First: 1, Second: at(3, 5)}); got != want {
		t.Errorf("join is %v, want %v", got, want)
	}
	if got, want := a.Meet(b), (partial{First: 1, Second: at(1, 2)}); got != want {
		t.Errorf("meet is %v, want %v", got, want)
	}
}

func TestLexicographicPlusOverflowsWithFirst(t *testing.T) {
	for _, test := range [][2]phases{
		{in(last, 0), in(1, 0)},
		{in(last, last), in(1, last)},
	} {
		if sum, ok := test[0].Plus(test[1]); ok {
			t.Errorf("%v.Plus(%v) = %v", test[0], test[1], sum)
		}
	}
}

func TestLexicographicPlusPanicsIfSecondAloneOverflows(t *testing.T) {
	got := panicOf(func() { in(1, last).Plus(in(2, 3)) })
	want := "order: (1; 18446744073709551615) plus (2; 3) overflows in Second alone"
	if !strings.HasPrefix(got, want) {
		t.Errorf("panics with %q, want %q", got, want)
	}
}

func TestLexicographicPanicsOnIncomparableFirsts(t *testing.T) {
	type partial = order.Lexicographic[loop, epoch]
	a, b := partial{First: at(0, 1)}, partial{First: at(1, 0)}
	for method, call := range map[string]func(partial) partial{"Join": a.Join, "Meet": a.Meet} {
		got := panicOf(func() { call(b) })
		want := "order: " + method + " of ((0, 1); 0) and ((1, 0); 0): the Firsts of Lexicographic times must be totally ordered"
		if !strings.HasPrefix(got, want) {
			t.Errorf("panics with %q, want %q", got, want)
		}
	}
}

func TestTimesPrintShort(t *testing.T) {
	tests := []struct {
		t    fmt.Stringer
		want string
	}{
		{epoch(0), "0"},
		{epoch(5), "5"},
		{last, "18446744073709551615"},
		{at(5, 2), "(5, 2)"},
		{order.Loop[loop]{Outer: at(5, 2), Inner: 1}, "((5, 2), 1)"},
		{in(5, 2), "(5; 2)"},
		{order.Lexicographic[epoch, loop]{First: 1, Second: at(5, 2)}, "(1; (5, 2))"},
	}
	for _, test := range tests {
		if got := test.t.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestTimesDoNotAllocate(t *testing.T) {
	a, b := order.Loop[phases]{Outer: in(1, 2), Inner: 3}, order.Loop[phases]{Outer: in(1, 4), Inner: 2}
	allocs := testing.AllocsPerRun(100, func() {
		sum, _ := a.Plus(b)
		if !a.Meet(b).LessEqual(a.Join(b)) || a.Compare(sum) > 0 {
			t.Fatal("the order is broken")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// panicOf returns what f panics with, as text.
func panicOf(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return text
}
