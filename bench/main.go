// Bench runs the benchmark programs of timely dataflow, with the names and
// arguments that they have there:
//
//	go run ./bench exchange 100000 1000 -w2
//	go run ./bench exchange 100000 1000 -w2 --batch
//	go run ./bench barrier 1000000
//	go run ./bench pingpong 1000000 1
//	go run ./bench event_driven 1000 10 record --rounds 100000
//
// The last line is a JSON object with the figures of worker 0. Results are
// checked: a fast wrong answer fails.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/timely-go/timely"
)

// programs are the benchmarks, by name.
var programs = map[string]func(*bench) error{
	"exchange":     exchange,
	"barrier":      barrier,
	"pingpong":     pingpong,
	"event_driven": eventDriven,
}

var (
	batch  = flag.Bool("batch", false, "exchange: send whole batches, and route by batch")
	rounds = flag.Int("rounds", 100_000, "event_driven: rounds to run")
)

func main() { timely.Main(run) }

func run(w *timely.Worker) error {
	args := w.Args()
	if len(args) == 0 || programs[args[0]] == nil {
		return fmt.Errorf("name a benchmark: %s", strings.Join(names(), ", "))
	}
	return programs[args[0]](&bench{Worker: w, name: args[0], args: args[1:]})
}

func names() (all []string) {
	for name := range programs {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// bench is one run of a benchmark at one worker.
type bench struct {
	*timely.Worker
	name  string
	args  []string
	begun time.Time
	mem   runtime.MemStats
}

// int returns an argument, which must be a positive number.
func (b *bench) int(i int, what string) int {
	if i >= len(b.args) {
		panic(fmt.Errorf("%s: argument %d, the number of %s, is missing", b.name, i+1, what))
	}
	n, err := strconv.Atoi(b.args[i])
	if err != nil || n < 1 {
		panic(fmt.Errorf("%s: argument %d, %q, should be the number of %s", b.name, i+1, b.args[i], what))
	}
	return n
}

// begin starts the clock.
func (b *bench) begin() {
	if b.Index() == 0 {
		runtime.ReadMemStats(&b.mem)
	}
	b.begun = time.Now()
}

// result is the last line of a run.
type result struct {
	Name          string   `json:"name"`
	Args          []string `json:"args"`
	Workers       int      `json:"workers"`
	Seconds       float64  `json:"seconds"`
	Ops           int      `json:"ops"`
	NsPerOp       float64  `json:"ns_per_op"`
	RecordsPerS   float64  `json:"records_per_s,omitempty"`
	Allocs        uint64   `json:"allocs"`
	Collections   uint32   `json:"gc"`
	CollectPauses float64  `json:"gc_pause_ms"`
}

// end prints the figures, at worker 0. An op is what the benchmark counts; records
// is how many of them each worker has sent, if that is of interest.
func (b *bench) end(ops, records int) {
	seconds := time.Since(b.begun).Seconds()
	if b.Index() != 0 {
		return
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	line, err := json.Marshal(result{
		Name: b.name, Args: b.args, Workers: b.Peers(),
		Seconds: seconds, Ops: ops, NsPerOp: seconds * 1e9 / float64(ops),
		RecordsPerS:   float64(records) / seconds,
		Allocs:        mem.Mallocs - b.mem.Mallocs,
		Collections:   mem.NumGC - b.mem.NumGC,
		CollectPauses: float64(mem.PauseTotalNs-b.mem.PauseTotalNs) / 1e6,
	})
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, string(line))
}
