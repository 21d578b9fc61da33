// Package batch lends, counts and recycles buffers of records.
//
// A batch is records that share a time; it is what moves between operators. A
// push moves one reference to it: who is handed a batch owns a reference, and
// ends it by passing it on or by Release. Who holds the only reference may change
// the records in place; who shares a batch may only read it. So nothing is copied
// because a stream has several readers.
//
// A buffer belongs to the worker that filled it. The last Release brings it back
// to that worker's pool, also when it happens at another worker: then it comes
// home through a list that any goroutine may push to. So a steady dataflow
// allocates nothing, even one that only ever sends in one direction.
//
// Buffers come in a few capacities, so that a lone record does not hold a page:
// 16, 128, 1024 … records, and at most 8 KiB. Pools are bounded in bytes; what
// does not fit is left to the garbage collector. Buffers of types that carry
// pointers are cleared when they return, so that a pool keeps nothing alive.
//
// With poisoning on (always under the race detector) a returned buffer is
// overwritten and never used again: whoever kept it without asking finds out.
//
//	batch.go   Batch: references, sharing
//	pool.go    Pool: one record type of one worker; Pools: all of a worker
//	poison.go  what becomes of returned buffers in tests; race.go, norace.go: when always
package batch
