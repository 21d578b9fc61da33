package progress

import (
	"fmt"

	"github.com/timely-go/timely/order"
)

// Level is the tracker of one scope, whatever its time. A dataflow settles its
// levels together: what was received and what was done here is applied at all of
// them, from the innermost to the outermost; then frontiers are propagated from
// the outermost to the innermost.
type Level interface {
	Own() Part            // what this worker's operators did since the last Apply; lent until then
	Accept(part Part)     // applies what others did
	Apply()               // applies Own, and tells the parent what the scope holds at its outputs
	Propagate()           // turns counts into frontiers, with those that the parent has at the scope's inputs
	NewPart() Part        // an empty part for a message
	newMessage() *Message // an empty message that has such a part, and no other
	CheckWire() error     // the error says why the scope's times cannot be sent to other processes
	Pointstamps() int     // how many pointstamps are counted: none means that the scope is complete
	Describe(Describer)   // tells each counted pointstamp in words

	twin(twins map[any]any) Level // a copy that has been told nothing; twins has those of trackers, by tracker
	auditor() auditor             // see View
}

// Describer is told of a count at a location.
type Describer func(at Location, time string, n int64)

// Part is what one message says of one level.
type Part interface {
	Merge(from Part) // adds the changes of from, which is of the same level
	Empty() bool     // nothing is said
	Len() int        // how many changes there are
	Reset()

	append(dst []byte) ([]byte, error)        // appends the changes
	read(src []byte) (rest []byte, err error) // reads what append has appended, to be accepted or dropped
	accept()                                  // adds what was read
	drop()                                    // forgets what was read and not accepted
}

// Message is what one or several workers did in a dataflow, in all its scopes:
// the atom of the protocol. Whole messages may be merged; parts of one may not
// be applied at different times.
type Message struct {
	Parts []Part // by level
	Sent  int    // how many messages it is the sum of
}

// letter is a message with its outermost part. Both, and the few changes that most
// messages have, are next to each other in memory: another worker has written them, and
// each line of the cache that they are on has to come from its core.
type letter[T order.Timestamp[T]] struct {
	Message
	part Changes[T]
}

// NewMessage returns an empty message for a dataflow with these levels, at least one.
func NewMessage(levels []Level) *Message {
	m := levels[0].newMessage()
	for _, l := range levels[1:] {
		m.Parts = append(m.Parts, l.NewPart())
	}
	return m
}

// OwnMessage returns the message that is always what this worker did since the
// last Apply at these levels. It must be merged into others before that.
func OwnMessage(levels []Level) *Message {
	m := &Message{Sent: 1}
	for _, l := range levels {
		m.Parts = append(m.Parts, l.Own())
	}
	return m
}

// Merge adds all that from says.
func (m *Message) Merge(from *Message) {
	m.Sent += from.Sent
	for i, p := range from.Parts {
		m.Parts[i].Merge(p)
	}
}

// Empty reports whether nothing is said.
func (m *Message) Empty() bool {
	for _, p := range m.Parts {
		if !p.Empty() {
			return false
		}
	}
	return true
}

// Len returns how many changes it has.
func (m *Message) Len() (n int) {
	for _, p := range m.Parts {
		n += p.Len()
	}
	return n
}

// Reset forgets all that is said.
func (m *Message) Reset() {
	m.Sent = 0
	for _, p := range m.Parts {
		p.Reset()
	}
}

// Settle applies and propagates at all levels, which are in the order in which
// they were made: parents before what is inside them.
func Settle(levels []Level) {
	for i := len(levels) - 1; i >= 0; i-- {
		levels[i].Apply()
	}
	for _, l := range levels {
		l.Propagate()
	}
}

// Merge implements Part.
func (c *Changes[T]) Merge(from Part) { c.add(from.(*Changes[T]).list) }

// Root is the outermost level.
type Root[T order.Timestamp[T]] struct{ *Tracker[T] }

// Apply implements Level.
func (r Root[T]) Apply() { r.applyOwn() }

// Propagate implements Level.
func (r Root[T]) Propagate() { r.propagate() }

// Own implements Level.
func (k *Tracker[T]) Own() Part { return &k.own }

// Accept implements Level.
func (k *Tracker[T]) Accept(part Part) {
	if c := part.(*Changes[T]); !c.Empty() {
		k.apply(c.List())
		k.touch()
	}
}

// NewPart implements Level.
func (k *Tracker[T]) NewPart() Part { return k.init(&Changes[T]{}) }

func (k *Tracker[T]) newMessage() *Message {
	l := &letter[T]{}
	l.Parts = []Part{k.init(&l.part)}
	return &l.Message
}

// init makes zero changes a part of a message.
func (k *Tracker[T]) init(c *Changes[T]) Part {
	c.list, c.wire.ports = c.few[:0], len(k.ports)
	return c
}

// Pointstamps implements Level.
func (k *Tracker[T]) Pointstamps() int { return k.live }

// Describe implements Level.
func (k *Tracker[T]) Describe(tell Describer) {
	k.Points(func(at Location, t T, n int64) bool {
		tell(at, fmt.Sprint(t), n)
		return true
	})
}
