package timely

import (
	"reflect"
	"slices"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
)

// Input is how a program feeds dataflows. It has a time: what is sent has that
// time, and [Input.AdvanceTo] promises that nothing before follows. It belongs to
// the worker in whose dataflows it is used, and closes when the program returns.
//
// What is sent is buffered, and travels when the worker steps. When more waits than
// the budget of an edge (Config.EdgeBudget), in any of the dataflows that the input
// feeds, Send and SendBatch run the worker until half of that has gone: operators,
// also of other dataflows, may run inside them.
type Input[T Timestamp[T], D any] struct {
	buf     []D // batch's records
	batch   *batch.Batch[D]
	pool    *batch.Pool[D]
	want    int       // records to ask room for
	time    T         // the program's
	at      T         // at which it sends: time, unless it is coarse
	before  T         // the last time at which it sent, if grouped
	coarse  *Probe[T] // see Coarsen
	grouped bool      // there is a group before this one
	worker  *Worker
	feeds   []*inlet[T, D] // attachments that are alive
	listed  bool           // it is in the worker's list of open inputs
	served  bool           // it is in the worker's list of inputs to close
	closed  bool
	full    bool // the program waits in Send
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
	held    int64 // bytes that wait
	sizes   func([]D) int
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
	l := &inlet[T, D]{input: in, node: flow.AddNode(e), flow: flow, graph: s.in.graph, at: s.in.graph.AddPort(), last: in.at, sizes: sizes[D]()}
	l.node.Run(l)
	flow.Place(s.in.level, l.at, e, "output 0")
	l.graph.Assume(l.at, l.counted, int64(w.Peers()))
	if l.last != l.counted {
		flow.OnSeal(l.node.Wake)
	}
	in.feeds = append(in.feeds, l)
	return ofNode(s, l.node, 0, &l.out, l.at)
}

// Time returns the time that the input was advanced to last.
func (in *Input[T, D]) Time() (t T) { return in.time }

// Send sends a record at the input's time. It runs the worker if too much waits, so
// it must not be called inside an operator.
func (in *Input[T, D]) Send(x D) {
	if len(in.buf) == cap(in.buf) {
		in.renew(1)
	}
	in.buf = append(in.buf, x)
}

// TrySend sends a record unless so much waits that Send would run the worker. It
// reports whether it did.
func (in *Input[T, D]) TrySend(x D) bool {
	if len(in.buf) == cap(in.buf) {
		in.mustFeed()
		in.shipFull()
		if in.fullest() > in.worker.engine.Budget() {
			return false
		}
	}
	in.Send(x)
	return true
}

// SendBatch sends a copy of the records at the input's time, as [Input.Send] does.
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
	in.shipFull()
	want := in.want // a step, which begins with small buffers again, may be what makes room
	in.makeRoom()
	in.batch = in.pool.Get(max(want, expected))
	in.buf = in.batch.Records
	in.list()
}

// shipFull ships a full buffer, if there is one. The next is to be larger, unless it
// would hold more than the budget: records may say that they point to much.
func (in *Input[T, D]) shipFull() {
	if in.batch == nil {
		return
	}
	size := cap(in.buf)
	larger := in.pool.Larger(size)
	before := in.fullest()
	in.ship()
	bytes := in.fullest() - before
	switch budget := in.worker.engine.Budget(); {
	case bytes*int64(larger)/int64(size) <= budget:
		in.want = larger
	case bytes <= budget:
		in.want = size
	}
}

// list has the input looked at when the worker takes its next step.
func (in *Input[T, D]) list() {
	if !in.listed && in.worker != nil {
		in.listed = true
		in.worker.engine.Open(served[T, D]{in})
	}
}

// makeRoom runs the worker if too much waits, until half of it has gone.
func (in *Input[T, D]) makeRoom() {
	w := in.worker.engine
	if in.fullest() > w.Budget() && !w.Building() {
		in.full = true
		defer func() { in.full = false }()
		w.RunUntil(func() bool { return in.fullest() <= w.Budget()/2 })
	}
}

// fullest returns the most bytes that wait in one of the dataflows.
func (in *Input[T, D]) fullest() (bytes int64) {
	for _, l := range in.feeds {
		bytes = max(bytes, l.held)
	}
	return bytes
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
	in.want = 1
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
		l.add(in.at, b)
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
	in.time = t
	in.follow()
}

// Coarsen makes the times of the input coarser, where they are finer than the
// dataflow is fast: while a group of times is in flight, up to the probe, the times
// after it are one group. A group is sent at its first time, and the input moves on
// from it, to the time that the program has come to, when the probe has passed the
// group before: at AdvanceTo or Step. So no time is said to be complete too early, and
// a program may advance the input at every record.
//
// The records of a group are simultaneous, and each worker makes its own groups: what
// is computed per time depends on them. A program that needs a record's own time
// keeps it in the record. With a nil probe groups end.
func (in *Input[T, D]) Coarsen(p *Probe[T]) {
	in.coarse = p
	in.follow()
}

// follow moves the input to the program's time, unless that is in a group.
func (in *Input[T, D]) follow() {
	if in.at == in.time {
		return
	}
	if in.grouped && in.coarse != nil && in.coarse.holds(in.before) {
		in.list()
		return
	}
	in.ship()
	in.before, in.grouped = in.at, true
	in.at = in.time
	for _, l := range in.feeds {
		l.last = in.at
		l.wake()
	}
}

// Close ends the input: nothing will be sent. It may be called again, and does
// nothing in an execution that has failed.
func (in *Input[T, D]) Close() {
	if in.closed || in.worker != nil && in.worker.engine.Failing() {
		return
	}
	in.ship()
	in.closed = true
	for _, l := range in.feeds {
		l.ended = true
		l.wake()
	}
	in.feeds = nil
}

// served is an input as the engine sees it.
type served[T Timestamp[T], D any] struct{ in *Input[T, D] }

// Stepped implements engine.Stepped.
func (s served[T, D]) Stepped() {
	s.in.listed = false
	s.in.ship()
	s.in.follow()
}

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
	e := entry[T, D]{time: at, batch: b, held: held(b, l.sizes)}
	l.count(int64(e.held))
	if len(l.entries) == cap(l.entries) && l.head > len(l.entries)/2 {
		l.entries, l.head = slices.Delete(l.entries, 0, l.head), 0
	}
	l.entries = append(l.entries, e)
	l.node.Wake()
}

// Turn implements engine.Body. The capability moves once, to where the turn ends.
func (l *inlet[T, D]) Turn() {
	for l.head < len(l.entries) {
		e := l.entries[l.head]
		l.entries[l.head].batch = nil
		records := len(e.batch.Records)
		l.count(-int64(e.held))
		l.out.push(e.time, e.batch)
		l.head++
		if w := l.node.Flow.Worker(); l.head < len(l.entries) && (w.Full() || w.Exhausted(records)) {
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

// Held implements engine.Entrance.
func (l *inlet[T, D]) Held() (bytes int64, full bool) { return l.held, l.input.full }

// count counts bytes that begin to wait, or end.
func (l *inlet[T, D]) count(bytes int64) {
	l.held += bytes
	l.flow.Worker().Queue(bytes)
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
