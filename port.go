package timely

import (
	"fmt"
	"iter"
	"reflect"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
	"github.com/timely-go/timely/order"
)

// InPort is an input of an operator. Its methods are for that operator's turns.
type InPort[T Timestamp[T], D any] struct {
	op     *operator[T]
	number int32
	queue  queue[T, D]

	left     int             // batches that this turn may still hand out
	leftTurn uint64          // the turn that left is of
	lent     *batch.Batch[D] // during a loop turn
	outside  lender          // the loop over another input that this one runs in
	picked   []entry[T, D]   // scratch
	frontier []T             // as of frontTurn
	asked    uint64          // the last turn in which Frontier was called
	interest Interest
}

func addInput[T Timestamp[T], D any](op *operator[T], s Stream[T, D], p Pact[D]) *InPort[T, D] {
	s.usedIn(op.node.Element, op.scope)
	in := &InPort[T, D]{op: op, number: int32(len(op.inputs))}
	in.queue = newQueue[T, D](op.scope, op.node, fmt.Sprintf("input %d", in.number))
	connect(s, p, &in.queue, op.node)
	op.graph.Watch(in.queue.at, watcher[T, D]{in})
	op.inputs = append(op.inputs, in)
	op.lentIn = append(op.lentIn, 0)
	return in
}

func (in *InPort[T, D]) port() (*engine.Node, int32) { return in.op.node, -1 - in.number }
func (in *InPort[T, D]) location() progress.Location { return in.queue.at }
func (in *InPort[T, D]) waiting() int                { return in.queue.len() }

// Batches returns the batches that have arrived, each with a capability for its
// time. Both are lent for that turn of the loop: Retain the capability and copy
// the records to keep them. The records are read-only, as other consumers of the
// stream may share them.
//
// A turn is handed at most what was there when it first asked, and about 64 Ki
// records; for what is left the operator runs again. A batch that was handed out
// is consumed, also when the loop breaks.
func (in *InPort[T, D]) Batches() iter.Seq2[Capability[T], []D] {
	return func(yield func(Capability[T], []D) bool) { in.each(yield) }
}

func (in *InPort[T, D]) each(yield func(Capability[T], []D) bool) {
	in.begin("Batches")
	if in.left == 0 {
		return
	}
	in.op.read = append(in.op.read, in.number)
	for in.left > 0 && in.lend(in.queue.pop(), yield) {
	}
}

// begin begins a loop over what has arrived.
func (in *InPort[T, D]) begin(call string) {
	op := in.op
	op.mustRun(call)
	if in.lent != nil {
		panic(callsite.Errorf(callsite.Caller(), "%s of %v inside a loop over the same input's; break the loop, or go on with it", call, op.node))
	}
	if in.leftTurn != op.turn {
		in.leftTurn, in.left = op.turn, in.queue.len()
	}
}

// BatchesAt returns those batches that have arrived whose time is wanted, as Batches
// does; the others keep their places. It asks for each waiting batch once, in the
// order of arrival, before it hands out the first, and costs as much; wanted must not
// send. An operator that uses it to wait for what is downstream says so by [Builder.Hold].
func (in *InPort[T, D]) BatchesAt(wanted func(T) bool) iter.Seq2[Capability[T], []D] {
	return func(yield func(Capability[T], []D) bool) { in.eachAt(wanted, yield) }
}

func (in *InPort[T, D]) eachAt(wanted func(T) bool, yield func(Capability[T], []D) bool) {
	in.begin("BatchesAt")
	picked := in.queue.pick(in.picked[:0], in.left, wanted)
	if len(picked) == 0 {
		return
	}
	in.picked = nil // until this loop has ended
	in.op.read = append(in.op.read, in.number)
	n := 0
	defer func() { // also if the logic panics
		in.queue.unpick(picked[n:])
		clear(picked)
		in.picked = picked
	}()
	for n < len(picked) && in.left > 0 {
		e := picked[n]
		n++
		in.queue.took(e)
		if !in.lend(e, yield) {
			break
		}
	}
}

// lend hands out one batch, which is consumed then, also if the logic panics and
// recovers. It reports whether the loop goes on.
func (in *InPort[T, D]) lend(e entry[T, D], yield func(Capability[T], []D) bool) (more bool) {
	op := in.op
	in.left--
	records := len(e.batch.Records)
	op.loopTurn++
	op.lentIn[in.number] = op.loopTurn
	in.lent, in.outside, op.lending = e.batch, op.lending, in
	returned := false
	defer func() {
		if !returned {
			op.engine.Panicking()
		}
		in.lent, op.lending = nil, in.outside
		op.lentIn[in.number] = 0
		in.queue.consumed(e.time, records)
		e.batch.Release()
		if in.left > 0 && op.engine.Exhausted(records) {
			in.left = 0
		}
	}()
	more = yield(Capability[T]{op: op, input: in.number, stamp: op.loopTurn, base: e.time, time: e.time}, e.batch.Records)
	returned = true
	return more
}

// Frontier returns the least times that may still arrive. It is lent for the turn,
// in which it does not change; Clone it to keep it.
func (in *InPort[T, D]) Frontier() order.Antichain[T] {
	op := in.op
	op.mustRun("Frontier")
	if in.asked != op.turn {
		in.asked = op.turn
		in.frontier = append(in.frontier[:0], op.graph.Frontier(in.queue.at)...)
	}
	return order.Lend(in.frontier)
}

// watcher wakes an input's operator when its frontier moves, if that wants to know.
type watcher[T Timestamp[T], D any] struct{ in *InPort[T, D] }

// FrontierMoved implements progress.Watcher.
func (w watcher[T, D]) FrontierMoved() {
	in := w.in
	switch in.interest {
	case Always:
	case Never:
		return
	default:
		if in.op.holds == 0 && in.asked != in.op.turn {
			return
		}
	}
	in.op.node.Wake()
}

// Interest says when an operator wants to run because an input's frontier has moved.
type Interest int

// The kinds of interest.
const (
	IfHolding Interest = iota // while it holds a capability, or has called Frontier in its last turn
	Always                    // every time
	Never                     // not for that
)

// OutPort is an output of an operator. Its methods are for that operator's turns.
type OutPort[T Timestamp[T], D any] struct {
	op     *operator[T]
	number int32
	at     progress.Location
	pool   *batch.Pool[D]
	tee    tee[T, D]

	buf   []D             // what the session has sent and not shipped: batch's records
	batch *batch.Batch[D] // nil: nothing is buffered
	want  int             // records to ask room for
	time  T               // of the session
	stamp uint64          // of the session; changes when it ends
	open  bool            // there is a session
	held  bool            // its time is counted

	listed bool // it is in op.sent
}

func addOutput[D any, T Timestamp[T]](op *operator[T]) (*OutPort[T, D], Stream[T, D]) {
	out := &OutPort[T, D]{op: op, number: int32(len(op.outputs)), at: op.graph.AddPort(), want: 1, stamp: 1}
	out.pool = batch.Of[D](&op.engine.Pools)
	op.outputs = append(op.outputs, outputPort{out.at, out})
	flow := op.scope.in.flow
	flow.Place(op.scope.in.level, out.at, op.node.Element, fmt.Sprintf("output %d", out.number))
	flow.Note(op.node.Element, "output %d of %v", out.number, reflect.TypeFor[D]())
	return out, ofNode(op.scope, op.node, out.number, &out.tee, out.at)
}

func (out *OutPort[T, D]) port() (*engine.Node, int32) { return out.op.node, out.number }

// Session opens a session: sending at one capability. It ends with the turn, or
// when one at another time is opened.
func (out *OutPort[T, D]) Session(at Capability[T]) Session[T, D] {
	op := out.op
	op.mustRun("Session")
	at.allowed(op, out.number)
	t := at.Time()
	if out.open && out.time != t {
		out.end()
		op.engine.Current = op.node.Element
		op.engine.PausePoint(1)
	}
	if !out.open {
		out.open, out.time = true, t
		if !out.listed {
			out.listed = true
			op.sent = append(op.sent, out.number)
		}
	}
	return Session[T, D]{out, out.stamp}
}

// Session is sending at one capability. It is a small value.
type Session[T Timestamp[T], D any] struct {
	out   *OutPort[T, D]
	stamp uint64
}

// Send sends a record. The operator may be paused here, and others run.
func (s Session[T, D]) Send(x D) {
	out := s.out
	if s.stamp != out.stamp || len(out.buf) == cap(out.buf) {
		out.renew(s.stamp)
	}
	out.buf = append(out.buf, x)
}

// SendBatch sends a copy of the records; if they are the batch that was just lent,
// it is passed on as it stands. The operator may be paused here, and others run.
func (s Session[T, D]) SendBatch(xs []D) {
	out := s.out
	if len(xs) == 0 {
		return
	}
	if lent := out.lent(xs); lent != nil {
		out.mustBeOpen(s.stamp)
		if n := len(out.buf); n > 0 {
			out.ship()
			out.shipped(n)
		}
		// It waits until something follows: then it is lent no more, and who gets it
		// may be alone with it.
		lent.Share(1)
		out.batch, out.buf = lent, xs[:len(xs):len(xs)]
		return
	}
	for len(xs) > 0 {
		if s.stamp != out.stamp || len(out.buf) == cap(out.buf) {
			out.want = max(out.want, len(xs))
			out.renew(s.stamp)
		}
		n := min(len(xs), cap(out.buf)-len(out.buf))
		out.buf = append(out.buf, xs[:n]...)
		xs = xs[n:]
	}
}

// lent returns the batch that xs is the records of, if it is lent to the operator now.
func (out *OutPort[T, D]) lent(xs []D) *batch.Batch[D] {
	for l := out.op.lending; l != nil; l = l.around() {
		in, ok := l.(*InPort[T, D])
		if ok && len(in.lent.Records) == len(xs) && &in.lent.Records[0] == &xs[0] {
			return in.lent
		}
	}
	return nil
}

// lender is an input whose batch is lent: it stands in a loop over Batches.
type lender interface{ around() lender }

func (in *InPort[T, D]) around() lender { return in.outside }

// renew ships a full buffer and takes an empty one.
func (out *OutPort[T, D]) renew(stamp uint64) {
	out.mustBeOpen(stamp)
	if n := len(out.buf); n > 0 {
		out.want = out.pool.Larger(cap(out.buf))
		out.ship()
		out.shipped(n)
	}
	out.batch = out.pool.Get(out.want)
	out.buf = out.batch.Records
}

func (out *OutPort[T, D]) mustBeOpen(stamp uint64) {
	if stamp != out.stamp || !out.open {
		panic(fmt.Errorf("timely: Send in a session of %v that has ended, with its turn or because one at another time was opened", out.op.node))
	}
}

// ship pushes what is buffered.
func (out *OutPort[T, D]) ship() {
	b := out.batch
	if b == nil {
		return
	}
	if len(b.Records) != len(out.buf) { // else it may be one that several workers share
		b.Records = b.Records[:len(out.buf)]
	}
	out.batch, out.buf = nil, nil
	out.tee.pushSome(out.time, b)
}

// shipped is the pause point after a push in the middle of a turn.
func (out *OutPort[T, D]) shipped(records int) {
	out.op.engine.Current = out.op.node.Element
	out.op.engine.PausePoint(records)
}

// hold ships what is buffered, and counts the open session's time, so that it can
// go on to send whatever happens to the capability that it was opened with.
func (out *OutPort[T, D]) hold() {
	if !out.open {
		return
	}
	if !out.held {
		out.held = true
		out.op.graph.Update(out.at, out.time, +1)
	}
	out.ship()
}

// end ships what is buffered and ends the session.
func (out *OutPort[T, D]) end() {
	out.ship() // may pause: the session is still open
	if out.held {
		out.held = false
		out.op.graph.Update(out.at, out.time, -1)
	}
	out.open, out.want = false, 1
	out.stamp++
}

func (out *OutPort[T, D]) busy() bool { return out.open }

func (out *OutPort[T, D]) close() {
	out.listed = false
	if out.open {
		out.end()
	}
}
