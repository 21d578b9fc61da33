package codec

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/bits"
	"reflect"
	"strings"
)

// wireVersion changes when the bytes of some type do.
const wireVersion = 1

// hash returns a number that is the same where the same types lie alike in memory.
func hash(layout string) uint64 {
	h := fnv.New64a()
	order := binary.NativeEndian.Uint16([]byte{0, 1})
	fmt.Fprintf(h, "%d %d %d %s", wireVersion, order, bits.UintSize, layout)
	return h.Sum64()
}

// A layoutWriter describes types. It follows the compiler's decisions.
type layoutWriter struct {
	strings.Builder
	registry *registry
	seen     map[reflect.Type]int // named types and interfaces, in the order of description
}

func layoutOf(r *registry, t reflect.Type) string {
	w := &layoutWriter{registry: r, seen: map[reflect.Type]int{}}
	w.describe(t)
	return w.String()
}

func (w *layoutWriter) describe(t reflect.Type) {
	if i, ok := w.seen[t]; ok {
		fmt.Fprintf(w, "%v#%d", t, i)
		return
	}
	if t.PkgPath() != "" || t.Kind() == reflect.Interface { // only by one of them a type contains itself
		w.seen[t] = len(w.seen)
		w.WriteString(fullName(t) + " ")
	}
	if w.registry.checks[t] != nil {
		w.WriteString("checked ")
	}
	if w.registry.funcs[t] != nil {
		w.WriteString("by registered functions")
		return
	}
	if methods, err := byMethods(t); methods != nil && err == nil {
		w.WriteString("by its methods")
		return
	}
	w.describeKind(t)
}

func (w *layoutWriter) describeKind(t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		w.WriteString("struct{")
		for f := range t.Fields() {
			fmt.Fprintf(w, "%s @%d ", f.Name, f.Offset)
			w.describe(f.Type)
			w.WriteString("; ")
		}
		fmt.Fprintf(w, "%d bytes}", t.Size())
	case reflect.Array:
		fmt.Fprintf(w, "[%d]", t.Len())
		w.describe(t.Elem())
	case reflect.Slice:
		w.WriteString("[]")
		w.describe(t.Elem())
	case reflect.Pointer:
		w.WriteString("*")
		w.describe(t.Elem())
	case reflect.Map:
		w.WriteString("map[")
		w.describe(t.Key())
		w.WriteString("]")
		w.describe(t.Elem())
	case reflect.Interface:
		w.describeInterface(t)
	default:
		w.WriteString(t.Kind().String())
	}
}

func (w *layoutWriter) describeInterface(t reflect.Type) {
	w.WriteString("holding {")
	for _, held := range w.registry.implementing(t) {
		w.describe(held)
		w.WriteString("; ")
	}
	w.WriteString("}")
}
