package main

import (
	"fmt"

	"github.com/timely-go/timely"
)

// exchange sends, in each round, the numbers below its first argument from each
// worker to the workers that own them, and waits until all have arrived. In one round
// more, after the clock has stopped, each number is looked at.
func exchange(b *bench) error {
	size, rounds := b.int(0, "records a round"), b.int(1, "rounds")
	input := timely.NewInput[timely.Epoch, uint64]()
	probe := timely.NewProbe[timely.Epoch]()
	arrived, sum, strays := 0, uint64(0), 0
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		numbers := input.Stream(s)
		var owned timely.Stream[timely.Epoch, uint64]
		if *batch {
			owned = timely.Route(numbers, byNumber)
		} else {
			owned = timely.Exchange(numbers, func(n uint64) uint64 { return n })
		}
		counted := timely.InspectBatch(owned, func(round timely.Epoch, ns []uint64) {
			if round < timely.Epoch(rounds) {
				arrived += len(ns)
				return
			}
			for _, n := range ns {
				if sum += n; n%uint64(b.Peers()) != uint64(b.Index()) {
					strays++
				}
			}
		})
		timely.ProbeWith(counted, probe)
	})
	numbers := make([]uint64, size)
	for i := range numbers {
		numbers[i] = uint64(i)
	}

	send := func(rounds int) {
		for range rounds {
			if *batch {
				input.SendBatch(numbers)
			} else {
				for i := range size {
					input.Send(uint64(i))
				}
			}
			input.AdvanceTo(input.Time() + 1)
			for probe.LessThan(input.Time()) {
				b.Step()
			}
		}
	}

	b.begin()
	send(rounds)
	b.end(rounds, rounds*size)

	mine, all := (size-b.Index()+b.Peers()-1)/b.Peers(), 0
	if want := mine * b.Peers() * rounds; arrived != want {
		return fmt.Errorf("%d records arrived, there should be %d", arrived, want)
	}
	for i := range mine {
		all += (b.Index() + i*b.Peers()) * b.Peers()
	}
	send(1)
	if sum != uint64(all) || strays != 0 {
		return fmt.Errorf("the numbers of a round add up to %d, and %d of them belong elsewhere; it should be %d, and none", sum, strays, all)
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
