package timely

import (
	"time"

	"github.com/timely-go/timely/internal/callsite"
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
	return &Builder[T]{op: newOperator(s, name)}
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
	e := op.node.Element
	node, input := in.port()
	if node != op.node || input >= 0 {
		panic(callsite.Errorf(callsite.Caller(), "Connect of %v: the first port must be one of its inputs", e))
	}
	output := op.outputOf(out, "Connect")
	if op.paths == nil {
		op.paths = make(map[path][]T)
	}
	input = -1 - input
	op.paths[path{input, anyOutput}] = nil
	op.paths[path{input, output}] = append([]T(nil), summaries...)
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
	node, input := in.port()
	if node != b.op.node || input >= 0 {
		panic(callsite.Errorf(callsite.Caller(), "WakeOn of %v: the port must be one of its inputs", b.op.node))
	}
	b.op.inputs[-1-input].(interface{ setInterest(Interest) }).setInterest(when)
}

func (in *InPort[T, D]) setInterest(when Interest) { in.interest = when }

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
	if logic == nil {
		panic(callsite.Errorf(op.node.Site, "%s: Build without logic", op.node.Name))
	}
	b.built = true
	op.build(func() { op.node.SetBusy(logic()) })
	op.scope.in.flow.OnSeal(op.node.Wake)
}

func (b *Builder[T]) mustBeOpen(call string) {
	if b.built {
		panic(callsite.Errorf(callsite.Caller(), "%s of %v after Build", call, b.op.node))
	}
}
