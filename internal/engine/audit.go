package engine

import (
	"fmt"

	"github.com/timely-go/timely/internal/progress"
)

// audit checks, where workers run one at a time, that no worker's view of a
// dataflow runs ahead of what all of them did.
type audit struct {
	tell   func(error)
	truths map[int]*progress.Truth // by the dataflow's number
}

// begins notes a dataflow that a worker has built, unless another has before.
func (a *audit) begins(f *Dataflow) {
	if a != nil && a.truths[f.number] == nil {
		a.truths[f.number] = progress.NewTruth(f.levels)
	}
}

// settles notes what a worker did, which it settles now.
func (a *audit) settles(f *Dataflow) {
	if a != nil {
		a.truths[f.number].Add(f.own)
	}
}

// check looks at every worker's view of a dataflow.
func (a *audit) check(f *Dataflow) {
	if a == nil {
		return
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
	for _, other := range there {
		if err := a.truths[f.number].Check(other.levels, unsettled); err != nil {
			a.tell(fmt.Errorf("worker %d, %v: %w", other.worker.index, other, err))
		}
	}
}
