package local

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// TestWhatWorkersShareFillsLines: memory of these sizes begins at the beginning of a line.
func TestWhatWorkersShareFillsLines(t *testing.T) {
	if reflect.TypeFor[uintptr]().Size() != 8 {
		t.Skip("the sizes are those of 64-bit machines")
	}
	for _, test := range []struct {
		shared reflect.Type
		want   uintptr
	}{
		{reflect.TypeFor[Queue[*int]](), 64},
		{reflect.TypeFor[Sum[*int]](), 64},
		{reflect.TypeFor[End](), 3 * 64},
	} {
		if got := test.shared.Size(); got != test.want {
			t.Errorf("%v has %d bytes, want %d", test.shared, got, test.want)
		}
	}
}

func TestBellsAreHeardInTheOrderInWhichTheyBeganToRing(t *testing.T) {
	e := NewFabric(1, quiet()).End(0)
	var bells []*Bell
	for channel := range 5 {
		bells = append(bells, e.NewBell(channel))
	}
	for range 2 { // heard bells ring again
		for _, channel := range []int{3, 0, 3, 4, 0} {
			bells[channel].Ring()
		}
		e.Signal() // of no channel
		if got, want := e.Ready(), []int{3, 0, 4}; !slices.Equal(got, want) {
			t.Fatalf("heard %v, want %v", got, want)
		}
		if got := e.Ready(); len(got) > 0 {
			t.Fatalf("heard %v twice", got)
		}
	}
	e.Signal()
	if got := e.Ready(); len(got) > 0 || e.signalled() {
		t.Fatalf("after a signal: heard %v, still signalled: %v", got, e.signalled())
	}
}

func TestRingingNeedsNoMemory(t *testing.T) {
	e := NewFabric(1, quiet()).End(0)
	a, b := e.NewBell(0), e.NewBell(1)
	if n := testing.AllocsPerRun(100, func() {
		a.Ring()
		b.Ring()
		e.Signal()
		e.Ready()
	}); n > 0 {
		t.Errorf("%v allocations for three rings", n)
	}
}

// TestNoRingIsLost has goroutines put something at channels and ring, several at each,
// while the worker takes what it hears of: in the end it has taken all.
func TestNoRingIsLost(t *testing.T) {
	const channels, ringers, rings = 7, 3, 2000
	e := NewFabric(1, quiet()).End(0)
	var inbox [channels]atomic.Int64
	var all sync.WaitGroup
	for channel := range channels {
		bell := e.NewBell(channel)
		for range ringers {
			all.Go(func() {
				for range rings {
					inbox[channel].Add(1)
					bell.Ring()
				}
			})
		}
	}
	got := int64(0)
	all.Go(func() {
		for got < channels*ringers*rings {
			e.Park(-1, false)
			heard := e.Ready()
			if sorted := slices.Sorted(slices.Values(heard)); len(slices.Compact(sorted)) != len(heard) {
				t.Errorf("heard %v at once", heard)
				return
			}
			for _, channel := range heard {
				got += inbox[channel].Swap(0)
			}
		}
	})
	wait(t, &all)
}
