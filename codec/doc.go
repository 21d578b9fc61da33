// Package codec is how a record becomes bytes. What becomes of a type is decided
// once, when a dataflow is built; after that there are only batches:
//
//	c, err := codec.For[Order]()        // compiles the type, or names the field that cannot travel
//	wire, err = c.Append(wire, orders)  // a batch to bytes
//	orders, err = c.Decode(wire, nil)   // and back
//
// # What travels
//
// A record is the program's own, so all of its fields travel, exported or not, as
// they do between two workers of a process. In order of preference:
//
//   - A type with functions from [RegisterFunc] travels by these.
//   - A type that has, or whose pointer has, AppendBinary or MarshalBinary and
//     UnmarshalBinary travels by them, as time.Time does. Methods that a struct
//     has only from an embedded field do not count: they know nothing of its other
//     fields.
//   - Numbers, bools, and arrays and structs of them travel as their memory.
//   - Strings, slices, arrays, maps, pointers and structs travel by what is in
//     them. A nil slice or map stays nil, an empty one empty.
//   - An interface travels with its value's type, if that is a bool, a string, a
//     number, or was told to [Register].
//
// Chan, func, uintptr and unsafe.Pointer do not travel, nor do the types of sync,
// sync/atomic, unique, weak and hash/maphash: they mean something in one process
// only. (A uintptr is an address; for a number there is uint64.) To ask for a codec
// for a type that contains one of them is an error, unless its own functions hide it.
//
// Pointers travel as what they point to. What two of them share arrives twice, and a
// cycle is an error, as is a record that lies in itself more than 1,000 deep:
// a long list travels as a slice. What has no size travels as nothing, whatever
// methods it has. Text methods and those of encoding/gob are not looked at.
//
// # In place
//
// If a type has neither pointers nor padding, a batch's bytes are its memory: Bytes
// sends it without a copy, and View reads it where it arrived, once it has looked at
// length, alignment and bools. See [Codec.InPlace].
//
// Padding holds whatever was in memory before, perhaps a secret, and so may blank
// fields, which a program cannot write to. They are never sent, and arrive
// as zeros: a type that has them is copied, field after field. To have it in place,
// sort the fields by size, largest first, and give names to what fills up.
//
// # What is guaranteed
//
// A codec never changes, and any number of goroutines may use it. Append into a
// buffer with room allocates nothing, but for what MarshalBinary does.
//
// Bytes may come from anywhere: Decode and View return an error for those that are
// not a batch, and trailing ones are as wrong as missing ones. They never panic,
// take time in proportion to the bytes, and allocate at most eight times as much,
// and a megabyte: every length is compared with what is left before anything is
// allocated, and no byte vouches for two lengths. (So lengths are four bytes, and
// zeros follow that of a small map.) A bool is 0 or 1, and a type with a
// [RegisterCheck] is valid. All this is true as far as no function of the program
// is called: one that panics for bad bytes panics here.
//
// A record has one form in bytes, but for the order of a map's entries and what
// its own functions choose.
//
// # What is asked
//
//   - Registrations are the same in all processes, and are made before the
//     dataflow is built.
//   - Bytes go only to a codec with the same [Codec.Hash]. It covers names, types,
//     offsets, what is registered, byte order and word size, but not what a
//     type's own functions do.
//   - Nothing changes what is being sent, nor what [Codec.View] looks at.
//   - UnmarshalBinary and registered functions copy what they keep.
//
// # How it works
//
// A type is compiled to a coder: a list of copies of memory, strings, and calls of
// parts, which are slices, maps, pointers and so on. Fields that lie side by side
// are one copy. Only maps, interfaces and users' methods need reflect for each value.
//
// On the wire a batch in place is its memory; any other is its length, then its
// records. Lengths are four bytes, little-endian, all ones for nil.
// A pointer is two bytes, 1 0 or 0 0, then what it points to. An interface is the
// four-byte number of its type among the registered ones, by name, then the value;
// 0 is nil. What a type's own functions write has its length in front.
//
// # Files
//
//	codec.go       For, Codec: batches to bytes and back
//	inplace.go     Bytes, View: records in place
//	register.go    Register, RegisterFunc, RegisterCheck
//	layout.go      Hash, Layout: what two processes compare
//	compile.go     from a type to a coder, or to the field that cannot travel
//	coder.go       coder: a type's program, and how it is run
//	parts.go       slices, arrays, pointers; values inside themselves
//	maps.go        maps, and what they take in memory
//	interfaces.go  interfaces
//	own.go         types with functions of their own
//	check.go       what must hold for memory to be a value
//	wire.go        lengths and zeros
//	memory.go      all that is unsafe
package codec
