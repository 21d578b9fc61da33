package sim

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

var soak = flag.Duration("soak", 0, "have dataflows come and go for so long, and look at the memory")

const (
	soakWorkers = 2
	soakPlans   = 64       // different programs, again and again
	soakSamples = 200      // over the whole time
	soakGrowth  = 0.01     // of the heap, and of what is resident, over the last half
	soakNoise   = 64 << 10 // bytes that the heap may grow by, beside
	soakPages   = 1 << 20  // bytes that may be resident beside, as the runtime takes and gives them in pieces
)

// sample is what is in use between two generations, when no dataflow of theirs is left.
type sample struct {
	after       time.Duration
	generations int
	heap        uint64 // bytes that can be reached, or were not swept
	resident    uint64 // bytes obtained from the system and not given back
	goroutines  int
}

func (s sample) String() string {
	return fmt.Sprintf("%6.1f s  %7d generations  %8.1f KiB heap  %8.1f KiB resident  %3d goroutines",
		s.after.Seconds(), s.generations, float64(s.heap)/1024, float64(s.resident)/1024, s.goroutines)
}

// takeSample looks at the memory; the caches of the runtime need two collections.
func takeSample(begun time.Time, generations int) sample {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return sample{time.Since(begun), generations, m.HeapAlloc, m.Sys - m.HeapReleased, runtime.NumGoroutine()}
}

// TestSoak runs two workers for a long time. In each generation both build a
// program, with loops and notifications, feed it, and let it complete or drop it in
// the middle. A dataflow of its own keeps them together.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("it takes as long as the flag -soak says, 10m for instance")
	}
	var plans []*Case
	for seed := uint64(1); len(plans) < soakPlans; seed++ {
		c := Draw(seed)
		if text := c.Plan.String(); strings.Contains(text, "loop") && (strings.Contains(text, "stash") || strings.Contains(text, "count") || strings.Contains(text, "distinct")) {
			plans = append(plans, c)
		}
	}
	s := &soaking{plans: plans, begun: time.Now()}
	if err := timely.Execute(context.Background(), timely.Config{Workers: soakWorkers}, s.program); err != nil {
		t.Fatal(err)
	}
	for i, x := range s.samples {
		if i%max(1, len(s.samples)/40) == 0 || i == len(s.samples)-1 {
			t.Log(x)
		}
	}
	t.Logf("%d of %d generations were dropped in the middle", s.drops, s.last)
	judgeSoak(t, s.samples)
	fmt.Printf("count: %d generations of dataflows came and went\n", s.last)
}

// judgeSoak compares the third quarter's end with the fourth's: medians of an
// eighth of all samples each, as single ones are noisy.
func judgeSoak(t *testing.T, samples []sample) {
	t.Helper()
	n := len(samples)
	if n < 16 {
		t.Fatalf("only %d samples: -soak is too short", n)
	}
	before, after := middle(samples[n/2:n/2+n/8]), middle(samples[n-n/8:])
	grown := int64(after.heap) - int64(before.heap)
	t.Logf("over the last half: heap %+d bytes (%+.2f %%), %+d bytes a generation; resident %+d bytes; goroutines %+d",
		grown, 100*float64(grown)/float64(before.heap), grown/int64(max(1, after.generations-before.generations)),
		int64(after.resident)-int64(before.resident), after.goroutines-before.goroutines)
	if grown > int64(soakGrowth*float64(before.heap))+soakNoise {
		t.Errorf("the heap has grown from %d to %d bytes over the last half", before.heap, after.heap)
	}
	if grown := int64(after.resident) - int64(before.resident); grown > int64(soakGrowth*float64(before.resident))+soakPages {
		t.Errorf("%d bytes were resident, and %d at the end", before.resident, after.resident)
	}
	if after.goroutines > before.goroutines+soakWorkers {
		t.Errorf("there were %d goroutines, and %d at the end", before.goroutines, after.goroutines)
	}
}

// middle is the median of each figure.
func middle(samples []sample) (m sample) {
	at := func(of func(sample) uint64) uint64 {
		all := make([]uint64, len(samples))
		for i, s := range samples {
			all[i] = of(s)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return sample{
		after:       time.Duration(at(func(s sample) uint64 { return uint64(s.after) })),
		generations: int(at(func(s sample) uint64 { return uint64(s.generations) })),
		heap:        at(func(s sample) uint64 { return s.heap }),
		resident:    at(func(s sample) uint64 { return s.resident }),
		goroutines:  int(at(func(s sample) uint64 { return uint64(s.goroutines) })),
	}
}

// soaking is what the workers share.
type soaking struct {
	plans   []*Case
	begun   time.Time
	samples []sample // worker 0's
	drops   int      // worker 0's

	mu   sync.Mutex
	last int // the number of generations, once worker 0 knows it
}

func (s *soaking) over(generation int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last > 0 && generation == s.last
}

func (s *soaking) program(k *timely.Worker) error {
	together, all := timely.NewInput[epoch, Record](), timely.NewProbe[epoch]()
	timely.Dataflow(k, func(scope timely.Scope[epoch]) {
		timely.ProbeWith(timely.Exchange(together.Stream(scope), hash), all)
	})
	meet := func() {
		t := together.Time() + 1
		together.AdvanceTo(t)
		for all.LessThan(t) {
			k.Step()
		}
	}
	every, next := *soak/soakSamples, time.Duration(0)
	for g := 0; !s.over(g); g++ {
		s.generation(k, g)
		meet()
		if k.Index() == 0 {
			after := time.Since(s.begun)
			if after >= next {
				s.samples = append(s.samples, takeSample(s.begun, g+1))
				next = after + every
			}
			if after >= *soak {
				s.mu.Lock()
				s.last = g + 1
				s.mu.Unlock()
			}
		}
		meet()
	}
	return nil
}

// generation is the life of one program at a worker.
func (s *soaking) generation(k *timely.Worker, g int) {
	c := s.plans[g%len(s.plans)]
	var saw Sometimes
	sum := ledger{want: c.want}
	input, probe := timely.NewInput[epoch, Record](), timely.NewProbe[epoch]()
	flow := timely.Dataflow(k, func(scope timely.Scope[epoch]) {
		out := timely.InspectBatch(buildPlan(input.Stream(scope), c.Plan, &saw), func(t epoch, xs []Record) { sum.add(t, xs) })
		timely.ProbeWith(out, probe)
	})
	drops := g%5 == 4
	for t := range epoch(c.Epochs) {
		for i, x := range c.Input[t] {
			if i%k.Peers() == k.Index() {
				input.Send(x)
			}
		}
		input.AdvanceTo(t + 1)
		k.Poll()
		if drops && t == epoch(c.Epochs/2) {
			if k.Index() == 0 {
				s.drops++
			}
			flow.Drop()
			return
		}
	}
	input.Close()
	for !flow.Done() {
		k.Step()
	}
}
