package local

import "sync"

// Queue is an inbox in which messages wait in order.
type Queue[M any] struct {
	end     *End
	channel int

	mu      sync.Mutex
	waiting []M
}

// Send implements comm.Sender.
func (q *Queue[M]) Send(m M) {
	q.mu.Lock()
	first := len(q.waiting) == 0
	q.waiting = append(q.waiting, m)
	q.mu.Unlock()
	if first {
		q.end.Notify(q.channel)
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
		q.end.Notify(q.channel)
	}
}

// Sum is an inbox in which messages are added up while they wait.
type Sum[M any] struct {
	end     *End
	channel int
	merge   func(into, from M)

	mu   sync.Mutex
	sum  M
	some bool // something was added since the last Take
}

// Send implements comm.Sender.
func (s *Sum[M]) Send(m M) {
	s.mu.Lock()
	s.merge(s.sum, m)
	first := !s.some
	s.some = true
	s.mu.Unlock()
	if first {
		s.end.Notify(s.channel)
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
		s.end.Notify(s.channel)
	}
}
