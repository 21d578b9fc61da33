package timely

import (
	"reflect"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
	"github.com/timely-go/timely/order"
)

// Timestamp is satisfied by logical times: see [order.Timestamp].
type Timestamp[T order.Timestamp[T]] = order.Timestamp[T]

// Epoch is a counter used as a time: outside a loop an epoch, inside a loop a round.
type Epoch = order.Epoch

// Loop is the time inside a loop: the outer time and the round.
type Loop[T Timestamp[T]] = order.Product[T, Epoch]

// Scope is a graph with a time of its own: an outermost one ([Dataflow]), one
// inside another ([Nested], [Iterate]), or a named part of one ([Region]). It is
// only good while it is being built.
type Scope[T Timestamp[T]] struct {
	in   *scope[T]
	path string // the scopes and regions around, outermost first
}

// scope is what regions of one scope share.
type scope[T Timestamp[T]] struct {
	worker *Worker
	flow   *engine.Dataflow
	graph  *progress.Tracker[T]
	level  int  // its number in flow
	depth  int  // how many scopes are around it
	link   any  // *progress.Link[O, T], with the outer scope's time; nil in an outermost scope
	closed bool // its building has ended
}

// Worker returns the worker that builds the scope.
func (s Scope[T]) Worker() *Worker { return s.in.worker }

// element makes what reports and panics call an operator or stage of the scope,
// and notes it for the fingerprint.
func (s Scope[T]) element(name string) *engine.Element {
	e := s.observer(name)
	s.in.flow.Note(e, "at level %d with times of %v", s.in.level, reflect.TypeFor[T]())
	return e
}

// observer makes the element of a stage that only looks, which the fingerprint
// leaves out: one worker may have it.
func (s Scope[T]) observer(name string) *engine.Element {
	e := &engine.Element{Name: name, Site: callsite.Caller(), Path: s.path}
	s.mustBeOpen(e)
	return e
}

func (s Scope[T]) mustBeOpen(e *engine.Element) {
	if s.in == nil {
		panic(callsite.Errorf(e.Site, "%s in a zero Scope; a scope comes from Dataflow, Region, Nested or Iterate", e.Name))
	}
	if s.in.closed {
		panic(callsite.Errorf(e.Site, "%s in a scope whose building has ended; build operators inside the function given to Dataflow, Region, Nested or Iterate", e.Name))
	}
}

// Installed is a dataflow that was built.
type Installed struct{ flow *engine.Dataflow }

// Drop ends the dataflow at this worker, at once: operators paused in the middle
// are unwound, records under way are discarded, and the peers are told nothing
// more. The dataflow's probes panic when used from then on, and so do inputs that
// feed no other. Every worker should drop it; where one does not, its frontiers
// stay. Dropping a complete or dropped dataflow does nothing.
func (i *Installed) Drop() { i.flow.Drop() }

// Done reports whether the dataflow is complete: nothing will happen in it any
// more, at any worker.
func (i *Installed) Done() bool { return i.flow.Complete() }

// Dataflow builds a dataflow with times of type T at this worker. Every worker
// builds the same dataflows in the same order, and one that does not makes
// Execute fail. Nothing runs before the next Step.
//
// Dataflows may be added while others run, but not from inside an operator.
func Dataflow[T Timestamp[T]](w *Worker, build func(Scope[T])) *Installed {
	site := callsite.Caller()
	var s *scope[T]
	flow := w.engine.Build(site, func(f *engine.Dataflow) {
		graph := progress.NewTracker[T](f.Changed)
		s = &scope[T]{worker: w, flow: f, graph: graph, level: f.AddLevel(progress.Root[T]{Tracker: graph})}
		build(Scope[T]{in: s})
		s.closed = true
		f.Close(s.level)
		f.CheckCycle(s.level, graph.Seal())
	})
	return &Installed{flow}
}

// Region groups operators under a name. It has the time of its parent, whose
// streams it takes directly, and costs nothing when it runs.
func Region[T Timestamp[T]](s Scope[T], name string, build func(Scope[T])) {
	s.element("Region " + name)
	build(Scope[T]{in: s.in, path: s.path + "/" + name})
}

// Nested builds a scope whose times refine those of s. Streams go in and out by
// [Enter] and [Leave], which are used inside build.
func Nested[O Timestamp[O], I Timestamp[I]](s Scope[O], name string, by order.Refinement[O, I], build func(Scope[I])) {
	e := s.element("Nested " + name)
	if by.Enter == nil || by.Leave == nil {
		panic(callsite.Errorf(e.Site, "Nested %s: a Refinement needs both Enter and Leave", name))
	}
	flow := s.in.flow
	link := progress.Nest(s.in.graph, by, flow.Changed)
	inner := &scope[I]{worker: s.in.worker, flow: flow, graph: link.Tracker, level: flow.AddLevel(link), depth: s.in.depth + 1, link: link}
	build(Scope[I]{in: inner, path: s.path + "/" + name})
	inner.closed = true
	flow.Close(inner.level)
	flow.CheckCycle(inner.level, link.Seal())
}

// Enter brings a stream into a scope inside its own. Records keep their time,
// refined by the scope's Enter. It costs nothing a record.
func Enter[O Timestamp[O], I Timestamp[I], D any](s Stream[O, D], into Scope[I]) Stream[I, D] {
	e := into.element("Enter")
	s.check(e)
	s.noteIn(e)
	link, ok := into.in.link.(*progress.Link[O, I])
	if !ok || link.Parent() != s.scope.in.graph {
		panic(callsite.Errorf(e.Site, "Enter: the scope is not directly inside the stream's scope"))
	}
	outer, inner := link.Input()
	flow := into.in.flow
	flow.Place(s.scope.in.level, outer, e, "entrance")
	flow.Place(into.in.level, inner, e, "entrance")
	s.feeds(e, outer)
	r := &retimed[O, I, D]{to: link.Refinement().Enter}
	s.attach(r)
	return newStream(into, &r.out, rootedAt[I](inner), s.by)
}

// Leave brings a stream out of a scope into the one around it.
func Leave[I Timestamp[I], O Timestamp[O], D any](s Stream[I, D], to Scope[O]) Stream[O, D] {
	e := to.element("Leave")
	s.check(e)
	s.noteIn(e)
	link, ok := s.scope.in.link.(*progress.Link[O, I])
	if !ok || link.Parent() != to.in.graph {
		panic(callsite.Errorf(e.Site, "Leave: the stream's scope is not directly inside the scope"))
	}
	if s.scope.in.closed {
		panic(callsite.Errorf(e.Site, "Leave: the building of the stream's scope has ended; use Leave inside the function that builds it"))
	}
	inner, outer := link.Output()
	flow := to.in.flow
	flow.Place(s.scope.in.level, inner, e, "exit")
	flow.Place(to.in.level, outer, e, "exit")
	s.feeds(e, inner)
	r := &retimed[I, O, D]{to: link.Refinement().Leave}
	s.attach(r)
	return newStream(to, &r.out, rootedAt[O](outer), s.by)
}

// retimed is a receiver that passes batches on under another scope's time.
type retimed[A Timestamp[A], B Timestamp[B], D any] struct {
	to  func(A) B
	out tee[B, D]
}

func (r *retimed[A, B, D]) push(at A, b *batch.Batch[D]) { r.out.push(r.to(at), b) }
