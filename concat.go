package timely

import (
	"slices"

	"github.com/timely-go/timely/internal/batch"
)

// Concat brings streams together. Batches pass as they are; nothing is said about
// their order. A stream may be given several times. It is a stage.
func Concat[T Timestamp[T], D any](first Stream[T, D], more ...Stream[T, D]) Stream[T, D] {
	e := first.element("Concat")
	first.check(e)
	m := &concat[T, D]{}
	first.attach(m)
	var roots union[root[T]]
	var outs union[output]
	var loops union[*openLoop]
	gather := func(s Stream[T, D]) {
		roots.add(s.roots)
		outs.add(s.by.outs)
		loops.add(s.by.loops)
	}
	gather(first)
	for _, s := range more {
		s.usedIn(e, first.scope)
		s.attach(m)
		gather(s)
	}
	return newStream(first.scope, &m.out, roots.all, feeders{outs.all, loops.all})
}

// union is what several lists hold, each once, in the order of first appearance.
type union[E comparable] struct {
	all   []E
	lists int            // that were added
	known map[E]struct{} // what all holds, once it pays to know
}

// many lists, or many elements in one, make it worth while to keep a map.
const many = 16

// add adds a list that holds nothing twice.
func (u *union[E]) add(list []E) {
	if u.lists++; u.lists == 1 {
		u.all = slices.Clone(list)
		return
	}
	if u.known == nil && (u.lists >= many || len(list) >= many) {
		u.known = make(map[E]struct{}, len(u.all))
		for _, e := range u.all {
			u.known[e] = struct{}{}
		}
	}
	for _, e := range list {
		if u.has(e) {
			continue
		}
		u.all = append(u.all, e)
		if u.known != nil {
			u.known[e] = struct{}{}
		}
	}
}

func (u *union[E]) has(e E) bool {
	if u.known == nil {
		return slices.Contains(u.all, e)
	}
	_, is := u.known[e]
	return is
}

type concat[T Timestamp[T], D any] struct{ out tee[T, D] }

func (m *concat[T, D]) push(at T, b *batch.Batch[D]) { m.out.push(at, b) }
