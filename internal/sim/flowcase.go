package sim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

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
