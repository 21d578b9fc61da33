package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fails waits until a mesh has failed, and returns what Close says.
func fails(t testing.TB, m *Mesh) error {
	t.Helper()
	receive(t, m.Done())
	return closeAll(t, []*Mesh{m})[0]
}

func TestDeadProcessIsNamedAtOnce(t *testing.T) {
	for _, test := range []struct {
		name string
		die  func(*net.TCPConn)
		says string
	}{
		{"closed", func(c *net.TCPConn) { c.Close() }, "it has probably died"},
		{"reset", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, "reset by peer"},
		{"half closed", func(c *net.TCPConn) { c.CloseWrite() }, "without a word"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, s := member(t, nil)
			m.Start(discard, nothing)
			start := time.Now()
			test.die(s.Conn.(*net.TCPConn))
			err := fails(t, m)
			expect(t, err, "process 1 at "+m.config.Hosts[1], test.says, "last heard of")
			var peer *PeerError
			if !errors.As(err, &peer) || peer.Peer != 1 || time.Since(start) > time.Second {
				t.Errorf("%#v after %v", err, time.Since(start))
			}
		})
	}
}

func TestSilentProcessIsDead(t *testing.T) {
	m, s := member(t, func(c *Config) { c.Heartbeat, c.DeadAfter = 50*time.Millisecond, 300*time.Millisecond })
	m.Start(discard, nothing)
	start := time.Now()
	beats := 0
	for {
		var b [headerSize]byte
		if _, err := io.ReadFull(s, b[:]); err != nil {
			t.Fatal(err)
		}
		h, wrong := parseHeader(b[:])
		if wrong != "" {
			t.Fatal(wrong)
		}
		if h.kind == heartbeat {
			beats++
		}
		if h.kind == abort {
			text := make([]byte, int(h.length)+padding(int(h.length)))
			if _, err := io.ReadFull(s, text); err != nil || !strings.Contains(string(text), "it is silent") {
				t.Errorf("the silent process is told %q, %v", text, err)
			}
			break
		}
	}
	if beats < 2 {
		t.Errorf("%d heartbeats", beats)
	}
	expect(t, fails(t, m), "process 1 at ", "it is silent", "last heard of ")
	if d := time.Since(start); d < 250*time.Millisecond || d > 5*time.Second {
		t.Errorf("it was dead after %v", d)
	}
}

// TestCutOffProcessesFailWithinTheirTime runs in a time of its own: two processes have
// nothing to say to each other for an hour, and then their cable is pulled.
func TestCutOffProcessesFailWithinTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cable := &cable{}
		meshes := cable.join(t, 2)
		for _, m := range meshes {
			m.Start(discard, nothing)
		}
		time.Sleep(time.Hour)
		for i, m := range meshes {
			if err := m.Err(); err != nil {
				t.Fatalf("process %d after an hour: %v", i, err)
			}
		}
		cable.pulled.Lock() // nothing arrives any more
		start := time.Now()
		for i, m := range meshes {
			<-m.Done()
			if d := time.Since(start); d > 4*time.Second {
				t.Errorf("process %d fails after %v", i, d)
			}
		}
		cable.pulled.Unlock()
		for i, m := range meshes {
			expect(t, m.Close(), fmt.Sprintf("process %d ", 1-i))
		}
	})
}

func TestSilentStrangerIsClosedAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cable := &cable{}
		cable.listen(1)
		here, there := net.Pipe()
		var ours, theirs *Mesh
		cable.listeners[0].conns <- there
		start := time.Now()
		var all sync.WaitGroup
		all.Go(func() { ours = cable.joinOne(t, 0, 2) })
		if _, err := here.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("closed after %v", d)
		}
		cable.listen(2)
		all.Go(func() { theirs = cable.joinOne(t, 1, 2) })
		all.Wait()
		all.Go(func() { ours.Close() })
		theirs.Close()
		all.Wait()
	})
}

// cable joins processes of one bubble. While it is pulled, nothing that is written arrives.
type cable struct {
	pulled    sync.RWMutex
	listeners []*pipeListener
}

func (c *cable) listen(n int) {
	for len(c.listeners) < n {
		c.listeners = append(c.listeners, &pipeListener{conns: make(chan net.Conn, 100), closed: make(chan struct{})})
	}
}

func (c *cable) join(t *testing.T, n int) []*Mesh {
	c.listen(n)
	meshes := make([]*Mesh, n)
	var all sync.WaitGroup
	for i := range meshes {
		all.Go(func() { meshes[i] = c.joinOne(t, i, n) })
	}
	all.Wait()
	return meshes
}

func (c *cable) joinOne(t *testing.T, i, n int) *Mesh {
	hosts := []string{"a:0", "a:1", "a:2", "a:3"}[:n]
	m, err := Join(context.Background(), Config{
		Hosts:    hosts,
		Index:    i,
		Listener: c.listeners[i],
		Insecure: true,
		Dial: func(_ context.Context, address string) (net.Conn, error) {
			here, there := net.Pipe()
			c.listeners[slices.Index(hosts, address)].conns <- &cabled{there, c}
			return &cabled{here, c}, nil
		},
	})
	if err != nil {
		t.Error(err)
	}
	return m
}

type cabled struct {
	net.Conn
	cable *cable
}

func (c *cabled) Write(b []byte) (int, error) {
	if !c.cable.pulled.TryRLock() {
		return len(b), nil // lost on the way
	}
	defer c.cable.pulled.RUnlock()
	return c.Conn.Write(b)
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestFailureReachesEverybodyInItsOwnWords also when much waits to be written.
func TestFailureReachesEverybodyInItsOwnWords(t *testing.T) {
	meshes := cluster(t, 4, nil)
	for _, m := range meshes {
		m.Start(discard, nothing)
	}
	owners := make([]*owner, 300)
	for i := range owners {
		owners[i] = newOwner()
		send(meshes[2], 0, Message{Kind: Data, From: 2, To: 0, Body: make([]byte, 64<<10), Owner: owners[i]})
	}
	start := time.Now()
	meshes[2].Abort(errTest)
	meshes[2].Abort(errors.New("too late"))
	for i, m := range meshes {
		err := fails(t, m)
		var told *AbortError
		switch {
		case i == 2:
			if err != errTest {
				t.Errorf("process 2 says %v", err)
			}
		case !errors.As(err, &told) || told.Origin != 2 || told.Cause != errTest.Error():
			t.Errorf("process %d says %v", i, err)
		}
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("it took %v", d)
	}
	for _, o := range owners {
		receive(t, o.done)
	}
	late := newOwner()
	send(meshes[2], 0, Message{Kind: Data, From: 2, To: 0, Owner: late})
	meshes[2].Ready(0)
	meshes[2].Flush(0)
	receive(t, late.done)
}

func TestFailureEndsAlsoWithAPeerThatReadsNothing(t *testing.T) {
	m, _ := member(t, nil)
	m.Start(discard, nothing)
	o := newOwner()
	send(m, 1, Message{Kind: Data, From: 0, To: 1, Body: make([]byte, 32<<20), Owner: o})
	start := time.Now()
	m.Abort(errTest)
	if err := fails(t, m); err != errTest {
		t.Error(err)
	}
	receive(t, o.done)
	if d := time.Since(start); d > time.Second {
		t.Errorf("it took %v", d)
	}
}

// TestOrderlyEndLosesNothing closes while all is under way, in any order.
func TestOrderlyEndLosesNothing(t *testing.T) {
	for round := range 20 {
		meshes := cluster(t, 3, nil)
		var mu sync.Mutex
		counts := map[string]int{}
		for i, m := range meshes {
			m.Start(func(f Frame) {
				mu.Lock()
				counts[fmt.Sprintf("%d>%d %v", f.Peer, i, f.Kind)] += 1
				mu.Unlock()
				f.Release()
			}, func(peer int, into []byte) []byte { return append(into, 1) })
			for peer := range meshes {
				for range 50 {
					if peer != i {
						send(m, peer, to(Data, 0, i, peer, make([]byte, 10_000)))
						send(m, peer, to(Credit, 0, i, peer, nil))
					}
				}
				if peer != i {
					m.Ready(peer)
					m.Flush(peer)
				}
			}
		}
		closeInOrder(t, meshes)
		for what, n := range counts {
			if strings.HasSuffix(what, "progress") && n != 1 || !strings.HasSuffix(what, "progress") && n != 50 {
				t.Errorf("round %d: %s: %d", round, what, n)
			}
		}
		if len(counts) != 18 {
			t.Errorf("round %d: only %v", round, counts)
		}
	}
}

// TestEndIsAwaited has one process close long before the other.
func TestEndIsAwaited(t *testing.T) {
	meshes := cluster(t, 2, func(_ int, c *Config) { c.Heartbeat, c.DeadAfter = 10*time.Millisecond, 100*time.Millisecond })
	take, came := keep()
	meshes[0].Start(take, nothing)
	meshes[1].Start(discard, nothing)
	closed := make(chan error, 1)
	go func() { closed <- meshes[0].Close() }()
	for range 5 { // it lives on, and hears
		beats := time.NewTimer(50 * time.Millisecond)
		<-beats.C
		send(meshes[1], 0, to(Data, 0, 1, 0, nil))
		receive(t, came)
	}
	select {
	case err := <-closed:
		t.Fatal("it did not wait: ", err)
	default:
	}
	if err := meshes[1].Close(); err != nil {
		t.Error(err)
	}
	if err := receive(t, closed); err != nil {
		t.Error(err)
	}
}

func TestMeshIsClosedThatWasNeverStarted(t *testing.T) {
	meshes := cluster(t, 2, nil)
	meshes[0].Start(discard, nothing)
	send(meshes[0], 1, to(Data, 0, 0, 1, make([]byte, 10<<20)))
	closeInOrder(t, meshes)
}

func TestDeathAfterByeIsAFailureForWhoGoesOn(t *testing.T) {
	m, s := member(t, nil)
	m.Start(discard, nothing)
	s.say(next(header{kind: bye}, ""))
	s.Close()
	expect(t, fails(t, m), "process 1 at ", "it has probably died")
}

// TestNonsenseIsAFailureThatNamesPlaceAndPeer sends one frame that nobody would.
func TestNonsenseIsAFailureThatNamesPlaceAndPeer(t *testing.T) {
	ok := next(header{kind: Data, from: 1, to: 0}, "payload")
	edit := func(at int, bytes ...byte) []byte {
		frame := slices.Clone(ok)
		copy(frame[at:], bytes)
		return reseal(frame)
	}
	full := strings.Repeat("x", maxPiece)
	for _, test := range []struct {
		name  string
		bytes []byte
		says  string
	}{
		{"target of nobody", edit(16, 9), "it is from worker 1 to worker 9, which are not of process 1 and 0"},
		{"target of the sender", edit(16, 1), "which are not of process 1 and 0"},
		{"source of another process", edit(12, 0), "which are not of process 1 and 0"},
		{"length of 2^32-32", edit(0, 0xe0, 0xff, 0xff, 0xff), "it claims 4294967264 bytes; at most 131072"},
		{"length of 2^31", edit(0, 0, 0, 0, 0x80), "it claims 2147483648 bytes"},
		{"length beyond the limit", edit(0, 1, 0, 2, 0), "it claims 131073 bytes"},
		{"payload changed", append(slices.Clone(ok[:headerSize]), "Payload\x00"...), "the payload's checksum is wrong"},
		{"padding changed", append(slices.Clone(ok[:headerSize]), "payload\x01"...), "the payload's checksum is wrong"},
		{"header changed", append([]byte{8}, ok[1:]...), "the header's checksum is wrong"},
		{"unknown kind", edit(4, 99), "unknown kind 99"},
		{"unknown flags", edit(5, 2), "unknown flags"},
		{"reserved bytes", edit(6, 2), "unknown flags"},
		{"repeated frame", edit(24, 0), "it is frame 0, and frame 1 should come"},
		{"missing frame", edit(24, 2), "it is frame 2, and frame 1 should come"},
		{"short piece", edit(5, flagMore), "it goes on in another, which it may not"},
		{"heartbeat with a payload", edit(4, byte(heartbeat)), "heartbeat with a payload"},
		{"abort without a reason", next(header{kind: abort}, ""), "process 1 failed: it did not say why"},
		{"abort of nobody", next(header{kind: abort}, "\xff\xff\xff\xffwhy"), "process 1 failed: why"},
		{"something after bye", append(next(header{kind: bye}, ""), next(header{kind: Data, from: 1, seq: 1}, "")...), "data after bye"},
		{"other message between", append(
			next(header{kind: Data, flags: flagMore, from: 1}, full),
			next(header{kind: Data, from: 1, seq: 1, channel: 1}, "")...), "in the middle of another message"},
		{"bye between", append(
			next(header{kind: Data, flags: flagMore, from: 1}, full),
			next(header{kind: bye, seq: 1}, "")...), "bye in the middle of a message"},
		{"message beyond the limit", slices.Concat(
			next(header{kind: Data, flags: flagMore, from: 1}, full),
			next(header{kind: Data, flags: flagMore, from: 1, seq: 1}, full),
			next(header{kind: Data, flags: flagMore, from: 1, seq: 2}, full)), "a message of more than 300000 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, s := member(t, func(c *Config) { c.MaxMessage = 300_000 })
			m.Start(func(f Frame) { t.Errorf("%q is delivered", f.Payload); f.Release() }, nothing)
			s.say(test.bytes)
			err := fails(t, m)
			expect(t, err, test.says)
			if !strings.Contains(err.Error(), "failed") {
				expect(t, err, "process 1 at "+m.config.Hosts[1], "frame at byte ", "header ")
			}
		})
	}
}

// TestClaimedLengthTakesNoMemory has a peer claim as much as it can, and say nothing more.
func TestClaimedLengthTakesNoMemory(t *testing.T) {
	m, s := member(t, nil)
	m.Start(discard, nothing)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h := header{kind: Data, length: maxPiece, flags: flagMore, from: 1, seq: 1}
	s.say(h.appendTo(nil))
	s.Close()
	expect(t, fails(t, m), "it has probably died")
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		meshes := cluster(t, 3, nil)
		meshes[1].Abort(errTest)
		for _, err := range closeAll(t, meshes) {
			expect(t, err, errTest.Error())
		}
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, and before %d\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}

// TestCloseFailsIfThePeerDiesBeforeItHasReadAll: it has said bye, and so has this process,
// but it has read nothing.
func TestCloseFailsIfThePeerDiesBeforeItHasReadAll(t *testing.T) {
	for _, size := range []int{100, 200_000} {
		m, s := member(t, nil)
		m.Start(discard, nothing)
		s.say(next(header{kind: bye}, ""))
		send(m, 1, to(Data, 0, 0, 1, make([]byte, size)))
		closed := make(chan error, 1)
		go func() { closed <- m.Close() }()
		for !m.links[1].orderly() {
			runtime.Gosched()
		}
		s.Close()
		if err := <-closed; !errors.As(err, new(*PeerError)) {
			t.Errorf("after %d bytes: %v, want a PeerError", size, err)
		}
	}
}
