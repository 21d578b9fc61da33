package timely

import (
	"iter"
	"slices"
	"time"

	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
)

// Builder makes operators that [Unary], [Binary], [Sink] and [Source] do not: with
// any inputs and outputs, paths between them that take time or are not there,
// capabilities from the beginning, and reasons of their own to run. Ports are
// added first, then Build gives the operator its logic.
type Builder[T Timestamp[T]] struct {
	op    *operator[T]
	built bool
}

// NewBuilder begins an operator.
func NewBuilder[T Timestamp[T]](s Scope[T], name string) *Builder[T] {
	b := &Builder[T]{op: newOperator(s, name)}
	s.in.flow.OnClose(s.in.level, func() {
		if !b.built {
			panic(callsite.Errorf(b.op.node.Site, "Build was not called for %s; it gives the operator its logic", name))
		}
	})
	return b
}

// AddInput adds an input. Unless [Builder.Connect] is called for it, it is
// connected to all outputs by zero: what arrives may be answered at its own time.
func AddInput[T Timestamp[T], D any](b *Builder[T], s Stream[T, D], p Pact[D]) *InPort[T, D] {
	b.mustBeOpen("AddInput")
	return addInput(b.op, s, p)
}

// AddOutput adds an output, and returns the stream of what is sent there.
func AddOutput[D any, T Timestamp[T]](b *Builder[T]) (*OutPort[T, D], Stream[T, D]) {
	b.mustBeOpen("AddOutput")
	return addOutput[D](b.op)
}

// Connect says how long it takes from an input to an output, at least: none of
// several incomparable delays. With no summaries the two are not connected: what
// arrives is never answered there, and its frontier does not hold that output back.
// An input for which Connect is called is connected to no other outputs than those.
func (b *Builder[T]) Connect(in, out Port, summaries ...T) {
	b.mustBeOpen("Connect")
	op := b.op
	input := op.inputOf(in, "Connect")
	output := op.outputOf(out, "Connect")
	for int(input) >= len(op.paths) {
		op.paths = append(op.paths, nil)
	}
	same := func(p path[T]) bool { return p.output == output }
	op.paths[input] = append(slices.DeleteFunc(op.paths[input], same), path[T]{output, slices.Clone(summaries)})
}

// Initial gives the operator a capability at the least time for an output. Every
// worker's has one.
func (b *Builder[T]) Initial(out Port) Capability[T] {
	b.mustBeOpen("Initial")
	op := b.op
	h := op.newHold()
	h.out = op.outputOf(out, "Initial")
	op.graph.Assume(op.outputs[h.out].at, h.time, int64(op.engine.Peers()))
	op.scope.in.flow.Note(op.node.Element, "initial %d", h.out)
	return Capability[T]{op: op, held: h, stamp: h.stamp}
}

// WakeOn says when the operator runs because an input's frontier has moved.
func (b *Builder[T]) WakeOn(in Port, when Interest) {
	b.mustBeOpen("WakeOn")
	b.op.inputs[b.op.inputOf(in, "WakeOn")].(interface{ setInterest(Interest) }).setInterest(when)
}

func (in *InPort[T, D]) setInterest(when Interest) { in.interest = when }

// Atomic makes turns of the operator that are never paused: no other operator runs
// in the middle of one. They may exceed the budgets by all that one turn sends.
func (b *Builder[T]) Atomic() { b.op.node.SetAtomic() }

// Hold says that an input is read by time ([InPort.BatchesAt]), and what waits there
// waits on purpose: until the times that waitsFor yields are complete somewhere
// downstream. An input at which nothing is taken is granted more than its budget, as
// what it waits for may be behind what waits; one that holds is not, unless such a
// time may still arrive there, and then seldom if times have arrived in order so far.
func (b *Builder[T]) Hold(in Port, waitsFor iter.Seq[T]) {
	b.mustBeOpen("Hold")
	b.op.mustBeGiven(waitsFor != nil, "the times that Hold waits for")
	b.op.inputs[b.op.inputOf(in, "Hold")].(interface{ holdFor(iter.Seq[T]) }).holdFor(waitsFor)
}

func (in *InPort[T, D]) holdFor(waitsFor iter.Seq[T]) {
	q := &in.queue
	q.order = &arrivals[T]{}
	q.edge.OnPurpose(func() engine.Hope {
		for t := range waitsFor {
			if in.op.graph.MayArrive(q.at, t) {
				return q.order.hope()
			}
		}
		return engine.None
	})
}

// Waker returns how another goroutine wakes the operator.
func (b *Builder[T]) Waker() *Waker { return &Waker{b.op.node.Waker()} }

// Activate makes the operator run again, in the next pass.
func (b *Builder[T]) Activate() { b.op.node.Wake() }

// ActivateAfter makes the operator run again when so much time has passed.
func (b *Builder[T]) ActivateAfter(d time.Duration) { b.op.node.WakeAfter(d) }

// Build gives the operator its logic, which is run once at the beginning, and then
// whenever there is a reason. It returns whether the operator has work to do even
// if all its frontiers are empty: the dataflow does not complete as long as it does.
func (b *Builder[T]) Build(logic func() (busy bool)) {
	b.mustBeOpen("Build")
	op := b.op
	op.mustBeGiven(logic != nil, "logic")
	b.built = true
	op.build(func() { op.node.SetBusy(logic()) })
	op.scope.in.flow.OnSeal(op.node.Wake)
}

func (b *Builder[T]) mustBeOpen(call string) {
	if b.op.scope.in.closed {
		panic(callsite.Errorf(callsite.Caller(), "%s of %v, in a scope whose building has ended", call, b.op.node))
	}
	if b.built {
		panic(callsite.Errorf(callsite.Caller(), "%s of %v after Build", call, b.op.node))
	}
}
