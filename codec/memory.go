package codec

import (
	"reflect"
	"unsafe"
)

// This file alone looks at memory without its type. What makes it sound is the
// same everywhere: an address is handed out only together with the type of the
// value that lies there, by startOf, pointee or allocate, and a coder
// goes only to offsets that reflect gives for that very type. An address is an
// unsafe.Pointer throughout, never an integer, so the garbage collector sees it.

// An address is where a value lies. Its coder knows of what type.
type address struct{ p unsafe.Pointer }

// startOf returns the address of the first of xs, if there is one.
func startOf[T any](xs []T) address { return address{unsafe.Pointer(unsafe.SliceData(xs))} }

// pointee returns what v, a pointer, points to.
func pointee(v reflect.Value) address { return address{v.UnsafePointer()} }

// add returns the address that is offset bytes further on, inside the same
// variable: of a field, or of an element. It is never past the end, because what
// has no size is never looked at.
func (a address) add(offset uintptr) address { return address{unsafe.Add(a.p, offset)} }

// at gives an address its type back. The caller knows that a T lies there, or
// something with the memory layout of a T.
func at[T any](a address) *T { return (*T)(a.p) }

// value is at for types that only reflect knows. The value can be set, even if it
// is in an unexported field.
func (a address) value(t reflect.Type) reflect.Value { return reflect.NewAt(t, a.p).Elem() }

// pointerTo returns the *T to the value, as an any. It allocates nothing.
func (a address) pointerTo(t reflect.Type) any { return reflect.NewAt(t, a.p).Interface() }

// bytes returns n bytes of a variable as they lie in memory. Callers ask for
// bytes that belong to values without pointers and without padding, so that
// nothing is read that was never written, and nothing written that the garbage
// collector follows.
func (a address) bytes(n uintptr) []byte { return unsafe.Slice((*byte)(a.p), n) }

// A sliceHeader has the layout of every slice, whatever its elements. Its pointer
// is one, so writing it tells the garbage collector as writing the slice would.
type sliceHeader struct {
	start    unsafe.Pointer
	len, cap int
}

// slice returns the elements of a slice of any type.
func (a address) slice() (start address, n int, isNil bool) {
	s := at[sliceHeader](a)
	return address{s.start}, s.len, s.start == nil
}

// setSlice makes the slice at a the n elements from start, which nobody else has.
func (a address) setSlice(start address, n int) {
	*at[sliceHeader](a) = sliceHeader{start: start.p, len: n, cap: n}
}

// pointer returns what a pointer of any type points to; all pointers have the
// layout of an unsafe.Pointer.
func (a address) pointer() (to address, isNil bool) {
	p := *at[unsafe.Pointer](a)
	return address{p}, p == nil
}

// setPointer makes the pointer at a point to a value of the type that it is for.
func (a address) setPointer(to address) { *at[unsafe.Pointer](a) = to.p }

// allocate returns zeroed memory for values without pointers, which the garbage
// collector need not look into. Words are aligned for every type.
func allocate(size uintptr) address {
	if size == 0 {
		return address{unsafe.Pointer(&nothing)}
	}
	return startOf(make([]uint64, (size+wordSize-1)/wordSize))
}

const wordSize = unsafe.Sizeof(uint64(0))

// nothing is where values without size lie.
var nothing struct{}

// inPlace returns the records whose memory the bytes are, and whether they are
// aligned for that. The caller knows that D has no pointers and no padding, that
// the bytes are a whole number of records and at least one, and looks at the bools
// before anybody else sees the records.
func inPlace[D any](b []byte) (records []D, aligned bool) {
	var d D
	start := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(start)%unsafe.Alignof(d) != 0 {
		return nil, false
	}
	return unsafe.Slice((*D)(start), uintptr(len(b))/unsafe.Sizeof(d)), true
}
