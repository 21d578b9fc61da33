package batch

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"unsafe"
)

func TestBufferClasses(t *testing.T) {
	tests := []struct {
		name string
		got  []int
		want []int
	}{
		{"bytes", recycling[byte]().caps, []int{16, 128, 1024, 8192}},
		{"8 bytes", recycling[uint64]().caps, []int{16, 128, 1024}},
		{"16 bytes", recycling[[2]uint64]().caps, []int{16, 128, 512}},
		{"24 bytes", recycling[[3]uint64]().caps, []int{16, 128, 341}},
		{"512 bytes", recycling[[512]byte]().caps, []int{16}},
		{"513 bytes", recycling[[513]byte]().caps, []int{15}},
		{"4097 bytes", recycling[[4097]byte]().caps, []int{1}},
		{"8 KiB", recycling[[8 << 10]byte]().caps, []int{1}},
		{"larger than a buffer", recycling[[8<<10 + 1]byte]().caps, []int{1}},
		{"no bytes", recycling[struct{}]().caps, []int{16, 128, 1024, 8192}},
		{"at most 1", newPool[int](&Pools{MaxRecords: 1}).caps, []int{1}},
		{"at most 16", newPool[int](&Pools{MaxRecords: 16}).caps, []int{16}},
		{"at most 17", newPool[int](&Pools{MaxRecords: 17}).caps, []int{16, 17}},
		{"at most more than fits", newPool[uint64](&Pools{MaxRecords: 1 << 20}).caps, []int{16, 128, 1024}},
	}
	for _, test := range tests {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
		}
	}
}

func TestGetHasRoom(t *testing.T) {
	p := recycling[uint64]()
	for _, test := range [][2]int{{0, 16}, {1, 16}, {16, 16}, {17, 128}, {128, 128}, {129, 1024}, {1024, 1024}, {1 << 20, 1024}} {
		if got := cap(p.Get(test[0]).Records); got != test[1] {
			t.Errorf("Get(%d) has room for %d, want %d", test[0], got, test[1])
		}
	}
	if got := []int{p.Larger(1), p.Larger(16), p.Larger(128), p.Larger(1024), p.Max()}; !slices.Equal(got, []int{8, 128, 1024, 1024, 1024}) {
		t.Error("Larger and Max: ", got)
	}
}

func TestPoolsAreByType(t *testing.T) {
	var ps Pools
	type named int
	if Of[int](&ps) != Of[int](&ps) {
		t.Error("two pools for one type")
	}
	if any(Of[int](&ps)) == any(Of[named](&ps)) {
		t.Error("one pool for two types")
	}
	if Of[int](&ps).Pointers() || !Of[*int](&ps).Pointers() {
		t.Error("Pointers is wrong")
	}
}

func TestHasPointers(t *testing.T) {
	type list struct{ next *list }
	type flat struct {
		a [3]struct {
			x int
			y [2]complex128
		}
		b uintptr
		c bool
	}
	without := []any{1, 1.5, false, uintptr(1), [4]int{}, flat{}, struct{}{}, [0]*int{}, struct{ _ [0]string }{}}
	with := []any{"", new(int), []int{}, map[int]int{}, func() {}, make(chan int), list{}, [1]string{}, struct {
		a int
		b [2]any
	}{}, unsafe.Pointer(nil)}
	for _, x := range without {
		if HasPointers(reflect.TypeOf(x)) {
			t.Errorf("%T has no pointers", x)
		}
	}
	for _, x := range with {
		if !HasPointers(reflect.TypeOf(x)) {
			t.Errorf("%T has pointers", x)
		}
	}
	if !HasPointers(reflect.TypeFor[any]()) {
		t.Error("an interface has pointers")
	}
}

func TestRecordsWithoutBytes(t *testing.T) {
	for _, poisoned := range []bool{false, true} {
		p := recycling[struct{}]()
		p.poison = poisoned
		b := p.Get(20)
		for range 20 {
			b.Records = append(b.Records, struct{}{})
		}
		if cap(b.Records) < 20 {
			t.Error("capacity ", cap(b.Records))
		}
		b.Release()
	}
}

// TestOneWayScatterAllocatesNothing sends batches to another worker for ever, who
// only ever gives them back.
func TestOneWayScatterAllocatesNothing(t *testing.T) {
	p := recycling[uint64]()
	to, done := make(chan *Batch[uint64], 32), make(chan struct{}, 32)
	go func() {
		for b := range to {
			b.Release()
			done <- struct{}{}
		}
	}()
	defer close(to)
	round := func() {
		for i := range 32 {
			b := p.Get([]int{1, 100, 1000}[i%3])
			b.Records = append(b.Records, 1)
			if i%2 == 0 {
				b.SendAway()
			} else {
				b.ShareAway(1)
			}
			to <- b
		}
		for range 32 {
			<-done
		}
	}
	for range 10 {
		round()
	}
	made := p.Made()
	if n := testing.AllocsPerRun(100, round); n > 0 {
		t.Errorf("%v allocations a round", n)
	}
	if p.Made() != made {
		t.Errorf("%d new buffers", p.Made()-made)
	}
}

func TestPoolIsBounded(t *testing.T) {
	release := map[string]func([]*Batch[[1 << 10]byte]){
		"here": func(all []*Batch[[1 << 10]byte]) {
			for _, b := range all {
				b.Release()
			}
		},
		"elsewhere": func(all []*Batch[[1 << 10]byte]) {
			done := make(chan struct{})
			for _, b := range all {
				b.SendAway()
			}
			go func() {
				for _, b := range all {
					b.Release()
				}
				close(done)
			}()
			<-done
		},
	}
	for name, give := range release {
		t.Run(name, func(t *testing.T) {
			p := recycling[[1 << 10]byte]()
			var all []*Batch[[1 << 10]byte]
			for range 2 * freeBytes / maxBytes {
				all = append(all, p.Get(8))
			}
			give(all)
			home := 0
			for b := p.home.Load(); b != nil; b = b.next {
				home += cap(b.Records) * p.recordSize
			}
			if home+p.freed > freeBytes || home+p.freed < freeBytes/2 {
				t.Errorf("the pool keeps %d bytes and has %d to fetch, of %d", p.freed, home, freeBytes)
			}
			var again []*Batch[[1 << 10]byte] // what is kept is used again
			made := p.Made()
			for range freeBytes / maxBytes {
				again = append(again, p.Get(8))
			}
			if p.Made() != made {
				t.Errorf("made %d buffers, though so many were kept", p.Made()-made)
			}
			if p.freed != 0 {
				t.Errorf("the empty pool counts %d bytes", p.freed)
			}
			give(again) // the account was right
			if made = p.Made(); p.Get(8) == nil || p.Made() != made {
				t.Error("nothing was kept the second time")
			}
		})
	}
}

// TestHugeRecordsAreRecycled has records that are larger than all that a pool keeps.
func TestHugeRecordsAreRecycled(t *testing.T) {
	type huge [freeBytes + 1]byte
	p := recycling[huge]()
	for range 5 {
		p.Get(1).Release()
	}
	for range 5 {
		b := p.Get(1)
		b.SendAway()
		b.Release()
	}
	if p.Made() != 1 {
		t.Errorf("made %d buffers, want 1", p.Made())
	}
	a, b := p.Get(1), p.Get(1)
	a.Release()
	b.Release()
	if len(p.free[0]) != 1 {
		t.Errorf("%d huge buffers are kept, want 1", len(p.free[0]))
	}
}

// TestReturnedBufferKeepsNothingAlive looks at what the collector can free, also
// when the worker whose buffer it is never asks for one again.
func TestReturnedBufferKeepsNothingAlive(t *testing.T) {
	for _, away := range []bool{false, true} {
		t.Run(fmt.Sprint("away ", away), func(t *testing.T) {
			p := recycling[*[100]int]()
			b := p.Get(16)
			for range 16 {
				b.Records = append(b.Records, new([100]int))
			}
			freed := make(chan struct{}, 16)
			for _, x := range b.Records {
				runtime.AddCleanup(x, func(struct{}) { freed <- struct{}{} }, struct{}{})
			}
			all := b.Records
			if away {
				b.SendAway()
			}
			b.Release()
			for i, x := range all {
				if x != nil {
					t.Fatalf("record %d is kept", i)
				}
			}
			runtime.GC()
			for range 16 {
				<-freed
			}
			runtime.KeepAlive(p)
		})
	}
}

func TestPoisonedBuffersAreOverwritten(t *testing.T) {
	for _, away := range []bool{false, true} {
		p := newPool[uint32](&Pools{Poison: true})
		b := p.Get(1)
		b.Records = append(b.Records, 1, 2, 3)
		kept := b.Records[:cap(b.Records)]
		if away {
			b.ShareAway(2)
			b.Release()
			if kept[0] != 1 {
				t.Fatal("overwritten while somebody refers to it")
			}
		}
		b.Release()
		for i, x := range kept {
			if x != 0xDBDBDBDB {
				t.Fatalf("away %v: record %d is %x", away, i, x)
			}
		}
		if p.Get(1) == b || p.home.Load() != nil || p.freed != 0 {
			t.Error("a poisoned buffer is kept")
		}
	}
	q := newPool[string](&Pools{Poison: true})
	b := q.Get(1)
	b.Records = append(b.Records, "a")
	kept := b.Records
	b.Release()
	if kept[0] != "" {
		t.Error("a poisoned buffer with pointers holds ", kept[0])
	}
}

func TestRaceDetectorPoisons(t *testing.T) {
	if p := newPool[int](&Pools{}); p.poison != raceEnabled {
		t.Errorf("poison is %v, the race detector %v", p.poison, raceEnabled)
	}
}

// TestEmptyClassFetchesWhatCameHome mixes buffers that return here and elsewhere.
func TestEmptyClassFetchesWhatCameHome(t *testing.T) {
	p := recycling[int]()
	a, b, c := p.Get(1), p.Get(1), p.Get(1000)
	a.SendAway()
	a.Release()
	c.SendAway()
	c.Release()
	b.Release()
	if p.Get(1) != b || p.Get(1) != a || p.Get(1000) != c || p.Made() != 3 {
		t.Error("what came home is not used")
	}
	if a.next != nil || c.next != nil {
		t.Error("batches in use are still linked")
	}
	if !a.Exclusive() || a.away || a.shared {
		t.Error("a batch that came home is not as new")
	}
}

func BenchmarkGetRelease(b *testing.B) {
	p := recycling[uint64]()
	for b.Loop() {
		p.Get(1000).Release()
	}
}

func BenchmarkComeHome(b *testing.B) {
	p := recycling[uint64]()
	for b.Loop() {
		x := p.Get(1000)
		x.SendAway()
		x.Release()
	}
}

// TestLargerBuffersCountForWhatTheyAre: one that was given more room than its class has.
func TestLargerBuffersCountForWhatTheyAre(t *testing.T) {
	p := recycling[[1 << 10]byte]()
	larger := func(records int) *Batch[[1 << 10]byte] {
		b := p.Get(p.Max())
		b.Records = make([][1 << 10]byte, 0, records)
		return b
	}
	huge := freeBytes/p.recordSize + 1
	larger(huge).Release()
	if p.freed != 0 {
		t.Errorf("%d bytes are kept of a buffer that is larger than all that may be", p.freed)
	}
	const quarter = freeBytes / 4 / (1 << 10)
	var all []*Batch[[1 << 10]byte]
	for range 20 {
		all = append(all, larger(quarter))
	}
	for _, b := range all {
		b.Release()
	}
	if want := 4 * quarter * p.recordSize; p.freed != want {
		t.Errorf("%d bytes are kept, want %d", p.freed, want)
	}
	if b := p.Get(p.Max()); cap(b.Records) != quarter || p.freed != 3*quarter*p.recordSize {
		t.Errorf("a buffer for %d records is taken, and %d bytes are kept", cap(b.Records), p.freed)
	}
}
