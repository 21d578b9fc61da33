package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

type flowGot map[epoch][]item

// FlowResult is what became of a case.
type FlowResult struct {
	Trace uint64
	Steps int
	Time  time.Duration // at the end
	Err   error
	Did   [host.Flows]int64 // how often flow control did something; host.Peak: of the worker that had most
	Saw   Sometimes
	Last  []time.Duration // when something arrived last at the sink at each node
}

// flowSteps is when a case is held to be endless. One in some thousands takes a million:
// a loop spins, messages arrive last, and each byte waits for several of them.
const flowSteps = 5_000_000

// errEndless is that a case has not ended.
var errEndless = errors.New("the case does not end")

// Run simulates a case and compares it with the naive evaluation.
func (c *FlowCase) Run() FlowResult { return c.runWith(c.Budget) }

// unlimited is a budget, of a 32-bit machine too, that is never used up.
const unlimited = 1<<31 - 1

func (c *FlowCase) runWith(budget int) (res FlowResult) {
	w := NewWorld(c.Workers, c.Seed, c.newPolicy())
	w.pace, w.stopped, w.stoppedUntil = c.Pace, c.Stopped, c.For
	run := &flowRun{c: c, clock: func() time.Duration { return w.now }, tokens: make(map[*flowHead]int), got: make([]flowGot, len(c.Graph.Nodes)), last: make([]time.Duration, len(c.Graph.Nodes))}
	h := w.Host(c.WorkLimit, c.MaxRecords)
	h.Flow = func(_ int, what host.Flow, n int64) {
		if what == host.Peak {
			res.Did[what] = max(res.Did[what], n)
		} else {
			res.Did[what] += n
		}
	}
	var reports []func() string
	done := make(chan error, 1)
	go func() {
		done <- timely.Execute(host.With(context.Background(), h), timely.Config{Workers: c.Workers, EdgeBudget: budget}, func(k *timely.Worker) error {
			reports = append(reports, k.Report)
			return run.program(k)
		})
	}()
	err := w.Run(flowSteps) // if it fails, the workers are left behind
	if err == nil {
		if err = <-done; err == nil {
			err = c.differ(run.got)
		}
	} else if w.wrong == nil {
		err = reported(fmt.Errorf("%w: %w", errEndless, err), reports)
	}
	if err != nil {
		res.Err = fmt.Errorf("%v\n%w", c, err)
	}
	res.Trace, res.Saw, res.Steps, res.Time, res.Last = w.Trace(), w.saw, w.steps, w.now, run.last
	return res
}

// differ says how what arrived at the sinks differs from what is wanted.
func (c *FlowCase) differ(got []flowGot) error {
	for i, want := range c.want {
		if want == nil {
			continue
		}
		for t := range epoch(c.epochs()) {
			if err := differItems(want[t], got[i][t]); err != nil {
				return fmt.Errorf("at %v at the sink behind node %d: %w", t, i, err)
			}
		}
		for t := range got[i] {
			if t >= epoch(c.epochs()) {
				return fmt.Errorf("something arrived at %v at the sink behind node %d", t, i)
			}
		}
	}
	return nil
}

func differItems(want, got []item) error {
	want, got = slices.Clone(want), slices.Clone(got)
	slices.SortFunc(want, compareItems)
	slices.SortFunc(got, compareItems)
	if !slices.Equal(want, got) {
		return fmt.Errorf("there are %d records, there should be %d", len(got), len(want))
	}
	return nil
}

// compareItems is any total order.
func compareItems(a, b item) int {
	if a.Name != b.Name {
		return cmp.Compare(a.Name, b.Name)
	}
	return cmp.Compare(a.rest(), b.rest())
}

// rest is all of an item but its name.
func (x item) rest() (n uint64) {
	for level := range maxDepth {
		n = n<<16 | uint64(x.Fuel[level])<<8 | uint64(x.Round[level])
	}
	if n <<= 1; x.Token {
		n++
	}
	return n
}

// program is what each worker runs.
func (r *flowRun) program(k *timely.Worker) error {
	c := r.c
	type fed struct {
		input *timely.Input[epoch, item]
		node  *flowNode
		sent  int
	}
	var feeds []*fed
	probe := timely.NewProbe[epoch]()
	flow := timely.Dataflow(k, func(s timely.Scope[epoch]) {
		streams := buildFlow(r, c.Graph, func(_ int, n *flowNode) flowStream[epoch] {
			if n.Feed.Operator {
				return timely.Source(s, "Source", func(yield func(epoch, item) bool) {
					for i := range n.Feed.sends(k.Index()) {
						if !yield(n.Feed.at(i), n.record(k.Index(), i)) {
							return
						}
					}
				})
			}
			f := &fed{input: timely.NewInput[epoch, item](), node: n}
			feeds = append(feeds, f)
			return f.input.Stream(s)
		})
		var all []flowStream[epoch]
		for _, i := range c.Graph.ends() {
			all = append(all, r.sink(i, streams[i]))
		}
		timely.ProbeWith(timely.Concat(all[0], all[1:]...), probe)
	})
	if c.Busy {
		busy(k, flow)
	}
	rnd := rand.New(rand.NewPCG(c.Seed, uint64(k.Index())))
	until := func(f *fed, t epoch) {
		for ; f.sent < f.node.Feed.sends(k.Index()) && f.node.Feed.at(f.sent) <= t; f.sent++ {
			if f.input.Time() < f.node.Feed.at(f.sent) {
				f.input.AdvanceTo(f.node.Feed.at(f.sent))
			}
			f.input.Send(f.node.record(k.Index(), f.sent))
		}
	}
	if c.InTurn {
		for _, f := range feeds {
			until(f, epoch(c.epochs()))
			f.input.Close()
		}
		return nil
	}
	for t := range epoch(c.epochs()) {
		for _, f := range feeds {
			until(f, t)
			f.input.AdvanceTo(t + 1)
		}
		if rnd.IntN(2) == 0 {
			k.Poll()
		}
		for c.Waits && !c.holds() && probe.LessThan(t+1) {
			k.Step()
		}
	}
	return nil
}

// busy builds a dataflow in which an operator always runs, until another has ended.
func busy(k *timely.Worker, until *timely.Installed) {
	timely.Dataflow(k, func(s timely.Scope[epoch]) {
		b := timely.NewBuilder(s, "Busy")
		b.Build(func() bool {
			if until.Done() {
				return false
			}
			b.Activate()
			return true
		})
	})
}

// sink collects what arrives, and checks it when the time is complete at all workers.
func (r *flowRun) sink(i int, s flowStream[epoch]) flowStream[epoch] {
	if r.got[i] == nil {
		r.got[i] = make(flowGot)
	}
	n := r.c.Graph.Nodes[i]
	pact := timely.Pipeline[item]
	if n.Salt%2 == 0 {
		pact = timely.ExchangeBy(n.key)
	}
	got, want := r.got[i], r.c.want[i]
	complete := timely.NewNotificator[epoch]()
	return timely.Unary(s, pact, "Sink", func(in flowIn[epoch], out flowOut[epoch]) {
		for at, xs := range in.Batches() {
			got[at.Time()] = append(got[at.Time()], xs...)
			r.last[i] = r.clock()
			complete.NotifyAt(at)
		}
		for at := range complete.Ready(in.Frontier()) {
			if err := differItems(want[at.Time()], got[at.Time()]); err != nil {
				panic(fmt.Errorf("time %v was said to be complete: %w", at.Time(), err))
			}
		}
	})
}
