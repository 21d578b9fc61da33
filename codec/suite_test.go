package codec

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// forSeeds calls test with one seed after the other until the time is over, and
// prints how often it did. TIMELY_SUITE_SECONDS is the time in seconds.
func forSeeds(t *testing.T, test func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	seconds := 0.3
	if text := os.Getenv("TIMELY_SUITE_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal("TIMELY_SUITE_SECONDS: ", err)
		}
	}
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	n := 0
	for seed := uint64(1); n == 0 || time.Now().Before(end); seed++ {
		test(t, rand.New(rand.NewPCG(seed, 0)))
		if n++; t.Failed() {
			t.Fatal("seed ", seed)
		}
	}
	fmt.Printf("count: %s: %d seeds\n", t.Name(), n)
}

// mustFor is For for types that can travel.
func mustFor[D any](t testing.TB) *Codec[D] {
	t.Helper()
	c, err := For[D]()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustAppend encodes a batch that can be sent.
func mustAppend[D any](t testing.TB, records []D) []byte {
	t.Helper()
	b, err := mustFor[D](t).Append(nil, records)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}

// allocated returns how many bytes f allocates, freed again or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// atMost is what decoding so many bytes may allocate.
func atMost(n int) uint64 { return 8*uint64(n) + 1<<20 }

// An encoded batch of records of a type that only reflect knows.
func encodeAny(c *coder, records reflect.Value) ([]byte, error) {
	return c.appendBatch(nil, pointee(records), records.Len())
}

// decodeAny returns a slice of records.
func decodeAny(c *coder, src []byte) (records reflect.Value, err error) {
	n, rest, err := c.readCount(src)
	if err != nil {
		return reflect.Value{}, err
	}
	records = reflect.MakeSlice(reflect.SliceOf(c.typ), n, n)
	return records, c.decodeBatch(src, rest, pointee(records), n)
}

// Types with all that a type can have.

type color uint8 // an enumeration

func (c color) isValid() bool { return c < 3 }

type status string

func (s status) isValid() bool { return s != "gone" }

// A celsius has methods of its own, for a pointer.
type celsius struct{ tenths int32 }

func (c *celsius) MarshalBinary() ([]byte, error) { return fmt.Appendf(nil, "%d", c.tenths), nil }

func (c *celsius) UnmarshalBinary(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 32)
	c.tenths += int32(n) // as a decoder does that counts on a zero value
	return err
}

// A foreign type travels by registered functions.
type foreign struct{ f func() string }

type shape interface{ area() float64 }

type square struct{ side float64 }

type polygon struct {
	name  string
	parts []shape
}

func (s square) area() float64 { return s.side * s.side }

func (p *polygon) area() (sum float64) {
	for _, part := range p.parts {
		sum += part.area()
	}
	return sum
}

// A tree contains itself in every way.
type tree struct {
	label    string
	left     *tree
	children []tree
	named    map[string]tree
	held     any
}

func init() {
	RegisterCheck(color.isValid)
	RegisterCheck(status.isValid)
	RegisterFunc(
		func(dst []byte, x foreign) ([]byte, error) { return append(dst, x.f()...), nil },
		func(src []byte) (foreign, error) {
			s := string(src)
			return foreign{func() string { return s }}, nil
		},
	)
	Register[square]()
	Register[*polygon]()
	Register[tree]()
	Register[[]any]()

	frozen = newRegistry()
	maps.Copy(frozen.names, registered.names)
	maps.Copy(frozen.funcs, registered.funcs)
	maps.Copy(frozen.checks, registered.checks)
}

// frozen is what is registered here and nowhere else, so that the numbers of types
// in interfaces, and with them the corpus, do not depend on which tests run.
var frozen *registry

// named are types that randomType uses beside those it makes up.
var named = []reflect.Type{
	reflect.TypeFor[color](), reflect.TypeFor[status](), reflect.TypeFor[celsius](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[*big.Int](),
	reflect.TypeFor[shape](), reflect.TypeFor[any](), reflect.TypeFor[tree](), reflect.TypeFor[struct{}](),
}

// randomType makes up a type.
func randomType(r *rand.Rand, depth int) reflect.Type {
	if depth <= 0 || r.IntN(4) == 0 {
		if r.IntN(5) == 0 {
			return named[r.IntN(len(named))]
		}
		return predeclared[r.IntN(len(predeclared))]
	}
	inner := func() reflect.Type { return randomType(r, depth-1) }
	switch r.IntN(7) {
	case 0:
		return reflect.SliceOf(inner())
	case 1:
		return reflect.ArrayOf(r.IntN(4), inner())
	case 2:
		return reflect.PointerTo(inner())
	case 3:
		key := inner()
		if !key.Comparable() || holdsReference(key) {
			key = predeclared[r.IntN(len(predeclared))]
		}
		return reflect.MapOf(key, inner())
	default:
		var fields []reflect.StructField
		for i := range r.IntN(6) {
			f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: inner()}
			if r.IntN(2) == 0 {
				f.Name, f.PkgPath = fmt.Sprintf("f%d", i), "codec"
			}
			fields = append(fields, f)
		}
		return reflect.StructOf(fields)
	}
}

// holdsReference reports whether a key's copy is another key, or may not be one.
func holdsReference(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface:
		return true
	case reflect.Array:
		return holdsReference(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if holdsReference(f.Type) {
				return true
			}
		}
	}
	return false
}

// fill makes the zero value v a random one.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	p := pointee(v.Addr())
	switch t := v.Type(); t {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(r.Int64N(1e10), r.Int64N(1e9)).UTC()))
	case reflect.TypeFor[color]():
		v.SetUint(r.Uint64N(3))
	case reflect.TypeFor[*big.Int]():
		v.Set(reflect.ValueOf(new(big.Int).SetUint64(r.Uint64() | 1<<63)))
	case reflect.TypeFor[shape]():
		if depth > 0 && r.IntN(2) == 0 {
			fillHeld[*polygon](r, v, depth)
		} else {
			fillHeld[square](r, v, depth)
		}
	case reflect.TypeFor[any]():
		switch r.IntN(5) {
		case 0:
			fillHeld[string](r, v, depth)
		case 1:
			fillHeld[float64](r, v, depth)
		case 2:
			fillHeld[[]any](r, v, depth)
		case 3:
			fillHeld[tree](r, v, depth)
		}
	default:
		fillByKind(r, p.value(t), depth)
	}
}

func fillHeld[T any](r *rand.Rand, v reflect.Value, depth int) {
	var held T
	if depth > 0 {
		fill(r, reflect.ValueOf(&held).Elem(), depth-1)
	}
	v.Set(reflect.ValueOf(held))
}

func fillByKind(r *rand.Rand, v reflect.Value, depth int) {
	switch t := v.Type(); t.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(float32(r.NormFloat64())))
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(float64(r.IntN(9)), 1))
	case reflect.String:
		v.SetString(string(make([]byte, r.IntN(20))) + strconv.Itoa(r.IntN(1e6)))
	case reflect.Struct:
		for f := range t.Fields() {
			fill(r, pointee(v.Addr()).add(f.Offset).value(f.Type), depth-1)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i), depth-1)
		}
	case reflect.Slice, reflect.Map, reflect.Pointer:
		if depth > 0 && r.IntN(4) > 0 {
			fillReference(r, v, depth)
		}
	default:
		if v.CanInt() {
			v.SetInt(r.Int64())
		} else {
			v.SetUint(r.Uint64())
		}
	}
}

// fillReference fills what is otherwise nil.
func fillReference(r *rand.Rand, v reflect.Value, depth int) {
	switch t := v.Type(); t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fill(r, v.Elem(), depth-1)
	case reflect.Slice:
		n := r.IntN(5)
		v.Set(reflect.MakeSlice(t, n, n))
		for i := range n {
			fill(r, v.Index(i), depth-1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range r.IntN(20) {
			key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			fill(r, key, depth-1)
			fill(r, value, depth-1)
			if key.Comparable() {
				v.SetMapIndex(key, value)
			}
		}
	}
}
