package model

import (
	"math/bits"
	"math/rand/v2"
)

// This file holds pointstamps and sets of them, and random choices.

const (
	maxPlaces  = 6
	maxLevels  = 3
	slot       = 21 // bits of a word for the times of one place
	pointCount = 128
)

// random is a cheap source of choices.
type random struct{ rand.PCG }

// under returns one of 0 ... n-1.
func (r *random) under(n int) int {
	high, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(high)
}

// oneIn is true once in n times.
func (r *random) oneIn(n int) bool { return r.under(n) == 0 }

// bit returns one of the bits that are set in x, which is not zero.
func (r *random) bit(x uint64) int {
	for n := r.under(bits.OnesCount64(x)); n > 0; n-- {
		x &= x - 1
	}
	return bits.TrailingZeros64(x)
}

// point is a pointstamp: the time t at the place l is bit t of slot l. There are
// three slots to a word.
type point uint8

const none = point(255)

func at(place, time int) point { return point(place/3<<6 + place%3*slot + time) }

func (p point) place() int { return int(p)>>6*3 + int(p)&63/slot }
func (p point) time() int  { return int(p) & 63 % slot }

// set is a set of points.
type set [2]uint64

func (s *set) put(p point)        { s[p>>6] |= 1 << (p & 63) }
func (s *set) remove(p point)     { s[p>>6] &^= 1 << (p & 63) }
func (s *set) has(p point) bool   { return s[p>>6]&(1<<(p&63)) != 0 }
func (s *set) empty() bool        { return s[0]|s[1] == 0 }
func (s *set) join(o *set)        { s[0] |= o[0]; s[1] |= o[1] }
func (s *set) within(o *set) bool { return s[0]&^o[0]|s[1]&^o[1] == 0 }
func (s *set) meets(o *set) bool  { return s[0]&o[0]|s[1]&o[1] != 0 }

// pop removes the least point of a set that is not empty.
func (s *set) pop() point {
	for i := range s {
		if s[i] != 0 {
			p := point(i<<6 + bits.TrailingZeros64(s[i]))
			s[i] &= s[i] - 1
			return p
		}
	}
	return none
}

// pick returns some point of a set that is not empty.
func (r *random) pick(s *set) point {
	i := 0
	if n := bits.OnesCount64(s[0]); n == 0 || r.under(n+bits.OnesCount64(s[1])) >= n {
		i = 1
	}
	return point(i<<6 + r.bit(s[i]))
}

// clock holds the times of all levels: those of level d have d+1 coordinates, an
// epoch and rounds. There are so few that a set of times is a number. Greater
// times are never reached: what would have one is lost.
type clock struct {
	sizes  [maxLevels]int
	counts [maxLevels]int // of times, by level
	coords [maxLevels][slot][maxLevels]int8
	later  [maxLevels][slot]uint32 // the times at or after
}

// clocks are what topologies choose from.
var clocks = []*clock{
	newClock(3, 3, 2), newClock(4, 2, 2), newClock(2, 3, 3), newClock(5, 2, 2), newClock(3, 2, 3),
}

func newClock(sizes ...int) *clock {
	c := &clock{sizes: [maxLevels]int(sizes)}
	n := 1
	for level := range maxLevels {
		n *= sizes[level]
		c.counts[level] = n
		for t := range n {
			rest := t
			for i := level; i >= 0; i-- {
				c.coords[level][t][i] = int8(rest % sizes[i])
				rest /= sizes[i]
			}
		}
		for t := range n {
			for u := range n {
				if lessEqual(c.coords[level][t], c.coords[level][u]) {
					c.later[level][t] |= 1 << u
				}
			}
		}
	}
	return c
}

func lessEqual(t, u [maxLevels]int8) bool { return t[0] <= u[0] && t[1] <= u[1] && t[2] <= u[2] }

// number returns the number of a time of a level, or -1 if it is too great.
func (c *clock) number(level int, coords [maxLevels]int8) int8 {
	n := 0
	for i := range level + 1 {
		if int(coords[i]) >= c.sizes[i] {
			return -1
		}
		n = n*c.sizes[i] + int(coords[i])
	}
	return int8(n)
}
