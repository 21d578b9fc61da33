package timely_test

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/timelytest"
)

// This file runs programs over processes that reach each other through faulty networks:
// what comes out is right, or all of them fail and say who is to blame.

var relayPlans = flag.Int("relayplans", 0, "run so many plans of network faults, however long it takes")

// fault is what a relay does to one direction of the connections.
type fault struct {
	chunk int           // bytes are passed on by so many at most
	delay time.Duration // at most, after a chunk, once in a while
	what  string        // happens to the connection after so many bytes; "": nothing
	after int64
}

var faults = []string{"close", "reset", "half-close", "black hole", "stall"}

// relay stands before a process, and passes on what others say to it.
type relay struct {
	listener net.Listener
	target   string
	faults   [2]fault // to the process, and from it
	seed     uint64
	again    bool // all connections suffer, not only the first
	first    atomic.Bool
	all      sync.WaitGroup
	over     chan struct{}

	mu    sync.Mutex
	conns []net.Conn
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
		if left := f.after - passed; f.what != "" && left < int64(n) {
			_, _ = to.Write(b[:max(left, 0)])
			r.strike(f.what, from, to)
			return
		}
		if _, werr := to.Write(b[:n]); werr != nil {
			from.Close()
			return
		}
		if passed += int64(n); err != nil {
			if err == io.EOF {
				_ = to.(*net.TCPConn).CloseWrite()
			} else {
				to.Close()
			}
			return
		}
		if f.delay > 0 && random.IntN(20) == 0 {
			timer := time.NewTimer(time.Duration(random.Int64N(int64(f.delay))))
			select {
			case <-timer.C:
			case <-r.over:
			}
			timer.Stop()
		}
	}
}

// strike makes the fault happen.
func (r *relay) strike(what string, from, to net.Conn) {
	switch what {
	case "close":
		to.Close()
		from.Close()
	case "reset":
		_ = to.(*net.TCPConn).SetLinger(0)
		_ = from.(*net.TCPConn).SetLinger(0)
		to.Close()
		from.Close()
	case "half-close":
		_ = to.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, from)
	case "black hole":
		_, _ = io.Copy(io.Discard, from)
	case "stall":
		<-r.over
	}
}

// plan is a run of which everything but the moments follows from a seed.
type plan struct {
	spreadProgram
	numbers  int // that are sent by way of a loop, instead of the random program; 0: none
	faults   []([2]fault)
	again    bool
	destroys bool
}

func (p plan) String() string {
	return fmt.Sprintf("%v\n%d numbers, relays %+v, to all connections: %v", p.spreadProgram, p.numbers, p.faults, p.again)
}

func newPlan(seed uint64) plan {
	p := plan{spreadProgram: newSpreadProgram(seed)}
	r := rand.New(rand.NewPCG(seed, 99))
	p.cluster = []cluster{twoByOne, twoByTwo, {processes: 3, workers: 1}, {processes: 4, workers: 1}}[r.IntN(4)]
	p.again = r.IntN(2) == 0
	destroys := r.IntN(3) > 0
	if r.IntN(2) == 0 || p.answer() == nil {
		p.numbers = 1 + r.IntN(20_000)
	}
	for range p.cluster.processes - 1 { // nobody connects to the last
		var both [2]fault
		for d := range both {
			f := fault{chunk: []int{1, 7, 1000, 1 << 16}[r.IntN(4)]}
			if f.chunk < 100 {
				p.numbers = min(p.numbers, 1000)
			}
			if r.IntN(2) == 0 {
				f.delay = time.Duration(1+r.IntN(5)) * time.Microsecond * time.Duration(min(f.chunk, 1000))
			}
			if destroys && r.IntN(2) == 0 {
				f.what = faults[r.IntN(len(faults))]
				f.after = int64(r.ExpFloat64() * float64(2000+p.numbers*5))
				if r.IntN(4) == 0 { // most likely in the handshake
					f.after = r.Int64N(400)
				}
				p.destroys = true
			}
			both[d] = f
		}
		p.faults = append(p.faults, both)
	}
	return p
}

// passNumbers has each number go to another worker in each round of a loop.
func (p plan) passNumbers(w *timely.Worker, out *timelytest.Collected[int]) error {
	flowOf(w, func(s epochScope) {
		looped := timely.Iterate(timely.ToStream(s, shareOf(w, p.numbers)), func(ns loopInts) (again, done loopInts) {
			moved := timely.Exchange(timely.Map(ns, func(n int) int { return n + 1_000_000 }), func(n int) uint64 { return timely.HashUint64(uint64(n)) })
			return timely.Split(moved, func(n int) bool { return n < 3_000_000 })
		})
		sums := timely.Aggregate(looped, func(n int) int { return n % 10 }, uintOf, func(sum *int, n int) { *sum += n }, func(_, sum int) int { return sum })
		timelytest.Collect(sums, out)
	})
	return nil
}

// passed is what passNumbers makes of the numbers.
func (p plan) passed() *timelytest.Collected[int] {
	sums := make(map[int]int)
	for n := range p.numbers {
		sums[n%10] += n + 3_000_000
	}
	out := &timelytest.Collected[int]{}
	for _, sum := range sums {
		out.Add(0, sum)
	}
	return out
}

var aProcess = regexp.MustCompile(`process (\d+)`)

// names reports whether a failure of one process names another.
func names(err error, own int) bool {
	for _, match := range aProcess.FindAllStringSubmatch(err.Error(), -1) {
		if n, _ := strconv.Atoi(match[1]); n != own {
			return true
		}
	}
	return false
}

// run runs a plan, and says what came of it.
func (p plan) run(t *testing.T) string {
	t.Helper()
	var relays []*relay
	c := p.cluster.with(p.budget)
	c.config.Network = timely.Network{JoinTimeout: clusterPatience, Heartbeat: 50 * time.Millisecond}
	if p.destroys {
		c.config.Network.JoinTimeout, c.config.Network.DeadAfter = time.Second, 400*time.Millisecond
	}
	c.through = func(process int, address string) string {
		if process >= len(p.faults) {
			return address
		}
		r := newRelay(t, address, p.faults[process], p.seed+uint64(process), p.again)
		relays = append(relays, r)
		return r.listener.Addr().String()
	}
	defer func() {
		for _, r := range relays {
			r.close()
		}
	}()
	got, want, program := &timelytest.Collected[int]{}, p.answer(), p.spreadProgram.run
	if p.numbers > 0 {
		want, program = p.passed(), p.passNumbers
	}
	errs := c.run(t, func(w *timely.Worker) error { return program(w, got) })
	failed := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		if failed++; !p.destroys || !names(err, i) {
			t.Errorf("process %d: %v", i, err)
		}
	}
	// One that has ended in order has done so after all dataflows were complete everywhere.
	if failed < len(errs) && got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s\nand %v", got, want, errs)
	}
	switch failed {
	case 0:
		return "right"
	case len(errs):
		return "failed"
	}
	return "failed at the end" // some only, as nobody can know that his last word is heard
}

func TestFaultyNetworksNeverMakeAWrongResult(t *testing.T) {
	const lanes = 6 // much of a plan is waiting
	least := uint64(2)
	if os.Getenv("TIMELY_SUITE_SECONDS") != "" {
		least = 9
	}
	first, end := rand.Uint64(), time.Now().Add(suiteTime())
	if *clusterSeed != 0 {
		first = *clusterSeed
	}
	var mu sync.Mutex
	var results []string
	var all sync.WaitGroup
	for lane := range uint64(lanes) {
		all.Go(func() {
			for i := uint64(0); !t.Failed(); i++ {
				switch {
				case *clusterSeed != 0 && lane+i > 0, *relayPlans > 0 && i*lanes+lane >= uint64(*relayPlans):
					return
				case *clusterSeed == 0 && *relayPlans == 0 && i >= least && time.Now().After(end):
					return
				}
				p := newPlan(first + lanes*i + lane)
				result := p.run(t)
				if t.Failed() {
					t.Logf("if it was none of the others, run again with %v", p)
				}
				mu.Lock()
				results = append(results, result)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	count := func(what string) (n int) {
		for _, r := range results {
			if r == what {
				n++
			}
		}
		return n
	}
	right, failed, last := count("right"), count("failed"), count("failed at the end")
	if len(results) >= 50 && (right == 0 || failed == 0) {
		t.Errorf("%d plans went right, %d failed: the faults are not well chosen", right, failed)
	}
	fmt.Printf("count: %d plans of network faults, of which %d went right, %d failed everywhere, %d at the end\n", len(results), right, failed, last)
}
