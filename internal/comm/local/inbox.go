package local

import "sync"

// What a sender writes of an inbox its receiver reads, and the other way round: each line
// of the cache that they have between them has to come from the other core. All of an
// inbox is one, of 64 bytes.

// Queue is an inbox in which messages wait in order.
type Queue[M any] struct {
	mu      sync.Mutex
	waiting []M
	bell    Bell
}

// Send implements comm.Sender.
func (q *Queue[M]) Send(m M) {
	q.mu.Lock()
	first := len(q.waiting) == 0
	q.waiting = append(q.waiting, m)
	q.mu.Unlock()
	if first {
		q.bell.Ring()
	}
}

// Take returns what waits, and leaves empty, which is reused.
func (q *Queue[M]) Take(empty []M) []M {
	q.mu.Lock()
	taken := q.waiting
	q.waiting = empty[:0]
	q.mu.Unlock()
	return taken
}

// hear makes the owner look at what came before it opened the channel.
func (q *Queue[M]) hear() {
	q.mu.Lock()
	some := len(q.waiting) > 0
	q.mu.Unlock()
	if some {
		q.bell.Ring()
	}
}

// Sum is an inbox in which messages are added up while they wait.
type Sum[M any] struct {
	mu    sync.Mutex
	some  bool // something was added since the last Take
	sum   M
	bell  Bell
	merge func(into, from M)
}

// Send implements comm.Sender.
func (s *Sum[M]) Send(m M) {
	s.mu.Lock()
	s.merge(s.sum, m)
	first := !s.some
	s.some = true
	s.mu.Unlock()
	if first {
		s.bell.Ring()
	}
}

// Take returns the sum of what waits, and leaves empty. If nothing waits, it
// returns empty.
func (s *Sum[M]) Take(empty M) M {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.some {
		return empty
	}
	taken := s.sum
	s.sum, s.some = empty, false
	return taken
}

func (s *Sum[M]) hear() {
	s.mu.Lock()
	some := s.some
	s.mu.Unlock()
	if some {
		s.bell.Ring()
	}
}
