package order

import "fmt"

// This file holds times with two coordinates of which the first decides.

// Lexicographic is a time with two coordinates, ordered like words: by First,
// and where those are equal by Second. Use it where all of one First is to be
// complete before anything of the next, as in the phases of an algorithm, each
// with rounds of its own.
//
// It asks two things of First, both of which [Epoch] has, and a Lexicographic of
// two Epochs too:
//
//   - First is totally ordered. Below two incomparable Firsts there is in
//     general no greatest time, since any Second may be followed by a greater
//     one. So Join and Meet of times with incomparable Firsts panic.
//   - Adding to First keeps different times different: if a < b then
//     a + c < b + c and c + a < c + b. Were they to become equal, Second would
//     decide, and might decide the other way.
type Lexicographic[A Timestamp[A], B Timestamp[B]] struct {
	First  A
	Second B
}

// LessEqual reports whether the First of t is before that of u, or they are
// equal and the Second of t is at or before that of u.
func (t Lexicographic[A, B]) LessEqual(u Lexicographic[A, B]) bool {
	if t.First == u.First {
		return t.Second.LessEqual(u.Second)
	}
	return t.First.LessEqual(u.First)
}

// Join returns the time with the later First, or joins the Seconds if the Firsts
// are equal. It panics if the Firsts are incomparable.
func (t Lexicographic[A, B]) Join(u Lexicographic[A, B]) Lexicographic[A, B] {
	switch {
	case t.First == u.First:
		return Lexicographic[A, B]{t.First, t.Second.Join(u.Second)}
	case t.First.LessEqual(u.First):
		return u
	case u.First.LessEqual(t.First):
		return t
	}
	panic(incomparable("Join", t, u))
}

// Meet returns the time with the earlier First, or meets the Seconds if the
// Firsts are equal. It panics if the Firsts are incomparable.
func (t Lexicographic[A, B]) Meet(u Lexicographic[A, B]) Lexicographic[A, B] {
	switch {
	case t.First == u.First:
		return Lexicographic[A, B]{t.First, t.Second.Meet(u.Second)}
	case t.First.LessEqual(u.First):
		return t
	case u.First.LessEqual(t.First):
		return u
	}
	panic(incomparable("Meet", t, u))
}

// Compare orders by First, then by Second.
func (t Lexicographic[A, B]) Compare(u Lexicographic[A, B]) int {
	if c := t.First.Compare(u.First); c != 0 {
		return c
	}
	return t.Second.Compare(u.Second)
}

// Plus adds each coordinate. It reports false if First overflows.
//
// It panics if Second overflows and First does not. To report false would be to
// say that nothing at or after t ever arrives, which is wrong: times with a later
// First and a small Second follow t in the order, and their sums can be written
// down. Overflow would not be upward closed, and a frontier that relies on it
// would release times that still come. Nor is there a least such time to return
// instead, unless First had a next one. So keep Second, and what is added to it,
// far from its end: in a loop delays are added along every path that there is, also
// where nothing goes.
func (t Lexicographic[A, B]) Plus(delay Lexicographic[A, B]) (Lexicographic[A, B], bool) {
	first, ok := t.First.Plus(delay.First)
	if !ok {
		return t, false
	}
	second, ok := t.Second.Plus(delay.Second)
	if !ok {
		panic(fmt.Errorf("order: %v plus %v overflows in Second alone: later Firsts can still arrive, so the sum has no sound lower bound", t, delay))
	}
	return Lexicographic[A, B]{first, second}, true
}

// String returns both coordinates: (5; 2).
func (t Lexicographic[A, B]) String() string { return fmt.Sprintf("(%v; %v)", t.First, t.Second) }

func incomparable(method string, t, u fmt.Stringer) error {
	return fmt.Errorf("order: %s of %v and %v: the Firsts of Lexicographic times must be totally ordered, and these are incomparable", method, t, u)
}
