package progress

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/timely-go/timely/order"
)

// This file holds what the random tests share.

var onlySeed = flag.Uint64("seed", 0, "run random tests with this seed only")

// forSeeds calls test with one seed after the other until it fails or the time is
// over, and returns how often it did. TIMELY_SUITE_SECONDS is the time in seconds;
// it also starts at a seed that no run had before.
func forSeeds(t *testing.T, limit time.Duration, test func(r *rand.Rand) error) int {
	t.Helper()
	seed := uint64(1)
	if text := os.Getenv("TIMELY_SUITE_SECONDS"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal("TIMELY_SUITE_SECONDS: ", err)
		}
		limit = time.Duration(seconds * float64(time.Second))
		seed = uint64(time.Now().UnixNano())
	}
	if *onlySeed != 0 {
		seed, limit = *onlySeed, 0
	}
	for n, end := 1, time.Now().Add(limit); ; n++ {
		if err := attempt(seed, test); err != nil {
			t.Fatalf("-seed %d: %v", seed, err)
		}
		if !time.Now().Before(end) {
			return n
		}
		seed++
	}
}

// attempt names the seed even if the test panics.
func attempt(seed uint64, test func(r *rand.Rand) error) error {
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("-seed %d: %v", seed, p))
		}
	}()
	return test(rand.New(rand.NewPCG(seed, 0)))
}

type pair = order.Product[order.Epoch, order.Epoch]

func randomEpoch(r *rand.Rand, below int) order.Epoch { return order.Epoch(r.IntN(below)) }

func randomPair(r *rand.Rand, below int) pair {
	return pair{Outer: randomEpoch(r, below), Inner: randomEpoch(r, below)}
}

// tally counts how often times of type tallied are looked at: the cost of an
// algorithm, whatever the machine does meanwhile.
var tally int

type tallied order.Epoch

func (t tallied) LessEqual(u tallied) bool { tally++; return t <= u }
func (t tallied) Join(u tallied) tallied   { tally++; return max(t, u) }
func (t tallied) Meet(u tallied) tallied   { tally++; return min(t, u) }
func (t tallied) Compare(u tallied) int    { tally++; return cmp.Compare(t, u) }

func (t tallied) Plus(delay tallied) (tallied, bool) {
	tally++
	return t + delay, t+delay >= t
}

// minimal returns those times that are greater than no other, sorted.
func minimal[T order.Timestamp[T]](times []T) []T {
	var least []T
	for _, t := range times {
		if !slices.ContainsFunc(times, func(u T) bool { return u != t && u.LessEqual(t) }) && !slices.Contains(least, t) {
			least = append(least, t)
		}
	}
	slices.SortFunc(least, T.Compare)
	return least
}

func sorted[T order.Timestamp[T]](times []T) []T {
	return slices.SortedFunc(slices.Values(times), T.Compare)
}

// add adds d to a count, and forgets it at zero.
func add[K comparable](m map[K]int64, k K, d int64) {
	if m[k] += d; m[k] == 0 {
		delete(m, k)
	}
}
