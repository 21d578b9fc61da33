package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/comm/cluster"
	"github.com/timely-go/timely/internal/progress"
)

// Dataflow is an outermost scope, as one worker has it.
type Dataflow struct {
	worker  *Worker
	number  int // the same at every worker
	plan    blueprint
	streams int // numbered so far

	nodes  []*Node
	edges  []*Edge
	loops  []*Loop  // outer ones before those inside
	wakers []*Waker // of its nodes
	levels []progress.Level
	places [][]place  // by level and location
	closes [][]func() // by level: what is left to do when its building ends
	seals  []func()   // what is left to do when all is built

	own      *progress.Message // what this worker did since the last settlement
	to       *cluster.Ways[*progress.Message]
	channels struct{ from, to int } // their numbers
	rest     *rest                  // shared by the workers
	pressed  []*Edge                // at which producers wait
	sent     int                    // messages to other workers, so far
	received int                    // from them
	dirty    bool                   // it is in Worker.dirty
	sealed   bool
	complete bool
	dropped  bool
}

// place says what a location is, in words.
type place struct {
	element *Element
	port    string // "input 0"
}

// Build makes a dataflow: build adds levels and nodes, and then nothing can be
// added any more.
func (w *Worker) Build(site callsite.Site, build func(*Dataflow)) *Dataflow {
	w.Outside("Dataflow")
	if w.building {
		panic(callsite.Errorf(site, "Dataflow inside the building of another; make them one after the other, or use Region or Nested"))
	}
	w.building = true
	w.drained()
	f := &Dataflow{worker: w, number: w.built, plan: blueprint{site: site}}
	defer func() {
		w.building = false
		if !f.sealed { // a panic: what was built of it is of no use
			f.dropped = true
			f.remove()
		}
	}()
	build(f)
	f.seal()
	return f
}

// Worker returns the worker that has it.
func (f *Dataflow) Worker() *Worker { return f.worker }

// NumberStream returns the next number for a stream, by which it is told from others
// when the workers compare what they have built.
func (f *Dataflow) NumberStream() int {
	f.streams++
	return f.streams
}

// AddLevel adds a scope, after those around it, and returns its number.
func (f *Dataflow) AddLevel(l progress.Level) int {
	f.levels = append(f.levels, l)
	f.places = append(f.places, nil)
	f.closes = append(f.closes, nil)
	return len(f.levels) - 1
}

// Place says what a location is: a port of an element.
func (f *Dataflow) Place(level int, at progress.Location, e *Element, port string) {
	for len(f.places[level]) <= int(at) {
		f.places[level] = append(f.places[level], place{})
	}
	f.places[level][at] = place{e, port}
}

// OnClose has a function called when the building of a level ends.
func (f *Dataflow) OnClose(level int, do func()) { f.closes[level] = append(f.closes[level], do) }

// Close ends the building of a level.
func (f *Dataflow) Close(level int) {
	for _, do := range f.closes[level] {
		do()
	}
}

// OnSeal has a function called when all is built, and agreed on with the peers.
func (f *Dataflow) OnSeal(do func()) { f.seals = append(f.seals, do) }

// Sealed reports whether the building has ended.
func (f *Dataflow) Sealed() bool { return f.sealed }

// Complete reports whether nothing can happen in it any more.
func (f *Dataflow) Complete() bool { return f.complete }

// Dropped reports whether it was dropped.
func (f *Dataflow) Dropped() bool { return f.dropped }

func (f *Dataflow) gone() bool { return f.complete || f.dropped }

// Changed notes that there is something to settle.
func (f *Dataflow) Changed() {
	if !f.dirty && !f.gone() {
		f.dirty = true
		f.worker.dirty = append(f.worker.dirty, f)
	}
}

// CheckCycle turns a cycle without delay, found at the seal of a level, into a
// panic that names its operators.
func (f *Dataflow) CheckCycle(level int, err error) {
	var cycle *progress.CycleError
	if !errors.As(err, &cycle) {
		return
	}
	var names []string
	for _, at := range cycle.Cycle {
		if p := f.places[level][at]; p.element != nil && (len(names) == 0 || names[len(names)-1] != p.element.String()) {
			names = append(names, p.element.String())
		}
	}
	panic(callsite.Errorf(f.plan.site, "time does not advance round the cycle of %s; give the Feedback in it a delay", strings.Join(names, ", ")))
}

// seal ends the building. The levels have been sealed.
func (f *Dataflow) seal() {
	w := f.worker
	f.checkWire()
	w.built++
	w.flows = append(w.flows, f)
	if err := w.x.agree(f); err != nil { // not a panic: one that is recovered from would leave the peers waiting
		w.fail(&Failure{Err: callsite.Errorf(f.plan.site, "%w", err), Stack: debug.Stack()})
		w.leave()
	}
	f.plan.parts = nil
	f.channels.from = w.channels
	for _, do := range f.seals {
		do()
	}
	f.seals = nil
	f.findLoops()
	f.own = progress.OwnMessage(f.levels)
	f.to = openSum(f)
	f.channels.to = w.channels
	f.sealed = true
	w.x.audit.begins(f)
	w.live++
	w.ending = append(w.ending, f) // it may be complete from the beginning
	w.dirty = slices.DeleteFunc(w.dirty, func(d *Dataflow) bool { return d == f })
	f.settle()
}

// checkWire panics if the times of a scope cannot be told to other processes.
func (f *Dataflow) checkWire() {
	if f.worker.Processes() == 1 {
		return
	}
	for _, l := range f.levels {
		if err := l.CheckWire(); err != nil {
			panic(callsite.Errorf(f.plan.site, "times of this dataflow cannot be sent to other processes: %w", err))
		}
	}
}

// receive takes in what peers did.
func (f *Dataflow) receive(m *progress.Message) {
	f.received += m.Sent
	if f.gone() {
		return
	}
	f.worker.x.audit.arrives(f, m)
	for i, l := range f.levels {
		l.Accept(m.Parts[i])
	}
}

// settle tells the peers what this worker did, and turns all changes into frontiers.
func (f *Dataflow) settle() {
	if f.gone() {
		return
	}
	w := f.worker
	w.x.audit.settles(f)
	if others := w.Peers() - 1; others > 0 && !f.own.Empty() && !w.x.failing.Load() {
		w.x.audit.leaves(f)
		w.x.tellTold(w.index, f.own)
		f.to.Send(f.own)
		f.sent += others
	}
	f.dirty = false // before anybody is told of a frontier, who may change something
	progress.Settle(f.levels)
	w.x.audit.check(f)
	if f.pointstamps() == 0 {
		w.ending = append(w.ending, f)
	}
}

func (f *Dataflow) pointstamps() (n int) {
	for _, l := range f.levels {
		n += l.Pointstamps()
	}
	return n
}

// idle reports whether no node has anything to do by itself.
func (f *Dataflow) idle() bool {
	for _, n := range f.nodes {
		if !n.idle() {
			return false
		}
	}
	return true
}

// remove takes the nodes off the worker's list.
func (f *Dataflow) remove() {
	w := f.worker
	for _, n := range f.nodes {
		w.loop.Remove(n.task)
	}
	w.forgetTurn() // deferred functions may have sent
	for _, k := range f.wakers {
		k.Close()
	}
	w.alarms = slices.DeleteFunc(w.alarms, func(a alarm) bool { return a.node.Flow == f })
	w.flows = slices.DeleteFunc(w.flows, func(other *Dataflow) bool { return other == f })
	if f.sealed {
		w.live--
		f.rest.tell(w.x, w.index, slot{gone: true})
		w.closeChannels(f)
	}
	f.nodes, f.edges, f.loops, f.pressed, f.wakers = nil, nil, nil, nil, nil // nobody asks any more
	f.levels, f.places, f.closes, f.own, f.to = nil, nil, nil, nil, nil
}

// Drop ends the dataflow at this worker: paused operators are unwound, nothing
// more is told to the peers, and what still arrives is discarded.
func (f *Dataflow) Drop() {
	if f.worker.x.failing.Load() || f.gone() {
		return
	}
	w := f.worker
	w.Outside("Drop")
	w.shipInputs() // so that the next Send looks at what is left to feed
	f.dropped = true
	f.remove()
	w.x.fabric.Flush(w.index)
	if w.notice(); w.leaving { // a deferred function of an operator has panicked
		w.leave()
	}
}

// String names the dataflow.
func (f *Dataflow) String() string { return fmt.Sprintf("dataflow %d@%v", f.number, f.plan.site) }

// OpenQueue opens a channel to an edge: batches of M on their way to this worker.
// It may only be called while the dataflow is sealed (OnSeal), so that the workers
// have agreed on what the channel is. The wire is needed if there are other processes.
func OpenQueue[M any](e *Edge, wire cluster.Wire[M], receive func([]M)) []comm.Sender[M] {
	f := e.Node.Flow
	return openQueue(e, wire, func(ms []M) {
		f.received += len(ms)
		if !f.gone() {
			receive(ms)
		}
	})
}
