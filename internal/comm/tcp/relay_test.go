package tcp

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/comm/commtest"
)

// plan is a run of a cluster of which everything follows from a seed.
type plan struct {
	seed      uint64
	processes int
	messages  int // from each to each
	largest   int // bytes of a message
	tls       bool
	faults    map[int][2]commtest.Fault // of the relay before a process
	destroys  bool
	again     bool
}

func newPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 99))
	p := plan{seed: seed, processes: 2 + r.IntN(2), messages: 20, faults: map[int][2]commtest.Fault{}, tls: r.IntN(4) == 0}
	p.largest = []int{100, 5000, 300_000}[r.IntN(3)]
	destroys := r.IntN(3) > 0
	p.again = r.IntN(2) == 0
	for i := range p.processes - 1 {
		var both [2]commtest.Fault
		for d := range both {
			f := commtest.Fault{Chunk: []int{1, 7, 1000, 1 << 16}[r.IntN(4)]}
			if f.Chunk < 100 {
				p.largest = min(p.largest, 500)
			}
			if r.IntN(2) == 0 {
				f.Delay = time.Duration(1+r.IntN(5)) * time.Millisecond
			}
			if destroys && r.IntN(2) == 0 {
				f.What = []string{commtest.Close, commtest.HalfClose, commtest.Reset, commtest.BlackHole, commtest.Flip}[r.IntN(5)]
				f.After = int64(r.ExpFloat64() * float64(400+p.messages*p.largest/12))
				if r.IntN(3) == 0 { // most likely in the handshake
					f.After = r.Int64N(1 + 500*int64(1+r.IntN(4)))
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
	relays := map[string]*commtest.Relay{}
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
		relays[all[i].Hosts[i]] = commtest.NewRelay(t, all[i].Hosts[i], faults, p.seed+uint64(i), p.again)
	}
	defer func() {
		for _, r := range relays {
			r.Close()
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
