package timely_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/timely-go/timely"
)

// This file is about messages of batches, and about bytes that are none.

// wiring is one type of records at one type of times.
type wiring struct {
	name string
	// crosses sends so many records and compares what comes.
	crosses func(t *testing.T, n int, at int64, held uint32, fedBack bool)
	// decodes fails the test unless the bytes are a message, and stay one, or are not.
	decodes func(t *testing.T, bytes []byte) (ok bool)
	// some returns the bytes of a message.
	some func(n int, at int64) []byte
}

func wired[T timely.Timestamp[T], D any](name string, at func(int64) T, record func(int) D) wiring {
	parcel := func(n int, time int64) timely.Parcel[T, D] {
		p := timely.Parcel[T, D]{At: at(time), Held: 77, From: 3}
		for i := range n {
			p.Records = append(p.Records, record(i))
		}
		return p
	}
	text := func(p timely.Parcel[T, D]) string {
		return fmt.Sprintf("%#v %d %v %d %#v", p.At, p.Held, p.FedBack, p.From, p.Records)
	}
	decoded := func(t *testing.T, w *timely.Wired[T, D], bytes []byte) (p timely.Parcel[T, D], ok bool) {
		t.Helper()
		before := slices.Clone(bytes)
		parcels, err := w.Decode(3, bytes)
		switch {
		case !slices.Equal(bytes, before):
			t.Error("what was decoded is changed")
		case err != nil && len(parcels) > 0:
			t.Errorf("%d batches and %v", len(parcels), err)
		case err != nil:
			if text := err.Error(); !strings.Contains(text, "worker 3 sent to Wired@wired.go:1 what cannot be decoded as ") {
				t.Errorf("the error is %q", text)
			}
			return p, false
		case len(parcels) != 1:
			t.Errorf("%d batches are made of one message", len(parcels))
		default:
			return parcels[0], true
		}
		return p, false
	}
	return wiring{
		name: name,
		crosses: func(t *testing.T, n int, time int64, held uint32, fedBack bool) {
			w, sent := timely.NewWired[T, D](), parcel(n, time)
			sent.Held, sent.FedBack = held, fedBack
			if fedBack {
				sent.From = 0
			}
			for range 3 { // memory is used again
				bytes := w.Encode(sent)
				if most := max(held, uint32(len(bytes))); w.Counted() < held || w.Counted() > most {
					t.Errorf("it counts for %d bytes, with %d of its own and %d on the way", w.Counted(), held, len(bytes))
				}
				sent.Held = w.Counted()
				if got, ok := decoded(t, w, bytes); !ok || text(got) != text(sent) {
					t.Errorf("got %.300s, want %.300s", text(got), text(sent))
				}
			}
		},
		decodes: func(t *testing.T, bytes []byte) bool {
			w := timely.NewWired[T, D]()
			first, ok := decoded(t, w, bytes)
			if !ok {
				return false
			}
			bytes = w.Encode(first)
			first.Held = w.Counted()
			if again, ok := decoded(t, w, bytes); !ok || text(again) != text(first) {
				t.Errorf("%.300s became %.300s", text(first), text(again))
			}
			return true
		},
		some: func(n int, time int64) []byte { return timely.NewWired[T, D]().Encode(parcel(n, time)) },
	}
}

var wirings = []wiring{
	wired("in place", func(n int64) epoch { return epoch(n) }, func(i int) plainRecord { return plainRecord{A: int64(i)} }),
	wired("bools", func(n int64) epoch { return epoch(n) }, func(i int) bool { return i%3 == 0 }),
	wired("padded", func(n int64) paddedTime { return paddedTime{n > 3, n} }, func(i int) padded { return padded{int8(i), int64(i), 3} }),
	wired("strings", func(n int64) writtenTime { return writtenTime{n} }, func(i int) string { return fmt.Sprint("text ", i) }),
	wired("nested", func(n int64) timely.Loop[epoch] { return timely.Loop[epoch]{Outer: epoch(n), Inner: 5} }, nestedOf),
	wired("nothing", func(n int64) epoch { return epoch(n) }, func(int) struct{} { return struct{}{} }),
}

func TestMessagesCarryABatch(t *testing.T) {
	for _, w := range wirings {
		t.Run(w.name, func(t *testing.T) {
			for _, n := range []int{0, 1, 7, 1000, 5000} {
				w.crosses(t, n, int64(n), uint32(n), false)
			}
			w.crosses(t, 3, math.MaxInt64, math.MaxUint32, false)
			w.crosses(t, 3, 0, 0, true)
		})
	}
}

// TestBytesThatAreNoMessageAreRefusedWhole cuts messages, and changes what they say of
// themselves.
func TestBytesThatAreNoMessageAreRefusedWhole(t *testing.T) {
	for _, w := range wirings {
		t.Run(w.name, func(t *testing.T) {
			whole := w.some(5, 2)
			head := 16
			for n := range head {
				if w.decodes(t, whole[:n]) {
					t.Errorf("%d bytes are a message", n)
				}
			}
			for n := range whole { // some are messages: of fewer records, if these are in place
				w.decodes(t, whole[:n])
			}
			for at, value := range map[int]byte{4: 2, 5: 1, 8: whole[8] + 1, 9: 1, 11: 0xff} {
				changed := slices.Clone(whole)
				if changed[at] = value; w.decodes(t, changed) {
					t.Errorf("with %d as byte %d it is a message, too", value, at)
				}
			}
			none := slices.Clone(whole) // a message without its time
			none[8] = 0
			if w.decodes(t, none) {
				t.Error("it is a message without its time")
			}
			for i := range whole {
				for bit := range 8 {
					changed := slices.Clone(whole)
					changed[i] ^= 1 << bit
					w.decodes(t, changed)
				}
			}
		})
	}
}

// FuzzWireDecode makes batches of any bytes: one, which is then sent and received
// unchanged, or none and an error. The first byte chooses the type.
func FuzzWireDecode(f *testing.F) {
	for i, w := range wirings {
		for n := range 4 {
			f.Add(append([]byte{byte(i)}, w.some(n, int64(n))...))
		}
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) > 0 {
			wirings[int(bytes[0])%len(wirings)].decodes(t, bytes[1:])
		}
	})
}
