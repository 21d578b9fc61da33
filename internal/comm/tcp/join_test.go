package tcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// withStrangers joins a cluster of two while others knock at process 0 first: they
// come before process 1 does.
func withStrangers(t *testing.T, change func(i int, c *Config), knock func(address string)) {
	t.Helper()
	all := configs(t, 2, change)
	knock(all[0].Hosts[0])
	j := joinAll(t, all)
	for i, err := range j.errs {
		if err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
	}
	for _, m := range j.meshes {
		m.Start(discard, nothing)
	}
	closeInOrder(t, j.meshes)
}

func TestProbeThatConnectsAndLeavesIsIgnored(t *testing.T) {
	withStrangers(t, nil, func(address string) { visit(t, address).Close() })
}

func TestClientThatSaysNothingIsIgnored(t *testing.T) {
	withStrangers(t, nil, func(address string) { visit(t, address) })
}

func TestSilentClientIsClosedAfterTheHandshakeTimeout(t *testing.T) {
	all := configs(t, 2, func(_ int, c *Config) { c.HandshakeTimeout = 50 * time.Millisecond })
	s := visit(t, all[0].Hosts[0])
	half := visit(t, all[0].Hosts[0])
	half.say(magic[:5])
	j := joinAll(t, all)
	for _, s := range []*stranger{s, half} {
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Error("its connection ends with ", err)
		}
	}
	closeInOrder(t, j.meshes)
}

func TestHTTPRequestAndGarbageAreIgnored(t *testing.T) {
	withStrangers(t, nil, func(address string) {
		visit(t, address).say([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"))
		visit(t, address).say([]byte("G"))
		visit(t, address).say(make([]byte, 10_000))
		huge := (&hello{version: Version}).encode()
		huge[16], huge[19] = 255, 255
		visit(t, address).say(huge)
		visit(t, address).say((&hello{version: Version}).encode()[:60])
	})
}

func TestRefusalsAreLoggedOnceASecondWithTheReason(t *testing.T) {
	var log safeLog
	withStrangers(t, func(i int, c *Config) {
		if i == 0 {
			c.Log = slog.New(slog.NewTextHandler(&log, nil))
		}
	}, func(address string) {
		for range 20 {
			s := visit(t, address)
			s.say([]byte("GET /metrics HTTP/1.1\r\n\r\n"))
		}
	})
	if text := log.String(); strings.Count(text, "connection refused") > 3 || !strings.Contains(text, "it speaks HTTP") {
		t.Errorf("logged:\n%s", text)
	}
}

// TestOneThatLeavesInItsHandshakeIsNotRefused has somebody come and go, as a process does
// that is killed while the cluster starts, and as those do who look whether a port is open.
func TestOneThatLeavesInItsHandshakeIsNotRefused(t *testing.T) {
	first := (&hello{version: Version, index: 1}).encode()
	for _, said := range [][]byte{nil, first[:5], first[:prefixSize+5], first} {
		t.Run(fmt.Sprint("after ", len(said), " bytes"), func(t *testing.T) {
			var log safeLog
			withStrangers(t, func(_ int, c *Config) {
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
			}, func(address string) {
				s := visit(t, address)
				s.say(said)
				s.Close()
			})
			if text := log.String(); text != "" {
				t.Errorf("logged:\n%s", text)
			}
		})
	}
}

// deaf is a connection whose other end has left once it had said something.
type deaf struct {
	net.Conn
	said io.Reader
}

func (c *deaf) Read(b []byte) (int, error) { return c.said.Read(b) }

func (c *deaf) Write([]byte) (int, error) { return 0, &net.OpError{Op: "write", Err: errTest} }

func TestAnotherVersionIsRefusedThoughItLeaves(t *testing.T) {
	g := &greeting{conn: &deaf{said: bytes.NewReader((&hello{version: Version + 1, index: 1}).encode())}}
	err := g.listened()
	expect(t, err, fmt.Sprint("peer 1 speaks v", Version+1))
	if isSilence(err) {
		t.Errorf("%v counts as silence", err)
	}
}

type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestTenThousandIdleConnectionsDoNotKeepAnybodyOut has them come while the cluster joins.
func TestTenThousandIdleConnectionsDoNotKeepAnybodyOut(t *testing.T) {
	total := 10_000
	if testing.Short() {
		total = 1000
	}
	all := configs(t, 2, nil)
	var zero *Mesh
	var early sync.WaitGroup
	early.Go(func() {
		var err error
		if zero, err = Join(context.Background(), all[0]); err != nil {
			t.Error(err)
		}
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var open []net.Conn // as many as a process may have by default
	for range total {
		conn, err := net.Dial("tcp", all[0].Hosts[0])
		if err != nil {
			t.Fatal(err)
		}
		if open = append(open, conn); len(open) == 400 {
			open[0].Close()
			open = open[1:]
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse); grown > 10<<20 {
		t.Errorf("memory has grown by %d bytes", grown)
	}
	one, err := Join(context.Background(), all[1])
	if err != nil {
		t.Fatal(err)
	}
	await(t, &early)
	closeInOrder(t, []*Mesh{zero, one})
	for _, conn := range open {
		conn.Close()
	}
}

// TestWhatDiffersIsSaidAtBothSides starts clusters of two in which something differs.
func TestWhatDiffersIsSaidAtBothSides(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config) // of process 1
		zero   string        // what process 0 says
		one    string
	}{
		{"workers", func(c *Config) { c.Workers = 2 }, "process 1 has 2 workers, process 0 has 1", "process 0 has 1 worker, process 1 has 2"},
		{"build", func(c *Config) { c.Build = "b" }, `process 1 is of build "b", process 0 of build "a"`, `process 0 is of build "a", process 1 of build "b"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := joinAll(t, configs(t, 2, func(i int, c *Config) {
				c.Build = "a"
				if i == 1 {
					test.change(c)
				}
			}))
			expect(t, j.errs[0], test.zero, "process 1 at 127.0.0.1:")
			expect(t, j.errs[1], test.one, "cannot join process 0")
		})
	}
}

// TestStrangerDoesNotEndTheJoining has somebody of another cluster come by: the
// one who dialed gives up, and the other goes on.
func TestStrangerDoesNotEndTheJoining(t *testing.T) {
	secret := []byte("a secret of enough bytes")
	for _, test := range []struct {
		name   string
		change func(*Config) // of the stranger, who says he is process 1
		hello  func(*hello)
		says   string
	}{
		{"another cluster", func(c *Config) { c.Cluster = "b" }, nil, "process 0 belongs to a cluster of another name than process 1"},
		{"more processes", func(c *Config) { c.Hosts = append(c.Hosts[:2:2], "127.0.0.1:9") }, nil, "process 0 counts 2 processes, process 1 counts 3"},
		{"another list", func(c *Config) { c.Hosts = []string{c.Hosts[0], "127.0.0.1:9"} }, nil, "process 0 has another list of hosts than process 1"},
		{"wrong index", nil, func(h *hello) { h.index = 7 }, "it claims to be process 7 of 2"},
		{"own index", nil, func(h *hello) { h.index = 0 }, "process 0 is this one, at 127.0.0.1:"},
		{"wrong target", nil, func(h *hello) { h.to = 1 }, "process 1 looks for process 1, and this is process 0"},
		{"stale incarnation", nil, func(h *hello) { h.incarnation[3] = 9 }, "process 1 belongs to another run of the cluster than process 0"},
		{"no secret", func(c *Config) { c.Secret = nil }, nil, "process 0 has a secret, process 1 has none"},
		{"another secret", func(c *Config) { c.Secret = []byte("it is not this one, is it?") }, nil, "process 1 does not know the secret"},
		{"another secret and another build", func(c *Config) { c.Secret = []byte("it is not this one, is it?"); c.Build = "b" }, nil, `process 0 is of build "", process 1 of build "b"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := configs(t, 2, func(_ int, c *Config) { c.Secret = secret })
			came := make(chan joining, 1)
			go func() { came <- joinAll(t, all[:1]) }()
			c := all[1]
			if test.change != nil {
				test.change(&c)
			}
			change := test.hello
			if change == nil {
				change = func(*hello) {}
			}
			expect(t, visit(t, all[0].Hosts[0]).greets(c, 0, change), test.says)
			one, err := Join(t.Context(), all[1])
			if err != nil {
				t.Fatal(err)
			}
			j := receive(t, came)
			closeInOrder(t, []*Mesh{j.meshes[0], one})
		})
	}
}

func TestOtherVersionIsNamedAtBothSides(t *testing.T) {
	all := configs(t, 4, func(_ int, c *Config) { c.JoinTimeout = 300 * time.Millisecond })
	old := (&hello{version: 4, index: 3}).encode()
	s := visit(t, all[0].Hosts[0])
	came := make(chan error, 1)
	go func() {
		_, err := Join(context.Background(), all[0])
		came <- err
	}()
	s.say(old)
	_, _, err := readHello(s)
	if err != nil {
		t.Error(err) // process 0 says its own, so that the other can tell
	}
	expect(t, receive(t, came), "process 3 (127.0.0.1:", fmt.Sprintf("peer 3 speaks v4, I speak v%d", Version))

	listener, err := net.Listen("tcp", "127.0.0.1:0") // which speaks v4
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			conn.Write((&hello{version: 4}).encode())
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	hosts, listeners := addresses(t, 1)
	_, err = Join(context.Background(), Config{Hosts: []string{listener.Addr().String(), hosts[0]}, Index: 1, Listener: listeners[0]})
	expect(t, err, "peer 0 speaks v4, I speak v1")
}

// TestIndexThatIsTakenIsRefusedWithItsOwner starts process 1 again, when it runs.
func TestIndexThatIsTakenIsRefusedWithItsOwner(t *testing.T) {
	all := configs(t, 2, nil)
	j := joinAll(t, all)
	owner := j.meshes[0].links[1].socket.RemoteAddr().String()
	second := all[1]
	second.Listener, _ = net.Listen("tcp", "127.0.0.1:0")
	_, err := Join(context.Background(), second)
	expect(t, err, "process 1 is here already, from "+owner)
	other := second
	other.Workers = 3 // it cannot harm those who run
	other.Listener, _ = net.Listen("tcp", "127.0.0.1:0")
	_, err = Join(context.Background(), other)
	expect(t, err, "process 0 has 1 worker, process 1 has 3")
	closeInOrder(t, j.meshes)
}

func TestWhoNeverComesIsNamedWithTheLastError(t *testing.T) {
	all := configs(t, 4, func(_ int, c *Config) { c.JoinTimeout = 200 * time.Millisecond })
	all[0].Listener.Close() // process 0 will never be there
	var errs [4]error
	var some sync.WaitGroup
	for _, i := range []int{1, 3} {
		some.Go(func() { _, errs[i] = Join(context.Background(), all[i]) })
	}
	await(t, &some)
	expect(t, errs[1], "process 1: not everybody joined within 200ms", "process 0 (", "connection refused", "process 2 (", "it has not connected")
	expect(t, errs[3], "process 0 (", "connection refused", "process 1 (", "not reached yet")
}

// TestSilenceDoesNotHideTheReason dials somebody who says why it does not work, and then
// no more, in each way there is.
func TestSilenceDoesNotHideTheReason(t *testing.T) {
	speaksHTTP := func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	}
	for name, silent := range map[string]func(net.Conn){
		"it leaves":                  func(net.Conn) {},
		"it leaves inside its hello": func(c net.Conn) { c.Write(magic[:5]) },
		"it says nothing":            func(c net.Conn) { io.Copy(io.Discard, c) },
		"it hangs up":                func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) },
		"nobody is there":            nil,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := configs(t, 2, nil)[1].complete()
			if err != nil {
				t.Fatal(err)
			}
			g := newGathering(newMesh(c))
			meets := func(answer func(net.Conn), patience time.Duration) {
				g.mesh.config.HandshakeTimeout = patience
				g.mesh.config.Dial = func(context.Context, string) (net.Conn, error) {
					if answer == nil {
						return nil, errTest
					}
					here, there := pair(t)
					go func() {
						answer(there)
						there.Close()
					}()
					return here, nil
				}
				reached, err := g.dial(t.Context(), 0)
				g.note(0, err, reached)
			}
			meets(silent, 50*time.Millisecond)
			alone := g.lastTrouble(0)
			meets(speaksHTTP, patience)
			expect(t, errors.New(g.lastTrouble(0)), "it speaks HTTP")
			meets(silent, 50*time.Millisecond)
			meets(silent, 50*time.Millisecond)
			expect(t, errors.New(g.lastTrouble(0)), "; and before: it speaks HTTP")
			if strings.Contains(alone, "before") {
				t.Errorf("silence alone is %q", alone)
			}
		})
	}
}

func TestOneWhoIsMissingEndsTheOthers(t *testing.T) {
	all := configs(t, 3, func(i int, c *Config) {
		if i == 0 {
			c.JoinTimeout = 200 * time.Millisecond
		}
	})
	j := joinAll(t, all[:2])
	expect(t, j.errs[0], "process 2 (", "it has not connected")
	expect(t, j.errs[1], "process 0 failed: process 0: not everybody joined", "process 2 (")
}

func TestJoiningEndsWithItsContext(t *testing.T) {
	all := configs(t, 2, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	_, err := Join(ctx, all[0])
	expect(t, err, errTest.Error())
}

func TestPortInUseIsNamed(t *testing.T) {
	hosts, _ := addresses(t, 2)
	_, err := Join(context.Background(), Config{Hosts: hosts, Index: 1})
	expect(t, err, "process 1 cannot listen at "+hosts[1], "address already in use")
}

func TestUnresolvableHostIsNamed(t *testing.T) {
	hosts, listeners := addresses(t, 1)
	_, err := Join(context.Background(), Config{
		Hosts:       []string{"nowhere.invalid:1", hosts[0]},
		Index:       1,
		Listener:    listeners[0],
		JoinTimeout: 200 * time.Millisecond,
	})
	expect(t, err, "process 0 (nowhere.invalid:1)", "nowhere.invalid")
}

func TestListeningBeyondLoopbackNeedsTLSASecretOrPermission(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0"} {
		c := Config{Hosts: []string{address, "127.0.0.1:1"}}
		_, err := Join(context.Background(), c)
		expect(t, err, "--insecure", address)
		listener, err := net.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		c.Listener = listener
		_, err = Join(context.Background(), c)
		listener.Close()
		expect(t, err, "--insecure")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []Config{{Insecure: true}, {Secret: make([]byte, 16)}} {
		c.Hosts = []string{"0.0.0.0:0", "127.0.0.1:1"}
		_, err := Join(ctx, c)
		if err == nil || strings.Contains(err.Error(), "--insecure") {
			t.Error("with permission: ", err)
		}
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	for _, test := range []struct {
		config Config
		says   string
	}{
		{Config{}, "a cluster of 0 processes"},
		{Config{Hosts: []string{"a:1"}, Index: 1}, "process 1 of 1"},
		{Config{Hosts: []string{"a:1"}, Index: -1}, "process -1 of 1"},
		{Config{Hosts: []string{"a:1", "b"}}, "address of process 1"},
		{Config{Hosts: []string{"a:1", "b:1", "a:1"}}, "processes 0 and 2 have the same address a:1"},
		{Config{Hosts: []string{"a:1"}, Workers: -1}, "-1 workers"},
		{Config{Hosts: []string{"a:1"}, Build: strings.Repeat("x", 300)}, "a build id of 300 bytes"},
		{Config{Hosts: []string{"a:1"}, Secret: []byte("short")}, "a secret of 5 bytes is too short"},
		{Config{Hosts: []string{"a:1"}, Heartbeat: time.Second, DeadAfter: time.Second}, "at least twice that"},
	} {
		_, err := Join(context.Background(), test.config)
		expect(t, err, test.says)
	}
}

func TestManyProcessesJoin(t *testing.T) {
	meshes := cluster(t, 9, func(_ int, c *Config) { c.Secret = make([]byte, 32) })
	for i, m := range meshes {
		if m.Index() != i || m.Processes() != 9 {
			t.Errorf("process %d of %d is %d", m.Index(), m.Processes(), i)
		}
		m.Start(discard, nothing)
	}
	closeInOrder(t, meshes)
}
