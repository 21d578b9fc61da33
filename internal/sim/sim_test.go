package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seed  = flag.Uint64("seed", 0, "simulate this seed only")
	seeds = flag.Int("seeds", 0, "simulate so many seeds, however long it takes")
)

const atLeast = 500 // seeds, however long it takes

func TestSimulatedProgramsAgreeWithNaiveEvaluation(t *testing.T) {
	if *seed != 0 {
		c := Draw(*seed)
		t.Log(c)
		must(t, c)
		return
	}
	var saw Sometimes
	n := forSeeds(t, atLeast, *seeds, func(t *testing.T, seed uint64) (note func()) {
		r := must(t, Draw(seed))
		return func() { saw.add(r) }
	})
	if missing := saw.missing(); missing != nil {
		t.Errorf("no seed has exercised %s", strings.Join(missing, ", "))
	}
	t.Logf("%+v", saw)
	fmt.Printf("count: %d simulated seeds agreed with the naive evaluation\n", n)
}

// forSeeds tests the seeds 1, 2, … as many at a time as there are processors: so many
// as are asked for, or else for the time of a suite, and then not less than the least.
// What test returns is called by one goroutine at a time.
func forSeeds(t *testing.T, least, asked int, test func(t *testing.T, seed uint64) (note func())) (seeds int) {
	t.Helper()
	var drawn atomic.Int64
	var noting sync.Mutex
	begun, limit := time.Now(), suiteTime()
	t.Run("seeds", func(t *testing.T) {
		more := func(n int64) bool {
			return int(n) <= max(least, asked) || asked == 0 && time.Since(begun) < limit
		}
		for range runtime.GOMAXPROCS(0) {
			t.Run("", func(some *testing.T) {
				some.Parallel()
				for n := drawn.Add(1); more(n) && !t.Failed(); n = drawn.Add(1) {
					note := test(some, uint64(n))
					noting.Lock()
					note()
					seeds++
					noting.Unlock()
				}
			})
		}
	})
	return seeds
}

// must runs a case, and shrinks it if it fails.
func must(t *testing.T, c *Case) Sometimes {
	t.Helper()
	r := c.Run()
	if r.Err != nil {
		t.Logf("-seed %d failed: %v", c.Seed, r.Err)
		small := Shrink(c)
		t.Fatalf("as small as it gets: %v\ninput %v", small.Run().Err, small.Input)
	}
	return r.Saw
}

// TestSimulatedProgramsThatFailTellNothingMore has a sink panic in the middle: what the
// workers did until then has its frontiers, and nobody hears of more.
func TestSimulatedProgramsThatFailTellNothingMore(t *testing.T) {
	var saw Sometimes
	for s := range uint64(atLeast) {
		c := Draw(s)
		c.PanicsAt = 1 + int(s%7)
		saw.add(must(t, c))
	}
	if saw.Failures < atLeast/2 {
		t.Errorf("%d executions have failed", saw.Failures)
	}
}

// Seeds that have found something, in the engine or in a mutant of it.
var regressions = []uint64{2, 8, 9, 13, 19, 102, 1283}

func TestSeedsThatFoundSomething(t *testing.T) {
	for _, s := range regressions {
		must(t, Draw(s))
	}
}

func TestSameSeedHappensAgainExactly(t *testing.T) {
	for s := range uint64(60) {
		if a, b := Draw(s).Run(), Draw(s).Run(); a.Trace != b.Trace || a.Saw != b.Saw || a.Err != nil || b.Err != nil {
			t.Fatalf("seed %d: %x and %x, %v, %v", s, a.Trace, b.Trace, a.Err, b.Err)
		}
	}
}

func TestShrinkingKeepsTheFailure(t *testing.T) {
	c := Draw(13)
	c.want = nil // so every result is wrong
	if r := c.Run(); r.Err == nil {
		t.Fatal("no failure")
	}
	for _, s := range c.smaller() {
		if s.String() == c.String() && len(s.Input) == len(c.Input) && fmt.Sprint(s.Input) == fmt.Sprint(c.Input) {
			t.Errorf("%v is not smaller", s)
		}
	}
}

// suiteTime is how long a randomized suite runs.
func suiteTime() time.Duration {
	if s, err := strconv.Atoi(os.Getenv("TIMELY_SUITE_SECONDS")); err == nil {
		return time.Duration(s) * time.Second
	}
	return time.Second
}
