package main

import (
	"fmt"

	"github.com/timely-go/timely"
)

// eventDriven builds many dataflows, each a chain of maps, and touches one of them
// a round: it should cost no more than that one does.
func eventDriven(b *bench) error {
	dataflows, length := b.int(0, "dataflows"), b.int(1, "maps in each")
	record := len(b.args) > 2 && b.args[2] == "record"
	inputs := make([]*timely.Input[timely.Epoch, int], dataflows)
	probes := make([]*timely.Probe[timely.Epoch], dataflows)
	sum := 0
	for i := range dataflows {
		inputs[i], probes[i] = timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
			numbers := inputs[i].Stream(s)
			for range length {
				numbers = timely.Map(numbers, func(n int) int { return n + 1 })
			}
			end := func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for _, ns := range in.Batches() {
					for _, n := range ns {
						sum += n
					}
				}
			}
			timely.ProbeWith(timely.Unary(numbers, timely.Pipeline, "End", end), probes[i])
		})
	}

	b.begin()
	for round := range *rounds {
		input, probe := inputs[round%dataflows], probes[round%dataflows]
		if record {
			input.Send(round)
		}
		input.AdvanceTo(timely.Epoch(round/dataflows + 1))
		for probe.LessThan(input.Time()) {
			b.Step()
		}
	}
	b.end(*rounds, 0)

	if want := *rounds*(*rounds-1)/2 + *rounds*length; record && sum != want {
		return fmt.Errorf("the sum is %d, it should be %d", sum, want)
	}
	return nil
}
