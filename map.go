package timely

import "github.com/timely-go/timely/internal/batch"

// Map makes of each record another. It works in place where the type stays the
// same and nobody else uses the batch. It is a stage: it runs in its producer's
// push and costs no queue, scheduling or progress.
func Map[T Timestamp[T], D, E any](s Stream[T, D], f func(D) E) Stream[T, E] {
	return staged[T, D, E](s, "Map", &mapStage[D, E]{f, newMapping[D, E](s.pools("Map"))})
}

// MapBatch makes of each record another, as [Map] does, with a loop of the program's
// own: f writes to out what it makes of in, record by record, and both are lent until
// it returns. They are as long as each other, and may be the same memory, so out[i] is
// written when in[i] has been read, and in[i+1] has not. A call of a function for each
// record costs a nanosecond or more, so this is for functions that do less than that.
func MapBatch[T Timestamp[T], D, E any](s Stream[T, D], f func(in []D, out []E)) Stream[T, E] {
	return staged[T, D, E](s, "MapBatch", &mapBatchStage[D, E]{f, newMapping[D, E](s.pools("MapBatch"))})
}

type mapStage[D, E any] struct {
	f func(D) E
	mapping[D, E]
}

func (m *mapStage[D, E]) apply(x any) any {
	b := x.(*batch.Batch[D])
	if m.inPlace(b) {
		mapTo(x.(*batch.Batch[E]).Records, b.Records, m.f)
		return x
	}
	out := m.outOf(b)
	mapTo(out.Records, b.Records, m.f)
	b.Release()
	return out
}

// mapTo writes to out what f makes of each of in, which may be the same memory. It goes
// on by four records: what it has to remember over the calls of f it stores and loads
// a quarter as often.
func mapTo[D, E any](out []E, in []D, f func(D) E) {
	for len(in) >= 4 && len(out) >= 4 {
		to, from := (*[4]E)(out), (*[4]D)(in)
		to[0] = f(from[0])
		to[1] = f(from[1])
		to[2] = f(from[2])
		to[3] = f(from[3])
		in, out = in[4:], out[4:]
	}
	for i, r := range in {
		out[i] = f(r)
	}
}

type mapBatchStage[D, E any] struct {
	f func(in []D, out []E)
	mapping[D, E]
}

func (m *mapBatchStage[D, E]) apply(x any) any {
	b := x.(*batch.Batch[D])
	if m.inPlace(b) {
		m.f(b.Records, x.(*batch.Batch[E]).Records)
		return x
	}
	out := m.outOf(b)
	m.f(b.Records, out.Records)
	b.Release()
	return out
}

// mapping is where what is made of records goes.
type mapping[D, E any] struct {
	pool *batch.Pool[E]
	same bool // D is E
}

func newMapping[D, E any](pools *batch.Pools) mapping[D, E] {
	_, same := any((*batch.Batch[D])(nil)).(*batch.Batch[E])
	return mapping[D, E]{batch.Of[E](pools), same}
}

// inPlace reports whether a batch may be mapped in place.
func (m *mapping[D, E]) inPlace(b *batch.Batch[D]) bool { return m.same && b.Exclusive() }

// outOf returns a batch as long as one that is not mapped in place.
func (m *mapping[D, E]) outOf(b *batch.Batch[D]) *batch.Batch[E] {
	out := roomFor(m.pool, len(b.Records))
	out.Records = out.Records[:len(b.Records)]
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
