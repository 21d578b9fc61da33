package codec

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// A random batch of records of a random type.
func randomBatch(t *testing.T, r *rand.Rand) (c *coder, records reflect.Value) {
	typ := randomType(r, 4)
	c, err := compile(registered, typ)
	if err != nil {
		t.Fatalf("%v: %v", typ, err)
	}
	records = reflect.MakeSlice(reflect.SliceOf(typ), r.IntN(6), 6)
	for i := range records.Len() {
		fill(r, records.Index(i), 5)
	}
	return c, records
}

func TestRandomTypesTravel(t *testing.T) {
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		c, records := randomBatch(t, r)
		b, err := encodeAny(c, records)
		if err != nil {
			t.Fatalf("%v: %v", c.typ, err)
		}
		got, err := decodeAny(c, b)
		if err != nil {
			t.Fatalf("%v: %v", c.typ, err)
		}
		if !reflect.DeepEqual(got.Interface(), records.Interface()) {
			t.Errorf("%v:\nsent %.2000s\ncame %.2000s", c.typ, fmt.Sprintf("%+v", records), fmt.Sprintf("%+v", got))
		}
	})
}

// TestCorruptBytesAreRefused breaks encoded batches, and looks that nothing
// panics and that no more is allocated than the bytes pay for.
func TestCorruptBytesAreRefused(t *testing.T) {
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		c, records := randomBatch(t, r)
		b, err := encodeAny(c, records)
		if err != nil {
			t.Fatalf("%v: %v", c.typ, err)
		}
		if len(b) == 0 {
			return
		}
		if _, err := decodeAny(c, append(b[:len(b):len(b)], 0)); err == nil && c.size != 1 {
			t.Errorf("%v: a byte more is no error", c.typ)
		}
		if _, err := decodeAny(c, b[:r.IntN(len(b))]); err == nil && !c.flat {
			t.Errorf("%v: a shorter batch is no error", c.typ)
		}
		for range 1 + r.IntN(4) {
			b[r.IntN(len(b))] = [...]byte{0, 1, 2, 0x7F, 0xFF, byte(r.Uint32())}[r.IntN(6)]
		}
		if n := allocated(func() { _, _ = decodeAny(c, b) }); n > atMost(len(b)) {
			t.Errorf("%v: %d bytes allocated %d", c.typ, len(b), n)
		}
	})
}
