package timely

import (
	"reflect"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
	"github.com/timely-go/timely/order"
)

// LoopVariable is where a loop comes round: what [LoopVariable.Connect] is given
// appears in the stream that [Feedback] returned with it, later by the delay.
type LoopVariable[T Timestamp[T], D any] struct {
	scope   Scope[T]
	element *engine.Element
	delay   T
	end     loopEnd[T]
	out     tee[T, D]
}

// loopEnd is what is known of a loop variable's stream until it is connected.
type loopEnd[T Timestamp[T]] struct {
	openLoop
	targets []progress.Location // that the stream feeds
	roots   []root[T]           // that feed the stream, once connected
}

// openLoop is a loop variable where its time is not known.
type openLoop struct {
	connected bool
	by        feeders // what pushes into it, once connected
	depth     int     // of its scope
}

func (l *loopEnd[T]) feeds(graph *progress.Tracker[T], to progress.Location) {
	if !l.connected {
		l.targets = append(l.targets, to)
	}
	for _, r := range l.roots {
		graph.Connect(r.at, to, r.summary)
	}
}

// Feedback returns the two ends of a cycle: a variable, to be connected to a
// stream, and the stream in which what that carries appears, later by delay. Every
// cycle must advance time: one that does not is refused when the dataflow is built.
// A variable that is never connected is refused, too.
//
// A feedback is an edge, not an operator: it costs nothing but a new time for each
// batch. Records for which that time overflows make the execution fail.
func Feedback[D any, T Timestamp[T]](s Scope[T], delay T) (*LoopVariable[T, D], Stream[T, D]) {
	e := s.element("Feedback")
	l := &LoopVariable[T, D]{scope: s, element: e, delay: delay}
	l.end.depth = s.in.depth
	s.in.flow.Note(e, "%v +%v", reflect.TypeFor[D](), delay)
	s.in.flow.OnClose(s.in.level, func() {
		if !l.end.connected {
			panic(callsite.Errorf(e.Site, "the loop variable of this Feedback was never connected"))
		}
	})
	return l, newStream(s, &l.out, []root[T]{{loop: &l.end}}, feeders{loops: []*openLoop{&l.end.openLoop}})
}

// Connect closes the cycle: what s carries goes round. A variable is connected once.
func (l *LoopVariable[T, D]) Connect(s Stream[T, D]) {
	e := l.scope.element("Connect")
	s.usedIn(e, l.scope)
	if l.end.connected {
		panic(callsite.Errorf(e.Site, "Connect: the loop variable was connected before; Concat the streams that go round"))
	}
	if s.by.include(&l.end.openLoop) {
		s = relayed(s, Pipeline, "Loop") // nothing but stages goes round: batches must wait somewhere
	}
	flow, graph := s.scope.in.flow, s.scope.in.graph
	for _, r := range s.roots {
		if r.loop == nil {
			l.through(e, r)
			continue
		}
		if !r.loop.connected { // its stream goes straight into another loop variable
			s = relayed(s, Pipeline, "Loop")
			l.end.roots = nil
			for _, r := range s.roots {
				l.through(e, r)
			}
			break
		}
		for _, r := range r.loop.roots {
			l.through(e, r)
		}
	}
	l.end.connected, l.end.by = true, s.by
	for _, to := range l.end.targets {
		l.end.feeds(graph, to)
		flow.Note(e, "-> %d", to)
	}
	s.attach(l)
}

// through records that a location feeds the loop's stream, later by the delay.
func (l *LoopVariable[T, D]) through(e *engine.Element, r root[T]) {
	summary, ok := r.summary.Plus(l.delay)
	if !ok {
		panic(callsite.Errorf(e.Site, "Connect: the delay %v overflows", l.delay))
	}
	l.end.roots = append(l.end.roots, root[T]{at: r.at, summary: summary})
	l.scope.in.flow.Note(e, "%d +%v", r.at, summary)
}

func (l *LoopVariable[T, D]) push(at T, b *batch.Batch[D]) {
	later, ok := at.Plus(l.delay)
	if !ok {
		l.scope.in.worker.engine.Current = l.element
		panic(callsite.Errorf(l.element.Site, "the loop has run out of times: %v and %v more is too large", at, l.delay))
	}
	w := l.scope.in.worker.engine
	feeding := w.Feeding
	w.Feeding = true
	l.out.push(later, b)
	w.Feeding = feeding
}

// Iterate runs body in a loop: what it returns as again goes round, a round later,
// and what it returns as done leaves. What body is given are the records of s, in
// round 0, and those that come round.
//
// A program cannot call Iterate to a depth that is known only when it runs: each
// level has a type of its own.
func Iterate[T Timestamp[T], D any](s Stream[T, D], body func(Stream[Loop[T], D]) (again, done Stream[Loop[T], D])) Stream[T, D] {
	s.mustBe("Iterate")
	var left Stream[T, D]
	Nested(s.scope, "Iterate", order.LoopRefinement[T](), func(inner Scope[Loop[T]]) {
		loop, cycle := Feedback[D](inner, Loop[T]{Inner: 1})
		again, done := body(Concat(Enter(s, inner), cycle))
		loop.Connect(again)
		left = Leave(done, s.scope)
	})
	return left
}
