package progress

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// This file plays workers that run one dataflow and tell each other what they do.
// Whatever the schedule, no view may say that something cannot arrive that can.

// capability is a counted right to send, or a record that waits.
type capability struct {
	place *place
	time  instant
}

// world is what is true, and what each worker believes.
type world struct {
	*model
	views   []*model // by worker
	held    [][]capability
	records []capability // wherever they wait; any worker may consume any of them
	waiting [][]*Message // by sender and receiver: what is not yet received, summed
	bytes   bool         // messages cross processes
}

func newWorld(r *rand.Rand) *world {
	seed := r.Uint64()
	build := func() *model { return newModel(rand.New(rand.NewPCG(seed, 0))) }
	w := &world{model: build(), bytes: r.IntN(2) == 0}
	w.r = r
	workers := 2 + r.IntN(3)
	for range workers {
		w.views = append(w.views, build())
		w.waiting = append(w.waiting, nil)
		w.held = append(w.held, nil)
	}
	for i := range w.waiting {
		for range workers {
			w.waiting[i] = append(w.waiting[i], NewMessage(w.views[0].levels))
		}
	}
	for i, p := range w.places { // every worker begins with the same capabilities
		if !p.counted || r.IntN(3) > 0 {
			continue
		}
		var zero instant
		for worker := range workers {
			w.held[worker] = append(w.held[worker], capability{p, zero})
			p.counts[zero]++
			for _, v := range w.views {
				v.scopes[p.scope].Assume(v.places[i].at, zero, 1)
			}
		}
	}
	for _, v := range w.views {
		Settle(v.levels)
	}
	return w
}

// note notes a change of a worker, which becomes true at once.
func (w *world) note(worker int, c capability, d int64) {
	add(c.place.counts, c.time, d)
	w.views[worker].scopes[c.place.scope].Update(c.place.at, c.time, d)
}

// follow returns where something may lead: along a path to a place where records
// are counted.
func (w *world) follow(c capability) (capability, bool) {
	for range 1 + w.r.IntN(6) {
		var next []capability
		for _, e := range w.edges {
			if w.places[e.from] == c.place {
				if t, ok := e.pass(c.time); ok {
					next = append(next, capability{w.places[e.to], t})
				}
			}
		}
		if len(next) == 0 {
			return c, false
		}
		c = next[w.r.IntN(len(next))]
		if c.place.counted && w.r.IntN(2) == 0 {
			break
		}
	}
	if !c.place.counted {
		return c, false
	}
	for i := range w.scopes[c.place.scope].depth() { // or later
		if w.r.IntN(4) == 0 && c.time[i] < 1<<60 {
			c.time[i]++
		}
	}
	return c, true
}

// act has a worker send, consume, keep or drop.
func (w *world) act(worker int) {
	var from capability
	record := len(w.records) > 0 && w.r.IntN(2) == 0
	var i int
	switch {
	case record:
		i = w.r.IntN(len(w.records))
		from = w.records[i]
	case len(w.held[worker]) > 0:
		i = w.r.IntN(len(w.held[worker]))
		from = w.held[worker][i]
	default:
		return
	}
	for range w.r.IntN(3) {
		if c, ok := w.follow(from); ok && len(w.records) < 20 {
			w.note(worker, c, 1)
			if w.r.IntN(3) == 0 {
				w.held[worker] = append(w.held[worker], c)
			} else {
				w.records = append(w.records, c)
			}
		}
	}
	if record {
		w.records = slices.Delete(w.records, i, i+1)
		w.note(worker, from, -1)
	} else if w.r.IntN(3) == 0 {
		w.held[worker] = slices.Delete(w.held[worker], i, i+1)
		w.note(worker, from, -1)
	}
}

// pass is a worker's pass: it receives from some, acts, tells all, and settles.
func (w *world) pass(worker int, all bool) error {
	v := w.views[worker]
	for sender := range w.waiting {
		if all || w.r.IntN(4) == 0 {
			m := w.waiting[sender][worker]
			for i, part := range m.Parts {
				v.levels[i].Accept(part)
			}
			m.Reset()
		}
	}
	if !all {
		for range w.r.IntN(4) {
			w.act(worker)
		}
	}
	own := OwnMessage(v.levels)
	for receiver := range w.views {
		if receiver != worker {
			if err := w.send(w.waiting[worker][receiver], own); err != nil {
				return err
			}
		}
	}
	Settle(v.levels)
	return w.checkSafe()
}

// send adds what a worker did to what waits for another.
func (w *world) send(waiting, own *Message) error {
	if !w.bytes {
		waiting.Merge(own)
		return nil
	}
	b, err := own.Append(nil)
	if err != nil {
		return err
	}
	return waiting.Decode(b)
}

// checkSafe checks that what may truly appear at a place is at or after the
// frontier there in every view.
func (w *world) checkSafe() error {
	truth := frontiers(w.places, w.edges)
	for worker, v := range w.views {
		for i, p := range v.places {
			seen := v.frontier(p)
			for _, t := range truth[i] {
				if !slices.ContainsFunc(seen, func(u instant) bool { return u.lessEqual(t) }) {
					return fmt.Errorf("worker %d believes %v at %d, but %v may appear\n%v", worker, seen, i, t, w)
				}
			}
		}
	}
	return nil
}

// checkQuiet checks that with everything received all views are true.
func (w *world) checkQuiet() error {
	for range 2 {
		for worker := range w.views {
			if err := w.pass(worker, true); err != nil {
				return err
			}
		}
	}
	truth := frontiers(w.places, w.edges)
	for worker, v := range w.views {
		for i, p := range v.places {
			slices.SortFunc(truth[i], compareInstants)
			if seen := v.frontier(p); !slices.Equal(seen, truth[i]) {
				return fmt.Errorf("worker %d believes %v at %d, want %v\n%v", worker, seen, i, truth[i], w)
			}
		}
	}
	return nil
}

func TestNoViewRunsAhead(t *testing.T) {
	n := forSeeds(t, 1500*time.Millisecond, func(r *rand.Rand) error {
		w := newWorld(r)
		for range r.IntN(40) {
			if err := w.pass(r.IntN(len(w.views)), false); err != nil {
				return err
			}
		}
		return w.checkQuiet()
	})
	fmt.Printf("count: %d random schedules kept every view safe\n", n)
}
