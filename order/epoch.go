package order

import (
	"cmp"
	"strconv"
)

// This file holds the simplest time.

// Epoch is a counter used as a time: outside a loop an epoch of the input,
// inside a loop a round. Its order is that of the numbers, and is total.
type Epoch uint64

// LessEqual reports whether t is at or before u.
func (t Epoch) LessEqual(u Epoch) bool { return t <= u }

// Join returns the later of t and u.
func (t Epoch) Join(u Epoch) Epoch { return max(t, u) }

// Meet returns the earlier of t and u.
func (t Epoch) Meet(u Epoch) Epoch { return min(t, u) }

// Compare orders epochs as numbers.
func (t Epoch) Compare(u Epoch) int { return cmp.Compare(t, u) }

// Plus adds the numbers. It reports false if the sum does not fit 64 bits.
func (t Epoch) Plus(delay Epoch) (Epoch, bool) {
	sum := t + delay
	return sum, sum >= t
}

// String returns the number: 5.
func (t Epoch) String() string { return strconv.FormatUint(uint64(t), 10) }
