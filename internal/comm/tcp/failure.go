package tcp

import (
	"fmt"
	"time"
)

// PeerError is the failure of the connection to a process: it was lost, it was
// silent for too long, or what came through it makes no sense.
type PeerError struct {
	Peer  int           // the process
	Addr  string        // where it listens
	Heard time.Duration // how long ago the last bytes had come from it
	Err   error
}

func (e *PeerError) Error() string {
	return fmt.Sprintf("comm/tcp: process %d at %s: %v (last heard of %v ago)", e.Peer, e.Addr, e.Err, round(e.Heard))
}

// Unwrap returns the cause.
func (e *PeerError) Unwrap() error { return e.Err }

// AbortError is what another process said when it failed.
type AbortError struct {
	Origin int    // the process that failed first
	Cause  string // in its own words
}

func (e *AbortError) Error() string {
	return fmt.Sprintf("comm/tcp: process %d failed: %s", e.Origin, e.Cause)
}

// A ProtocolError says that a peer sent what no process of this version sends.
type ProtocolError struct {
	Offset int64 // in the stream of bytes from the peer, after the handshake
	Header []byte
	Reason string
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("frame at byte %d: %s (header % x)", e.Offset, e.Reason, e.Header)
}

// round makes a duration short to read.
func round(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d
}
