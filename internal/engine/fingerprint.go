package engine

import (
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/timely-go/timely/internal/callsite"
)

// blueprint is what the workers must agree on about one dataflow: its operators
// and stages in the order of their building, with their types, ports, edges,
// summaries and pacts. Call sites are kept to be printed; they are not compared.
type blueprint struct {
	site  callsite.Site
	parts []part // nil once all workers have agreed
	left  int    // workers that have not built it
	rest  *rest

	ended    int   // workers at which it is complete or dropped
	droppers []int // those that have dropped it
}

// part is one operator or stage.
type part struct {
	element *Element
	sum     uint64 // of all that was noted about it
}

// Note adds to what the workers must agree on about an element. What is noted
// about one element before another is noted belongs together.
func (f *Dataflow) Note(e *Element, format string, args ...any) {
	n := len(f.plan.parts)
	if n == 0 || f.plan.parts[n-1].element != e {
		f.plan.parts = append(f.plan.parts, part{element: e})
		n++
	}
	h := fnv.New64a()
	p := &f.plan.parts[n-1]
	_, _ = fmt.Fprintf(h, "%x ", p.sum)
	_, _ = io.WriteString(h, e.Name)
	_, _ = io.WriteString(h, e.Path)
	_, _ = fmt.Fprintf(h, format, args...)
	p.sum = h.Sum64()
}

// differs says how a dataflow differs from the one that another worker built, or
// returns nil.
func (b *blueprint) differs(other *blueprint) error {
	for i := range b.parts {
		if i >= len(other.parts) {
			return fmt.Errorf("%v is not there at another worker (dataflow at %v); every worker must build the same dataflows in the same order",
				b.parts[i].element, other.site)
		}
		if b.parts[i].sum == other.parts[i].sum {
			continue
		}
		mine, theirs := b.parts[i].element, other.parts[i].element
		if mine.Name != theirs.Name {
			return fmt.Errorf("%v stands where another worker has %v; every worker must build the same dataflows in the same order", mine, theirs)
		}
		return fmt.Errorf("%v differs from another worker's %v in its types, inputs, outputs, pacts or summaries; every worker must build the same dataflows in the same order",
			mine, theirs)
	}
	if len(b.parts) < len(other.parts) {
		return fmt.Errorf("the dataflow at %v lacks %v, which another worker has; every worker must build the same dataflows in the same order",
			b.site, other.parts[len(b.parts)].element)
	}
	return nil
}

// agree compares a dataflow with what other workers built under its number. The
// first to come says what it must be.
func (x *Execution) agree(f *Dataflow) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.number == x.planned {
		plan := f.plan
		if plan.left = len(x.workers) - 1; plan.left == 0 {
			plan.parts = nil
		}
		plan.rest = &rest{slots: make([]slot, len(x.workers))}
		f.rest = plan.rest
		x.plans[f.number] = &plan
		x.planned++
		for i, w := range x.workers {
			if w.returned && w.built <= f.number {
				return fmt.Errorf("the program of worker %d has returned without building the dataflow at %v; every worker must build the same dataflows", i, f.plan.site)
			}
		}
		return nil
	}
	plan := x.plans[f.number]
	if err := f.plan.differs(plan); err != nil {
		return err
	}
	f.rest = plan.rest
	if plan.left--; plan.left == 0 {
		plan.parts = nil
	}
	return nil
}

// ends notes that a dataflow is complete at a worker, or dropped. It reports
// whether that was the last.
func (x *Execution) ends(f *Dataflow) (last bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	plan := x.plans[f.number]
	plan.ended++
	if plan.ended == len(x.workers) {
		delete(x.plans, f.number)
		return true
	}
	if f.dropped {
		plan.droppers = append(plan.droppers, f.worker.index)
	}
	return false
}

// ended reports whether a dataflow is complete or dropped at all workers.
func (x *Execution) ended(f *Dataflow) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.plans[f.number] == nil
}

// droppers returns the workers that have dropped a dataflow.
func (x *Execution) droppers(f *Dataflow) []int {
	x.mu.Lock()
	defer x.mu.Unlock()
	if plan := x.plans[f.number]; plan != nil {
		return slices.Clone(plan.droppers)
	}
	return nil
}

// returns notes that a worker's program has returned, after it built so many dataflows.
func (x *Execution) returns(w *Worker) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	w.returned = true
	if w.built < x.planned {
		return fmt.Errorf("the program has returned without building the dataflow at %v, which another worker has built; every worker must build the same dataflows",
			x.plans[w.built].site)
	}
	return nil
}
