package timely

import (
	"slices"

	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
	"github.com/timely-go/timely/order"
)

// Probe is how a program watches a dataflow: what may still appear at one place in
// it, at any worker. It belongs to the worker in whose dataflow it is. Records do
// not pass through it, and it costs nothing when nobody asks.
//
// Read inside an operator's turn, it wakes that operator when it next moves.
type Probe[T Timestamp[T]] struct {
	graph    *progress.Tracker[T]
	at       progress.Location
	flow     *engine.Dataflow
	waiting  []*engine.Node // to wake when it moves
	watching bool           // the tracker tells it when it moves
	asked    question       // that the program waits for an answer to
	until    T              // which the question is about
	step     uint64         // of the worker, before which it was
	moved    bool           // since, if it asked for anything
}

// question is what a program has asked a probe. It will ask again until the answer is
// no, and a Step need not go on after that.
type question int8

const (
	nothing   question = iota
	lessThan           // until
	lessEqual          // until
	more               // than none: is anything to come?
	anything           // it looks at the frontier, or has several questions
)

// NewProbe returns a probe that is at no place yet. Asking it panics.
func NewProbe[T Timestamp[T]]() *Probe[T] { return &Probe[T]{} }

// ProbeWith puts a probe at a stream, and returns the stream. A probe is at one
// place: a second ProbeWith panics.
func ProbeWith[T Timestamp[T], D any](s Stream[T, D], p *Probe[T]) Stream[T, D] {
	e := s.element("Probe")
	s.check(e)
	if p.graph != nil {
		panic(callsite.Errorf(e.Site, "ProbeWith a probe that is somewhere else already; make one for each place"))
	}
	p.graph, p.flow = s.scope.in.graph, s.scope.in.flow
	var zero T
	if r := s.roots[0]; len(s.roots) == 1 && r.loop == nil && r.summary == zero {
		p.at = r.at // there is nothing between: what may appear there may appear here
		return s
	}
	p.at = p.graph.AddPort()
	p.flow.Place(s.scope.in.level, p.at, e, "probe")
	s.feeds(e, p.at)
	return s
}

// LessThan reports whether a time before t may still appear.
func (p *Probe[T]) LessThan(t T) bool {
	less := p.frontier("LessThan").LessThan(t)
	return p.ask(lessThan, t, less)
}

// LessEqual reports whether t or a time before it may still appear.
func (p *Probe[T]) LessEqual(t T) bool {
	less := p.frontier("LessEqual").LessEqual(t)
	return p.ask(lessEqual, t, less)
}

// Done reports whether nothing may appear any more.
func (p *Probe[T]) Done() bool {
	some := !p.frontier("Done").Empty()
	return !p.ask(more, p.until, some)
}

// Frontier returns the least times that may still appear, lent until the next Step.
func (p *Probe[T]) Frontier() order.Antichain[T] {
	f := p.frontier("Frontier")
	p.ask(anything, p.until, !f.Empty())
	return f
}

// ask notes a question of the program whose answer is yes so far. It returns that.
func (p *Probe[T]) ask(q question, t T, yes bool) bool {
	w := p.flow.Worker()
	switch {
	case !yes || !p.flow.Sealed() || w.Running() != nil:
	case p.asked == nothing || p.step != w.Steps():
		p.asked, p.until, p.step = q, t, w.Steps()
		w.Ask(asker[T]{p})
	case p.asked != q || p.until != t:
		p.asked = anything
	}
	if p.asked == anything {
		p.watch()
		p.moved = false
	}
	return yes
}

// asker asks again what the program has asked.
type asker[T Timestamp[T]] struct{ p *Probe[T] }

// Answered implements engine.Question.
func (a asker[T]) Answered() bool {
	p := a.p
	if p.flow.Dropped() {
		return true
	}
	switch f := order.Lend(p.graph.Frontier(p.at)); p.asked {
	case lessThan:
		return !f.LessThan(p.until)
	case lessEqual:
		return !f.LessEqual(p.until)
	case more:
		return f.Empty()
	default:
		return p.moved
	}
}

func (p *Probe[T]) frontier(call string) order.Antichain[T] {
	if p.graph == nil {
		panic(callsite.Errorf(callsite.Caller(), "Probe.%s before ProbeWith", call))
	}
	if !p.flow.Sealed() {
		return order.Lend(make([]T, 1)) // nothing has run: anything may appear
	}
	if n := p.flow.Worker().Running(); n != nil && !slices.Contains(p.waiting, n) {
		p.watch()
		p.waiting = append(p.waiting, n)
	}
	if p.flow.Dropped() && !p.flow.Worker().Failing() {
		panic(callsite.Errorf(callsite.Caller(), "Probe.%s of a dataflow that was dropped", call))
	}
	return order.Lend(p.graph.Frontier(p.at))
}

// holds reports whether the place that the probe watches has not passed a time. It is
// for calls between turns.
func (p *Probe[T]) holds(t T) bool {
	if p.graph == nil || p.flow.Dropped() {
		return false
	}
	return !p.flow.Sealed() || order.Lend(p.graph.Frontier(p.at)).LessEqual(t)
}

// watch has the tracker tell when the probe moves.
func (p *Probe[T]) watch() {
	if !p.watching && !p.flow.Dropped() {
		p.watching = true
		p.graph.Watch(p.at, teller[T]{p})
	}
}

// teller tells those who have asked a probe that it moves.
type teller[T Timestamp[T]] struct{ p *Probe[T] }

// FrontierMoved implements progress.Watcher.
func (t teller[T]) FrontierMoved() {
	p := t.p
	p.moved = true
	for _, n := range p.waiting {
		n.Wake()
	}
	clear(p.waiting)
	p.waiting = p.waiting[:0]
}
