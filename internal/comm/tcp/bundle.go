package tcp

import (
	"crypto/tls"
	"net"
	"sync"
)

const (
	recordBytes = 16 << 10                   // of data, at most, are in a record of TLS
	bundleBytes = roundBytes + 2*recordBytes // are held back: a round, unless it has much control
)

// bundle is a connection beneath TLS, which writes each of its records by itself. Those
// written between hold and flush go together, as each system call costs about as much as
// encrypting a record. All others go at once: those of the handshake, and what TLS says of
// itself.
type bundle struct {
	net.Conn

	mu   sync.Mutex // TLS may write on the reader's goroutine, too
	held bool
	out  []byte // what is held back; empty unless held
	err  error  // a write has failed, perhaps in the middle: nothing can follow
}

// bundleOf returns what the connection's records are written to; nil if it has none.
func bundleOf(conn net.Conn) *bundle {
	sealed, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	return sealed.NetConn().(*bundle)
}

func (b *bundle) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out = append(b.out, p...)
	if b.held && b.err == nil && len(b.out) < bundleBytes {
		return len(p), nil
	}
	if err := b.send(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hold keeps back what is written from now on, but not more than bundleBytes.
func (b *bundle) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = true
}

// flush writes what is held back. It returns nil only if all that was ever written is with
// the kernel.
func (b *bundle) flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = false
	return b.send()
}

func (b *bundle) send() error {
	if b.err == nil && len(b.out) > 0 {
		_, b.err = b.Conn.Write(b.out)
	}
	b.out = b.out[:0]
	return b.err
}

// shrink gives back what a burst needed.
func (b *bundle) shrink() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cap(b.out) > maxIdle && !b.held {
		b.out = nil
	}
}
