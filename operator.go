package timely

import (
	"fmt"

	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
)

// operator is a node that runs a function of the program: what of it does not
// depend on the types of its records. It is an engine.Body.
type operator[T Timestamp[T]] struct {
	node   *engine.Node
	engine *engine.Worker
	graph  *progress.Tracker[T]
	scope  Scope[T]
	logic  func()

	inputs  []inputPort
	outputs []outputPort
	paths   [][]path[T] // by input; nil, or beyond the end: it is connected to every output by zero
	zero    []T         // {zero}

	turn     uint64     // counts activations
	loopTurn uint64     // counts loop turns: what is lent is good for one
	lentIn   []uint64   // by input: the loop turn that its capability is lent for
	holds    int        // capabilities that are counted
	spare    []*hold[T] // holds to be used again
	read     []int32    // inputs of which this turn has taken something
	lending  lender     // the innermost loop over Batches, or nil
	sent     []int32    // outputs at which this turn has opened a session
	notified []again    // notificators that were given something in this turn
}

// path is a way from an input to an output.
type path[T Timestamp[T]] struct {
	output    int32
	summaries []T // none: there is no way
}

// inputPort is an input whose record type is not known.
type inputPort interface {
	waiting() int // batches
	location() progress.Location
}

// outputPort is an output, of which at is known without its record type.
type outputPort struct {
	at   progress.Location
	port interface {
		hold()      // ships what is buffered, and counts the open session's time
		close()     // ships what is buffered, and ends the session
		busy() bool // whether there is an open session
	}
}

// again is a notificator that has to be looked at again.
type again interface{ unread() bool }

func newOperator[T Timestamp[T]](s Scope[T], name string) *operator[T] {
	e := s.element(name)
	w := s.in.worker.engine
	op := &operator[T]{node: s.in.flow.AddNode(e), engine: w, graph: s.in.graph, scope: s, zero: make([]T, 1)}
	op.node.Run(op)
	return op
}

// Turn implements engine.Body.
func (op *operator[T]) Turn() {
	op.turn++
	op.logic()
	op.closeSessions()
	for _, i := range op.read {
		if op.inputs[i].waiting() > 0 { // it took something and left something
			op.node.Wake()
		}
	}
	op.read = op.read[:0]
	for _, n := range op.notified {
		if n.unread() {
			op.node.Wake()
		}
	}
	clear(op.notified)
	op.notified = op.notified[:0]
}

func (op *operator[T]) closeSessions() {
	for i := 0; i < len(op.sent); i++ {
		op.outputs[op.sent[i]].port.close()
		op.engine.Current = op.node.Element
	}
	op.sent = op.sent[:0]
}

// Pausing implements engine.Body. What was sent is shipped; consumption and
// dropped capabilities are published with it. A session that stays open may send
// more at its time, so that is counted until it is closed.
func (op *operator[T]) Pausing() {
	for i := 0; i < len(op.sent); i++ {
		op.outputs[op.sent[i]].port.hold()
	}
}

// Sessions returns how many sessions are open.
func (op *operator[T]) Sessions() (n int) {
	for _, o := range op.sent {
		if op.outputs[o].port.busy() {
			n++
		}
	}
	return n
}

// mustRun panics outside the operator's turn.
func (op *operator[T]) mustRun(what string) {
	if op.engine.Running() != op.node {
		panic(fmt.Errorf("timely: %s of %v outside its turn", what, op.node))
	}
}

// summaries returns the least summaries from an input to an output.
func (op *operator[T]) summaries(input, output int32) []T {
	if !op.named(input) {
		return op.zero
	}
	for i := range op.paths[input] {
		if p := &op.paths[input][i]; p.output == output {
			return p.summaries
		}
	}
	return nil
}

// named reports whether Connect was called for an input.
func (op *operator[T]) named(input int32) bool {
	return int(input) < len(op.paths) && op.paths[input] != nil
}

// from calls each for every way that begins at an input.
func (op *operator[T]) from(input int32, each func(output int32, summary T)) {
	if !op.named(input) {
		for o := range op.outputs {
			each(int32(o), op.zero[0])
		}
		return
	}
	for i := range op.paths[input] {
		p := &op.paths[input][i]
		for _, s := range p.summaries {
			each(p.output, s)
		}
	}
}

// reaches reports whether what came in at base may be sent at t.
func (op *operator[T]) reaches(input int32, base T, output int32, t T) bool {
	for _, s := range op.summaries(input, output) {
		if least, ok := base.Plus(s); ok && least.LessEqual(t) {
			return true
		}
	}
	return false
}

func (op *operator[T]) describePaths(input, output int32) string {
	s := op.summaries(input, output)
	if len(s) == 0 {
		return "by no path"
	}
	return fmt.Sprintf("by a delay of %v", s)
}

// outputOf returns the number of one of the operator's outputs.
func (op *operator[T]) outputOf(p Port, use string) int32 {
	if p == nil {
		panic(callsite.Errorf(callsite.Caller(), "%s of %v with a nil Port; it must be one of its outputs", use, op.node))
	}
	node, number := p.port()
	if node != op.node || number < 0 {
		panic(callsite.Errorf(callsite.Caller(), "%s of %v with a port that is not one of its outputs", use, op.node))
	}
	return number
}

// inputOf returns the number of one of the operator's inputs.
func (op *operator[T]) inputOf(p Port, use string) int32 {
	if p != nil {
		if node, number := p.port(); node == op.node && number < 0 {
			return -1 - number
		}
	}
	panic(callsite.Errorf(callsite.Caller(), "%s of %v: the first port must be one of its inputs", use, op.node))
}

// build adds the operator's paths to the graph and gives it something to do.
func (op *operator[T]) build(logic func()) {
	op.logic = logic
	flow := op.scope.in.flow
	for i := range op.inputs {
		at := op.inputs[i].location()
		named := op.named(int32(i))
		op.from(int32(i), func(o int32, s T) {
			op.graph.Connect(at, op.outputs[o].at, s)
			if named {
				flow.Note(op.node.Element, "path %d %d +%v", i, o, s)
			}
		})
	}
}

// Unary adds an operator with one input and one output. Its logic is run when
// batches have arrived and, while it holds a capability, has a notification
// pending, or has called Frontier in its last turn, when its frontier has moved.
//
// The logic may be paused inside Send, and others run then (see the package's
// duties).
func Unary[T Timestamp[T], D, E any](s Stream[T, D], p Pact[D], name string, logic func(in *InPort[T, D], out *OutPort[T, E])) Stream[T, E] {
	s.mustBe(name)
	op := newOperator(s.scope, name)
	op.mustBeGiven(logic != nil, "logic")
	in := addInput(op, s, p)
	out, stream := addOutput[E](op)
	op.build(func() { logic(in, out) })
	return stream
}

// Binary adds an operator with two inputs and one output, as [Unary] does with one.
func Binary[T Timestamp[T], L, R, E any](l Stream[T, L], lp Pact[L], r Stream[T, R], rp Pact[R], name string, logic func(l *InPort[T, L], r *InPort[T, R], out *OutPort[T, E])) Stream[T, E] {
	l.mustBe(name)
	op := newOperator(l.scope, name)
	op.mustBeGiven(logic != nil, "logic")
	left := addInput(op, l, lp)
	right := addInput(op, r, rp)
	out, stream := addOutput[E](op)
	op.build(func() { logic(left, right, out) })
	return stream
}

// Sink adds an operator with one input and no output, as [Unary] does with one.
func Sink[T Timestamp[T], D any](s Stream[T, D], p Pact[D], name string, logic func(in *InPort[T, D])) {
	s.mustBe(name)
	op := newOperator(s.scope, name)
	op.mustBeGiven(logic != nil, "logic")
	in := addInput(op, s, p)
	op.build(func() { logic(in) })
}

// mustBeGiven panics unless the operator was given what it needs.
func (op *operator[T]) mustBeGiven(given bool, what string) {
	if !given {
		panic(callsite.Errorf(op.node.Site, "%s without %s", op.node.Name, what))
	}
}
