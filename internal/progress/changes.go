package progress

import (
	"cmp"
	"slices"

	"github.com/timely-go/timely/order"
)

// Pointstamp is a time at a location.
type Pointstamp[T order.Timestamp[T]] struct {
	At   Location
	Time T
}

// Change is a change of the count of a pointstamp.
type Change[T order.Timestamp[T]] struct {
	Pointstamp[T]
	Delta int64
}

// Changes is a batch of changes, added up lazily. Its size stays within a
// constant factor of the pointstamps whose changes do not cancel.
type Changes[T order.Timestamp[T]] struct {
	list  []Change[T]  // list[:clean] is sorted, without repeats or zeros
	clean int          // 0 <= clean <= len(list)
	few   [2]Change[T] // where the list of a message begins, see letter
	wire  wire[T]
}

const (
	lookBack    = 4  // changes are often undone at once: look at the last few
	compactFrom = 32 // shorter lists are added up only when they are read
)

// Update adds d to the change of t at a location.
func (c *Changes[T]) Update(at Location, t T, d int64) {
	if d == 0 {
		return
	}
	for i := len(c.list) - 1; i >= c.clean && i >= len(c.list)-lookBack; i-- {
		p := &c.list[i]
		if p.At != at || p.Time != t {
			continue
		}
		if p.Delta += d; p.Delta == 0 && len(c.list) <= lookBack { // a longer list may have repeats, and stays long
			c.list = slices.Delete(c.list, i, i+1)
		}
		return
	}
	c.list = append(c.list, Change[T]{Pointstamp[T]{at, t}, d})
	if len(c.list) > compactFrom && len(c.list) >= 2*c.clean {
		c.compact()
	}
}

// Empty reports whether all changes cancel.
func (c *Changes[T]) Empty() bool {
	if c.clean < len(c.list) && c.clean <= len(c.list)/2 {
		c.compact()
	}
	return len(c.list) == 0
}

// List returns the changes, added up, lent until the next Update.
func (c *Changes[T]) List() []Change[T] {
	if len(c.list) > lookBack || c.clean > 0 { // else it never was longer, and has no repeats or zeros
		c.compact()
	}
	return c.list
}

// Len returns how many pointstamps have changes that do not cancel.
func (c *Changes[T]) Len() int { return len(c.List()) }

// Reset forgets all changes.
func (c *Changes[T]) Reset() { c.list, c.clean = c.list[:0], 0 }

// add adds the changes of from.
func (c *Changes[T]) add(from []Change[T]) {
	for i := range from {
		c.Update(from[i].At, from[i].Time, from[i].Delta)
	}
}

// compact sorts the changes and adds up those of one pointstamp.
func (c *Changes[T]) compact() {
	if c.clean == len(c.list) {
		return
	}
	slices.SortFunc(c.list, compareChanges[T])
	n := 0
	for i := range c.list {
		switch {
		case n > 0 && c.list[n-1].Pointstamp == c.list[i].Pointstamp:
			c.list[n-1].Delta += c.list[i].Delta
		case n > 0 && c.list[n-1].Delta == 0:
			c.list[n-1] = c.list[i]
		default:
			c.list[n] = c.list[i]
			n++
		}
	}
	if n > 0 && c.list[n-1].Delta == 0 {
		n--
	}
	c.list, c.clean = c.list[:n], n
}

func compareChanges[T order.Timestamp[T]](a, b Change[T]) int {
	if a.At != b.At {
		return cmp.Compare(a.At, b.At)
	}
	return a.Time.Compare(b.Time)
}
