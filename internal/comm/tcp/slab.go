package tcp

import (
	"sync"
	"sync/atomic"
)

const (
	slabSize  = 256 << 10 // holds a frame of any size
	maxUnused = 8         // slabs that a connection keeps for later
)

// slab is memory that bytes are read into, and which frames are views of.
type slab struct {
	bytes []byte       // begins at a multiple of align
	refs  atomic.Int32 // the reader's while it reads into it, and one for each frame handed out
	pool  *slabs       // where it goes when there are none; nil if nowhere
}

func (s *slab) release() {
	switch left := s.refs.Add(-1); {
	case left < 0:
		panic("comm/tcp: a frame was released twice")
	case left == 0 && s.pool != nil:
		s.pool.put(s)
	}
}

// slabs are the unused ones of a connection.
type slabs struct {
	mu     sync.Mutex
	unused []*slab
}

// take returns a slab with one reference.
func (p *slabs) take() *slab {
	s := p.pop()
	if s == nil {
		s = &slab{bytes: make([]byte, slabSize), pool: p}
	}
	s.refs.Store(1)
	return s
}

func (p *slabs) pop() *slab {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.unused)
	if n == 0 {
		return nil
	}
	s := p.unused[n-1]
	p.unused[n-1] = nil
	p.unused = p.unused[:n-1]
	return s
}

func (p *slabs) put(s *slab) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.unused) < maxUnused {
		p.unused = append(p.unused, s)
	}
}

// Frame is a message that has arrived.
type Frame struct {
	Peer     int // the process that sent it
	Kind     Kind
	Channel  uint32
	From, To uint32 // workers, counted through all processes
	Payload  []byte // valid until Release, and begins at a multiple of 8; not to be changed

	slab *slab
}

// Release gives the payload's memory back. It is called once, by any goroutine.
func (f Frame) Release() { f.slab.release() }
