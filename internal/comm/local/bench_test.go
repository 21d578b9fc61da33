package local

import "testing"

// What a worker sends to another, and that takes.
func BenchmarkQueue(b *testing.B) {
	f := NewFabric(2, quiet())
	_, to := OpenQueue[int](f, 0, 0)
	in, _ := OpenQueue[int](f, 1, 0)
	var spare []int
	b.ReportAllocs()
	for b.Loop() {
		to[1].Send(1)
		f.End(1).Ready()
		spare = in.Take(spare)
	}
}

// What adds up at a worker that looks seldom.
func BenchmarkSum(b *testing.B) {
	f := NewFabric(2, quiet())
	empty := func() *int { return new(int) }
	add := func(into, from *int) { *into += *from }
	_, to := OpenSum(f, 0, 0, empty, add)
	in, _ := OpenSum(f, 1, 0, empty, add)
	one, spare, n := 1, empty(), 0
	b.ReportAllocs()
	for b.Loop() {
		to[1].Send(&one)
		if n++; n%16 == 0 {
			f.End(1).Ready()
			spare = in.Take(spare)
			*spare = 0
		}
	}
}

// There and back, between two goroutines that park.
func BenchmarkRoundTrip(b *testing.B) {
	f := NewFabric(2, quiet())
	in, to := OpenQueue[int](f, 0, 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		in, to := OpenQueue[int](f, 1, 0)
		for {
			f.End(1).Park(-1, false)
			f.End(1).Ready()
			for _, n := range in.Take(nil) {
				if n < 0 {
					return
				}
				to[0].Send(n)
			}
		}
	}()
	for b.Loop() {
		to[1].Send(1)
		for got := 0; got == 0; got = len(in.Take(nil)) {
			f.End(0).Park(-1, false)
			f.End(0).Ready()
		}
	}
	to[1].Send(-1)
	<-done
}
