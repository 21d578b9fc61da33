package progress

import (
	"fmt"

	"github.com/timely-go/timely/order"
)

// Truth is what all workers of a dataflow have done together: the counts that each
// worker's view lags behind. Only somebody who sees all workers at one moment knows
// it, so it is for simulations: they check that no view runs ahead of it.
type Truth struct{ sum *Message }

// NewTruth returns what is counted before any worker has done anything.
func NewTruth(levels []Level) *Truth {
	t := &Truth{NewMessage(levels)}
	for i, l := range levels {
		t.sum.Parts[i].Merge(l.Initial())
	}
	return t
}

// Add adds what a worker did. It is called before that is settled.
func (t *Truth) Add(own *Message) { t.sum.Merge(own) }

// Check compares a worker's view with what is true, given what each worker did and
// has not settled. There must be no negative count, and at each location where
// something is counted the view's frontier must cover it.
func (t *Truth) Check(view []Level, unsettled []*Message) error {
	now := NewMessage(view)
	now.Merge(t.sum)
	for _, own := range unsettled {
		now.Merge(own)
	}
	for i, l := range view {
		if err := l.Audit(now.Parts[i]); err != nil {
			return fmt.Errorf("scope %d: %w", i, err)
		}
	}
	return nil
}

// Initial implements Level.
func (k *Tracker[T]) Initial() Part {
	c := &Changes[T]{}
	c.add(k.initial)
	return c
}

// Audit implements Level.
func (k *Tracker[T]) Audit(truth Part) error {
	for _, c := range truth.(*Changes[T]).List() {
		if c.Delta < 0 {
			return fmt.Errorf("%d are counted at %v at location %d", c.Delta, c.Time, c.At)
		}
		if f := k.Frontier(c.At); !covers(f, c.Time) {
			return fmt.Errorf("the frontier at location %d is %v, but there are %d at %v", c.At, order.Lend(f), c.Delta, c.Time)
		}
	}
	return nil
}
