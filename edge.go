package timely

import (
	"math"
	"reflect"
	"slices"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
)

// entry is a batch at its time, on its way or waiting.
type entry[T Timestamp[T], D any] struct {
	time  T
	batch *batch.Batch[D]
	held  uint32 // bytes that it counts for
	by    int32  // who sent it: a worker, or engine.FedBack
}

// queue is the end of an edge: batches wait here for a node. It is a receiver for
// producers of this worker, and counts what they push.
type queue[T Timestamp[T], D any] struct {
	node  *engine.Node
	edge  *engine.Edge
	graph *progress.Tracker[T]
	at    progress.Location
	pool  *batch.Pool[D]
	sizes func([]D) int // what records hold beside their own memory; nil: nothing that is known

	entries []entry[T, D] // entries[:head] are taken
	head    int
	order   *arrivals[T] // of an input that holds; else nil
	taken   int          // entries, ever
	wanted  []bool       // scratch
	latest  map[T]int    // by time: how many entries came before the last that came round a loop; see gather
}

func (q *queue[T, D]) push(at T, b *batch.Batch[D]) {
	n := len(b.Records)
	q.graph.Update(q.at, at, int64(n))
	q.edge.Pass(n)
	by := q.edge.Sender()
	if q.merge(at, b, by) || q.gather(at, b, by) {
		return
	}
	b = q.fitting(b)
	held := held(b, q.sizes)
	q.edge.Hold(by, int64(held))
	q.append(entry[T, D]{at, b, held, by})
}

// receive takes in batches that other workers sent, and counted.
func (q *queue[T, D]) receive(arrived []entry[T, D]) {
	for _, e := range arrived {
		spent := int64(e.held)
		if q.merge(e.time, e.batch, e.by) || q.gather(e.time, e.batch, e.by) {
			q.edge.Arrived(e.by, spent, 0)
			continue
		}
		e.batch = q.fitting(e.batch)
		e.held = held(e.batch, q.sizes)
		q.edge.Arrived(e.by, spent, int64(e.held))
		q.append(e)
	}
}

// held returns the bytes that a batch counts for.
func held[D any](b *batch.Batch[D], sizes func([]D) int) uint32 {
	n := b.Held()
	if sizes != nil {
		n += sizes(b.Records)
	}
	return uint32(min(uint64(n), math.MaxUint32))
}

// sizer is implemented by records that know what they hold beside their own memory,
// in bytes.
type sizer interface{ Size() int }

// sizes returns the function that adds up the sizes of records, or nil if they have none.
func sizes[D any]() func([]D) int {
	if k := reflect.TypeFor[D]().Kind(); k == reflect.Pointer || k == reflect.Interface {
		return sizesOfPointers[D]()
	}
	if _, ok := any(new(D)).(sizer); !ok {
		return nil
	}
	return func(records []D) (n int) {
		for i := range records {
			n += max(0, any(&records[i]).(sizer).Size())
		}
		return n
	}
}

// sizesOfPointers is sizes for records that are pointers or interfaces.
func sizesOfPointers[D any]() func([]D) int {
	if !reflect.TypeFor[D]().Implements(reflect.TypeFor[sizer]()) {
		return nil
	}
	return func(records []D) (n int) {
		var none D
		for i := range records {
			if any(records[i]) != any(none) {
				n += max(0, any(records[i]).(sizer).Size())
			}
		}
		return n
	}
}

// sparse says that a batch holds few records for its buffer: one in so many.
const sparse = 8

// merge adds records to the batch at the tail, if they are few, and that is of the
// same time and nobody else's.
func (q *queue[T, D]) merge(at T, b *batch.Batch[D], by int32) bool {
	n := len(b.Records)
	if n*sparse > cap(b.Records) && n > 2 || q.head == len(q.entries) {
		return false
	}
	tail := &q.entries[len(q.entries)-1]
	if tail.time != at || len(tail.batch.Records)+n > cap(tail.batch.Records) || !tail.batch.Exclusive() {
		return false
	}
	if q.sizes != nil {
		if tail.by != by {
			return false
		}
		more := uint32(min(uint64(q.sizes(b.Records)), uint64(math.MaxUint32-tail.held)))
		tail.held += more
		q.edge.Add(by, int64(more))
	}
	tail.batch.Records = append(tail.batch.Records, b.Records...)
	b.Release()
	return true
}

// gather adds records that came round a loop to the last batch of their time that
// did. Exchanged records of different rounds would else come apart into ever smaller
// batches, as each round splits them and none puts them together.
func (q *queue[T, D]) gather(at T, b *batch.Batch[D], by int32) bool {
	if by != engine.FedBack || q.head == len(q.entries) {
		return false
	}
	n, ok := q.latest[at]
	if !ok || n < q.taken {
		return false
	}
	e := &q.entries[q.head+n-q.taken]
	total := len(e.batch.Records) + len(b.Records)
	if total > q.pool.Max() || !e.batch.Exclusive() {
		return false
	}
	if total > cap(e.batch.Records) {
		larger := q.pool.Get(total)
		larger.Records = append(larger.Records, e.batch.Records...)
		e.batch.Release()
		e.batch = larger
	}
	e.batch.Records = append(e.batch.Records, b.Records...)
	b.Release()
	before := e.held
	e.held = held(e.batch, q.sizes)
	q.edge.Add(by, int64(e.held)-int64(before))
	return true
}

// fitting moves few records to a small buffer.
func (q *queue[T, D]) fitting(b *batch.Batch[D]) *batch.Batch[D] {
	n := len(b.Records)
	if n*sparse*sparse > cap(b.Records) {
		return b
	}
	small := q.pool.Get(n)
	small.Records = append(small.Records, b.Records...)
	b.Release()
	return small
}

func (q *queue[T, D]) append(e entry[T, D]) {
	if len(q.entries) == cap(q.entries) && q.head > len(q.entries)/2 {
		left := copy(q.entries, q.entries[q.head:])
		clear(q.entries[left:])
		q.entries, q.head = q.entries[:left], 0
	}
	if e.by == engine.FedBack && q.head < len(q.entries) {
		if q.latest == nil {
			q.latest = make(map[T]int)
		}
		q.latest[e.time] = q.taken + q.len()
	}
	if q.order != nil {
		q.order.note(e.time)
	}
	q.entries = append(q.entries, e)
	q.node.Wake()
}

// arrivals is whether times have arrived in order. A producer that sends times in
// order is past what it has sent, but no frontier shows that while another worker's
// is not.
type arrivals[T Timestamp[T]] struct {
	last     T
	disorder bool
}

func (a *arrivals[T]) note(t T) {
	a.disorder = a.disorder || t.Compare(a.last) < 0
	a.last = t
}

func (a *arrivals[T]) hope() engine.Hope {
	if a.disorder {
		return engine.Some
	}
	return engine.Little
}

func (q *queue[T, D]) len() int { return len(q.entries) - q.head }

// pop takes the batch at the head. There must be one.
func (q *queue[T, D]) pop() entry[T, D] {
	e := q.entries[q.head]
	q.entries[q.head] = entry[T, D]{}
	if len(q.latest) > 0 && q.latest[e.time] == q.taken {
		delete(q.latest, e.time)
	}
	q.head++
	q.taken++
	if q.head == len(q.entries) {
		q.entries, q.head = q.entries[:0], 0
	}
	q.took(e)
	return e
}

// took notes that a batch is handed out.
func (q *queue[T, D]) took(e entry[T, D]) {
	q.edge.Take(e.by, int64(e.held), len(e.batch.Records))
}

// pick takes out the batches whose time is wanted, among the first n. They still
// count as waiting.
func (q *queue[T, D]) pick(picked []entry[T, D], n int, wanted func(T) bool) []entry[T, D] {
	q.wanted = q.wanted[:0]
	for i := range n { // before anything is moved: the program's function may panic
		q.wanted = append(q.wanted, wanted(q.entries[q.head+i].time))
	}
	waiting := q.entries[q.head:]
	kept := 0
	for i, e := range waiting {
		if i < n && q.wanted[i] {
			picked = append(picked, e)
		} else {
			waiting[kept] = e
			kept++
		}
	}
	clear(waiting[kept:])
	clear(q.latest) // entries have moved
	q.entries = q.entries[:q.head+kept]
	return picked
}

// unpick puts back batches that were picked and not handed out: to the front.
func (q *queue[T, D]) unpick(picked []entry[T, D]) {
	if len(picked) > 0 {
		clear(q.latest)
		q.entries = slices.Insert(q.entries, q.head, picked...)
	}
}

// consumed notes that the records of a batch that was popped are done with.
func (q *queue[T, D]) consumed(at T, records int) { q.graph.Update(q.at, at, -int64(records)) }

// remote is the sending side of another worker's queue.
type remote[T Timestamp[T], D any] struct {
	queue *queue[T, D] // of the same port at this worker
	way   *engine.Outlet
	to    comm.Sender[entry[T, D]]
	wire  *wire[T, D] // that it goes through; nil: to a worker of this process
}

// push counts a batch and sends it: counted where it is sent, never where it arrives.
func (r *remote[T, D]) push(at T, b *batch.Batch[D]) {
	q, n := r.queue, int64(len(b.Records))
	q.graph.Update(q.at, at, n)
	q.edge.Pass(int(n))
	by, held := q.edge.Sender(), held(b, q.sizes)
	r.to.Send(entry[T, D]{at, b, held, by})
	if r.wire != nil {
		held = r.wire.counted
	}
	r.way.Spend(by, int64(held))
}

// relay is a node that passes on what waits for it, unlooked at: an exchange's
// receiving end, or the queue that a loop or a FlatMap needs. It holds no
// capabilities, so its target is also where its stream comes from.
type relay[T Timestamp[T], D any] struct {
	queue  queue[T, D]
	out    tee[T, D]
	engine *engine.Worker
}

// relayed puts a queue between s and the stream that it returns.
func relayed[T Timestamp[T], D any](s Stream[T, D], p Pact[D], name string) Stream[T, D] {
	e := s.element(name)
	s.check(e)
	flow := s.scope.in.flow
	r := &relay[T, D]{engine: s.scope.in.worker.engine}
	n := flow.AddNode(e)
	n.Run(r)
	r.queue = newQueue[T, D](s.scope, n, "input")
	connect(s, p, &r.queue, n)
	return ofNode(s.scope, n, 0, &r.out, r.queue.at)
}

func newQueue[T Timestamp[T], D any](s Scope[T], n *engine.Node, port string) queue[T, D] {
	q := queue[T, D]{
		node: n, edge: s.in.flow.AddEdge(n, port), graph: s.in.graph, at: s.in.graph.AddPort(),
		pool: batch.Of[D](&s.in.worker.engine.Pools), sizes: sizes[D](),
	}
	s.in.flow.Place(s.in.level, q.at, n.Element, port)
	return q
}

// Turn implements engine.Body.
func (r *relay[T, D]) Turn() {
	for n := r.queue.len(); n > 0; n-- {
		e := r.queue.pop()
		records := len(e.batch.Records)
		r.out.push(e.time, e.batch)
		r.queue.consumed(e.time, records)
		if n > 1 && (r.engine.Full() || r.engine.Exhausted(records)) {
			break
		}
	}
	if r.queue.len() > 0 {
		r.queue.node.Wake()
	}
}

// Pausing implements engine.Body: the batch that is under way is not yet consumed.
func (r *relay[T, D]) Pausing() {}
