package order_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/timely-go/timely/order"
)

// The naive antichain is any list of times, least or not: it stands for what is at
// or after one of them.
type naive []loop

func (n naive) lessEqual(t loop) bool {
	return slices.ContainsFunc(n, func(e loop) bool { return e.LessEqual(t) })
}

func (n naive) lessThan(t loop) bool {
	return slices.ContainsFunc(n, func(e loop) bool { return e.LessEqual(t) && e != t })
}

// least returns those with none before them, sorted and without repetitions.
func (n naive) least() []loop {
	var least []loop
	for _, e := range n {
		if !n.lessThan(e) {
			least = append(least, e)
		}
	}
	slices.SortFunc(least, loop.Compare)
	return slices.Compact(least)
}

// random returns up to eight times of the grid.
func random(r *rand.Rand) naive {
	n := make(naive, r.IntN(9))
	for i := range n {
		n[i] = grid[r.IntN(len(grid))]
	}
	return n
}

// grid is few enough times to try them all.
var grid = func() (all []loop) {
	for outer := range epoch(6) {
		for inner := range epoch(6) {
			all = append(all, at(outer, inner))
		}
	}
	return all
}()

// eachRandom calls try many times, and prints the seed if the test has failed.
func eachRandom(t *testing.T, try func(r *rand.Rand)) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		try(r)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestAntichainAgreesWithNaive(t *testing.T) {
	eachRandom(t, func(r *rand.Rand) {
		var inserted order.Antichain[loop]
		times := random(r)
		for i, e := range times {
			if got, want := inserted.Insert(e), !times[:i].lessEqual(e); got != want {
				t.Errorf("inserting %v after %v: got %v, want %v", e, times[:i], got, want)
			}
		}
		for _, a := range []order.Antichain[loop]{inserted, order.AntichainOf(times...), order.Lend(times.least())} {
			agrees(t, a, times)
		}
	})
}

func agrees(t *testing.T, a order.Antichain[loop], times naive) {
	t.Helper()
	want := times.least()
	if got := slices.SortedFunc(a.All(), loop.Compare); !slices.Equal(got, want) {
		t.Errorf("of %v: got %v, want %v", times, got, want)
	}
	if a.Len() != len(want) || a.Empty() != (len(want) == 0) {
		t.Errorf("of %v: got %d elements, empty %v, want %d", times, a.Len(), a.Empty(), len(want))
	}
	for _, g := range grid {
		if a.LessEqual(g) != times.lessEqual(g) || a.LessThan(g) != times.lessThan(g) {
			t.Errorf("%v and %v: got %v, %v", a, g, a.LessEqual(g), a.LessThan(g))
		}
	}
}

func TestAntichainRelationsAgreeWithNaive(t *testing.T) {
	eachRandom(t, func(r *rand.Rand) {
		x, y := random(r), random(r)
		if r.IntN(2) == 0 {
			y = slices.Concat(x, y[:len(y)/2])
			r.Shuffle(len(y), func(i, j int) { y[i], y[j] = y[j], y[i] })
		}
		a, b := order.AntichainOf(x...), order.AntichainOf(y...)
		if got, want := a.Equal(b), slices.Equal(x.least(), y.least()); got != want {
			t.Errorf("%v equals %v: got %v, want %v", a, b, got, want)
		}
		notCovered := slices.ContainsFunc(y, func(e loop) bool { return !x.lessEqual(e) })
		if got, want := a.Precedes(b), !notCovered; got != want {
			t.Errorf("%v precedes %v: got %v, want %v", a, b, got, want)
		}
	})
}

func TestEmptyAntichainIsTheGreatest(t *testing.T) {
	var empty order.Antichain[epoch]
	if !order.AntichainOf[epoch](0).Precedes(empty) || !empty.Precedes(empty) || empty.Precedes(order.AntichainOf(last)) {
		t.Error("the empty antichain is not the greatest")
	}
	if !empty.Equal(order.AntichainOf[epoch]()) || empty.Equal(order.AntichainOf(last)) {
		t.Error("the empty antichain equals what it should not")
	}
}

func TestInsertLeavesCopiesAndLentSlicesAlone(t *testing.T) {
	lent := append(make([]loop, 0, 10), at(0, 3), at(2, 2), at(3, 0))
	want := slices.Clone(lent)
	a := order.Lend(lent)
	first, second := a, a
	first.Insert(at(2, 1))
	second.Insert(at(1, 2))

	if !slices.Equal(lent, want) || lent[:4][3] != at(0, 0) {
		t.Errorf("inserting wrote to the lent slice: %v", lent[:4])
	}
	for _, test := range []struct {
		antichain order.Antichain[loop]
		want      string
	}{
		{a, "{(0, 3), (2, 2), (3, 0)}"},
		{first, "{(0, 3), (2, 1), (3, 0)}"},
		{second, "{(0, 3), (1, 2), (3, 0)}"},
	} {
		if got := test.antichain.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestCloneOutlivesLentSlice(t *testing.T) {
	lent := []epoch{3}
	a := order.Lend(lent)
	clone := a.Clone()
	lent[0] = 7
	if got := a.String() + clone.String(); got != "{7}{3}" {
		t.Errorf("lent and clone are %s, want {7}{3}", got)
	}
}

func TestAntichainOfKeepsNothingOfItsArguments(t *testing.T) {
	times := []epoch{3, 5}
	a := order.AntichainOf(times...)
	times[0] = 7
	if got := a.String(); got != "{3}" {
		t.Errorf("got %s, want {3}", got)
	}
}

func TestAntichainPrintsSorted(t *testing.T) {
	for want, a := range map[string]order.Antichain[loop]{
		"{}":                       {},
		"{(1, 2)}":                 order.AntichainOf(at(1, 2)),
		"{(0, 3), (1, 2), (2, 1)}": order.AntichainOf(at(2, 1), at(0, 3), at(1, 2), at(1, 3)),
	} {
		if got := a.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAllCanStopEarly(t *testing.T) {
	a := order.AntichainOf(at(0, 1), at(1, 0))
	for e := range a.All() {
		if e != at(0, 1) {
			t.Errorf("got %v after the break", e)
		}
		break
	}
}

func TestReadingAnAntichainDoesNotAllocate(t *testing.T) {
	elements := []loop{at(0, 3), at(1, 2), at(2, 1)}
	for name, read := range map[string]func(order.Antichain[loop]) bool{
		"LessEqual": func(a order.Antichain[loop]) bool { return a.LessEqual(at(2, 2)) },
		"LessThan":  func(a order.Antichain[loop]) bool { return a.LessThan(at(2, 2)) },
		"Precedes":  func(a order.Antichain[loop]) bool { return a.Precedes(a) },
		"Equal":     func(a order.Antichain[loop]) bool { return a.Equal(a) },
		"All": func(a order.Antichain[loop]) bool {
			n := 0
			for range a.All() {
				n++
			}
			return n == a.Len()
		},
	} {
		allocs := testing.AllocsPerRun(100, func() {
			if !read(order.Lend(elements)) {
				t.Fatalf("%s is false", name)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}
