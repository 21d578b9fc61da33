package progress

import (
	"slices"

	"github.com/timely-go/timely/order"
)

const (
	leafItems   = 64 // times in a leaf, at most
	innerFanOut = 32 // nodes below an inner node, at most
)

// Index keeps values by time. Finding, adding and removing one of n times costs
// O(log n), and so does finding the first time that a frontier does not cover,
// where times are totally ordered: every node knows a lower bound of the times
// below it, and a search passes over nodes whose bound is covered.
//
// It is a B-tree in the order of Compare, without rebalancing on removal: a node
// goes when it is empty. Emptied nodes are kept, so a steady state allocates nothing.
type Index[T order.Timestamp[T], V any] struct {
	root  *node[T, V] // nil before the first time; never with a single node below
	len   int
	spare *spare[T, V] // nil before the first node is emptied: most indexes stay small
}

// node is a leaf (below is nil) or an inner node (items is nil).
type node[T order.Timestamp[T], V any] struct {
	low   T // low.Compare(t) <= 0 for every time t below; not kept for the root
	meet  T // meet.LessEqual(t) for every time t below; not kept for the root
	items []item[T, V]
	below []*node[T, V]
}

// spare holds emptied nodes, to be used again.
type spare[T order.Timestamp[T], V any] struct{ leaves, inners []*node[T, V] }

type item[T order.Timestamp[T], V any] struct {
	time  T
	value V
}

// Len returns the number of times.
func (x *Index[T, V]) Len() int { return x.len }

// Find returns the value at t, or nil. It may be changed in place until the
// next At or Delete.
func (x *Index[T, V]) Find(t T) *V {
	n := x.root
	if n == nil {
		return nil
	}
	for n.below != nil {
		n = n.below[n.child(t)]
	}
	if i, found := n.search(t); found {
		return &n.items[i].value
	}
	return nil
}

// At returns the value at t, added as zero if there was none. It may be changed
// in place until the next At or Delete.
func (x *Index[T, V]) At(t T) *V {
	if x.root == nil {
		x.root = x.leaf()
	}
	if n := x.root; n.below == nil && len(n.items) < leafItems { // most often: few times
		i, found := n.search(t)
		if !found {
			x.len++
			n.items = slices.Insert(n.items, i, item[T, V]{time: t})
		}
		return &n.items[i].value
	}
	it, right := x.insert(x.root, t, true)
	if right != nil {
		left := x.root
		left.measure()
		x.root = x.inner(left, right)
	}
	return &it.value
}

// few returns all there is, in the order of Compare, if that is little: at most three
// times, lent until the next At or Delete.
func (x *Index[T, V]) few() []item[T, V] {
	if x.len > 3 || x.root == nil || x.root.below != nil {
		return nil
	}
	return x.root.items
}

// Delete removes t, if it is there.
func (x *Index[T, V]) Delete(t T) {
	if x.root == nil {
		return
	}
	if x.len == 1 && x.root.items[0].time == t { // most often
		x.len = 0
		clear(x.root.items)
		x.root.items = x.root.items[:0]
		return
	}
	x.remove(x.root, t)
	for len(x.root.below) == 1 {
		top := x.root
		x.root = top.below[0]
		top.below = slices.Delete(top.below, 0, 1)
		x.keep(top)
	}
}

// Uncovered returns the first time, in the order of Compare, that is not less
// than from and that no time of frontier is less or equal to. A nil from is
// before all times.
func (x *Index[T, V]) Uncovered(from *T, frontier []T) (t T, v *V, found bool) {
	if x.root != nil {
		if it := x.root.uncovered(from, frontier); it != nil {
			return it.time, &it.value, true
		}
	}
	return t, nil, false
}

// All calls visit for each time, in the order of Compare, until it returns false.
func (x *Index[T, V]) All(visit func(T, *V) bool) {
	if x.root != nil {
		x.root.all(visit)
	}
}

func (x *Index[T, V]) leaf() *node[T, V] {
	if x.spare != nil {
		if leaf := take(&x.spare.leaves); leaf != nil {
			return leaf
		}
	}
	return &node[T, V]{items: make([]item[T, V], 0, 4)}
}

func (x *Index[T, V]) inner(below ...*node[T, V]) *node[T, V] {
	var inner *node[T, V]
	if x.spare != nil {
		inner = take(&x.spare.inners)
	}
	if inner == nil { // it is split when it has one too many
		inner = &node[T, V]{below: make([]*node[T, V], 0, innerFanOut+1)}
	}
	inner.below = append(inner.below, below...)
	return inner
}

// take removes and returns a spare node, or nil.
func take[T order.Timestamp[T], V any](nodes *[]*node[T, V]) *node[T, V] {
	last := len(*nodes) - 1
	if last < 0 {
		return nil
	}
	n := (*nodes)[last]
	*nodes = (*nodes)[:last]
	return n
}

// keep keeps an empty node for later.
func (x *Index[T, V]) keep(n *node[T, V]) {
	if x.spare == nil {
		x.spare = &spare[T, V]{}
	}
	nodes := &x.spare.leaves
	if n.below != nil {
		nodes = &x.spare.inners
	}
	if len(*nodes) < innerFanOut {
		*nodes = append(*nodes, n)
	}
}

// insert returns the item at t below n, and the node to put right of n if n had
// to be split. The root's bounds are not kept: nobody reads them.
func (x *Index[T, V]) insert(n *node[T, V], t T, root bool) (*item[T, V], *node[T, V]) {
	if !root {
		n.include(t)
	}
	if n.below == nil {
		return x.insertLeaf(n, t)
	}
	i := n.child(t)
	it, right := x.insert(n.below[i], t, false)
	if right == nil {
		return it, nil
	}
	n.below = slices.Insert(n.below, i+1, right)
	if len(n.below) <= innerFanOut {
		return it, nil
	}
	half := len(n.below) / 2
	other := x.inner(n.below[half:]...)
	clear(n.below[half:])
	n.below = n.below[:half]
	n.measure()
	other.measure()
	return it, other
}

func (x *Index[T, V]) insertLeaf(n *node[T, V], t T) (*item[T, V], *node[T, V]) {
	i, found := n.search(t)
	if found {
		return &n.items[i], nil
	}
	x.len++
	if len(n.items) < leafItems {
		n.items = slices.Insert(n.items, i, item[T, V]{time: t})
		return &n.items[i], nil
	}
	right, at := x.leaf(), n
	if i < len(n.items) { // else times only grow: leave n full
		half := len(n.items) / 2
		right.items = append(right.items, n.items[half:]...)
		clear(n.items[half:])
		n.items = n.items[:half]
		n.measure()
	}
	if i > len(n.items) || len(n.items) == leafItems {
		at, i = right, i-len(n.items)
	}
	at.items = slices.Insert(at.items, i, item[T, V]{time: t})
	at.measure()
	right.measure()
	return &at.items[i], right
}

// remove reports whether n is empty now.
func (x *Index[T, V]) remove(n *node[T, V], t T) bool {
	if n.below == nil {
		if i, found := n.search(t); found {
			n.items = slices.Delete(n.items, i, i+1)
			x.len--
		}
		return len(n.items) == 0
	}
	i := n.child(t)
	if x.remove(n.below[i], t) {
		x.keep(n.below[i])
		n.below = slices.Delete(n.below, i, i+1)
	}
	return len(n.below) == 0
}

// child returns the node below n where t belongs.
func (n *node[T, V]) child(t T) int {
	lo, hi := 1, len(n.below)
	for lo < hi {
		if mid := (lo + hi) / 2; n.below[mid].low.Compare(t) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// search returns where t is in a leaf, or where it belongs.
func (n *node[T, V]) search(t T) (int, bool) {
	lo, hi := 0, len(n.items)
	if hi > 0 { // most often a time is the first, the last, or new and greatest
		if n.items[0].time == t {
			return 0, true
		}
		if last := n.items[hi-1].time; last == t {
			return hi - 1, true
		} else if last.Compare(t) < 0 {
			return hi, false
		}
	}
	for lo < hi {
		mid := (lo + hi) / 2
		c := n.items[mid].time.Compare(t)
		if c == 0 {
			return mid, true
		}
		if c < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, false
}

func (n *node[T, V]) include(t T) {
	if n.low.Compare(t) > 0 {
		n.low = t
	}
	if !n.meet.LessEqual(t) {
		n.meet = n.meet.Meet(t)
	}
}

// measure computes the bounds from what is below.
func (n *node[T, V]) measure() {
	for i := range n.items {
		n.bound(i == 0, n.items[i].time, n.items[i].time)
	}
	for i, c := range n.below {
		n.bound(i == 0, c.low, c.meet)
	}
}

func (n *node[T, V]) bound(first bool, low, meet T) {
	if first {
		n.low, n.meet = low, meet
	} else {
		n.meet = n.meet.Meet(meet)
	}
}

func (n *node[T, V]) uncovered(from *T, frontier []T) *item[T, V] {
	start := 0
	if n.below == nil {
		if from != nil {
			start, _ = n.search(*from)
		}
		for i := start; i < len(n.items); i++ {
			if !covers(frontier, n.items[i].time) {
				return &n.items[i]
			}
		}
		return nil
	}
	if from != nil {
		start = n.child(*from)
	}
	for _, c := range n.below[start:] {
		if covers(frontier, c.meet) {
			continue
		}
		if it := c.uncovered(from, frontier); it != nil {
			return it
		}
		c.measure() // what had it looked at may be gone
	}
	return nil
}

func (n *node[T, V]) all(visit func(T, *V) bool) bool {
	for i := range n.items {
		if !visit(n.items[i].time, &n.items[i].value) {
			return false
		}
	}
	for _, c := range n.below {
		if !c.all(visit) {
			return false
		}
	}
	return true
}

// covers reports whether a time of frontier is less or equal to t.
func covers[T order.Timestamp[T]](frontier []T, t T) bool {
	for _, f := range frontier {
		if f.LessEqual(t) {
			return true
		}
	}
	return false
}

// following returns the first item after t, or nil.
func (n *node[T, V]) following(t T) *item[T, V] {
	if n.below == nil {
		i, found := n.search(t)
		if found {
			i++
		}
		if i < len(n.items) {
			return &n.items[i]
		}
		return nil
	}
	for _, c := range n.below[n.child(t):] {
		if it := c.following(t); it != nil {
			return it
		}
	}
	return nil
}
