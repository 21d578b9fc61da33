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

// FlowCase is one simulated run of a flow graph.
type FlowCase struct {
	Seed       uint64
	Workers    int
	Graph      *flowGraph
	Policy     string
	WorkLimit  int
	MaxRecords int
	Budget     int           // of an edge, in bytes; 0: the engine's default
	Pace       time.Duration // that a worker's step takes
	Busy       bool          // there is another dataflow, in which an operator always runs
	Stopped    int           // this worker has no turn
	For        time.Duration // until then
	InTurn     bool          // inputs are filled one after the other, not epoch by epoch
	Waits      bool          // the program waits for each epoch
	newPolicy  func() Policy
	want       []flowGot // by node; nil where there is no sink
}

// DrawFlow makes a case of a seed.
func DrawFlow(seed uint64) *FlowCase {
	r := rand.New(rand.NewPCG(seed, 0xF10))
	c := &FlowCase{Seed: seed, Workers: 1 + r.IntN(4), Stopped: -1}
	name, policy := anyPolicy(r, c.Workers)
	c.Policy, c.newPolicy = name, func() Policy { return relent(policy()) }
	c.WorkLimit = []int{1, 3, 64 << 10, 64 << 10}[r.IntN(4)]
	c.MaxRecords = []int{1, 2, 4, 16}[r.IntN(4)]
	c.Budget = anyBudget(r, c.MaxRecords, itemSize)
	c.Pace = []time.Duration{500 * time.Microsecond, time.Millisecond, 5 * time.Millisecond}[r.IntN(3)]
	c.Busy = r.IntN(4) == 0
	if c.Workers > 1 && r.IntN(6) == 0 {
		c.Stopped, c.For = r.IntN(c.Workers), 300*time.Millisecond
	}
	c.InTurn, c.Waits = r.IntN(3) == 0, r.IntN(3) == 0
	for {
		d := &drawer{Rand: r, epochs: 4, records: 25}
		c.Graph = d.graph()
		if c.evaluate() {
			return c
		}
	}
}

// relent makes a policy that lets nobody wait for ever: what goes round a loop, or
// an operator that always runs, would give one that avoids a worker, or its messages,
// always something else to choose.
func relent(p Policy) Policy {
	const patience, backlog = 200, 30
	ran := make(map[int]int) // by worker: when it ran last
	steps := 0
	return PolicyFunc(func(r *rand.Rand, among []Choice) int {
		steps++
		i := p.Choose(r, among)
		if r.IntN(10) == 0 {
			i = r.IntN(len(among))
		}
		for j, c := range among {
			if c.Worker >= 0 && steps-ran[c.Worker] > patience || c.Worker < 0 && len(c.queue.waiting) > backlog {
				i = j
			}
		}
		if w := among[i].Worker; w >= 0 {
			ran[w] = steps
		}
		return i
	})
}

// evaluate computes what is wanted, and reports whether that is not too much.
func (c *FlowCase) evaluate() bool {
	c.Graph.heads(0, func(h *flowHead, _ int) { h.need = 0 })
	c.want = make([]flowGot, len(c.Graph.Nodes))
	for _, i := range c.Graph.ends() {
		c.want[i] = make(flowGot)
	}
	var v flowNaive
	for t := range epoch(c.epochs()) {
		out := v.evaluate(c.Graph, 0, func(i int, n *flowNode) (all []item) {
			for w := range c.Workers {
				for j := range n.Feed.sends(w) {
					if n.Feed.at(j) == t {
						all = append(all, n.record(w, j))
					}
				}
			}
			return all
		})
		for i := range out {
			if c.want[i] != nil && len(out[i]) > 0 {
				c.want[i][t] = out[i]
			}
		}
	}
	return !v.tooMuch()
}

func (c *FlowCase) epochs() (n int) {
	for _, m := range c.Graph.Nodes {
		if m.Feed != nil {
			n = max(n, m.Feed.Epochs)
		}
	}
	return n
}

// sends returns how many records a worker sends, the token with them.
func (f *feed) sends(worker int) int {
	if f.Only && worker > 0 {
		return 0
	}
	return f.Records + 1
}

// record is one of those that a source sends.
func (n *flowNode) record(worker, i int) item {
	return item{Name: spread(uint32(i), n.Salt<<4+worker), Token: i == n.Feed.Records}
}

// holds reports whether an epoch may wait for a later one.
func (c *FlowCase) holds() (may bool) {
	c.Graph.all(func(n *flowNode) {
		may = may || n.Kind == flowDiamond || n.Kind == flowPerTime && n.N == 1 || // which has one batch in hand, perhaps not of the least time
			n.Head != nil && (n.Head.Token || n.Head.Kind == headAfter) || n.Next != nil && n.Next.Token
	})
	return may
}

func (c *FlowCase) String() string {
	stopped := ""
	if c.Stopped >= 0 {
		stopped = fmt.Sprintf(", worker %d stopped for %v", c.Stopped, c.For)
	}
	return fmt.Sprintf("flow seed %d: %d workers, %s, work limit %d, buffers of %d, budget %d, pace %v, busy neighbour %v%s, inputs in turn %v, waits %v%v",
		c.Seed, c.Workers, c.Policy, c.WorkLimit, c.MaxRecords, c.Budget, c.Pace, c.Busy, stopped, c.InTurn, c.Waits, c.Graph)
}

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

// unlimited is a budget that is never used up.
const unlimited = 1 << 40

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
	order := func(a, b item) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(fmt.Sprint(a.Fuel, a.Round, a.Token), fmt.Sprint(b.Fuel, b.Round, b.Token)))
	}
	want, got = slices.Clone(want), slices.Clone(got)
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if !slices.Equal(want, got) {
		return fmt.Errorf("there are %d records, there should be %d", len(got), len(want))
	}
	return nil
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

// ShrinkFlow returns a smaller case that fails in the same way, if there is one and
// it is soon found.
func ShrinkFlow(c *FlowCase, why error) *FlowCase {
	const patience = 20 * time.Second
	begun := time.Now()
	for smaller := true; smaller; {
		smaller = false
		for _, try := range c.smaller() {
			if time.Since(begun) > patience {
				return c
			}
			if !try.evaluate() {
				continue
			}
			if err := try.Run().Err; err != nil && errors.Is(err, errEndless) == errors.Is(why, errEndless) {
				c, smaller = try, true
				break
			}
		}
	}
	return c
}

// smaller returns cases that are a step smaller.
func (c *FlowCase) smaller() (all []*FlowCase) {
	with := func(change func(*FlowCase)) {
		try := *c
		try.Graph = c.Graph.clone()
		change(&try)
		all = append(all, &try)
	}
	for i := range c.Graph.Nodes {
		if c.Graph.Nodes[i].Kind != flowSource || i > 0 {
			with(func(try *FlowCase) { try.Graph.remove(i) })
		}
	}
	if c.Busy {
		with(func(try *FlowCase) { try.Busy = false })
	}
	if c.Stopped >= 0 {
		with(func(try *FlowCase) { try.Stopped = -1 })
	}
	if c.Policy != "uniform" {
		with(func(try *FlowCase) {
			try.Policy, try.newPolicy = "uniform", func() Policy { return Uniform }
		})
	}
	if c.Workers > 1 && c.Policy != "starve one" && c.Policy != "freeze a pair" && c.Stopped < 0 {
		with(func(try *FlowCase) { try.Workers-- })
	}
	if c.InTurn {
		with(func(try *FlowCase) { try.InTurn = false })
	}
	if c.Waits {
		with(func(try *FlowCase) { try.Waits = false })
	}
	var nodes int
	c.Graph.all(func(*flowNode) { nodes++ })
	for i := range nodes {
		for _, change := range []func(n *flowNode) bool{
			func(n *flowNode) bool { return n.Feed != nil && n.Feed.halve() },
			func(n *flowNode) bool { return n.Feed != nil && n.Feed.Records > 1 && n.Feed.lessen() },
			func(n *flowNode) bool { return n.Feed != nil && n.Feed.Epochs > 1 && n.Feed.oneEpoch() },
			func(n *flowNode) bool { return n.Exch != [2]bool{} && n.stay() },
			func(n *flowNode) bool { return n.Head != nil && n.Head.simpler() },
			func(n *flowNode) bool { return n.Head != nil && n.Head.shorter() },
			func(n *flowNode) bool { return n.Head != nil && n.Head.stays() },
			func(n *flowNode) bool { return n.Next != nil && n.Next.simpler() },
			func(n *flowNode) bool {
				return n.Body != nil && len(n.Body.Nodes) > 1 && n.Body.remove(len(n.Body.Nodes)-1)
			},
			func(n *flowNode) bool { return n.Body != nil && len(n.Body.Nodes) > 2 && n.Body.remove(1) },
		} {
			try := *c
			try.Graph = c.Graph.clone()
			at, changed := 0, false
			try.Graph.all(func(n *flowNode) {
				if at == i {
					changed = change(n)
				}
				at++
			})
			if changed {
				all = append(all, &try)
			}
		}
	}
	return all
}

func (f *feed) halve() bool    { f.Records /= 2; return f.Records > 0 }
func (f *feed) lessen() bool   { f.Records--; return true }
func (f *feed) oneEpoch() bool { f.Epochs = 1; return true }
func (n *flowNode) stay() bool { n.Exch = [2]bool{}; return true }

func (h *flowHead) simpler() bool {
	was := *h
	if h.Kind != headSide {
		h.Kind, h.Token = headPlain, false
	}
	h.Ramp, h.All = 0, false
	return *h != was
}

func (h *flowHead) shorter() bool {
	h.Stay--
	return h.Stay >= 0
}

func (h *flowHead) stays() bool {
	was := h.Exch
	h.Exch = false
	return was
}

func (g *flowGraph) clone() *flowGraph {
	if g == nil {
		return nil
	}
	c := &flowGraph{}
	for _, n := range g.Nodes {
		m := *n
		if n.Feed != nil {
			f := *n.Feed
			m.Feed = &f
		}
		if n.Head != nil {
			h := *n.Head
			m.Head = &h
		}
		if n.Next != nil {
			h := *n.Next
			m.Next = &h
		}
		m.Body = n.Body.clone()
		c.Nodes = append(c.Nodes, &m)
	}
	return c
}

// remove takes a node out: who took its stream takes what it took first, or the first source's.
func (g *flowGraph) remove(i int) bool {
	instead := 0
	if g.Nodes[i].inputs() > 0 {
		instead = g.Nodes[i].From[0]
	}
	g.Nodes = slices.Delete(g.Nodes, i, i+1)
	for _, n := range g.Nodes {
		for k := range n.From {
			if n.From[k] == i {
				n.From[k] = instead
			}
			if n.From[k] > i {
				n.From[k]--
			}
		}
	}
	return true
}
