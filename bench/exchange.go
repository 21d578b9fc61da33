package main

import (
	"fmt"

	"github.com/timely-go/timely"
)

// exchange sends, in each round, the numbers below its first argument from each
// worker to the workers that own them, and waits until all have arrived.
func exchange(b *bench) error {
	size, rounds := b.int(0, "records a round"), b.int(1, "rounds")
	input := timely.NewInput[timely.Epoch, uint64]()
	probe := timely.NewProbe[timely.Epoch]()
	arrived := 0
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		numbers := input.Stream(s)
		var owned timely.Stream[timely.Epoch, uint64]
		if *batch {
			owned = timely.Route(numbers, byNumber)
		} else {
			owned = timely.Exchange(numbers, func(n uint64) uint64 { return n })
		}
		counted := timely.InspectBatch(owned, func(_ timely.Epoch, ns []uint64) { arrived += len(ns) })
		timely.ProbeWith(counted, probe)
	})
	numbers := make([]uint64, size)
	for i := range numbers {
		numbers[i] = uint64(i)
	}

	b.begin()
	for round := range rounds {
		if *batch {
			input.SendBatch(numbers)
		} else {
			for i := range size {
				input.Send(uint64(i))
			}
		}
		input.AdvanceTo(timely.Epoch(round + 1))
		for probe.LessThan(input.Time()) {
			b.Step()
		}
	}
	b.end(rounds, rounds*size)

	mine := (size - b.Index() + b.Peers() - 1) / b.Peers() * b.Peers() * rounds
	if arrived != mine {
		return fmt.Errorf("%d records arrived, there should be %d", arrived, mine)
	}
	return nil
}

// byNumber brings a number to the worker that it names, a batch at a time.
func byNumber(r *timely.Routes[uint64]) {
	peers := uint64(r.Peers())
	r.ByBatch(func(ns []uint64, to []uint32) {
		if mask := peers - 1; peers&mask == 0 {
			for i, n := range ns {
				to[i] = uint32(n & mask)
			}
			return
		}
		for i, n := range ns {
			to[i] = uint32(n % peers)
		}
	})
}
