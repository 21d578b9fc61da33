//go:build !linux

package tcp

import (
	"net"
	"time"
)

// tune does nothing: heartbeats do without the kernel's help.
func tune(net.Conn, time.Duration) {}
