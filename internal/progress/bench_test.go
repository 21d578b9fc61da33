package progress

import (
	"testing"

	"github.com/timely-go/timely/order"
)

// An epoch through a chain: one record is sent, moves on, and is consumed.
func BenchmarkEpochThroughChain(b *testing.B) {
	k := NewTracker[order.Epoch](func() {})
	var at [5]Location
	for i := range at {
		at[i] = k.AddPort()
		if i > 0 {
			k.Connect(at[i-1], at[i], 0)
		}
	}
	k.Assume(at[0], 0, 1)
	if err := k.Seal(); err != nil {
		b.Fatal(err)
	}
	levels := []Level{Root[order.Epoch]{k}}
	Settle(levels)
	t := order.Epoch(0)
	b.ReportAllocs()
	for b.Loop() {
		k.Update(at[1], t, 1)
		k.Update(at[0], t+1, 1)
		k.Update(at[0], t, -1)
		Settle(levels)
		k.Update(at[1], t, -1)
		k.Update(at[3], t, 1)
		Settle(levels)
		k.Update(at[3], t, -1)
		Settle(levels)
		t++
	}
}
