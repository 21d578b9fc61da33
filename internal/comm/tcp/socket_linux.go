package tcp

import (
	"net"
	"syscall"
	"time"
)

// Options of TCP that package syscall does not name; alike on all processors.
const (
	tcpUserTimeout  = 18
	tcpNotSentLowat = 25

	// maxUnsent is how much the kernel takes beyond what is on its way: progress waits
	// behind that.
	maxUnsent = 256 << 10
)

// tune has the kernel give a connection up if what was sent is not acknowledged for
// long, and take no more data than it can send soon. Both are a second line, so that
// a kernel which cannot is no failure.
func tune(conn net.Conn, dead time.Duration) {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(2*dead/time.Millisecond))
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, maxUnsent)
	})
}
