package timely

import (
	"math/rand/v2"
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
