package tcp

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// reader reads into slabs, and hands out what is whole.
type reader struct {
	link    *link
	arrived func() // the peer is connected to everybody

	slab     *slab
	from, to int   // slab.bytes[from:to] is read, and not handed out
	offset   int64 // of slab.bytes[from] in the stream
	seq      uint32
	parts    [lanes]part
	armed    time.Time
	started  bool
}

// part is the beginning of a message, by lane.
type part struct {
	header header // of the first frame
	bytes  []byte
	open   bool
}

func newReader(l *link, arrived func()) *reader {
	return &reader{link: l, arrived: arrived, slab: l.slabs.take()}
}

func (r *reader) run() {
	defer r.drop()
	for {
		r.makeRoom()
		n, err := r.read(r.slab.bytes[r.to:])
		r.to += n
		if err == nil {
			err = r.frames()
		}
		if err != nil {
			r.link.unreadable(err)
			return
		}
	}
}

func (r *reader) drop() { r.slab.release() }

// read reads some bytes. Silence is measured in two halves, each of which begins when
// this process looks: one that was stopped itself does not blame the others.
func (r *reader) read(b []byte) (n int, err error) {
	dead := r.link.mesh.config.DeadAfter
	half, slack := dead/2+dead/16, dead/16
	for silent := false; ; silent = true {
		now := time.Now()
		mayWait := true
		if silent || now.Sub(r.armed) > slack {
			mayWait = r.link.arm(now, half)
			r.armed = now
		}
		n, err = r.link.in.Read(b)
		if n > 0 {
			r.link.heard.Store(int64(time.Since(r.link.mesh.began)))
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || silent || !mayWait {
			return 0, err
		}
	}
}

// makeRoom sees to it that the slab has room for the frame that begins at from.
func (r *reader) makeRoom() {
	if r.from == r.to && r.slab.refs.Load() == 1 { // nobody looks at it
		r.from, r.to = 0, 0
		return
	}
	need := headerSize
	if r.to-r.from >= headerSize { // parsed before, so the length is sound
		h, _ := parseHeader(r.slab.bytes[r.from:])
		need += int(h.length) + padding(int(h.length))
	}
	if r.from+need <= len(r.slab.bytes) && r.to < len(r.slab.bytes) {
		return
	}
	next := r.link.slabs.take()
	r.to = copy(next.bytes, r.slab.bytes[r.from:r.to])
	r.from = 0
	r.slab.release()
	r.slab = next
}

// frames handles the frames that are whole.
func (r *reader) frames() error {
	for r.to-r.from >= headerSize {
		b := r.slab.bytes[r.from:r.to]
		h, wrong := parseHeader(b)
		if wrong != "" {
			return r.wrong("%s", wrong)
		}
		size := headerSize + int(h.length) + padding(int(h.length))
		if len(b) < size {
			return nil
		}
		if err := r.frame(h, b[headerSize:size]); err != nil {
			return err
		}
		r.from += size
		r.offset += int64(size)
		r.seq++
	}
	return nil
}

func (r *reader) wrong(format string, values ...any) error {
	b := r.slab.bytes[r.from:]
	return &ProtocolError{
		Offset: r.offset,
		Header: append([]byte(nil), b[:headerSize]...),
		Reason: fmt.Sprintf(format, values...),
	}
}

// frame handles one frame, of which padded is the payload and its padding.
func (r *reader) frame(h header, padded []byte) error {
	payload := padded[:h.length:h.length]
	switch {
	case h.seq != r.seq:
		return r.wrong("it is frame %d, and frame %d should come", h.seq, r.seq)
	case !r.link.sealed && h.sum != checksum(padded):
		return r.wrong("the payload's checksum is wrong")
	case h.kind == abort:
		return r.link.mesh.told(r.link.peer, payload)
	case h.kind == heartbeat:
	case r.link.byeIn.Load():
		return r.wrong("%v after bye", h.kind)
	case h.kind == bye:
		return r.bye()
	case h.kind == joined:
		r.link.complete.Store(true)
		r.arrived()
	default:
		return r.message(h, payload)
	}
	return nil
}

func (r *reader) bye() error {
	for _, p := range r.parts {
		if p.open {
			return r.wrong("bye in the middle of a message")
		}
	}
	r.link.byeIn.Store(true)
	r.link.out.signal()
	return nil
}

// message hands a message out, or keeps a part of one.
func (r *reader) message(h header, payload []byte) error {
	m := r.link.mesh
	if !m.owns(r.link.peer, h.from) || !m.owns(m.config.Index, h.to) {
		return r.wrong("it is from worker %d to worker %d, which are not of process %d and %d", h.from, h.to, r.link.peer, m.config.Index)
	}
	p := &r.parts[h.kind.lane()]
	if !p.open && h.flags&flagMore == 0 {
		if len(payload) > m.config.MaxMessage {
			return r.wrong("a message of more than %d bytes", m.config.MaxMessage)
		}
		r.deliver(h, payload, r.slab)
		return nil
	}
	if p.open && (h.kind != p.header.kind || h.channel != p.header.channel || h.from != p.header.from || h.to != p.header.to) {
		return r.wrong("it is in the middle of another message")
	}
	if len(p.bytes)+len(payload) > m.config.MaxMessage {
		return r.wrong("a message of more than %d bytes", m.config.MaxMessage)
	}
	p.header, p.open = h, true
	p.bytes = append(p.bytes, payload...) // grows with what has come, not with what was claimed
	if h.flags&flagMore == 0 {
		whole := p.bytes
		*p = part{}
		r.deliver(h, whole, new(slab))
	}
	return nil
}

// deliver hands a payload out, which is in the slab.
func (r *reader) deliver(h header, payload []byte, in *slab) {
	m := r.link.mesh
	if !r.started {
		select {
		case <-m.started:
			r.started = true
		case <-m.done:
		}
	}
	if m.isOver() {
		return // nobody is interested any more
	}
	in.refs.Add(1)
	m.receive(Frame{
		Peer:    r.link.peer,
		Kind:    h.kind,
		Channel: h.channel,
		From:    h.from,
		To:      h.to,
		Payload: payload,
		slab:    in,
	})
}
