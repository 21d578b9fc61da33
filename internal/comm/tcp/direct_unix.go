//go:build unix

package tcp

import (
	"net"
	"syscall"
)

// direct writes without waiting for anything.
type direct struct {
	raw     syscall.RawConn
	try     func(fd uintptr) bool
	bytes   []byte
	written int // of the round, by tries that the rest is still to be written of
}

// init allows it for bare connections. Those within TLS cannot be written in parts.
func (d *direct) init(l *link) {
	if d.raw = rawOf(l.conn); d.raw == nil {
		return
	}
	d.try = func(fd uintptr) bool {
		if n, err := syscall.Write(int(fd), d.bytes); err == nil {
			d.written = n
		}
		return true // it was tried; what is wrong the writer will find out
	}
}

// write reports whether all bytes are written.
func (d *direct) write(b []byte) bool {
	if d.raw == nil {
		return false
	}
	d.bytes = b
	err := d.raw.Write(d.try)
	d.bytes = nil
	return err == nil && d.written == len(b)
}

// peek reads without waiting for anything.
type peek struct {
	raw   syscall.RawConn // nil: it cannot
	try   func(fd uintptr) bool
	bytes []byte
	n     int
	err   error
}

func (p *peek) init(c net.Conn) {
	if p.raw = rawOf(c); p.raw == nil {
		return
	}
	p.try = func(fd uintptr) bool {
		p.n, p.err = syscall.Read(int(fd), p.bytes)
		return true
	}
}

// read returns how many bytes there were, and whether more may come: else what there is to
// say another read will.
func (p *peek) read(b []byte) (n int, more bool) {
	if p.raw == nil || len(b) == 0 {
		return 0, false
	}
	p.bytes = b
	err := p.raw.Read(p.try)
	p.bytes = nil
	if err != nil { // a deadline has passed, or the connection is closed
		return 0, false
	}
	return max(0, p.n), p.n > 0 || p.err == syscall.EAGAIN || p.err == syscall.EINTR
}

// rawOf returns what reads and writes of a connection can be tried on; nil if it has no such
// thing, as within TLS.
func rawOf(c net.Conn) syscall.RawConn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
