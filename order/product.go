package order

import "fmt"

// This file holds times with two coordinates that count for themselves.

// Product is a time with two coordinates, both of which must be at or before
// those of another for it to be at or before the other. It is a time inside a
// loop: the outer time and the round. Rounds of different outer times do not
// wait for one another; that is why the order is partial even when both
// coordinates are totally ordered.
type Product[O Timestamp[O], I Timestamp[I]] struct {
	Outer O
	Inner I
}

// Loop is the time inside a loop of a scope with time T: the time outside, and
// the round.
type Loop[T Timestamp[T]] = Product[T, Epoch]

// LessEqual reports whether both coordinates of t are at or before those of u.
func (t Product[O, I]) LessEqual(u Product[O, I]) bool {
	return t.Outer.LessEqual(u.Outer) && t.Inner.LessEqual(u.Inner)
}

// Join joins each coordinate.
func (t Product[O, I]) Join(u Product[O, I]) Product[O, I] {
	return Product[O, I]{t.Outer.Join(u.Outer), t.Inner.Join(u.Inner)}
}

// Meet meets each coordinate.
func (t Product[O, I]) Meet(u Product[O, I]) Product[O, I] {
	return Product[O, I]{t.Outer.Meet(u.Outer), t.Inner.Meet(u.Inner)}
}

// Compare orders by the outer coordinate, then by the inner.
func (t Product[O, I]) Compare(u Product[O, I]) int {
	if c := t.Outer.Compare(u.Outer); c != 0 {
		return c
	}
	return t.Inner.Compare(u.Inner)
}

// Plus adds each coordinate. It reports false if either sum overflows: no
// coordinate carries into the other.
func (t Product[O, I]) Plus(delay Product[O, I]) (Product[O, I], bool) {
	outer, ok := t.Outer.Plus(delay.Outer)
	if !ok {
		return t, false
	}
	inner, ok := t.Inner.Plus(delay.Inner)
	return Product[O, I]{outer, inner}, ok
}

// String returns both coordinates: (5, 2).
func (t Product[O, I]) String() string { return fmt.Sprintf("(%v, %v)", t.Outer, t.Inner) }
