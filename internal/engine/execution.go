package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/comm/cluster"
	"github.com/timely-go/timely/internal/comm/tcp"
	"github.com/timely-go/timely/internal/host"
)

// Settings are what an execution is told from outside.
type Settings struct {
	Workers    int           // of this process
	Mesh       *tcp.Mesh     // joins this process with others; nil: it is alone. Execute closes it
	EdgeBudget int           // bytes that may wait at an edge; 0: the default
	Grace      time.Duration // how long workers may take to leave after a failure
	Log        *slog.Logger  // never nil

	Cause func(*Failure) error // the failure as the context's cause is; nil: as it is
}

// Execution is the workers of one Execute. Workers meet here and in the fabric;
// everything else is one worker's own.
type Execution struct {
	settings Settings
	host     *host.Host
	fabric   *cluster.Fabric
	workers  []*Worker // of this process

	audit *audit // nil: nobody checks

	ctx      context.Context // ends at the first failure, with its cause
	cancel   context.CancelCauseFunc
	failing  atomic.Bool
	stopping atomic.Bool
	watching sync.WaitGroup // watchMesh
	wanted   atomic.Int32   // dataflows of which a worker wants to know whether they are at rest

	mu      sync.Mutex
	failure *Failure
	planned int                // dataflows, so far
	plans   map[int]*blueprint // by number: of those that have not ended at all workers

	heard    map[int]*heard // by number: of those that only other processes have begun to build
	returned map[int]int    // by worker of another process whose program has returned: dataflows that it had built
}

// Stopper ends an execution in good order.
type Stopper interface{ Stop() }

// Execute runs a program at each worker of an execution, and waits until all of
// them have returned and all dataflows are complete. The begin function, if not
// nil, is given the way to stop the execution in good order. It returns nil or
// the first failure.
func Execute(ctx context.Context, s Settings, begin func(Stopper), program func(*Worker) error) *Failure {
	x := &Execution{
		settings: s, host: host.From(ctx), plans: make(map[int]*blueprint),
		heard: make(map[int]*heard), returned: make(map[int]int),
	}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	defer x.cancel(nil)
	x.fabric = cluster.New(s.Workers, x.host, s.Mesh, x.hear, x.peerFailed)
	if x.ctx.Err() != nil {
		x.Fail(x.contextEnded())
	} else {
		x.run(begin, program)
	}
	if s.Mesh != nil {
		x.leaveMesh(s.Mesh)
		x.watching.Wait()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.failure
}

// run runs the workers of this process.
func (x *Execution) run(begin func(Stopper), program func(*Worker) error) {
	x.audit = newAudit(x.host.Audit)
	for i := range x.settings.Workers {
		x.workers = append(x.workers, x.newWorker(x.fabric.First()+i))
	}
	x.fabric.Start()
	if x.settings.Mesh != nil {
		x.watching.Go(func() { x.watchMesh(x.settings.Mesh) })
	}
	if begin != nil {
		begin(x)
	}
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, w := range x.workers {
		all.Go(func() {
			pprof.Do(x.ctx, pprof.Labels(workerLabel, w.label()), func(context.Context) { w.run(program) })
		})
	}
	go func() { all.Wait(); close(done) }()
	if limit := stallLimit(x.host); limit > 0 {
		over := make(chan struct{})
		var lookout sync.WaitGroup
		lookout.Go(func() { x.lookOut(limit, over) })
		defer func() {
			close(over)
			lookout.Wait()
		}()
	}

	select {
	case <-done:
	case <-x.ctx.Done():
		select {
		case <-done: // it ended before the context did, or in spite of it
		default:
			x.Fail(x.contextEnded()) // unless something failed before
			x.grace(done)
		}
	}
}

// grace waits for the workers to leave, and names those that do not.
func (x *Execution) grace(done chan struct{}) {
	patience := time.NewTimer(x.settings.Grace)
	defer patience.Stop()
	select {
	case <-done:
		return
	case <-patience.C:
	}
	for _, w := range x.workers {
		if !w.left.Load() {
			x.settings.Log.Error("the worker has not left after the failure: it is still in the program's code",
				"worker", w.index, "grace", x.settings.Grace, "stack", w.stack())
		}
	}
}

const workerLabel = "timely-worker"

func (w *Worker) label() string { return fmt.Sprintf("%p/%d", w.x, w.index) }

// stack returns where the worker's goroutines stand.
func (w *Worker) stack() string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return err.Error()
	}
	var mine []string
	for _, g := range strings.Split(all.String(), "\n\n") {
		if strings.Contains(g, fmt.Sprintf("%q:%q", workerLabel, w.label())) {
			mine = append(mine, g)
		}
	}
	return strings.Join(mine, "\n\n")
}

// Fail notes a failure: the first ends the execution, others go to the log. The
// end of the context is one, whoever hears of it first.
func (x *Execution) Fail(f *Failure) {
	x.mu.Lock()
	first := x.failure == nil
	if first {
		x.failure = f
		if x.ctx.Err() != nil {
			x.failure = x.contextEnded()
		}
		x.failing.Store(true) // before anything is unwound
	}
	follows := x.failure != f && !errors.Is(x.failure.Err, f.Err) // a worker may find the same again
	x.mu.Unlock()
	if follows && f.Worker >= 0 {
		x.settings.Log.Error("another failure followed", "worker", f.Worker, "operator", f.Operator, "site", f.Site, "err", f.Err)
	}
	if !first {
		return
	}
	if x.settings.Cause != nil {
		x.cancel(x.settings.Cause(f))
	} else {
		x.cancel(f)
	}
	if x.settings.Mesh != nil {
		x.abortMesh(x.settings.Mesh, f)
	}
	for _, w := range x.workers {
		w.end.Signal()
	}
}

// contextEnded is the failure that the end of the context is.
func (x *Execution) contextEnded() *Failure {
	return &Failure{Process: x.fabric.Process(), Worker: -1, Err: context.Cause(x.ctx)}
}

// Stop makes Stopping true at all workers of all processes, and their present or next
// Step return.
func (x *Execution) Stop() {
	x.tell(notice{What: tellsStop, Worker: int64(x.fabric.First())})
	x.stop()
}

func (x *Execution) stop() {
	x.stopping.Store(true)
	for _, w := range x.workers {
		w.wakers.useWorker()
		w.end.Signal()
	}
}

func (x *Execution) newWorker(index int) *Worker {
	w := &Worker{x: x, index: index, clock: x.host.Clock, end: x.fabric.End(index), turns: x.host.Turns, receivers: make(map[int]receiver), workLimit: x.host.WorkLimit}
	if w.workLimit == 0 {
		w.workLimit = workLimit
	}
	if w.budget = int64(x.settings.EdgeBudget); w.budget == 0 {
		w.budget = defaultBudget
	}
	w.Pools = batch.Pools{Poison: x.host.Poison, MaxRecords: x.host.MaxRecords}
	w.loop = newLoop(w)
	w.quietSince = w.clock.Now()
	return w
}

// errExited is why a worker failed whose goroutine ended without a panic.
var errExited = errors.New("the worker's goroutine has ended without returning (runtime.Goexit, or FailNow of a test)")

// run is the life of a worker.
func (w *Worker) run(program func(*Worker) error) {
	if t := w.x.host.Turns; t != nil {
		t.Begin(w.index)
		defer t.End(w.index)
	}
	returned := false
	defer func() {
		if value := recover(); value != nil {
			w.fail(panicked(value, debug.Stack()))
		} else if !returned && !w.leaving { // it does not leave because of a failure: this is one
			w.fail(&Failure{Err: errExited, Stack: debug.Stack()})
		}
		w.loop.Close()
		w.notice()
		w.end.Leave()
		w.tellFlow(host.Peak, w.peak)
		w.left.Store(true)
	}()
	if err := w.outcome(program(w)); err != nil {
		w.fail(&Failure{Err: err})
	} else if !w.leaving {
		w.finish()
	}
	returned = true
}

// outcome returns what the worker has failed with, if anything, given what its
// program returned. A program that looks at the context may return because it has
// ended; that is not a failure of its own.
func (w *Worker) outcome(err error) error {
	if ended := w.x.ctx.Err(); ended != nil && (err == nil || errors.Is(err, ended)) {
		if w.leaving = w.x.failing.Load(); w.leaving {
			return nil
		}
		return context.Cause(w.x.ctx)
	}
	if err == nil {
		err = w.x.returns(w)
	}
	return err
}

// fail notes a failure of this worker, in the element that runs.
func (w *Worker) fail(f *Failure) {
	f.Process, f.Worker = w.x.fabric.Process(), w.index
	if e := w.Current; e != nil {
		f.Operator, f.Site = e.Name, e.Site.String()
	}
	w.Current = nil
	w.x.Fail(f)
}

// finish closes the inputs and serves the dataflows until all are complete.
func (w *Worker) finish() {
	for _, c := range w.closers {
		c.Close()
	}
	w.closers = nil
	for w.live > 0 {
		w.Step(-1)
	}
	w.x.fabric.Flush(w.index)
}
