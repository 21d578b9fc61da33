package timely

import "github.com/timely-go/timely/internal/batch"

// Map makes of each record another. It works in place where the type stays the
// same and nobody else uses the batch. It is a stage: it runs in its producer's
// push and costs no queue, scheduling or progress.
func Map[T Timestamp[T], D, E any](s Stream[T, D], f func(D) E) Stream[T, E] {
	m := &mapStage[D, E]{f: f, pool: batch.Of[E](s.pools("Map"))}
	_, m.same = any((*batch.Batch[D])(nil)).(*batch.Batch[E])
	return staged[T, D, E](s, "Map", m)
}

type mapStage[D, E any] struct {
	f    func(D) E
	pool *batch.Pool[E]
	same bool // D is E
}

func (m *mapStage[D, E]) apply(x any) any {
	b := x.(*batch.Batch[D])
	f := m.f
	if m.same && b.Exclusive() {
		to := x.(*batch.Batch[E]).Records
		for i, r := range b.Records {
			to[i] = f(r)
		}
		return x
	}
	out := roomFor(m.pool, len(b.Records))
	to := out.Records[:len(b.Records)]
	for i, r := range b.Records {
		to[i] = f(r)
	}
	out.Records = to
	b.Release()
	return out
}

// MapInPlace changes each record. What a record points to may be shared and must
// not be changed. The batch is copied first if others use it, too. It is a stage.
func MapInPlace[T Timestamp[T], D any](s Stream[T, D], f func(*D)) Stream[T, D] {
	m := &mapInPlaceStage[D]{f: f, pool: batch.Of[D](s.pools("MapInPlace"))}
	return staged[T, D, D](s, "MapInPlace", m)
}

type mapInPlaceStage[D any] struct {
	f    func(*D)
	pool *batch.Pool[D]
}

func (m *mapInPlaceStage[D]) apply(x any) any {
	b := x.(*batch.Batch[D])
	if !b.Exclusive() {
		own := m.pool.Get(len(b.Records))
		own.Records = append(own.Records, b.Records...)
		b.Release()
		b = own
	}
	for i := range b.Records {
		m.f(&b.Records[i])
	}
	return b
}

// roomFor returns an empty batch with room for n records, which may be more than a
// buffer holds: those of a batch whose records were smaller before a Map.
func roomFor[D any](p *batch.Pool[D], n int) *batch.Batch[D] {
	b := p.Get(n)
	if cap(b.Records) < n {
		b.Records = make([]D, 0, n)
	}
	return b
}
