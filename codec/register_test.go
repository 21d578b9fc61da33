package codec

import (
	"reflect"
	"sync"
	"testing"
)

func TestMisuseOfRegistrationPanics(t *testing.T) {
	mustPanic(t, "codec: Register[codec.shape]: register the types that the interface holds, not the interface",
		Register[shape])
	mustPanic(t, "codec: RegisterFunc[codec.foreign]: it has functions already",
		func() { RegisterFunc[foreign](nil, nil) })
	mustPanic(t, "codec: RegisterCheck[codec.color]: it has a check already",
		func() { RegisterCheck(color.isValid) })

	type twin struct{ n int }
	Register[twin]()
	mustPanic(t, "codec: Register[codec.twin]: another type is registered by the name github.com/timely-go/timely/codec.twin: declare one of them at package level",
		func() {
			type twin struct{ s string }
			Register[twin]()
		})
	Register[twin]()
}

func TestCodecsAreKeptUntilSomethingIsRegistered(t *testing.T) {
	type late struct{ n int }
	c, again := mustFor[any](t), mustFor[any](t)
	if c != again {
		t.Error("the codec was made twice")
	}
	if _, err := c.Append(nil, []any{late{1}}); err == nil {
		t.Error("a type travels that is not registered")
	}
	before := c.Hash()
	Register[late]()
	travels(t, any(late{1}))
	if mustFor[any](t).Hash() == before {
		t.Error("the hash is the same although a type was registered")
	}
	if c.Hash() != before {
		t.Error("a codec has changed")
	}
}

func TestNamesHavePackagesWithTheirPaths(t *testing.T) {
	const here = "github.com/timely-go/timely/codec."
	for _, test := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[int](), "int"},
		{reflect.TypeFor[*square](), "*" + here + "square"},
		{reflect.TypeFor[[]square](), "[]" + here + "square"},
		{reflect.TypeFor[[2]square](), "[2]" + here + "square"},
		{reflect.TypeFor[map[string]square](), "map[string]" + here + "square"},
		{reflect.TypeFor[struct{ s square }](), "struct { s codec.square }"},
	} {
		if got := fullName(test.typ); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestACodecServesManyGoroutines(t *testing.T) {
	want := []tree{{label: "a", held: square{1}, named: map[string]tree{"b": {held: []any{1}}}}, treeChain(20)}
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for range 50 {
				c, err := For[tree]()
				if err != nil {
					t.Error(err)
					return
				}
				b, err := c.Append(nil, want)
				if err != nil {
					t.Error(err)
				}
				got, err := c.Decode(b, nil)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("came %v, %v", got, err)
				}
			}
		})
	}
	done.Wait()
}
