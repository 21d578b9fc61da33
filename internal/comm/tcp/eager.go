package tcp

import (
	"net"
	"runtime"
	"sync/atomic"
	"time"
)

// eager is a connection from which is read without sleep, as long as that pays: if the
// last Read had to wait but little, the next one looks for a while whether bytes have come
// before it waits for them. To be woken takes longer than most answers do. KVM waits for
// its guests in the same way ("halt polling", in the kernel's documentation).
type eager struct {
	net.Conn
	peek   peek
	places *atomic.Int32 // so many of the process's connections may look at a time
	soon   bool          // the last Read did not wait long
}

const (
	looks = 100                    // of one Read: about 60 µs if nobody else wants the processor
	short = 100 * time.Microsecond // a wait after which looking is worth it: to wake takes up to half of it
)

func newEager(c net.Conn, places *atomic.Int32) *eager {
	e := &eager{Conn: c, places: places}
	e.peek.init(c)
	return e
}

// Read implements net.Conn.
func (e *eager) Read(b []byte) (n int, err error) {
	begun := time.Now()
	if e.soon {
		n = e.look(b)
	}
	if n == 0 { // what is wrong with the connection shows here, too
		n, err = e.Conn.Read(b)
	}
	e.soon = time.Since(begun) < short
	return n, err
}

// look reads what comes while it looks. Between two looks all others run who want to.
func (e *eager) look(b []byte) (n int) {
	defer e.places.Add(1)
	if e.places.Add(-1) < 0 {
		return 0
	}
	for range looks {
		n, more := e.peek.read(b)
		if n > 0 || !more {
			return n
		}
		runtime.Gosched()
	}
	return 0
}

// places returns how many connections of this process may look at a time while all its
// workers work: so many processors as are left of its part of them. If that is less than
// none, several workers have to be idle before one may look: who looks where there are too
// few processors keeps another from working.
func (c *Config) places() int32 {
	here := 0
	for _, address := range c.Hosts {
		if machine(address) == machine(c.Hosts[c.Index]) {
			here++
		}
	}
	return int32(runtime.GOMAXPROCS(0)/here - c.Workers)
}

// Idle says that so many workers more have nothing to do, or less if that is negative.
func (m *Mesh) Idle(workers int) { m.places.Add(int32(workers)) }

// machine returns what an address shows of the machine that it is of: all loopback
// interfaces are of one, which is "".
func machine(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "localhost" || ip.IsLoopback() {
		return ""
	}
	return host
}
