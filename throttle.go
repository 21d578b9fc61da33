package timely

import "slices"

// Throttle holds back times: at each worker, at most so many distinct ones are in
// flight between here and the probe, which is downstream. What is of another time
// waits, the least first, until the probe has passed one of those; a time that one
// in flight waits for is let through beside them. Throttle is for operators that
// keep something for each open time: the records of one time are bounded by the
// budgets of the edges anyway.
//
// The way from the throttle to the probe must not go through a loop variable outside
// a loop, which would make the probe wait for later times. Nor may the program send on
// and on while the probe waits for something else that it has still to do, as to
// advance another input: what the throttle holds back is bounded, so Send would not
// return.
func Throttle[T Timestamp[T], D any](s Stream[T, D], p *Probe[T], inFlight int) Stream[T, D] {
	s.mustBe("Throttle")
	b := NewBuilder(s.Scope(), "Throttle")
	b.op.mustBeGiven(p != nil, "a probe")
	b.op.mustBeGiven(inFlight > 0, "a positive number of times")
	in := AddInput(b, s, Pipeline[D])
	out, stream := AddOutput[D](b)
	t := &throttle[T]{probe: p, room: inFlight}
	b.Hold(in, func(yield func(T) bool) { slices.Values(t.open)(yield) })
	b.Build(func() bool {
		if in.waiting() == 0 {
			return false // the probe is looked at when it matters
		}
		t.forget()
		for range in.BatchesAt(t.consider) {
		}
		t.open = append(t.open, t.next...)
		for at, batch := range in.BatchesAt(t.isOpen) {
			out.Session(at).SendBatch(batch)
		}
		return false
	})
	return stream
}

// throttle is which times are in flight.
type throttle[T Timestamp[T]] struct {
	probe *Probe[T]
	room  int // for so many
	open  []T // in flight
	next  []T // the least of those that wait, in order, as many as there is room for
}

// forget forgets the times that the probe has passed.
func (t *throttle[T]) forget() {
	t.open = slices.DeleteFunc(t.open, func(o T) bool { return !t.probe.LessEqual(o) })
	t.next = t.next[:0]
}

// consider notes a time that waits, and takes nothing.
func (t *throttle[T]) consider(u T) bool {
	switch {
	case t.isOpen(u) || slices.Contains(t.next, u):
	case t.isAwaited(u):
		t.open = append(t.open, u)
	default:
		t.next = append(t.next, u)
		slices.SortFunc(t.next, T.Compare)
		t.next = t.next[:min(len(t.next), max(0, t.room-len(t.open)))]
	}
	return false
}

// isAwaited reports whether a time in flight cannot be complete before u is, and
// nothing else goes before that.
func (t *throttle[T]) isAwaited(u T) bool {
	if !slices.ContainsFunc(t.open, u.LessEqual) {
		return false
	}
	for f := range t.probe.Frontier().All() {
		if u.LessEqual(f) {
			return true
		}
	}
	return false
}

func (t *throttle[T]) isOpen(u T) bool { return slices.Contains(t.open, u) }
