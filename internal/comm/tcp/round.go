package tcp

import (
	"fmt"
	"hash/crc32"
)

const (
	roundBytes = 256 << 10 // of data are written before the control lane is looked at again
	copyBelow  = 2 << 10   // shorter payloads are copied beside their header
)

// span is a part of what a round writes: lent bytes, or a part of the scratch.
type span struct {
	lent     []byte
	from, to int
}

// encode makes the frames of what was taken, control before data.
func (w *writer) encode() {
	if w.abort != nil {
		return
	}
	for _, m := range w.taken[controlLane] {
		w.pieces(m, 0, m.size())
		w.owners = append(w.owners, m)
	}
	clear(w.taken[controlLane])
	w.taken[controlLane] = w.taken[controlLane][:0]
	if len(w.pulled) > 0 {
		w.encodePulled()
	}
	w.encodeData()
	if w.bye && !w.left && len(w.taken[dataLane]) == 0 && !w.link.byeOut.Swap(true) {
		w.frame(header{kind: bye}, nil, nil)
	}
}

// pull asks for progress, if there is some. That comes before messages are taken: what
// was sent before something was done is written before that is told.
func (w *writer) pull() {
	w.pulled = w.pulled[:0]
	if m := w.link.mesh; m.isStarted() && w.out.wanted() {
		w.pulled = m.pull(w.link.peer, w.pulled)
	}
}

func (w *writer) encodePulled() {
	m := w.link.mesh
	if len(w.pulled) > m.config.MaxMessage {
		m.Abort(fmt.Errorf("comm/tcp: %d bytes of progress for process %d; at most %d", len(w.pulled), w.link.peer, m.config.MaxMessage))
		return
	}
	w.pieces(Message{
		Kind: Progress,
		From: uint32(m.config.Index * m.config.Workers),
		To:   uint32(w.link.peer * m.config.Workers),
		Body: w.pulled,
	}, 0, len(w.pulled))
}

// encodeData makes frames of as many pieces as fit into the round.
func (w *writer) encodeData() {
	budget, done := roundBytes, 0
	taken := w.taken[dataLane]
	for done < len(taken) && budget > 0 {
		m := taken[done]
		to := m.size()
		if to-w.current > budget {
			to = min(to, w.current+max(budget/maxPiece, 1)*maxPiece)
		}
		w.pieces(m, w.current, to)
		budget -= to - w.current + headerSize
		if to < m.size() {
			w.current = to
			break
		}
		w.owners = append(w.owners, m)
		w.current = 0
		done++
	}
	left := copy(taken, taken[done:])
	clear(taken[left:])
	w.taken[dataLane] = taken[:left]
}

// pieces makes frames of bytes [from, to) of a message; from is a multiple of maxPiece.
func (w *writer) pieces(m Message, from, to int) {
	h := header{kind: m.Kind, channel: m.Channel, from: m.From, to: m.To}
	for {
		end := min(from+maxPiece, to)
		h.flags = 0
		if end < m.size() {
			h.flags = flagMore
		}
		head := m.Head[min(from, len(m.Head)):min(end, len(m.Head))]
		body := m.Body[max(from-len(m.Head), 0):max(end-len(m.Head), 0)]
		w.frame(h, head, body)
		if from = end; from >= to {
			return
		}
	}
}

var zeros [align]byte

// frame adds a frame to the round.
func (w *writer) frame(h header, head, body []byte) {
	length := len(head) + len(body)
	pad := zeros[:padding(length)]
	h.length, h.seq = uint32(length), w.seq
	w.seq++
	if !w.link.sealed {
		sum := crc32.Update(0, castagnoli, head)
		sum = crc32.Update(sum, castagnoli, body)
		h.sum = crc32.Update(sum, castagnoli, pad)
	}
	start := len(w.scratch)
	w.scratch = h.appendTo(w.scratch)
	w.note(start)
	w.bytes(head)
	w.bytes(body)
	w.bytes(pad)
}

// bytes adds bytes to the round: a copy of few, a reference to many.
func (w *writer) bytes(b []byte) {
	switch {
	case len(b) == 0:
	case len(b) < copyBelow:
		start := len(w.scratch)
		w.scratch = append(w.scratch, b...)
		w.note(start)
	default:
		w.spans = append(w.spans, span{lent: b})
	}
}

// note adds what the scratch has from start on, to the last span if that ends there.
func (w *writer) note(start int) {
	if n := len(w.spans); n > 0 && w.spans[n-1].lent == nil {
		w.spans[n-1].to = len(w.scratch)
		return
	}
	w.spans = append(w.spans, span{from: start, to: len(w.scratch)})
}
