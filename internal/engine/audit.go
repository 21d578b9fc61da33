package engine

import (
	"errors"
	"fmt"

	"github.com/timely-go/timely/internal/host"
	"github.com/timely-go/timely/internal/progress"
)

// audit checks, where workers run one at a time, that the protocol keeps its
// promises: the invariants of package model as far as the engine knows what they
// speak of. After each settlement of a worker:
//
//	I1, I2  no worker's view of a dataflow runs ahead of what all of them did
//	I3      what could not appear any more never can again, in the worker's view and in truth
//	I4      what the worker has taken in was covered by its frontiers, and what it did by what was true
//	I5      its counts are what it did and was told, and what it was not told is on its way to it
//	I6      nothing is counted less than never in truth, nor before all frontiers in its view
//
// And of each letter that leaves: I11, no worker of an execution that fails tells what it did.
//
// While messages wait they are added up, so a message is followed by a letter,
// which is not: R5 and R6, on which I5 rests, are looked at letter by letter.
//
// I7 is not looked at. It says that what a worker has still to tell is justified by
// what it owns, and that nobody knows but its operators: a record that one is just
// handling justifies what it sends, and is counted like those that wait, by the
// worker that sent it. But a worker tells all that it did at each settlement, and
// I4 of that, in truth, says that it could result from what somebody owned.
type audit struct {
	tell    func(error)
	flows   map[int]*auditedFlow            // by the dataflow's number
	letters map[*progress.Message][]*letter // what a message is the sum of
}

// auditedFlow is a dataflow at all workers.
type auditedFlow struct {
	truth *progress.Truth
	views map[int]*progress.View // by worker
	mail  map[route][]*letter    // sent, and not yet taken in
}

type route struct{ from, to int }

// letter is what a worker told all its peers at once.
type letter struct {
	from int
	said *progress.Message
}

func newAudit(tell func(error)) *audit {
	if tell == nil {
		return nil
	}
	return &audit{tell, make(map[int]*auditedFlow), make(map[*progress.Message][]*letter)}
}

// begins notes a dataflow that a worker has built.
func (a *audit) begins(f *Dataflow) {
	if a == nil {
		return
	}
	if a.flows[f.number] == nil {
		a.flows[f.number] = &auditedFlow{progress.NewTruth(f.levels), make(map[int]*progress.View), make(map[route][]*letter)}
	}
	flow := a.flows[f.number]
	flow.views[f.worker.index] = progress.NewView(f.levels)
}

// settles notes what a worker did, which it tells its peers and settles now.
func (a *audit) settles(f *Dataflow) {
	if a == nil || f.worker.x.failing.Load() {
		return
	}
	flow, me := a.flows[f.number], f.worker.index
	l := &letter{me, progress.NewMessage(f.levels)} // a copy, as to look at own may change how it lies in memory
	l.said.Merge(f.own)
	if a.letters[f.own] = []*letter{l}; !l.said.Empty() {
		for q := range f.worker.x.workers {
			if q != me {
				flow.mail[route{me, q}] = append(flow.mail[route{me, q}], l)
			}
		}
	}
	if err := flow.truth.Add(l.said); err != nil {
		a.wrong(f, err)
	}
	flow.views[me].Did(l.said)
}

// leaves notes that a worker tells its peers what it did.
func (a *audit) leaves(f *Dataflow) {
	if a != nil && f.worker.x.failing.Load() {
		a.wrong(f, errors.New("what it did is told while the execution fails (I11)"))
	}
}

// merged notes that one message was added to another.
func (a *audit) merged(into, from *progress.Message) {
	if a != nil {
		a.letters[into] = append(a.letters[into], a.letters[from]...)
	}
}

// arrives notes a message that a worker takes in now.
func (a *audit) arrives(f *Dataflow, m *progress.Message) {
	if a == nil || f.worker.x.failing.Load() {
		return
	}
	flow := a.flows[f.number]
	for _, l := range a.letters[m] {
		r := route{l.from, f.worker.index}
		mail := flow.mail[r]
		if len(mail) == 0 || mail[0] != l {
			a.wrong(f, fmt.Errorf("a message from worker %d arrives twice or before another (R5, R6)", l.from))
			continue
		}
		flow.mail[r] = mail[1:]
		if err := flow.views[r.to].Hear(l.said); err != nil {
			a.wrong(f, fmt.Errorf("a message from worker %d: %w", l.from, err))
		}
	}
	delete(a.letters, m)
}

// check looks at a dataflow after a worker has settled it.
func (a *audit) check(f *Dataflow) {
	if a == nil || f.worker.x.failing.Load() {
		return
	}
	flow, me := a.flows[f.number], f.worker.index
	if err := flow.views[me].Settled(); err != nil {
		a.wrong(f, err)
	}
	if f.pointstamps() == 0 {
		for p := range f.worker.x.workers {
			if len(flow.mail[route{p, me}]) > 0 {
				a.wrong(f, fmt.Errorf("nothing can happen any more, but a message from worker %d is on its way (I4)", p))
			}
		}
	}
	var there []*Dataflow
	var unsettled []*progress.Message
	for _, w := range f.worker.x.workers {
		for _, other := range w.flows {
			if other.number == f.number && other.sealed {
				there = append(there, other)
				unsettled = append(unsettled, other.own)
			}
		}
	}
	now := flow.truth.Now(unsettled)
	for _, other := range there {
		if err := flow.views[other.worker.index].Covers(flow.truth, now); err != nil {
			a.wrong(other, err)
		}
	}
}

func (a *audit) wrong(f *Dataflow, err error) {
	a.tell(fmt.Errorf("worker %d, %v: %w", f.worker.index, f, err))
}

// tellPause tells a simulation that a node is about to be paused.
func (w *Worker) tellPause(n *Node) {
	tell := w.x.host.Paused
	if tell == nil {
		return
	}
	p := host.Pause{InStage: w.Current != n.Element}
	if b, ok := n.body.(interface{ Sessions() int }); ok {
		p.Sessions = b.Sessions()
	}
	tell(p)
}
