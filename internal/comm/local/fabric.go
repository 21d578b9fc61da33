package local

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/host"
)

// Fabric joins the workers of one process.
type Fabric struct {
	ends      []*End
	transport host.Transport // nil: messages arrive at once
	carrying  atomic.Int64   // messages that the transport has not delivered

	sleeping sync.Mutex // held by who falls asleep or ends: one sees what all others do

	mu    sync.Mutex
	begun map[int]*opening // channels that not all workers have opened yet
	lent  map[int]*opening // the windows of such channels
}

// opening is a channel between its first and its last Open.
type opening struct {
	ends any // by worker: []*Queue[M], []*Sum[M] or []*credits
	left int // workers that have not opened it
}

// NewFabric returns a fabric for so many workers.
func NewFabric(workers int, h *host.Host) *Fabric {
	f := &Fabric{transport: h.Transport, begun: make(map[int]*opening), lent: make(map[int]*opening)}
	crowded := workers > runtime.GOMAXPROCS(0)
	for i := range workers {
		f.ends = append(f.ends, newEnd(f, i, h.NewParker(i), h.Spin && !crowded, crowded))
	}
	return f
}

// Peers returns the number of workers.
func (f *Fabric) Peers() int { return len(f.ends) }

// End returns what a worker holds of the fabric.
func (f *Fabric) End(worker int) *End { return f.ends[worker] }

// OpenQueue opens a channel whose messages wait in order. It returns the worker's
// inbox, and a way to each worker's.
func OpenQueue[M any](f *Fabric, worker, channel int) (*Queue[M], []comm.Sender[M]) {
	boxes := open(f, f.begun, channel, func(e *End) *Queue[M] { return &Queue[M]{bell: Bell{end: e, channel: channel}} })
	to := make([]comm.Sender[M], len(boxes))
	for i, b := range boxes {
		if to[i] = b; f.transport != nil {
			to[i] = &carried[M]{f, worker, i, channel, b, func(m M) M { return m }}
		}
	}
	boxes[worker].hear()
	return boxes[worker], to
}

// OpenSum opens a channel whose messages are added up while they wait: merge adds
// one message to another, empty makes one that says nothing. What is sent is only
// read, and not kept.
func OpenSum[M any](f *Fabric, worker, channel int, empty func() M, merge func(into, from M)) (*Sum[M], []comm.Sender[M]) {
	boxes := open(f, f.begun, channel, func(e *End) *Sum[M] {
		return &Sum[M]{bell: Bell{end: e, channel: channel}, merge: merge, sum: empty()}
	})
	to := make([]comm.Sender[M], len(boxes))
	for i, b := range boxes {
		if to[i] = b; f.transport != nil {
			to[i] = &carried[M]{f, worker, i, channel, b, func(m M) M {
				copied := empty()
				merge(copied, m)
				return copied
			}}
		}
	}
	boxes[worker].hear()
	return boxes[worker], to
}

// carried is the way to an inbox by a transport that may hold messages up.
type carried[M any] struct {
	fabric            *Fabric
	from, to, channel int
	inbox             comm.Sender[M]
	keep              func(M) M // of what is only lent for the call
}

// Send implements comm.Sender.
func (c *carried[M]) Send(m M) {
	m = c.keep(m)
	c.fabric.carry(c.from, c.to, c.channel, func() { c.inbox.Send(m) })
}

// carry has the transport, if there is one, choose when something arrives.
func (f *Fabric) carry(from, to, channel int, arrive func()) {
	if f.transport == nil {
		arrive()
		return
	}
	f.carrying.Add(1)
	f.transport.Send(from, to, channel, func() {
		arrive()
		f.carrying.Add(-1)
	})
}

// open returns the receiving ends of a channel: the first worker that asks makes them.
func open[B any](f *Fabric, begun map[int]*opening, channel int, box func(*End) B) []B {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := begun[channel]
	if o == nil {
		boxes := make([]B, len(f.ends))
		for i, e := range f.ends {
			boxes[i] = box(e)
		}
		o = &opening{boxes, len(f.ends)}
		begun[channel] = o
	}
	if o.left--; o.left == 0 {
		delete(begun, channel)
	}
	return o.ends.([]B)
}
