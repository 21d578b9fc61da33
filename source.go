package timely

import (
	"fmt"
	"iter"
)

// Source adds an operator that sends what a sequence yields: records with times
// that do not go back. Each worker runs its own, so a program usually gives records
// to one of them, or each its share. It is paused in the middle of the sequence as
// often as needed, so the sequence may be infinite; but it must not block: what
// waits for the outside is a [Builder] with a [Waker], or a program that feeds an
// [Input]. It ends early when the execution is stopping.
func Source[T Timestamp[T], D any](s Scope[T], name string, records iter.Seq2[T, D]) Stream[T, D] {
	b := NewBuilder(s, name)
	b.op.mustBeGiven(records != nil, "a sequence")
	out, stream := AddOutput[D](b)
	at := b.Initial(out)
	begun := false
	b.Build(func() bool {
		if begun {
			return false
		}
		begun = true
		session := out.Session(at)
		for t, x := range records {
			if now := at.Time(); t != now {
				if !now.LessEqual(t) {
					panic(fmt.Errorf("timely: the sequence of %v yields time %v after %v; its times must not go back", b.op.node, t, now))
				}
				at.Downgrade(t)
				session = out.Session(at)
			}
			session.Send(x)
			if b.op.engine.Stopping() {
				break
			}
		}
		at.Drop()
		return false
	})
	return stream
}

// ToStream adds an operator that sends what a sequence yields, at the least time.
// What [Source] says of sequences holds.
func ToStream[T Timestamp[T], D any](s Scope[T], records iter.Seq[D]) Stream[T, D] {
	if records == nil {
		return Source[T, D](s, "ToStream", nil)
	}
	var least T
	return Source(s, "ToStream", func(yield func(T, D) bool) {
		for x := range records {
			if !yield(least, x) {
				return
			}
		}
	})
}
