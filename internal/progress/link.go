package progress

import "github.com/timely-go/timely/order"

// Link is a scope with times of type I inside one with times of type O: the one
// type that knows both. It is the Level of the scope inside.
//
// An input of the scope is a target of the parent and a source inside: the
// frontier at the one is the frontier at the other. An output is a target inside
// and a source of the parent: what the counts inside imply there is counted as
// capabilities at the other. What the frontiers at the inputs imply at the
// outputs is left out of that, and known to the parent as edges, or a scope would
// hold back its own inputs.
type Link[O order.Timestamp[O], I order.Timestamp[I]] struct {
	*Tracker[I] // the scope inside

	parent  *Tracker[O]
	by      order.Refinement[O, I]
	inputs  []boundary
	outputs []Location  // of the parent, by number
	told    []Change[O] // scratch
	frame   []Update[I] // scratch
}

// boundary is where an edge crosses into the scope.
type boundary struct{ outer, inner Location }

// Nest makes a scope inside the one that parent tracks.
func Nest[O order.Timestamp[O], I order.Timestamp[I]](parent *Tracker[O], by order.Refinement[O, I], changed func()) *Link[O, I] {
	return &Link[O, I]{Tracker: NewTracker[I](changed), parent: parent, by: by}
}

// Parent returns the tracker of the scope around.
func (l *Link[O, I]) Parent() *Tracker[O] { return l.parent }

// Refinement returns how the inner times extend the outer ones.
func (l *Link[O, I]) Refinement() order.Refinement[O, I] { return l.by }

// Input adds an input: a location of the parent where it begins, and one inside
// where it goes on.
func (l *Link[O, I]) Input() (outer, inner Location) {
	outer, inner = l.parent.AddPort(), l.AddPort()
	l.parent.ports[outer].kept = true
	l.ports[inner].fed = true
	l.inputs = append(l.inputs, boundary{outer, inner})
	return outer, inner
}

// Output adds an output: a location inside where it ends, and one of the parent
// where it goes on.
func (l *Link[O, I]) Output() (inner, outer Location) {
	inner, outer = l.AddPort(), l.parent.AddPort()
	l.parent.ports[outer].derived = true
	l.Tracker.outputs = append(l.Tracker.outputs, inner)
	l.outputs = append(l.outputs, outer)
	return inner, outer
}

// Seal ends the building of the scope, and tells the parent how times pass
// through it. The parent is sealed later.
func (l *Link[O, I]) Seal() error {
	if err := l.Tracker.Seal(); err != nil {
		return err
	}
	for _, in := range l.inputs {
		p := &l.ports[in.inner]
		for _, w := range p.outputs {
			l.parent.Connect(in.outer, l.outputs[w.to], l.by.Leave(w.summary))
		}
		p.outputs = nil
	}
	return nil
}

// Apply implements Level.
func (l *Link[O, I]) Apply() {
	l.applyOwn()
	l.told = l.told[:0]
	for _, r := range l.reports {
		l.told = append(l.told, Change[O]{Pointstamp[O]{l.outputs[r.output], l.by.Leave(r.time)}, r.delta})
	}
	l.reports = l.reports[:0]
	l.parent.apply(l.told)
}

// Propagate implements Level.
func (l *Link[O, I]) Propagate() {
	for _, in := range l.inputs {
		p := &l.parent.ports[in.outer]
		if len(p.moved) == 0 {
			continue
		}
		l.frame = l.frame[:0]
		for _, u := range p.moved {
			l.frame = append(l.frame, Update[I]{l.by.Enter(u.Time), u.Delta})
		}
		p.moved = p.moved[:0]
		l.imply(in.inner, l.frame)
	}
	l.propagate()
}
