package timely

import (
	"reflect"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
)

// Input is how a program feeds dataflows. It has a time: what is sent has that
// time, and [Input.AdvanceTo] promises that nothing before follows. It belongs to
// the worker in whose dataflows it is used, and closes when the program returns.
//
// Sending runs nothing: records are buffered, and travel when the worker steps.
type Input[T Timestamp[T], D any] struct {
	buf    []D // batch's records
	batch  *batch.Batch[D]
	pool   *batch.Pool[D]
	want   int // records to ask room for
	time   T
	worker *Worker
	feeds  []*inlet[T, D] // attachments that are alive
	listed bool           // it is in the worker's list of open inputs
	served bool           // it is in the worker's list of inputs to close
	closed bool
}

// NewInput returns an input at the least time, that feeds nothing yet.
func NewInput[T Timestamp[T], D any]() *Input[T, D] { return &Input[T, D]{want: 1} }

// inlet is where an input enters a dataflow: an operator, whose turn pushes what
// waits. What the program did becomes visible to progress when it is pushed.
type inlet[T Timestamp[T], D any] struct {
	input   *Input[T, D]
	node    *engine.Node
	flow    *engine.Dataflow
	graph   *progress.Tracker[T]
	at      progress.Location
	entries []entry[T, D] // entries[:head] are pushed
	head    int
	counted T    // the time of the capability that is counted
	last    T    // the time that it moves to when all is pushed
	ended   bool // there is no capability to be when all is pushed
	dead    bool // no capability is counted any more
	out     tee[T, D]
}

// Stream returns what the input sends, in an outermost scope. It may be called for
// several dataflows of one worker; each sees what is sent from then on.
func (in *Input[T, D]) Stream(s Scope[T]) Stream[T, D] {
	e := s.element("Input")
	switch {
	case in.closed:
		panic(callsite.Errorf(e.Site, "Stream of a closed Input"))
	case s.in.link != nil:
		panic(callsite.Errorf(e.Site, "Input.Stream in a nested scope; use it outside, and Enter"))
	case in.worker != nil && in.worker != s.in.worker:
		panic(callsite.Errorf(e.Site, "Input.Stream at worker %d of an Input that belongs to worker %d; each worker makes its own", s.in.worker.Index(), in.worker.Index()))
	}
	w := s.in.worker
	if in.worker == nil {
		in.worker, in.pool = w, batch.Of[D](&w.engine.Pools)
	}
	if !in.served {
		in.served = true
		w.engine.OnReturn(served[T, D]{in})
	}
	in.ship() // what was sent before is not for this dataflow
	flow := s.in.flow
	flow.Note(e, "%v", reflect.TypeFor[D]())
	l := &inlet[T, D]{input: in, node: flow.AddNode(e), flow: flow, graph: s.in.graph, at: s.in.graph.AddPort(), last: in.time}
	l.node.Run(l)
	flow.Place(s.in.level, l.at, e, "output 0")
	l.graph.Assume(l.at, l.counted, int64(w.Peers()))
	if l.last != l.counted {
		flow.OnSeal(l.node.Wake)
	}
	in.feeds = append(in.feeds, l)
	return ofNode(s, l.node, 0, &l.out, l.at)
}

// Time returns the time at which the input sends.
func (in *Input[T, D]) Time() (t T) { return in.time }

// Send sends a record at the input's time.
func (in *Input[T, D]) Send(x D) {
	if len(in.buf) == cap(in.buf) {
		in.renew(1)
	}
	in.buf = append(in.buf, x)
}

// SendBatch sends a copy of the records at the input's time.
func (in *Input[T, D]) SendBatch(xs []D) {
	for len(xs) > 0 {
		if len(in.buf) == cap(in.buf) {
			in.renew(len(xs))
		}
		n := min(len(xs), cap(in.buf)-len(in.buf))
		in.buf = append(in.buf, xs[:n]...)
		xs = xs[n:]
	}
}

// renew ships a full buffer and takes an empty one, with room for the records
// expected if possible.
func (in *Input[T, D]) renew(expected int) {
	in.mustFeed()
	if in.batch != nil {
		in.want = in.pool.Larger(cap(in.buf))
		in.ship()
	}
	in.batch = in.pool.Get(max(in.want, expected))
	in.buf = in.batch.Records
	if !in.listed {
		in.listed = true
		in.worker.engine.Open(served[T, D]{in})
	}
}

// mustFeed panics unless a record can be sent, and does not return if the
// execution has failed.
func (in *Input[T, D]) mustFeed() {
	if in.worker == nil {
		panic(callsite.Errorf(callsite.Caller(), "Send on an Input that is in no dataflow; call Input.Stream while building one"))
	}
	in.worker.engine.Outside("Input.Send")
	if in.closed {
		panic(callsite.Errorf(callsite.Caller(), "Send on a closed Input"))
	}
	if in.prune(); len(in.feeds) == 0 {
		panic(callsite.Errorf(callsite.Caller(), "Send on an Input whose dataflows were all dropped"))
	}
}

// forgotten reports whether the input need not be closed: it is, or feeds nothing.
func (in *Input[T, D]) forgotten() bool {
	in.prune()
	in.served = !in.closed && len(in.feeds) > 0
	return !in.served
}

// prune forgets attachments to dataflows that were dropped.
func (in *Input[T, D]) prune() {
	kept := in.feeds[:0]
	for _, l := range in.feeds {
		if !l.flow.Dropped() {
			kept = append(kept, l)
		}
	}
	clear(in.feeds[len(kept):])
	in.feeds = kept
}

// ship hands what is buffered to the dataflows.
func (in *Input[T, D]) ship() {
	in.listed = false
	b := in.batch
	if b == nil {
		return
	}
	b.Records = in.buf
	in.batch, in.buf = nil, nil
	if len(b.Records) == 0 || len(in.feeds) == 0 {
		b.Release()
		return
	}
	b.Share(len(in.feeds) - 1)
	for _, l := range in.feeds {
		l.add(in.time, b)
	}
}

// AdvanceTo promises that nothing before t will be sent. It panics if t is not
// later or equal. In an execution that has failed it does nothing.
func (in *Input[T, D]) AdvanceTo(t T) {
	if in.worker != nil && in.worker.engine.Failing() {
		return
	}
	if in.closed {
		panic(callsite.Errorf(callsite.Caller(), "AdvanceTo on a closed Input"))
	}
	if !in.time.LessEqual(t) {
		panic(callsite.Errorf(callsite.Caller(), "AdvanceTo %v, but the input is at %v already; times only advance", t, in.time))
	}
	in.flush()
	in.time = t
	for _, l := range in.feeds {
		l.last = t
		l.wake()
	}
}

// flush ships what is buffered, and leaves the input on the worker's list if it is there.
func (in *Input[T, D]) flush() {
	listed := in.listed
	in.ship()
	in.listed = listed
	in.want = 1
}

// Close ends the input: nothing will be sent. It may be called again, and does
// nothing in an execution that has failed.
func (in *Input[T, D]) Close() {
	if in.closed || in.worker != nil && in.worker.engine.Failing() {
		return
	}
	in.flush()
	in.closed = true
	for _, l := range in.feeds {
		l.ended = true
		l.wake()
	}
	in.feeds = nil
}

// served is an input as the engine sees it.
type served[T Timestamp[T], D any] struct{ in *Input[T, D] }

func (s served[T, D]) Ship()        { s.in.ship() }
func (s served[T, D]) Close()       { s.in.Close() }
func (s served[T, D]) Closed() bool { return s.in.forgotten() }

func (l *inlet[T, D]) wake() {
	if !l.flow.Dropped() {
		l.node.Wake()
	}
}

func (l *inlet[T, D]) add(at T, b *batch.Batch[D]) {
	if l.flow.Dropped() {
		b.Release()
		return
	}
	l.entries = append(l.entries, entry[T, D]{at, b})
	l.node.Wake()
}

// Turn implements engine.Body. The capability moves once, to where the turn ends.
func (l *inlet[T, D]) Turn() {
	for l.head < len(l.entries) {
		e := l.entries[l.head]
		l.entries[l.head].batch = nil
		records := len(e.batch.Records)
		l.out.push(e.time, e.batch)
		l.head++
		if l.head < len(l.entries) && l.node.Flow.Worker().Exhausted(records) {
			l.moveTo(l.entries[l.head].time)
			l.node.Wake()
			return
		}
	}
	l.entries, l.head = l.entries[:0], 0
	if l.ended {
		l.end()
	} else {
		l.moveTo(l.last)
	}
}

// Pausing implements engine.Body: times before that of the batch under way are done with.
func (l *inlet[T, D]) Pausing() {
	if l.head < len(l.entries) {
		l.moveTo(l.entries[l.head].time)
	}
}

func (l *inlet[T, D]) moveTo(t T) {
	if t != l.counted {
		l.graph.Update(l.at, t, +1)
		l.graph.Update(l.at, l.counted, -1)
		l.counted = t
	}
}

func (l *inlet[T, D]) end() {
	if !l.dead {
		l.dead = true
		l.graph.Update(l.at, l.counted, -1)
	}
}
