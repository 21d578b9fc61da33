package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/host"
	"github.com/timely-go/timely/internal/progress"
	"github.com/timely-go/timely/order"
)

// These tests use the package as the typed package does, with operators that are
// functions.

type body struct{ turn, pausing func() }

func (b body) Turn() { b.turn() }
func (b body) Pausing() {
	if b.pausing != nil {
		b.pausing()
	}
}

type tracker = *progress.Tracker[order.Epoch]

// execute runs a program, and fails the test if it fails.
func execute(t *testing.T, workers int, h *host.Host, program func(*Worker)) {
	t.Helper()
	s := Settings{Workers: workers, Grace: time.Second, Log: slog.New(slog.DiscardHandler)}
	ctx := context.Background()
	if h != nil {
		ctx = host.With(ctx, h)
	}
	err := Execute(ctx, s, nil, func(w *Worker) error { program(w); return nil })
	if err != nil {
		t.Error(err)
	}
}

func build(w *Worker, add func(f *Dataflow, graph tracker)) *Dataflow {
	return w.Build(callsite.Site{File: "test.go", Line: 1}, func(f *Dataflow) {
		graph := progress.NewTracker[order.Epoch](f.Changed)
		level := f.AddLevel(progress.Root[order.Epoch]{Tracker: graph})
		add(f, graph)
		f.Close(level)
		f.CheckCycle(level, graph.Seal())
	})
}

func addNode(f *Dataflow, name string, b body) *Node {
	e := &Element{Name: name, Site: callsite.Site{File: "test.go", Line: 2}}
	f.Note(e, "")
	n := f.AddNode(e)
	n.Run(b)
	return n
}

type shipper func()

func (s shipper) Ship() { s() }

// TestEverythingIsShippedBeforeAPause and at the end of a turn, the last first, also
// what shipping leads to.
func TestEverythingIsShippedBeforeAPause(t *testing.T) {
	var log []string
	say := func(s string) func() { return func() { log = append(log, s) } }
	execute(t, 1, nil, func(w *Worker) {
		build(w, func(f *Dataflow, _ tracker) {
			var a *Node
			a = addNode(f, "a", body{
				func() {
					say("turn")()
					w.Staged(shipper(say("ship 1")))
					w.Staged(shipper(func() { say("ship 2")(); w.Staged(shipper(say("ship 3"))) }))
					w.Current = nil
					w.pause()
					say("resumed")()
					if w.Current != nil || w.Running() != a {
						t.Error("the current element is not restored")
					}
					w.Staged(shipper(say("ship 4")))
				},
				say("pausing"),
			})
			b := addNode(f, "b", body{turn: func() {
				say("b")()
				if w.Current == nil || w.Current.Name != "b" {
					t.Error("b is not current")
				}
			}})
			f.OnSeal(a.Wake)
			f.OnSeal(b.Wake)
		})
		w.finish()
		if w.Pauses() != 1 {
			t.Errorf("%d pauses", w.Pauses())
		}
	})
	if got, want := strings.Join(log, ", "), "turn, pausing, ship 2, ship 3, ship 1, b, resumed, ship 4"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestChangesOfATurnAreSettledBetweenPasses has a node move a frontier that an
// earlier and a later one watch: both run in the next pass.
func TestChangesOfATurnAreSettledBetweenPasses(t *testing.T) {
	var log []string
	execute(t, 2, nil, func(w *Worker) {
		flow := build(w, func(f *Dataflow, graph tracker) {
			at := graph.AddPort()
			e := &Element{Name: "watched"}
			f.Place(0, at, e, "output 0")
			to := graph.AddPort()
			graph.Connect(at, to, 0)
			graph.Assume(at, 0, int64(w.Peers()))
			see := func(name string) body {
				return body{turn: func() {
					if w.Index() == 0 {
						log = append(log, fmt.Sprint(name, graph.Frontier(to)))
					}
				}}
			}
			graph.Watch(to, addNode(f, "before", see("before")))
			mover := addNode(f, "mover", body{turn: func() {
				for i := range order.Epoch(5) { // what happens in one turn is seen at once
					graph.Update(at, i+1, +1)
					graph.Update(at, i, -1)
				}
				if got := graph.Frontier(to); len(got) != 1 || got[0] != 0 {
					t.Errorf("the frontier moves inside a turn, to %v", got)
				}
				w.Staged(shipper(func() { graph.Update(at, 5, -1) }))
			}})
			graph.Watch(to, addNode(f, "after", see("after")))
			f.OnSeal(mover.Wake)
		})
		w.finish()
		if !flow.Complete() || flow.Dropped() || !flow.Sealed() {
			t.Error("it has not ended well")
		}
	})
	if got := strings.Join(log, " "); !strings.HasSuffix(got, "before[] after[]") || strings.ContainsAny(got, "12345") {
		t.Error("seen: ", got)
	}
}

func TestQueuesCarryWhatWasSent(t *testing.T) {
	const each = 100
	execute(t, 3, nil, func(w *Worker) {
		var got []int
		flow := build(w, func(f *Dataflow, _ tracker) {
			var receiver *Node
			receiver = addNode(f, "receiver", body{turn: func() { receiver.SetBusy(len(got) < 3*each) }})
			receiver.SetBusy(true)
			f.OnSeal(func() {
				to := OpenQueue(f.AddEdge(receiver, "input"), nil, func(xs []int) { got = append(got, xs...); receiver.Wake() })
				for n := range each {
					for _, s := range to {
						s.Send(w.Index()*each + n)
					}
				}
			})
		})
		w.finish()
		if !flow.Complete() || len(got) != 3*each {
			t.Errorf("complete %v, got %d", flow.Complete(), len(got))
		}
		for from := range 3 {
			own := slices.DeleteFunc(slices.Clone(got), func(x int) bool { return x/each != from })
			if !slices.IsSorted(own) {
				t.Errorf("out of order: %v", own)
			}
		}
	})
}

// TestDroppedDataflowDiscardsWhatArrives, and its wakers and alarms end.
func TestDroppedDataflowDiscardsWhatArrives(t *testing.T) {
	execute(t, 1, nil, func(w *Worker) {
		left := false
		var send func()
		flow := build(w, func(f *Dataflow, _ tracker) {
			n := addNode(f, "a", body{turn: func() {
				defer func() { left = true }()
				w.pause()
				t.Error("the operator goes on")
			}})
			n.Waker()
			n.WakeAfter(time.Hour)
			f.OnSeal(n.Wake)
			f.OnSeal(func() {
				to := OpenQueue(f.AddEdge(n, "input"), nil, func([]int) { t.Error("something is received") })
				send = func() { to[0].Send(1) }
			})
		})
		w.loop.Step(1)
		flow.Drop()
		flow.Drop()
		if !left || !flow.Dropped() || flow.Complete() {
			t.Error("it is not dropped, or its operator has not left")
		}
		if w.wakers.open.Load() != 0 || len(w.alarms) > 0 {
			t.Error("a waker or an alarm is left")
		}
		send()
		w.Step(-1)
	})
}

func TestTurnIsExhausted(t *testing.T) {
	clock := &handClock{}
	h := &host.Host{Clock: clock, NewParker: host.Real().NewParker, WorkLimit: 1000}
	execute(t, 1, h, func(w *Worker) {
		build(w, func(f *Dataflow, _ tracker) {
			n := addNode(f, "a", body{turn: func() {
				if w.Exhausted(999) || !w.Exhausted(1) {
					t.Error("not exhausted by records exactly at the limit")
				}
				w.rested()
				if w.Exhausted(999) {
					t.Error("a rested turn is exhausted")
				}
				w.rested()
				batches := 0
				for ; !w.Exhausted(0); batches++ {
					clock.now += timeLimit / 100
				}
				if batches < 100 || batches > 130 {
					t.Errorf("exhausted by time after %d hundredths of the limit", batches)
				}
				pauses := w.Pauses()
				w.PausePoint(1)
				w.PausePoint(1000)
				w.PausePoint(1000)
				if w.Pauses() < pauses+2 {
					t.Error("a pause point does not yield")
				}
			}})
			f.OnSeal(n.Wake)
		})
		w.finish()
	})
}

type handClock struct{ now time.Duration }

func (c *handClock) Now() time.Duration { return c.now }

func TestStopWakesTheWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x Stopper
		s := Settings{Workers: 3, Grace: time.Second, Log: slog.New(slog.DiscardHandler)}
		err := Execute(context.Background(), s, func(s Stopper) { x = s }, func(w *Worker) error {
			var a *Node
			build(w, func(f *Dataflow, _ tracker) {
				a = addNode(f, "a", body{turn: func() {}})
				a.SetBusy(true)
			})
			if w.Index() == 0 {
				time.AfterFunc(time.Hour, x.Stop)
			}
			k := w.Waker()
			start := time.Now()
			for !w.Stopping() {
				w.Step(-1)
			}
			if time.Since(start) != time.Hour {
				t.Error("stopped after ", time.Since(start))
			}
			k.Close()
			a.SetBusy(false)
			a.Wake()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestWorkerIsWokenDuringPasses has a node use a waker of the worker, of itself and
// of another while it runs: the nodes run in the next pass, the Step after returns.
func TestWorkerIsWokenDuringPasses(t *testing.T) {
	execute(t, 1, nil, func(w *Worker) {
		var log []string
		var k, ka, kb *Waker
		flow := build(w, func(f *Dataflow, _ tracker) {
			a := addNode(f, "a", body{turn: func() {
				if log = append(log, "a"); len(log) == 1 {
					k.Wake()
					kb.Wake()
					ka.Wake()
					kb.Wake()
				}
			}})
			b := addNode(f, "b", body{turn: func() { log = append(log, "b") }})
			k, ka, kb = w.Waker(), a.Waker(), b.Waker()
			a.SetBusy(true)
			f.OnSeal(a.Wake)
		})
		w.Step(-1)
		if got := strings.Join(log, " "); got != "a a b" {
			t.Error(got)
		}
		w.Step(-1) // would sleep for ever
		ran, woken := w.round()
		if ran || woken {
			t.Error("woken twice")
		}
		k.Close()
		flow.Drop()
	})
}

func TestCycleIsNamed(t *testing.T) {
	f := &Dataflow{plan: blueprint{site: callsite.Site{File: "test.go", Line: 1}}}
	level := f.AddLevel(nil)
	a, b := &Element{Name: "A"}, &Element{Name: "B"}
	f.Place(level, 0, a, "input 0")
	f.Place(level, 1, a, "output 0")
	f.Place(level, 3, b, "input 0")
	f.CheckCycle(level, nil)
	f.CheckCycle(level, errors.New("another"))
	defer func() {
		err, _ := recover().(error)
		if err == nil || !strings.Contains(err.Error(), "test.go:1") || !strings.Contains(err.Error(), "cycle of A@?, B@?;") {
			t.Error(err)
		}
	}()
	f.CheckCycle(level, fmt.Errorf("seal: %w", &progress.CycleError{Cycle: []progress.Location{0, 1, 2, 3}}))
}

func TestFailureText(t *testing.T) {
	boom := errors.New("boom")
	for _, test := range []struct {
		f    *Failure
		want string
	}{
		{&Failure{Worker: -1, Err: boom}, "timely: boom"},
		{&Failure{Worker: 2, Err: boom}, "timely: worker 2: boom"},
		{&Failure{Worker: 2, Operator: "Map", Site: "main.go:3", Err: boom}, "timely: worker 2, Map@main.go:3: boom"},
		{&Failure{Worker: 0, Err: errors.New("timely: main.go:3: misuse")}, "timely: worker 0: main.go:3: misuse"},
		{panicked(boom, nil), "timely: worker 0: panic: boom"},
		{panicked(17, nil), "timely: worker 0: panic: 17"},
	} {
		if got := test.f.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	if f := panicked(boom, nil); !errors.Is(f, boom) {
		t.Error("the cause is hidden")
	}
	var p *PanicError
	if f := panicked(17, nil); !errors.As(f, &p) || p.Value != 17 {
		t.Error("the value is hidden")
	}
}
