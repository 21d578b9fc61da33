package tcp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long something may take that takes milliseconds.
const patience = 30 * time.Second

// addresses opens a listener on the loopback interface for each process.
func addresses(t testing.TB, processes int) (hosts []string, listeners []net.Listener) {
	t.Helper()
	for range processes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		hosts, listeners = append(hosts, l.Addr().String()), append(listeners, l)
	}
	return hosts, listeners
}

// joining is what became of a cluster's start, by process.
type joining struct {
	meshes []*Mesh
	errs   []error
}

// joinAll joins processes, each with its configuration.
func joinAll(t testing.TB, configs []Config) joining {
	t.Helper()
	j := joining{make([]*Mesh, len(configs)), make([]error, len(configs))}
	var all sync.WaitGroup
	for i, c := range configs {
		all.Go(func() { j.meshes[i], j.errs[i] = Join(context.Background(), c) })
	}
	await(t, &all)
	return j
}

// configs returns one for each process, with short times, which change then changes.
func configs(t testing.TB, processes int, change func(i int, c *Config)) []Config {
	t.Helper()
	hosts, listeners := addresses(t, processes)
	all := make([]Config, processes)
	for i := range all {
		all[i] = Config{Hosts: hosts, Index: i, Listener: listeners[i], JoinTimeout: patience}
		if change != nil {
			change(i, &all[i])
		}
	}
	return all
}

// cluster joins so many processes, which must work.
func cluster(t testing.TB, processes int, change func(i int, c *Config)) []*Mesh {
	t.Helper()
	j := joinAll(t, configs(t, processes, change))
	for i, err := range j.errs {
		if err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
	}
	return j.meshes
}

// closeAll closes all meshes at once, and returns what they say.
func closeAll(t testing.TB, meshes []*Mesh) []error {
	t.Helper()
	errs := make([]error, len(meshes))
	var all sync.WaitGroup
	for i, m := range meshes {
		if m != nil {
			all.Go(func() { errs[i] = m.Close() })
		}
	}
	await(t, &all)
	return errs
}

func closeInOrder(t testing.TB, meshes []*Mesh) {
	t.Helper()
	for i, err := range closeAll(t, meshes) {
		if err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
}

func await(t testing.TB, all *sync.WaitGroup) {
	t.Helper()
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	receive(t, done)
}

// receive takes something from a channel, or fails after a while.
func receive[E any](t testing.TB, from <-chan E) (e E) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case e = <-from:
	case <-late.C:
		stacks := make([]byte, 1<<20)
		t.Fatalf("nothing came within %v:\n%s", patience, stacks[:runtime.Stack(stacks, true)])
	}
	return e
}

// expect fails unless the error says all of the texts.
func expect(t testing.TB, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, and not one that says %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("got %q, which does not say %q", err, text)
		}
	}
}

// taken is a frame's copy.
type taken struct {
	Frame
	text string
}

// keep returns a receiver that copies frames to a channel with plenty of room.
func keep() (func(Frame), chan taken) {
	to := make(chan taken, 1<<16)
	return func(f Frame) {
		to <- taken{f, string(f.Payload)}
		f.Release()
	}, to
}

// send sends a message at once.
func send(m *Mesh, peer int, message Message) {
	m.Send(peer, message)
	m.Flush(peer)
}

func discard(f Frame) { f.Release() }

func nothing(int, []byte) []byte { return nil }

// owner counts how often bytes were released.
type owner struct {
	once sync.Once
	done chan struct{}
}

func newOwner() *owner { return &owner{done: make(chan struct{})} }

func (o *owner) Release() {
	first := false
	o.once.Do(func() { first = true; close(o.done) })
	if !first {
		panic("released twice")
	}
}

// stranger is a connection to a process by somebody who may say anything.
type stranger struct {
	net.Conn
	t testing.TB
}

func visit(t testing.TB, address string) *stranger {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &stranger{conn, t}
}

func (s *stranger) say(b []byte) {
	s.t.Helper()
	if _, err := s.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

// greets goes through a handshake as its dialer, with a hello that change changes.
func (s *stranger) greets(c Config, peer int, change func(*hello)) error {
	c, err := c.complete()
	if err != nil {
		s.t.Fatal(err)
	}
	g := &greeting{config: &c, conn: s, dialer: true, mine: c.newHello(peer), judge: func(*hello) *refusal { return nil }}
	change(&g.mine)
	return g.dialed()
}

// member joins a cluster of two as its process 1, and returns the bare connection.
func member(t testing.TB, change func(*Config)) (*Mesh, *stranger) {
	t.Helper()
	all := configs(t, 2, func(_ int, c *Config) {
		if change != nil {
			change(c)
		}
	})
	came := make(chan *Mesh, 1)
	go func() {
		m, err := Join(context.Background(), all[0])
		if err != nil {
			t.Error(err)
		}
		came <- m
	}()
	s := visit(t, all[0].Hosts[0])
	if err := s.greets(all[1], 0, func(*hello) {}); err != nil {
		t.Fatal(err)
	}
	h := header{kind: joined}
	s.say(h.appendTo(nil))
	return receive(t, came), s
}

// next returns a frame as the second of a connection.
func next(h header, payload string) []byte {
	h.seq++
	h.length = uint32(len(payload))
	body := append([]byte(payload), zeros[:padding(len(payload))]...)
	h.sum = checksum(body)
	return append(h.appendTo(nil), body...)
}

func reseal(frame []byte) []byte {
	binary.LittleEndian.PutUint32(frame[28:], checksum(frame[:28]))
	return frame
}

var errTest = errors.New("test: the operator went wrong")

func number(n int) []byte { return fmt.Appendf(nil, "%d", n) }
