package timely

import (
	"fmt"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
)

// Partition splits a stream into parts: part says, for each record, which from 0
// to parts-1. It is a stage.
func Partition[T Timestamp[T], D any](s Stream[T, D], parts int, part func(D) int) []Stream[T, D] {
	m := &partitioner[T, D]{named: newNamed(s, "Partition"), part: part, pool: batch.Of[D](s.pools("Partition"))}
	if parts < 1 {
		panic(callsite.Errorf(m.element.Site, "Partition into %d parts; there must be one at least", parts))
	}
	s.scope.in.flow.Note(m.element, "%d parts", parts)
	s.attach(m)
	m.out = make([]tee[T, D], parts)
	streams := make([]Stream[T, D], parts)
	for i := range streams {
		streams[i] = after(s, &m.out[i])
	}
	return streams
}

type partitioner[T Timestamp[T], D any] struct {
	named
	part func(D) int
	out  []tee[T, D]
	pool *batch.Pool[D]
	free [][]*batch.Batch[D] // scratch for pushes, of which several may be under way
}

func (m *partitioner[T, D]) push(at T, b *batch.Batch[D]) {
	m.enter()
	var open []*batch.Batch[D]
	if n := len(m.free); n > 0 {
		open, m.free = m.free[n-1], m.free[:n-1]
	} else {
		open = make([]*batch.Batch[D], len(m.out))
	}
	for i, r := range b.Records {
		k := m.part(r)
		if k < 0 || k >= len(m.out) {
			panic(fmt.Errorf("the function of Partition returned %d; there are %d parts", k, len(m.out)))
		}
		to := open[k]
		if to == nil || len(to.Records) == cap(to.Records) {
			if to != nil {
				m.out[k].push(at, to)
				m.enter()
			}
			to = m.pool.Get(len(b.Records) - i)
			open[k] = to
		}
		to.Records = append(to.Records, r)
	}
	b.Release()
	for k, to := range open {
		if open[k] = nil; to != nil {
			m.out[k].push(at, to)
		}
	}
	m.free = append(m.free, open)
}
