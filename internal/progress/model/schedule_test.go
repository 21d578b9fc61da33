package model

import "math/bits"

// This file holds who does what when.

// adversary is how a schedule tries to do harm.
type adversary int

const (
	uniform     adversary = iota
	starveLink            // nothing reaches one worker from another before the end
	freezePair            // for a while nothing passes between two workers
	starveOne             // one worker learns nothing before the end
	bursts                // progress is rarely received, but then all of it
	newestFirst           // who has published last is heard first
	adversaries
)

// landmark is something that schedules should reach, or they show little.
type landmark int

const (
	pause    landmark = iota // a worker published with a record buffered in a session
	crossing                 // a record crossed the boundary of a scope
	round                    // a record went round a cycle
	atomic                   // one message spoke of several scopes
	partly                   // a part of the changes was published
	sum                      // several messages were received as one
	joint                    // a combined message told of several workers
	early                    // a view had negative counts
	landmarks
)

var landmarkNames = [landmarks]string{
	"paused with a session unflushed", "crossed a boundary", "went round a cycle", "one message about several scopes",
	"published a part", "received a sum", "combined several workers", "negative counts in a view",
}

// schedule is what is chosen at its beginning.
type schedule struct {
	adversary adversary
	steps     int
	one, two  int // the workers that it is after
	from, to  int // steps of the freeze
	now       int // the step
	latest    int // who published last
	drained   bool
}

func (w *world) choose() {
	w.schedule = schedule{
		adversary: adversary(w.under(int(adversaries))),
		steps:     60 + w.under(240),
		one:       w.under(w.workers),
		two:       w.under(w.workers),
	}
	w.from = w.under(w.steps)
	w.to = w.from + w.under(w.steps)
}

// held reports whether progress from p must not reach q now. Combined messages
// are held for the whole process that sends them.
func (w *world) held(p, q int) bool {
	from := func(worker int) bool {
		return p == worker || w.grouped(p, q) && w.process[p] == w.process[worker]
	}
	switch {
	case w.drained:
		return false
	case w.adversary == starveLink:
		return from(w.one) && q == w.two
	case w.adversary == starveOne:
		return q == w.one
	case w.adversary == freezePair && w.from <= w.now && w.now < w.to:
		return from(w.one) && q == w.two || from(w.two) && q == w.one
	}
	return false
}

// play runs a schedule and returns the first invariant that is broken.
func (w *world) play(seed uint64, m mutant, checked invariants) invariant {
	w.checked = checked
	w.reset(seed, m)
	if w.trace != nil {
		w.tell("%v%d workers, processes %v", w.topology.String(), w.workers, w.process[:w.workers])
	}
	for w.now = 0; w.now < w.steps; {
		if p, stepped := w.step(); stepped {
			if broken := w.check(p); broken != 0 {
				return broken
			}
		}
		w.now++
	}
	return w.drain()
}

// step lets a worker do something, and returns who did.
func (w *world) step() (worker int, stepped bool) {
	p := w.under(w.workers)
	receive, publish := 5, 2
	if w.adversary == bursts {
		receive = 1
	}
	switch choice := w.under(10 + receive + publish); {
	case choice < 10:
		return p, w.act(p)
	case choice < 10+publish:
		return p, w.publish(p, logBusy)
	case w.processes < w.workers && w.oneIn(4):
		return p, w.combine(w.under(w.processes), w.under(w.processes))
	default:
		return p, w.hear(p)
	}
}

// act lets a worker do one thing of a turn.
func (w *world) act(p int) bool {
	switch w.under(10) {
	case 0, 1:
		return w.lend(p) || w.consume(p)
	case 2:
		return w.consume(p) || w.lend(p)
	case 3, 4:
		return w.open(p) || w.buffer(p)
	case 5, 6:
		return w.buffer(p) || w.open(p)
	case 7:
		return w.end(p)
	case 8:
		return w.retain(p)
	default:
		return w.release(p)
	}
}

// hear lets a worker receive something: from one sender, or from all.
func (w *world) hear(q int) bool {
	if w.adversary == bursts || w.oneIn(6) {
		return w.receive(q, w.takeAll(q))
	}
	p := w.under(w.workers)
	if w.adversary == newestFirst && !w.oneIn(4) {
		p = w.latest
	}
	if p == q || w.held(p, q) {
		return false
	}
	return w.receive(q, w.take(p, q, w.oneIn(3)))
}

// takeAll takes something from all who are not held back, or from all but some.
func (w *world) takeAll(q int) (all combined) {
	for p := range w.workers {
		if p == q || w.held(p, q) || w.oneIn(4) {
			continue
		}
		for from, m := range w.take(p, q, w.adversary == bursts || w.oneIn(2)) {
			all[from] |= m
		}
	}
	return all
}

// drain lets all workers finish what they have begun and drop what they own, and
// everything be delivered. All frontiers must be empty then.
func (w *world) drain() invariant {
	w.drained = true
	for range 4 {
		for p := range w.workers {
			w.finish(p)
			if broken := w.check(p); broken != 0 {
				return broken
			}
			for w.publish(p, logSize-maxLevels) {
				if broken := w.check(p); broken != 0 {
					return broken
				}
			}
		}
		for q := range w.workers {
			if broken := w.hearOut(q); broken != 0 {
				return broken
			}
		}
	}
	if w.checked.has(conserved) && !w.addsUp() {
		return conserved
	}
	for q := range w.workers {
		if w.checked.has(drains) && !(w.view[q].empty() && w.implied[q].empty() && w.pending[q] == [maxWorkers]letters{} && w.records.empty()) {
			return drains
		}
	}
	return 0
}

// finish has a worker consume and drop all that it can.
func (w *world) finish(p int) {
	w.consume(p)
	w.end(p)
	for !w.caps[p].pos.empty() {
		w.drop(p, w.pick(&w.caps[p].pos))
	}
	for w.lend(p) {
		w.consume(p)
	}
}

// hearOut has a worker receive all that waits for it.
func (w *world) hearOut(q int) invariant {
	for p := range w.workers {
		for p != q && w.receive(q, w.take(p, q, false)) {
			if broken := w.check(q); broken != 0 {
				return broken
			}
		}
	}
	return 0
}

// trailing returns the number of the first of some messages.
func trailing(m letters) int { return bits.TrailingZeros64(m) }
