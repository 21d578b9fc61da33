package codec

import (
	"fmt"
	"reflect"
	"slices"
)

// A Codec is how batches of D become bytes, and bytes batches. It never changes,
// and any number of goroutines may use it at once.
type Codec[D any] struct {
	coder  *coder // a record takes at least a byte
	layout string
	hash   uint64
}

// For returns the codec for records of type D. It is compiled once; to ask again
// is cheap. The error names the field, or the element, that cannot travel.
func For[D any]() (*Codec[D], error) {
	t := reflect.TypeFor[D]()
	registered.mu.Lock()
	defer registered.mu.Unlock()
	if known, ok := registered.codecs[t]; ok {
		return known.(*Codec[D]), nil
	}
	coder, err := compile(registered, t)
	if err != nil {
		return nil, err
	}
	layout := layoutOf(registered, t)
	c := &Codec[D]{coder: coder, layout: layout, hash: hash(layout)}
	registered.codecs[t] = c
	return c, nil
}

// Hash returns a number that is the same in all processes in which D has the same
// layout: the names, types, offsets and sizes of what is in it, what is registered
// for it, byte order and word size. Bytes are for codecs with the same hash only.
func (c *Codec[D]) Hash() uint64 { return c.hash }

// Layout describes in words what goes into [Codec.Hash], for the message that two
// of them differ.
func (c *Codec[D]) Layout() string { return c.layout }

// InPlace reports whether the bytes of a batch are its records' memory, so that
// [Codec.Bytes] and [Codec.View] work: D has a size, and in it are no pointers, no
// padding, no blank fields, and nothing that has methods or functions to travel by.
func (c *Codec[D]) InPlace() bool { return c.coder.flat }

// Append appends a batch to dst. With an error, which says which record cannot be
// sent and why, it returns dst as it was.
func (c *Codec[D]) Append(dst []byte, records []D) ([]byte, error) {
	return c.coder.appendBatch(dst, startOf(records), len(records))
}

// Decode appends to into the records of one batch. With an error it returns into
// as it was, and what there was room for is cleared. The records refer to nothing
// in src.
func (c *Codec[D]) Decode(src []byte, into []D) ([]D, error) {
	n, rest, err := c.coder.readCount(src)
	if err != nil {
		return into, c.coder.corrupt(src, rest, err)
	}
	old := len(into)
	all := slices.Grow(into, n)[:old+n]
	if !c.coder.flat {
		clear(all[old:]) // parts count on zeros
	}
	if err = c.coder.decodeBatch(src, rest, startOf(all[old:]), n); err != nil {
		clear(all[old:])
		return into, err
	}
	return all, nil
}

// Count returns how many records the bytes of a batch are, without looking at any:
// what Decode will append, unless it returns an error. Bytes that are too few for
// as many records as they say are an error here already, so whoever makes room for
// Count records stays within what decoding may allocate.
func (c *Codec[D]) Count(src []byte) (int, error) {
	n, rest, err := c.coder.readCount(src)
	if err != nil {
		return 0, c.coder.corrupt(src, rest, err)
	}
	return n, nil
}

// appendBatch is Codec.Append. Records that are not sent in place follow their
// number, one after the other.
func (c *coder) appendBatch(dst []byte, start address, n int) ([]byte, error) {
	switch {
	case c.flat:
		return c.appendAll(dst, start, n, 0)
	case uint64(n) > maxLength:
		return dst, fmt.Errorf("codec: %w", tooLong("batch", n))
	}
	out := appendLength(dst, n)
	for i := range n {
		var err error
		if out, err = c.append(out, start.add(uintptr(i)*c.size), 0); err != nil {
			return dst, fmt.Errorf("codec: record %d of %d: %w", i, n, err)
		}
	}
	return out, nil
}

// readCount returns how many records the bytes are, at most.
func (c *coder) readCount(src []byte) (n int, rest []byte, err error) {
	if c.flat {
		if len(src)%int(c.size) != 0 {
			return 0, src, errShort
		}
		return len(src) / int(c.size), src, nil
	}
	n, rest, err = readLength(src)
	switch {
	case err != nil || n < 0:
		return 0, src, wrongLength("batch", err)
	case n > len(rest)/c.min:
		return 0, src, wrongLength("batch", errLength)
	}
	return n, rest, nil
}

// decodeBatch reads n records from rest, the end of src, to where start is.
func (c *coder) decodeBatch(src, rest []byte, start address, n int) error {
	rest, err := c.decodeAll(rest, start, n, 0)
	switch {
	case err != nil:
		return c.corrupt(src, rest, err)
	case len(rest) > 0:
		return c.corrupt(src, rest, fmt.Errorf("%d bytes after the last record", len(rest)))
	}
	return nil
}

// corrupt wraps the error about src that happened where rest begins.
func (c *coder) corrupt(src, rest []byte, err error) error {
	return fmt.Errorf("codec: %v at byte %d of %d: %w", c.typ, cap(src)-cap(rest), len(src), err)
}
