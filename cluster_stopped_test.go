package timely_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// stoppedPrograms are for clusters of which a process is stopped, or slow.
var stoppedPrograms = map[string]func(*timely.Worker) error{
	// Worker 1 computes for as many milliseconds as the argument says, in one turn.
	"computes": func(w *timely.Worker) error {
		n := 0
		probe := timely.NewProbe[epoch]()
		flowOf(w, func(s epochScope) {
			xs := timely.Exchange(threeInts(s), func(int) uint64 { return 1 })
			timely.ProbeWith(timely.Inspect(xs, func(int) {
				if n++; n == 1 {
					for end := time.Now().Add(time.Duration(argument(w, 0)) * time.Millisecond); time.Now().Before(end); {
						n += 0
					}
				}
			}), probe)
		})
		for !probe.Done() {
			w.Step()
		}
		fmt.Println("answer", n)
		return nil
	},
	"sends arrays": func(w *timely.Worker) error {
		return sends(w, func() (record [1 << 10]byte) { return record })
	},
	"sends texts": func(w *timely.Worker) error {
		return sends(w, func() text { return text(kibibyte) })
	},
}

// text is a record that says how much memory it points to.
type text string

func (t text) Size() int { return len(t) }

var kibibyte = strings.Repeat("x", 1<<10)

// sends has worker 0 send records of a kibibyte to worker 1, as many as the argument
// says, once there is a line at the standard input. It says how many bytes it has sent,
// and how much memory is in use.
func sends[D any](w *timely.Worker, make func() D) error {
	all := argument(w, 0)
	var sent, got atomic.Int64
	flowOf(w, func(s epochScope) {
		records := timely.ToStream(s, func(yield func(D) bool) {
			if w.Index() != 0 {
				return
			}
			_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
			for range all {
				if sent.Add(1 << 10); !yield(make()) {
					return
				}
			}
		})
		there := timely.Exchange(records, func(D) uint64 { return 1 })
		timely.InspectBatch(there, func(_ epoch, batch []D) { got.Add(int64(len(batch))) })
	})
	if w.Index() == 0 {
		go watchMemory(w.Context(), &sent)
	}
	for w.Index() == 1 && got.Load() < int64(all) {
		w.Step()
	}
	fmt.Println("answer", got.Load())
	return nil
}

// watchMemory says, ten times a second, how many bytes a process has sent and how many
// are in use: without garbage, if it has paused.
func watchMemory(ctx context.Context, sent *atomic.Int64) {
	before := int64(0)
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		n := sent.Load()
		if n == before {
			debug.FreeOSMemory()
		}
		before = n
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println("memory", n, m.HeapInuse)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func TestAWorkerThatComputesForLongIsNotDead(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters, and computes for 2 s")
	}
	c := newMachines(t, "computes", 3, "2000").impatient(600 * time.Millisecond)
	c.startAll(t)
	for i, p := range c.processes {
		n := 0
		if i == 1 {
			n = 9
		}
		answered(t, []*process{p}, 1, fmt.Sprint("answer ", n))
	}
}
