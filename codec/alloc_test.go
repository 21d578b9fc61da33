package codec

import (
	"testing"
	"time"
)

func TestAppendingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	appendsFree(t, trade{})
	appendsFree(t, padded{})
	appendsFree(t, order{Customer: "Ada", Country: "UK"})
	appendsFree(t, []string{"a", "b"})
	appendsFree(t, []order{{Customer: "Ada"}})
	appendsFree(t, &trade{})
	appendsFree(t, map[string]int{"a": 1, "b": 2})
	appendsFree(t, map[string]map[int]string{"a": {1: "b"}})
	appendsFree(t, shape(square{1}))
	appendsFree(t, stamped{At: time.Unix(0, 0)})
	appendsFree(t, treeChain(10))
}

func appendsFree[D any](t *testing.T, record D) {
	t.Helper()
	c := mustFor[D](t)
	records := make([]D, 16)
	for i := range records {
		records[i] = record
	}
	b := mustAppend(t, records)
	if n := testing.AllocsPerRun(20, func() {
		var err error
		if b, err = c.Append(b[:0], records); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%T: %v allocations a batch", record, n)
	}
}

func TestDecodingInPlaceAllocatesNothing(t *testing.T) {
	c := mustFor[trade](t)
	b, records := mustAppend(t, make([]trade, 16)), make([]trade, 16)
	if n := testing.AllocsPerRun(20, func() {
		var err error
		if records, err = c.Decode(b, records[:0]); err != nil {
			t.Error(err)
		}
		if _, _, err = c.View(b); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkFor(b *testing.B) {
	for b.Loop() {
		if _, err := For[order](); err != nil {
			b.Fatal(err)
		}
	}
}
