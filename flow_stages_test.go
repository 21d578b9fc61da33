package timely_test

import (
	"testing"

	"github.com/timely-go/timely"
)

// Larger records than those that a batch came with: it holds more of them than a
// buffer of theirs does, and every stage must take it.
func TestStagesTakeBatchesOfMoreThanABuffer(t *testing.T) {
	const n = 10_000
	type wide [8]int
	widen := func(i int) wide { return wide{i} }
	isEven := func(w wide) bool { return w[0]%2 == 0 }
	narrow := func(w wide) int { return w[0] }
	stages := map[string]func(s timely.Stream[epoch, wide]) timely.Stream[epoch, wide]{
		"Split": func(s timely.Stream[epoch, wide]) timely.Stream[epoch, wide] {
			return timely.Concat(timely.Split(s, isEven))
		},
		"Split of a shared stream": func(s timely.Stream[epoch, wide]) timely.Stream[epoch, wide] {
			timely.Inspect(s, func(wide) {})
			yes, no := timely.Split(s, isEven)
			timely.Inspect(s, func(wide) {})
			return timely.Concat(yes, no)
		},
		"Filter of a shared stream": func(s timely.Stream[epoch, wide]) timely.Stream[epoch, wide] {
			yes := timely.Filter(s, isEven)
			no := timely.Filter(s, func(w wide) bool { return !isEven(w) })
			return timely.Concat(yes, no)
		},
		"Partition": func(s timely.Stream[epoch, wide]) timely.Stream[epoch, wide] {
			parts := timely.Partition(s, 3, func(w wide) int { return w[0] % 3 })
			return timely.Concat(parts[0], parts[1:]...)
		},
		"MapInPlace of a shared stream": func(s timely.Stream[epoch, wide]) timely.Stream[epoch, wide] {
			changed := timely.MapInPlace(s, func(w *wide) { w[1]++ })
			timely.Inspect(s, func(w wide) {
				if w[1] != 0 {
					t.Error("what is shared was changed")
				}
			})
			return changed
		},
		"Exchange": func(s timely.Stream[epoch, wide]) timely.Stream[epoch, wide] {
			return timely.Exchange(s, func(w wide) uint64 { return spread(w[0]) })
		},
	}
	for name, stage := range stages {
		t.Run(name, func(t *testing.T) {
			eachFlow(t, []budget{oneByte, usual}, []int{1, 2}, func(t *testing.T, f flowCase) {
				f.mustGive(t, n, counting(n), func(_ *timely.Worker, numbers epochInts) epochInts {
					return timely.Map(stage(timely.Map(numbers, widen)), narrow)
				})
			})
		})
	}
}
