package timely_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// pausingAlways is a context in which an operator is paused whenever it can be.
func pausingAlways() context.Context {
	h := host.Real()
	h.WorkLimit, h.MaxRecords = 1, 1
	return host.With(context.Background(), h)
}

// A Source is one long turn.
func TestLongTurnKeepsNothingOfTimesThatAreDone(t *testing.T) {
	const few, many = 100_000, 600_000
	var atFew, atMany uint64
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.Source(s, "Times", func(yield func(timely.Epoch, int) bool) {
				for t := range timely.Epoch(many) {
					switch t {
					case few:
						atFew = heap()
					case many - 1:
						atMany = heap()
					}
					if !yield(t, 1) {
						return
					}
				}
			})
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if grown := int64(atMany) - int64(atFew); grown > 512<<10 {
		t.Errorf("the heap has grown by %d bytes over %d times", grown, many-few)
	}
}

// What a failing operator has not done must not be told, even if its deferred
// functions go on sending.
func TestPanickingOperatorIsNotPausedAgain(t *testing.T) {
	var passed []string
	err := timely.Execute(pausingAlways(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			b := timely.NewBuilder(s, "Panics")
			in := timely.AddInput(b, input.Stream(s), timely.Pipeline)
			busy, records := timely.AddOutput[int](b)
			_, silent := timely.AddOutput[int](b)
			b.Build(func() bool {
				for at := range in.Batches() {
					session := busy.Session(at)
					defer func() {
						for i := range 100 {
							session.Send(i)
						}
					}()
					panic("before it was done")
				}
				return false
			})
			timely.Inspect(records, func(int) {})
			watch := timely.NewBuilder(s, "Watch")
			frontier := timely.AddInput(watch, silent, timely.Pipeline)
			watch.WakeOn(frontier, timely.Always)
			watch.Build(func() bool {
				if f := frontier.Frontier(); !f.LessEqual(0) {
					passed = append(passed, f.String())
				}
				return false
			})
		})
		input.Send(1)
		input.AdvanceTo(3)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "before it was done") {
		t.Fatal(err)
	}
	if passed != nil {
		t.Errorf("the frontier has passed a time that failed: %v", passed)
	}
}

// A notificator hands out one capability for a time, good wherever one of those
// that it was given is.
func TestNotifiedFromTwoInputsIsGoodForTheOutputsOfBoth(t *testing.T) {
	var got []string
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		left, right := timely.NewInput[timely.Epoch, int](), timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			b := timely.NewBuilder(s, "Crossed")
			fromLeft := timely.AddInput(b, left.Stream(s), timely.Pipeline)
			fromRight := timely.AddInput(b, right.Stream(s), timely.Pipeline)
			toLeft, lefts := timely.AddOutput[string](b)
			toRight, rights := timely.AddOutput[string](b)
			b.Connect(fromLeft, toLeft, 0)
			b.Connect(fromRight, toRight, 0)
			complete := timely.NewNotificator[timely.Epoch]()
			b.Build(func() bool {
				for at := range fromLeft.Batches() {
					complete.NotifyAt(at)
				}
				for at := range fromRight.Batches() {
					complete.NotifyAt(at)
				}
				for at := range complete.Ready(fromLeft.Frontier(), fromRight.Frontier()) {
					toLeft.Session(at).Send("left")
					toRight.Session(at).Send("right")
				}
				return false
			})
			timely.Inspect(timely.Concat(lefts, rights), func(side string) { got = append(got, side) })
		})
		left.Send(1)
		right.Send(1)
		return nil
	})
	if err != nil || strings.Join(got, " ") != "left right" {
		t.Error(got, err)
	}
}

// A panic that the logic recovers from does not keep the time that it was notified of.
func TestNotificationThatPanicsIsOver(t *testing.T) {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			complete := timely.NewNotificator[timely.Epoch]()
			timely.Unary(input.Stream(s), timely.Pipeline, "Recovers", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				defer func() { _ = recover() }()
				for at := range in.Batches() {
					complete.NotifyAt(at)
				}
				for range complete.Ready(in.Frontier()) {
					panic("never mind")
				}
			})
		})
		input.Send(1)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The batch of the outer loop would be lost sight of.
func TestBatchesInsideALoopOverTheSameInputIsRefused(t *testing.T) {
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.Unary(input.Stream(s), timely.Pipeline, "Nested", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at := range in.Batches() {
					for _, ns := range in.Batches() {
						out.Session(at).SendBatch(ns)
					}
				}
			})
		})
		input.Send(1)
		input.AdvanceTo(1)
		input.Send(2)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "inside a loop over the same input's") || !strings.Contains(err.Error(), "pausing_test.go") {
		t.Error(err)
	}
}

// An operator that is unwound in the middle of its loop over Batches has not
// panicked: others are paused as before.
func TestOthersArePausedAfterAnOperatorWasUnwound(t *testing.T) {
	const tooMany = 50_000_000
	sent, dropped := 0, false
	err := timely.Execute(context.Background(), timely.Config{}, func(w *timely.Worker) error {
		forever := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.ToStream(s, func(yield func(int) bool) {
				for yield(1) {
					if sent++; dropped && sent > tooMany {
						panic("never paused")
					}
				}
			})
		})
		input := timely.NewInput[timely.Epoch, int]()
		unwound := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.Unary(input.Stream(s), timely.Pipeline, "Endless", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at := range in.Batches() {
					for session := out.Session(at); ; {
						session.Send(1)
					}
				}
			})
		})
		input.Send(1)
		for range 3 {
			w.Poll()
		}
		unwound.Drop()
		sent, dropped = 0, true
		w.Poll()
		forever.Drop()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
