package cluster

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/comm/local"
	"github.com/timely-go/timely/internal/comm/tcp"
)

// Wire is how the messages of a channel cross processes. Errors are the program's:
// what it sends cannot be made bytes of, or records of what arrives.
type Wire[M any] interface {
	// Encode takes over a message and returns the bytes that it is, in two parts, and
	// who is told when they were written, or nil. It is for the sending worker.
	Encode(m M) (head, body []byte, owner tcp.Owner)
	// Decoder returns what makes messages of the bytes that one process sends, one
	// goroutine at a time. Their memory is of the pools, which are that goroutine's.
	Decoder(pools *batch.Pools) func(from int, bytes []byte, take func(M)) error
}

// OpenQueue opens a channel whose messages wait in order, and its windows, each for so
// many bytes: see [comm.Window]. It returns the worker's inbox and a way to each
// worker's, its way to give credit, and its window at each worker. The wire may be nil
// if there is one process.
func OpenQueue[M any](f *Fabric, worker, number int, bytes int64, wire Wire[M]) (*local.Queue[M], []comm.Sender[M], comm.Credits, []*comm.Window) {
	in, near := local.OpenQueue[M](f.near, worker-f.first, number)
	given, windows := local.OpenCredits(f.near, worker-f.first, number, bytes)
	if f.mesh == nil {
		return in, near, given, windows
	}
	f.open(number, func() *channel {
		lent := newLending(f, number, bytes)
		q := &arrivals[M]{near: near, wire: wire, decode: make([]func(int, []byte, func(M)) error, f.Processes()), fabric: f}
		return &channel{lent: lent, arrived: func(p parcel) error {
			if p.kind == tcp.Data {
				return q.take(p)
			}
			return lent.take(p)
		}}
	})
	lent := f.lending(number)
	to := make([]comm.Sender[M], f.peers)
	all := make([]*comm.Window, f.peers)
	for w := range to {
		if f.Has(w) {
			to[w], all[w] = near[w-f.first], windows[w-f.first]
		} else {
			to[w], all[w] = &far[M]{f, number, worker, w, wire}, lent.windows[worker-f.first][w]
		}
	}
	c := lent.credits[worker-f.first]
	c.near = given
	return in, to, c, all
}

// arrivals is what a process does with the messages that arrive on a channel.
type arrivals[M any] struct {
	fabric *Fabric
	near   []comm.Sender[M] // to each worker of this process
	wire   Wire[M]
	decode []func(from int, bytes []byte, take func(M)) error // by process
}

func (q *arrivals[M]) take(p parcel) error {
	if q.decode[p.process] == nil {
		q.decode[p.process] = q.wire.Decoder(&q.fabric.readers[p.process].pools)
	}
	to := q.near[p.to-q.fabric.first]
	return q.decode[p.process](p.from, p.bytes, to.Send)
}

// far is the way to a worker of another process.
type far[M any] struct {
	fabric           *Fabric
	number, from, to int
	wire             Wire[M]
}

// Send implements comm.Sender.
func (s *far[M]) Send(m M) {
	f := s.fabric
	head, body, owner := s.wire.Encode(m)
	process := s.to / f.here
	f.mesh.Send(process, tcp.Message{
		Kind: tcp.Data, Channel: uint32(s.number), From: uint32(s.from), To: uint32(s.to),
		Head: head, Body: body, Owner: owner,
	})
	f.sent(s.from, process)
}

// lending is the windows of a channel between workers of this process and others.
type lending struct {
	fabric  *Fabric
	windows [][]*comm.Window // by worker of this process, which sends, and worker
	credits []*credits       // by worker of this process, which receives
}

func newLending(f *Fabric, number int, bytes int64) *lending {
	l := &lending{fabric: f}
	for i := range f.here {
		from, end := f.first+i, f.near.End(i)
		l.credits = append(l.credits, &credits{fabric: f, bell: end.NewBell(number), number: number, worker: from})
		windows := make([]*comm.Window, f.peers)
		for to := range windows {
			if !f.Has(to) {
				ask := func() {
					f.send(to/f.here, tcp.Ask, number, from, to, nil)
					f.sent(from, to/f.here)
				}
				windows[to] = comm.NewWindow(bytes, ask, end.NewBell(number).Ring)
			}
		}
		l.windows = append(l.windows, windows)
	}
	return l
}

// lending returns the windows of an open channel.
func (f *Fabric) lending(number int) *lending {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.channels[number].lent
}

// take takes in credit, or that somebody waits for some.
func (l *lending) take(p parcel) error {
	to := p.to - l.fabric.first
	switch {
	case p.kind == tcp.Ask && len(p.bytes) == 0:
		l.credits[to].ask(p.from)
	case p.kind == tcp.Credit && len(p.bytes) == 8:
		l.windows[to][p.from].Give(int64(binary.LittleEndian.Uint64(p.bytes)))
	default:
		return fmt.Errorf("process %d sent %d bytes of %v, which no process of this version does", p.process, len(p.bytes), p.kind)
	}
	return nil
}

// credits is a worker's end of the windows through which it receives.
type credits struct {
	near   comm.Credits // for senders of this process, which it numbers from 0
	fabric *Fabric
	number int
	worker int

	all []int // scratch

	mu     sync.Mutex
	asking []int // senders of other processes
	bell   *local.Bell
}

// Give implements comm.Credits.
func (c *credits) Give(sender int, bytes int64) {
	f := c.fabric
	if f.Has(sender) {
		c.near.Give(sender-f.first, bytes)
		return
	}
	f.send(sender/f.here, tcp.Credit, c.number, c.worker, sender, binary.LittleEndian.AppendUint64(nil, uint64(bytes)))
	f.sent(c.worker, sender/f.here)
}

func (c *credits) ask(sender int) {
	c.mu.Lock()
	c.asking = append(c.asking, sender)
	c.mu.Unlock()
	c.bell.Ring()
}

// Asking implements comm.Credits.
func (c *credits) Asking() []int {
	c.all = c.all[:0]
	for _, sender := range c.near.Asking() {
		c.all = append(c.all, c.fabric.first+sender)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, c.asking...)
	c.asking = c.asking[:0]
	return c.all
}
