package engine

import (
	"slices"

	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/comm/cluster"
	"github.com/timely-go/timely/internal/comm/local"
	"github.com/timely-go/timely/internal/host"
	"github.com/timely-go/timely/internal/progress"
)

// receiver is this worker's end of a channel.
type receiver interface {
	take() // takes in what has arrived
	stop() // from now on what arrives is discarded
}

// openQueue opens the next channel, whose messages wait in order, with credit for
// what may be at the edge to which it leads.
func openQueue[M any](e *Edge, wire cluster.Wire[M], receive func([]M)) []comm.Sender[M] {
	w := e.worker
	peers := w.Peers()
	e.share = max(1, w.budget/int64(peers))
	in, to, credits, windows := cluster.OpenQueue(w.x.fabric, w.index, w.channels, e.share, wire)
	e.credits, e.others = credits, make([]account, peers)
	for _, window := range windows {
		e.outlets = append(e.outlets, &Outlet{edge: e, window: window})
	}
	w.receivers[w.channels] = &queue[M]{in: in, edge: e, receive: receive}
	w.channels++
	return to
}

type queue[M any] struct {
	in      *local.Queue[M]
	edge    *Edge
	receive func([]M) // nil: nobody wants them
	spare   []M
}

func (q *queue[M]) take() {
	got := q.in.Take(q.spare)
	if q.receive == nil {
		return
	}
	if len(got) > 0 {
		q.receive(got)
		clear(got)
	}
	q.spare = got
	q.edge.look()
}

func (q *queue[M]) stop() {
	q.receive, q.spare = nil, nil
	q.edge.abandon()
}

// openSum opens the channel on which a dataflow's progress travels.
func openSum(f *Dataflow) *cluster.Ways[*progress.Message] {
	w := f.worker
	add := adder{f, w.x.audit}
	in, to := cluster.OpenSum(w.x.fabric, w.index, w.channels, add)
	w.receivers[w.channels] = &sum{in: in, receive: f.receive, spare: add.Empty()}
	w.channels++
	return to
}

// adder implements cluster.Adder.
type adder struct {
	flow  *Dataflow
	audit *audit
}

func (a adder) Empty() *progress.Message { return progress.NewMessage(a.flow.levels) }

func (a adder) Merge(into, from *progress.Message) {
	into.Merge(from)
	a.audit.merged(a.flow, into, from)
}

func (a adder) Reset(m *progress.Message) { m.Reset() }

func (a adder) Append(dst []byte, m *progress.Message) ([]byte, error) {
	a.flow.worker.x.tellTold(host.AllHere, m)
	return m.Append(dst)
}

func (a adder) Decode(bytes []byte, into *progress.Message) error { return into.Decode(bytes) }

type sum struct {
	in      *local.Sum[*progress.Message]
	receive func(*progress.Message) // nil: nobody wants them
	spare   *progress.Message
}

func (s *sum) take() {
	got := s.in.Take(s.spare)
	if s.receive != nil {
		s.receive(got)
	}
	got.Reset()
	s.spare = got
}

func (s *sum) stop() { s.receive = nil }

// closeChannels ends the channels of a dataflow that is gone. Peers that keep one
// that was dropped may still send: what they send is discarded as long as they do.
func (w *Worker) closeChannels(f *Dataflow) {
	if w.x.ends(f) || f.complete {
		w.forgetChannels(f)
		return
	}
	for c := f.channels.from; c < f.channels.to; c++ {
		w.receivers[c].stop()
	}
	w.draining = append(w.draining, f)
}

// drained forgets the channels on which no peer sends any more.
func (w *Worker) drained() {
	w.draining = slices.DeleteFunc(w.draining, func(f *Dataflow) bool {
		over := w.x.ended(f)
		if over {
			w.forgetChannels(f)
		}
		return over
	})
}

// forgetChannels forgets channels on which nothing is sent any more.
func (w *Worker) forgetChannels(f *Dataflow) {
	for c := f.channels.from; c < f.channels.to; c++ {
		delete(w.receivers, c)
		w.x.fabric.Close(c)
	}
}
