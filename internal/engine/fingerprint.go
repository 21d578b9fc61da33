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
	left  int    // workers of this process, and other processes, that have not built it
	rest  *rest

	ended    int   // workers of this process at which it is complete or dropped
	gone     int   // other processes, likewise
	droppers []int // workers that have dropped it
}

// heard is what other processes have told of a dataflow that nobody here has built.
type heard struct {
	plans    []*blueprint
	by       []int // the processes whose plans they are
	gone     int
	droppers []int
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

// differs says how a dataflow differs from the one that another worker built, at whose
// process it was, or returns nil.
func (b *blueprint) differs(other *blueprint, whose string) error {
	for i := range b.parts {
		if i >= len(other.parts) {
			return fmt.Errorf("%v is not there at %s (dataflow at %v); every worker must build the same dataflows in the same order",
				b.parts[i].element, whose, other.site)
		}
		if b.parts[i].sum == other.parts[i].sum {
			continue
		}
		mine, theirs := b.parts[i].element, other.parts[i].element
		if mine.Name != theirs.Name {
			return fmt.Errorf("%v stands where %s has %v; every worker must build the same dataflows in the same order", mine, whose, theirs)
		}
		return fmt.Errorf("%v differs from %s's %v in its types, inputs, outputs, pacts or summaries; every worker must build the same dataflows in the same order",
			mine, whose, theirs)
	}
	if len(b.parts) < len(other.parts) {
		return fmt.Errorf("the dataflow at %v lacks %v, which %s has; every worker must build the same dataflows in the same order",
			b.site, other.parts[len(b.parts)].element, whose)
	}
	return nil
}

const anotherWorker = "another worker"

func processNamed(process int) string { return fmt.Sprintf("process %d", process) }

// agree compares a dataflow with what other workers built under its number. The
// first to come says what it must be, and tells other processes.
func (x *Execution) agree(f *Dataflow) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if plan := x.plans[f.number]; f.number < x.planned {
		if err := f.plan.differs(plan, anotherWorker); err != nil {
			return err
		}
		f.rest = plan.rest
		plan.agreed()
		return nil
	}
	plan := f.plan
	plan.left = x.fabric.Here() - 1 + x.fabric.Processes() - 1
	plan.rest = newRest(f.number, x.fabric.Peers(), x.fabric.First(), x.fabric.Here())
	f.rest = plan.rest
	x.plans[f.number] = &plan
	x.planned++
	x.tellPlan(f)
	early := x.heard[f.number]
	delete(x.heard, f.number)
	if early != nil {
		plan.gone, plan.droppers = early.gone, early.droppers
		for i, other := range early.plans {
			if err := plan.differs(other, processNamed(early.by[i])); err != nil {
				return err
			}
			plan.agreed()
		}
	}
	if plan.left == 0 {
		plan.parts = nil
	}
	for i, w := range x.workers {
		if w.returned && w.built <= f.number {
			return returnedWithout(x.fabric.First()+i, f.plan.site)
		}
	}
	for worker, built := range x.returned {
		if built <= f.number {
			return returnedWithout(worker, f.plan.site)
		}
	}
	return nil
}

func returnedWithout(worker int, site callsite.Site) error {
	return fmt.Errorf("the program of worker %d has returned without building the dataflow at %v; every worker must build the same dataflows", worker, site)
}

// agreed notes that one more has built the same.
func (b *blueprint) agreed() {
	if b.left--; b.left == 0 {
		b.parts = nil
	}
}

// tellPlan tells other processes what a dataflow is.
func (x *Execution) tellPlan(f *Dataflow) {
	if x.fabric.Processes() == 1 {
		return
	}
	n := notice{What: tellsPlan, Dataflow: int64(f.number), Worker: int64(f.worker.index), Site: textOf(f.plan.site)}
	for _, p := range f.plan.parts {
		n.Parts = append(n.Parts, partText{p.element.Name, textOf(p.element.Site), p.sum})
	}
	x.tell(n)
}

// agreeWith compares a dataflow with that of another process.
func (x *Execution) agreeWith(process int, n notice) error {
	other := &blueprint{site: n.Site.site()}
	for _, p := range n.Parts {
		other.parts = append(other.parts, part{&Element{Name: p.Name, Site: p.Site.site()}, p.Sum})
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	number := int(n.Dataflow)
	if number >= x.planned {
		for i, w := range x.workers {
			if w.returned && w.built <= number {
				return returnedWithout(x.fabric.First()+i, other.site)
			}
		}
		h := x.hearOf(number)
		h.plans, h.by = append(h.plans, other), append(h.by, process)
		return nil
	}
	plan := x.plans[number]
	if plan == nil || plan.left == 0 {
		return fmt.Errorf("process %d builds dataflow %d a second time", process, number)
	}
	if err := plan.differs(other, processNamed(process)); err != nil {
		return callsite.Errorf(plan.site, "%w", err)
	}
	plan.agreed()
	return nil
}

// hearOf returns what was told of a dataflow that nobody here has built.
func (x *Execution) hearOf(number int) *heard {
	h := x.heard[number]
	if h == nil {
		h = &heard{}
		x.heard[number] = h
	}
	return h
}

// ends notes that a dataflow is complete at a worker, or dropped. It reports
// whether that was the last of all processes.
func (x *Execution) ends(f *Dataflow) (last bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	plan := x.plans[f.number]
	plan.ended++
	if plan.ended == x.fabric.Here() {
		x.tell(notice{What: tellsEnded, Dataflow: int64(f.number), Worker: int64(f.worker.index)})
	}
	if x.forget(f.number, plan) {
		return true
	}
	if f.dropped {
		plan.droppers = append(plan.droppers, f.worker.index)
		x.tell(notice{What: tellsDropped, Dataflow: int64(f.number), Worker: int64(f.worker.index)})
	}
	return false
}

// forget forgets a dataflow that has ended everywhere, and reports whether it has.
func (x *Execution) forget(number int, plan *blueprint) bool {
	if plan.ended < x.fabric.Here() || plan.gone < x.fabric.Processes()-1 {
		return false
	}
	delete(x.plans, number)
	return true
}

// peerEnded notes that a dataflow is complete or dropped at another process.
func (x *Execution) peerEnded(number int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if plan := x.plans[number]; plan != nil {
		plan.gone++
		x.forget(number, plan)
	} else if number >= x.planned {
		x.hearOf(number).gone++
	}
}

// peerDropped notes that a worker of another process has dropped a dataflow.
func (x *Execution) peerDropped(number, worker int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if plan := x.plans[number]; plan != nil {
		plan.droppers = append(plan.droppers, worker)
	} else if number >= x.planned {
		h := x.hearOf(number)
		h.droppers = append(h.droppers, worker)
	}
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
	x.tell(notice{What: tellsReturned, Worker: int64(w.index), Number: int64(w.built)})
	var site callsite.Site
	if w.built < x.planned {
		site = x.plans[w.built].site
	} else if h := x.heard[w.built]; h != nil && len(h.plans) > 0 {
		site = h.plans[0].site
	} else {
		return nil
	}
	return fmt.Errorf("the program has returned without building the dataflow at %v, which another worker has built; every worker must build the same dataflows", site)
}

// peerReturned notes the same of a worker of another process.
func (x *Execution) peerReturned(worker, built int) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.returned[worker] = built
	if built < x.planned && x.plans[built] != nil {
		return returnedWithout(worker, x.plans[built].site)
	}
	return nil
}
