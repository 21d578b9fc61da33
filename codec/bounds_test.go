package codec

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What honest batches take in memory is what the bound is about: were it broken
// by them, it could not be kept. Each of these is made to be large in memory and
// small in bytes.
func TestDecodingAllocatesWithinItsBound(t *testing.T) {
	bound(t, strings.Repeat("ab", 1<<19))
	bound(t, make([]string, 1<<18))
	bound(t, make([][]byte, 1<<18))
	bound(t, filled(make([][]byte, 1<<16), func() []byte { return []byte{1} }))
	bound(t, make([][1]*bool, 1<<18))
	bound(t, filled(make([]*bool, 1<<18), func() *bool { return new(bool) }))
	bound(t, filled(make([]*string, 1<<18), func() *string { return new(string) }))
	bound(t, filled(make([]*struct{}, 1<<18), func() *struct{} { return new(struct{}) }))
	bound(t, filled(make([]*[9]*bool, 1<<14), func() *[9]*bool { return new([9]*bool) }))
	bound(t, make([]struct {
		x bool
		_ [63]byte
	}, 1<<16))
	bound(t, filled(make([]*cacheLine, 1<<15), func() *cacheLine { return new(cacheLine) }))
	bound(t, make([]struct{}, 1<<20))
	bound(t, make([]time.Time, 1<<16))
	bound(t, make([]any, 1<<18))
	bound(t, filled(make([]any, 1<<17), func() any { return uint64(1 << 40) }))
	bound(t, filled(make([]any, 1<<17), func() any { return "" }))
	bound(t, filled(make([]any, 1<<16), func() any { return []any{} }))
	bound(t, filled(make([]shape, 1<<12), func() shape { return &polygon{} }))
	bound(t, chain(900))
	bound(t, treeChain(900))
	bound(t, filled(make([]*tree, 1<<12), func() *tree { return &tree{named: map[string]tree{"a": {}}} }))
}

func TestMapsAllocateWithinTheBound(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 14, 15, 100, 900, 1000, 1792, 3580} {
		each := max(4, 10000/max(n, 1))
		boundMaps[bool, struct{}](t, each, min(n, 2), func(i int) bool { return i == 1 })
		boundMaps[uint8, uint8](t, each, min(n, 256), func(i int) uint8 { return uint8(i) })
		boundMaps[uint32, struct{}](t, each, n, func(i int) uint32 { return uint32(i) })
		boundMaps[uint64, any](t, each, n, func(i int) uint64 { return uint64(i) })
		boundMaps[int, *tree](t, each, n, func(i int) int { return i })
		boundMaps[string, string](t, each, n, func(i int) string { return fmt.Sprint(i) })
		boundMaps[int, [200]byte](t, each/4, n, func(i int) int { return i })
		boundMaps[[17]string, [40]string](t, each/8, n, func(i int) [17]string { return [17]string{fmt.Sprint(i)} })
	}
	bound(t, filled(make([]map[int]int, 1<<16), func() map[int]int { return map[int]int{} }))
	large := map[uint32]uint8{}
	for i := range uint32(200_000) {
		large[i] = 1
	}
	bound(t, large)
}

func boundMaps[K comparable, V any](t *testing.T, maps, entries int, key func(i int) K) {
	t.Helper()
	m := map[K]V{}
	for i := range entries {
		var v V
		m[key(i)] = v
	}
	bound(t, filled(make([]map[K]V, maps), func() map[K]V { return m }))
}

// bound decodes what records of one value are encoded as.
func bound[D any](t *testing.T, record D) {
	t.Helper()
	c := mustFor[D](t)
	b := mustAppend(t, []D{record})
	into := make([]D, 0, 1)
	n := allocated(func() {
		if _, err := c.Decode(b, into); err != nil {
			t.Error(err)
		}
	})
	if n > atMost(len(b)) {
		t.Errorf("%T: %d bytes allocated %d, %.1f times as much", record, len(b), n, float64(n)/float64(len(b)))
	}
}

func filled[D any](records []D, one func() D) []D {
	for i := range records {
		records[i] = one()
	}
	return records
}

type cacheLine struct {
	x bool
	_ [63]byte
}

type link struct{ next *link }

func chain(n int) (l *link) {
	for range n {
		l = &link{l}
	}
	return l
}

func treeChain(n int) (t tree) {
	for i := range n {
		inner, outer := t, tree{label: "x"}
		switch i % 4 {
		case 0:
			outer.left = &inner
		case 1:
			outer.children = []tree{inner}
		case 2:
			outer.named = map[string]tree{"": inner}
		default:
			outer.held = inner
		}
		t = outer
	}
	return t
}

// Each depth claims all that is left, for its own elements.
func TestNestedLengthsCannotClaimTheSameBytes(t *testing.T) {
	type slices []slices
	type maps map[string]maps
	type pairs []struct {
		a, b *pairs
		c, d map[int][]pairs
	}
	claims(t, mustFor[slices](t), 4)
	claims(t, mustFor[maps](t), 8)
	claims(t, mustFor[pairs](t), 4)
	claims(t, mustFor[[][][][][][][]string](t), 4)
	claims(t, mustFor[[]tree](t), 4)
	claims(t, mustFor[[]any](t), 8)
}

func claims[D any](t *testing.T, c *Codec[D], min int) {
	t.Helper()
	const size = 1 << 20
	for share := 1; share <= 32; share *= 2 {
		b := binary.LittleEndian.AppendUint32(nil, 1)
		for len(b) < size {
			b = binary.LittleEndian.AppendUint32(b, uint32((size-len(b))/min/share))
		}
		n := allocated(func() {
			if _, err := c.Decode(b, nil); err == nil {
				t.Errorf("%v: no error", c.coder.typ)
			}
		})
		if n > atMost(len(b)) {
			t.Errorf("%v: %d bytes allocated %d", c.coder.typ, len(b), n)
		}
	}
}

func TestStackOfDeepRecordsIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes frames larger")
	}
	b := mustAppend(t, []tree{treeChain(maxDepth)})
	stack := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	before := stack()
	done := make(chan uint64)
	go func() {
		if _, err := mustFor[tree](t).Decode(b, nil); err != nil {
			t.Error(err)
		}
		done <- stack()
	}()
	if n := int64(<-done) - int64(before); n > 2<<20 { // others may have ended meanwhile
		t.Errorf("decoding %d deep took %d bytes of stack", maxDepth, n)
	}
}
