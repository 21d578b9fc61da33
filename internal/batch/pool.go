package batch

import (
	"reflect"
	"sync/atomic"
	"unsafe"
)

const (
	maxBytes   = 8 << 10 // of a buffer, unless one record is larger
	firstClass = 16      // records in the smallest buffers
	classStep  = 8       // each capacity is so many times the one before
	freeBytes  = 4 << 20 // that a pool keeps, at most; and as much that came home and was not fetched
)

// Pool keeps the buffers of one record type at one worker. All but the return of
// batches from other workers is for that worker alone.
type Pool[D any] struct {
	free       [][]*Batch[D] // by class
	caps       []int         // records in a buffer, by class
	freed      int           // bytes in free
	recordSize int           // bytes
	pointers   bool          // records carry pointers: clear what returns
	poison     bool
	made       int // buffers allocated so far

	home      atomic.Pointer[Batch[D]] // what other workers gave back, linked by next
	homeBytes atomic.Int64             // in home; at most freeBytes, unless one buffer is larger
}

// Get returns an empty batch with one reference and room for n records, or for
// as many as the largest buffer holds.
func (p *Pool[D]) Get(n int) *Batch[D] {
	class := 0
	for class < len(p.caps)-1 && p.caps[class] < n {
		class++
	}
	if len(p.free[class]) == 0 && p.home.Load() != nil {
		p.welcome()
	}
	free := p.free[class]
	if n := len(free); n > 0 {
		b := free[n-1]
		p.free[class] = free[:n-1]
		p.freed -= p.size(b)
		b.refs = 1
		return b
	}
	p.made++
	return &Batch[D]{Records: make([]D, 0, p.caps[class]), refs: 1, class: int8(class), pool: p}
}

// Larger returns the length to ask for after a buffer for n records was filled.
func (p *Pool[D]) Larger(n int) int { return min(n*classStep, p.Max()) }

// Max returns the number of records in the largest buffers.
func (p *Pool[D]) Max() int { return p.caps[len(p.caps)-1] }

// Pointers reports whether records carry pointers.
func (p *Pool[D]) Pointers() bool { return p.pointers }

// Made returns how many buffers were allocated so far.
func (p *Pool[D]) Made() int { return p.made }

// put takes back a batch that nobody refers to.
func (p *Pool[D]) put(b *Batch[D]) {
	if p.wipe(b) {
		p.keep(b)
	}
}

// wipe ends the life of a batch's records, and reports whether the buffer may be
// used again.
func (p *Pool[D]) wipe(b *Batch[D]) bool {
	if p.poison {
		poison(b.Records[:cap(b.Records)], p.pointers)
		return false
	}
	if p.pointers {
		clear(b.Records)
	}
	b.Records = b.Records[:0]
	return true
}

// keep adds an empty buffer to the free ones, if there is room. One of its class is kept
// in any case, unless it is larger than those of its class: whoever had it needed more.
func (p *Pool[D]) keep(b *Batch[D]) {
	size := p.size(b)
	if p.freed+size > freeBytes && (len(p.free[b.class]) > 0 || cap(b.Records) > p.caps[b.class]) {
		return
	}
	b.shared, b.away = false, false
	p.freed += size
	p.free[b.class] = append(p.free[b.class], b)
}

func (p *Pool[D]) size(b *Batch[D]) int { return cap(b.Records) * p.recordSize }

// comeHome takes back a batch at another worker, if there is room. A list that is
// only pushed to and taken whole needs no more than compare-and-swap (Treiber,
// "Systems Programming: Coping with Parallelism", 1986).
func (p *Pool[D]) comeHome(b *Batch[D]) {
	if !p.wipe(b) {
		return
	}
	size := int64(p.size(b))
	if waiting := p.homeBytes.Add(size); waiting > freeBytes && waiting > size {
		p.homeBytes.Add(-size)
		return
	}
	for {
		b.next = p.home.Load()
		if p.home.CompareAndSwap(b.next, b) {
			return
		}
	}
}

// welcome moves to the free buffers what came home.
func (p *Pool[D]) welcome() {
	for b := p.home.Swap(nil); b != nil; {
		next := b.next
		b.next = nil
		p.homeBytes.Add(-int64(p.size(b)))
		p.keep(b)
		b = next
	}
}

// Pools are the pools of one worker, by record type.
type Pools struct {
	Poison     bool // returned buffers are overwritten and not reused
	MaxRecords int  // bounds the records in a buffer, if positive; for tests
	byType     map[reflect.Type]any
}

// Of returns the pool for records of type D.
func Of[D any](ps *Pools) *Pool[D] {
	t := reflect.TypeFor[D]()
	if p, ok := ps.byType[t]; ok {
		return p.(*Pool[D])
	}
	if ps.byType == nil {
		ps.byType = make(map[reflect.Type]any)
	}
	p := newPool[D](ps)
	ps.byType[t] = p
	return p
}

func newPool[D any](ps *Pools) *Pool[D] {
	var d D
	p := &Pool[D]{
		recordSize: max(1, int(unsafe.Sizeof(d))),
		pointers:   HasPointers(reflect.TypeFor[D]()),
		poison:     ps.Poison || raceEnabled,
	}
	most := max(1, maxBytes/p.recordSize)
	if ps.MaxRecords > 0 {
		most = min(most, ps.MaxRecords)
	}
	for n := firstClass; n < most; n *= classStep {
		p.caps = append(p.caps, n)
	}
	p.caps = append(p.caps, most)
	p.free = make([][]*Batch[D], len(p.caps))
	return p
}

// HasPointers reports whether values of type t hold pointers.
func HasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return t.Len() > 0 && HasPointers(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if HasPointers(f.Type) {
				return true
			}
		}
		return false
	}
	return true
}
