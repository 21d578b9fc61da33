package order_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/timely-go/timely/order"
)

// FuzzAntichain reads times from bytes: of the first half it makes one antichain,
// of the second another, and compares both with naive ones.
func FuzzAntichain(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x00, 0x00})
	f.Add([]byte{0x03, 0x12, 0x21, 0x30, 0x13, 0x22})
	f.Add([]byte{0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0x05, 0x50})
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 64)]
		var times naive
		for _, b := range data {
			times = append(times, at(epoch(b>>4)%6, epoch(b&15)%6))
		}
		x, y := times[:len(times)/2], times[len(times)/2:]
		a, b := order.AntichainOf(x...), order.AntichainOf(y...)
		agrees(t, a, x)
		agrees(t, b, y)

		both, clone := a, a.Clone()
		for i, e := range y {
			if got, want := both.Insert(e), !times[:len(x)+i].lessEqual(e); got != want {
				t.Errorf("inserting %v after %v: got %v, want %v", e, times[:len(x)+i], got, want)
			}
		}
		agrees(t, both, times)
		agrees(t, a, x)
		agrees(t, clone, x)

		if got, want := a.Equal(b), slices.Equal(x.least(), y.least()); got != want {
			t.Errorf("%v equals %v: got %v, want %v", a, b, got, want)
		}
		notCovered := slices.ContainsFunc(y, func(e loop) bool { return !x.lessEqual(e) })
		if got, want := a.Precedes(b), !notCovered; got != want {
			t.Errorf("%v precedes %v: got %v, want %v", a, b, got, want)
		}
		if !both.Precedes(a) || !both.Precedes(b) {
			t.Errorf("%v does not precede %v and %v", both, a, b)
		}
	})
}

// FuzzTimes checks what the protocol relies on, for any two times and a delay of
// each built-in kind.
func FuzzTimes(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(0), uint64(0), uint64(0), uint64(0))
	f.Add(uint64(1), uint64(5), uint64(3), uint64(2), uint64(0), uint64(1))
	f.Add(uint64(last), uint64(2), uint64(1), uint64(last), uint64(1), uint64(0))
	f.Add(uint64(last), uint64(last), uint64(last), uint64(last), uint64(last), uint64(last))
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g uint64) {
		agree(t, epoch(a), epoch(b), epoch(c))
		agree(t, at(epoch(a), epoch(b)), at(epoch(c), epoch(d)), at(epoch(e), epoch(g)))
		agree(t, in(epoch(a), epoch(b)), in(epoch(c), epoch(d)), in(epoch(e), epoch(g)))
	})
}

func agree[T order.Timestamp[T]](t *testing.T, x, y, delay T) {
	t.Helper()
	join, meet := x.Join(y), x.Meet(y)
	switch {
	case (x.LessEqual(y) && y.LessEqual(x)) != (x == y):
		t.Errorf("%v and %v: LessEqual is %v, and %v the other way", x, y, x.LessEqual(y), y.LessEqual(x))
	case x != y && x.LessEqual(y) && x.Compare(y) >= 0, (x.Compare(y) == 0) != (x == y), (x.Compare(y) < 0) != (y.Compare(x) > 0):
		t.Errorf("Compare orders %v and %v wrongly", x, y)
	case !x.LessEqual(join) || !y.LessEqual(join) || join != y.Join(x):
		t.Errorf("%v is not the join of %v and %v", join, x, y)
	case !meet.LessEqual(x) || !meet.LessEqual(y) || meet != y.Meet(x):
		t.Errorf("%v is not the meet of %v and %v", meet, x, y)
	}
	var zero T
	if sum, ok := x.Plus(zero); !ok || sum != x {
		t.Errorf("%v plus nothing is %v, %v", x, sum, ok)
	}
	sum, ok := plus(x, delay)
	if ok && !x.LessEqual(sum) {
		t.Errorf("%v plus %v is %v, which is not later", x, delay, sum)
	}
	if ok && delay != zero && sum == x {
		t.Errorf("%v plus %v is the same", x, delay)
	}
	if later, okToo := plus(y, delay); ok && okToo && x.LessEqual(y) && !sum.LessEqual(later) {
		t.Errorf("%v plus %v is not before %v plus it", x, delay, y)
	}
}

// plus is Plus, where a Second that overflows alone, which is a panic, is an overflow.
func plus[T order.Timestamp[T]](x, delay T) (sum T, ok bool) {
	defer func() {
		if value := recover(); value != nil {
			if !strings.Contains(fmt.Sprint(value), "overflows in Second alone") {
				panic(value)
			}
			ok = false
		}
	}()
	return x.Plus(delay)
}
