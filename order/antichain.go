package order

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// This file holds sets of least times.

// Antichain is a set of mutually incomparable times. It stands for everything at
// or after one of them: a frontier is the antichain of the least times that may
// still appear, and the empty one means that nothing will. The zero value is
// empty and ready to use.
//
// An Antichain is a value. Inserting into one never changes a copy, nor a slice
// that was lent. Its methods look at every element, of which there are few: no
// more than one where the order is total.
type Antichain[T Timestamp[T]] struct {
	elements []T // mutually incomparable, in any order; never written to, perhaps lent
}

// AntichainOf returns the least of the given times.
func AntichainOf[T Timestamp[T]](times ...T) Antichain[T] {
	least := make([]T, 0, len(times))
	for _, t := range times {
		if (Antichain[T]{least}).LessEqual(t) {
			continue
		}
		least = slices.DeleteFunc(least, t.LessEqual)
		least = append(least, t)
	}
	return Antichain[T]{least}
}

// Lend returns the antichain of the given elements, which must be mutually
// incomparable; the slice is not copied. The antichain is valid only for as long
// as the elements do not change: whoever is lent one must Clone it to keep it.
// Lend neither checks nor allocates.
func Lend[T Timestamp[T]](elements []T) Antichain[T] { return Antichain[T]{elements} }

// Insert adds t, and removes what is after t, unless an element is at or before t
// already. It reports whether it added t. Adding allocates.
func (a *Antichain[T]) Insert(t T) bool {
	if a.LessEqual(t) {
		return false
	}
	kept := make([]T, 0, len(a.elements)+1)
	for _, e := range a.elements {
		if !t.LessEqual(e) {
			kept = append(kept, e)
		}
	}
	a.elements = append(kept, t)
	return true
}

// LessEqual reports whether some element is at or before t: of a frontier,
// whether t may still appear.
func (a Antichain[T]) LessEqual(t T) bool {
	for _, e := range a.elements {
		if e.LessEqual(t) {
			return true
		}
	}
	return false
}

// LessThan reports whether some element is strictly before t: of a frontier,
// whether anything before t may still appear.
func (a Antichain[T]) LessThan(t T) bool {
	for _, e := range a.elements {
		if e != t && e.LessEqual(t) {
			return true
		}
	}
	return false
}

// Precedes reports whether every element of b is at or after some element of a:
// whether a frontier may move from a to b. It is a partial order on antichains,
// in which the empty one is the greatest.
func (a Antichain[T]) Precedes(b Antichain[T]) bool {
	for _, e := range b.elements {
		if !a.LessEqual(e) {
			return false
		}
	}
	return true
}

// Equal reports whether a and b hold the same times.
func (a Antichain[T]) Equal(b Antichain[T]) bool {
	if len(a.elements) != len(b.elements) {
		return false
	}
	for _, e := range a.elements {
		if !slices.Contains(b.elements, e) {
			return false
		}
	}
	return true
}

// Empty reports whether there are no elements: of a frontier, whether everything
// is done.
func (a Antichain[T]) Empty() bool { return len(a.elements) == 0 }

// Len returns the number of elements.
func (a Antichain[T]) Len() int { return len(a.elements) }

// All returns the elements, in no particular order.
func (a Antichain[T]) All() iter.Seq[T] { return slices.Values(a.elements) }

// Clone returns an antichain with the same elements that stays as it is, whatever
// becomes of a slice that was lent.
func (a Antichain[T]) Clone() Antichain[T] { return Antichain[T]{slices.Clone(a.elements)} }

// String returns the elements sorted by Compare: {1, 2}.
func (a Antichain[T]) String() string {
	var words []string
	for _, e := range slices.SortedFunc(a.All(), T.Compare) {
		words = append(words, fmt.Sprint(e))
	}
	return "{" + strings.Join(words, ", ") + "}"
}
