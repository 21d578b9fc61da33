package tcp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// counting counts the reads that wait.
type counting struct {
	net.Conn
	reads int
}

func (c *counting) Read(b []byte) (int, error) {
	c.reads++
	return c.Conn.Read(b)
}

// eagerPair returns two ends of a connection, the first of which looks before it waits.
func eagerPair(t *testing.T, places int32) (*eager, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	far, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	free := new(atomic.Int32)
	free.Store(places)
	return newEager(near, free), far
}

// TestWhoLooksReadsTheSame reads what is written in pieces, up to the end, with and
// without looking.
func TestWhoLooksReadsTheSame(t *testing.T) {
	for _, places := range []int32{-1, 0, 1} {
		t.Run(fmt.Sprint(places, " places"), func(t *testing.T) {
			e, far := eagerPair(t, places)
			seed := rand.Uint64()
			r := rand.New(rand.NewPCG(seed, 0))
			sent := make([]byte, 1<<20)
			for i := range sent {
				sent[i] = byte(r.Uint32())
			}
			go func() {
				r := rand.New(rand.NewPCG(seed, 1))
				for rest := sent; len(rest) > 0; {
					n, err := far.Write(rest[:min(len(rest), 1+r.IntN(4096))])
					if err != nil {
						t.Error(err)
						break
					}
					rest = rest[n:]
					for range r.IntN(300) {
						runtime.Gosched()
					}
				}
				far.Close()
			}()
			var got []byte
			b := make([]byte, 8192)
			for {
				e.soon = r.IntN(4) > 0
				n, err := e.Read(b)
				got = append(got, b[:n]...)
				if errors.Is(err, io.EOF) {
					break
				}
				if n == 0 || err != nil {
					t.Fatalf("seed %d: %d bytes, %v", seed, n, err)
				}
			}
			if !bytes.Equal(got, sent) {
				t.Errorf("seed %d: %d bytes came, not as the %d that were sent", seed, len(got), len(sent))
			}
			if left := e.places.Load(); left != places {
				t.Errorf("%d places are left of %d", left, places)
			}
		})
	}
}

func TestWhoLooksKeepsToTheDeadline(t *testing.T) {
	for _, late := range []time.Duration{-time.Second, 20 * time.Microsecond, time.Millisecond} {
		e, _ := eagerPair(t, 1)
		e.soon = true
		e.SetReadDeadline(time.Now().Add(late))
		if n, err := e.Read(make([]byte, 10)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("deadline in %v: %d bytes, %v", late, n, err)
		}
	}
}

func TestWhoLooksNoticesAClose(t *testing.T) {
	e, _ := eagerPair(t, 1)
	e.soon = true
	e.Conn.Close()
	if n, err := e.Read(make([]byte, 10)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestAnswersThatComeSoonAreFoundByLooking has two ends answer each other: where there
// is a place, the end that looks need not wait each time; where there is none, it waits
// each time.
func TestAnswersThatComeSoonAreFoundByLooking(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("the end that answers needs a processor, too")
	}
	const trips = 2000
	for _, places := range []int32{0, 1} {
		e, far := eagerPair(t, places)
		waits := &counting{Conn: e.Conn}
		e.Conn = waits
		go io.Copy(far, far)
		b := make([]byte, 8)
		for range trips {
			if _, err := e.Write(b); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(e, b); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%d places: %d of %d reads wait", places, waits.reads, trips)
		if found := waits.reads < trips; found != (places > 0 && runtime.GOOS != "windows") {
			t.Errorf("%d places: %d of %d reads wait", places, waits.reads, trips)
		}
	}
}

// TestSilenceIsNotLookedAt: who has waited for long waits at once the next time.
func TestSilenceIsNotLookedAt(t *testing.T) {
	e, _ := eagerPair(t, 1)
	e.soon = true
	e.SetReadDeadline(time.Now().Add(500 * short)) // from which a pause of the test takes some
	e.Read(make([]byte, 10))
	if e.soon {
		t.Error("after a long wait it still looks")
	}
}

func TestProcessesOfOneMachineShareItsProcessors(t *testing.T) {
	procs := runtime.GOMAXPROCS(0)
	for _, test := range []struct {
		hosts   []string
		workers int
		want    int
	}{
		{[]string{"a:1", "b:1"}, 1, procs - 1},
		{[]string{"a:1", "b:1"}, procs, 0},
		{[]string{"a:1", "a:2"}, 1, procs/2 - 1},
		{[]string{"a:1", "b:1", "a:2", "b:2"}, 3, procs/2 - 3},
		{[]string{"127.0.0.1:1", "127.0.0.2:1", "localhost:2", "[::1]:1"}, 1, procs/4 - 1},
		{[]string{"10.0.0.1:1", "10.0.0.2:1", "127.0.0.1:1"}, 1, procs - 1},
		{[]string{"no port", "b:1"}, 1, procs - 1},
	} {
		c := Config{Hosts: test.hosts, Workers: test.workers}
		if got := c.places(); got != int32(test.want) {
			t.Errorf("%v, %d workers: %d places, want %d", test.hosts, test.workers, got, test.want)
		}
	}
}

func TestAnIdleWorkerLeavesAPlace(t *testing.T) {
	m := newMesh(Config{Hosts: []string{"a:1", "b:1"}, Workers: 2})
	before := m.places.Load()
	m.Idle(1)
	m.Idle(1)
	m.Idle(-1)
	if got := m.places.Load(); got != before+1 {
		t.Errorf("%d places, %d before one worker was idle", got, before)
	}
}
