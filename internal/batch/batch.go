package batch

import "sync/atomic"

// Batch is records with a count of references. Who shortens Records clears what it
// cuts off, if records carry pointers.
type Batch[D any] struct {
	Records []D

	refs   int32 // references; plain, unless shared
	shared bool  // several workers may hold references, so they are counted atomically
	away   bool  // another worker than the pool's has it
	class  int8  // of the buffer's capacity
	pool   *Pool[D]
	next   *Batch[D] // on the pool's list of those that came home
}

// Exclusive reports whether the holder has the only reference, and so may change
// the records in place.
func (b *Batch[D]) Exclusive() bool {
	if b.shared {
		return atomic.LoadInt32(&b.refs) == 1
	}
	return b.refs == 1
}

// Share adds n references.
func (b *Batch[D]) Share(n int) {
	if b.shared {
		atomic.AddInt32(&b.refs, int32(n))
	} else {
		b.refs += int32(n)
	}
}

// Release ends one reference. The last one returns the buffer to its pool.
func (b *Batch[D]) Release() {
	var left int32
	if b.shared {
		left = atomic.AddInt32(&b.refs, -1)
	} else {
		b.refs--
		left = b.refs
	}
	switch {
	case left > 0:
	case left < 0:
		panic("batch: released more often than it was shared")
	case b.away:
		b.pool.comeHome(b)
	default:
		b.pool.put(b)
	}
}

// SendAway says that the reference now goes to another worker, who will be the
// only one to hold the batch. It must be the only reference.
func (b *Batch[D]) SendAway() { b.away = true }

// ShareAway turns the caller's reference into n, which now go to n workers.
func (b *Batch[D]) ShareAway(n int) {
	if !b.shared { // else others read the marks now
		b.away, b.shared = true, true
	}
	atomic.AddInt32(&b.refs, int32(n-1))
}

// Held returns the bytes that the batch keeps from other use: its buffer's
// capacity and the batch itself, not what records point to.
func (b *Batch[D]) Held() int { return cap(b.Records)*b.pool.recordSize + overhead }

// overhead is what a batch counts for beside its buffer, in bytes.
const overhead = 64
