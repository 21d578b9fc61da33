package codec

import (
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"testing"
	"time"

	times "github.com/timely-go/timely/order"
)

// travel encodes and decodes a batch.
func travel[D any](t *testing.T, records ...D) []D {
	t.Helper()
	got, err := mustFor[D](t).Decode(mustAppend(t, records), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(records) {
		t.Fatalf("%d records came of %d", len(got), len(records))
	}
	return got
}

// travels tests that records arrive as they were.
func travels[D any](t *testing.T, records ...D) {
	t.Helper()
	if got := travel(t, records...); !reflect.DeepEqual(got, records) {
		t.Errorf("sent %+v, came %+v", records, got)
	}
}

type embedded struct {
	trade
	*padded
	extra string
}

func TestNilAndEmptyStayApart(t *testing.T) {
	travels(t, []int(nil), []int{}, []int{1})
	travels(t, []string(nil), []string{}, []string{""})
	travels(t, []*int(nil), []*int{}, []*int{nil})
	travels(t, []struct{}(nil), []struct{}{}, make([]struct{}, 3))
	travels(t, map[string]int(nil), map[string]int{}, map[string]int{"": 0})
	travels(t, (*int)(nil), new(int))
	travels(t, (**int)(nil), new(*int))
	travels(t, any(nil), any([]any(nil)), any([]any{}))
	travels(t, shape(nil), shape((*polygon)(nil)), shape(&polygon{}))
}

func TestStructsTravelWithAllTheirFields(t *testing.T) {
	travels(t, embedded{trade{ID: 1, Quantity: -1}, &padded{2, 3, 4}, "unexported"}, embedded{})
	travels(t, order{7, "Ada", "UK", true, 995})
	travels(t, struct {
		a [3]struct {
			x bool
			y uint32
		}
		b [2][]string
		c [0]func()
		d struct{}
	}{b: [2][]string{{"b"}, nil}})
}

func TestNothingTravels(t *testing.T) {
	travels[int](t)
	travels[string](t)
	travels(t, struct{}{}, struct{}{})
	travels(t, [0]string{})
	travels(t, map[struct{}]struct{}{{}: {}})
	travels(t, new(struct{}))
}

func TestNumbersTravelBitByBit(t *testing.T) {
	travels(t, math.MinInt, -1, 0, math.MaxInt)
	travels(t, complex(math.Inf(1), math.Copysign(0, -1)))
	strange := math.Float64frombits(0x7FF8_0000_0000_BEEF)
	if got := travel(t, strange, math.Copysign(0, -1)); math.Float64bits(got[0]) != 0x7FF8_0000_0000_BEEF || !math.Signbit(got[1]) {
		t.Errorf("came %x, %v", math.Float64bits(got[0]), got[1])
	}
}

func TestMapsKeepKeysThatEqualNothing(t *testing.T) {
	m := map[float64]string{math.NaN(): "a", 1: "b"}
	m[math.NaN()] = "c"
	got := travel(t, m)[0]
	seen := map[string]bool{}
	for _, s := range got {
		seen[s] = true
	}
	if len(got) != 3 || len(seen) != 3 || got[1] != "b" {
		t.Errorf("came %v", got)
	}
}

func TestMapsTravel(t *testing.T) {
	large := map[int]string{}
	for i := range 3000 {
		large[i] = time.Duration(i).String()
	}
	travels(t, large, map[int]string{1: "one"})
	travels(t, map[[2]string]map[bool]*int{{"a", "b"}: {true: nil}, {}: nil})
	travels(t, map[any]any{"a": 1, 2.5: []any{"b"}, square{1}: nil})
	travels(t, map[[200]byte][200]byte{{1}: {2}})
}

func TestTimestampsTravelInPlace(t *testing.T) {
	type loop = times.Loop[times.Loop[times.Epoch]]
	if c := mustFor[loop](t); !c.InPlace() || c.coder.size != 24 {
		t.Error("a time inside two loops is not three words in place")
	}
	travels(t, loop{Inner: 3}, loop{Outer: times.Loop[times.Epoch]{Outer: 1, Inner: 2}})
	travels(t, times.Lexicographic[times.Epoch, times.Epoch]{First: 1, Second: 2})
}

func TestTypesTravelByTheirMethods(t *testing.T) {
	travels(t, celsius{215}, celsius{-40})
	travels(t, &celsius{1}, nil)
	travels(t, map[celsius]celsius{{1}: {2}, {3}: {4}})
	travels(t, netip.MustParseAddr("2001:db8::1%eth0"), netip.Addr{})
	travels(t, &url.URL{Scheme: "https", Host: "example.org", Path: "/a b"})
	travels(t, time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC), time.Time{})
	at := time.Now()
	if got := travel(t, at)[0]; !got.Equal(at) {
		t.Errorf("%v came as %v", at, got)
	}
}

// An embedded time brings its methods, which know nothing of the other fields.
func TestPromotedMethodsDoNotCount(t *testing.T) {
	type event struct {
		time.Time
		Name string
	}
	type pointer struct {
		*celsius
		n int
	}
	travels(t, event{time.Unix(1, 2).UTC(), "start"}, event{})
	travels(t, pointer{&celsius{3}, 4}, pointer{n: 5})
	travels(t, overriding{time.Unix(9, 0).UTC(), "not sent", 1})
}

// overriding embeds methods, and has its own.
type overriding struct {
	time.Time
	name string
	n    byte
}

func (o *overriding) UnmarshalBinary(b []byte) error {
	*o = overriding{time.Unix(9, 0).UTC(), "not sent", b[0]}
	return nil
}

func (o overriding) MarshalBinary() ([]byte, error) { return []byte{o.n}, nil }

func TestTypesWithoutMethodsTravelByTheirFields(t *testing.T) {
	n, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	travels(t, n, nil, big.NewInt(0))
	travels(t, *n)
	travels(t, big.NewRat(1, 3))
}

func TestRegisteredFunctionsTravel(t *testing.T) {
	got := travel(t, []foreign{{func() string { return "ten" }}})
	if s := got[0][0].f(); s != "ten" {
		t.Errorf("came %q", s)
	}
}

func TestInterfacesTravelWithTheirTypes(t *testing.T) {
	travels(t, shape(square{2}), shape(&polygon{"two", []shape{square{1}, &polygon{}, nil}}))
	travels(t, any(nil), any(true), any("s"), any(1), any(uint8(1)), any(2i), any(tree{label: "x"}), any([]any{square{1}, []any{}}))
}

func TestRecordsThatContainThemselvesTravel(t *testing.T) {
	leaf := tree{label: "leaf"}
	travels(t, tree{
		label:    "root",
		left:     &tree{left: &leaf},
		children: []tree{leaf, {children: []tree{}}},
		named:    map[string]tree{"a": leaf},
		held:     leaf,
	})
	travels(t, chain(maxDepth))

	type pointers *pointers
	var p pointers
	travels(t, p, pointers(&p))
	type slices []slices
	travels(t, slices{nil, {}, {{}, nil}})
	type maps map[string]maps
	travels(t, maps{"a": nil, "b": {"c": {}}})
}

func TestSharedPointersBecomeCopies(t *testing.T) {
	x := 1
	got := travel(t, []*int{&x, &x})[0]
	if *got[0] != 1 || *got[1] != 1 || got[0] == got[1] {
		t.Errorf("came %v, %v", got[0], got[1])
	}
}

func TestDecodeAppends(t *testing.T) {
	into := []string{"before", "stale", "stale"}[:1]
	got, err := mustFor[string](t).Decode(mustAppend(t, []string{"a", "b"}), into)
	if want := []string{"before", "a", "b"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	if &got[0] != &into[0] {
		t.Error("there was room, but it was not used")
	}
	methods, err := mustFor[celsius](t).Decode(mustAppend(t, []celsius{{1}}), []celsius{{99}}[:0])
	if err != nil || methods[0].tenths != 1 {
		t.Errorf("decoded over a stale record: %v, %v", methods, err)
	}
}

func TestDecodedRecordsDoNotReferToTheBytes(t *testing.T) {
	type record struct {
		s string
		b []byte
		n []uint64
	}
	want := record{"string", []byte("bytes"), []uint64{1, 2, 3}}
	b := mustAppend(t, []record{want})
	got, err := mustFor[record](t).Decode(b, nil)
	clear(b)
	if err != nil || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %v, %v", got, err)
	}
}
