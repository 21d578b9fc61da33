package progress

import (
	"fmt"
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

// A capability moves on by a turn of a cycle, or by one member in each settlement; the
// cycle is small or goes through the heap.
func BenchmarkTurnOfCycle(b *testing.B) {
	for _, members := range []int{2, 4, 8, 16, 32} {
		for _, how := range []struct{ small, settlements int }{{members, 1}, {0, 1}, {members, members}, {0, members}} {
			b.Run(fmt.Sprintf("members=%d/small=%t/settlements=%d", members, how.small > 0, how.settlements), func(b *testing.B) {
				defer setSmallCycle(how.small)()
				k := NewTracker[order.Epoch](func() {})
				for range members {
					k.AddPort()
				}
				for i := range members {
					k.Connect(Location(i), Location((i+1)%members), order.Epoch((i+1)/members))
				}
				k.Assume(0, 0, 1)
				if err := k.Seal(); err != nil {
					b.Fatal(err)
				}
				levels := []Level{Root[order.Epoch]{k}}
				Settle(levels)
				b.ReportAllocs()
				step := members / how.settlements
				for at, t := 0, order.Epoch(0); b.Loop(); {
					for range how.settlements {
						k.Update(Location(at), t, -1)
						if at += step; at >= members {
							at, t = 0, t+1
						}
						k.Update(Location(at), t, 1)
						Settle(levels)
					}
				}
			})
		}
	}
}

// What a worker did in a turn: some changes, of which two cancel.
func BenchmarkChanges(b *testing.B) {
	var c Changes[order.Epoch]
	b.ReportAllocs()
	for t := order.Epoch(0); b.Loop(); t++ {
		c.Update(1, t, 64)
		c.Update(0, t+1, 1)
		c.Update(0, t, -1)
		c.Update(2, t, 1)
		c.Update(2, t, -1)
		if c.Empty() || len(c.List()) != 3 {
			b.Fatal(c.List())
		}
		c.Reset()
	}
}

// A message on its way to another process.
func BenchmarkMessageAsBytes(b *testing.B) {
	k := NewTracker[order.Epoch](func() {})
	for range 4 {
		k.AddPort()
	}
	if err := k.Seal(); err != nil {
		b.Fatal(err)
	}
	levels := []Level{Root[order.Epoch]{k}}
	from, to := NewMessage(levels), NewMessage(levels)
	from.Sent = 1
	changes := from.Parts[0].(*Changes[order.Epoch])
	changes.Update(1, 7, 64)
	changes.Update(0, 8, 1)
	changes.Update(0, 7, -1)
	var bytes []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if bytes, err = from.Append(bytes[:0]); err != nil {
			b.Fatal(err)
		}
		if err := to.Decode(bytes); err != nil {
			b.Fatal(err)
		}
		to.Reset()
	}
	b.SetBytes(int64(len(bytes)))
}
