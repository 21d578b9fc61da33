package timely

import (
	"fmt"

	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
)

// Capability is the right to send at a time, and later. It is also a promise: the
// time stays open for everybody downstream while it is held.
//
// One that comes with a batch, or from a [Notificator], is lent for that turn of
// the loop. [Capability.Retain] keeps it. Copies of the value are one capability.
// Using one that is not valid any more, at another operator, or for a time that it
// does not cover panics. Nothing here allocates in a steady state.
type Capability[T Timestamp[T]] struct {
	op    *operator[T]
	held  *hold[T] // what it rests on; nil: a batch that is lent
	input int32    // where that batch came in
	stamp uint64   // of the loop turn, or of the hold
	later bool     // it is delayed: less than what it rests on
	base  T        // the time of the batch
	time  T        // its own, unless it is the hold itself
}

// hold is a capability that is counted.
type hold[T Timestamp[T]] struct {
	time  T
	base  T        // the time of the batch that it was retained from, where out is everyOutput
	input int32    // where that came in
	out   int32    // the output that it is for
	stamp uint64   // changes when it ends, so that copies of the capability know
	lent  bool     // a notificator's, which drops it
	also  *hold[T] // another for the same time, from an input that leads to other outputs
}

const everyOutput = -1 // all that the input is connected to

// Time returns the least time at which it can be used.
func (c Capability[T]) Time() (t T) {
	if c.held != nil && !c.later {
		c.valid("Time")
		return c.held.time
	}
	return c.time
}

// valid panics unless the capability can be used now.
func (c Capability[T]) valid(use string) {
	switch {
	case c.op == nil:
		panic(callsite.Errorf(callsite.Caller(), "%s of a zero Capability; one comes with a batch, from a Notificator or from Builder.Initial", use))
	case c.held == nil:
		if c.stamp != c.op.lentIn[c.input] {
			panic(fmt.Errorf("timely: %s of a capability of %v after its turn of the loop; Retain it to keep it", use, c.op.node))
		}
	case c.stamp != c.held.stamp:
		panic(fmt.Errorf("timely: %s of a capability of %v that was dropped, or lent by a notificator for an earlier turn of the loop", use, c.op.node))
	case c.later && !c.held.time.LessEqual(c.time):
		panic(fmt.Errorf("timely: %s of a capability of %v at %v, delayed from one that has moved to %v", use, c.op.node, c.time, c.held.time))
	}
}

// Delay returns a capability for a later time, which is lent with this one and
// counts nothing. It panics if t is not later or equal.
func (c Capability[T]) Delay(t T) Capability[T] {
	now := c.Time()
	c.valid("Delay")
	if !now.LessEqual(t) {
		panic(fmt.Errorf("timely: Delay of a capability of %v from %v to %v, which is not later", c.op.node, now, t))
	}
	c.time, c.later = t, true
	return c
}

// Retain returns a capability that lasts until it is dropped, for the operator's
// one output; it panics if there are several (see [Capability.RetainFor]).
func (c Capability[T]) Retain() Capability[T] {
	c.valid("Retain")
	if len(c.op.outputs) != 1 {
		panic(fmt.Errorf("timely: Retain in %v, which has %d outputs; use RetainFor", c.op.node, len(c.op.outputs)))
	}
	return c.op.retain(c, 0)
}

// RetainFor returns a capability for one output that lasts until it is dropped.
func (c Capability[T]) RetainFor(out Port) Capability[T] {
	c.valid("RetainFor")
	return c.op.retain(c, c.op.outputOf(out, "RetainFor"))
}

// Downgrade moves a retained capability to a later time, giving up those before.
// It panics if t is not later or equal, or if the capability is only lent.
func (c Capability[T]) Downgrade(t T) {
	c.valid("Downgrade")
	c.mustBeRetained("Downgrade")
	op, h := c.op, c.held
	if !h.time.LessEqual(t) {
		panic(fmt.Errorf("timely: Downgrade of a capability of %v from %v to %v, which is not later", op.node, h.time, t))
	}
	before := *h
	h.time = t
	op.count(h, +1)
	op.count(&before, -1)
}

// Drop ends a retained capability. In an execution that has failed it does nothing.
func (c Capability[T]) Drop() {
	if c.op != nil && c.op.engine.Failing() {
		return
	}
	c.valid("Drop")
	c.mustBeRetained("Drop")
	c.op.drop(c.held)
}

func (c Capability[T]) mustBeRetained(use string) {
	if c.held == nil || c.later || c.held.lent {
		panic(fmt.Errorf("timely: %s of a capability of %v that is only lent; it ends with its turn of the loop", use, c.op.node))
	}
}

// allowed panics unless the capability can be used at an output.
func (c Capability[T]) allowed(op *operator[T], out int32) {
	c.valid("use")
	if c.op != op {
		panic(fmt.Errorf("timely: a capability of %v is used in %v", c.op.node, op.node))
	}
	input := c.input
	if c.held == nil {
		if op.paths == nil || op.reaches(input, c.base, out, c.time) {
			return
		}
	} else {
		for h := c.held; h != nil; h = h.also {
			if h.good(op, out, c.Time()) {
				return
			}
		}
		if input = c.held.input; c.held.out != everyOutput {
			panic(fmt.Errorf("timely: a capability of %v for output %d is used for output %d", op.node, c.held.out, out))
		}
	}
	panic(fmt.Errorf("timely: a capability of %v at %v, from input %d, is used for output %d, to which that input is connected %v",
		op.node, c.Time(), input, out, op.describePaths(input, out)))
}

// good reports whether a hold can be used at an output at t, which is not before
// the hold's own time.
func (h *hold[T]) good(op *operator[T], out int32, t T) bool {
	if h.out != everyOutput {
		return h.out == out
	}
	return op.paths == nil || op.reaches(h.input, h.base, out, t)
}

// retain counts a capability at an output.
func (op *operator[T]) retain(c Capability[T], out int32) Capability[T] {
	c.allowed(op, out)
	h := op.newHold()
	h.time, h.out = c.Time(), out
	op.count(h, +1)
	return Capability[T]{op: op, held: h, stamp: h.stamp}
}

// retainAll counts a capability at every output that it is good for, beside others
// for the same time. It returns what stands for all of them.
func (op *operator[T]) retainAll(c Capability[T], others *hold[T]) *hold[T] {
	if c.held == nil {
		return op.retainBeside(others, c.Time(), everyOutput, c.input, c.base)
	}
	for h := c.held; h != nil; h = h.also {
		others = op.retainBeside(others, c.Time(), h.out, h.input, h.base)
	}
	return others
}

// retainBeside adds a hold unless one of the others is as good.
func (op *operator[T]) retainBeside(others *hold[T], t T, out, input int32, base T) *hold[T] {
	for o := others; o != nil; o = o.also {
		if o.out == out && (out != everyOutput || op.paths == nil || o.input == input && o.base == base) {
			return others
		}
	}
	h := op.newHold()
	h.time, h.out, h.input, h.base, h.lent, h.also = t, out, input, base, true, others
	op.count(h, +1)
	return h
}

func (op *operator[T]) newHold() *hold[T] {
	op.holds++
	if n := len(op.spare); n > 0 {
		h := op.spare[n-1]
		op.spare = op.spare[:n-1]
		*h = hold[T]{stamp: h.stamp}
		return h
	}
	return &hold[T]{}
}

// drop ends a hold, and those beside it.
func (op *operator[T]) drop(h *hold[T]) {
	for h != nil {
		also := h.also
		op.count(h, -1)
		h.stamp++
		op.holds--
		op.spare = append(op.spare, h)
		h = also
	}
}

// count adds d to the count of a hold, wherever it counts.
func (op *operator[T]) count(h *hold[T], d int64) {
	if h.out != everyOutput {
		op.graph.Update(op.outputs[h.out].at, h.time, d)
		return
	}
	op.from(h.input, func(o int32, s T) {
		if least, ok := h.base.Plus(s); ok {
			op.graph.Update(op.outputs[o].at, h.time.Join(least), d)
		}
	})
}

// Port is an input or an output of an operator.
type Port interface{ port() (*engine.Node, int32) }
