package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"
)

// interfaceOf is the part for interfaces: four bytes that say which registered
// type the value has, or nil, then the value.
type interfaceOf struct {
	typ   reflect.Type
	cases []*dynamic // the registered types that implement it, by name; 0 on the wire is nil, 1 the first
	index map[reflect.Type]int
}

// A dynamic is a type that an interface may hold.
type dynamic struct {
	coder   *coder
	padding zeros     // pays for a large scratch
	boxes   sync.Pool // of *scratch; zero while nobody uses it
}

const indexBytes = 4

// addCase adds the next type that the interface may hold.
func (f *interfaceOf) addCase(c *coder) {
	d := &dynamic{coder: c}
	d.padding = zeros(max(0, (scratchBytes(c.typ)+memoryPerByte-1)/memoryPerByte))
	d.boxes.New = func() any { return newScratch(c.typ) }
	f.cases = append(f.cases, d)
	f.index[c.typ] = len(f.cases)
}

func (f *interfaceOf) append(dst []byte, p address, depth int) ([]byte, error) {
	v := p.value(f.typ)
	if v.IsNil() {
		return binary.LittleEndian.AppendUint32(dst, 0), nil
	}
	v = v.Elem()
	i, ok := f.index[v.Type()]
	if !ok {
		return dst, fmt.Errorf("%v holds a %v, which codec.Register was not told of", f.typ, v.Type())
	}
	d := f.cases[i-1]
	dst, _ = d.padding.append(binary.LittleEndian.AppendUint32(dst, uint32(i)), p, depth)
	box := d.boxes.Get().(*scratch)
	box.value.Set(v)
	dst, err := d.coder.append(dst, box.at, depth)
	d.put(box)
	return dst, err
}

func (f *interfaceOf) decode(src []byte, p address, depth int) (rest []byte, err error) {
	if len(src) < indexBytes {
		return src, errShort
	}
	i := binary.LittleEndian.Uint32(src)
	rest = src[indexBytes:]
	switch {
	case i == 0:
		return rest, nil
	case uint64(i) > uint64(len(f.cases)):
		return src, errors.New("an interface whose type has no number here")
	}
	d := f.cases[i-1]
	if len(rest) < int(d.padding)+d.coder.min {
		return rest, errShort
	}
	if rest, err = d.padding.decode(rest, p, depth); err != nil {
		return rest, err
	}
	box := d.boxes.Get().(*scratch)
	if rest, err = d.coder.decode(rest, box.at, depth); err == nil {
		p.value(f.typ).Set(box.value)
	}
	d.put(box)
	return rest, err
}

func (d *dynamic) put(box *scratch) {
	box.value.SetZero()
	d.boxes.Put(box)
}

// holdsInterface reports whether two values of a map's key type may fail to
// compare: it is an interface, or contains one without a pointer between.
func holdsInterface(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Array:
		return holdsInterface(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if holdsInterface(f.Type) {
				return true
			}
		}
	}
	return false
}
