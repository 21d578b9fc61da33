package tcp

import "sync"

// Message is what is to be sent. Its payload is Head and then Body; both are lent to the mesh
// until Owner is released.
type Message struct {
	Kind       Kind // Data to Plan
	Channel    uint32
	From, To   uint32 // workers, counted through all processes
	Head, Body []byte
	Owner      Owner // may be nil
}

// Owner is who lent a message's bytes. Release is called once, when they were
// written, or never will be; by any goroutine, so it must be quick and not block.
type Owner interface{ Release() }

func (m *Message) size() int { return len(m.Head) + len(m.Body) }

func (m *Message) release() {
	if m.Owner != nil {
		m.Owner.Release()
	}
}

// outbox is what waits to be written to one process. The writer takes; anybody puts.
type outbox struct {
	wake chan struct{} // holds one token: there is something to look at

	mu     sync.Mutex
	queues [lanes]queue
	pull   bool // the layer above has progress to be pulled
	bytes  int  // of messages that wait, or are being written
	bye    bool // nothing is put any more; when all is written, bye is
	abort  []byte
	shut   bool // nothing is put or taken any more
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

const (
	muchBytes  = 64 << 10 // wake the writer without a flush
	flushBytes = 16 << 10 // and no more are written by who flushes
)

// put adds a message, or reports that it comes too late.
func (o *outbox) put(m Message) (ok bool) {
	o.mu.Lock()
	if o.shut || o.bye {
		o.mu.Unlock()
		return false
	}
	o.queues[m.Kind.lane()].push(m)
	before := o.bytes
	o.bytes += m.size() + headerSize
	much := before/muchBytes != o.bytes/muchBytes
	o.mu.Unlock()
	if much {
		o.signal()
	}
	return true
}

// much reports whether there is more than who flushes should write.
func (o *outbox) much() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes > flushBytes
}

// waits reports whether anything does.
func (o *outbox) waits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pull || o.queues[controlLane].len()+o.queues[dataLane].len() > 0
}

// ready asks for a pull.
func (o *outbox) ready() {
	o.mu.Lock()
	o.pull = !o.bye && !o.shut
	o.mu.Unlock()
}

// wanted reports whether a pull was asked for, and forgets it.
func (o *outbox) wanted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := o.pull
	o.pull = false
	return was
}

// sayBye lets bye be written after all that is there.
func (o *outbox) sayBye() {
	o.mu.Lock()
	o.bye = true
	o.mu.Unlock()
	o.signal()
}

// fail drops everything, and lets the reason be written instead.
func (o *outbox) fail(reason []byte) {
	o.mu.Lock()
	dropped := o.empty()
	o.abort, o.shut = reason, true
	o.mu.Unlock()
	for i := range dropped {
		dropped[i].release()
	}
	o.signal()
}

// close drops everything.
func (o *outbox) close() {
	o.mu.Lock()
	dropped := o.empty()
	o.shut = true
	o.mu.Unlock()
	for i := range dropped {
		dropped[i].release()
	}
}

// written notes that so many bytes wait no more.
func (o *outbox) written(bytes int) {
	o.mu.Lock()
	o.bytes -= bytes
	o.mu.Unlock()
}

func (o *outbox) empty() (dropped []Message) {
	for lane := range o.queues {
		for o.queues[lane].len() > 0 {
			dropped = append(dropped, o.queues[lane].pop())
		}
	}
	for i := range dropped {
		o.bytes -= dropped[i].size() + headerSize
	}
	o.pull = false
	return dropped
}

// queue is messages in order.
type queue struct {
	messages []Message // messages[:head] are gone
	head     int
}

func (q *queue) len() int { return len(q.messages) - q.head }

func (q *queue) push(m Message) {
	if q.head > 64 && q.head > len(q.messages)/2 { // half of it is gone
		n := copy(q.messages, q.messages[q.head:])
		clear(q.messages[n:])
		q.messages, q.head = q.messages[:n], 0
	}
	q.messages = append(q.messages, m)
}

func (q *queue) pop() Message {
	m := q.messages[q.head]
	q.messages[q.head] = Message{}
	q.head++
	if q.head == len(q.messages) {
		q.messages, q.head = q.messages[:0], 0
	}
	return m
}
