package codec

import (
	"errors"
	"fmt"
	"reflect"
)

// sliceOf is the part for slices: their length, then the elements.
type sliceOf struct {
	typ  reflect.Type
	elem *coder
	make func(n int) address // allocates n zero elements; nil: reflect does it
}

func newSliceOf(t reflect.Type, elem *coder, pointers bool) *sliceOf {
	s := &sliceOf{typ: t, elem: elem}
	size := t.Elem().Size()
	switch {
	case !pointers:
		s.make = func(n int) address { return allocate(uintptr(n) * size) }
	case t.Elem().Kind() == reflect.String:
		s.make = func(n int) address { return startOf(make([]string, n)) }
	}
	return s
}

func (s *sliceOf) append(dst []byte, p address, depth int) ([]byte, error) {
	start, n, isNil := p.slice()
	switch {
	case isNil:
		return appendNil(dst), nil
	case uint64(n) > maxLength:
		return dst, tooLong("slice", n)
	}
	return s.elem.appendAll(appendLength(dst, n), start, n, depth)
}

func (s *sliceOf) decode(src []byte, p address, depth int) (rest []byte, err error) {
	n, rest, err := readLength(src)
	switch {
	case err != nil:
		return src, wrongLength("slice", err)
	case n < 0:
		return rest, nil
	case n > len(rest)/s.elem.min:
		return src, wrongLength("slice", errLength)
	}
	s.grow(p, n)
	start, _, _ := p.slice()
	return s.elem.decodeAll(rest, start, n, depth)
}

// grow makes the nil slice at p one of n zeros.
func (s *sliceOf) grow(p address, n int) {
	switch {
	case n == 0:
		p.setSlice(allocate(0), 0)
	case s.make != nil:
		p.setSlice(s.make(n), n)
	default:
		v := p.value(s.typ)
		v.Grow(n)
		v.SetLen(n)
	}
}

// arrayOf is the part for arrays whose elements are not flat.
type arrayOf struct {
	n    int
	elem *coder
}

func (a *arrayOf) append(dst []byte, p address, depth int) ([]byte, error) {
	return a.elem.appendAll(dst, p, a.n, depth)
}

func (a *arrayOf) decode(src []byte, p address, depth int) (rest []byte, err error) {
	return a.elem.decodeAll(src, p, a.n, depth)
}

// pointerTo is the part for pointers: two bytes that say whether there is one,
// then what it points to. What several point to is sent several times.
type pointerTo struct {
	elem *coder
}

const pointerBytes = 2

func (t *pointerTo) append(dst []byte, p address, depth int) ([]byte, error) {
	to, isNil := p.pointer()
	if isNil {
		return append(dst, 0, 0), nil
	}
	return t.elem.append(append(dst, 1, 0), to, depth)
}

func (t *pointerTo) decode(src []byte, p address, depth int) (rest []byte, err error) {
	if len(src) < pointerBytes {
		return src, errShort
	}
	rest = src[pointerBytes:]
	switch {
	case src[1] != 0 || src[0] > 1:
		return src, errors.New("a pointer that is neither nil nor not")
	case src[0] == 0:
		return rest, nil
	case len(rest) < t.elem.min:
		return rest, errShort
	}
	to := pointee(reflect.New(t.elem.typ))
	p.setPointer(to)
	return t.elem.decode(rest, to, depth)
}

// maxDepth is how deep values may lie in values of their own type. Decoding as
// deep as this takes about a megabyte of stack.
const maxDepth = 1000

// deeper is the part for a value inside another of its own type. Every way by
// which a type contains itself leads through one, so here depth is counted.
type deeper struct {
	to *coder
}

func (d deeper) append(dst []byte, p address, depth int) ([]byte, error) {
	if depth >= maxDepth {
		return dst, d.tooDeep()
	}
	return d.to.append(dst, p, depth+1)
}

func (d deeper) decode(src []byte, p address, depth int) (rest []byte, err error) {
	if depth >= maxDepth {
		return src, d.tooDeep()
	}
	return d.to.decode(src, p, depth+1)
}

func (d deeper) tooDeep() error {
	return fmt.Errorf("a %v lies inside itself more than %d deep: a cycle, or too long a chain", d.to.typ, maxDepth)
}
