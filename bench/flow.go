package main

import (
	"fmt"
	"iter"

	"github.com/timely-go/timely"
)

// flow makes of each number, from 1 to its argument, all those below it, and counts
// them: half the argument's square, which no memory holds at once.
func flow(b *bench) error {
	n := b.int(0, "numbers")
	probe := timely.NewProbe[timely.Epoch]()
	arrived := 0
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		numbers := timely.ToStream(s, b.numbersTo(n))
		all := timely.FlatMap(numbers, below)
		if *exchanged {
			all = timely.Exchange(all, func(n uint64) uint64 { return n })
		}
		counted := timely.InspectBatch(all, func(_ timely.Epoch, ns []uint64) { arrived += len(ns) })
		timely.ProbeWith(counted, probe)
	})

	b.begin()
	b.await(probe)
	made := n * (n + 1) / 2
	b.end(made, made/b.Peers())

	if all, want := b.sum(uint64(arrived)), uint64(made); all != want {
		return fmt.Errorf("%d records arrived, there should be %d", all, want)
	}
	return nil
}

// below yields the numbers from 0 up to, and without, n.
func below(n uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// numbersTo yields the worker's share of the numbers from 1 to n.
func (b *bench) numbersTo(n int) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := b.Index() + 1; i <= n; i += b.Peers() {
			if !yield(uint64(i)) {
				return
			}
		}
	}
}
