package timely_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// watched is a log that somebody waits for.
type watched struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func (l *watched) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.lines <- string(b):
	default:
	}
	return l.text.Write(b)
}

func newWatched() (*watched, *slog.Logger) {
	l := &watched{lines: make(chan string, 100)}
	return l, slog.New(slog.NewTextHandler(l, nil))
}

// soon returns a context in which stalls are told after a tenth of a second.
func soon(t *testing.T) context.Context {
	h := host.Real()
	h.StallAfter = 100 * time.Millisecond
	return host.With(t.Context(), h)
}

// TestLockHeldAcrossSendIsTold: an operator holds a lock and is paused in Send, and
// another waits for the lock, so the worker never comes back to the first.
func TestLockHeldAcrossSendIsTold(t *testing.T) {
	log, logger := newWatched()
	lock, escape := make(chan struct{}, 1), make(chan struct{})
	var line string
	go func() {
		line = <-log.lines
		close(escape)
	}()
	err := timely.Execute(soon(t), timely.Config{Log: logger, EdgeBudget: 1}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			numbers := timely.ToStream(s, upTo(10))
			holding := timely.Unary(numbers, timely.Pipeline, "Holder", func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
				for at, ns := range in.Batches() {
					lock <- struct{}{}
					for range 10_000 {
						out.Session(at).SendBatch(ns)
					}
					<-lock
				}
			})
			timely.Sink(holding, timely.Pipeline, "Waiter", func(in *timely.InPort[timely.Epoch, int]) {
				for range in.Batches() {
					select {
					case lock <- struct{}{}:
						<-lock
					case <-escape:
					}
				}
			})
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one turn of an operator for long", "worker=0", "TestLockHeldAcrossSendIsTold.func", "stall_test.go", "SendBatch"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q does not say %q", line, want)
		}
	}
}

// TestProgramThatWaitsInVainIsTold once, with the report of what holds back the probe.
func TestProgramThatWaitsInVainIsTold(t *testing.T) {
	log, logger := newWatched()
	err := timely.Execute(soon(t), timely.Config{Log: logger}, func(w *timely.Worker) error {
		waker := w.Waker() // so somebody might still do something
		defer waker.Close()
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.ProbeWith(input.Stream(s), probe)
		})
		var told string
		for probe.LessThan(1) {
			select {
			case told = <-log.lines:
				input.AdvanceTo(1)
			default:
				w.StepFor(10 * time.Millisecond)
			}
		}
		for _, want := range []string{"nothing has happened for long", "worker=0", "Input@stall_test.go"} {
			if !strings.Contains(told, want) {
				t.Errorf("%q does not say %q", told, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.text.String(), "\n"); n != 1 {
		t.Errorf("%d lines were logged:\n%s", n, log.text.String())
	}
}

// TestProgramThatComputesBetweenStepsIsNotToldOf: nobody waits for an operator.
func TestProgramThatComputesBetweenStepsIsNotToldOf(t *testing.T) {
	log, logger := newWatched()
	err := timely.Execute(soon(t), timely.Config{Log: logger}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.Inspect(input.Stream(s), func(int) {})
		})
		for began := time.Now(); time.Since(began) < 500*time.Millisecond; {
		}
		return nil
	})
	if err != nil || log.text.Len() > 0 {
		t.Errorf("%v, and the log says %q", err, log.text.String())
	}
}
