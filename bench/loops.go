package main

import (
	"fmt"

	"github.com/timely-go/timely"
)

// barrier sends a notification round a loop: all workers agree on each round.
func barrier(b *bench) error {
	iterations := b.int(0, "iterations")
	notified, wrong := 0, 0 // notifications, and those of another round
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		loop, cycle := timely.Feedback[int](s, 1)
		complete := timely.NewNotificator[timely.Epoch]()
		op := timely.NewBuilder(s, "Barrier")
		in := timely.AddInput(op, cycle, timely.Pipeline)
		out, stream := timely.AddOutput[int](op)
		first := op.Initial(out)
		begun := false
		op.Build(func() bool {
			if !begun {
				begun = true
				complete.NotifyAt(first)
				first.Drop()
			}
			for at := range complete.Ready(in.Frontier()) {
				if at.Time() != timely.Epoch(notified) {
					wrong++
				}
				if notified++; notified < iterations {
					complete.NotifyAt(at.Delay(at.Time() + 1))
				}
			}
			return false
		})
		loop.Connect(stream)
	})

	b.begin()
	for notified < iterations {
		b.Step()
	}
	b.end(iterations, 0)
	if wrong > 0 {
		return fmt.Errorf("%d notifications were not of the next round", wrong)
	}
	return nil
}

// pingpong has records circulate, each going to the next worker with each turn.
func pingpong(b *bench) error {
	iterations, elements := b.int(0, "iterations"), b.int(1, "records")
	probe := timely.NewProbe[timely.Epoch]()
	again := &again{limit: timely.Epoch(iterations)}
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		first := func(yield func(uint64) bool) {
			for n := range elements {
				if n%b.Peers() == b.Index() && !yield(uint64(n)) {
					return
				}
			}
		}
		loop, cycle := timely.Feedback[uint64](s, 1)
		all := timely.Concat(timely.ToStream(s, first), cycle)
		var next timely.Stream[timely.Epoch, uint64]
		if *batch {
			next = timely.MapBatch(timely.Route(all, byNumber), addOne)
		} else {
			owned := timely.Exchange(all, func(n uint64) uint64 { return n })
			next = timely.Map(owned, func(n uint64) uint64 { return n + 1 })
		}
		loop.Connect(timely.ProbeWith(again.below(next), probe))
	})

	b.begin()
	b.await(probe)
	b.end(iterations, 0)
	if all, want := b.sum(again.turns), uint64(iterations*elements); all != want {
		return fmt.Errorf("%d turns were made, there should be %d", all, want)
	}
	if all, want := b.sum(again.added), uint64(elements*(elements-1)/2+elements*iterations); all != want {
		return fmt.Errorf("the records add up to %d, it should be %d", all, want)
	}
	return nil
}

func addOne(in, out []uint64) {
	for i, n := range in {
		out[i] = n + 1
	}
}

// again passes on what has not made all its rounds, and adds up what has.
type again struct {
	limit        timely.Epoch
	turns, added uint64
}

func (a *again) below(s timely.Stream[timely.Epoch, uint64]) timely.Stream[timely.Epoch, uint64] {
	return timely.Unary(s, timely.Pipeline, "Branch", func(in *timely.InPort[timely.Epoch, uint64], out *timely.OutPort[timely.Epoch, uint64]) {
		for at, ns := range in.Batches() {
			a.turns += uint64(len(ns))
			if at.Time()+1 < a.limit {
				out.Session(at).SendBatch(ns)
				continue
			}
			for _, n := range ns {
				a.added += n
			}
		}
	})
}
