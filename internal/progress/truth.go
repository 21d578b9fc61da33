package progress

import (
	"fmt"
	"slices"

	"github.com/timely-go/timely/order"
)

// Truth is what all workers of a dataflow have done together: the counts that each
// worker's view lags behind. Only somebody who sees all workers at one moment knows
// it, so it is for simulations, which check the invariants of the protocol (see
// package model) with it.
//
// It is a view itself: that of an observer whom everything is told at once. So
// what is not known to the observer any more is true no more, and what holds of
// any view must hold of this one.
type Truth struct {
	levels []Level
	told   *Message // what is counted
	view   *View    // of the observer
	now    *Message // what Now returned last
}

// NewTruth returns what is counted before any worker has done anything.
func NewTruth(levels []Level) *Truth {
	t := &Truth{}
	twins := make(map[any]any)
	for _, l := range levels {
		t.levels = append(t.levels, l.twin(twins))
	}
	Settle(t.levels)
	t.view = NewView(t.levels)
	t.told, t.now = t.view.told, NewMessage(t.levels)
	return t
}

// Add adds what a worker did. It is called before that is settled. An error says
// that the worker had no right to it, or that the observer's view is wrong.
func (t *Truth) Add(own *Message) error {
	if err := t.view.Hear(own); err != nil {
		return fmt.Errorf("what the worker did: %w", err)
	}
	for i, l := range t.levels {
		l.Accept(own.Parts[i])
	}
	Settle(t.levels)
	if err := t.view.Settled(); err != nil {
		return fmt.Errorf("in truth: %w", err)
	}
	return nil
}

// Now returns what is true, given what workers did and have not settled. It is lent
// until the next call.
func (t *Truth) Now(unsettled []*Message) *Message {
	t.now.Reset()
	t.now.Merge(t.told)
	for _, own := range unsettled {
		t.now.Merge(own)
	}
	return t.now
}

// View is what is known of one worker's view of a dataflow.
type View struct {
	auditors []auditor
	told     *Message // what the worker was told in all
}

// NewView returns the view that a worker has at these levels, which has been told
// nothing yet.
func NewView(levels []Level) *View {
	v := &View{told: NewMessage(levels)}
	for i, l := range levels {
		a := l.auditor()
		v.told.Parts[i].Merge(a.initial())
		v.auditors = append(v.auditors, a)
	}
	return v
}

// Hear notes a message that the worker is about to take in. What it speaks of must
// be covered by the frontiers as they were settled last (I4). That also holds of
// messages that are taken in together: what the first of them adds is covered.
func (v *View) Hear(m *Message) error {
	err := v.each(func(i int, a auditor) error { return a.covered(m.Parts[i]) })
	v.told.Merge(m)
	return err
}

// Did notes what the worker did itself.
func (v *View) Did(own *Message) { v.told.Merge(own) }

// Settled checks the view after a settlement: no frontier has gone back (I3), the
// counts are what was told (I5), and those that are negative are covered (I6).
func (v *View) Settled() error {
	return v.each(func(i int, a auditor) error { return a.settled(v.told.Parts[i]) })
}

// Covers compares the view with what is true now. There must be no negative count (I6).
// At each location where something is counted (I1), or where something may appear that
// is counted elsewhere (I2), the view's frontier must cover it.
func (v *View) Covers(t *Truth, now *Message) error {
	return v.each(func(i int, a auditor) error { return a.covers(now.Parts[i], t.view.auditors[i]) })
}

func (v *View) each(check func(i int, a auditor) error) error {
	for i, a := range v.auditors {
		if err := check(i, a); err != nil {
			return fmt.Errorf("scope %d: %w", i, err)
		}
	}
	return nil
}

// auditor checks a view of one level.
type auditor interface {
	initial() Part
	covered(said Part) error
	settled(told Part) error
	covers(now Part, truth auditor) error
}

type audited[T order.Timestamp[T]] struct {
	*Tracker[T]
	before [][]T // by location: the frontier after the last settlement; nil: there was none
}

func (k *Tracker[T]) auditor() auditor { return &audited[T]{Tracker: k} }

func (a *audited[T]) initial() Part {
	c := &Changes[T]{}
	c.add(a.Tracker.initial)
	return c
}

func (a *audited[T]) covered(said Part) error {
	for _, c := range said.(*Changes[T]).List() {
		if f := a.Frontier(c.At); !covers(f, c.Time) {
			return fmt.Errorf("%+d at %v at location %d come out of nothing: the frontier there is %v (I4)", c.Delta, c.Time, c.At, order.Lend(f))
		}
	}
	return nil
}

func (a *audited[T]) settled(told Part) error {
	if err := a.goesOn(); err != nil {
		return err
	}
	return a.addsUp(told.(*Changes[T]).List())
}

// goesOn compares the frontiers with what they were.
func (a *audited[T]) goesOn() error {
	first := a.before == nil
	if first {
		a.before = make([][]T, len(a.ports))
	}
	for l := range a.ports {
		f := a.Frontier(Location(l))
		for _, t := range f {
			if !first && !covers(a.before[l], t) {
				return fmt.Errorf("the frontier at location %d goes back from %v to %v (I3)", l, order.Lend(a.before[l]), order.Lend(f))
			}
		}
		a.before[l] = append(a.before[l][:0], f...)
	}
	return nil
}

// addsUp compares the counts with what was told.
func (a *audited[T]) addsUp(told []Change[T]) error {
	counted := 0
	var err error
	a.Points(func(at Location, t T, n int64) bool {
		if !a.ports[at].derived {
			counted++
		}
		if f := a.Frontier(at); n < 0 && !covers(f, t) {
			err = fmt.Errorf("%d are counted at %v at location %d, where the frontier is %v (I6)", n, t, at, order.Lend(f))
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	for _, c := range told {
		if n := a.ports[c.At].points.Count(c.Time); n != c.Delta {
			return fmt.Errorf("%d are counted at %v at location %d; told were %d (I5)", n, c.Time, c.At, c.Delta)
		}
	}
	if counted != len(told) {
		return fmt.Errorf("%d pointstamps are counted; told were %d (I5)", counted, len(told))
	}
	return nil
}

func (a *audited[T]) covers(now Part, truth auditor) error {
	for _, c := range now.(*Changes[T]).List() {
		if c.Delta < 0 {
			return fmt.Errorf("%d are counted at %v at location %d (I6)", c.Delta, c.Time, c.At)
		}
		if f := a.Frontier(c.At); !covers(f, c.Time) {
			return fmt.Errorf("the frontier at location %d is %v, but there are %d at %v (I1)", c.At, order.Lend(f), c.Delta, c.Time)
		}
	}
	observer := truth.(*audited[T])
	for l := range a.ports {
		f := a.Frontier(Location(l))
		for _, t := range observer.Frontier(Location(l)) {
			if !covers(f, t) {
				return fmt.Errorf("the frontier at location %d is %v, but %v may still appear (I2)", l, order.Lend(f), t)
			}
		}
	}
	return nil
}

// twin returns a tracker of the same graph, in its first state.
func (k *Tracker[T]) twin(twins map[any]any) *Tracker[T] {
	t := NewTracker[T](func() {})
	t.ports = make([]port[T], len(k.ports))
	for i := range k.ports {
		p := &k.ports[i]
		t.ports[i] = port[T]{ways: p.ways, outputs: p.outputs, paths: p.paths, rounds: p.rounds, place: p.place, rank: p.rank, fed: p.fed, kept: p.kept, derived: p.derived}
	}
	t.outputs, t.ranked, t.initial, t.sealed = k.outputs, k.ranked, k.initial, true
	t.components = slices.Clone(k.components)
	for i := range t.components {
		t.components[i].queued = false
	}
	t.apply(t.initial)
	twins[k] = t
	return t
}

func (r Root[T]) twin(twins map[any]any) Level { return Root[T]{r.Tracker.twin(twins)} }

func (l *Link[O, I]) twin(twins map[any]any) Level {
	return &Link[O, I]{Tracker: l.Tracker.twin(twins), parent: twins[l.parent].(*Tracker[O]), by: l.by, inputs: l.inputs, outputs: l.outputs}
}
