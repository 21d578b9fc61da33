package sim

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// This file runs generated programs on goroutines, as they run outside of tests,
// and makes things go wrong in them: at moments that are counted, in records or in
// epochs, so that a seed goes wrong in nearly the same place again. A program
// either has its exact result or fails, in time, with what went wrong; whatever
// happens, no operator is told that a time is complete of which records are missing,
// and no goroutine is left.

var (
	chaosRounds = flag.Int("chaos", 0, "run so many rounds of chaos, however long it takes")
	chaosSeed   = flag.Uint64("chaosseed", 0, "run this round of chaos only")
)

const (
	chaosAtLeast = 20               // rounds, however long they take
	chaosWithin  = 20 * time.Second // a round, which takes milliseconds
)

// mishap is what may go wrong.
type mishap int

const (
	mishapNone mishap = iota
	mishapPanicInOperator
	mishapExitInOperator    // runtime.Goexit
	mishapPanicInProgram    // between steps
	mishapErrorFromProgram  //
	mishapEarlyReturn       // a program returns, and has not sent the rest of its records
	mishapCancelInOperator  // the context ends while an operator runs
	mishapCancelInProgram   //
	mishapPanicWhileUnwound // a deferred function of an operator that was ordered to leave panics
	mishapTwoPanics         // at two workers
	mishaps
)

var mishapNames = [mishaps]string{"nothing", "panic in operator", "exit in operator", "panic in program", "error from program",
	"early return", "cancel in operator", "cancel in program", "panic while unwound", "two panics"}

// fails reports whether the execution must fail. A context that ends may be late.
func (m mishap) fails() bool {
	return !slices.Contains([]mishap{mishapNone, mishapEarlyReturn, mishapCancelInOperator, mishapCancelInProgram}, m)
}

// injected is what goes wrong on purpose.
type injected struct{ what mishap }

func (e *injected) Error() string { return "injected: " + mishapNames[e.what] }

// site is where a bomb is: a kind of operator.
type site int

const (
	siteMap site = iota
	siteFlatMap
	siteSession // in the middle of a Unary's session
	siteNotified
	siteLoop
	sites
)

var siteNames = [sites]string{"Map", "FlatMap", "Session", "Notified", "Map"}

// chaos is one round.
type chaos struct {
	*Case
	what     mishap
	site     site
	worker   int         // at which it goes wrong
	fuse     int64       // records until then
	epoch    epoch       // the epoch until then, for what happens in programs
	cut      int         // nodes of the plan before the bomb
	dropped  *Case       // a second dataflow that is dropped, or nil
	dropAt   []epoch     // by worker
	cause    error       // what goes wrong
	exploded atomic.Bool // it has gone wrong
	seen     [2]ledger   // of the dataflow that stays, and of the one that is dropped
	cancel   context.CancelCauseFunc
	logged   logged
}

func drawChaos(seed uint64) *chaos {
	r := rand.New(rand.NewPCG(seed, 0xC4A05))
	c := &chaos{Case: Draw(r.Uint64()), what: mishap(r.IntN(int(mishaps))), site: site(r.IntN(int(sites)))}
	c.Case.Seed = seed
	c.Workers = 1 + r.IntN(4)
	if c.what == mishapTwoPanics {
		c.Workers = max(2, c.Workers)
	}
	c.worker = r.IntN(c.Workers)
	c.fuse = 1 + int64(r.IntN(1+r.IntN(25)))
	c.epoch = epoch(r.IntN(c.Epochs))
	c.cut = r.IntN(1 + c.Plan.length())
	c.cause = &injected{c.what}
	if c.what == mishapEarlyReturn && !c.loseRest() {
		c.what = mishapNone
	}
	if r.IntN(2) == 0 {
		c.dropped = Draw(r.Uint64())
		for range c.Workers {
			c.dropAt = append(c.dropAt, epoch(r.IntN(c.Epochs+1)))
		}
	}
	c.seen[0].want = c.want
	if c.dropped != nil {
		c.seen[1].want = c.dropped.want
	}
	return c
}

func (c *chaos) String() string {
	also := ""
	if c.dropped != nil {
		also = fmt.Sprintf("; dropped at %v is %v", c.dropAt, c.dropped.Plan)
	}
	return fmt.Sprintf("-chaosseed %d: %s at worker %d, %s after %d nodes and %d records, or at epoch %v; %d workers, work limit %d, buffers of %d, %d epochs:%v%s",
		c.Seed, mishapNames[c.what], c.worker, siteNames[c.site], c.cut, c.fuse, c.epoch, c.Workers, c.WorkLimit, c.MaxRecords, c.Epochs, c.Plan, also)
}

// loseRest takes out of the input what the worker that returns early does not
// send, and reports whether the rest is not too much to evaluate.
func (c *chaos) loseRest() bool {
	all, sent := c.Input, make(times)
	for t, xs := range all {
		for i, x := range xs {
			if t < c.epoch || c.sender(i) != c.worker {
				sent[t] = append(sent[t], x)
			}
		}
	}
	c.Input = sent
	if c.evaluate() {
		c.Input = all
		return true
	}
	c.Input = all
	return !c.evaluate()
}

// sender is the worker that sends a record.
func (c *chaos) sender(i int) int { return i % c.Workers }

func (p *Plan) length() (n int) {
	for ; p != nil; p = p.Next {
		n++
	}
	return n
}

// split cuts a plan in two after so many nodes.
func (p *Plan) split(n int) (before, after *Plan) {
	if n == 0 || p == nil {
		return nil, p
	}
	head := *p
	head.Next, after = p.Next.split(n - 1)
	return &head, after
}

// ledger is what arrived at the sinks of all workers.
type ledger struct {
	want  times
	mu    sync.Mutex
	got   times
	wrong error // the first time that was said to be complete and was not
	saw   int   // times that were seen to be complete
}

func (l *ledger) add(t epoch, xs []Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.got == nil {
		l.got = make(times)
	}
	l.got[t] = append(l.got[t], xs...)
}

// complete checks that all records of a time have arrived, at all workers together.
func (l *ledger) complete(t epoch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saw++
	if err := differ(times{t: l.want[t]}, times{t: l.got[t]}); err != nil && l.wrong == nil {
		l.wrong = fmt.Errorf("time %v was said to be complete: %w", t, err)
	}
}

// sinkInto collects what arrives at this worker in a ledger. Any worker's frontier
// speaks of all workers.
func sinkInto(s timely.Stream[epoch, Record], l *ledger, epochs epoch) timely.Stream[epoch, Record] {
	next := epoch(0)
	return timely.Unary(s, timely.Pipeline, "Sink", func(in *timely.InPort[epoch, Record], _ *timely.OutPort[epoch, Record]) {
		for at, xs := range in.Batches() {
			l.add(at.Time(), xs)
		}
		for f := in.Frontier(); next < epochs && !f.LessEqual(next); next++ {
			l.complete(next)
		}
	})
}

// last is an epoch after all those of a case, however much it delays.
func (c *Case) last() epoch { return epoch(c.Epochs + 2*c.Plan.length() + 1) }

// spark counts the records that pass at a worker, and makes things go wrong.
func (c *chaos) spark(k *timely.Worker, left *atomic.Int64) {
	at := c.worker == k.Index() || c.what == mishapTwoPanics && (c.worker+1)%c.Workers == k.Index()
	if !at || left.Add(-1) != 0 {
		return
	}
	switch c.what {
	case mishapPanicInOperator, mishapTwoPanics:
		c.exploded.Store(true)
		panic(c.cause)
	case mishapExitInOperator:
		c.exploded.Store(true)
		runtime.Goexit()
	case mishapCancelInOperator:
		c.exploded.Store(true)
		c.cancel(c.cause)
	}
}

// sendOn sends, in a deferred function of an operator that has failed, what nobody
// may take for a result.
func (c *chaos) sendOn(k *timely.Worker, session timely.Session[epoch, Record]) {
	if c.worker == k.Index() && c.exploded.Load() && (c.what == mishapPanicInOperator || c.what == mishapExitInOperator) {
		for range 50 {
			session.Send(Record{V: values})
		}
	}
}

// bomb puts where things go wrong into a stream. It changes no records.
func (c *chaos) bomb(k *timely.Worker, s timely.Stream[epoch, Record]) timely.Stream[epoch, Record] {
	left := new(atomic.Int64)
	left.Store(c.fuse)
	switch c.site {
	case siteFlatMap:
		return timely.FlatMap(s, func(x Record) iter.Seq[Record] {
			return func(yield func(Record) bool) {
				yield(x)
				c.spark(k, left)
			}
		})
	case siteSession:
		return timely.Unary(s, timely.Pipeline, "Session", func(in *timely.InPort[epoch, Record], out *timely.OutPort[epoch, Record]) {
			var session timely.Session[epoch, Record]
			defer func() { c.sendOn(k, session) }()
			for at, xs := range in.Batches() {
				kept := at.Retain()
				session = out.Session(kept)
				for _, x := range xs {
					session.Send(x)
					c.spark(k, left)
				}
				kept.Drop()
			}
		})
	case siteNotified:
		held := make(map[epoch][]Record)
		complete := timely.NewNotificator[epoch]()
		return timely.Unary(s, timely.ExchangeBy(hash), "Notified", func(in *timely.InPort[epoch, Record], out *timely.OutPort[epoch, Record]) {
			for at, xs := range in.Batches() {
				held[at.Time()] = append(held[at.Time()], xs...)
				complete.NotifyAt(at)
			}
			for at := range complete.Ready(in.Frontier()) {
				session := out.Session(at)
				for _, x := range held[at.Time()] {
					session.Send(x)
					c.spark(k, left)
				}
			}
		})
	case siteLoop:
		round := &Plan{Kind: kindLoop, Arg: uint16(c.fuse)}
		return looped(s, 0, round, func(xs timely.Stream[once, Record], _ *Plan) timely.Stream[once, Record] {
			return timely.Map(xs, func(x Record) Record { c.spark(k, left); return x })
		})
	}
	return timely.Map(s, func(x Record) Record { c.spark(k, left); return x })
}

// endless is an operator that is always paused in the middle, until it is ordered
// to leave; then its deferred function goes wrong.
func (c *chaos) endless(k *timely.Worker) *timely.Installed {
	return timely.Dataflow(k, func(s timely.Scope[epoch]) {
		timely.ToStream(s, func(yield func(Record) bool) {
			defer func() {
				if k.Index() == c.worker {
					c.exploded.Store(true)
					panic(c.cause)
				}
			}()
			for yield(Record{}) {
			}
		})
	})
}

// program is what each worker runs.
func (c *chaos) program(k *timely.Worker) error {
	var saw Sometimes // of this worker
	input, probe := timely.NewInput[epoch, Record](), timely.NewProbe[epoch]()
	before, after := c.Plan.split(c.cut)
	timely.Dataflow(k, func(s timely.Scope[epoch]) {
		xs := c.bomb(k, buildPlan(input.Stream(s), before, &saw))
		timely.ProbeWith(sinkInto(buildPlan(xs, after, &saw), &c.seen[0], c.last()), probe)
	})
	also, drop := timely.NewInput[epoch, Record](), func() {}
	if c.dropped != nil {
		flow := timely.Dataflow(k, func(s timely.Scope[epoch]) {
			sinkInto(buildPlan(also.Stream(s), c.dropped.Plan, &saw), &c.seen[1], c.dropped.last())
		})
		drop = flow.Drop
	}
	unwind := func() {}
	if c.what == mishapPanicWhileUnwound {
		unwind = c.endless(k).Drop
	}

	r := rand.New(rand.NewPCG(c.Seed, uint64(k.Index())))
	if r.IntN(2) == 0 { // whatever happens
		defer also.Close()
		defer input.Close()
	}
	for t := range epoch(c.Epochs) {
		if c.dropped != nil && c.dropAt[k.Index()] == t {
			drop()
		}
		if t == c.epoch && k.Index() == c.worker {
			switch c.what {
			case mishapPanicInProgram:
				c.exploded.Store(true)
				panic(c.cause)
			case mishapErrorFromProgram:
				c.exploded.Store(true)
				return c.cause
			case mishapEarlyReturn:
				c.exploded.Store(true)
				drop()
				return nil
			case mishapCancelInProgram:
				c.exploded.Store(true)
				c.cancel(c.cause)
			}
		}
		for i, x := range c.Input[t] {
			if c.sender(i) == k.Index() {
				input.Send(x)
			}
		}
		input.AdvanceTo(t + 1)
		c.feedDropped(k, also, t)
		switch r.IntN(4) {
		case 0:
			if c.what == mishapPanicWhileUnwound && t >= c.epoch {
				unwind()
			}
			for probe.LessThan(t + 1) {
				k.Step()
			}
		case 1:
			k.Poll()
		case 2:
			k.StepFor(time.Microsecond)
		}
	}
	drop()
	unwind()
	return nil
}

// feedDropped feeds the second dataflow, while it is there.
func (c *chaos) feedDropped(k *timely.Worker, also *timely.Input[epoch, Record], t epoch) {
	if c.dropped == nil || c.dropAt[k.Index()] <= t {
		return
	}
	for i, x := range c.dropped.Input[t] {
		if c.sender(i) == k.Index() {
			also.Send(x)
		}
	}
	also.AdvanceTo(t + 1)
}

// logged keeps the errors that are logged: failures that followed the first.
type logged struct {
	mu   sync.Mutex
	errs []error
	told []string
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }
func (l *logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logged) WithGroup(string) slog.Handler            { return l }
func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			l.errs = append(l.errs, err)
		}
		return true
	})
	return nil
}

// run runs the round, and says what is wrong with how it ended.
func (c *chaos) run() error {
	h := host.Real()
	h.WorkLimit, h.MaxRecords, h.Poison = c.WorkLimit, c.MaxRecords, true
	ctx, cancel := context.WithCancelCause(host.With(context.Background(), h))
	defer cancel(nil)
	c.cancel = cancel
	before := runtime.NumGoroutine()
	done := make(chan error, 1)
	go func() {
		done <- timely.Execute(ctx, timely.Config{Workers: c.Workers, Grace: chaosWithin, Log: slog.New(&c.logged)}, c.program)
	}()
	var ended error
	select {
	case ended = <-done:
	case <-time.After(chaosWithin):
		return fmt.Errorf("not at an end within %v:\n%s", chaosWithin, goroutines())
	}
	if err := c.judge(ended); err != nil {
		return err
	}
	for deadline := time.Now().Add(chaosWithin); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, goroutines())
		}
	}
	return nil
}

// judge looks at what Execute returned, what was logged, and what the sinks saw.
func (c *chaos) judge(ended error) error {
	for i := range c.seen {
		if err := c.seen[i].wrong; err != nil {
			return fmt.Errorf("dataflow %d: %w (Execute returned %v)", i, err, ended)
		}
	}
	for i, err := range c.logged.errs {
		if !c.known(err) {
			return fmt.Errorf("%s: %w", c.logged.told[i], err)
		}
	}
	if ended == nil {
		if c.exploded.Load() && c.what.fails() {
			return errors.New("Execute returned nil")
		}
		if err := differ(c.want, c.seen[0].got); err != nil {
			return err
		}
		if saw, want := c.seen[0].saw, c.Workers*int(c.last()); saw != want {
			return fmt.Errorf("%d times were seen to be complete, want %d", saw, want)
		}
		return nil
	}
	var f *timely.Failure
	switch {
	case !errors.As(ended, &f):
		return fmt.Errorf("Execute returned no Failure: %w", ended)
	case !c.exploded.Load() || !c.known(ended):
		return fmt.Errorf("another failure: %w\n%s", ended, f.Stack)
	case strings.Contains(f.Error(), "\n"):
		return fmt.Errorf("several lines: %w", ended)
	}
	return c.judgePlace(f)
}

// known reports whether an error is what was injected.
func (c *chaos) known(err error) bool {
	if c.what == mishapExitInOperator {
		return strings.Contains(err.Error(), "has ended without returning")
	}
	return errors.Is(err, c.cause)
}

// judgePlace looks at where a failure says that it was.
func (c *chaos) judgePlace(f *timely.Failure) error {
	worker, operator, stack := c.worker, "", false
	switch c.what {
	case mishapPanicInOperator, mishapTwoPanics, mishapExitInOperator:
		operator, stack = siteNames[c.site], true
	case mishapPanicWhileUnwound:
		operator, stack = "ToStream", true
	case mishapPanicInProgram:
		stack = true
	case mishapCancelInOperator, mishapCancelInProgram:
		worker = -1
	}
	if c.what == mishapTwoPanics && f.Worker == (c.worker+1)%c.Workers {
		worker = f.Worker
	}
	if f.Worker != worker || f.Operator != operator || (f.Stack != nil) != stack {
		return fmt.Errorf("it says worker %d, operator %q, %d bytes of stack; want worker %d, operator %q: %w", f.Worker, f.Operator, len(f.Stack), worker, operator, f)
	}
	return nil
}

func goroutines() string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	return b.String()
}

func TestChaosEndsWithTheResultOrTheCause(t *testing.T) {
	if *chaosSeed != 0 {
		c := drawChaos(*chaosSeed)
		t.Log(c)
		if err := c.run(); err != nil {
			t.Fatal(err)
		}
		t.Log("it has exploded: ", c.exploded.Load())
		return
	}
	n, limit := 0, suiteTime()/2
	first := uint64(1)
	if limit > time.Second { // a long run: seeds that no run had before
		first = uint64(time.Now().UnixNano())
	}
	var all, exploded [mishaps]int
	for begun := time.Now(); n < max(chaosAtLeast, *chaosRounds) || *chaosRounds == 0 && time.Since(begun) < limit; n++ {
		c := drawChaos(first + uint64(n))
		if err := c.run(); err != nil {
			t.Fatalf("%v:\n%v", c, err)
		}
		all[c.what]++
		if c.exploded.Load() {
			exploded[c.what]++
		}
	}
	var seen []string
	for what, name := range mishapNames {
		seen = append(seen, fmt.Sprintf("%s %d of %d", name, exploded[what], all[what]))
		if mishap(what) != mishapNone && n >= 500 && exploded[what] == 0 {
			t.Errorf("in no round there was: %s", name)
		}
	}
	t.Log(strings.Join(seen, ", "))
	fmt.Printf("count: %d chaos rounds ended cleanly\n", n)
}
