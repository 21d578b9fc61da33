package timely

import (
	"fmt"
	"iter"

	"github.com/timely-go/timely/internal/progress"
	"github.com/timely-go/timely/order"
)

// Notificator holds capabilities until their times are complete: until no frontier
// that it is shown is at or before them. It owns what it holds, so an operator that
// uses one never drops a capability by hand. It belongs to one operator.
type Notificator[T Timestamp[T]] struct {
	op       *operator[T] // of the capabilities; nil before the first
	pending  progress.Index[T, *hold[T]]
	frontier []T  // scratch
	news     bool // something was added since Ready last came to its end
}

// NewNotificator returns a notificator that holds nothing.
func NewNotificator[T Timestamp[T]]() *Notificator[T] { return &Notificator[T]{} }

// NotifyAt retains a capability, at all outputs that it is good for, until
// [Notificator.Ready] hands it out. A time that it holds already is held once. It
// costs O(log n) for n pending times.
func (n *Notificator[T]) NotifyAt(at Capability[T]) {
	at.valid("NotifyAt")
	if n.op == nil {
		n.op = at.op
	} else if n.op != at.op {
		panic(fmt.Errorf("timely: a notificator of %v is given a capability of %v", n.op.node, at.op.node))
	}
	h := n.pending.At(at.Time())
	*h = n.op.retainAll(at, *h)
	if !n.news {
		n.news = true
		n.op.notified = append(n.op.notified, n)
	}
}

// Pending returns the number of times that it holds.
func (n *Notificator[T]) Pending() int { return n.pending.Len() }

// Ready returns the capabilities whose times are complete, in the order of time:
// one frontier is given for each input to wait for. Each is lent for its turn of
// the loop and dropped after it. What the loop adds is considered, too.
func (n *Notificator[T]) Ready(of ...order.Antichain[T]) iter.Seq[Capability[T]] {
	return func(yield func(Capability[T]) bool) { n.ready(of, yield) }
}

func (n *Notificator[T]) ready(of []order.Antichain[T], yield func(Capability[T]) bool) {
	if n.op == nil {
		return
	}
	n.op.mustRun("Ready")
	n.frontier = n.frontier[:0]
	for i := range of {
		for t := range of[i].All() {
			n.frontier = append(n.frontier, t)
		}
	}
	for {
		t, v, found := n.pending.Uncovered(nil, n.frontier)
		if !found {
			n.news = false
			return
		}
		h := *v
		n.pending.Delete(t)
		if !n.deliver(h, yield) {
			n.news = true
			n.op.notified = append(n.op.notified, n)
			return
		}
	}
}

// deliver hands out one capability, which is dropped then, also if the logic panics
// and recovers. It reports whether the loop goes on.
func (n *Notificator[T]) deliver(h *hold[T], yield func(Capability[T]) bool) (more bool) {
	returned := false
	defer func() {
		if !returned {
			n.op.engine.Panicking()
		}
		n.op.drop(h)
	}()
	more = yield(Capability[T]{op: n.op, held: h, stamp: h.stamp})
	returned = true
	return more
}

// unread implements again: a time that was complete when it was added must not
// wait for a frontier to move.
func (n *Notificator[T]) unread() bool {
	was := n.news
	n.news = false
	return was
}
