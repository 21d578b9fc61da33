package tcp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// sink is a connection that keeps what is written to it, and breaks when it has so many
// bytes, unless that is 0.
type sink struct {
	net.Conn
	breaks int

	mu     sync.Mutex
	writes [][]byte
	taken  int
}

var errCut = errors.New("the cable is cut")

func (c *sink) Write(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n = len(p); c.breaks > 0 && c.taken+n > c.breaks {
		n, err = c.breaks-c.taken, errCut
	}
	c.writes = append(c.writes, bytes.Clone(p[:n]))
	c.taken += n
	return n, err
}

func (c *sink) all() string { return string(bytes.Join(c.writes, nil)) }

func writeTo(t *testing.T, b *bundle, text string) {
	t.Helper()
	if n, err := b.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("write of %d bytes: %d, %v", len(text), n, err)
	}
}

func TestHeldRecordsGoTogetherAndOthersAtOnce(t *testing.T) {
	under := &sink{}
	b := &bundle{Conn: under}
	writeTo(t, b, "hello")
	if under.all() != "hello" {
		t.Fatalf("%q is written before the first hold", under.all())
	}
	b.hold()
	writeTo(t, b, " to")
	writeTo(t, b, " all")
	if under.all() != "hello" {
		t.Fatalf("%q is written before flush", under.all())
	}
	if err := b.flush(); err != nil || len(under.writes) != 2 || under.all() != "hello to all" {
		t.Fatalf("after flush %q is written, %v", under.writes, err)
	}
	writeTo(t, b, ", bye")
	if under.all() != "hello to all, bye" {
		t.Fatalf("%q is written after flush", under.all())
	}
	if err := b.flush(); err != nil || len(under.writes) != 3 {
		t.Fatalf("a flush of nothing: %d writes, %v", len(under.writes), err)
	}
}

func TestBundleIsBoundedAndGivenBack(t *testing.T) {
	under := &sink{}
	b := &bundle{Conn: under}
	b.hold()
	record := strings.Repeat("0123456789abcdef", recordBytes/16)
	for i := 1; i <= 100; i++ {
		writeTo(t, b, record)
		if held := i*recordBytes - under.taken; held >= bundleBytes || held != len(b.out) {
			t.Fatalf("after %d records %d bytes are not written, of which %d are held back", i, held, len(b.out))
		}
	}
	b.shrink()
	if err := b.flush(); err != nil || under.all() != strings.Repeat(record, 100) {
		t.Errorf("%d bytes are written, %v", under.taken, err)
	}
	if cap(b.out) > 2*bundleBytes {
		t.Errorf("it has room for %d bytes", cap(b.out))
	}
	if b.shrink(); cap(b.out) > maxIdle {
		t.Errorf("when idle it has room for %d bytes", cap(b.out))
	}
}

func TestNothingFollowsWhatWasWrittenInPart(t *testing.T) {
	for _, test := range []struct {
		name string
		size int // of what is held
	}{
		{"at flush", 20},
		{"before flush", 2 * bundleBytes},
	} {
		t.Run(test.name, func(t *testing.T) {
			under := &sink{breaks: 10}
			b := &bundle{Conn: under}
			b.hold()
			b.Write(make([]byte, test.size))
			if err := b.flush(); !errors.Is(err, errCut) {
				t.Errorf("flush: %v", err)
			}
			b.hold()
			for range 2 {
				if n, err := b.Write([]byte("more")); n != 0 || !errors.Is(err, errCut) {
					t.Errorf("write: %d, %v", n, err)
				}
			}
			if err := b.flush(); !errors.Is(err, errCut) || len(under.writes) != 1 {
				t.Errorf("%d writes, %v", len(under.writes), err)
			}
		})
	}
}

// TestOthersMayWriteWhileRecordsAreHeld is how TLS answers on the reader's goroutine.
func TestOthersMayWriteWhileRecordsAreHeld(t *testing.T) {
	under := &sink{}
	b := &bundle{Conn: under}
	const rounds = 1000
	var other sync.WaitGroup
	other.Go(func() {
		for range rounds {
			b.Write([]byte("answer"))
		}
	})
	for range rounds {
		b.hold()
		writeTo(t, b, "re")
		writeTo(t, b, "cord")
		if err := b.flush(); err != nil {
			t.Fatal(err)
		}
	}
	await(t, &other)
	all := under.all()
	if n := strings.Count(all, "answer"); n != rounds || len(strings.ReplaceAll(all, "answer", "")) != rounds*len("record") {
		t.Errorf("%d answers in %d bytes", n, len(all))
	}
}

// watched is a connection of which the writes are counted, until it breaks.
type watched struct {
	net.Conn
	writes atomic.Int64
	broken atomic.Bool
}

func (c *watched) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, errCut
	}
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// watchedPair joins two processes with certificates and without heartbeats, of which the second
// writes to a watched connection.
func watchedPair(t *testing.T) (meshes []*Mesh, conn *watched) {
	t.Helper()
	give := sealed(t, 2)
	conn = &watched{}
	meshes = cluster(t, 2, func(i int, c *Config) {
		give(i, c)
		c.Heartbeat, c.DeadAfter = time.Hour, 2*time.Hour
		c.Dial = func(ctx context.Context, address string) (_ net.Conn, err error) {
			conn.Conn, err = new(net.Dialer).DialContext(ctx, "tcp", address)
			return conn, err
		}
	})
	return meshes, conn
}

func TestRoundWithinTLSIsWrittenAtOnceAndWaitsForNoOther(t *testing.T) {
	meshes, conn := watchedPair(t)
	take, came := keep()
	meshes[0].Start(take, nothing)
	meshes[1].Start(discard, nothing)
	bulk := bytes.Repeat([]byte("0123456789abcdef"), 200)
	round := func() (writes int64, doneFirst bool) {
		before := conn.writes.Load()
		for range 15 { // several records, and less than is written without a flush
			meshes[1].Send(0, to(Data, 0, 1, 0, bulk))
		}
		send(meshes[1], 0, to(Progress, 0, 1, 0, []byte("done")))
		for i := range 16 {
			f := receive(t, came)
			if f.text == "done" {
				doneFirst = i == 0
			} else if f.text != string(bulk) {
				t.Errorf("frame %d is %v of %d bytes", i, f.Kind, len(f.text))
			}
		}
		return conn.writes.Load() - before, doneFirst
	}
	writes, doneFirst := round()
	for tries := 1; tries < 10 && (writes != 1 || !doneFirst); tries++ { // the writer's own goroutine may have looked in between
		writes, doneFirst = round()
	}
	if writes != 1 || !doneFirst {
		t.Errorf("%d writes at best; what does not wait for data came first: %v", writes, doneFirst)
	}
	closeInOrder(t, meshes)
}

func TestNothingIsLostAtCloseWithinTLS(t *testing.T) {
	meshes, _ := watchedPair(t)
	take, came := keep()
	meshes[0].Start(take, nothing)
	meshes[1].Start(discard, nothing)
	long := bytes.Repeat([]byte("0123456789"), 2*bundleBytes/10)
	meshes[1].Send(0, to(Data, 0, 1, 0, long))
	meshes[1].Send(0, to(Data, 0, 1, 0, []byte("the end")))
	closeInOrder(t, meshes)
	for _, want := range []string{string(long), "the end"} {
		if f := receive(t, came); f.text != want {
			t.Errorf("%d bytes came, and not %d", len(f.text), len(want))
		}
	}
}

func TestFlushThatFailsWithinTLSIsToldAsAFailureOfThePeer(t *testing.T) {
	meshes, conn := watchedPair(t)
	meshes[0].Start(discard, nothing)
	meshes[1].Start(discard, nothing)
	conn.broken.Store(true)
	send(meshes[1], 0, to(Data, 0, 1, 0, []byte("x")))
	receive(t, meshes[1].Done())
	err := meshes[1].Err()
	expect(t, err, "process 0", "the connection broke", errCut.Error())
	if peer := (*PeerError)(nil); !errors.As(err, &peer) || peer.Peer != 0 || strings.Count(err.Error(), errCut.Error()) != 1 {
		t.Errorf("%#v", err)
	}
	for i, err := range closeAll(t, meshes) {
		if err == nil {
			t.Errorf("process %d closes in order", i)
		}
	}
}
