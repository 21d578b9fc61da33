package codec

import (
	"math/rand/v2"
	"testing"
)

func TestCountIsHowManyRecordsAreDecoded(t *testing.T) {
	counts(t, trade{})
	counts(t, padded{})
	counts(t, "a string")
	counts(t, struct{}{})
	counts(t, []string{"a", ""})
	counts(t, celsius{})
}

func counts[D any](t *testing.T, record D) {
	t.Helper()
	for n := range 5 {
		records := make([]D, n)
		for i := range records {
			records[i] = record
		}
		if got, err := mustFor[D](t).Count(mustAppend(t, records)); got != n || err != nil {
			t.Errorf("%T: got %d, %v; want %d", record, got, err, n)
		}
	}
}

func TestALengthThatCannotBeIsNotCounted(t *testing.T) {
	uncounted[uint32](t, "abcde", "codec: uint32 at byte 0 of 5: the bytes end in the middle of a record")
	uncounted[string](t, "", "codec: string at byte 0 of 0: a batch: the bytes end in the middle of a record")
	uncounted[string](t, lenNil, "codec: string at byte 0 of 4: a batch cannot be nil")
	uncounted[string](t, len2+len1+"a", "codec: string at byte 0 of 9: a batch: longer than all that is left")
	uncounted[struct{}](t, len2+"\x00", "codec: struct {} at byte 0 of 5: a batch: longer than all that is left")
}

func uncounted[D any](t *testing.T, src, want string) {
	t.Helper()
	if n, err := mustFor[D](t).Count([]byte(src)); n != 0 || err == nil || err.Error() != want {
		t.Errorf("got  %d, %v\nwant %s", n, err, want)
	}
}

// What Decode takes is as many records as Count says, whatever the bytes.
func TestCountAgreesWithDecode(t *testing.T) {
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		b := mustAppend(t, make([]padded, r.IntN(4)))
		for range r.IntN(3) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		b = b[:len(b)-r.IntN(2)*r.IntN(len(b))]
		c := mustFor[padded](t)
		n, wrong := c.Count(b)
		records, err := c.Decode(b, nil)
		if err == nil && (wrong != nil || len(records) != n) || err != nil && len(records) != 0 {
			t.Errorf("%x: Count says %d, %v; %d records came, %v", b, n, wrong, len(records), err)
		}
	})
}

func TestCountingAllocatesNothing(t *testing.T) {
	c, b := mustFor[order](t), mustAppend(t, make([]order, 16))
	if n := testing.AllocsPerRun(20, func() {
		if n, err := c.Count(b); n != 16 || err != nil {
			t.Error(n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
