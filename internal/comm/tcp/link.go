package tcp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// abortFor is how long a failing process tries to tell the others.
const abortFor = 100 * time.Millisecond

// link is the connection to one process, with a goroutine that reads and one that writes.
type link struct {
	mesh   *Mesh
	peer   int
	conn   net.Conn // what is written
	in     net.Conn // what is read: conn, but that a reader looks before it waits
	socket net.Conn // what conn goes through
	sealed bool     // by TLS, which checks every byte
	out    *outbox
	writer *writer
	slabs  slabs

	heard    atomic.Int64 // when the last bytes came, since mesh.began
	complete atomic.Bool  // the peer is connected to everybody
	byeIn    atomic.Bool  // the peer has sent all that it will send
	byeOut   atomic.Bool  // so have we, or are about to
	living   atomic.Int32 // of the two goroutines
	ended    chan struct{}

	mu       sync.Mutex
	ending   bool  // deadlines are set for good
	writeErr error // why nothing can be written
}

func newLink(m *Mesh, peer int, conn, socket net.Conn) *link {
	l := &link{
		mesh:   m,
		peer:   peer,
		conn:   conn,
		in:     conn,
		socket: socket,
		sealed: conn != socket,
		out:    newOutbox(),
		ended:  make(chan struct{}),
	}
	if below := newEager(socket, &m.places); l.sealed {
		bundleOf(conn).Conn = below
	} else {
		l.in = below
	}
	l.heard.Store(int64(time.Since(m.began)))
	return l
}

// start starts the link's goroutines.
func (l *link) start(arrived func()) {
	l.living.Store(2)
	r, w := newReader(l, arrived), newWriter(l)
	l.writer = w
	l.mesh.all.Go(func() { defer l.leave(); r.run() })
	l.mesh.all.Go(func() { defer l.leave(); w.run() })
}

// leave closes the connection when nobody reads or writes it any more.
func (l *link) leave() {
	if l.living.Add(-1) == 0 {
		l.socket.Close()
		close(l.ended)
	}
}

// fail drops what waits to be written, and leaves a little time to say why.
func (l *link) fail(reason []byte) {
	l.out.fail(reason)
	l.hurry(2*abortFor, nil)
	l.socket.SetWriteDeadline(time.Now().Add(abortFor))
}

// hurry leaves the reader a little time to read what is there.
func (l *link) hurry(limit time.Duration, writeErr error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ending {
		l.ending, l.writeErr = true, writeErr
		l.socket.SetReadDeadline(time.Now().Add(limit))
	}
}

// arm sets how long the reader waits. It reports false if that is settled for good.
func (l *link) arm(now time.Time, limit time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return false
	}
	l.socket.SetReadDeadline(now.Add(limit))
	return true
}

// closeWrite tells the peer that nothing follows.
func (l *link) closeWrite() {
	if half, ok := l.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	} else {
		l.socket.Close()
	}
}

// orderly reports whether both sides have said all they had to say.
func (l *link) orderly() bool { return l.byeIn.Load() && l.byeOut.Load() }

// unreadable ends the link because nothing can be read any more.
func (l *link) unreadable(err error) {
	l.mu.Lock()
	if l.writeErr != nil && !errors.As(err, new(*ProtocolError)) {
		err = l.writeErr
	}
	l.mu.Unlock()
	if told := (*AbortError)(nil); errors.As(err, &told) {
		l.mesh.fail(told)
	} else if !l.orderly() || !errors.Is(err, io.EOF) { // bye may be written, and not read
		l.mesh.fail(l.problem(err))
	}
}

// problem says what is wrong with the peer.
func (l *link) problem(err error) error {
	heard := time.Since(l.mesh.began) - time.Duration(l.heard.Load())
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSilent
	case errors.Is(err, io.EOF):
		err = errGone
	case !errors.As(err, new(*ProtocolError)):
		err = fmt.Errorf("the connection broke, so it has probably died: %w", err)
	}
	return &PeerError{Peer: l.peer, Addr: l.mesh.config.Hosts[l.peer], Heard: heard, Err: err}
}

var (
	errSilent = errors.New("it is silent: stopped, or cut off")
	errGone   = errors.New("it closed the connection without a word, so it has probably died")
)
