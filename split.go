package timely

import "github.com/timely-go/timely/internal/batch"

// Split sends the records for which f holds to yes, and the others to no. It is a stage.
func Split[T Timestamp[T], D any](s Stream[T, D], f func(D) bool) (yes, no Stream[T, D]) {
	m := &splitter[T, D]{named: newNamed(s, "Split"), f: f, pool: batch.Of[D](s.pools("Split"))}
	s.attach(m)
	return after(s, &m.yes), after(s, &m.no)
}

type splitter[T Timestamp[T], D any] struct {
	named
	f       func(D) bool
	yes, no tee[T, D]
	pool    *batch.Pool[D]
}

func (m *splitter[T, D]) push(at T, b *batch.Batch[D]) {
	m.enter()
	n := len(b.Records)
	no := roomFor(m.pool, n)
	yes := b
	if !b.Exclusive() {
		yes = roomFor(m.pool, n)
	}
	toYes, toNo := yes.Records[:n], no.Records[:n]
	ny, nn := 0, 0
	for _, r := range b.Records {
		if m.f(r) {
			toYes[ny] = r
			ny++
		} else {
			toNo[nn] = r
			nn++
		}
	}
	if yes == b {
		clear(toYes[ny:])
	} else {
		b.Release()
	}
	yes.Records, no.Records = toYes[:ny], toNo[:nn]
	m.yes.pushSome(at, yes)
	m.no.pushSome(at, no)
}
