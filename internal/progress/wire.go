package progress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/timely-go/timely/codec"
	"github.com/timely-go/timely/order"
)

// A message as bytes is how many messages it is the sum of, then its parts. A part
// is how many changes it has; then their times, as batches of runLength, each with
// its length in front; then a location and a delta for each. Numbers are varints, and
// a location is told by how far it is from the one before.
//
// Times come in runs so that what they are decoded to, before they lie among the
// changes, is small. And they come first: their bytes show whether there can be as
// many changes as the part says, before room is made for them.

const (
	runLength = 64
	pairBytes = 2 // that a location and a delta take, at least
)

// wire is what Changes need to travel.
type wire[T order.Timestamp[T]] struct {
	ports int             // of the tracker: what is read speaks of no others
	times *codec.Codec[T] // nil until something was sent or read
	run   []T             // scratch
	came  int             // so many changes, the last of the list, were read but not accepted; 0 outside Decode
}

var (
	errShort    = errors.New("the bytes end in the middle of a message")
	errNumber   = errors.New("a number that is too large")
	errCount    = errors.New("more changes than the bytes can hold")
	errRun      = errors.New("times for more changes, or fewer, than there are")
	errZero     = errors.New("a change by zero")
	errLocation = errors.New("a location that the scope does not have")
)

// Append appends the message to dst. With an error, which says what cannot be sent
// and why, it returns dst as it was. The message says the same afterwards, but may
// lie otherwise in memory.
func (m *Message) Append(dst []byte) ([]byte, error) {
	out := binary.AppendUvarint(dst, uint64(m.Sent))
	for i, p := range m.Parts {
		var err error
		if out, err = p.append(out); err != nil {
			return dst, fmt.Errorf("progress: level %d: %w", i, err)
		}
	}
	return out, nil
}

// Decode adds what the bytes of one message say, as Merge would, to a message for
// the same dataflow that NewMessage has returned. With an error the message says
// what it did before.
//
// The bytes may come from anywhere: as far as no function of the time types is
// called, Decode does not panic, and it allocates at most eight times as much, a
// megabyte, and what it takes to move what the message says already. (Times that
// are mostly blank fields may take more.) Whether what the bytes say is true, it
// cannot know.
func (m *Message) Decode(src []byte) error {
	defer m.drop()
	sent, rest, err := readNumber(src)
	if err == nil && sent > uint64(math.MaxInt-m.Sent) {
		err = errNumber
	}
	if err != nil {
		return fmt.Errorf("progress: number of messages: %w", err)
	}
	for i, p := range m.Parts {
		if rest, err = p.read(rest); err != nil {
			return fmt.Errorf("progress: level %d: at byte %d of %d: %w", i, len(src)-len(rest), len(src), err)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("progress: %d bytes after the last level", len(rest))
	}
	m.Sent += int(sent)
	for _, p := range m.Parts {
		p.accept()
	}
	return nil
}

// drop forgets what was read and not accepted.
func (m *Message) drop() {
	for _, p := range m.Parts {
		p.drop()
	}
}

// CheckWire implements Level.
func (k *Tracker[T]) CheckWire() error {
	_, err := codec.For[T]()
	return err
}

// compile finds the codec, at the first call.
func (w *wire[T]) compile() (err error) {
	if w.times == nil {
		w.times, err = codec.For[T]()
	}
	return err
}

// append implements Part.
func (c *Changes[T]) append(dst []byte) ([]byte, error) {
	list := c.List()
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	if len(list) == 0 {
		return dst, nil
	}
	if err := c.wire.compile(); err != nil {
		return dst, err
	}
	for run := range slices.Chunk(list, runLength) {
		var err error
		if dst, err = c.wire.appendTimes(dst, run); err != nil {
			return dst, err
		}
	}
	last := Location(0)
	for i := range list {
		dst = binary.AppendVarint(dst, int64(list[i].At)-int64(last))
		dst = binary.AppendVarint(dst, list[i].Delta)
		last = list[i].At
	}
	return dst, nil
}

// appendTimes appends the times of a run.
func (w *wire[T]) appendTimes(dst []byte, run []Change[T]) ([]byte, error) {
	w.run = w.run[:0]
	for i := range run {
		w.run = append(w.run, run[i].Time)
	}
	start := len(dst)
	dst, err := w.times.Append(dst, w.run)
	if err != nil {
		return dst, err
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(dst)-start))
	return slices.Insert(dst, start, length[:n]...), nil
}

// read implements Part.
func (c *Changes[T]) read(src []byte) (rest []byte, err error) {
	number, rest, err := readNumber(src)
	if err != nil || number == 0 {
		return rest, err
	}
	if number > uint64(len(rest)/pairBytes) {
		return src, errCount
	}
	if err := c.wire.compile(); err != nil {
		return src, err
	}
	n := int(number)
	pairs, err := c.wire.pass(rest, n)
	switch {
	case err != nil:
		return pairs, err
	case n > len(pairs)/pairBytes:
		return pairs, errCount
	}
	c.list = slices.Grow(c.list, n)[:len(c.list)+n]
	c.wire.came = n
	came := c.list[len(c.list)-n:]
	if rest, err = c.wire.readTimes(rest, came); err != nil {
		return rest, err
	}
	return c.wire.readPairs(rest, came)
}

// pass returns what follows the times of n changes, of which it only sees that
// their bytes can be so many.
func (w *wire[T]) pass(src []byte, n int) (rest []byte, err error) {
	for n > 0 {
		batch, rest, err := readBatch(src)
		if err != nil {
			return src, err
		}
		times, err := w.times.Count(batch)
		switch {
		case err != nil:
			return src, err
		case times != min(n, runLength):
			return src, errRun
		}
		src, n = rest, n-times
	}
	return src, nil
}

// readTimes reads the times of changes, which pass has seen.
func (w *wire[T]) readTimes(src []byte, into []Change[T]) (rest []byte, err error) {
	for run := range slices.Chunk(into, runLength) {
		batch, rest, err := readBatch(src)
		if err != nil {
			return src, err
		}
		if w.run, err = w.times.Decode(batch, w.run[:0]); err != nil {
			return src, err
		}
		for i, t := range w.run {
			run[i].Time = t
		}
		src = rest
	}
	return src, nil
}

// readPairs reads the locations and deltas of changes.
func (w *wire[T]) readPairs(src []byte, into []Change[T]) (rest []byte, err error) {
	last := int64(0)
	for i := range into {
		step, rest, err := readSigned(src)
		if err != nil {
			return src, err
		}
		if last += step; last < 0 || last >= int64(w.ports) { // also if it overflows
			return src, errLocation
		}
		delta, rest, err := readSigned(rest)
		switch {
		case err != nil:
			return src, err
		case delta == 0:
			return src, errZero
		}
		into[i].At, into[i].Delta = Location(last), delta
		src = rest
	}
	return src, nil
}

// accept implements Part. The changes that came are noted one after the other, in
// the memory where they lie: the list never gets ahead of what is read from it.
func (c *Changes[T]) accept() {
	old := len(c.list) - c.wire.came
	came := c.list[old:]
	c.list, c.wire.came = c.list[:old], 0
	c.add(came)
}

// drop implements Part.
func (c *Changes[T]) drop() {
	old := len(c.list) - c.wire.came
	clear(c.list[old:])
	c.list, c.wire.came = c.list[:old], 0
}

// readBatch reads bytes that have their length in front.
func readBatch(src []byte) (batch, rest []byte, err error) {
	n, rest, err := readNumber(src)
	switch {
	case err != nil:
		return nil, src, err
	case n > uint64(len(rest)):
		return nil, src, errShort
	}
	return rest[:n:n], rest[n:], nil
}

func readNumber(src []byte) (x uint64, rest []byte, err error) {
	x, n := binary.Uvarint(src)
	return x, src[max(n, 0):], wrongNumber(n)
}

func readSigned(src []byte) (x int64, rest []byte, err error) {
	x, n := binary.Varint(src)
	return x, src[max(n, 0):], wrongNumber(n)
}

// wrongNumber returns the error for a varint that binary says takes n bytes.
func wrongNumber(n int) error {
	switch {
	case n == 0:
		return errShort
	case n < 0:
		return errNumber
	}
	return nil
}
