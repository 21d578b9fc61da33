package sim

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

var (
	flowSeed  = flag.Uint64("flowseed", 0, "simulate the flow graph of this seed only")
	flowSeeds = flag.Int("flowseeds", 0, "simulate the flow graphs of so many seeds, however long it takes")
)

const (
	flowAtLeast     = 100   // seeds, however long they take
	flowAtLeastLong = 2_000 // seeds, where suites run for flowLong
	flowLong        = 12 * time.Second
)

func TestFlowGraphsEndAndAgree(t *testing.T) {
	if *flowSeed != 0 {
		c := DrawFlow(*flowSeed)
		t.Log(c)
		mustFlow(t, c)
		return
	}
	least := flowAtLeast
	if suiteTime() >= flowLong {
		least = flowAtLeastLong
	}
	var sum flowSum
	n := forSeeds(t, least, *flowSeeds, func(t *testing.T, seed uint64) (note func()) {
		r := mustFlow(t, DrawFlow(seed))
		return func() { sum.add(r) }
	})
	if missing := sum.missing(); missing != nil {
		t.Errorf("no seed has exercised %s", strings.Join(missing, ", "))
	}
	t.Log(sum)
	fmt.Printf("count: %d flow graphs have ended, with what they should\n", n)
}

// mustFlow runs a case with its budget and without, and shrinks it if it fails.
func mustFlow(t *testing.T, c *FlowCase) flowRatio {
	t.Helper()
	r := c.Run()
	if r.Err != nil {
		t.Logf("-flowseed %d failed: %v", c.Seed, r.Err)
		if u := c.runWith(unlimited); u.Err != nil {
			t.Fatalf("without a limit, too: %v", u.Err)
		}
		small := ShrinkFlow(c, r.Err)
		t.Fatalf("as small as it gets: %v", small.Run().Err)
	}
	u := c.runWith(unlimited)
	if u.Err != nil {
		t.Fatalf("without a limit: %v", u.Err)
	}
	return flowRatio{FlowResult: r, budget: c.Budget, unlimited: u.Did[host.Peak]}
}

// flowRatio is what a case held, and what it held without a limit.
type flowRatio struct {
	FlowResult
	budget    int
	unlimited int64
}

// flowSum sums up cases.
type flowSum struct {
	did             [host.Flows]int64
	saw             Sometimes
	cases           int
	small, batches  int     // cases with a small budget, and of these with one of batches
	budgets, shares float64 // peaks in budgets, of the latter; and in what is held without a limit
	steps           int
}

func (s *flowSum) add(r flowRatio) {
	for i, n := range r.Did {
		s.did[i] += n
	}
	s.saw.add(r.Saw)
	s.cases++
	s.steps = max(s.steps, r.Steps)
	if r.budget > 0 && r.unlimited > 0 {
		s.small++
		if r.budget > 1 {
			s.batches++
			s.budgets += float64(r.Did[host.Peak]) / float64(r.budget)
		}
		s.shares += float64(r.Did[host.Peak]) / float64(r.unlimited)
	}
}

func (s flowSum) missing() (names []string) {
	for i, name := range []string{
		host.WaitsForEdge: "pauses for an edge", host.WaitsForCredit: "pauses for credit", host.WaitsForLoop: "pauses for a loop",
		host.GrantsAtRest: "grants at rest", host.GrantsInTime: "grants by the timer", host.Laps: "laps",
	} {
		if s.did[i] == 0 {
			names = append(names, name)
		}
	}
	if s.saw.InStages == 0 {
		names = append(names, "pauses inside fused stages")
	}
	return names
}

func (s flowSum) String() string {
	n := float64(max(1, s.small))
	return fmt.Sprintf("waits for edges %d, for credit %d, for loops %d; grants at rest %d, in time %d; laps %d; pauses in stages %d; %d steps at most; all inputs of a worker held at most, in the mean of %d cases, %.1f budgets; and of %d, %.2f of what they hold without a limit",
		s.did[host.WaitsForEdge], s.did[host.WaitsForCredit], s.did[host.WaitsForLoop], s.did[host.GrantsAtRest], s.did[host.GrantsInTime], s.did[host.Laps], s.saw.InStages, s.steps, s.batches, s.budgets/float64(max(1, s.batches)), s.small, s.shares/n)
}

// Seeds of flow graphs that have found something, in the engine or in a mutant of it.
var flowRegressions = []uint64{7, 20, 42, 46, 80, 98, 146, 154, 162, 219, 672, 1898}

func TestFlowSeedsThatFoundSomething(t *testing.T) {
	for _, s := range flowRegressions {
		mustFlow(t, DrawFlow(s))
	}
}

func TestSameFlowSeedHappensAgainExactly(t *testing.T) {
	for s := range uint64(30) {
		a, b := DrawFlow(s).Run(), DrawFlow(s).Run()
		if a.Err != nil || b.Err != nil || a.Trace != b.Trace || a.Did != b.Did || a.Saw != b.Saw {
			t.Fatalf("seed %d: %+v and %+v", s, a, b)
		}
	}
}

// flowOf is a case with a graph of its own.
func flowOf(workers, budget int, nodes ...*flowNode) *FlowCase {
	for i, n := range nodes {
		n.Salt = i + 1
		n.N, n.Div = max(1, n.N), max(1, n.Div)
	}
	c := &FlowCase{Seed: 1, Workers: workers, Policy: "uniform", WorkLimit: 64 << 10, MaxRecords: 4, Budget: budget,
		Pace: time.Millisecond, Stopped: -1, Graph: &flowGraph{nodes}, newPolicy: func() Policy { return Uniform }}
	c.evaluate()
	return c
}

const flowBatch = 4*itemSize + 64

func entry() *flowGraph { return &flowGraph{[]*flowNode{{Kind: flowEntry, N: 1, Div: 1}}} }

// TestFlowShapes are graphs that have been thought of, with budgets of a byte and of
// one batch.
func TestFlowShapes(t *testing.T) {
	source := func(records, epochs int, operator bool) *flowNode {
		return &flowNode{Kind: flowSource, Feed: &feed{Operator: operator, Records: records, Epochs: epochs}}
	}
	loop := func(h flowHead) *flowNode { return &flowNode{Kind: flowLoop, Head: &h, Body: entry()} }
	shapes := map[string]func() []*flowNode{
		"a diamond whose sides have one source": func() []*flowNode {
			return []*flowNode{source(60, 3, true), {Kind: flowTimes, N: 3, From: [2]int{0}}, {Kind: flowDiamond, From: [2]int{1, 0}, Exch: [2]bool{true, false}}}
		},
		"a diamond by time": func() []*flowNode {
			return []*flowNode{source(60, 4, true), {Kind: flowExchange}, {Kind: flowPerTime, From: [2]int{1, 0}}}
		},
		"an operator that ignores its input": func() []*flowNode {
			return []*flowNode{source(60, 2, true), {Kind: flowIgnore, N: 2, Wait: 50 * time.Millisecond, Exch: [2]bool{true}}}
		},
		"a loop that amplifies": func() []*flowNode {
			return []*flowNode{source(20, 2, false), loop(flowHead{Salt: 50, Stay: 2, Ramp: 2, Exch: true})}
		},
		"a loop that waits for a token": func() []*flowNode {
			return []*flowNode{source(30, 2, true), loop(flowHead{Salt: 50, Token: true, All: true, Exch: true})}
		},
		"a loop that reads what enters first": func() []*flowNode {
			return []*flowNode{source(30, 2, true), loop(flowHead{Salt: 50, Kind: headAfter, Stay: 3})}
		},
		"a token behind a side input that is not taken": func() []*flowNode {
			return []*flowNode{source(12, 1, true), {Kind: flowTimes}, {Kind: flowLoop, From: [2]int{1, 1}, Head: &flowHead{Salt: 50, Kind: headSide, Token: true}, Body: entry()}}
		},
		"two loops that feed each other": func() []*flowNode {
			return []*flowNode{source(40, 2, true), {Kind: flowMutual, Head: &flowHead{Salt: 50, Stay: 6, Exch: true}}}
		},
		"a chain of loops": func() []*flowNode {
			return []*flowNode{source(30, 2, true), {Kind: flowChain, Head: &flowHead{Salt: 50, Stay: 4, Exch: true}, Next: &flowHead{Salt: 51, Stay: 4, Token: true}}}
		},
		"a throttle": func() []*flowNode {
			return []*flowNode{source(40, 8, true), {Kind: flowThrottle, N: 2}}
		},
		"the buffer that users write": func() []*flowNode {
			return []*flowNode{source(40, 8, false), {Kind: flowBuffer, N: 1}}
		},
	}
	for name, nodes := range shapes {
		t.Run(name, func(t *testing.T) {
			for _, workers := range []int{1, 2, 4} {
				for _, budget := range []int{1, flowBatch, 4 * flowBatch} {
					for _, neighbour := range []bool{false, true} {
						c := flowOf(workers, budget, nodes()...)
						c.Busy = neighbour
						if err := c.Run().Err; err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		})
	}
}

// TestEntranceOfALoopWhoseInnerLoopDeclines: what enters from the side waits, as the
// loop inside holds more than its budget and will not take it before that side has
// ended. Another loop spins, so that only the timer helps.
func TestEntranceOfALoopWhoseInnerLoopDeclines(t *testing.T) {
	inside := &flowGraph{[]*flowNode{
		{Kind: flowEntry, N: 1, Div: 1},
		{Kind: flowIgnore, Salt: 21, N: 1, Div: 1, Wait: 9 * time.Millisecond},
		{Kind: flowLoop, Salt: 22, N: 1, Div: 1, From: [2]int{1}, Head: &flowHead{Salt: 52, Kind: headAfter, Stay: 1}, Body: entry()},
	}}
	c := flowOf(1, 88,
		&flowNode{Kind: flowSource, Feed: &feed{Records: 4, Epochs: 1}},
		&flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 4, Epochs: 1}},
		&flowNode{Kind: flowChain, Head: &flowHead{Salt: 50}, Next: &flowHead{Salt: 51, Stay: 2, Token: true, All: true}},
		&flowNode{Kind: flowLoop, From: [2]int{1, 0}, Head: &flowHead{Salt: 53, Kind: headSide, Token: true}, Body: inside})
	c.MaxRecords, c.Pace = 1, 5*time.Millisecond
	mustFlow(t, c)
}

// TestThrottleBehindADiamond: what a Throttle waits for stands behind what it holds.
// It is granted more, but each time after a little longer.
func TestThrottleBehindADiamond(t *testing.T) {
	c := flowOf(1, 76, &flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 6, Epochs: 4}},
		&flowNode{Kind: flowDiamond}, &flowNode{Kind: flowTimes, N: 10, From: [2]int{1}}, &flowNode{Kind: flowThrottle, N: 1, From: [2]int{2}})
	c.MaxRecords, c.Busy = 1, true
	mustFlow(t, c)
}

// TestSlowConsumerBoundsFastProducer: nobody raises a limit for an operator that
// takes what it gets, however slowly, and whatever else runs.
func TestSlowConsumerBoundsFastProducer(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		for s := range uint64(20) {
			c := flowOf(workers, 4*flowBatch, &flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 600 / workers, Epochs: 1}},
				&flowNode{Kind: flowOne, Exch: [2]bool{workers > 1}})
			c.Seed, c.Busy, c.Pace = s, s%2 == 0, 20*time.Millisecond
			r := c.Run()
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			// at each of two edges a batch more from each worker than there is room for
			if bound := int64(2 * (4 + workers) * flowBatch); r.Did[host.Peak] > bound {
				t.Errorf("%d workers, seed %d: %d bytes waited at a worker, not %d at most", workers, s, r.Did[host.Peak], bound)
			}
		}
	}
}

// TestRestIsSeenAtOnce: who waits at an input that is not taken from goes on as soon
// as the dataflow is at rest, whatever runs in others. The timer would take 100 ms
// for each batch.
func TestRestIsSeenAtOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		for _, neighbour := range []bool{false, true} {
			c := flowOf(workers, flowBatch, &flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 200, Epochs: 1}},
				&flowNode{Kind: flowExchange}, &flowNode{Kind: flowDiamond, From: [2]int{1, 0}})
			c.Busy, c.Pace = neighbour, 10*time.Microsecond
			r := c.Run()
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			if r.Did[host.GrantsAtRest] < 20 || r.Time > 500*time.Millisecond {
				t.Errorf("%d workers, neighbour %v: %d grants at rest, %v in all", workers, neighbour, r.Did[host.GrantsAtRest], r.Time)
			}
		}
	}
}

// inWorld runs a program at workers of a world.
func inWorld(t *testing.T, workers, budget, records int, seed uint64, program func(w *World, k *timely.Worker) error) {
	t.Helper()
	w := NewWorld(workers, seed, Uniform)
	w.pace = time.Millisecond
	var reports []func() string
	done := make(chan error, 1)
	go func() {
		done <- timely.Execute(host.With(context.Background(), w.Host(64<<10, records)), timely.Config{Workers: workers, EdgeBudget: budget}, func(k *timely.Worker) error {
			reports = append(reports, k.Report)
			return program(w, k)
		})
	}()
	if err := w.Run(100_000); err != nil {
		t.Fatal(reported(err, reports))
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestGrantsAreTakenBack: an input that was granted much, while it was not taken from,
// drains to its budget although more comes all the time.
func TestGrantsAreTakenBack(t *testing.T) {
	const all, size = 2_000, 4
	for _, remote := range []bool{false, true} {
		var sent, taken, most, later int
		inWorld(t, 2, 4*flowBatch, size, 1, func(w *World, k *timely.Worker) error {
			timely.Dataflow(k, func(s timely.Scope[epoch]) {
				source := timely.ToStream(s, func(yield func(item) bool) {
					for k.Index() == 0 && sent < all {
						sent++
						if !yield(item{}) {
							return
						}
					}
				})
				b := timely.NewBuilder(s, "Late")
				in := timely.AddInput(b, source, timely.ExchangeBy(func(item) uint64 {
					if remote {
						return 1
					}
					return 0
				}))
				b.Build(func() bool {
					if w.now < 3*time.Second {
						b.ActivateAfter(time.Second)
						return false
					}
					for _, batch := range in.Batches() {
						if most = max(most, sent-taken); taken > all/2 {
							later = max(later, sent-taken)
						}
						taken += len(batch)
						break
					}
					return false
				})
			})
			return nil
		})
		if taken != all || most < 20*size || later > 8*size {
			t.Errorf("remote %v: %d of %d records were taken; %d waited at most, and %d when half of them were taken", remote, taken, all, most, later)
		}
	}
}

// TestWhoHasDroppedADataflowTakesEverything: nobody waits for credit from a worker
// that keeps nothing.
func TestWhoHasDroppedADataflowTakesEverything(t *testing.T) {
	for seed := range uint64(10) {
		var sent int
		inWorld(t, 2, flowBatch, 4, seed, func(w *World, k *timely.Worker) error {
			flow := timely.Dataflow(k, func(s timely.Scope[epoch]) {
				source := timely.ToStream(s, func(yield func(item) bool) {
					for k.Index() == 0 && sent < 400 {
						sent++
						if !yield(item{}) {
							return
						}
					}
				})
				timely.Sink(source, timely.ExchangeBy(func(item) uint64 { return 1 }), "Sink", func(in flowIn[epoch]) {
					for range in.Batches() {
						break
					}
				})
			})
			for k.Index() == 0 && sent < 400 {
				k.Step()
			}
			for n := seed; k.Index() == 1 && n > 0; n-- {
				k.Poll()
			}
			flow.Drop()
			return nil
		})
	}
}

// TestFullLoopIsEnteredABatchALap: records that stay some rounds enter a full loop one
// batch a lap, so that no more are in it than its budget and some laps; and a loop
// from which nothing leaves before a token has entered lets twice as many in each lap.
func TestFullLoopIsEnteredABatchALap(t *testing.T) {
	const stay = 3
	for _, exchanged := range []bool{false, true} {
		c := flowOf(1, 4*flowBatch, &flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 800, Epochs: 1}},
			&flowNode{Kind: flowLoop, Head: &flowHead{Salt: 50, Stay: stay, Exch: exchanged}, Body: entry()})
		r := c.Run()
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if bound := int64(3*5*flowBatch + (stay+2)*flowBatch); r.Did[host.Peak] > bound || r.Did[host.Laps] < 20 {
			t.Errorf("%d bytes waited, not %d at most, in %d laps", r.Did[host.Peak], bound, r.Did[host.Laps])
		}
		c = flowOf(1, 4*flowBatch, &flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 800, Epochs: 1}},
			&flowNode{Kind: flowLoop, Head: &flowHead{Salt: 50, Token: true, All: true, Exch: exchanged}, Body: entry()})
		if r = c.Run(); r.Err != nil {
			t.Fatal(r.Err)
		}
		if n := r.Did[host.Laps]; n < 4 || n > 80 {
			t.Errorf("what circulates until a token enters took %d laps", n)
		}
	}
}

// TestFullLoopHoldsMoreThanItsBudget: nobody waits to enter a loop in which less goes
// round, until a token has entered.
func TestFullLoopHoldsMoreThanItsBudget(t *testing.T) {
	for _, exchanged := range []bool{false, true} {
		c := flowOf(2, 4000*flowBatch, &flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 800, Epochs: 1}},
			&flowNode{Kind: flowLoop, Head: &flowHead{Salt: 50, Token: true, All: true, Exch: exchanged}, Body: entry()})
		r := c.Run()
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if r.Did[host.Laps]+r.Did[host.WaitsForLoop] > 0 {
			t.Errorf("%d laps, and entrances waited %d times", r.Did[host.Laps], r.Did[host.WaitsForLoop])
		}
	}
}

// TestEntranceOfALoopThatIsNotFull: what goes round another loop does not matter, be it
// full from the start or since long.
func TestEntranceOfALoopThatIsNotFull(t *testing.T) {
	for _, late := range []time.Duration{0, 10 * time.Second} {
		c := flowOf(1, flowBatch, &flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 40, Epochs: 1}},
			&flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 40, Epochs: 1}},
			&flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 400, Epochs: 1}},
			&flowNode{Kind: flowIgnore, From: [2]int{1}, Wait: 20 * time.Second},
			&flowNode{Kind: flowConcat, From: [2]int{0, 3}},
			&flowNode{Kind: flowLoop, From: [2]int{4}, Head: &flowHead{Salt: 50, Token: true, All: true}, Body: entry()},
			&flowNode{Kind: flowIgnore, From: [2]int{2}, Wait: late},
			&flowNode{Kind: flowLoop, From: [2]int{6}, Head: &flowHead{Salt: 51, Stay: 2}, Body: entry()})
		r := c.Run()
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if r.Last[5] < 20*time.Second || r.Last[7] < late || r.Last[7] > late+2*time.Second {
			t.Errorf("the loop that spins for 20 s is left after %v, the other, into which nothing comes before %v, after %v", r.Last[5], late, r.Last[7])
		}
	}
}

// TestOperatorWaitsAtTheEndOfItsTurn: what an exchange has gathered in a turn is sent
// at its end. An operator that sends little in each turn is paused there.
func TestOperatorWaitsAtTheEndOfItsTurn(t *testing.T) {
	c := flowOf(2, 4*flowBatch, &flowNode{Kind: flowSource, Feed: &feed{Operator: true, Records: 300, Epochs: 1}},
		&flowNode{Kind: flowOne},
		&flowNode{Kind: flowIgnore, From: [2]int{1}, Exch: [2]bool{true}, Wait: 300 * time.Millisecond})
	c.Pace = 200 * time.Microsecond
	r := c.Run()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if bound := int64(60 * flowBatch); r.Did[host.Peak] > bound {
		t.Errorf("%d bytes waited at a worker, not %d at most", r.Did[host.Peak], bound)
	}
}
