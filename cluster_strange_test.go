package timely_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// strangePrograms are for clusters that meet strangers.
var strangePrograms = map[string]func(*timely.Worker) error{
	// It says how much memory the process has once the cluster has come together.
	"weighed": func(w *timely.Worker) error {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println("memory", m.Sys)
		return runsEpochs(w)
	},
}

// dial connects to a process, once that listens.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
	}
}

// memory returns what a process of the program said.
func memory(t *testing.T, p *process) (n int64) {
	t.Helper()
	p.await(t, 1, "memory")
	if _, err := fmt.Sscanf(p.says("memory")[0], "memory %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestStrangersDoNotDisturbTheStart has strangers connect to those who wait for the last
// process.
func TestStrangersDoNotDisturbTheStart(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	idle := 200
	if os.Getenv("TIMELY_SUITE_SECONDS") != "" {
		idle = 10_000
	}
	seed := rand.Uint64()
	garbage := make([]byte, 10_000)
	for i, r := 0, rand.New(rand.NewPCG(seed, 0)); i < len(garbage); i++ {
		garbage[i] = byte(r.Uint32())
	}
	says := func(text string) func(*testing.T, string) {
		return func(t *testing.T, address string) {
			if _, err := dial(t, address).Write([]byte(text)); err != nil {
				t.Error(err)
			}
		}
	}
	var usual int64
	for _, test := range []struct {
		name  string
		knock func(t *testing.T, address string)
	}{
		{"nobody", func(*testing.T, string) {}},
		{"a probe", func(t *testing.T, address string) { dial(t, address).Close() }},
		{"somebody who says nothing", func(t *testing.T, address string) { dial(t, address) }},
		{"HTTP", says("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		{"garbage", says(string(garbage))},
		{"half a hello", says("\x89timely\n\x01\x00\x00")},
		{"a long hello", says("\x89timely\n\x01\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00")},
		{"many who say nothing", func(t *testing.T, address string) {
			const most = 1000 // open at once: files are few
			var open []net.Conn
			for range idle {
				if open = append(open, dial(t, address)); len(open) > most {
					open[0].Close()
					open = open[1:]
				}
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newMachines(t, "weighed", 3, "5")
			for i := range 2 {
				c.start(t, i)
				dial(t, c.hosts[i]).Close()
				test.knock(t, c.hosts[i])
			}
			c.start(t, 2)
			for i, p := range c.processes {
				p.wait(t)
				if said := p.says("answer"); len(said) != 1 || said[0] != "answer 15" || p.status() != 0 {
					t.Error(p)
				}
				for _, line := range p.errs.lines() {
					if !strings.Contains(line, "connection refused") {
						t.Errorf("process %d said %q", i, line)
					}
				}
				switch m := memory(t, p); {
				case test.name == "nobody":
					usual = max(usual, m)
				case m > usual+16<<20:
					t.Errorf("process %d has %d bytes, usually %d", i, m, usual)
				}
			}
			if t.Failed() {
				t.Log("seed of the garbage: ", seed)
			}
		})
	}
}

// TestASecondProcessOfAnIndexIsRefused starts process 1 twice.
func TestASecondProcessOfAnIndexIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	c := newMachines(t, "epochs", 3, "5")
	c.start(t, 0)
	first := c.start(t, 1)
	dial(t, c.hosts[1]).Close()
	second := c.start(t, 1)
	if line := failed(t, second); !strings.HasPrefix(line, "timely: process 1 cannot listen at "+c.hosts[1]+": ") {
		t.Errorf("it said %q", line)
	}
	c.start(t, 2)
	answered(t, []*process{c.processes[0], c.processes[2]}, 1, "answer 15")
	if first.wait(t); first.status() != 0 {
		t.Error(first)
	}
}

func TestWhoIsMissingIsListed(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	c := newMachines(t, "epochs", 4, "5")
	begun := time.Now()
	zero, two := c.start(t, 0), c.start(t, 2, "--join-timeout", "1s") // the first that has no patience tells the other
	one, three := "process 1 ("+c.hosts[1]+"): ", "process 3 ("+c.hosts[3]+"): it has not connected"
	for _, p := range []*process{zero, two} {
		line := failed(t, p)
		if !strings.Contains(line, "not everybody joined within 1s: "+one+"dial tcp "+c.hosts[1]+": connect: connection refused; "+three) {
			t.Errorf("it said %q", line)
		}
	}
	if took := last(t, []*process{zero, two}).Sub(begun); took > 3*time.Second+slack() {
		t.Errorf("it took %v", took)
	}
}

// helloPrefix is what all versions begin with.
func helloPrefix(version, index uint32) []byte {
	b := []byte("\x89timely\n")
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, index)
	return append(b, make([]byte, 8)...) // nothing follows
}

func TestAnotherVersionIsNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	c := newMachines(t, "epochs", 2, "--join-timeout", "1s", "5")
	zero := c.start(t, 0)
	conn := dial(t, c.hosts[0])
	if _, err := conn.Write(helloPrefix(7, 1)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 24)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer[:16]) != string(helloPrefix(1, 0)[:16]) {
		t.Errorf("it answered % x, %v", answer, err)
	}
	zero.wait(t)
	if line := lastLine(zero.errs.String()); zero.status() != 1 || !strings.Contains(line, "process 1 ("+c.hosts[1]+"): peer 1 speaks v7, I speak v1") {
		t.Error(zero)
	}

	listener, err := net.Listen("tcp", c.hosts[0])
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Write(helloPrefix(7, 0))
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	if line := failed(t, c.start(t, 1)); !strings.Contains(line, "process 1 cannot join process 0 at "+c.hosts[0]+": peer 0 speaks v7, I speak v1") {
		t.Errorf("it said %q", line)
	}
}
