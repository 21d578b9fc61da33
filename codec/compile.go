package codec

import (
	"fmt"
	"reflect"
	"slices"
)

// A compiler makes the coders for one type and all that it contains.
type compiler struct {
	registry *registry
	root     reflect.Type
	coders   map[reflect.Type]*coder // finished, or further up the call stack
	back     []backEdge
}

// A backEdge is where a type contains itself.
type backEdge struct {
	from, to *coder
}

// compile returns the coder for values of type t, each at least a byte on the wire.
func compile(r *registry, t reflect.Type) (*coder, error) {
	c := &compiler{registry: r, root: t, coders: map[reflect.Type]*coder{}}
	path := t.Name()
	if path == "" {
		path = t.String()
	}
	root, err := c.element(t, path)
	if err != nil {
		return nil, err
	}
	for _, b := range c.back {
		b.from.ops[0].min, b.from.min = b.to.min, b.to.min
	}
	return root, nil
}

// coder returns the coder for t, which is what the path says.
func (c *compiler) coder(t reflect.Type, path string) (*coder, error) {
	if known, ok := c.coders[t]; ok {
		if known.complete {
			return known, nil
		}
		return c.inside(known), nil
	}
	into := &coder{typ: t, size: t.Size()}
	c.coders[t] = into
	if err := c.fill(into, path); err != nil {
		return nil, err
	}
	into.settle()
	into.complete = true
	return into, nil
}

// inside returns a coder for a value that lies in another of its type. What it
// takes at least is known later, but for structs and arrays, which cannot be
// fields of themselves, nobody needs to know before.
func (c *compiler) inside(outer *coder) *coder {
	least := 1
	switch outer.typ.Kind() {
	case reflect.Pointer:
		least = pointerBytes
	case reflect.Slice, reflect.Map:
		least = lengthBytes
	case reflect.Interface:
		least = indexBytes
	}
	inner := &coder{typ: outer.typ, size: outer.size, min: least, complete: true}
	inner.ops = []op{call(deeper{outer}, least)}
	c.back = append(c.back, backEdge{inner, outer})
	return inner
}

// element is coder for what is counted by bytes: records and elements of slices.
func (c *compiler) element(t reflect.Type, path string) (*coder, error) {
	elem, err := c.coder(t, path)
	if err != nil || elem.min > 0 {
		return elem, err
	}
	counted := &coder{typ: t, size: t.Size(), complete: true}
	counted.ops = append(counted.ops, call(zeros(1), 1))
	counted.settle()
	return counted, nil
}

// fill writes the program for a type, but for settling it.
func (c *compiler) fill(into *coder, path string) error {
	t := into.typ
	if t.Size() == 0 {
		return nil
	}
	if err := c.fillUnchecked(into, path); err != nil {
		return err
	}
	if valid := c.registry.checks[t]; valid != nil {
		tests := []test{{valid: valid, typ: t}}
		if into.settle(); into.flat {
			into.ops[0].checks = slices.Concat(into.ops[0].checks, tests)
		} else {
			into.ops = append(into.ops, call(checked(tests), 0))
		}
	}
	return nil
}

func (c *compiler) fillUnchecked(into *coder, path string) error {
	t := into.typ
	if functions := c.registry.funcs[t]; functions != nil {
		into.ops = []op{call(functions, lengthBytes)}
		return nil
	}
	methods, err := byMethods(t)
	switch {
	case err != nil:
		return c.refuse(path, "%v", err)
	case methods != nil:
		into.ops = []op{call(methods, lengthBytes)}
		return nil
	case isLocal[t.PkgPath()]:
		return c.refuse(path, "a %v belongs to one process", t)
	}
	return c.fillByKind(into, path)
}

// isLocal has the packages whose types mean something only where they are, though
// they have memory that could be copied.
var isLocal = map[string]bool{"sync": true, "sync/atomic": true, "unique": true, "weak": true, "hash/maphash": true}

func (c *compiler) fillByKind(into *coder, path string) error {
	switch t := into.typ; t.Kind() {
	case reflect.Bool:
		into.ops = []op{{kind: opCopy, size: t.Size(), bools: boolTest()}}
		return nil
	case reflect.String:
		into.ops = []op{{kind: opText, min: lengthBytes}}
		return nil
	case reflect.Struct:
		return c.fillStruct(into, path)
	case reflect.Array:
		return c.fillArray(into, path)
	case reflect.Slice:
		return c.fillSlice(into, path)
	case reflect.Pointer:
		return c.fillPointer(into, path)
	case reflect.Map:
		return c.fillMap(into, path)
	case reflect.Interface:
		return c.fillInterface(into, path)
	case reflect.Chan, reflect.Func:
		return c.refuse(path, "a %v cannot travel", t.Kind())
	case reflect.Uintptr, reflect.UnsafePointer:
		return c.refuse(path, "a %v is an address, which is nothing in another process; numbers travel as uint64", t)
	default: // numbers
		into.ops = []op{{kind: opCopy, size: t.Size()}}
		return nil
	}
}

// refuse returns the error for a type that cannot travel.
func (c *compiler) refuse(path, format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	if path == c.root.Name() || path == c.root.String() {
		return fmt.Errorf("codec: %v: %s", c.root, why)
	}
	return fmt.Errorf("codec: %v: %s: %s", c.root, path, why)
}

// fillStruct lets fields travel, exported or not. Blank ones do not, nor does
// padding: nobody wrote what is there.
func (c *compiler) fillStruct(into *coder, path string) error {
	for f := range into.typ.Fields() {
		if f.Name == "_" || f.Type.Size() == 0 {
			continue
		}
		field, err := c.coder(f.Type, path+"."+f.Name)
		if err != nil {
			return err
		}
		into.splice(field, f.Offset)
	}
	return nil
}

func (c *compiler) fillArray(into *coder, path string) error {
	t := into.typ
	elem, err := c.coder(t.Elem(), path+"[]")
	switch {
	case err != nil:
		return err
	case elem.flat:
		into.ops = []op{{
			kind:   opCopy,
			size:   t.Size(),
			bools:  repeated(elem.ops[0].bools, t.Len(), elem.size),
			checks: repeated(elem.ops[0].checks, t.Len(), elem.size),
		}}
	default:
		into.ops = []op{call(&arrayOf{t.Len(), elem}, t.Len()*elem.min)}
	}
	return nil
}

func (c *compiler) fillSlice(into *coder, path string) error {
	elem, err := c.element(into.typ.Elem(), path+"[]")
	if err != nil {
		return err
	}
	into.ops = []op{call(newSliceOf(into.typ, elem, hasPointers(into.typ.Elem())), lengthBytes)}
	return nil
}

func (c *compiler) fillPointer(into *coder, path string) error {
	elem, err := c.coder(into.typ.Elem(), path)
	if err != nil {
		return err
	}
	into.ops = []op{call(&pointerTo{elem}, pointerBytes)}
	return nil
}

func (c *compiler) fillMap(into *coder, path string) error {
	key, err := c.coder(into.typ.Key(), path+"[key]")
	if err != nil {
		return err
	}
	value, err := c.coder(into.typ.Elem(), path+"[]")
	if err != nil {
		return err
	}
	into.ops = []op{call(newMapOf(into.typ, key, value), lengthBytes)}
	return nil
}

func (c *compiler) fillInterface(into *coder, path string) error {
	types := c.registry.implementing(into.typ)
	if len(types) == 0 {
		return c.refuse(path, "no type that %v may hold is registered; see codec.Register", into.typ)
	}
	f := &interfaceOf{typ: into.typ, index: map[reflect.Type]int{}}
	for _, t := range types {
		dynamic, err := c.coder(t, path+".("+t.String()+")")
		if err != nil {
			return err
		}
		f.addCase(dynamic)
	}
	into.ops = []op{call(f, indexBytes)}
	return nil
}

// hasPointers reports whether values of a type hold pointers.
func hasPointers(t reflect.Type) bool {
	switch k := t.Kind(); {
	case k == reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case k == reflect.Struct:
		for f := range t.Fields() {
			if hasPointers(f.Type) {
				return true
			}
		}
		return false
	case k <= reflect.Complex128:
		return false
	}
	return true
}
