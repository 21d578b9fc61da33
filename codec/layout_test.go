package codec

import (
	"reflect"
	"testing"
)

// TestLayoutSaysWhatIsInARecord shows what a difference would be a difference of.
func TestLayoutSaysWhatIsInARecord(t *testing.T) {
	const here = "github.com/timely-go/timely/codec."
	type local struct {
		a [2]uint32
		b map[string][]*celsius
	}
	hasLayout[int8](t, "int8")
	hasLayout[trade](t, here+"trade struct{ID @0 uint64; Account @8 uint64; Price @16 float64; Quantity @24 int64; 32 bytes}")
	hasLayout[local](t, here+"local struct{a @0 [2]uint32; b @8 map[string][]*"+here+"celsius by its methods; 16 bytes}")
	hasLayout[[]link](t, "[]"+here+"link struct{next @0 *codec.link#0; 8 bytes}")
	hasLayout[color](t, here+"color checked uint8")
	hasLayout[foreign](t, here+"foreign by registered functions")
	hasLayout[shape](t, here+"shape holding {*"+here+"polygon struct{name @0 string; parts @16 []codec.shape#0; 40 bytes}; "+
		here+"square struct{side @0 float64; 8 bytes}; }")
}

func hasLayout[D any](t *testing.T, want string) {
	t.Helper()
	if got := mustFor[D](t).Layout(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestHashDiffersWhenATypeDoes(t *testing.T) {
	hashes := map[uint64]string{}
	add := func(layout string) {
		h := hash(layout)
		if other, ok := hashes[h]; ok {
			t.Errorf("alike: %s and %s", layout, other)
		}
		hashes[h] = layout
	}
	field := func(name string, t reflect.Type) reflect.StructField {
		return reflect.StructField{Name: name, Type: t}
	}
	number, text := reflect.TypeFor[uint64](), reflect.TypeFor[string]()
	for _, fields := range [][]reflect.StructField{
		{field("A", number), field("B", number)},
		{field("B", number), field("A", number)},
		{field("A", number), field("B", number), field("C", number)},
		{field("A", number), field("B", reflect.TypeFor[int64]())},
		{field("A", number), field("B", text)},
		{field("A", text), field("B", number)},
	} {
		add(layoutOf(newRegistry(), reflect.StructOf(fields)))
	}
	other := newRegistry()
	add(layoutOf(other, reflect.TypeFor[any]()))
	other.names["codec.square"] = reflect.TypeFor[square]()
	add(layoutOf(other, reflect.TypeFor[any]()))
	add(layoutOf(other, reflect.TypeFor[color]()))
	other.checks[reflect.TypeFor[color]()] = func(address) bool { return true }
	add(layoutOf(other, reflect.TypeFor[color]()))
}

func TestHashIsTheSameForTheSameLayout(t *testing.T) {
	a, b := mustFor[tree](t).Hash(), hash(layoutOf(registered, reflect.TypeFor[tree]()))
	if a != b {
		t.Errorf("%x and %x", a, b)
	}
}
