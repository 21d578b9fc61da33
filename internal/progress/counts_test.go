package progress

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/timely-go/timely/order"
)

func TestCountsAgreeWithMap(t *testing.T) {
	t.Run("Epoch", func(t *testing.T) { testCounts(t, randomEpoch) })
	t.Run("Product", func(t *testing.T) { testCounts(t, randomPair) })
}

// testCounts also follows the frontier by its changes alone.
func testCounts[T order.Timestamp[T]](t *testing.T, random func(*rand.Rand, int) T) {
	forSeeds(t, 300*time.Millisecond, func(r *rand.Rand) error {
		var counts Counts[T]
		oracle := make(map[T]int64)
		frontier := make(map[T]int64)
		below := 1 << (1 + r.IntN(8))
		drift := r.IntN(3)
		for range 1 + r.IntN(300) {
			x, d := random(r, below), int64(r.IntN(6+drift)-3)
			if r.IntN(3) == 0 && len(oracle) > 0 { // take one away altogether
				x = slices.MinFunc(slices.Collect(maps.Keys(oracle)), T.Compare)
				d = -oracle[x]
			}
			before := sorted(counts.Frontier())
			moved := counts.Update(x, d, nil)
			add(oracle, x, d)
			for _, u := range moved {
				add(frontier, u.Time, u.Delta)
			}
			if err := compareCounts(&counts, oracle, frontier); err != nil {
				return fmt.Errorf("after %v%+d: %w", x, d, err)
			}
			if len(moved) > 0 && slices.Equal(before, sorted(counts.Frontier())) {
				return fmt.Errorf("%v%+d moved nothing, but says %v", x, d, moved)
			}
		}
		return nil
	})
}

func compareCounts[T order.Timestamp[T]](counts *Counts[T], oracle, moved map[T]int64) error {
	var positive []T
	for x, n := range oracle {
		if n > 0 {
			positive = append(positive, x)
		}
		if counts.Count(x) != n {
			return fmt.Errorf("the count of %v is %d, want %d", x, counts.Count(x), n)
		}
	}
	want := minimal(positive)
	if got := sorted(counts.Frontier()); !slices.Equal(got, want) {
		return fmt.Errorf("the frontier is %v, want %v", got, want)
	}
	if got := slices.SortedFunc(maps.Keys(moved), T.Compare); !slices.Equal(got, want) {
		return fmt.Errorf("the changes add up to %v, want %v", got, want)
	}
	visited := 0
	counts.All(func(x T, n int64) bool { visited++; return oracle[x] == n })
	if counts.Len() != len(oracle) || visited != len(oracle) {
		return fmt.Errorf("Len is %d and All visits %d, want %d", counts.Len(), visited, len(oracle))
	}
	return checkTree(&counts.index)
}

// Several changes with one search at the end are the same as one by one.
func TestMendedCountsAgreeWithMap(t *testing.T) {
	t.Run("Epoch", func(t *testing.T) { testMend(t, randomEpoch) })
	t.Run("Product", func(t *testing.T) { testMend(t, randomPair) })
}

func testMend[T order.Timestamp[T]](t *testing.T, random func(*rand.Rand, int) T) {
	forSeeds(t, 200*time.Millisecond, func(r *rand.Rand) error {
		var counts Counts[T]
		oracle := make(map[T]int64)
		frontier := make(map[T]int64)
		below := 1 << (1 + r.IntN(6))
		for range 1 + r.IntN(30) {
			var moved []Update[T]
			for range r.IntN(20) {
				x, d := random(r, below), int64(r.IntN(6)-3)
				if r.IntN(3) == 0 {
					d = -oracle[x]
				}
				moved = counts.Change(x, d, moved)
				add(oracle, x, d)
			}
			for _, u := range counts.Mend(moved) {
				add(frontier, u.Time, u.Delta)
			}
			if err := compareCounts(&counts, oracle, frontier); err != nil {
				return err
			}
		}
		if moved := counts.Mend(nil); len(moved) > 0 {
			return fmt.Errorf("mending twice moves %v", moved)
		}
		return nil
	})
}

// TestAdvanceIsTwoUpdates compares it with them; where it is not possible nothing changes.
func TestAdvanceIsTwoUpdates(t *testing.T) {
	advanced := 0
	forSeeds(t, 300*time.Millisecond, func(r *rand.Rand) error {
		var short, long Counts[pair]
		count := func(x pair, d int64) { short.Update(x, d, nil); long.Update(x, d, nil) }
		for range r.IntN(3) {
			count(randomPair(r, 3), 1+int64(r.IntN(2)))
		}
		for range 20 {
			changes := []Update[pair]{{randomPair(r, 3), int64(r.IntN(5) - 2)}, {randomPair(r, 3), int64(r.IntN(5) - 2)}}
			if r.IntN(2) == 0 && short.Len() > 0 {
				short.All(func(x pair, _ int64) bool {
					changes[0] = Update[pair]{x, -1}
					changes[1].Delta = 1
					return r.IntN(2) == 0
				})
			}
			if r.IntN(2) == 0 {
				slices.Reverse(changes)
			}
			before := fmt.Sprint(sorted(short.Frontier()))
			if short.advance(changes) {
				advanced++
				moved := net(long.Update(changes[1].Time, changes[1].Delta, long.Update(changes[0].Time, changes[0].Delta, nil)))
				slices.SortFunc(changes, func(a, b Update[pair]) int { return a.Time.Compare(b.Time) })
				if !slices.Equal(moved, changes) {
					return fmt.Errorf("%v moves %v", changes, moved)
				}
			} else if now := fmt.Sprint(sorted(short.Frontier())); now != before {
				return fmt.Errorf("%v was not possible, and changed %v to %v", changes, before, now)
			}
			oracle := make(map[pair]int64)
			long.All(func(x pair, n int64) bool { oracle[x] = n; return true })
			frontier := make(map[pair]int64)
			for _, x := range long.Frontier() {
				frontier[x] = 1
			}
			if err := compareCounts(&short, oracle, frontier); err != nil {
				return fmt.Errorf("after %v: %w", changes, err)
			}
		}
		return nil
	})
	if advanced == 0 {
		t.Error("it never was possible")
	}
}

func TestCounts(t *testing.T) {
	type updates = []Update[order.Epoch]
	tests := []struct {
		name           string
		before, update updates
		moved          updates
		frontier       []order.Epoch
		len            int
		probe          order.Epoch
		count          int64
	}{
		{"of one that is replaced", updates{{1, 1}}, updates{{1, -1}, {2, 7}}, updates{{1, -1}, {2, 1}}, []order.Epoch{2}, 1, 2, 7},
		{"that stays positive", updates{{1, 3}, {5, 1}}, updates{{1, -2}, {1, 4}}, nil, []order.Epoch{1}, 2, 1, 5},
		{"of zero", updates{{1, 1}}, updates{{1, 0}, {0, 0}}, nil, []order.Epoch{1}, 1, 0, 0},
		{"before the frontier, negative", updates{{5, 1}}, updates{{3, -1}}, nil, []order.Epoch{5}, 2, 3, -1},
		{"that was negative, to zero", updates{{3, -2}, {5, 1}}, updates{{3, 2}}, nil, []order.Epoch{5}, 1, 3, 0},
		{"that was negative, to one", updates{{3, -2}, {5, 1}}, updates{{3, 3}}, updates{{5, -1}, {3, 1}}, []order.Epoch{3}, 2, 3, 1},
		{"of the frontier, to negative", updates{{3, 2}, {5, 1}}, updates{{3, -3}}, updates{{3, -1}, {5, 1}}, []order.Epoch{5}, 2, 3, -1},
		{"with negative ones behind", updates{{1, 1}, {2, -1}, {3, -1}, {4, 1}}, updates{{1, -1}}, updates{{1, -1}, {4, 1}}, []order.Epoch{4}, 3, 2, -1},
		{"with only negative ones behind", updates{{1, 1}, {2, -1}, {3, -1}}, updates{{1, -1}}, updates{{1, -1}}, nil, 2, 3, -1},
		{"behind the frontier", updates{{1, 1}}, updates{{2, 1}, {3, 1}, {2, -1}}, nil, []order.Epoch{1}, 2, 3, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var c Counts[order.Epoch]
			for _, u := range test.before {
				c.Update(u.Time, u.Delta, nil)
			}
			var moved updates
			for _, u := range test.update {
				moved = c.Update(u.Time, u.Delta, moved)
			}
			if !slices.Equal(moved, test.moved) {
				t.Errorf("moved %v, want %v", moved, test.moved)
			}
			if !slices.Equal(c.Frontier(), test.frontier) {
				t.Errorf("frontier %v, want %v", c.Frontier(), test.frontier)
			}
			if c.Len() != test.len || c.Count(test.probe) != test.count {
				t.Errorf("%d counts, %d at %v; want %d, %d", c.Len(), c.Count(test.probe), test.probe, test.len, test.count)
			}
		})
	}
}

// Millwheels keep a hundred thousand times open; each update looks at few of them.
func TestUpdateLooksAtFewOfManyTimes(t *testing.T) {
	patterns := map[string]func(*Counts[tallied], *rand.Rand, tallied, int){
		"first in, first out": func(c *Counts[tallied], _ *rand.Rand, open tallied, n int) {
			c.Update(open+tallied(n), 1, nil)
			c.Update(tallied(n), -1, nil)
		},
		"last in, first out": func(c *Counts[tallied], _ *rand.Rand, open tallied, n int) {
			c.Update(open+tallied(n), 1, nil)
			c.Update(open+tallied(n), -1, nil)
		},
		"random": func(c *Counts[tallied], r *rand.Rand, open tallied, n int) {
			x := tallied(r.IntN(int(open)))
			if c.Count(x) == 0 {
				c.Update(x, 1, nil)
			} else {
				c.Update(x, -1, nil)
			}
		},
		"first back and forth": func(c *Counts[tallied], _ *rand.Rand, open tallied, n int) {
			c.Update(0, 1-2*int64(n%2), nil)
		},
	}
	for name, step := range patterns {
		t.Run(name, func(t *testing.T) {
			cost := func(open tallied) float64 {
				r := rand.New(rand.NewPCG(1, 1))
				var c Counts[tallied]
				for x := range open {
					c.Update(x, 1, nil)
				}
				const steps = 20_000
				tally = 0
				for n := range steps {
					step(&c, r, open, n)
				}
				return float64(tally) / steps
			}
			few, many := cost(1_000), cost(100_000)
			t.Logf("%.1f and %.1f operations", few, many)
			if many > 4*few+20 {
				t.Errorf("a step with 100,000 open times costs %.0f operations, with 1,000 %.0f", many, few)
			}
		})
	}
}

func TestSteadyCountsAllocateNothing(t *testing.T) {
	for _, open := range []order.Epoch{1, leafItems, leafItems + 1, leafItems * innerFanOut / 2, leafItems * innerFanOut, 100_000} {
		t.Run(fmt.Sprint(open, " open"), func(t *testing.T) {
			var c Counts[order.Epoch]
			next := order.Epoch(0)
			var moved []Update[order.Epoch]
			for ; next < open; next++ {
				moved = c.Update(next, 1, moved[:0])
			}
			step := func() {
				moved = c.Update(next, 1, moved[:0])
				moved = c.Update(next-open, -1, moved[:0])
				next++
			}
			for range 3 * open {
				step()
			}
			if n := mallocs(func() {
				for range 300_000 {
					step()
				}
			}); n > 10 { // the runtime's own
				t.Errorf("%d allocations in 300,000 steps", n)
			}
		})
	}
}

func TestRandomCountsAllocateNothing(t *testing.T) {
	var c Counts[pair]
	r := rand.New(rand.NewPCG(1, 1))
	var moved []Update[pair]
	step := func() {
		x := randomPair(r, 100)
		if c.Count(x) == 0 {
			moved = c.Update(x, 1, moved[:0])
		} else {
			moved = c.Update(x, -1, moved[:0])
		}
	}
	for range 1_000_000 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
}

// mallocs returns the number of allocations during f, of which not one is rounded away.
func mallocs(f func()) uint64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}
