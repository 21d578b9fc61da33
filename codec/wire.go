package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Lengths are four bytes, also of short strings: they cost no branch, and they
// pay for the header that the value has in memory.
const (
	lengthBytes = 4
	nilLength   = 1<<32 - 1 // of a nil slice or map
	maxLength   = nilLength - 1
)

func appendLength(dst []byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

func appendNil(dst []byte) []byte { return binary.LittleEndian.AppendUint32(dst, nilLength) }

var errLength = errors.New("longer than all that is left")

// readLength reads the length of something of which every element takes a byte at
// least: it is never more than what is left. -1 says nil.
func readLength(src []byte) (n int, rest []byte, err error) {
	if len(src) < lengthBytes {
		return 0, src, errShort
	}
	length := binary.LittleEndian.Uint32(src)
	rest = src[lengthBytes:]
	switch {
	case length == nilLength:
		return -1, rest, nil
	case uint64(length) > uint64(len(rest)):
		return 0, src, errLength
	}
	return int(length), rest, nil
}

// wrongLength says what has the length for which readLength returned err; without
// err, the length is that of nil.
func wrongLength(what string, err error) error {
	if err == nil {
		return fmt.Errorf("a %s cannot be nil", what)
	}
	return fmt.Errorf("a %s: %w", what, err)
}

func tooLong(what string, n int) error {
	return fmt.Errorf("a %s of length %d; the longest is %d", what, n, uint32(maxLength))
}

// zeros is a part of the wire that stands for nothing in memory. There are two
// uses: a value that is large in memory must not be short on the wire, and
// elements without size are counted by bytes.
type zeros int

// someZeros is where zeros come from.
var someZeros [64]byte

func (z zeros) append(dst []byte, _ address, _ int) ([]byte, error) {
	n := int(z)
	for ; n > len(someZeros); n -= len(someZeros) {
		dst = append(dst, someZeros[:]...)
	}
	return append(dst, someZeros[:n]...), nil
}

func (z zeros) decode(src []byte, _ address, _ int) (rest []byte, err error) {
	if len(src) < int(z) {
		return src, errShort
	}
	for i, b := range src[:z] {
		if b != 0 {
			return src[i:], errors.New("not zero where nothing is sent")
		}
	}
	return src[z:], nil
}
