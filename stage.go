package timely

import (
	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/engine"
)

// stage is an operator without a queue, a time or a place in the progress graph:
// it makes of one batch at most one, while its producer pushes. It keeps nothing
// from one batch to the next.
type stage interface {
	apply(b any) any // from *batch.Batch[D] to *batch.Batch[E]; nil: nothing is left
}

// staged attaches a stage to a stream.
func staged[T Timestamp[T], D, E any](s Stream[T, D], name string, st stage) Stream[T, E] {
	e := s.element(name)
	s.scope.in.flow.Note(e, "%T", st)
	s.check(e)
	l := &link[T, D, E]{stage: st, element: e}
	s.attach(l)
	return after(s, &l.out)
}

// link is a stage and what comes after it. When the dataflow is sealed, links
// that follow each other become a line.
type link[T Timestamp[T], D, E any] struct {
	stage   stage
	element *engine.Element
	out     tee[T, E]
}

func (l *link[T, D, E]) push(at T, b *batch.Batch[D]) {
	if out := l.stage.apply(b); out != nil {
		l.out.push(at, out.(*batch.Batch[E]))
	}
}

func (l *link[T, D, E]) step() step { return step{l.stage, l.element} }
func (l *link[T, D, E]) next() place[T] {
	return &l.out
}

// line runs consecutive stages: a loop, not nested calls. (1,000 maps of one
// record take 5 to 9 µs so, and about 30 µs as nested calls.)
type line[T Timestamp[T], D any] struct {
	engine *engine.Worker
	steps  []step
	end    place[T]
}

type step struct {
	stage   stage
	element *engine.Element
}

func (l *line[T, D]) push(at T, b *batch.Batch[D]) {
	var x any = b
	for i := range l.steps {
		s := &l.steps[i]
		l.engine.Current = s.element
		if x = s.stage.apply(x); x == nil {
			return
		}
	}
	l.end.pushAny(at, x)
}

// linked is a link whose record types are not known, and place a tee.
type linked[T Timestamp[T]] interface {
	step() step
	next() place[T]
}

type place[T Timestamp[T]] interface {
	pushAny(at T, b any)
	only() linked[T] // the link that is the only receiver, or nil
	join()           // notes that the place stands inside a line
}

func (t *tee[T, D]) pushAny(at T, b any) { t.push(at, b.(*batch.Batch[D])) }
func (t *tee[T, D]) join()               { t.inLine = true }
func (t *tee[T, D]) only() linked[T] {
	if len(t.to) != 1 {
		return nil
	}
	l, _ := t.to[0].(linked[T])
	return l
}

// compile turns the links that follow a place into lines. Places are compiled in
// the order of building, so a line is found at its beginning.
func (t *tee[T, D]) compile() {
	if t.inLine {
		return
	}
	for i, r := range t.to {
		if first, ok := r.(linked[T]); ok {
			t.to[i] = newLine[T, D](t.engine, first)
		}
	}
}

func newLine[T Timestamp[T], D any](w *engine.Worker, at linked[T]) *line[T, D] {
	l := &line[T, D]{engine: w}
	for {
		l.steps = append(l.steps, at.step())
		l.end = at.next()
		if at = l.end.only(); at == nil {
			return l
		}
		l.end.join()
	}
}

// named is a stage that is not part of a line, as it splits, multiplies, or needs
// the time of what it is given: a receiver with a name for panics.
type named struct {
	element *engine.Element
	engine  *engine.Worker
}

func newNamed[T Timestamp[T], D any](s Stream[T, D], name string) named {
	e := s.element(name)
	s.check(e)
	return named{e, s.scope.in.worker.engine}
}

// enter says whose code runs now.
func (n *named) enter() { n.engine.Current = n.element }
