package timely

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"

	"github.com/timely-go/timely/codec"
	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/comm/tcp"
	"github.com/timely-go/timely/internal/engine"
)

// wire is how the batches of an exchange cross processes. A message is
//
//	4  what the batch counts for, in bytes
//	4  1 if it came round a loop
//	4  length of the time
//	4  0
//	   the time, padded with zeros to a multiple of 8 bytes
//	   the records
//
// Records without pointers and padding are sent from where they are; others are
// written to a buffer by the sending worker.
type wire[T Timestamp[T], D any] struct {
	element *engine.Element
	times   *codec.Codec[T]
	records *codec.Codec[D]
	counted uint32 // what the last message counts for, in bytes
	time    [1]T   // scratch
	heads   []byte // of which heads are cut
}

const (
	wireHead  = 16      // bytes before the time
	headBytes = 4 << 10 // that are allocated at once
)

// newWire returns how the records of an exchange travel, or panics: they cannot.
func newWire[T Timestamp[T], D any](e *engine.Element) *wire[T, D] {
	times, err := codec.For[T]()
	if err != nil {
		panic(callsite.Errorf(e.Site, "%s: times of type %v cannot be sent to other processes: %w", e.Name, reflect.TypeFor[T](), err))
	}
	records, err := codec.For[D]()
	if err != nil {
		panic(callsite.Errorf(e.Site, "%s: records of type %v cannot be sent to other processes: %w; give the type MarshalBinary and UnmarshalBinary, or tell codec.Register", e.Name, reflect.TypeFor[D](), err))
	}
	return &wire[T, D]{element: e, times: times, records: records}
}

// layout identifies how times and records lie in memory, for the processes to compare.
func (w *wire[T, D]) layout() uint64 { return w.times.Hash()*31 + w.records.Hash() }

// Encode implements cluster.Wire. What records point to waits as bytes until it is
// written, so it counts.
func (w *wire[T, D]) Encode(e entry[T, D]) (head, body []byte, owner tcp.Owner) {
	if w.records.InPlace() {
		w.counted = e.held
		return w.head(e), w.records.Bytes(e.batch.Records), e.batch
	}
	b := buffers.Get().(*buffer)
	var err error
	b.bytes, err = w.records.Append(b.bytes[:0], e.batch.Records)
	if err != nil {
		panic(callsite.Errorf(w.element.Site, "%s sends to another process: %w", w.element.Name, err))
	}
	e.batch.Release()
	e.held = max(e.held, uint32(min(uint64(len(b.bytes)), math.MaxUint32)))
	w.counted = e.held
	return w.head(e), b.bytes, b
}

// head writes what comes before the records.
func (w *wire[T, D]) head(e entry[T, D]) []byte {
	if cap(w.heads)-len(w.heads) < wireHead+64 {
		w.heads = make([]byte, 0, headBytes)
	}
	start := len(w.heads)
	h := binary.LittleEndian.AppendUint32(w.heads, e.held)
	fed := uint32(0)
	if e.by == engine.FedBack {
		fed = 1
	}
	h = binary.LittleEndian.AppendUint32(h, fed)
	h = binary.LittleEndian.AppendUint64(h, 0)
	w.time[0] = e.time
	h, err := w.times.Append(h, w.time[:])
	if err != nil {
		panic(callsite.Errorf(w.element.Site, "%s sends the time %v to another process: %w", w.element.Name, e.time, err))
	}
	n := len(h) - start - wireHead
	binary.LittleEndian.PutUint32(h[start+8:], uint32(n))
	h = append(h, make([]byte, padded(n)-n)...)
	w.heads = h
	return h[start:len(h):len(h)]
}

// padded returns the least multiple of 8 that is not less than n.
func padded(n int) int { return (n + 7) &^ 7 }

var errShortMessage = errors.New("the message is too short")

// Decoder implements cluster.Wire.
func (w *wire[T, D]) Decoder(pools *batch.Pools) func(from int, bytes []byte, take func(entry[T, D])) error {
	d := &decoder[T, D]{w, batch.Of[D](pools), nil}
	return func(from int, bytes []byte, take func(entry[T, D])) error {
		if err := d.decode(from, bytes, take); err != nil {
			return fmt.Errorf("worker %d sent to %v what cannot be decoded as %v: %w", from, w.element, reflect.TypeFor[D](), err)
		}
		return nil
	}
}

// decoder makes batches of what one process sends.
type decoder[T Timestamp[T], D any] struct {
	wire  *wire[T, D]
	pool  *batch.Pool[D]
	times []T // scratch
}

func (d *decoder[T, D]) decode(from int, bytes []byte, take func(entry[T, D])) (err error) {
	if len(bytes) < wireHead {
		return errShortMessage
	}
	held, fed, n := binary.LittleEndian.Uint32(bytes), binary.LittleEndian.Uint32(bytes[4:]), binary.LittleEndian.Uint32(bytes[8:])
	rest := bytes[wireHead:]
	if uint64(n) > uint64(len(rest)) || padded(int(n)) > len(rest) {
		return errShortMessage
	}
	if d.times, err = d.wire.times.Decode(rest[:n], d.times[:0]); err != nil {
		return err
	}
	if len(d.times) != 1 || fed > 1 {
		return errors.New("it does not say of which time it is")
	}
	by := int32(from)
	if fed == 1 {
		by = engine.FedBack
	}
	bytes = rest[padded(int(n)):]
	records, err := d.wire.records.Count(bytes)
	if err != nil {
		return err
	}
	b := roomFor(d.pool, records)
	if b.Records, err = d.wire.records.Decode(bytes, b.Records); err != nil {
		b.Release()
		return err
	}
	b.SendAway()
	take(entry[T, D]{d.times[0], b, held, by})
	return nil
}

// buffer is bytes on their way to another process.
type buffer struct{ bytes []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// keptBuffer is the most that a buffer keeps for later, in bytes.
const keptBuffer = 1 << 20

// Release implements tcp.Owner.
func (b *buffer) Release() {
	if cap(b.bytes) <= keptBuffer {
		buffers.Put(b)
	}
}
