package codec

import (
	"strings"
	"testing"
	"time"
)

// A length of n, and of nil.
const (
	len0   = "\x00\x00\x00\x00"
	len1   = "\x01\x00\x00\x00"
	len2   = "\x02\x00\x00\x00"
	len3   = "\x03\x00\x00\x00"
	lenNil = "\xFF\xFF\xFF\xFF"
	lenBig = "\xFE\xFF\xFF\xFF"
)

func TestCorruptionIsNamed(t *testing.T) {
	type flags struct {
		n  uint16
		on [3]bool
	}
	type mixed struct {
		s    string
		on   bool
		c    color
		tail []bool
	}
	pad := func(n int) string { return strings.Repeat("\x00", n) }

	// Records in place.
	corrupt[uint32](t, "abcde", "codec: uint32 at byte 0 of 5: the bytes end in the middle of a record")
	corrupt[bool](t, "\x00\x01\x02", "codec: bool at byte 2 of 3: a bool that is neither 0 nor 1")
	corrupt[color](t, "\x00\x02\x03", "codec: codec.color at byte 2 of 3: a codec.color that is not valid")
	corrupt[[4]color](t, "\x00\x00\x02\x03", "codec: [4]codec.color at byte 0 of 4: a codec.color that is not valid")
	corrupt[[3][2]bool](t, pad(6)+"\x00\x00\x00\x00\xFF\x00", "codec: [3][2]bool at byte 6 of 12: a bool that is neither 0 nor 1")

	corrupt[[2]struct {
		n  uint8
		on bool
	}](t, "\x05\x01\x06\x00"+"\x05\x01\x06\x02", "codec: [2]struct { n uint8; on bool } at byte 4 of 8: a bool that is neither 0 nor 1")

	// Batches.
	corrupt[string](t, "", "codec: string at byte 0 of 0: a batch: the bytes end in the middle of a record")
	corrupt[string](t, lenNil, "codec: string at byte 0 of 4: a batch cannot be nil")
	corrupt[string](t, len2+len1+"a", "codec: string at byte 0 of 9: a batch: longer than all that is left")
	corrupt[string](t, lenBig, "codec: string at byte 0 of 4: a batch: longer than all that is left")
	corrupt[string](t, len1+len1+"ab", "codec: string at byte 9 of 10: 1 bytes after the last record")
	corrupt[struct{}](t, len1+"\x01", "codec: struct {} at byte 4 of 5: not zero where nothing is sent")
	corrupt[struct{}](t, len2+"\x00", "codec: struct {} at byte 0 of 5: a batch: longer than all that is left")

	// Strings, slices, pointers.
	corrupt[string](t, len1+len2+"a", "codec: string at byte 4 of 9: a string: longer than all that is left")
	corrupt[string](t, len2+len3+"abc"+len1, "codec: string at byte 11 of 15: a string: longer than all that is left")
	corrupt[string](t, len1+lenNil, "codec: string at byte 4 of 8: a string cannot be nil")
	corrupt[[]uint16](t, len1+len2+"abc", "codec: []uint16 at byte 4 of 11: a slice: longer than all that is left")
	corrupt[[]struct{}](t, len1+lenBig, "codec: []struct {} at byte 4 of 8: a slice: longer than all that is left")
	corrupt[[]bool](t, len1+len3+"\x00\x01\x02", "codec: []bool at byte 10 of 11: a bool that is neither 0 nor 1")
	corrupt[*uint8](t, len1+"\x02\x00", "codec: *uint8 at byte 4 of 6: a pointer that is neither nil nor not")
	corrupt[*uint8](t, len1+"\x01\x00", "codec: *uint8 at byte 6 of 6: the bytes end in the middle of a record")
	corrupt[[2]*uint8](t, len1+"\x01\x00\x00\x00", "codec: [2]*uint8 at byte 6 of 8: the bytes end in the middle of a record")

	// Fields.
	corrupt[flags](t, len1+"ab\x01\x02\x01", "codec: codec.flags at byte 4 of 9: a bool that is neither 0 nor 1")
	corrupt[mixed](t, len1+len0+"\x01\x05"+len0, "codec: codec.mixed at byte 8 of 14: a codec.color that is not valid")
	corrupt[mixed](t, len1+len1+"a\x02\x00"+len0, "codec: codec.mixed at byte 9 of 15: a bool that is neither 0 nor 1")
	corrupt[mixed](t, len1+len2+"abc\x00"+"\x00\x00\x00\x00", "codec: codec.mixed at byte 10 of 16: a bool that is neither 0 nor 1")
	corrupt[mixed](t, len1+len3+"abc\x00\x00\x00\x00", "codec: codec.mixed at byte 13 of 15: the bytes end in the middle of a record")
	corrupt[mixed](t, len1+"\x06\x00\x00\x00abcdef", "codec: codec.mixed at byte 14 of 14: the bytes end in the middle of a record")
	corrupt[status](t, len1+"\x04\x00\x00\x00gone", "codec: codec.status at byte 12 of 12: a codec.status that is not valid")

	// Maps: what a byte costs is zeros in front.
	corrupt[map[uint8]uint8](t, len1+len3+pad(5), "codec: map[uint8]uint8 at byte 4 of 13: a map: longer than all that is left")
	corrupt[map[uint8]uint8](t, len1+len2+pad(50), "codec: map[uint8]uint8 at byte 16 of 58: a map with a key twice")
	corrupt[map[uint8]uint8](t, len1+len2+"\x01"+pad(50), "codec: map[uint8]uint8 at byte 8 of 59: not zero where nothing is sent")
	corrupt[map[uint8]uint8](t, len1+lenBig, "codec: map[uint8]uint8 at byte 4 of 8: a map: longer than all that is left")
	corrupt[map[uint8]bool](t, len1+len1+pad(6)+"\x01\x02", "codec: map[uint8]bool at byte 15 of 16: a bool that is neither 0 nor 1")
	corrupt[map[bool]uint8](t, len1+len1+pad(6)+"\x02\x02", "codec: map[bool]uint8 at byte 14 of 16: a bool that is neither 0 nor 1")

	// Interfaces.
	corrupt[shape](t, len1+"\x00\x00\x00\x01", "codec: codec.shape at byte 4 of 8: an interface whose type has no number here")
	corrupt[shape](t, len1+len2+"1234567", "codec: codec.shape at byte 8 of 15: the bytes end in the middle of a record")
	corrupt[shape](t, len1+"\x00\x00\x00", "codec: codec.shape at byte 0 of 7: a batch: longer than all that is left")

	// Users' functions.
	corrupt[celsius](t, len1+lenNil, "codec: codec.celsius at byte 4 of 8: a codec.celsius cannot be nil")
	corrupt[celsius](t, len1+len2+"a", "codec: codec.celsius at byte 4 of 9: a codec.celsius: longer than all that is left")
	corrupt[celsius](t, len1+len1+"a", `codec: codec.celsius at byte 4 of 9: codec.celsius: strconv.ParseInt: parsing "a": invalid syntax`)
	corrupt[time.Time](t, len1+len0, "codec: time.Time at byte 4 of 8: time.Time: Time.UnmarshalBinary: no data")
}

// corrupt decodes bytes over a stale record, of which nothing may be left.
func corrupt[D any](t *testing.T, src, want string) {
	t.Helper()
	into, err := mustFor[D](t).Decode([]byte(src), make([]D, 1, 8))
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if len(into) != 1 {
		t.Errorf("with an error, Decode returned %v", into)
	}
}

func TestDepthOfDecodingIsLimited(t *testing.T) {
	b := []byte(len1 + strings.Repeat("\x01\x00", 5000) + "\x00\x00")
	corrupt[*link](t, string(b), "codec: *codec.link at byte 2006 of 10006: a *codec.link lies inside itself more than 1000 deep: a cycle, or too long a chain")
}

// A map whose keys are interfaces panics if one of them holds a slice.
func TestKeysThatCannotBeComparedAreRefused(t *testing.T) {
	type keys struct {
		a [1]any
		n int
	}
	held := mustAppend(t, []any{[]any{}})[4:] // how any holds a slice
	padding := int(newMapOfTest[map[any]int](t).padding(1))
	src := len1 + len1 + string(make([]byte, padding)) + string(held) + "12345678"
	corrupt[map[any]int](t, src, "codec: map[interface {}]int at byte 42 of 50: a key of a map[interface {}]int that cannot be compared")
	padding = int(newMapOfTest[map[keys]int](t).padding(1))
	src = len1 + len1 + string(make([]byte, padding)) + string(held) + "1234567812345678"
	corrupt[map[keys]int](t, src, "codec: map[codec.keys]int at byte 52 of 60: a key of a map[codec.keys]int that cannot be compared")
}

func newMapOfTest[M any](t *testing.T) *mapOf { return mustFor[M](t).coder.ops[0].part.(*mapOf) }

func TestDecodingLeavesNothingBehindAfterAnError(t *testing.T) {
	into := make([]string, 0, 4)
	if _, err := mustFor[string](t).Decode([]byte(len2+len1+"a"+lenNil), into); err == nil {
		t.Error("no error")
	}
	if s := into[:1][0]; s != "" {
		t.Errorf("%q was left", s)
	}
}
