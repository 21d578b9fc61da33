package progress

import (
	"fmt"

	"github.com/timely-go/timely/order"
)

// This file holds scopes whose times are erased, so that one test can make any
// nest of them.

// instant is a time of any scope: its coordinates from the outside in, zero where
// it has none. The partial order is that of Product.
type instant [4]uint64

// scope is a Level whose times are instants.
type scope interface {
	Level
	AddPort() Location
	Connect(from, to Location, summary instant)
	Watch(Location, Watcher)
	Update(at Location, t instant, d int64)
	Assume(at Location, t instant, d int64)
	Frontier(at Location) []instant
	MayArrive(at Location, t instant) bool
	Show(at Location) string // the frontier in words
	Note(part Part, at Location, t instant, d int64)
	Seal() error

	depth() int // coordinates of a time
	loop(changed func()) scope
	region(changed func()) scope
	input() (outer, inner Location)
	output() (inner, outer Location)
}

// coding is what a scope knows of its times.
type coding[T order.Timestamp[T]] struct {
	coordinates int
	encode      func(instant) T
	decode      func(T) instant
}

// erased is a scope with times T.
type erased[T order.Timestamp[T]] struct {
	Level
	tracker *Tracker[T]
	coding  coding[T]
	inside  func(e *erased[T], changed func()) scope // makes a loop in e
	link    linker                                   // nil for the root
}

// linker is a Link, whatever its times.
type linker interface {
	Level
	Input() (outer, inner Location)
	Output() (inner, outer Location)
	Seal() error
}

func (e *erased[T]) AddPort() Location               { return e.tracker.AddPort() }
func (e *erased[T]) Watch(at Location, w Watcher)    { e.tracker.Watch(at, w) }
func (e *erased[T]) depth() int                      { return e.coding.coordinates }
func (e *erased[T]) input() (outer, inner Location)  { return e.link.Input() }
func (e *erased[T]) output() (inner, outer Location) { return e.link.Output() }
func (e *erased[T]) loop(changed func()) scope       { return e.inside(e, changed) }

func (e *erased[T]) Connect(from, to Location, summary instant) {
	e.tracker.Connect(from, to, e.coding.encode(summary))
}

func (e *erased[T]) Update(at Location, t instant, d int64) {
	e.tracker.Update(at, e.coding.encode(t), d)
}

func (e *erased[T]) Assume(at Location, t instant, d int64) {
	e.tracker.Assume(at, e.coding.encode(t), d)
}

func (e *erased[T]) Note(part Part, at Location, t instant, d int64) {
	part.(*Changes[T]).Update(at, e.coding.encode(t), d)
}

func (e *erased[T]) Frontier(at Location) []instant {
	var frontier []instant
	for _, t := range e.tracker.Frontier(at) {
		frontier = append(frontier, e.coding.decode(t))
	}
	return frontier
}

func (e *erased[T]) MayArrive(at Location, t instant) bool {
	return e.tracker.MayArrive(at, e.coding.encode(t))
}

func (e *erased[T]) Show(at Location) string {
	return order.Lend(e.tracker.Frontier(at)).String()
}

func (e *erased[T]) Seal() error {
	if e.link != nil {
		return e.link.Seal()
	}
	return e.tracker.Seal()
}

func (e *erased[T]) region(changed func()) scope {
	l := Nest(e.tracker, order.Same[T](), changed)
	return &erased[T]{l, l.Tracker, e.coding, e.inside, l}
}

// loopIn returns a maker of loops in scopes with times T. It cannot be a method:
// it would have infinitely many instances.
func loopIn[T order.Timestamp[T]](inside func(*erased[order.Loop[T]], func()) scope) func(*erased[T], func()) scope {
	return func(e *erased[T], changed func()) scope {
		l := Nest(e.tracker, order.LoopRefinement[T](), changed)
		return &erased[order.Loop[T]]{l, l.Tracker, loopCoding(e.coding), inside, l}
	}
}

func loopCoding[T order.Timestamp[T]](outer coding[T]) coding[order.Loop[T]] {
	last := outer.coordinates
	return coding[order.Loop[T]]{
		coordinates: last + 1,
		encode: func(t instant) order.Loop[T] {
			return order.Loop[T]{Outer: outer.encode(t), Inner: order.Epoch(t[last])}
		},
		decode: func(t order.Loop[T]) instant {
			at := outer.decode(t.Outer)
			at[last] = uint64(t.Inner)
			return at
		},
	}
}

type (
	epoch = order.Epoch
	loop1 = order.Loop[epoch]
	loop2 = order.Loop[loop1]
)

var epochCoding = coding[epoch]{
	coordinates: 1,
	encode:      func(t instant) epoch { return epoch(t[0]) },
	decode:      func(t epoch) instant { return instant{uint64(t)} },
}

func tooDeep[T order.Timestamp[T]](*erased[T], func()) scope {
	panic("loops of a time with three coordinates are not made")
}

func epochRoot(changed func()) scope {
	k := NewTracker[epoch](changed)
	return &erased[epoch]{Root[epoch]{k}, k, epochCoding, loopIn(loopIn(tooDeep[loop2])), nil}
}

// pairRoot is a root whose times are partially ordered.
func pairRoot(changed func()) scope {
	k := NewTracker[pair](changed)
	return &erased[pair]{Root[pair]{k}, k, loopCoding(epochCoding), loopIn(tooDeep[loop2]), nil}
}

// dataflow is a nest of scopes.
type dataflow struct {
	scopes  []scope // parents before what is inside them
	levels  []Level
	changed int // how often it was told that there is something to settle
}

func newDataflow(root func(func()) scope) *dataflow {
	d := &dataflow{}
	d.add(root(d.touch))
	return d
}

func (d *dataflow) touch() { d.changed++ }

func (d *dataflow) add(s scope) scope {
	d.scopes = append(d.scopes, s)
	d.levels = append(d.levels, s)
	return s
}

// seal seals all scopes, from the inside out.
func (d *dataflow) seal() error {
	for i := len(d.scopes) - 1; i >= 0; i-- {
		if err := d.scopes[i].Seal(); err != nil {
			return fmt.Errorf("scope %d: %w", i, err)
		}
	}
	return nil
}
