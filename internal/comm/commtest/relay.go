package commtest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Fault is what a relay does to one direction of a connection.
type Fault struct {
	Chunk int           // bytes are passed on by so many at most
	Delay time.Duration // at most, after a chunk, once in a while
	What  string        // happens after so many bytes; "": nothing
	After int64
}

// What may happen to a connection.
const (
	Close     = "close"
	Reset     = "reset"
	HalfClose = "half-close" // the receiver sees an end, the sender nothing
	BlackHole = "black hole" // what is sent from then on is taken, and lost
	Stall     = "stall"      // it is not even taken
	Flip      = "flip"       // of one bit
)

func (f Fault) String() string {
	return fmt.Sprintf("{chunks of %d, delays of %v, %q after %d bytes}", f.Chunk, f.Delay, f.What, f.After)
}

// Relay stands before a process, and passes on what others say to it.
type Relay struct {
	listener net.Listener
	target   string
	faults   [2]Fault // to the process, and from it
	seed     uint64
	again    bool // all connections suffer, not only the first
	first    atomic.Bool
	all      sync.WaitGroup
	over     chan struct{}

	mu    sync.Mutex
	conns []net.Conn
}

// NewRelay returns a relay to the target with one fault for what is said to it and one
// for what it says, to its first connection or to all. The delays follow from the seed.
// It must be closed.
func NewRelay(t testing.TB, target string, faults [2]Fault, seed uint64, again bool) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{listener: l, target: target, faults: faults, seed: seed, again: again, over: make(chan struct{})}
	r.all.Go(r.run)
	return r
}

// Address is where it listens.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Close ends the relay, and all that goes through it.
func (r *Relay) Close() {
	r.listener.Close()
	close(r.over)
	r.mu.Lock()
	for _, conn := range r.conns {
		conn.Close()
	}
	r.mu.Unlock()
	r.all.Wait()
}

func (r *Relay) run() {
	for {
		here, err := r.listener.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", r.target)
		if err != nil {
			here.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, here, there)
		r.mu.Unlock()
		faults := r.faults
		if r.first.Swap(true) && !r.again {
			faults = [2]Fault{{Chunk: 1 << 16}, {Chunk: 1 << 16}}
		}
		r.all.Go(func() { r.pass(here, there, faults[0], 0) })
		r.all.Go(func() { r.pass(there, here, faults[1], 1) })
	}
}

func (r *Relay) pass(from, to net.Conn, f Fault, direction uint64) {
	random := rand.New(rand.NewPCG(r.seed, direction))
	b := make([]byte, f.Chunk)
	for passed := int64(0); ; {
		n, err := from.Read(b)
		if at := f.After - passed; f.What != "" && at < int64(n) {
			if !r.strike(f.What, from, to, b[:n], max(at, 0)) {
				return
			}
			f.What = ""
		}
		if _, werr := to.Write(b[:n]); werr != nil {
			from.Close()
			return
		}
		if passed += int64(n); err != nil {
			if errors.Is(err, io.EOF) {
				_ = to.(*net.TCPConn).CloseWrite()
			} else {
				to.Close()
			}
			return
		}
		if f.Delay > 0 && random.IntN(20) == 0 {
			r.pause(time.Duration(random.Int64N(int64(f.Delay))))
		}
	}
}

func (r *Relay) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.over:
	}
}

// strike makes the fault happen at one of the bytes. It reports whether the rest is
// passed on.
func (r *Relay) strike(what string, from, to net.Conn, b []byte, at int64) bool {
	if what == Flip {
		b[at] ^= 1 << (at % 8)
		return true
	}
	_, _ = to.Write(b[:at])
	switch what {
	case Close:
		to.Close()
		from.Close()
	case Reset:
		_ = to.(*net.TCPConn).SetLinger(0)
		_ = from.(*net.TCPConn).SetLinger(0)
		to.Close()
		from.Close()
	case HalfClose:
		_ = to.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, from)
	case BlackHole:
		_, _ = io.Copy(io.Discard, from)
	case Stall:
		<-r.over
	}
	return false
}
