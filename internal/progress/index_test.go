package progress

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/timely-go/timely/order"
)

func TestIndexAgreesWithMap(t *testing.T) {
	t.Run("Epoch", func(t *testing.T) { testIndex(t, randomEpoch) })
	t.Run("Product", func(t *testing.T) { testIndex(t, randomPair) })
}

func testIndex[T order.Timestamp[T]](t *testing.T, random func(*rand.Rand, int) T) {
	forSeeds(t, 300*time.Millisecond, func(r *rand.Rand) error {
		var index Index[T, int]
		oracle := make(map[T]int)
		below := 1 << (1 + r.IntN(16))
		shrinking := 0 // of ten operations, how many remove
		for n := range 1 + r.IntN(10_000) {
			if n%1000 == 0 {
				shrinking = r.IntN(11)
			}
			x := random(r, below)
			if r.IntN(10) < shrinking {
				if x, found := anyTime(r, oracle, &index); found {
					index.Delete(x)
					delete(oracle, x)
				}
				index.Delete(x)
				delete(oracle, x)
			} else {
				*index.At(x) = n
				oracle[x] = n
			}
			if n%500 == 0 {
				if err := compareIndex(r, &index, oracle, random(r, below)); err != nil {
					return err
				}
			}
		}
		if err := compareIndex(r, &index, oracle, random(r, below)); err != nil {
			return err
		}
		for x := range oracle {
			index.Delete(x)
		}
		return compareIndex(r, &index, map[T]int{}, random(r, below))
	})
}

// anyTime returns a time at or after a random one.
func anyTime[T order.Timestamp[T]](r *rand.Rand, oracle map[T]int, index *Index[T, int]) (t T, found bool) {
	for x := range oracle { // random enough
		t, _, found = index.Uncovered(&x, nil)
		return t, found
	}
	return t, false
}

func compareIndex[T order.Timestamp[T]](r *rand.Rand, index *Index[T, int], oracle map[T]int, from T) error {
	if err := checkTree(index); err != nil {
		return err
	}
	if index.Len() != len(oracle) {
		return fmt.Errorf("Len is %d, want %d", index.Len(), len(oracle))
	}
	times := slices.SortedFunc(maps.Keys(oracle), T.Compare)
	n := 0
	index.All(func(x T, v *int) bool {
		if x != times[n] || *v != oracle[x] {
			n = -1
			return false
		}
		n++
		return true
	})
	if n != len(times) {
		return fmt.Errorf("All is wrong, or stopped at %d of %d", n, len(times))
	}
	for _, x := range append([]T{from}, times...) {
		v, wanted := oracle[x]
		if got := index.Find(x); (got != nil) != wanted || wanted && *got != v {
			return fmt.Errorf("Find(%v) is wrong", x)
		}
	}
	for range 10 {
		if err := compareUncovered(r, index, times, from); err != nil {
			return err
		}
	}
	return nil
}

// compareUncovered searches with a frontier of some of the times.
func compareUncovered[T order.Timestamp[T]](r *rand.Rand, index *Index[T, int], times []T, from T) error {
	var frontier []T
	for range r.IntN(4) {
		if len(times) > 0 {
			frontier = append(frontier, times[r.IntN(len(times))])
		}
	}
	start := &from
	if r.IntN(4) == 0 {
		start = nil
	} else if len(times) > 0 && r.IntN(2) == 0 {
		start = &times[r.IntN(len(times))]
	}
	i := slices.IndexFunc(times, func(x T) bool {
		return (start == nil || x.Compare(*start) >= 0) && !covers(frontier, x)
	})
	got, v, found := index.Uncovered(start, frontier)
	if found != (i >= 0) || found && (got != times[i] || v != index.Find(got)) {
		return fmt.Errorf("Uncovered(%v, %v) is %v, %v; wrong", start, frontier, got, found)
	}
	return nil
}

// checkTree walks the tree and checks its order, bounds and sizes.
func checkTree[T order.Timestamp[T], V any](x *Index[T, V]) error {
	if x.root == nil {
		return nil
	}
	if err := checkNode(x.root, true); err != nil {
		return err
	}
	if x.spare == nil {
		return nil
	}
	for _, n := range slices.Concat(x.spare.leaves, x.spare.inners) {
		if len(n.items)+len(n.below) > 0 {
			return fmt.Errorf("a spare node is not empty")
		}
	}
	return nil
}

func checkNode[T order.Timestamp[T], V any](n *node[T, V], root bool) error {
	switch {
	case n.below != nil && len(n.items) > 0:
		return fmt.Errorf("an inner node with items")
	case len(n.items) > leafItems || len(n.below) > innerFanOut:
		return fmt.Errorf("a node of %d items, %d nodes", len(n.items), len(n.below))
	case !root && len(n.items)+len(n.below) == 0:
		return fmt.Errorf("an empty node")
	case root && len(n.below) == 1:
		return fmt.Errorf("a root with one node below")
	}
	var err error
	var last *T
	n.all(func(t T, _ *V) bool {
		switch {
		case last != nil && (*last).Compare(t) >= 0:
			err = fmt.Errorf("%v before %v", *last, t)
		case !root && n.low.Compare(t) > 0:
			err = fmt.Errorf("%v below a node whose low is %v", t, n.low)
		case !root && !n.meet.LessEqual(t):
			err = fmt.Errorf("%v below a node whose meet is %v", t, n.meet)
		}
		last = &t
		return err == nil
	})
	depth := -1
	for i, c := range n.below {
		if err != nil {
			break
		}
		if d := c.depth(); depth >= 0 && d != depth {
			return fmt.Errorf("leaves at depths %d and %d", depth, d)
		} else {
			depth = d
		}
		if i > 0 && n.below[i-1].last().Compare(c.low) >= 0 {
			return fmt.Errorf("%v is left of a node whose low is %v", n.below[i-1].last(), c.low)
		}
		err = checkNode(c, false)
	}
	return err
}

func (n *node[T, V]) depth() int {
	if n.below == nil {
		return 0
	}
	return 1 + n.below[0].depth()
}

func (n *node[T, V]) last() T {
	if n.below == nil {
		return n.items[len(n.items)-1].time
	}
	return n.below[len(n.below)-1].last()
}

func TestEmptyIndex(t *testing.T) {
	var x Index[order.Epoch, int]
	x.Delete(1)
	x.All(func(order.Epoch, *int) bool { t.Error("a time"); return true })
	if _, _, found := x.Uncovered(nil, nil); found || x.Find(1) != nil || x.Len() != 0 {
		t.Error("an empty index holds something")
	}
	if it := (&node[order.Epoch, int]{}).following(3); it != nil {
		t.Error("something follows in an empty leaf")
	}
}

func TestFollowingCrossesLeaves(t *testing.T) {
	var x Index[order.Epoch, int]
	for e := range order.Epoch(10_000) {
		x.At(2 * e)
	}
	for e := range order.Epoch(9_999) {
		if it := x.root.following(2 * e); it.time != 2*e+2 {
			t.Fatalf("%v follows %v", it.time, 2*e)
		}
		if it := x.root.following(2*e + 1); it.time != 2*e+2 {
			t.Fatalf("%v follows %v", it.time, 2*e+1)
		}
	}
	if it := x.root.following(19_998); it != nil {
		t.Errorf("%v follows the last", it.time)
	}
}

// Round after round, every open epoch of a loop moves on. A search must not visit
// all nodes because something that is long gone was below them.
func TestSearchForgetsRemovedTimes(t *testing.T) {
	cost := func(epochs tallied) float64 {
		var c Counts[order.Product[tallied, tallied]]
		at := func(e, round tallied) order.Product[tallied, tallied] {
			return order.Product[tallied, tallied]{Outer: e, Inner: round}
		}
		for e := range epochs {
			c.Update(at(e, 0), 1, nil)
		}
		const rounds = 5
		tally = 0
		for round := range tallied(rounds) {
			for e := range epochs {
				c.Update(at(e, round+1), 1, nil)
				c.Update(at(e, round), -1, nil)
			}
		}
		return float64(tally) / float64(epochs) / rounds
	}
	few, many := cost(500), cost(8_000)
	t.Logf("%.0f and %.0f operations an update", few, many)
	if many > 3*few {
		t.Errorf("an update with 8,000 open times costs %.0f operations, with 500 %.0f", many, few)
	}
}
