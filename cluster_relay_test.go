package timely_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/comm/commtest"
	"github.com/timely-go/timely/timelytest"
)

// This file runs programs over processes that reach each other through faulty networks:
// what comes out is right, or all of them fail and say who is to blame.

var relayPlans = flag.Int("relayplans", 0, "run so many plans of network faults, however long it takes")

var faults = []string{commtest.Close, commtest.Reset, commtest.HalfClose, commtest.BlackHole, commtest.Stall}

// plan is a run of which everything but the moments follows from a seed.
type plan struct {
	spreadProgram
	numbers  int // that are sent by way of a loop, instead of the random program; 0: none
	faults   []([2]commtest.Fault)
	again    bool
	destroys bool
}

func (p plan) String() string {
	return fmt.Sprintf("%v\n%d numbers, relays %+v, to all connections: %v", p.spreadProgram, p.numbers, p.faults, p.again)
}

func newPlan(seed uint64) plan {
	p := plan{spreadProgram: newSpreadProgram(seed)}
	r := rand.New(rand.NewPCG(seed, 99))
	p.cluster = []cluster{twoByOne, twoByTwo, {processes: 3, workers: 1}, {processes: 4, workers: 1}}[r.IntN(4)]
	p.again = r.IntN(2) == 0
	destroys := r.IntN(3) > 0
	if r.IntN(2) == 0 || p.answer() == nil {
		p.numbers = 1 + r.IntN(20_000)
	}
	for range p.cluster.processes - 1 { // nobody connects to the last
		var both [2]commtest.Fault
		for d := range both {
			f := commtest.Fault{Chunk: []int{1, 7, 1000, 1 << 16}[r.IntN(4)]}
			if f.Chunk < 100 {
				p.numbers = min(p.numbers, 1000)
			}
			if r.IntN(2) == 0 {
				f.Delay = time.Duration(1+r.IntN(5)) * time.Microsecond * time.Duration(min(f.Chunk, 1000))
			}
			if destroys && r.IntN(2) == 0 {
				f.What = faults[r.IntN(len(faults))]
				f.After = int64(r.ExpFloat64() * float64(2000+p.numbers*5))
				if r.IntN(4) == 0 { // most likely in the handshake
					f.After = r.Int64N(400)
				}
				p.destroys = true
			}
			both[d] = f
		}
		p.faults = append(p.faults, both)
	}
	return p
}

// passNumbers has each number go to another worker in each round of a loop.
func (p plan) passNumbers(w *timely.Worker, out *timelytest.Collected[int]) error {
	flowOf(w, func(s epochScope) {
		looped := timely.Iterate(timely.ToStream(s, shareOf(w, p.numbers)), func(ns loopInts) (again, done loopInts) {
			moved := timely.Exchange(timely.Map(ns, func(n int) int { return n + 1_000_000 }), func(n int) uint64 { return timely.HashUint64(uint64(n)) })
			return timely.Split(moved, func(n int) bool { return n < 3_000_000 })
		})
		sums := timely.Aggregate(looped, func(n int) int { return n % 10 }, uintOf, func(sum *int, n int) { *sum += n }, func(_, sum int) int { return sum })
		timelytest.Collect(sums, out)
	})
	return nil
}

// passed is what passNumbers makes of the numbers.
func (p plan) passed() *timelytest.Collected[int] {
	sums := make(map[int]int)
	for n := range p.numbers {
		sums[n%10] += n + 3_000_000
	}
	out := &timelytest.Collected[int]{}
	for _, sum := range sums {
		out.Add(0, sum)
	}
	return out
}

var aProcess = regexp.MustCompile(`process (\d+)`)

// names reports whether a failure of one process names another.
func names(err error, own int) bool {
	for _, match := range aProcess.FindAllStringSubmatch(err.Error(), -1) {
		if n, _ := strconv.Atoi(match[1]); n != own {
			return true
		}
	}
	return false
}

// run runs a plan, and says what came of it.
func (p plan) run(t *testing.T) string {
	t.Helper()
	var relays []*commtest.Relay
	c := p.cluster.with(p.budget)
	c.config.Network = timely.Network{JoinTimeout: clusterPatience, Heartbeat: 50 * time.Millisecond}
	if p.destroys {
		c.config.Network.JoinTimeout, c.config.Network.DeadAfter = time.Second, 400*time.Millisecond
	}
	c.through = func(process int, address string) string {
		if process >= len(p.faults) {
			return address
		}
		r := commtest.NewRelay(t, address, p.faults[process], p.seed+uint64(process), p.again)
		relays = append(relays, r)
		return r.Address()
	}
	defer func() {
		for _, r := range relays {
			r.Close()
		}
	}()
	got, want, program := &timelytest.Collected[int]{}, p.answer(), p.spreadProgram.run
	if p.numbers > 0 {
		want, program = p.passed(), p.passNumbers
	}
	errs := c.run(t, func(w *timely.Worker) error { return program(w, got) })
	failed := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		if failed++; !p.destroys || !names(err, i) {
			t.Errorf("process %d: %v", i, err)
		}
	}
	// One that has ended in order has done so after all dataflows were complete everywhere.
	if failed < len(errs) && got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s\nand %v", got, want, errs)
	}
	switch failed {
	case 0:
		return "right"
	case len(errs):
		return "failed"
	}
	return "failed at the end" // some only, as nobody can know that his last word is heard
}

func TestFaultyNetworksNeverMakeAWrongResult(t *testing.T) {
	const lanes = 6 // much of a plan is waiting
	least := uint64(2)
	if os.Getenv("TIMELY_SUITE_SECONDS") != "" {
		least = 9
	}
	first, end := rand.Uint64(), time.Now().Add(suiteTime())
	if *clusterSeed != 0 {
		first = *clusterSeed
	}
	var mu sync.Mutex
	var results []string
	var all sync.WaitGroup
	for lane := range uint64(lanes) {
		all.Go(func() {
			for i := uint64(0); !t.Failed(); i++ {
				switch {
				case *clusterSeed != 0 && lane+i > 0, *relayPlans > 0 && i*lanes+lane >= uint64(*relayPlans):
					return
				case *clusterSeed == 0 && *relayPlans == 0 && i >= least && time.Now().After(end):
					return
				}
				p := newPlan(first + lanes*i + lane)
				result := p.run(t)
				if t.Failed() {
					t.Logf("if it was none of the others, run again with %v", p)
				}
				mu.Lock()
				results = append(results, result)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	count := func(what string) (n int) {
		for _, r := range results {
			if r == what {
				n++
			}
		}
		return n
	}
	right, failed, last := count("right"), count("failed"), count("failed at the end")
	if len(results) >= 50 && (right == 0 || failed == 0) {
		t.Errorf("%d plans went right, %d failed: the faults are not well chosen", right, failed)
	}
	fmt.Printf("count: %d plans of network faults, of which %d went right, %d failed everywhere, %d at the end\n", len(results), right, failed, last)
}
