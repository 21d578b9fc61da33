package codec

import "fmt"

// Bytes returns the memory of records, which is what Append would append, for
// writing without a copy. It stays theirs: they must not change until it is
// written. Bytes panics if records are not sent in place.
func (c *Codec[D]) Bytes(records []D) []byte {
	c.mustBeInPlace("Bytes")
	return startOf(records).bytes(uintptr(len(records)) * c.coder.size)
}

// View returns the records of a batch without a copy: their memory is src, so both
// live as long, and neither may change while the other is used. If src is not
// aligned for D, ok is false, and it is for Decode; nothing else is known of
// it then. View panics if records are not sent in place.
func (c *Codec[D]) View(src []byte) (records []D, ok bool, err error) {
	c.mustBeInPlace("View")
	if _, _, err := c.coder.readCount(src); err != nil {
		return nil, false, c.coder.corrupt(src, src, err)
	}
	if len(src) == 0 {
		return nil, true, nil
	}
	if records, ok = inPlace[D](src); !ok {
		return nil, false, nil
	}
	if i := c.coder.findNoBool(src); i >= 0 {
		return nil, false, c.coder.corrupt(src, src[i:], errBool)
	}
	if i, err := c.coder.findInvalid(startOf(records), len(records)); err != nil {
		return nil, false, c.coder.corrupt(src, src[uintptr(i)*c.coder.size:], err)
	}
	return records, true, nil
}

func (c *Codec[D]) mustBeInPlace(method string) {
	if !c.coder.flat {
		panic(fmt.Sprintf("codec: %s of %v, which is not sent in place; see InPlace", method, c.coder.typ))
	}
}
