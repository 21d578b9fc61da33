package tcp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Mesh is one process's connections to all others. Its methods may be called from
// any goroutine.
type Mesh struct {
	config   Config
	began    time.Time
	listener net.Listener
	places   atomic.Int32       // see eager
	cancel   context.CancelFunc // of all that dials and greets
	all      sync.WaitGroup     // every goroutine of the mesh

	mu    sync.Mutex
	links []*link // by process; its own is nil. Not changed after Join, or once over
	err   error   // the first failure
	over  bool    // done is closed
	done  chan struct{}

	starting sync.Once
	started  chan struct{} // closed by Start
	receive  func(Frame)
	pull     func(peer int, into []byte) []byte
}

func newMesh(c Config) *Mesh {
	m := &Mesh{
		config:  c,
		began:   time.Now(),
		links:   make([]*link, len(c.Hosts)),
		done:    make(chan struct{}),
		started: make(chan struct{}),
	}
	m.places.Store(c.places())
	return m
}

// Processes returns how many there are, and Index which of them this is.
func (m *Mesh) Processes() int { return len(m.config.Hosts) }

// Index returns which of the processes this is.
func (m *Mesh) Index() int { return m.config.Index }

// Start says who takes what arrives, and is called once, soon: until then nothing is
// taken from the connections. receive is called by one goroutine for each peer, with
// frames of kinds Data to Plan; it must not block, and sees to their Release. pull is
// called by the writer of a peer that is Ready, and appends what is to be sent to
// it as one message of kind Progress; nothing is sent if it appends nothing.
func (m *Mesh) Start(receive func(Frame), pull func(peer int, into []byte) []byte) {
	m.starting.Do(func() {
		m.receive, m.pull = receive, pull
		close(m.started)
		for _, l := range m.links {
			if l != nil {
				l.out.signal()
			}
		}
	})
}

// Send puts a message where it waits for the next Flush, or until much waits. It never
// blocks, and does not fail: if the mesh has, the message is dropped. It panics if there is
// no such worker to send from or to.
func (m *Mesh) Send(peer int, message Message) {
	switch size := message.size(); {
	case message.Kind < Data || message.Kind > lastUser:
		panic(fmt.Sprintf("comm/tcp: message of %v", message.Kind))
	case peer == m.config.Index || !m.owns(m.config.Index, message.From) || !m.owns(peer, message.To):
		panic(fmt.Sprintf("comm/tcp: message from worker %d, to worker %d of process %d", message.From, message.To, peer))
	case size > m.config.MaxMessage:
		message.release()
		m.Abort(fmt.Errorf("comm/tcp: a message of %d bytes from worker %d to worker %d; at most %d", size, message.From, message.To, m.config.MaxMessage))
	case !m.links[peer].out.put(message):
		message.release()
	}
}

// owns reports whether the worker is one of the process's.
func (m *Mesh) owns(process int, worker uint32) bool {
	return int64(worker)/int64(m.config.Workers) == int64(process)
}

// Ready says that there is something to pull for the peer, with the next Flush.
func (m *Mesh) Ready(peer int) { m.links[peer].out.ready() }

// Flush has what waits for the peer written now: by the caller itself if it is little and
// nobody else is writing, which is fastest, so this is where pull is called and owners are
// released. It never blocks. What nobody flushes is written within a Heartbeat.
func (m *Mesh) Flush(peer int) { m.links[peer].writer.flush() }

// Queued returns how many bytes wait to be written to the peer.
func (m *Mesh) Queued(peer int) int {
	o := m.links[peer].out
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// Done is closed when the mesh has failed or is closed.
func (m *Mesh) Done() <-chan struct{} { return m.done }

// Err returns the first failure: a [PeerError], an [AbortError], or what Abort was
// called with.
func (m *Mesh) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Abort makes the mesh fail, unless it has failed already. What waits is dropped, and
// all peers are told the cause, if they listen within a tenth of a second. It
// returns at once; Close waits.
func (m *Mesh) Abort(cause error) { m.fail(cause) }

func (m *Mesh) fail(cause error) {
	m.mu.Lock()
	if m.over {
		m.mu.Unlock()
		return
	}
	m.err = cause
	m.finishLocked()
	links := m.links
	reason := m.reason(cause)
	m.mu.Unlock()
	for _, l := range links {
		if l != nil {
			l.fail(reason)
		}
	}
}

func (m *Mesh) finishLocked() {
	m.over = true
	close(m.done)
	m.cancel()
}

func (m *Mesh) isStarted() bool {
	select {
	case <-m.started:
		return true
	default:
		return false
	}
}

func (m *Mesh) isOver() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

const maxReason = 16 << 10 // bytes

// reason is the payload of the abort that passes a failure on.
func (m *Mesh) reason(cause error) []byte {
	origin, text := m.config.Index, strings.TrimPrefix(cause.Error(), "comm/tcp: ")
	if told := (*AbortError)(nil); errors.As(cause, &told) {
		origin, text = told.Origin, told.Cause
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(origin))
	return append(b, text[:min(len(text), maxReason)]...)
}

// told is a failure that another process passed on.
func (m *Mesh) told(peer int, reason []byte) error {
	if len(reason) < 4 {
		return &AbortError{Origin: peer, Cause: "it did not say why"}
	}
	origin := binary.LittleEndian.Uint32(reason)
	if int64(origin) >= int64(len(m.config.Hosts)) {
		origin = uint32(peer)
	}
	return &AbortError{Origin: int(origin), Cause: strings.ToValidUTF8(string(reason[4:]), "?")}
}

// Close ends the mesh in order: what was sent is written, and when all others have
// closed theirs, too, it returns nil; frames arrive until then. If the mesh has failed, or
// fails meanwhile, Close returns the failure. All goroutines have ended when it returns, so
// receive does not call it. Without a Start what arrives is dropped.
func (m *Mesh) Close() error {
	m.Start(Frame.Release, func(_ int, into []byte) []byte { return into })
	links := m.links
	for _, l := range links {
		if l != nil {
			l.out.sayBye()
		}
	}
	for _, l := range links {
		if l != nil {
			<-l.ended
		}
	}
	return m.end()
}

// end stops what is not a connection, and waits for everything.
func (m *Mesh) end() error {
	m.mu.Lock()
	if !m.over {
		m.finishLocked()
	}
	m.mu.Unlock()
	if m.listener != nil {
		m.listener.Close()
	}
	m.all.Wait()
	return m.Err()
}
