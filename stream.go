package timely

import (
	"slices"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/progress"
)

// Stream is batches of D at times T, from one place in a dataflow. It may be used
// any number of times: all that consume it share its batches, and nothing is copied.
type Stream[T Timestamp[T], D any] struct {
	scope Scope[T]
	tee   *tee[T, D]
	roots []root[T]
	by    feeders

	number int // of those that the fingerprint of the dataflow knows
}

// Scope returns the scope in which the stream is.
func (s Stream[T, D]) Scope() Scope[T] { return s.scope }

// root is a location that feeds a stream, and how much later it does.
type root[T Timestamp[T]] struct {
	at      progress.Location
	summary T
	loop    *loopEnd[T] // instead: a loop variable that was not yet connected
}

func rootedAt[T Timestamp[T]](at progress.Location) []root[T] { return []root[T]{{at: at}} }

// feeders are what pushes into a stream.
type feeders struct {
	outs  []output    // outputs of the nodes in whose turns it happens
	loops []*openLoop // loop variables that feed it with no queue between, not yet connected when the stream was made
}

// output is one output of a node. A node that is paused while it pushes at one of
// its outputs first ships what it has for the others.
type output struct {
	node   *engine.Node
	number int32
}

// several reports whether a push may meet one that is paused in the stream.
func (f feeders) several() bool { return len(f.outs)+2*len(f.loops) > 1 }

// each tells every node that pushes into the stream, and how deep the scope is of
// the outermost loop variable through which it does: engine.Edge.From.
func (f feeders) each(tell func(n *engine.Node, depth int)) {
	for _, o := range f.outs {
		tell(o.node, engine.NotFed)
	}
	for _, l := range f.loops {
		l.by.each(func(n *engine.Node, depth int) {
			if depth == engine.NotFed || l.depth < depth {
				depth = l.depth
			}
			tell(n, depth)
		})
	}
}

// include reports whether a loop variable pushes into the stream, through others
// perhaps.
func (f feeders) include(l *openLoop) bool {
	return slices.ContainsFunc(f.loops, func(other *openLoop) bool { return other == l || other.by.include(l) })
}

// newStream returns a stream of what is pushed into out.
func newStream[T Timestamp[T], D any](s Scope[T], out *tee[T, D], roots []root[T], by feeders) Stream[T, D] {
	out.engine = s.in.worker.engine
	s.in.flow.OnSeal(out.compile)
	return Stream[T, D]{s, out, roots, by, s.in.flow.NumberStream()}
}

// after returns a stream of what a stage makes of s.
func after[T Timestamp[T], D, E any](s Stream[T, D], out *tee[T, E]) Stream[T, E] {
	return newStream(s.scope, out, s.roots, s.by)
}

// observed returns what a stage passes on that only looks: to the fingerprint it is s.
func observed[T Timestamp[T], D any](s Stream[T, D], out *tee[T, D]) Stream[T, D] {
	out.engine = s.scope.in.worker.engine
	s.scope.in.flow.OnSeal(out.compile)
	return Stream[T, D]{s.scope, out, s.roots, s.by, s.number}
}

// ofNode returns the stream of a node's output, by number.
func ofNode[T Timestamp[T], D any](s Scope[T], n *engine.Node, number int32, out *tee[T, D], at progress.Location) Stream[T, D] {
	return newStream(s, out, rootedAt[T](at), feeders{outs: []output{{n, number}}})
}

// mustBe panics if the stream is a zero one.
func (s Stream[T, D]) mustBe(user string) {
	if s.tee == nil {
		panic(callsite.Errorf(callsite.Caller(), "%s of a zero Stream; a stream comes from an Input, a source or an operator", user))
	}
}

// element makes a name for an operator or stage that takes the stream.
func (s Stream[T, D]) element(name string) *engine.Element {
	s.mustBe(name)
	e := s.scope.element(name)
	s.noteIn(e)
	return e
}

// noteIn notes for the fingerprint that an element takes the stream.
func (s Stream[T, D]) noteIn(e *engine.Element) { s.scope.in.flow.Note(e, "of stream %d", s.number) }

// observer makes one for a stage that only looks.
func (s Stream[T, D]) observer(name string) *engine.Element {
	s.mustBe(name)
	return s.scope.observer(name)
}

// pools returns where an operator or stage that takes the stream gets its buffers.
func (s Stream[T, D]) pools(user string) *batch.Pools {
	s.mustBe(user)
	return &s.scope.in.worker.engine.Pools
}

// check panics if the stream cannot be used by an element.
func (s Stream[T, D]) check(e *engine.Element) {
	s.mustBe(e.Name)
	if s.scope.in.flow.Sealed() {
		panic(callsite.Errorf(e.Site, "%s of a stream whose dataflow was built before; what leaves a dataflow goes through an operator and an Input", e.Name))
	}
}

// usedIn panics unless the stream belongs to the scope of an element.
func (s Stream[T, D]) usedIn(e *engine.Element, scope Scope[T]) {
	s.check(e)
	s.noteIn(e)
	if s.scope.in != scope.in {
		panic(callsite.Errorf(e.Site, "%s of streams of different scopes%s; Enter or Leave one of them first", e.Name, describePaths(s.scope.path, scope.path)))
	}
}

func describePaths(a, b string) string {
	if a == b {
		return ""
	}
	return " (" + nonEmpty(a) + " and " + nonEmpty(b) + ")"
}

func nonEmpty(path string) string {
	if path == "" {
		return "the outermost"
	}
	return path
}

// attach has r receive what the stream carries.
func (s Stream[T, D]) attach(r receiver[T, D]) { s.tee.to = append(s.tee.to, r) }

// feeds records in the graph that what the stream carries arrives at a location,
// and notes it for the fingerprint.
func (s Stream[T, D]) feeds(e *engine.Element, to progress.Location) {
	graph, flow := s.scope.in.graph, s.scope.in.flow
	for _, r := range s.roots {
		if r.loop != nil {
			r.loop.feeds(graph, to)
			flow.Note(e, "loop -> %d", to)
		} else {
			graph.Connect(r.at, to, r.summary)
			flow.Note(e, "%d -> %d +%v", r.at, to, r.summary)
		}
	}
}

// receiver takes over one reference to each batch that is pushed into it.
type receiver[T Timestamp[T], D any] interface {
	push(at T, b *batch.Batch[D])
}

// tee passes batches on to all receivers of a stream. It holds a reference for
// each receiver not yet served, so only the last may see itself alone.
type tee[T Timestamp[T], D any] struct {
	to     []receiver[T, D]
	engine *engine.Worker
	inLine bool // it stands inside a line, which passes batches on in its place
}

func (t *tee[T, D]) push(at T, b *batch.Batch[D]) {
	switch len(t.to) {
	case 1:
		t.to[0].push(at, b)
	case 0:
		b.Release()
	default:
		b.Share(len(t.to) - 1)
		for _, r := range t.to {
			r.push(at, b)
		}
	}
}

// pushSome pushes a batch unless it is empty.
func (t *tee[T, D]) pushSome(at T, b *batch.Batch[D]) {
	if len(b.Records) == 0 {
		b.Release()
		return
	}
	t.push(at, b)
}
