package model

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	onlySeed  = flag.Uint64("seed", 0, "play the schedule with this seed only")
	schedules = flag.Int("schedules", 0, "play so many schedules, however long it takes")
)

// Schedules that are played even if the time is over: usually, and where suites run long.
const (
	leastSchedules     = 2_000
	leastSchedulesLong = 20_000
	longSeconds        = 12
)

func TestProtocolKeepsAllInvariants(t *testing.T) {
	w := &world{}
	seed, more := budget(t)
	n := 0
	for ; more(n); n++ {
		if broken := playNamed(w, seed); broken != 0 {
			t.Fatalf("-seed %d: %s is broken\n%s", seed, invariantNames[broken], traceOf(seed, intact))
		}
		seed++
	}
	if n >= leastSchedules {
		for i, times := range w.reached {
			if times == 0 {
				t.Errorf("no schedule of %d has reached this: %s", n, landmarkNames[i])
			}
		}
	}
	fmt.Printf("count: %d schedules of the protocol model kept all invariants\n", n)
}

// budget returns the first seed, and whether to go on after n schedules.
// TIMELY_SUITE_SECONDS is the time in seconds; it also starts at a seed that no
// run had before.
func budget(t *testing.T) (seed uint64, more func(n int) bool) {
	switch {
	case *onlySeed != 0:
		return *onlySeed, func(n int) bool { return n < 1 }
	case *schedules != 0:
		return 1, func(n int) bool { return n < *schedules }
	}
	seconds := 1.0
	seed = 1
	if text := os.Getenv("TIMELY_SUITE_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal("TIMELY_SUITE_SECONDS: ", err)
		}
		seed = uint64(time.Now().UnixNano())
	}
	least := leastSchedules
	if seconds >= longSeconds {
		least = leastSchedulesLong
	}
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	return seed, func(n int) bool {
		return n < least || n%64 != 0 || time.Now().Before(end)
	}
}

// playNamed names the seed even if the model panics.
func playNamed(w *world, seed uint64) invariant {
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("-seed %d: %v", seed, p))
		}
	}()
	return w.play(seed, intact, allInvariants)
}

// traceOf plays a schedule again and returns what happened.
func traceOf(seed uint64, m mutant) string {
	const last = 40
	var lines []string
	w := &world{}
	w.trace = func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	w.play(seed, m, allInvariants)
	if len(lines) > last+1 {
		lines = append(append(lines[:1:1], "..."), lines[len(lines)-last:]...)
	}
	for q := range w.workers {
		lines = append(lines, fmt.Sprintf("worker %d owns %s, has to tell %s, believes %s", q, w.describe(&w.caps[q]), w.describe(&w.temp[q]), w.describe(&w.view[q])))
	}
	lines = append(lines, "in truth there is "+w.describe(&w.records))
	return strings.Join(lines, "\n")
}
