package main

import (
	"fmt"

	"github.com/timely-go/timely"
)

// build measures what it takes to build a large dataflow: a chain of operators, or
// one operator with many inputs.
func build(b *bench) error {
	shapes := map[string]func(numbers timely.Stream[timely.Epoch, int], n int) timely.Stream[timely.Epoch, int]{
		"operators": chain,
		"inputs":    funnel,
	}
	if len(b.args) == 0 || shapes[b.args[0]] == nil {
		return fmt.Errorf("build: argument 1 should be operators or inputs")
	}
	shape, n := shapes[b.args[0]], b.int(1, b.args[0])
	input := timely.NewInput[timely.Epoch, int]()
	probe := timely.NewProbe[timely.Epoch]()
	sum := 0

	b.begin()
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		added := timely.Inspect(shape(input.Stream(s), n), func(n int) { sum += n })
		timely.ProbeWith(added, probe)
	})
	b.end(n, 0)

	input.Send(1)
	input.Close()
	b.await(probe)
	if sum != n {
		return fmt.Errorf("the sum is %d, it should be %d", sum, n)
	}
	return nil
}

// chain is of n operators, of which each but the first adds one.
func chain(numbers timely.Stream[timely.Epoch, int], n int) timely.Stream[timely.Epoch, int] {
	for i := range n {
		numbers = timely.Unary(numbers, timely.Pipeline, "Add",
			func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, ns := range in.Batches() {
					session := out.Session(at)
					for _, n := range ns {
						session.Send(n + min(i, 1))
					}
				}
			})
	}
	return numbers
}

// funnel is one operator with n inputs, that all get the same.
func funnel(numbers timely.Stream[timely.Epoch, int], n int) timely.Stream[timely.Epoch, int] {
	op := timely.NewBuilder(numbers.Scope(), "Funnel")
	ins := make([]*timely.InPort[timely.Epoch, int], n)
	for i := range ins {
		ins[i] = timely.AddInput(op, numbers, timely.Pipeline)
	}
	out, all := timely.AddOutput[int](op)
	op.Build(func() bool {
		for _, in := range ins {
			for at, ns := range in.Batches() {
				out.Session(at).SendBatch(ns)
			}
		}
		return false
	})
	return all
}
