package model

import "math/bits"

// This file holds the invariants, which are looked at after every step.

// invariant is a statement that holds after every step; 0 is none.
type invariant int

const (
	safe       invariant = 1  // I1: whatever is alive, each view has something that could result in it
	safeBeyond invariant = 2  // I2: and where it may lead, the view's frontiers say so
	sticky     invariant = 3  // I3: what could not appear any more never can again: in a view, in truth
	head       invariant = 4  // I4: what a message speaks of could result from something in the receiver's view
	conserved  invariant = 5  // I5: a view and what is on its way to it make up the truth
	positive   invariant = 6  // I6: nothing is owned less than never; least counts of a view are positive
	just       invariant = 7  // I7: what a worker has still to tell is justified by what it owns or gives up
	exact      invariant = 9  // I9: what an engine finds edge by edge is what all paths together say
	drains     invariant = 10 // I10: when everything is dropped and told, all frontiers are empty
)

var invariantNames = map[invariant]string{
	safe: "I1 safety", safeBeyond: "I2 end-to-end", sticky: "I3 sticky", head: "I4 head check",
	conserved: "I5 conservation", positive: "I6 non-negative", just: "I7 justified", exact: "I9 propagation", drains: "I10 drained",
}

// invariants is a set of them.
type invariants uint

func these(all ...invariant) (s invariants) {
	for _, i := range all {
		s |= 1 << i
	}
	return s
}

func (s invariants) has(i invariant) bool { return s&(1<<i) != 0 }

// first returns the first of the set, or 0.
func (s invariants) first() invariant {
	if s == 0 {
		return 0
	}
	return invariant(bits.TrailingZeros(uint(s)))
}

var (
	allInvariants = these(safe, safeBeyond, sticky, head, conserved, positive, just, exact, drains)
	harm          = these(safe, safeBeyond) // broken, a frontier has passed what is alive
)

// checks is what is known from the step before.
type checks struct {
	covered [maxWorkers]set // what could appear, from a worker's counts along all paths
	implied [maxWorkers]set // the same as its engine finds it
	alive   set             // what could appear in truth
	broken  invariants      // found within the step
}

// begin computes all for the first time.
func (w *world) begin() {
	w.broken = 0
	w.alive = w.upward(w.records.pos)
	for q := range w.workers {
		w.covered[q] = w.upward(w.view[q].pos)
		w.implied[q] = w.imply(w.view[q].pos)
	}
}

// refreshView looks at a view that has changed: I3, I6.
func (w *world) refreshView(q int) {
	v := &w.view[q]
	covered := w.upward(v.pos)
	if !covered.within(&w.covered[q]) {
		w.broken |= 1 << sticky
	}
	w.covered[q] = covered
	w.implied[q] = w.imply(v.pos)
	if w.implied[q] != covered {
		w.broken |= 1 << exact
	}
	if !v.neg.within(&covered) {
		w.broken |= 1 << positive
	}
}

// headChecked looks at what a worker is about to add to its view: I4.
func (w *world) headChecked(q int) {
	if s := w.arriving.support(); !s.within(&w.covered[q]) {
		w.broken |= 1 << head
	}
}

// check returns the first invariant that does not hold after a step of a worker.
func (w *world) check(p int) invariant {
	alive := w.upward(w.records.pos)
	if !alive.within(&w.alive) {
		w.broken |= 1 << sticky
	}
	w.alive = alive
	if !w.records.neg.empty() || !w.caps[p].neg.empty() {
		w.broken |= 1 << positive
	}
	for q := range w.workers {
		if !w.records.pos.within(&w.covered[q]) {
			w.broken |= 1 << safe
		}
		if !alive.within(&w.implied[q]) {
			w.broken |= 1 << safeBeyond
		}
		if w.records.sum != w.view[q].sum+w.unseen(q) {
			w.broken |= 1 << conserved
		}
	}
	if w.checked.has(just) && !w.tellsJustly(p) { // it costs more than the others
		w.broken |= 1 << just
	}
	return (w.broken & w.checked).first()
}

// unseen returns the sum of all that is not yet in a worker's view: what others
// have published and what anybody has not.
func (w *world) unseen(q int) (sum uint64) {
	for p := range w.workers {
		sum += w.temp[p].sum
		for rest := w.pending[p][q]; rest != 0; rest &= rest - 1 {
			sum += w.log[p][trailing(rest)].sum
		}
	}
	return sum
}

// tellsJustly looks at all that a worker has still to tell, and at what each
// receiver will still have to be told after its next messages: I7.
func (w *world) tellsJustly(p int) bool {
	rest := &w.remaining
	*rest = w.temp[p]
	if !w.justified(&w.caps[p], rest) {
		return false
	}
	first := logSize // that somebody has not received
	for q := range w.workers {
		first = min(first, trailing(w.pending[p][q]))
	}
	for i := len(w.log[p]) - 1; i >= first; i-- {
		for _, c := range w.log[p][i].changes {
			rest.add(c.at, c.n)
		}
		if !w.justified(&w.caps[p], rest) {
			return false
		}
	}
	return true
}

// justified reports whether a worker with these capabilities may have these changes
// still to tell: each that appears does so after something else that vanishes, or
// that is owned, or there is one more of it that was owned before.
func (w *world) justified(caps, changes *counts) bool {
	for s := changes.pos; !s.empty(); {
		t := s.pop()
		before := w.below[t]
		before.remove(t)
		if !before.meets(&changes.neg) && !before.meets(&caps.pos) && changes.n[t] >= caps.n[t] {
			return false
		}
	}
	return true
}

// addsUp counts everything anew, point by point, and reports whether the sums that
// were kept during the schedule are right.
func (w *world) addsUp() bool {
	var truth [pointCount]int16
	for p := range w.workers {
		for t := range truth {
			truth[t] += w.caps[p].n[t] + w.data[p].n[t]
		}
	}
	if truth != w.records.n {
		return false
	}
	for q := range w.workers {
		told := w.view[q].n
		for p := range w.workers {
			for t := range told {
				told[t] += w.temp[p].n[t]
			}
			for rest := w.pending[p][q]; rest != 0; rest &= rest - 1 {
				for _, c := range w.log[p][trailing(rest)].changes {
					told[c.at] += c.n
				}
			}
		}
		if told != truth {
			return false
		}
	}
	return true
}
