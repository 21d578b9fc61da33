package codec

import (
	"bytes"
	"reflect"
	"testing"
)

func TestRecordsWithoutPointersOrPaddingAreInPlace(t *testing.T) {
	isInPlace[bool](t, true)
	isInPlace[color](t, true)
	isInPlace[trade](t, true)
	isInPlace[[3]struct{ a, b int32 }](t, true)
	isInPlace[struct {
		a uint32
		b [4]bool
		c struct{ d complex128 }
		e struct{}
		f uint64
	}](t, true)

	isInPlace[string](t, false)
	isInPlace[*int](t, false)
	isInPlace[padded](t, false)
	isInPlace[[2]padded](t, false)
	isInPlace[struct {
		a uint32
		_ uint32
		b uint64
	}](t, false)
	isInPlace[struct {
		a uint64
		_ struct{}
	}](t, false) // the compiler pads what ends in nothing
	isInPlace[struct{}](t, false)
	isInPlace[celsius](t, false)
	isInPlace[struct{ a [1]celsius }](t, false)
}

func isInPlace[D any](t *testing.T, want bool) {
	t.Helper()
	c := mustFor[D](t)
	if c.InPlace() != want {
		t.Errorf("%v in place: %v", c.coder.typ, !want)
	}
	if want {
		b := mustAppend(t, make([]D, 3))
		if len(b) != 3*int(c.coder.size) || !bytes.Equal(b, c.Bytes(make([]D, 3))) {
			t.Errorf("%v: %x is not the memory", c.coder.typ, b)
		}
	}
}

func TestBytesAreTheRecords(t *testing.T) {
	records := []uint16{1, 2}
	b := mustFor[uint16](t).Bytes(records)
	records[1] = 0x0303
	if len(b) != 4 || b[2] != 3 || b[3] != 3 {
		t.Errorf("bytes are %x", b)
	}
	if b := mustFor[uint16](t).Bytes(nil); len(b) != 0 {
		t.Errorf("bytes of nothing are %x", b)
	}
}

func TestAViewSharesTheBytes(t *testing.T) {
	type record struct {
		id uint64
		on [8]bool
	}
	c := mustFor[record](t)
	want := []record{{id: 1}, {id: 2, on: [8]bool{true}}}
	b := mustAppend(t, want)
	got, ok, err := c.View(b)
	if !ok || err != nil || !reflect.DeepEqual(got, want) || cap(got) != 2 {
		t.Fatalf("got %v, %v, %v", got, ok, err)
	}
	b[8] = 1
	if !got[0].on[0] {
		t.Error("the view is a copy")
	}
	if got, ok, err := c.View(nil); len(got) != 0 || !ok || err != nil {
		t.Errorf("of nothing: %v, %v, %v", got, ok, err)
	}
}

func TestUnalignedBytesAreNoView(t *testing.T) {
	c := mustFor[uint64](t)
	b := make([]byte, 24)
	for i := range 8 {
		got, ok, err := c.View(b[i:][:16])
		if err != nil || ok != (i == 0) || ok != (len(got) == 2) {
			t.Errorf("%d off: %v, %v, %v", i, got, ok, err)
		}
	}
	if got, err := c.Decode(b[1:][:16], nil); len(got) != 2 || err != nil {
		t.Errorf("decoded %v, %v", got, err)
	}
}

func TestAViewIsChecked(t *testing.T) {
	type record struct {
		on bool
		c  [2]color
	}
	tests := []struct{ src, want string }{
		{"\x01\x00\x00\x00", "codec: codec.record at byte 0 of 4: the bytes end in the middle of a record"},
		{"\x01\x00\x00\x02\x00\x00", "codec: codec.record at byte 3 of 6: a bool that is neither 0 nor 1"},
		{"\x01\x00\x00\x01\x00\x03", "codec: codec.record at byte 3 of 6: a codec.color that is not valid"},
	}
	for _, test := range tests {
		got, ok, err := mustFor[record](t).View([]byte(test.src))
		if got != nil || ok || err == nil || err.Error() != test.want {
			t.Errorf("got  %v, %v, %v\nwant %s", got, ok, err, test.want)
		}
	}
	for i := range 24 {
		b := make([]byte, 24)
		b[i] = 2
		if _, _, err := mustFor[bool](t).View(b); err == nil {
			t.Errorf("byte %d was not looked at", i)
		}
	}
}

func TestOnlyRecordsInPlaceHaveViewsAndBytes(t *testing.T) {
	mustPanic(t, "codec: Bytes of string, which is not sent in place; see InPlace", func() { mustFor[string](t).Bytes(nil) })
	mustPanic(t, "codec: View of codec.padded, which is not sent in place; see InPlace", func() { _, _, _ = mustFor[padded](t).View(nil) })
}

// Padding and blank fields may hold what was in memory before.
func TestPaddingIsNotSent(t *testing.T) {
	type inner struct {
		x uint8
		_ uint8
		y uint16
		_ [4]uint8
		z uint64
	}
	type record struct {
		a uint8 // three bytes of padding
		b uint32
		c [2]inner
		d bool // seven bytes of padding
	}
	records := make([]record, 4)
	memory := startOf(records).bytes(uintptr(len(records)) * reflect.TypeFor[record]().Size())
	for i := range memory {
		memory[i] = 0x5E // what was there before
	}
	for i := range records {
		r := &records[i]
		r.a, r.b, r.d = 1, 2, true
		for j := range r.c {
			r.c[j].x, r.c[j].y, r.c[j].z = 3, 4, 5
		}
	}
	if b := mustAppend(t, records); bytes.IndexByte(b, 0x5E) >= 0 {
		t.Errorf("sent %x", b)
	}
	if b := mustAppend(t, [][]record{records}); bytes.IndexByte(b, 0x5E) >= 0 {
		t.Errorf("sent %x", b)
	}
}
