package timely

import "github.com/timely-go/timely/internal/batch"

// Filter keeps the records for which keep holds. It works in place where nobody
// else uses the batch. It is a stage.
func Filter[T Timestamp[T], D any](s Stream[T, D], keep func(D) bool) Stream[T, D] {
	return staged[T, D, D](s, "Filter", &filterStage[D]{keep, batch.Of[D](s.pools("Filter"))})
}

type filterStage[D any] struct {
	keep func(D) bool
	pool *batch.Pool[D]
}

func (m *filterStage[D]) apply(x any) any {
	b := x.(*batch.Batch[D])
	out := b
	if !b.Exclusive() {
		out = roomFor(m.pool, len(b.Records))
	}
	to := out.Records[:len(b.Records)]
	n := 0
	for _, r := range b.Records {
		if m.keep(r) {
			to[n] = r
			n++
		}
	}
	if out == b {
		clear(to[n:])
	} else {
		b.Release()
	}
	out.Records = to[:n]
	if n == 0 {
		out.Release()
		return nil
	}
	return out
}
