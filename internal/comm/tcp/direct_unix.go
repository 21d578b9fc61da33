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
	c, ok := l.conn.(*net.TCPConn)
	if !ok {
		return
	}
	var err error
	if d.raw, err = c.SyscallConn(); err != nil {
		d.raw = nil
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
