package timely_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// This file is what the tests of flow control share: flow_*_test.go.

// A budget is what may wait at an edge in a test.
type budget struct {
	name    string
	bytes   int
	records int // in a buffer, at most; 0: as many as usual
	many    int // numbers that are much more than the budget
}

var (
	oneRecord = budget{"one record", 1, 1, 1_000}
	oneByte   = budget{"one byte", 1, 0, 10_000}
	oneBatch  = budget{"one batch", 8 << 10, 0, 20_000}
	usual     = budget{"default", 0, 0, 300_000}

	tightBudgets = []budget{oneRecord, oneByte, oneBatch}
	allBudgets   = []budget{oneRecord, oneByte, oneBatch, usual}
)

// unlimited is as good as no budget, on a 32-bit machine too.
const unlimited = 1<<31 - 1

// flowCase is one way to run a program.
type flowCase struct {
	budget
	workers int
}

// eachFlow runs a test with each budget and number of workers.
func eachFlow(t *testing.T, budgets []budget, workers []int, test func(t *testing.T, f flowCase)) {
	for _, b := range budgets {
		if raceEnabled { // everything takes ten times as long
			b.many /= 5
		}
		for _, n := range workers {
			t.Run(fmt.Sprintf("%s/%d", b.name, n), func(t *testing.T) { test(t, flowCase{b, n}) })
		}
	}
}

// context returns a context in which buffers hold as many records as they may.
func (b budget) context(t *testing.T) context.Context {
	h := host.Real()
	h.MaxRecords = b.records
	return host.With(t.Context(), h)
}

// flowPatience is how long a program may take that has its end.
const flowPatience = 30 * time.Second

// run runs a program, which must succeed.
func (f flowCase) run(t *testing.T, program func(*timely.Worker) error) {
	t.Helper()
	if err := f.end(t, program); err != nil {
		t.Fatal(err)
	}
}

// end runs a program, and returns what Execute returns. It fails the test, with all
// stacks, if that takes too long.
func (f flowCase) end(t *testing.T, program func(*timely.Worker) error) error {
	t.Helper()
	return f.endWith(t, f.context(t), program)
}

func (f flowCase) endWith(t *testing.T, ctx context.Context, program func(*timely.Worker) error) (err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // also so that what hangs does not slow down other tests
	ended := make(chan error, 1)
	go func() {
		ended <- timely.Execute(ctx, timely.Config{Workers: f.workers, EdgeBudget: f.bytes}, program)
	}()
	select {
	case err = <-ended:
		return err
	case <-time.After(flowPatience):
		t.Fatalf("not done within %v:\n%s", flowPatience, stacks())
		return nil
	}
}

// tally stands for a multiset of numbers. Its methods may be called from any goroutine.
type tally struct{ n, sum, mixed atomic.Uint64 }

func (y *tally) add(xs ...int) {
	var sum, mixed uint64
	for _, x := range xs {
		sum += uint64(x)
		mixed += timely.HashUint64(uint64(x))
	}
	y.n.Add(uint64(len(xs)))
	y.sum.Add(sum)
	y.mixed.Add(mixed)
}

func (y *tally) String() string {
	return fmt.Sprintf("%d numbers, sum %d, mixed %x", y.n.Load(), y.sum.Load(), y.mixed.Load())
}

func tallyOf(xs iter.Seq[int]) *tally {
	var y tally
	for x := range xs {
		y.add(x)
	}
	return &y
}

// tallied adds what a stream carries to y.
func tallied[T timely.Timestamp[T]](s timely.Stream[T, int], y *tally) timely.Stream[T, int] {
	return timely.InspectBatch(s, func(_ T, xs []int) { y.add(xs...) })
}

func (y *tally) mustBe(t *testing.T, want iter.Seq[int]) {
	t.Helper()
	if got, want := y.String(), tallyOf(want).String(); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

// shareOf yields a worker's share of 0, 1, … up to n, exclusive.
func shareOf(w *timely.Worker, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := w.Index(); i < n; i += w.Peers() {
			if !yield(i) {
				return
			}
		}
	}
}

// mustGive runs a dataflow in which the workers share the numbers up to n, and
// compares what comes out.
func (f flowCase) mustGive(t *testing.T, n int, want iter.Seq[int], build func(w *timely.Worker, numbers epochInts) epochInts) {
	t.Helper()
	var got tally
	f.run(t, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) { tallied(build(w, timely.ToStream(s, shareOf(w, n))), &got) })
		return nil
	})
	got.mustBe(t, want)
}

// gauge counts what is under way, and the most that ever was. Its methods may be
// called from any goroutine.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) add(n int) {
	for now, most := g.now.Add(int64(n)), g.most.Load(); now > most && !g.most.CompareAndSwap(most, now); {
		most = g.most.Load()
	}
}

// in counts what passes a place as under way from there, and out until there.
func (g *gauge) in(s epochInts) epochInts {
	return timely.InspectBatch(s, func(_ epoch, xs []int) { g.add(len(xs)) })
}

func (g *gauge) out(s epochInts) epochInts {
	return timely.InspectBatch(s, func(_ epoch, xs []int) { g.add(-len(xs)) })
}

func (g *gauge) mustNotExceed(t *testing.T, limit int) {
	t.Helper()
	if most := g.most.Load(); most > int64(limit) {
		t.Errorf("%d records were under way, more than %d", most, limit)
	}
	if now := g.now.Load(); now != 0 {
		t.Errorf("%d records are still under way", now)
	}
}

// passedOn puts an operator in the way of a stream.
func passedOn[T timely.Timestamp[T]](s timely.Stream[T, int], p timely.Pact[int], name string) timely.Stream[T, int] {
	return timely.Unary(s, p, name, func(in *timely.InPort[T, int], out *timely.OutPort[T, int]) {
		for at, xs := range in.Batches() {
			out.Session(at).SendBatch(xs)
		}
	})
}

// oneBatchATurn puts an operator in the way of a stream that takes one batch a turn.
func oneBatchATurn[T timely.Timestamp[T]](s timely.Stream[T, int], p timely.Pact[int]) timely.Stream[T, int] {
	return timely.Unary(s, p, "OneBatchATurn", func(in *timely.InPort[T, int], out *timely.OutPort[T, int]) {
		for at, xs := range in.Batches() {
			out.Session(at).SendBatch(xs)
			break
		}
	})
}

// toFirst brings all records to worker 0.
func toFirst(r *timely.Routes[int]) { r.By(func(int) uint64 { return 0 }) }

// work takes about as many nanoseconds.
//
//go:noinline
func work(n int) (x uint64) {
	for i := range n {
		x = x*6364136223846793005 + uint64(i)
	}
	return x
}
