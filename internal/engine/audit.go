package engine

import (
	"errors"
	"fmt"
	"slices"

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
// While messages wait they are added up, so a message is followed by letters, which
// say what it is the sum of: for each sender, what it told and how often, so that R5
// and R6, on which I5 rests, hold of every single time.
//
// I7 is not looked at. It says that what a worker has still to tell is justified by
// what it owns, and that nobody knows but its operators: a record that one is just
// handling justifies what it sends, and is counted like those that wait, by the
// worker that sent it. But a worker tells all that it did at each settlement, and
// I4 of that, in truth, says that it could result from what somebody owned.
type audit struct {
	tell    func(error)
	flows   map[int]*auditedFlow           // by the dataflow's number
	own     map[*progress.Message]letter   // what workers have just told
	letters map[*progress.Message][]letter // what a message on its way is the sum of
}

// auditedFlow is a dataflow at all workers.
type auditedFlow struct {
	levels []progress.Level // of the first worker that built it
	truth  *progress.Truth
	views  map[int]*progress.View // by worker
	sent   map[int]int            // by worker: how often it has told its peers something
	taken  map[route]int          // how much of that a peer has taken in
}

type route struct{ from, to int }

// letter is what a worker told all its peers from one time to another, added up.
type letter struct {
	from        int
	first, last int // its times, counted from 1
	said        *progress.Message
	shared      bool // other letters have the same said
}

// follow adds what the same worker told next.
func (l *letter) follow(next letter, levels []progress.Level) {
	if l.shared {
		sum := progress.NewMessage(levels)
		sum.Merge(l.said)
		l.said, l.shared = sum, false
	}
	l.said.Merge(next.said)
	l.last = next.last
}

func newAudit(tell func(error)) *audit {
	if tell == nil {
		return nil
	}
	return &audit{tell, make(map[int]*auditedFlow), make(map[*progress.Message]letter), make(map[*progress.Message][]letter)}
}

// begins notes a dataflow that a worker has built.
func (a *audit) begins(f *Dataflow) {
	if a == nil {
		return
	}
	if a.flows[f.number] == nil {
		a.flows[f.number] = &auditedFlow{f.levels, progress.NewTruth(f.levels), make(map[int]*progress.View), make(map[int]int), make(map[route]int)}
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
	said := progress.NewMessage(f.levels) // a copy, as to look at own may change how it lies in memory
	said.Merge(f.own)
	if !said.Empty() {
		flow.sent[me]++
		a.own[f.own] = letter{me, flow.sent[me], flow.sent[me], said, true}
	}
	if err := flow.truth.Add(said); err != nil {
		a.wrong(f, err)
	}
	flow.views[me].Did(said)
}

// leaves notes that a worker tells its peers what it did.
func (a *audit) leaves(f *Dataflow) {
	if a != nil && f.worker.x.failing.Load() {
		a.wrong(f, errors.New("what it did is told while the execution fails (I11)"))
	}
}

// merged notes that one message was added to another. If it is not a worker's own,
// that was its end.
func (a *audit) merged(f *Dataflow, into, from *progress.Message) {
	if a == nil {
		return
	}
	added := a.letters[from]
	if own, ok := a.own[from]; ok {
		added = []letter{own}
	}
	delete(a.letters, from)
	sum := a.letters[into]
	for _, l := range added {
		before := slices.IndexFunc(sum, func(s letter) bool { return s.from == l.from && s.last+1 == l.first })
		if before < 0 {
			sum = append(sum, l)
		} else {
			sum[before].follow(l, a.flows[f.number].levels)
		}
	}
	a.letters[into] = sum
}

// arrives notes a message that a worker takes in now.
func (a *audit) arrives(f *Dataflow, m *progress.Message) {
	if a == nil || f.worker.x.failing.Load() {
		return
	}
	flow, me := a.flows[f.number], f.worker.index
	for _, l := range a.letters[m] {
		r := route{l.from, me}
		if l.first != flow.taken[r]+1 {
			a.wrong(f, fmt.Errorf("a message from worker %d arrives twice or before another (R5, R6)", l.from))
			continue
		}
		flow.taken[r] = l.last
		if err := flow.views[me].Hear(l.said); err != nil {
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
			if p != me && flow.taken[route{p, me}] < flow.sent[p] {
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
