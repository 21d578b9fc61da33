package timely

import (
	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
)

// entry is a batch at its time.
type entry[T Timestamp[T], D any] struct {
	time  T
	batch *batch.Batch[D]
}

// queue is the end of an edge: batches wait here for a node. It is a receiver for
// producers of this worker, and counts what they push.
type queue[T Timestamp[T], D any] struct {
	node  *engine.Node
	graph *progress.Tracker[T]
	at    progress.Location
	pool  *batch.Pool[D]

	entries []entry[T, D] // entries[:head] are taken
	head    int
}

func (q *queue[T, D]) push(at T, b *batch.Batch[D]) {
	q.graph.Update(q.at, at, int64(len(b.Records)))
	q.add(at, b)
}

// receive takes in batches that other workers sent, and counted.
func (q *queue[T, D]) receive(arrived []entry[T, D]) {
	for _, e := range arrived {
		q.add(e.time, e.batch)
	}
}

// sparse says that a batch holds few records for its buffer: one in so many.
const sparse = 8

// add puts a batch at the tail, or its records into the batch there, if that is of
// the same time and nobody else's.
func (q *queue[T, D]) add(at T, b *batch.Batch[D]) {
	n := len(b.Records)
	if n*sparse <= cap(b.Records) || n <= 2 {
		if q.head < len(q.entries) {
			if tail := &q.entries[len(q.entries)-1]; tail.time == at && len(tail.batch.Records)+n <= cap(tail.batch.Records) && tail.batch.Exclusive() {
				tail.batch.Records = append(tail.batch.Records, b.Records...)
				b.Release()
				return
			}
		}
		if n*sparse*sparse <= cap(b.Records) {
			small := q.pool.Get(n)
			small.Records = append(small.Records, b.Records...)
			b.Release()
			b = small
		}
	}
	if len(q.entries) == cap(q.entries) && q.head > len(q.entries)/2 {
		left := copy(q.entries, q.entries[q.head:])
		clear(q.entries[left:])
		q.entries, q.head = q.entries[:left], 0
	}
	q.entries = append(q.entries, entry[T, D]{at, b})
	q.node.Wake()
}

func (q *queue[T, D]) len() int { return len(q.entries) - q.head }

// pop takes the batch at the head. There must be one.
func (q *queue[T, D]) pop() entry[T, D] {
	e := q.entries[q.head]
	q.entries[q.head] = entry[T, D]{}
	q.head++
	if q.head == len(q.entries) {
		q.entries, q.head = q.entries[:0], 0
	}
	return e
}

// consumed notes that the records of a batch that was popped are done with.
func (q *queue[T, D]) consumed(at T, records int) { q.graph.Update(q.at, at, -int64(records)) }

// remote is the sending side of another worker's queue.
type remote[T Timestamp[T], D any] struct {
	graph *progress.Tracker[T]
	at    progress.Location
	to    comm.Sender[entry[T, D]]
}

// push counts a batch and sends it: counted where it is sent, never where it arrives.
func (r *remote[T, D]) push(at T, b *batch.Batch[D]) {
	r.graph.Update(r.at, at, int64(len(b.Records)))
	r.to.Send(entry[T, D]{at, b})
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
	q := queue[T, D]{node: n, graph: s.in.graph, at: s.in.graph.AddPort(), pool: batch.Of[D](&s.in.worker.engine.Pools)}
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
		if n > 1 && r.engine.Exhausted(records) {
			break
		}
	}
	if r.queue.len() > 0 {
		r.queue.node.Wake()
	}
}

// Pausing implements engine.Body: the batch that is under way is not yet consumed.
func (r *relay[T, D]) Pausing() {}
