package timely

import (
	"fmt"
	"iter"
	"reflect"

	"github.com/timely-go/timely/internal/batch"
)

// FlatMap makes of each record a sequence of others, which may be long: it is
// paused in the middle when others should run. It is a stage; where several
// producers meet above it, it gets a queue of its own, as f is never entered while
// an earlier call of it is suspended.
func FlatMap[T Timestamp[T], D, E any](s Stream[T, D], f func(D) iter.Seq[E]) Stream[T, E] {
	s.mustBe("FlatMap")
	if s.by.several() {
		s = relayed(s, Pipeline, "FlatMap queue")
	}
	m := &flatMapper[T, D, E]{named: newNamed(s, "FlatMap"), f: f, pool: batch.Of[E](s.pools("FlatMap"))}
	s.scope.in.flow.Note(m.element, "to %v", reflect.TypeFor[E]())
	s.attach(m)
	return after(s, &m.out)
}

type flatMapper[T Timestamp[T], D, E any] struct {
	named
	f      func(D) iter.Seq[E]
	out    tee[T, E]
	pool   *batch.Pool[E]
	frames []*frame[T, E] // not in use
}

// frame is what one push is filling. It is not the stage's, as pushes may be
// suspended in the middle; and it is an object with its yield function made once,
// as the body of a range loop over an unknown sequence would be made anew, and
// escape, for each record.
type frame[T Timestamp[T], E any] struct {
	buf   []E // batch's records
	batch *batch.Batch[E]
	at    T
	want  int // records to ask room for
	live  bool
	named *named
	out   *tee[T, E]
	pool  *batch.Pool[E]
	yield func(E) bool
}

func (m *flatMapper[T, D, E]) push(at T, b *batch.Batch[D]) {
	var f *frame[T, E]
	if n := len(m.frames); n > 0 {
		f, m.frames = m.frames[n-1], m.frames[:n-1]
	} else {
		f = &frame[T, E]{named: &m.named, out: &m.out, pool: m.pool}
		f.yield = f.emit
	}
	m.enter()
	f.at, f.live, f.want = at, true, len(b.Records)
	for _, r := range b.Records {
		m.f(r)(f.yield)
	}
	b.Release()
	f.live = false
	f.ship()
	m.frames = append(m.frames, f)
}

func (f *frame[T, E]) emit(y E) bool {
	if len(f.buf) == cap(f.buf) {
		f.renew()
	}
	f.buf = append(f.buf, y)
	return true
}

// renew ships a full buffer and takes an empty one. This is the pause point.
func (f *frame[T, E]) renew() {
	if !f.live {
		panic(fmt.Errorf("timely: %v: a sequence called yield after it had returned", f.named.element))
	}
	if n := len(f.buf); n > 0 {
		f.want = f.pool.Larger(cap(f.buf))
		f.ship()
		f.named.enter()
		f.named.engine.PausePoint(n)
	}
	f.batch = f.pool.Get(f.want)
	f.buf = f.batch.Records
}

func (f *frame[T, E]) ship() {
	if b := f.batch; b != nil {
		b.Records = f.buf
		f.batch, f.buf = nil, nil
		f.out.pushSome(f.at, b)
	}
}
