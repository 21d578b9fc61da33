package timely

import "github.com/timely-go/timely/internal/batch"

// Concat brings streams together. Batches pass as they are; nothing is said about
// their order. A stream may be given several times. It is a stage.
func Concat[T Timestamp[T], D any](first Stream[T, D], more ...Stream[T, D]) Stream[T, D] {
	e := first.scope.element("Concat")
	first.check(e)
	m := &concat[T, D]{}
	first.attach(m)
	roots, by := append([]root[T](nil), first.roots...), first.by
	for _, s := range more {
		s.usedIn(e, first.scope)
		s.attach(m)
		for _, r := range s.roots {
			if !contains(roots, r) {
				roots = append(roots, r)
			}
		}
		by = by.union(s.by)
	}
	return newStream(first.scope, &m.out, roots, by)
}

func contains[T Timestamp[T]](roots []root[T], r root[T]) bool {
	for _, x := range roots {
		if x == r {
			return true
		}
	}
	return false
}

type concat[T Timestamp[T], D any] struct{ out tee[T, D] }

func (m *concat[T, D]) push(at T, b *batch.Batch[D]) { m.out.push(at, b) }
