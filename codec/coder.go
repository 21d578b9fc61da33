package codec

import (
	"errors"
	"reflect"
)

// A coder is how the values of one type travel: a short program that is run over
// the memory of a value, in the order of its fields.
type coder struct {
	typ  reflect.Type
	size uintptr // of a value in memory
	ops  []op
	min  int  // bytes that a value takes, at least: size/memoryPerByte or more
	flat bool // ops is one copy, of the whole value

	complete bool // all of the above is known; false only while compiling
}

// An op is a step of a coder's program.
type op struct {
	kind   opKind
	offset uintptr // in the value, of what the step is about
	size   uintptr // of a copy
	bools  []test  // what must be 0 or 1 in a copy; offsets are from the copy's
	checks []test  // what a user's function must find valid in a copy; likewise
	part   part    // of a call
	min    int     // bytes that the step takes, at least
	after  int     // bytes that the later steps take, at least
}

type opKind int8

const (
	opCall opKind = iota // the part does it
	opCopy               // memory, as it is
	opText               // a string
)

// A part is a step that is more than a copy of memory: a slice, a map, a pointer,
// whatever has a type's own functions. It knows the type of what lies at p.
type part interface {
	// append appends the value at p to dst.
	append(dst []byte, p address, depth int) ([]byte, error)

	// decode reads a value from src into p, where there are zeros. It returns the
	// rest of src, as src[n:]; with an error, the rest where it happened. Before it
	// allocates, it has seen the bytes that pay for it.
	decode(src []byte, p address, depth int) (rest []byte, err error)
}

// memoryPerByte is how many bytes of memory a decoded value takes for a byte on
// the wire, at most. The allocator rounds up by no more than a quarter, so that
// decoding stays below eight.
const memoryPerByte = 6

var errShort = errors.New("the bytes end in the middle of a record")

// append appends the value at p to dst.
func (c *coder) append(dst []byte, p address, depth int) ([]byte, error) {
	for i := range c.ops {
		o := &c.ops[i]
		p := p.add(o.offset)
		switch o.kind {
		case opCopy:
			dst = append(dst, p.bytes(o.size)...)
		case opText:
			s := *at[string](p)
			if uint64(len(s)) > maxLength {
				return dst, tooLong("string", len(s))
			}
			dst = append(appendLength(dst, len(s)), s...)
		default:
			var err error
			if dst, err = o.part.append(dst, p, depth); err != nil {
				return dst, err
			}
		}
	}
	return dst, nil
}

// decode is part.decode. Each step leaves alone the bytes that the later ones need.
func (c *coder) decode(src []byte, p address, depth int) (rest []byte, err error) {
	for i := range c.ops {
		o := &c.ops[i]
		p := p.add(o.offset)
		switch o.kind {
		case opCopy:
			src, err = o.copy(src, p)
		case opText:
			src, err = decodeText(src, at[string](p))
		default:
			src, err = o.call(src, p, depth)
		}
		if err != nil {
			return src, err
		}
	}
	return src, nil
}

// copy takes memory from src. Bools are looked at before any code can see them.
func (o *op) copy(src []byte, p address) (rest []byte, err error) {
	if uintptr(len(src)) < o.size {
		return src, errShort
	}
	if len(o.bools) > 0 && !areBools(o.bools, src) {
		return src, errBool
	}
	copy(p.bytes(o.size), src)
	if len(o.checks) > 0 {
		if err := check(o.checks, p); err != nil {
			return src, err
		}
	}
	return src[o.size:], nil
}

// call lets the part have all of src but what the later steps need.
func (o *op) call(src []byte, p address, depth int) (rest []byte, err error) {
	if len(src) < o.min+o.after {
		return src, errShort
	}
	rest, err = o.part.decode(src[:len(src)-o.after], p, depth)
	return rest[:len(rest)+o.after], err
}

func decodeText(src []byte, s *string) (rest []byte, err error) {
	n, rest, err := readLength(src)
	if err != nil || n < 0 {
		return src, wrongLength("string", err)
	}
	*s = string(rest[:n])
	return rest[n:], nil
}

// appendAll appends n values that lie side by side from p on.
func (c *coder) appendAll(dst []byte, p address, n, depth int) ([]byte, error) {
	if c.flat {
		return append(dst, p.bytes(uintptr(n)*c.size)...), nil
	}
	for i := range n {
		var err error
		if dst, err = c.append(dst, p.add(uintptr(i)*c.size), depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// decodeAll reads n values into the memory from p on. The caller has seen that src
// is long enough for n of the shortest. What the later ones need at least, an
// earlier one cannot claim: so all the memory that hostile lengths ask for, at
// all depths together, is paid for by different bytes.
func (c *coder) decodeAll(src []byte, p address, n, depth int) (rest []byte, err error) {
	if c.flat {
		return c.copyAll(src, p, n)
	}
	for i := range n {
		later := (n - 1 - i) * c.min
		rest, err = c.decode(src[:len(src)-later], p.add(uintptr(i)*c.size), depth)
		src = rest[:len(rest)+later]
		if err != nil {
			return src, err
		}
	}
	return src, nil
}

// copyAll is decodeAll for flat values.
func (c *coder) copyAll(src []byte, p address, n int) (rest []byte, err error) {
	all := src[:uintptr(n)*c.size]
	if i := c.findNoBool(all); i >= 0 {
		return src[i:], errBool
	}
	copy(p.bytes(uintptr(len(all))), all)
	if i, err := c.findInvalid(p, n); err != nil {
		return src[uintptr(i)*c.size:], err
	}
	return src[len(all):], nil
}

// splice adds the program of a field to that of its struct. Copies of neighbours
// become one copy.
func (c *coder) splice(field *coder, offset uintptr) {
	for _, o := range field.ops {
		o.offset += offset
		if n := len(c.ops); n > 0 && o.follows(&c.ops[n-1]) {
			before := &c.ops[n-1]
			before.bools = appendMoved(before.bools, o.bools, before.size)
			before.checks = appendMoved(before.checks, o.checks, before.size)
			before.size += o.size
			continue
		}
		c.ops = append(c.ops, o)
	}
}

// follows reports whether both are copies, of memory without a gap between.
func (o *op) follows(before *op) bool {
	return o.kind == opCopy && before.kind == opCopy && before.offset+before.size == o.offset
}

// settle makes the program final: it adds zeros if a value would take too few
// bytes for its size, and adds up what the steps take.
func (c *coder) settle() {
	c.min = 0
	for i := range c.ops {
		if o := &c.ops[i]; o.kind == opCopy {
			o.min = int(o.size)
		}
		c.min += c.ops[i].min
	}
	if least := int((c.size + memoryPerByte - 1) / memoryPerByte); c.min < least {
		c.ops = append(c.ops, call(zeros(least-c.min), least-c.min))
		c.min = least
	}
	after := 0
	for i := len(c.ops) - 1; i >= 0; i-- {
		c.ops[i].after = after
		after += c.ops[i].min
	}
	c.flat = len(c.ops) == 1 && c.ops[0].kind == opCopy && c.ops[0].size == c.size
}

// call returns a step that a part does, at the beginning of the value.
func call(p part, least int) op { return op{kind: opCall, part: p, min: least} }
