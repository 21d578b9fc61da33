package progress

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/timely-go/timely/order"
)

func TestChangesAgreeWithMap(t *testing.T) {
	t.Run("Epoch", func(t *testing.T) { testChanges(t, randomEpoch) })
	t.Run("Product", func(t *testing.T) { testChanges(t, randomPair) })
}

func testChanges[T order.Timestamp[T]](t *testing.T, random func(*rand.Rand, int) T) {
	forSeeds(t, 300*time.Millisecond, func(r *rand.Rand) error {
		var changes Changes[T]
		oracle := make(map[Pointstamp[T]]int64)
		update := func(at Location, x T, d int64) {
			changes.Update(at, x, d)
			add(oracle, Pointstamp[T]{at, x}, d)
		}
		below := 1 << r.IntN(8)
		reads := 1 + r.IntN(20)
		most := 0
		for range r.IntN(400) {
			switch r.IntN(reads + 10) {
			case 0:
				if err := agree(&changes, oracle); err != nil {
					return err
				}
			case 1:
				if changes.Empty() != (len(oracle) == 0) {
					return fmt.Errorf("Empty is %v with %v", changes.Empty(), oracle)
				}
				if changes.Len() != len(oracle) {
					return fmt.Errorf("Len is %d with %v", changes.Len(), oracle)
				}
			case 2:
				for p, d := range oracle {
					update(p.At, p.Time, -d)
					if r.IntN(4) == 0 {
						break
					}
				}
			case 3:
				if r.IntN(10) == 0 {
					changes.Reset()
					clear(oracle)
				}
			case 4:
				var other Changes[T]
				before := len(oracle)
				for range r.IntN(100) {
					p, d := Pointstamp[T]{Location(r.IntN(3)), random(r, below)}, int64(r.IntN(7)-3)
					other.Update(p.At, p.Time, d)
					add(oracle, p, d)
				}
				changes.Merge(&other)
				most = max(most, before+len(other.list))
			default:
				update(Location(r.IntN(3)), random(r, below), int64(r.IntN(7)-3))
			}
			if most = max(most, len(oracle)); len(changes.list) > max(compactFrom, 2*most)+1 {
				return fmt.Errorf("%d entries for at most %d changes", len(changes.list), most)
			}
		}
		return agree(&changes, oracle)
	})
}

func agree[T order.Timestamp[T]](changes *Changes[T], oracle map[Pointstamp[T]]int64) error {
	list := changes.List()
	if len(list) != len(oracle) {
		return fmt.Errorf("List is %v, want %v", list, oracle)
	}
	for _, c := range list {
		if c.Delta == 0 || oracle[c.Pointstamp] != c.Delta {
			return fmt.Errorf("List is %v, want %v", list, oracle)
		}
	}
	return nil
}

// Changes that hide behind later ones and show up again when those cancel.
func TestListAddsUpShortLists(t *testing.T) {
	var c Changes[order.Epoch]
	for e := range order.Epoch(5) {
		c.Update(0, e, 1)
	}
	c.Update(0, 0, -1)
	for e := order.Epoch(4); e > 2; e-- {
		c.Update(0, e, -1)
	}
	want := []Change[order.Epoch]{{Pointstamp[order.Epoch]{0, 1}, 1}, {Pointstamp[order.Epoch]{0, 2}, 1}}
	if got := c.List(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestThousandCancellingPairsKeepStorageSmall(t *testing.T) {
	orders := map[string]func(i int) (order.Epoch, int64){
		"at once": func(i int) (order.Epoch, int64) { return order.Epoch(i / 2), int64(1 - i%2*2) },
		"later":   func(i int) (order.Epoch, int64) { return order.Epoch(i % 10), int64(1 - i/10%2*2) },
	}
	for name, pair := range orders {
		t.Run(name, func(t *testing.T) {
			var c Changes[order.Epoch]
			for i := range 2000 {
				x, d := pair(i)
				c.Update(0, x, d)
				if len(c.list) > compactFrom {
					t.Fatalf("%d entries after %d updates", len(c.list), i+1)
				}
			}
			if cap(c.list) > 2*compactFrom {
				t.Errorf("room for %d entries", cap(c.list))
			}
			if !c.Empty() || len(c.List()) != 0 {
				t.Errorf("not empty: %v", c.List())
			}
		})
	}
}

func TestChangesAreCheapHoweverMany(t *testing.T) {
	cost := func(n tallied) float64 {
		var c Changes[tallied]
		r := rand.New(rand.NewPCG(1, 1))
		tally = 0
		for _, x := range r.Perm(int(n)) {
			c.Update(0, tallied(x), 1)
		}
		c.List()
		return float64(tally) / float64(n)
	}
	few, many := cost(1_000), cost(100_000)
	t.Logf("%.0f and %.0f operations", few, many)
	if many > 4*few {
		t.Errorf("each of 100,000 changes costs %.0f operations, each of 1,000 %.0f", many, few)
	}
}

func TestSteadyChangesAllocateNothing(t *testing.T) {
	var c, other Changes[order.Epoch]
	next := order.Epoch(0)
	step := func() {
		for at := range Location(10) {
			c.Update(at, next, 1)
			c.Update(at, next, -2)
		}
		other.Merge(&c)
		for _, x := range c.List() {
			c.Update(x.At, x.Time, 1)
		}
		if !c.Empty() {
			t.Fatal("not empty")
		}
		c.Reset()
		other.Reset()
		next++
	}
	step()
	if n := testing.AllocsPerRun(1000, step); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
}
