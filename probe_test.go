package timely_test

import (
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
	"github.com/timely-go/timely/timelytest"
)

func TestProbeWhereStreamsMeetWaitsForAllOfThem(t *testing.T) {
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		one, two := timely.NewInput[timely.Epoch, int](), timely.NewInput[timely.Epoch, int]()
		probe := timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.ProbeWith(timely.Concat(one.Stream(s), two.Stream(s)), probe)
		})
		for _, at := range []struct{ one, two, want timely.Epoch }{{5, 0, 0}, {5, 3, 3}, {5, 9, 5}, {7, 9, 7}} {
			one.AdvanceTo(at.one)
			two.AdvanceTo(at.two)
			for w.Poll() {
			}
			if probe.LessThan(at.want) || !probe.LessEqual(at.want) {
				t.Errorf("inputs at %v and %v: the probe is at %v, want %v", at.one, at.two, probe.Frontier(), at.want)
			}
		}
		return nil
	})
}

func TestProbeAtTheEntranceOfAScopeSeesWhatMayEnter(t *testing.T) {
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Loop[timely.Epoch]]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.Nested(s, "Inside", order.LoopRefinement[timely.Epoch](), func(inner timely.Scope[timely.Loop[timely.Epoch]]) {
				timely.ProbeWith(timely.Enter(input.Stream(s), inner), probe)
			})
		})
		for epoch := range timely.Epoch(3) {
			input.AdvanceTo(epoch)
			for w.Poll() {
			}
			if want := (timely.Loop[timely.Epoch]{Outer: epoch}); probe.LessThan(want) || !probe.LessEqual(want) {
				t.Errorf("input at %v: the probe is at %v, want %v", epoch, probe.Frontier(), want)
			}
		}
		input.Close()
		for w.Poll() {
		}
		if !probe.Done() {
			t.Errorf("input closed: the probe is at %v", probe.Frontier())
		}
		return nil
	})
}
