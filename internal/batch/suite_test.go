package batch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// forSeeds calls test with one seed after the other until the time is over, and
// prints how often it did. TIMELY_SUITE_SECONDS is the time in seconds.
func forSeeds(t *testing.T, test func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	seconds := 0.3
	if text := os.Getenv("TIMELY_SUITE_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal("TIMELY_SUITE_SECONDS: ", err)
		}
	}
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	n := 0
	for seed := uint64(1); n == 0 || time.Now().Before(end); seed++ {
		test(t, rand.New(rand.NewPCG(seed, 0)))
		if n++; t.Failed() {
			t.Fatal("seed ", seed)
		}
	}
	fmt.Printf("count: %s: %d seeds\n", t.Name(), n)
}

// recycling returns a pool that reuses what returns, also under the race detector.
func recycling[D any]() *Pool[D] {
	p := newPool[D](&Pools{})
	p.poison = false
	return p
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}
