package codec

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// A registry is what the program has said about types, and the codecs that follow.
type registry struct {
	mu     sync.Mutex
	names  map[string]reflect.Type // what an interface may hold, by name
	funcs  map[reflect.Type]*own
	checks map[reflect.Type]func(address) bool
	codecs map[reflect.Type]any // *Codec[D] or error, by D; emptied when anything is registered
}

// registered is the registry of the process.
var registered = newRegistry()

func newRegistry() *registry {
	r := &registry{
		names:  map[string]reflect.Type{},
		funcs:  map[reflect.Type]*own{},
		checks: map[reflect.Type]func(address) bool{},
		codecs: map[reflect.Type]any{},
	}
	for _, t := range predeclared {
		r.names[t.Name()] = t
	}
	return r
}

// predeclared are the types that every interface may hold.
var predeclared = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[string](),
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[complex128](),
}

// Register says that interfaces may hold a T. A record that has a field of an
// interface type can travel if each value in the field is of a type that was
// registered, or is nil; bool, string and the numbers need no registration.
//
// As with every registration, all processes of a cluster make the same ones,
// before the dataflow is built, best in an init function. Which types are
// registered for an interface is part of [Codec.Hash]. Registering a type again
// changes nothing. Register panics if T is an interface, or another type has its
// name; types declared inside functions may have the same name.
func Register[T any]() {
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Interface {
		panic(fmt.Sprintf("codec: Register[%v]: register the types that the interface holds, not the interface", t))
	}
	registered.change(func() {
		name := fullName(t)
		if other, ok := registered.names[name]; ok && other != t {
			panic(fmt.Sprintf("codec: Register[%v]: another type is registered by the name %s: declare one of them at package level", t, name))
		}
		registered.names[name] = t
	})
}

// RegisterFunc says how a T travels, in place of its memory or its methods.
// Encode appends x to dst; decode gets what encode has appended, exactly, and
// copies what it keeps. Both may be called by several goroutines at once.
//
// See [Register] for when to call it. It panics if T has functions already.
func RegisterFunc[T any](encode func(dst []byte, x T) ([]byte, error), decode func(src []byte) (T, error)) {
	t := reflect.TypeFor[T]()
	o := &own{typ: t}
	o.put = func(dst []byte, p address) ([]byte, error) { return encode(dst, *at[T](p)) }
	o.get = func(src []byte, p address) (err error) {
		*at[T](p), err = decode(src)
		return err
	}
	registered.change(func() {
		if registered.funcs[t] != nil {
			panic(fmt.Sprintf("codec: RegisterFunc[%v]: it has functions already", t))
		}
		registered.funcs[t] = o
	})
}

// RegisterCheck says that not every T is valid, as for an enumeration:
//
//	codec.RegisterCheck(Color.IsValid)
//
// Bytes in which valid returns false for some T are then refused. What is sent is
// not looked at. Valid may be called by several goroutines at once, and for
// records in place, so it changes nothing.
//
// See [Register] for when to call it. It panics if T has a check already.
func RegisterCheck[T any](valid func(x T) bool) {
	t := reflect.TypeFor[T]()
	registered.change(func() {
		if registered.checks[t] != nil {
			panic(fmt.Sprintf("codec: RegisterCheck[%v]: it has a check already", t))
		}
		registered.checks[t] = func(p address) bool { return valid(*at[T](p)) }
	})
}

// change registers something. Codecs that were handed out stay as they are.
func (r *registry) change(register func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	register()
	clear(r.codecs)
}

// implementing returns the registered types that an interface may hold, by name.
func (r *registry) implementing(t reflect.Type) (types []reflect.Type) {
	for _, name := range slices.Sorted(maps.Keys(r.names)) {
		if r.names[name].Implements(t) {
			types = append(types, r.names[name])
		}
	}
	return types
}

// fullName returns the name of a type with the whole paths of packages, where
// String has only the last element.
func fullName(t reflect.Type) string {
	switch {
	case t.PkgPath() != "":
		return t.PkgPath() + "." + t.Name()
	case t.Name() != "":
		return t.Name()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + fullName(t.Elem())
	case reflect.Slice:
		return "[]" + fullName(t.Elem())
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), fullName(t.Elem()))
	case reflect.Map:
		return "map[" + fullName(t.Key()) + "]" + fullName(t.Elem())
	}
	return t.String()
}
