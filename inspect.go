package timely

import "github.com/timely-go/timely/internal/batch"

// Inspect calls f for each record, and passes it on. It is a stage.
func Inspect[T Timestamp[T], D any](s Stream[T, D], f func(D)) Stream[T, D] {
	e := s.observer("Inspect")
	s.check(e)
	l := &link[T, D, D]{stage: &inspectStage[D]{f}, element: e}
	s.attach(l)
	return observed(s, &l.out)
}

type inspectStage[D any] struct{ f func(D) }

func (m *inspectStage[D]) apply(x any) any {
	for _, r := range x.(*batch.Batch[D]).Records {
		m.f(r)
	}
	return x
}

// InspectTime calls f for each record with its time, and passes it on.
func InspectTime[T Timestamp[T], D any](s Stream[T, D], f func(T, D)) Stream[T, D] {
	return inspectBatch(s, "InspectTime", func(at T, records []D) {
		for _, r := range records {
			f(at, r)
		}
	})
}

// InspectBatch calls f for each batch, and passes it on. The records are lent
// until f returns, and read-only.
func InspectBatch[T Timestamp[T], D any](s Stream[T, D], f func(at T, records []D)) Stream[T, D] {
	return inspectBatch(s, "InspectBatch", f)
}

func inspectBatch[T Timestamp[T], D any](s Stream[T, D], name string, f func(T, []D)) Stream[T, D] {
	e := s.observer(name)
	s.check(e)
	m := &timeInspector[T, D]{named: named{e, s.scope.in.worker.engine}, f: f}
	s.attach(m)
	return observed(s, &m.out)
}

// timeInspector needs the time of a batch, which a line of stages does not know.
type timeInspector[T Timestamp[T], D any] struct {
	named
	f   func(T, []D)
	out tee[T, D]
}

func (m *timeInspector[T, D]) push(at T, b *batch.Batch[D]) {
	m.enter()
	m.f(at, b.Records)
	m.out.push(at, b)
}
