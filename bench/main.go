// Bench runs the benchmark programs of timely dataflow, with the names and
// arguments that they have there, and some of its own:
//
//	go run ./bench exchange 100000 1000 -w2
//	go run ./bench exchange 100000 1000 -w2 --batch
//	go run ./bench barrier 1000000
//	go run ./bench pingpong 1000000 1
//	go run ./bench event_driven 1000 10 record --rounds 100000
//	go run ./bench hashjoin 1000000 4000000 100000
//	go run ./bench pagerank 100000 1000000
//	go run ./bench unionfind 10000000 20000000 1000000
//	go run ./bench flow 20000
//	go run ./bench flow 20000 --exchange --edge-budget 65536
//	go run ./bench openloop 1000000 5
//	go run ./bench build operators 10000
//	go run ./bench build inputs 100000
//	go run ./bench wordcount 1000000 10000
//	go run ./bench windows 10000000 10000
//
// The last line is a JSON object with the figures of worker 0. Results are
// checked: a fast wrong answer fails. With --cpuprofile FILE it also writes a
// profile of what was measured; profile.md says what to do with it.
//
//	go run ./bench calibrate
//	go run ./bench scaling next 4000000
//	go run ./bench all
//	go run ./bench all --runs 1 B12 B13
//	go run ./bench compare /tmp/bench_before B2 B9
//	go run ./bench beside TIMELY/target/release/examples B2 B9
//
// Calibrate measures the machine; scaling runs a program with up to 256 workers in this
// process, and counts what they tell each other; all runs every line of the table in table.go
// between two calibrations, and writes RESULTS.md; compare runs lines of it with another
// build of this program and with this one, in turn, and fails if one has become slower;
// beside runs lines of it with Rust's example programs and with this one, in turn.
package main

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/timely-go/timely"
)

// programs are the benchmarks, by name.
var programs = map[string]func(*bench) error{
	"exchange":     exchange,
	"barrier":      barrier,
	"pingpong":     pingpong,
	"event_driven": eventDriven,
	"hashjoin":     hashjoin,
	"pagerank":     pagerank,
	"unionfind":    unionfind,
	"flow":         flow,
	"openloop":     openloop,
	"build":        build,
	"wordcount":    wordcount,
	"windows":      windows,
}

// others are what else can be named.
var others = map[string]func(*bench) error{
	"calibrate": printCalibration,
	"echo":      echo,
	"all":       all,
	"beside":    beside,
	"compare":   compare,
	"scaling":   scaling,
}

var (
	batch      = flag.Bool("batch", false, "exchange, pingpong: handle whole batches with loops of the program's own")
	rounds     = flag.Int("rounds", 100_000, "event_driven: rounds to run")
	exchanged  = flag.Bool("exchange", false, "flow: exchange what the flat map makes")
	cpuProfile = flag.String("cpuprofile", "", "write a CPU profile of what is measured to this `file`")
	runs       = flag.Int("runs", 3, "all: runs of each line of the table")
	turns      = flag.Int("turns", 10, "compare, beside: runs of each line with each of both")
	results    = flag.String("results", "bench/RESULTS.md", "all: `file` to write the table to")
)

func main() { timely.Main(run) }

func run(w *timely.Worker) error {
	args := w.Args()
	if len(args) == 0 {
		args = []string{""}
	}
	b := &bench{Worker: w, name: args[0], args: args[1:]}
	if program := others[b.name]; program != nil {
		return program(b)
	}
	program := programs[b.name]
	if program == nil {
		return fmt.Errorf("name a benchmark: %s; or: %s", names(programs), names(others))
	}
	b.processes = b.countProcesses()
	return program(b)
}

func names(of map[string]func(*bench) error) string {
	return strings.Join(slices.Sorted(maps.Keys(of)), ", ")
}

// bench is one run of a benchmark at one worker.
type bench struct {
	*timely.Worker
	name string
	args []string
	clock
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

// share returns how many of n records are this worker's: those whose number is its
// index, modulo peers.
func (b *bench) share(n int) int { return (n - b.Index() + b.Peers() - 1) / b.Peers() }

// await steps until nothing more can reach a probe.
func (b *bench) await(p *timely.Probe[timely.Epoch]) {
	for !p.Done() {
		b.Step()
	}
}

// sum returns what the numbers of all workers add up to. It returns when all have
// called it.
func (b *bench) sum(n uint64) (total uint64) {
	numbers := timely.NewInput[timely.Epoch, uint64]()
	probe := timely.NewProbe[timely.Epoch]()
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		all := timely.Broadcast(numbers.Stream(s))
		added := timely.Inspect(all, func(n uint64) { total += n })
		timely.ProbeWith(added, probe)
	})
	numbers.Send(n)
	numbers.Close()
	b.await(probe)
	return total
}
