package timely

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/engine"
)

// dropped is where batches end.
type dropped struct{}

func (dropped) push(_ Epoch, b *batch.Batch[uint64]) { b.Release() }

// BenchmarkRouting sorts batches of 1,024 numbers by the worker that they belong to.
func BenchmarkRouting(b *testing.B) {
	for _, bench := range []struct {
		name  string
		peers int
		next  func() uint64
	}{
		{"two workers", 2, rand.Uint64},
		{"four workers", 4, rand.Uint64},
		{"five workers", 5, rand.Uint64},
		{"one of two", 2, func() uint64 { return 1 }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var pools batch.Pools
			pool := batch.Of[uint64](&pools)
			r := &Routes[uint64]{peers: bench.peers}
			r.By(func(n uint64) uint64 { return n })
			x := &exchange[Epoch, uint64]{engine: &engine.Worker{}, route: r.route, pool: pool, open: make([]*batch.Batch[uint64], bench.peers), ready: true}
			x.twoWays = bench.peers == 2
			for range bench.peers {
				x.to = append(x.to, dropped{})
			}
			numbers := make([]uint64, pool.Max())
			for i := range numbers {
				numbers[i] = bench.next()
			}
			b.SetBytes(int64(8 * len(numbers)))
			b.ReportAllocs()
			for b.Loop() {
				in := pool.Get(len(numbers))
				in.Records = append(in.Records, numbers...)
				x.push(0, in)
			}
		})
	}
}

// TestLoopsOverBatchesTakeEachRecordOnce is about batches of all small lengths, as the
// loops take several records at a time: each record is asked for its key, and mapped,
// once, in order, and nothing beyond the batch is written.
func TestLoopsOverBatchesTakeEachRecordOnce(t *testing.T) {
	for n := range 20 {
		numbers := make([]int, n)
		for i := range numbers {
			numbers[i] = 7*i + 3
		}
		var seen []int
		see := func(x int) int {
			seen = append(seen, x)
			return 3 * x
		}
		for _, peers := range []int{1, 2, 3, 4, 8} {
			seen = nil
			r := &Routes[int]{peers: peers}
			r.By(func(x int) uint64 { return uint64(see(x)) })
			to := slices.Repeat([]uint32{99}, n+8)
			r.route(numbers, to[:n])
			for i, k := range to {
				if i < n && k != uint32(3*numbers[i]%peers) || i >= n && k != 99 {
					t.Errorf("%d records, %d peers: record %d goes to %d", n, peers, i, k)
				}
			}
			if !slices.Equal(seen, numbers) {
				t.Errorf("%d peers: the keys of %v are asked for, not of %v", peers, seen, numbers)
			}
		}
		seen = nil
		out := slices.Repeat([]int{99}, n+8)
		mapTo(out[:n], numbers, see)
		same := slices.Clone(numbers)
		mapTo(same, same, func(x int) int { return 3 * x })
		for i, x := range out {
			if i < n && (x != 3*numbers[i] || same[i] != x) || i >= n && x != 99 {
				t.Errorf("%d records: record %d becomes %d, in place %v", n, i, x, same)
			}
		}
		if !slices.Equal(seen, numbers) {
			t.Errorf("%v are mapped, not %v", seen, numbers)
		}
	}
}

// TestSortByBit compares with two lists that are appended to.
func TestSortByBit(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for n := range 100 {
		numbers, keys := make([]int, n), make([]uint32, n)
		var want [2][]int
		for i := range numbers {
			numbers[i], keys[i] = r.Int(), r.Uint32N(2)
			want[keys[i]] = append(want[keys[i]], numbers[i])
		}
		zero, one := make([]int, n), make([]int, n)
		ones, wrong := sortByBit(numbers, keys, zero, one)
		if wrong || !slices.Equal(zero[:n-ones], want[0]) || !slices.Equal(one[:ones], want[1]) {
			t.Errorf("seed %d, %d records: %v and %v, want %v; wrong: %v", seed, n, zero[:n-ones], one[:ones], want, wrong)
		}
		if n > 0 {
			keys[r.IntN(n)] += 2
			if _, wrong := sortByBit(numbers, keys, zero, one); !wrong {
				t.Errorf("seed %d, %d records: a key beyond the last is not noticed", seed, n)
			}
		}
	}
}
