package codec

import (
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// fuzzed are the types whose decoders FuzzDecode tries: together they have every
// part. The order is part of the corpus.
var fuzzed = []reflect.Type{
	reflect.TypeFor[trade](),
	reflect.TypeFor[struct {
		on [3]bool
		c  color
	}](),
	reflect.TypeFor[padded](),
	reflect.TypeFor[order](),
	reflect.TypeFor[struct{}](),
	reflect.TypeFor[[]string](),
	reflect.TypeFor[[][]uint16](),
	reflect.TypeFor[[2]*[]struct{}](),
	reflect.TypeFor[map[string]int](),
	reflect.TypeFor[map[float64]map[bool]struct{}](),
	reflect.TypeFor[map[any]*big.Int](),
	reflect.TypeFor[shape](),
	reflect.TypeFor[any](),
	reflect.TypeFor[tree](),
	reflect.TypeFor[*link](),
	reflect.TypeFor[[]celsius](),
	reflect.TypeFor[stamped](),
	reflect.TypeFor[*time.Time](),
	reflect.TypeFor[[]foreign](),
	reflect.TypeFor[[]status](),
}

// FuzzDecode decodes bytes as each of several types. What can be decoded can be
// sent again, and is then the same; and if there is but one way to write it, the
// bytes are the same.
func FuzzDecode(f *testing.F) {
	var coders []*coder
	for i, t := range fuzzed {
		c, err := compile(frozen, t)
		if err != nil {
			f.Fatal(err)
		}
		coders = append(coders, c)
		r := rand.New(rand.NewPCG(uint64(i), 0))
		records := reflect.MakeSlice(reflect.SliceOf(t), 2, 2)
		if t != reflect.TypeFor[[]foreign]() {
			fill(r, records.Index(1), 3)
		}
		b, err := encodeAny(c, records)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), b)
	}
	f.Fuzz(func(t *testing.T, which byte, src []byte) {
		tryDecode(t, coders[int(which)%len(coders)], src)
	})
}

// FuzzRandomTypes decodes bytes as a type that is made up from a seed.
func FuzzRandomTypes(f *testing.F) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		c, records := fuzzBatch(f, r)
		b, err := encodeAny(c, records)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed, b)
	}
	f.Fuzz(func(t *testing.T, seed uint64, src []byte) {
		c, _ := fuzzBatch(t, rand.New(rand.NewPCG(seed, 1)))
		tryDecode(t, c, src)
	})
}

func fuzzBatch(t testing.TB, r *rand.Rand) (c *coder, records reflect.Value) {
	t.Helper()
	c, err := compile(frozen, randomType(r, 3))
	if err != nil {
		t.Fatal(err)
	}
	records = reflect.MakeSlice(reflect.SliceOf(c.typ), 1, 1)
	fill(r, records.Index(0), 3)
	return c, records
}

func tryDecode(t *testing.T, c *coder, src []byte) {
	if len(src) > 1<<16 {
		return
	}
	var records reflect.Value
	var err error
	n := allocated(func() { records, err = decodeAny(c, src) })
	if n > atMost(len(src)) {
		t.Errorf("%v: %d bytes allocated %d", c.typ, len(src), n)
	}
	if err != nil {
		return
	}
	b, err := encodeAny(c, records)
	if err != nil {
		t.Fatalf("%v: cannot be sent again: %v", c.typ, err)
	}
	if hasOneForm(c.typ, nil) && string(b) != string(src) {
		t.Errorf("%v: %x is written again as %x", c.typ, src, b)
	}
	again, err := decodeAny(c, b)
	if err != nil || again.Len() != records.Len() {
		t.Errorf("%v: sent again: %v", c.typ, err)
	}
}

// hasOneForm reports whether values of a type are always the same bytes: maps and
// methods are free to choose, and it is not worth while to look into interfaces.
func hasOneForm(t reflect.Type, outer []reflect.Type) bool {
	own, _ := byMethods(t)
	if own != nil || registered.funcs[t] != nil {
		return false
	}
	if slices.Contains(outer, t) {
		return true
	}
	outer = append(outer, t)
	switch t.Kind() {
	case reflect.Map, reflect.Interface:
		return false
	case reflect.Slice, reflect.Array, reflect.Pointer:
		return hasOneForm(t.Elem(), outer)
	case reflect.Struct:
		for f := range t.Fields() {
			if !hasOneForm(f.Type, outer) {
				return false
			}
		}
	}
	return true
}

// FuzzView looks at bytes in place, at every alignment, and compares with decoding.
func FuzzView(f *testing.F) {
	type record struct {
		n  uint32
		on [3]bool
		c  color
	}
	c := mustFor[record](f)
	f.Add([]byte{}, byte(0))
	f.Add(mustAppend(f, []record{{1, [3]bool{true}, 2}}), byte(0))
	f.Add(mustAppend(f, make([]record, 5)), byte(1))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x02\x00"), byte(0))
	f.Fuzz(func(t *testing.T, src []byte, off byte) {
		off %= 8
		moved := append(make([]byte, off, int(off)+len(src)), src...)[off:]
		seen, ok, err := c.View(moved)
		copied, errOfCopy := c.Decode(moved, nil)
		switch {
		case ok && (err != nil || errOfCopy != nil || !slices.Equal(seen, copied)):
			t.Errorf("view %v, %v; copy %v, %v", seen, err, copied, errOfCopy)
		case err != nil && errOfCopy == nil:
			t.Errorf("only the view is refused: %v", err)
		case !ok && err == nil && off%4 == 0:
			t.Error("aligned, and not viewed")
		}
	})
}
