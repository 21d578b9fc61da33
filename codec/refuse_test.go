package codec

import (
	"errors"
	"hash/maphash"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unique"
	"unsafe"
)

type cart struct {
	ID    int
	Items []item
}

type item struct {
	Name     string
	Callback func()
}

type halfway struct{}

func (halfway) MarshalBinary() ([]byte, error) { return nil, nil }

type halfwayBack struct{ n int }

func (h *halfwayBack) UnmarshalBinary([]byte) error { return nil }

type wrapping struct {
	n int
	halfwayBack
}

func TestTypesThatCannotTravelAreRefused(t *testing.T) {
	const address = "is an address, which is nothing in another process; numbers travel as uint64"
	refuses[cart](t, "codec: codec.cart: cart.Items[].Callback: a func cannot travel")
	refuses[chan int](t, "codec: chan int: a chan cannot travel")
	refuses[*struct{ c chan int }](t, "codec: *struct { c chan int }: *struct { c chan int }.c: a chan cannot travel")
	refuses[map[string][]func()](t, "codec: map[string][]func(): map[string][]func()[][]: a func cannot travel")
	refuses[map[[1]chan int]int](t, "codec: map[[1]chan int]int: map[[1]chan int]int[key][]: a chan cannot travel")
	refuses[uintptr](t, "codec: uintptr: a uintptr "+address)
	refuses[[3]unsafe.Pointer](t, "codec: [3]unsafe.Pointer: [3]unsafe.Pointer[]: a unsafe.Pointer "+address)
	refuses[error](t, "codec: error: no type that error may hold is registered; see codec.Register")
	refuses[struct{ mu sync.Mutex }](t, "codec: struct { mu sync.Mutex }: struct { mu sync.Mutex }.mu: a sync.Mutex belongs to one process")
	refuses[atomic.Int64](t, "codec: atomic.Int64: a atomic.Int64 belongs to one process")
	refuses[unique.Handle[string]](t, "codec: unique.Handle[string]: a unique.Handle[string] belongs to one process")
	refuses[maphash.Seed](t, "codec: maphash.Seed: a maphash.Seed belongs to one process")
	refuses[halfwayBack](t, "codec: codec.halfwayBack: "+errOneWay.Error())
}

func TestOnlyATypesOwnMethodsCount(t *testing.T) {
	refuses[wrapping](t, "codec: codec.wrapping: wrapping.halfwayBack: "+errOneWay.Error())
	travels(t, struct {
		n int
		halfway
	}{n: 1})
}

func refuses[D any](t *testing.T, want string) {
	t.Helper()
	if _, err := For[D](); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestARegisteredTypeThatCannotTravelIsNamed(t *testing.T) {
	r := newRegistry()
	r.names["codec.item"] = reflect.TypeFor[item]()
	_, err := compile(r, reflect.TypeFor[[]any]())
	want := "codec: []interface {}: []interface {}[].(codec.item).Callback: a func cannot travel"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestRecordsThatCannotTravelAreRefused(t *testing.T) {
	cycle := &link{}
	cycle.next = cycle
	inSlice := make([]any, 1)
	inSlice[0] = inSlice
	inMap := map[string]tree{}
	inMap[""] = tree{named: inMap}

	cannotSend(t, cycle, "codec: record 1 of 2: a *codec.link lies inside itself more than 1000 deep: a cycle, or too long a chain")
	cannotSend[any](t, inSlice, "codec: record 1 of 2: a interface {} lies inside itself more than 1000 deep: a cycle, or too long a chain")
	cannotSend(t, tree{named: inMap}, "codec: record 1 of 2: a codec.tree lies inside itself more than 1000 deep: a cycle, or too long a chain")
	cannotSend(t, chain(maxDepth+1), "codec: record 1 of 2: a *codec.link lies inside itself more than 1000 deep: a cycle, or too long a chain")
	cannotSend[any](t, cart{}, "codec: record 1 of 2: interface {} holds a codec.cart, which codec.Register was not told of")
	cannotSend(t, map[any]int{cart{}.ID: 1, &cycle: 1}, "codec: record 1 of 2: interface {} holds a **codec.link, which codec.Register was not told of")
	cannotSend(t, map[int]any{1: &cycle}, "codec: record 1 of 2: interface {} holds a **codec.link, which codec.Register was not told of")
	cannotSend(t, fussy{1}, "codec: record 1 of 2: codec.fussy: not today")
	cannotSend(t, eraser{1}, "codec: record 1 of 2: codec.eraser: its function returned less than it was to append to")
}

func cannotSend[D any](t *testing.T, record D, want string) {
	t.Helper()
	var good D
	before := []byte("before")
	got, err := mustFor[D](t).Append(before, []D{good, record})
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if string(got) != "before" {
		t.Errorf("with an error, Append returned %q", got)
	}
}

type fussy struct{ n int }

var errToday = errors.New("not today")

func (f fussy) AppendBinary(dst []byte) ([]byte, error) {
	if f.n != 0 {
		return dst, errToday
	}
	return dst, nil
}

func (f *fussy) UnmarshalBinary(b []byte) error { return errToday }

func TestErrorsOfAUsersMethodsAreWrapped(t *testing.T) {
	_, err := mustFor[fussy](t).Append(nil, []fussy{{1}})
	if !errors.Is(err, errToday) {
		t.Errorf("sending: %v", err)
	}
	_, err = mustFor[fussy](t).Decode(mustAppend(t, []fussy{{}}), nil)
	if !errors.Is(err, errToday) || !strings.Contains(err.Error(), "codec.fussy") {
		t.Errorf("receiving: %v", err)
	}
}

type eraser struct{ n int }

func (e eraser) AppendBinary(dst []byte) ([]byte, error) {
	if e.n != 0 {
		return nil, nil
	}
	return dst, nil
}

func (e *eraser) UnmarshalBinary([]byte) error { return nil }
