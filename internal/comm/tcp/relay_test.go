package tcp

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fault is what a relay does to one direction of a connection.
type fault struct {
	chunk int           // bytes are passed on by so many at most
	delay time.Duration // at most, after a chunk, once in a while
	what  string        // happens after so many bytes: "", close, half-close, reset, black hole, flip
	after int64
}

func (f fault) String() string {
	return fmt.Sprintf("{chunks of %d, delays of %v, %q after %d bytes}", f.chunk, f.delay, f.what, f.after)
}

func (f fault) destroys() bool { return f.what != "" }

// relay stands before a process, and passes on what others say to it.
type relay struct {
	listener net.Listener
	target   string
	faults   [2]fault // to the process, and from it
	seed     uint64
	again    bool // all connections suffer, not only the first
	first    atomic.Bool
	all      sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	over  chan struct{}
}

func newRelay(t testing.TB, target string, faults [2]fault, seed uint64, again bool) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, target: target, faults: faults, seed: seed, again: again, over: make(chan struct{})}
	r.all.Go(r.run)
	return r
}

func (r *relay) run() {
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
			faults = [2]fault{{chunk: 1 << 16}, {chunk: 1 << 16}}
		}
		r.all.Go(func() { r.pass(here, there, faults[0], 0) })
		r.all.Go(func() { r.pass(there, here, faults[1], 1) })
	}
}

// close ends the relay, and all that goes through it.
func (r *relay) close() {
	r.listener.Close()
	close(r.over)
	r.mu.Lock()
	for _, conn := range r.conns {
		conn.Close()
	}
	r.mu.Unlock()
	r.all.Wait()
}

func (r *relay) pass(from, to net.Conn, f fault, direction uint64) {
	random := rand.New(rand.NewPCG(r.seed, direction))
	b := make([]byte, f.chunk)
	for passed := int64(0); ; {
		n, err := from.Read(b)
		if at := f.after - passed; f.what != "" && at < int64(n) {
			if !r.strike(f.what, from, to, b[:n], max(at, 0)) {
				return
			}
			f.what = ""
		}
		if _, werr := to.Write(b[:n]); werr != nil {
			from.Close()
			return
		}
		if passed += int64(n); err != nil {
			if err == io.EOF {
				to.(*net.TCPConn).CloseWrite()
			} else {
				to.Close()
			}
			return
		}
		if f.delay > 0 && random.IntN(20) == 0 {
			r.pause(time.Duration(random.Int64N(int64(f.delay))))
		}
	}
}

func (r *relay) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.over:
	}
}

// strike makes the fault happen at one of the bytes. It reports whether the rest is passed on.
func (r *relay) strike(what string, from, to net.Conn, b []byte, at int64) bool {
	if what == "flip" {
		b[at] ^= 1 << (at % 8)
		return true
	}
	to.Write(b[:at])
	switch what {
	case "close":
		to.Close()
		from.Close()
	case "half-close":
		to.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, from)
	case "reset":
		to.(*net.TCPConn).SetLinger(0)
		from.(*net.TCPConn).SetLinger(0)
		to.Close()
		from.Close()
	case "black hole":
		io.Copy(io.Discard, from)
	}
	return false
}

// plan is a run of a cluster of which everything follows from a seed.
type plan struct {
	seed      uint64
	processes int
	messages  int // from each to each
	largest   int // bytes of a message
	tls       bool
	faults    map[int][2]fault // of the relay before a process
	destroys  bool
	again     bool
}

func newPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 99))
	p := plan{seed: seed, processes: 2 + r.IntN(2), messages: 20, faults: map[int][2]fault{}, tls: r.IntN(4) == 0}
	p.largest = []int{100, 5000, 300_000}[r.IntN(3)]
	destroys := r.IntN(3) > 0
	p.again = r.IntN(2) == 0
	for i := range p.processes - 1 {
		var both [2]fault
		for d := range both {
			f := fault{chunk: []int{1, 7, 1000, 1 << 16}[r.IntN(4)]}
			if f.chunk < 100 {
				p.largest = min(p.largest, 500)
			}
			if r.IntN(2) == 0 {
				f.delay = time.Duration(1+r.IntN(5)) * time.Millisecond
			}
			if destroys && r.IntN(2) == 0 {
				f.what = []string{"close", "half-close", "reset", "black hole", "flip"}[r.IntN(5)]
				f.after = int64(r.ExpFloat64() * float64(400+p.messages*p.largest/12))
				if r.IntN(3) == 0 { // most likely in the handshake
					f.after = r.Int64N(1 + 500*int64(1+r.IntN(4)))
				}
				p.destroys = true
			}
			both[d] = f
		}
		p.faults[i] = both
	}
	return p
}

// content is message n from one process to another.
func (p *plan) content(from, to, n int) []byte {
	r := rand.New(rand.NewPCG(p.seed, uint64(from*10_000+to*1000+n)))
	b := make([]byte, r.IntN(p.largest))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestFaultyNetworkNeverMakesAWrongResult runs random plans: what should come comes, all of
// it and in order, or there is an error; and if nothing is destroyed there is none.
func TestFaultyNetworkNeverMakesAWrongResult(t *testing.T) {
	end := suite(t)
	certificates := sealed(t, 3)
	var right, failed, unjoined, rounds int
	for seed := uint64(0); rounds < 10 || time.Now().Before(end); seed++ {
		p := newPlan(seed)
		switch p.run(t, certificates) {
		case "right":
			right++
		case "failed":
			failed++
		case "unjoined":
			unjoined++
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, p)
		}
		rounds++
	}
	if rounds >= 50 && (right == 0 || failed == 0 || unjoined == 0) {
		t.Errorf("%d plans went right, %d failed, %d did not join: the faults are not well chosen", right, failed, unjoined)
	}
	fmt.Printf("count: %s: %d plans, of which %d went right, %d failed, %d did not join\n", t.Name(), rounds, right, failed, unjoined)
}

func (p *plan) run(t *testing.T, certificates func(int, *Config)) string {
	relays := map[string]*relay{}
	all := configs(t, p.processes, func(i int, c *Config) {
		c.DeadAfter, c.Heartbeat, c.HandshakeTimeout = 10*time.Second, 50*time.Millisecond, 10*time.Second
		if p.destroys {
			c.DeadAfter, c.HandshakeTimeout, c.JoinTimeout = 400*time.Millisecond, 300*time.Millisecond, time.Second
		}
		if p.tls {
			certificates(i, c)
		}
		c.Dial = dialThrough(relays)
	})
	for i, faults := range p.faults {
		relays[all[i].Hosts[i]] = newRelay(t, all[i].Hosts[i], faults, p.seed+uint64(i), p.again)
	}
	defer func() {
		for _, r := range relays {
			r.close()
		}
	}()
	j := joinAll(t, all)
	for i, err := range j.errs {
		if err != nil {
			closeAll(t, j.meshes)
			if !p.destroys {
				t.Errorf("process %d: %v", i, err)
			}
			return "unjoined"
		}
	}
	return p.exchange(t, j.meshes)
}

// exchange sends everything, and looks at what comes.
func (p *plan) exchange(t *testing.T, meshes []*Mesh) string {
	took := make([][]atomic.Int64, len(meshes)) // by receiver and sender
	for i, m := range meshes {
		took[i] = make([]atomic.Int64, len(meshes))
		m.Start(func(f Frame) {
			n := int(took[i][f.Peer].Add(1)) - 1
			if want := p.content(f.Peer, i, n); string(want) != string(f.Payload) || f.Kind != Data {
				t.Errorf("process %d took %d bytes as message %d of process %d, not %d", i, len(f.Payload), n, f.Peer, len(want))
			}
			f.Release()
		}, nothing)
	}
	for i, m := range meshes {
		for n := range p.messages {
			for peer := range meshes {
				if peer != i {
					send(m, peer, to(Data, 0, i, peer, p.content(i, peer, n)))
				}
			}
		}
	}
	errs := closeAll(t, meshes)
	result := "right"
	for i, err := range errs {
		if err != nil {
			result = "failed"
			if !p.destroys {
				t.Errorf("process %d: %v", i, err)
			}
			continue
		}
		for peer := range meshes {
			if n := took[i][peer].Load(); peer != i && n != int64(p.messages) {
				t.Errorf("process %d has ended in order, with %d of %d messages of process %d", i, n, p.messages, peer)
			}
		}
	}
	return result
}
