package commtest_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/comm/commtest"
)

// oneLock is the least fabric that keeps the promises: everything under one lock.
type oneLock struct {
	mu      sync.Mutex
	members []*member
	inboxes map[[2]int]*inbox // by member and channel
}

type member struct {
	*oneLock
	index    int
	ready    []int
	signal   bool
	signaled *sync.Cond
}

type inbox struct {
	of      *member
	channel int
	queue   []int
	sum     *commtest.Tally // nil: nothing waits
}

func join(_ *testing.T, peers int) (members []commtest.Member) {
	f := &oneLock{inboxes: make(map[[2]int]*inbox)}
	for i := range peers {
		m := &member{oneLock: f, index: i, signaled: sync.NewCond(&f.mu)}
		f.members = append(f.members, m)
		members = append(members, m)
	}
	return members
}

func (m *member) open(channel int) (all []*inbox) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, other := range m.members {
		if m.inboxes[[2]int{i, channel}] == nil {
			m.inboxes[[2]int{i, channel}] = &inbox{of: other, channel: channel}
		}
		all = append(all, m.inboxes[[2]int{i, channel}])
	}
	if own := all[m.index]; len(own.queue) > 0 || own.sum != nil {
		m.hear(channel)
	}
	return all
}

func (m *member) OpenQueue(channel int) (commtest.Queue, []comm.Sender[int]) {
	var to []comm.Sender[int]
	all := m.open(channel)
	for _, b := range all {
		to = append(to, (*queue)(b))
	}
	return (*queue)(all[m.index]), to
}

func (m *member) OpenSum(channel int) (commtest.Sum, []comm.Sender[*commtest.Tally]) {
	var to []comm.Sender[*commtest.Tally]
	all := m.open(channel)
	for _, b := range all {
		to = append(to, (*sum)(b))
	}
	return (*sum)(all[m.index]), to
}

func (m *member) hear(channel int) {
	m.ready = append(m.ready, channel)
	m.signal = true
	m.signaled.Signal()
}

func (m *member) Ready() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	ready := m.ready
	m.ready, m.signal = nil, false
	return ready
}

func (m *member) Park(limit time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	late := false
	if limit >= 0 {
		defer time.AfterFunc(limit, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			late = true
			m.signaled.Signal()
		}).Stop()
	}
	for !m.signal && !late {
		m.signaled.Wait()
	}
}

func (m *member) Signal() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signal = true
	m.signaled.Signal()
}

type queue inbox

func (q *queue) Send(x int) {
	q.of.mu.Lock()
	defer q.of.mu.Unlock()
	if q.queue = append(q.queue, x); len(q.queue) == 1 {
		q.of.hear(q.channel)
	}
}

func (q *queue) Take([]int) []int {
	q.of.mu.Lock()
	defer q.of.mu.Unlock()
	taken := slices.Clone(q.queue)
	q.queue = nil
	return taken
}

type sum inbox

func (s *sum) Send(t *commtest.Tally) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.sum == nil {
		s.sum = commtest.NewTally()
		s.of.hear(s.channel)
	}
	s.sum.Add(t)
}

func (s *sum) Take(empty *commtest.Tally) *commtest.Tally {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.sum == nil {
		return empty
	}
	taken := s.sum
	s.sum = nil
	return taken
}

// TestRun has the suite accept a fabric that is obviously right.
func TestRun(t *testing.T) { commtest.Run(t, join) }
