package timely_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
	"github.com/timely-go/timely/timelytest"
)

// This file runs the random programs of random_test.go over processes.

var clusterSeed = flag.Uint64("clusterseed", 0, "run the random program of this seed over processes, and no other")

// spreadProgram is a random program with its input and how it is run.
type spreadProgram struct {
	seed     uint64
	script   *script
	input    []fact
	inFlight int // times; 0: it is not throttled
	budget   int // of an edge; 0: the default
	records  int // in a buffer; 0: the default
	cluster  cluster
}

func (p spreadProgram) String() string {
	return fmt.Sprintf("-clusterseed %d: %v with a budget of %d, buffers of %d, %d times in flight: %v\nof %v", p.seed, p.cluster, p.budget, p.records, p.inFlight, p.script, p.input)
}

func newSpreadProgram(seed uint64) spreadProgram {
	r := rand.New(rand.NewPCG(seed, 2))
	p := spreadProgram{seed: seed, script: newScript(r, 2), cluster: allClusters[2+r.IntN(len(allClusters)-2)]}
	for range r.IntN(30) {
		p.input = append(p.input, fact{moment{r.IntN(6)}, r.IntN(values)})
	}
	slices.SortStableFunc(p.input, func(a, b fact) int { return a.at[0] - b.at[0] })
	if r.IntN(3) == 0 {
		p.inFlight = 1 + r.IntN(3)
	}
	p.budget = []int{0, 0, 1, 80, 1000}[r.IntN(5)]
	p.records = []int{0, 0, 1, 3}[r.IntN(4)]
	return p
}

// answer returns what the naive evaluation says, or nil if that is too large.
func (p spreadProgram) answer() *timelytest.Collected[int] {
	in := make(multiset)
	for _, f := range p.input {
		in[f]++
	}
	return p.script.answer(in)
}

// run runs the program at one worker. All workers throw the same dice.
func (p spreadProgram) run(w *timely.Worker, out *timelytest.Collected[int]) error {
	dice := rand.New(rand.NewPCG(p.seed, uint64(w.Peers())))
	input, probe := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
	complete := epoch(0) // what is before has been seen to be complete
	look := func() {
		for !probe.Done() && !probe.LessEqual(complete) {
			complete++
		}
	}
	timely.Dataflow(w, func(s epochScope) {
		in := input.Stream(s)
		if p.inFlight > 0 {
			in = timely.Throttle(in, probe, p.inFlight)
		}
		answer := timely.InspectTime(loopsInLoops(p.script, in), func(at epoch, n int) {
			if at < complete {
				panic(fmt.Sprintf("%d appears at %v, which was complete", n, at))
			}
		})
		timely.ProbeWith(timelytest.Collect(answer, out), probe)
	})
	for _, f := range p.input {
		owner, waits, polls := dice.IntN(w.Peers()), dice.IntN(8) == 0, dice.IntN(3)
		at := epoch(f.at[0])
		if owner == w.Index() {
			input.AdvanceTo(at)
			input.Send(f.n)
		}
		for range polls {
			w.Poll()
			look()
		}
		if waits { // for what all workers have left behind
			input.AdvanceTo(max(at, input.Time()))
			for probe.LessThan(at) {
				w.Step()
				look()
			}
		}
	}
	input.Close()
	if dice.IntN(4) == 0 { // the program ends before its dataflow
		return nil
	}
	for !probe.Done() {
		w.Step()
		look()
	}
	return nil
}

// agrees runs the program over processes, and compares it with the naive evaluation.
// It reports whether it did.
func (p spreadProgram) agrees(t *testing.T) (ran bool) {
	want := p.answer()
	if want == nil {
		return false
	}
	h := host.Real()
	h.MaxRecords, h.Poison = p.records, p.records > 0
	c := p.cluster.with(p.budget)
	c.ctx = host.With(t.Context(), h)
	got := &timelytest.Collected[int]{}
	for i, err := range c.run(t, func(w *timely.Worker) error { return p.run(w, got) }) {
		if err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
	if got, want := got.String(), want.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	return true
}

func TestRandomProgramsAgreeOverProcesses(t *testing.T) {
	first, end := rand.Uint64(), time.Now().Add(suiteTime())
	if *clusterSeed != 0 {
		first, end = *clusterSeed, time.Now().Add(time.Nanosecond)
	}
	seen := make(map[string]int)
	for seed := first; seed == first || time.Now().Before(end); seed++ {
		p := newSpreadProgram(seed)
		if p.agrees(t) {
			seen[p.cluster.String()]++
		}
		if t.Failed() {
			t.Fatalf("run again with %v", p)
		}
	}
	n := 0
	var per []string
	for _, c := range allClusters {
		n += seen[c.String()]
		if seen[c.String()] > 0 {
			per = append(per, fmt.Sprintf("%d as %v", seen[c.String()], c))
		}
	}
	fmt.Printf("count: %d random programs agreed with the naive evaluation over processes: %s\n", n, strings.Join(per, ", "))
}

// TestAProgramAgreesInAllClusters runs one program of each kind of step in every cluster.
func TestAProgramAgreesInAllClusters(t *testing.T) {
	body := &script{steps: []step{{kind: "map", a: 3, b: 1}, {kind: "exchange", from: 1, a: 5}, {kind: "keep", from: 2, a: 3}}}
	nested := &script{steps: []step{{kind: "loop", a: 1, body: body}, {kind: "exchange", from: 1, a: 2}}}
	all := &script{}
	for i, kind := range plain {
		all.steps = append(all.steps, step{kind: kind, from: i, other: i / 2, a: 2 + i%3, b: i % 5})
	}
	tests := map[string]*script{"all steps": all, "a loop": {steps: []step{{kind: "loop", a: 2, body: body}}}, "a loop in a loop": {steps: []step{{kind: "loop", a: 3, body: nested}}}}
	var input []fact
	for i := range 60 {
		input = append(input, fact{moment{i / 12}, i * 7 % values})
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			eachCluster(t, allClusters, func(t *testing.T, c cluster) {
				p := spreadProgram{seed: 1, script: s, input: input, inFlight: 2, cluster: c}
				if !p.agrees(t) {
					t.Fatal("it makes too many records")
				}
			})
		})
	}
}
