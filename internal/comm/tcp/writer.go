package tcp

import (
	"bufio"
	"cmp"
	"net"
	"sync"
	"time"
)

// writer takes from the outbox and writes, a round at a time.
type writer struct {
	link   *link
	out    *outbox
	direct direct

	mu    sync.Mutex // who has it writes: the writer's goroutine, or one that flushes
	ended bool       // nobody writes any more
	seq   uint32

	taken   [lanes][]Message // of this round, by lane
	current int              // bytes of taken[dataLane][0] that were written in rounds before
	pulled  []byte
	bye     bool // nothing will be put any more
	left    bool // the outbox has more than was taken
	abort   []byte

	scratch []byte // headers, and short payloads
	spans   []span
	owners  []Message // to be released after the round
	buffers net.Buffers
	records *bufio.Writer // fills records of TLS, and then bundle; both are nil without TLS
	bundle  *bundle
	wrote   bool // since the last beat
}

func newWriter(l *link) *writer {
	w := &writer{link: l, out: l.out, bundle: bundleOf(l.conn)}
	if w.bundle != nil {
		w.records = bufio.NewWriterSize(l.conn, recordBytes)
	}
	w.direct.init(l)
	return w
}

func (w *writer) run() {
	defer w.drop()
	beat := time.NewTicker(w.link.mesh.config.Heartbeat)
	defer beat.Stop()
	for {
		switch w.turn() {
		case idle:
			w.wait(beat)
		case over:
			return
		}
	}
}

// What a writer does next.
const (
	again = iota
	idle
	over
)

// turn writes a round, if there is something to write.
func (w *writer) turn() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.prepare(); w.abort != nil {
		w.sayAbort()
		return over
	}
	if len(w.spans) == 0 {
		if w.link.orderly() {
			w.link.closeWrite()
			return over
		}
		return idle
	}
	if err := w.write(); err != nil {
		// A peer that fails may have said why before it closed the connection.
		w.link.hurry(abortFor, err)
		return over
	}
	return again
}

// prepare encodes a round, unless one is left from before.
func (w *writer) prepare() {
	if len(w.spans) == 0 {
		w.take()
		w.encode()
	}
}

// flush writes a round on the caller's goroutine, as far as that can be done at once;
// what is left, and what is much, is for the writer's own.
func (w *writer) flush() {
	if !w.mu.TryLock() {
		w.out.signal() // who writes may have looked already
		return
	}
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	if len(w.spans) == 0 && !w.out.much() { // or else it is for the other goroutine
		if w.prepare(); len(w.spans) == 1 && w.spans[0].lent == nil && w.direct.write(w.scratch) {
			w.wrote = true
			w.reset()
		}
	}
	if w.abort != nil || len(w.spans) > 0 || len(w.taken[dataLane]) > 0 || w.out.waits() {
		w.out.signal()
	}
}

// wait returns when there may be something to write.
func (w *writer) wait(beat *time.Ticker) {
	select {
	case <-w.out.wake:
	case <-beat.C:
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.wrote && len(w.spans) == 0 {
			w.shrink()
			w.frame(header{kind: heartbeat}, nil, nil)
		}
		w.wrote = false
	}
}

// take takes the messages of a round out of the outbox.
func (w *writer) take() {
	o := w.out
	w.pull()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.abort != nil {
		w.abort, w.left = o.abort, false
		return
	}
	for o.queues[controlLane].len() > 0 {
		w.taken[controlLane] = append(w.taken[controlLane], o.queues[controlLane].pop())
	}
	size := -w.current
	for i := range w.taken[dataLane] {
		size += w.taken[dataLane][i].size()
	}
	data := &o.queues[dataLane]
	for size < roundBytes && data.len() > 0 {
		m := data.pop()
		size += m.size() + headerSize
		w.taken[dataLane] = append(w.taken[dataLane], m)
	}
	pulls := o.pull && w.link.mesh.isStarted() // since just now
	w.left, w.bye = data.len() > 0, o.bye && !pulls
}

// write writes the round, and releases what was lent to it.
func (w *writer) write() (err error) {
	if w.bundle != nil {
		err = w.seal()
	} else if len(w.spans) == 1 && w.spans[0].lent == nil {
		_, err = w.link.conn.Write(w.scratch[w.direct.written:])
	} else {
		w.buffers = w.buffers[:0]
		for _, s := range w.spans {
			if s.lent == nil {
				s.lent = w.scratch[s.from:s.to]
			}
			w.buffers = append(w.buffers, s.lent)
		}
		rest := w.buffers
		_, err = rest.WriteTo(w.link.conn)
		clear(w.buffers)
	}
	w.wrote = true
	w.reset()
	return err
}

// seal writes the round within TLS. Spans are copied together, a record at a time: that is
// little enough to stay near the processor, and records are as long as they can be.
func (w *writer) seal() error {
	w.bundle.hold()
	for _, s := range w.spans {
		if s.lent == nil {
			s.lent = w.scratch[s.from:s.to]
		}
		w.records.Write(s.lent) // an error stays
	}
	return cmp.Or(w.records.Flush(), w.bundle.flush())
}

// reset ends a round.
func (w *writer) reset() {
	written := 0
	for i := range w.owners {
		written += w.owners[i].size() + headerSize
		w.owners[i].release()
	}
	if written > 0 {
		w.out.written(written)
	}
	w.direct.written = 0
	clear(w.owners)
	clear(w.spans)
	w.owners, w.spans, w.scratch = w.owners[:0], w.spans[:0], w.scratch[:0]
}

const maxIdle = 64 << 10 // bytes that a writer with nothing to do keeps

// shrink gives back what a burst needed.
func (w *writer) shrink() {
	if cap(w.pulled) > maxIdle {
		w.pulled = nil
	}
	if cap(w.scratch) > maxIdle {
		w.scratch = nil
	}
	if w.bundle != nil {
		w.bundle.shrink()
	}
}

// sayAbort writes why the mesh has failed.
func (w *writer) sayAbort() {
	w.frame(header{kind: abort}, w.abort, nil)
	if w.write() == nil {
		w.link.closeWrite()
	}
}

// drop releases everything that was not written.
func (w *writer) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.reset()
	for lane := range w.taken {
		for i := range w.taken[lane] {
			w.taken[lane][i].release()
		}
		w.taken[lane] = nil
	}
	w.out.close()
}
