package order

// This file holds the contract of a time: its methods and their laws.

// Timestamp is satisfied by logical times: a lattice whose least element is the
// zero value, with an addition that never goes back.
//
// The laws, for all times a, b and c, with 0 for the zero value, <= for
// LessEqual, and + for Plus:
//
// The order is partial. a <= a; if a <= b and b <= a then a == b; if a <= b and
// b <= c then a <= c. Zero is the least: 0 <= a.
//
// It is a lattice. a.Join(b) is the least time at or after both, a.Meet(b) the
// greatest at or before both.
//
// Compare extends the order to a total one, to sort by. It is negative, zero or
// positive; it is zero exactly if a == b; if a <= b it is not positive; it
// changes its sign with its arguments changed about; it is transitive. It has no
// other meaning: Compare may put a before b where neither is <= the other.
//
// Plus adds a delay, and is total but for overflow. Its second result is false
// if the sum is greater than any time that can be written down; the first then
// means nothing, and a record that would be at the sum never arrives. Where sums
// are defined:
//
//   - zero changes nothing: a + 0 == a and 0 + a == a, never overflowing;
//   - it is inflationary: a <= a + b;
//   - it is strict: if a + b == a then b is zero. So a cycle of which one part
//     takes time takes time as a whole;
//   - it is monotone in both arguments: if a <= b then a + c <= b + c and
//     c + a <= c + b;
//   - overflow is upward closed: if a <= b and a + c overflows then b + c does,
//     and if c + a overflows then c + b does;
//   - it is associative: (a + b) + c and a + (b + c) are the same time, or
//     overflow both. So the summaries of two paths add up to that of one after
//     the other. It need not be commutative.
//
// A path summary is a T as well, the least that a time grows along the path: a
// record that is at t before the path is at t.Plus(summary) or later behind it.
//
// All methods are pure: they may be called from any goroutine. Package ordertest
// checks the laws.
type Timestamp[T Timestamp[T]] interface {
	comparable
	LessEqual(T) bool // the partial order
	Join(T) T         // the least upper bound
	Meet(T) T         // the greatest lower bound
	Compare(T) int    // a total order that extends LessEqual
	Plus(T) (T, bool) // false: overflow, never arrives
}
