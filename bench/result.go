package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"time"
)

// result is the last line of a run. What does not apply is left out.
type result struct {
	Name          string   `json:"name"`
	Args          []string `json:"args"`
	Workers       int      `json:"workers"`
	Processes     int      `json:"processes"`
	Seconds       float64  `json:"seconds"`
	Ops           int      `json:"ops"`
	NsPerOp       float64  `json:"ns_per_op"`
	RecordsPerS   float64  `json:"records_per_s,omitempty"`
	MaxRSS        float64  `json:"max_rss_mb,omitempty"`
	Allocs        uint64   `json:"allocs"`
	Collections   uint32   `json:"gc"`
	CollectPauses float64  `json:"gc_pause_ms"`
	P50           float64  `json:"p50_us,omitempty"`
	P99           float64  `json:"p99_us,omitempty"`
	P999          float64  `json:"p999_us,omitempty"`
}

// clock measures what happens from begin to end. Only worker 0 tells.
type clock struct {
	begun     time.Time
	mem       runtime.MemStats
	profile   *os.File
	processes int
}

// begin starts the clock.
func (b *bench) begin() {
	if b.Index() == 0 {
		if *cpuProfile != "" {
			b.startProfile()
		}
		runtime.ReadMemStats(&b.mem)
	}
	b.begun = time.Now()
}

func (b *bench) startProfile() {
	file, err := os.Create(*cpuProfile)
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		panic(fmt.Errorf("--cpuprofile: %w", err))
	}
	b.profile = file
}

// end stops the clock and prints the figures. An op is what the benchmark counts;
// records is how many of them each worker has sent, if that is of interest.
func (b *bench) end(ops, records int) { b.endWith(ops, records, nil) }

// endWith is end for a benchmark that has measured how long each op took.
func (b *bench) endWith(ops, records int, h *histogram) {
	seconds := time.Since(b.begun).Seconds()
	if b.Index() != 0 {
		return
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	held := maxRSS()
	if b.profile != nil {
		pprof.StopCPUProfile()
		if err := b.profile.Close(); err != nil {
			panic(fmt.Errorf("--cpuprofile: %w", err))
		}
	}
	r := result{
		Name: b.name, Args: b.args, Workers: b.Peers(), Processes: b.processes,
		Seconds: seconds, Ops: ops, NsPerOp: seconds * 1e9 / float64(ops),
		RecordsPerS:   math.Round(float64(records) / seconds),
		MaxRSS:        float64(held>>10) / 1024,
		Allocs:        mem.Mallocs - b.mem.Mallocs,
		Collections:   mem.NumGC - b.mem.NumGC,
		CollectPauses: float64(mem.PauseTotalNs-b.mem.PauseTotalNs) / 1e6,
	}
	if h != nil {
		r.P50, r.P99, r.P999 = h.micros(0.5), h.micros(0.99), h.micros(0.999)
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, string(line))
}

// counted says that a worker has counted this process.
var counted atomic.Bool

// countProcesses returns how many processes there are. It returns when all workers have
// called it.
func (b *bench) countProcesses() int {
	one := uint64(0)
	if !counted.Swap(true) {
		one = 1
	}
	return int(b.sum(one))
}
