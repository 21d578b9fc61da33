package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
)

// A test is what must hold for memory to be a value of its type. It is a tree:
// inner ones are arrays whose elements need tests, and leaves are either bools,
// side by side, or one value for which a user's function is asked.
type test struct {
	offset uintptr
	count  int                // of elements, or of bools
	stride uintptr            // from one element to the next; 1 for bools
	inner  []test             // for each element, with offsets in it; nil in a leaf
	valid  func(address) bool // nil for bools
	typ    reflect.Type       // that valid is for
}

var errBool = errors.New("a bool that is neither 0 nor 1")

// boolTest is the test of one bool.
func boolTest() []test { return []test{{count: 1, stride: 1}} }

// appendMoved appends to tests others whose offsets are by so much greater.
func appendMoved(tests, others []test, by uintptr) []test {
	tests = tests[:len(tests):len(tests)]
	for _, t := range others {
		t.offset += by
		tests = append(tests, t)
	}
	return tests
}

// repeated returns the tests of an array of n elements of so many bytes.
func repeated(tests []test, n int, size uintptr) []test {
	switch {
	case len(tests) == 0:
		return nil
	case areAllBools(tests, size):
		return []test{{count: n * int(size), stride: 1}}
	}
	return []test{{count: n, stride: size, inner: tests}}
}

// areAllBools reports whether values of that size are nothing but bools.
func areAllBools(tests []test, size uintptr) bool {
	return len(tests) == 1 && tests[0].inner == nil && tests[0].valid == nil && uintptr(tests[0].count) == size
}

// areBools reports whether all that should be bools are, in the bytes of a value.
func areBools(tests []test, b []byte) bool {
	for i := range tests {
		t := &tests[i]
		if t.inner == nil {
			if !areZeroOrOne(b[t.offset:][:t.count]) {
				return false
			}
			continue
		}
		for i := range t.count {
			if !areBools(t.inner, b[t.offset+uintptr(i)*t.stride:]) {
				return false
			}
		}
	}
	return true
}

// areZeroOrOne looks at eight bytes at once.
func areZeroOrOne(b []byte) bool {
	const others = 0xFEFEFEFEFEFEFEFE
	for ; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b)&others != 0 {
			return false
		}
	}
	for _, x := range b {
		if x > 1 {
			return false
		}
	}
	return true
}

// check asks the users' functions about the value at p.
func check(tests []test, p address) error {
	for i := range tests {
		t := &tests[i]
		if t.inner == nil {
			if !t.valid(p.add(t.offset)) {
				return fmt.Errorf("a %v that is not valid", t.typ)
			}
			continue
		}
		for i := range t.count {
			if err := check(t.inner, p.add(t.offset+uintptr(i)*t.stride)); err != nil {
				return err
			}
		}
	}
	return nil
}

// findNoBool returns where in the memory of flat values the first lies that has
// no bool where one should be, or -1.
func (c *coder) findNoBool(b []byte) (at int) {
	tests := c.ops[0].bools
	if len(tests) == 0 || areAllBools(tests, c.size) && areZeroOrOne(b) {
		return -1
	}
	for at := 0; at < len(b); at += int(c.size) {
		if !areBools(tests, b[at:]) {
			return at
		}
	}
	return -1
}

// findInvalid returns which of n flat values from p on is the first that a user's
// function finds not valid, with an error.
func (c *coder) findInvalid(p address, n int) (i int, err error) {
	tests := c.ops[0].checks
	if len(tests) == 0 {
		return 0, nil
	}
	for i := range n {
		if err := check(tests, p.add(uintptr(i)*c.size)); err != nil {
			return i, err
		}
	}
	return 0, nil
}

// checked is the step that asks a user's function about a value that is not flat,
// once it has been read. It takes no bytes.
type checked []test

func (c checked) append(dst []byte, _ address, _ int) ([]byte, error) { return dst, nil }

func (c checked) decode(src []byte, p address, _ int) (rest []byte, err error) {
	return src, check(c, p)
}
