package progress

import (
	"slices"

	"github.com/timely-go/timely/order"
)

// Update is a change of the count of a time.
type Update[T order.Timestamp[T]] struct {
	Time  T
	Delta int64
}

// Counts is a mutable antichain: counted times, and the least of those whose
// count is positive. Counts may be negative for a while: of two messages, the
// one that consumes may come before the one that produced.
type Counts[T order.Timestamp[T]] struct {
	index    Index[T, int64] // no zero counts
	frontier []T             // the minimal times with positive counts, unless it is torn
	torn     bool            // times have vanished from the frontier; what only they covered is missing
	from     T               // the first of them, while it is torn
}

// Frontier returns the frontier, lent until the next Update.
func (c *Counts[T]) Frontier() []T { return c.frontier }

// Len returns the number of times whose count is not zero.
func (c *Counts[T]) Len() int { return c.index.Len() }

// Count returns the count of t.
func (c *Counts[T]) Count(t T) int64 {
	if n := c.index.Find(t); n != nil {
		return *n
	}
	return 0
}

// All calls visit for each counted time in the order of Compare, until it returns false.
func (c *Counts[T]) All(visit func(t T, n int64) bool) {
	c.index.All(func(t T, n *int64) bool { return visit(t, *n) })
}

// Update adds d to the count of t and appends the changes of the frontier to moved.
// It costs O(log n) for n totally ordered times, and as much again for each negative
// count that it passes on the way to the next frontier.
func (c *Counts[T]) Update(t T, d int64, moved []Update[T]) []Update[T] {
	return c.Mend(c.Change(t, d, moved))
}

// Change does what Update does, but leaves the frontier torn where a time has
// vanished from it: Mend must be called after the last of several changes. So they
// cost one search for the next frontier. Increments should come before decrements.
func (c *Counts[T]) Change(t T, d int64, moved []Update[T]) []Update[T] {
	if d == 0 {
		return moved
	}
	n := c.index.At(t)
	before := *n
	after := before + d
	*n = after
	if after == 0 {
		c.index.Delete(t)
	}
	switch {
	case before <= 0 && after > 0:
		return c.appear(t, moved)
	case before > 0 && after <= 0:
		return c.vanish(t, moved)
	}
	return moved
}

// advance applies changes that say that all there is, a single time counted once, is
// another time now: most changes do. Else it does nothing and reports false.
func (c *Counts[T]) advance(changes []Update[T]) bool {
	if c.index.Len() != 1 || len(changes) != 2 || c.torn {
		return false
	}
	from, to := changes[0], changes[1]
	if from.Delta > 0 {
		from, to = to, from
	}
	only := c.index.few()
	if from.Delta != -1 || to.Delta != 1 || from.Time == to.Time || only[0] != (item[T, int64]{from.Time, 1}) {
		return false
	}
	only[0].time, c.frontier[0] = to.Time, to.Time
	return true
}

// appear takes a time whose count became positive into the frontier, if it belongs there.
func (c *Counts[T]) appear(t T, moved []Update[T]) []Update[T] {
	if covers(c.frontier, t) {
		return moved
	}
	kept := c.frontier[:0]
	for _, f := range c.frontier {
		if t.LessEqual(f) {
			moved = append(moved, Update[T]{f, -1})
		} else {
			kept = append(kept, f)
		}
	}
	c.frontier = append(kept, t)
	return append(moved, Update[T]{t, +1})
}

// vanish removes a time whose count is no longer positive from the frontier, if
// it was there.
func (c *Counts[T]) vanish(t T, moved []Update[T]) []Update[T] {
	i := slices.Index(c.frontier, t)
	if i < 0 {
		return moved
	}
	c.frontier = slices.Delete(c.frontier, i, i+1)
	if !c.torn || t.Compare(c.from) < 0 {
		c.torn, c.from = true, t
	}
	return append(moved, Update[T]{t, -1})
}

// Mend takes into the frontier what only times that vanished from it had covered,
// and appends the changes to moved. All of that comes after the first of them in
// the order of Compare, and none of it is before what is in the frontier.
func (c *Counts[T]) Mend(moved []Update[T]) []Update[T] {
	if !c.torn {
		return moved
	}
	c.torn = false
	if few := c.index.few(); few != nil {
		for i := range few {
			if few[i].value > 0 {
				moved = c.appear(few[i].time, moved)
			}
		}
		return moved
	}
	from := c.from
	for {
		next, n, found := c.index.Uncovered(&from, c.frontier)
		if !found {
			return moved
		}
		if *n > 0 {
			moved = c.appear(next, moved)
			from = next
			continue
		}
		if from, found = c.after(next); !found {
			return moved
		}
	}
}

// after returns the time that follows t, which is counted.
func (c *Counts[T]) after(t T) (next T, found bool) {
	it := c.index.root.following(t)
	if it == nil {
		return next, false
	}
	return it.time, true
}
