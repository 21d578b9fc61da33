package codec

import (
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"sync"
)

// mapOf is the part for maps: their length, zeros that pay for the table if the
// entries are too short for that, then keys and values. Maps are the one place
// where every value takes calls of reflect.
type mapOf struct {
	typ        reflect.Type
	key, value *coder
	cost       tableCost
	hashable   bool      // every key is; otherwise it depends on what an interface holds
	entries    sync.Pool // of *entry
}

// An entry is where a key and a value lie between a map and the wire: both are
// zero while nobody uses it.
type entry struct {
	iter       reflect.MapIter
	key, value *scratch
}

// A scratch is a variable of a type that only reflect knows.
type scratch struct {
	value reflect.Value
	at    address
}

func newScratch(t reflect.Type) *scratch {
	p := reflect.New(t)
	return &scratch{value: p.Elem(), at: pointee(p)}
}

func newMapOf(t reflect.Type, key, value *coder) *mapOf {
	m := &mapOf{typ: t, key: key, value: value, cost: costOf(t.Key(), t.Elem()), hashable: !holdsInterface(t.Key())}
	m.entries.New = func() any { return &entry{key: newScratch(t.Key()), value: newScratch(t.Elem())} }
	return m
}

func (m *mapOf) append(dst []byte, p address, depth int) ([]byte, error) {
	v := p.value(m.typ)
	n := v.Len()
	switch {
	case v.IsNil():
		return appendNil(dst), nil
	case uint64(n) > maxLength:
		return dst, tooLong("map", n)
	}
	dst, _ = m.padding(n).append(appendLength(dst, n), p, depth)
	e := m.entries.Get().(*entry)
	e.iter.Reset(v)
	for e.iter.Next() {
		var err error
		if dst, err = m.appendEntry(dst, e, depth); err != nil {
			return dst, err
		}
	}
	e.iter.Reset(reflect.Value{})
	m.put(e)
	return dst, nil
}

func (m *mapOf) appendEntry(dst []byte, e *entry, depth int) ([]byte, error) {
	e.key.value.SetIterKey(&e.iter)
	e.value.value.SetIterValue(&e.iter)
	dst, err := m.key.append(dst, e.key.at, depth)
	if err != nil {
		return dst, err
	}
	return m.value.append(dst, e.value.at, depth)
}

func (m *mapOf) decode(src []byte, p address, depth int) (rest []byte, err error) {
	n, rest, err := readLength(src)
	switch {
	case err != nil:
		return src, wrongLength("map", err)
	case n < 0:
		return rest, nil
	}
	padding := m.padding(n)
	if len(rest) < int(padding)+n*m.entryMin() {
		return src, wrongLength("map", errLength)
	}
	if rest, err = padding.decode(rest, p, depth); err != nil {
		return rest, err
	}
	v := p.value(m.typ)
	v.Set(reflect.MakeMapWithSize(m.typ, n))
	return m.decodeEntries(rest, v, n, depth)
}

// decodeEntries fills a map. As in decodeAll, an entry leaves alone what the later
// ones need.
func (m *mapOf) decodeEntries(src []byte, v reflect.Value, n, depth int) (rest []byte, err error) {
	e := m.entries.Get().(*entry)
	for i := range n {
		later := (n - 1 - i) * m.entryMin()
		rest, err = m.decodeEntry(src[:len(src)-later], e, depth)
		src = rest[:len(rest)+later]
		if err != nil {
			return src, err
		}
		v.SetMapIndex(e.key.value, e.value.value)
		e.key.value.SetZero()
		e.value.value.SetZero()
	}
	m.put(e)
	if v.Len() != n {
		return src, errors.New("a map with a key twice")
	}
	return src, nil
}

func (m *mapOf) decodeEntry(src []byte, e *entry, depth int) (rest []byte, err error) {
	later := m.value.min
	rest, err = m.key.decode(src[:len(src)-later], e.key.at, depth)
	rest = rest[:len(rest)+later]
	if err != nil {
		return rest, err
	}
	if !m.hashable && !e.key.value.Comparable() {
		return rest, fmt.Errorf("a key of a %v that cannot be compared", m.typ)
	}
	return m.value.decode(rest, e.value.at, depth)
}

// put gives back an entry. One that an error or a panic has left in use is not
// given back.
func (m *mapOf) put(e *entry) {
	e.key.value.SetZero()
	e.value.value.SetZero()
	m.entries.Put(e)
}

func (m *mapOf) entryMin() int { return m.key.min + m.value.min }

// padding returns how many zeros follow the length of a map of n: with the least
// bytes of its entries they pay for its table, and for n.
func (m *mapOf) padding(n int) zeros {
	least := max(n, (m.cost.of(n)+memoryPerByte-1)/memoryPerByte)
	return zeros(max(0, least-lengthBytes-n*m.entryMin()))
}

// tableCost is what a map takes in memory. It must be about right, not less, and
// alike in every process.
type tableCost struct {
	once int // for each map: its header, and for large entries the scratch
	slot int // for each slot of the table
	each int // for each entry, beside its slot
}

const (
	mapHeader    = 48
	slotsOfGroup = 8    // of which seven may be used
	oneTable     = 1024 // the most slots that grow as one
	largestSlot  = 128  // a larger key or value lies apart
)

func costOf(key, value reflect.Type) (c tableCost) {
	c.once = mapHeader + scratchBytes(key) + scratchBytes(value)
	k, v := key.Size(), value.Size()
	if k > largestSlot {
		c.each, k = c.each+int(k), wordSize
	}
	if v > largestSlot {
		c.each, v = c.each+int(v), wordSize
	}
	align := uintptr(max(key.Align(), value.Align()))
	c.slot = int((k+align-1)&^(align-1)+(max(v, 1)+align-1)&^(align-1)) + 1
	return c
}

// of returns the cost of a map made for n entries. The number of slots is a power
// of two while there is one table; of many tables some are split, so that there
// are up to two slots for each that is needed.
func (c tableCost) of(n int) int {
	slots := slotsOfGroup
	needed := n * slotsOfGroup / (slotsOfGroup - 1)
	switch {
	case needed > oneTable:
		slots = 2 * needed
	case n > slotsOfGroup:
		slots = 1 << bits.Len(uint(needed-1))
	}
	return c.once + slots*c.slot + n*c.each
}

// scratchBytes returns what must be paid for the scratch of a type. A thousand of
// the small ones, for values inside each other, are nothing to speak of.
func scratchBytes(t reflect.Type) int {
	const small = 512
	if t.Size() <= small {
		return 0
	}
	return int(t.Size())
}
