//go:build !unix

package tcp

import "net"

// direct would write without waiting for anything; here it does not.
type direct struct{ written int }

func (*direct) init(*link) {}

func (*direct) write([]byte) bool { return false }

// peek would read without waiting for anything; here it does not.
type peek struct{}

func (*peek) init(net.Conn) {}

func (*peek) read([]byte) (n int, more bool) { return 0, false }
