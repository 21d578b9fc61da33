package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// scaling runs one program with more and more workers in this process, whatever its
// cores: in each epoch each worker sends a record to the next one, or to all, and waits
// until the epoch is complete. It measures that, and counts what the workers tell each
// other. There are the fewer epochs the more workers there are, so that in each run
// about as many messages go from one worker to another.
func scaling(b *bench) error {
	if len(b.args) == 0 || b.args[0] != "next" && b.args[0] != "all" {
		return fmt.Errorf("scaling: argument 1 should be next or all")
	}
	messages := b.int(1, "messages")
	if b.Index() != 0 {
		return nil
	}
	found := scalingResult{Name: b.name, Args: b.args, Cores: runtime.GOMAXPROCS(0)}
	fmt.Print("| workers | to build | epochs/s | a core, per worker and epoch | messages | changes | bytes | memory |\n|---|---|---|---|---|---|---|---|\n")
	for _, workers := range []int{1, 4, 16, 64, 256} {
		row, err := scaledTo(b.Context(), workers, max(1, messages/(workers*workers)), b.args[0] == "all")
		if err != nil {
			return fmt.Errorf("%d workers: %w", workers, err)
		}
		fmt.Println(row)
		found.Rows = append(found.Rows, row)
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// scalingResult is the last line of a run.
type scalingResult struct {
	Name  string       `json:"name"`
	Args  []string     `json:"args"`
	Cores int          `json:"cores"`
	Rows  []scalingRow `json:"rows"`
}

// scalingRow is what was found with so many workers. Messages are of progress: each
// goes to all other workers.
type scalingRow struct {
	Workers  int     `json:"workers"`
	Epochs   int     `json:"epochs"`
	Build    float64 `json:"build_ms"` // until the last worker has built
	Seconds  float64 `json:"seconds"`
	Heap     float64 `json:"heap_mb"`  // that is in use at the end, more than before
	Messages float64 `json:"messages"` // of a worker in an epoch
	Changes  float64 `json:"changes"`  // in a message
	Bytes    float64 `json:"bytes"`    // of a worker's messages in an epoch
}

func (r scalingRow) String() string {
	cores := min(r.Workers, runtime.GOMAXPROCS(0))
	each := r.Seconds * float64(cores) / float64(r.Workers*r.Epochs)
	return fmt.Sprintf("| %d | %s ms | %s | %s µs | %.2f | %.2f | %s | %s MB |", r.Workers,
		number(r.Build), number(float64(r.Epochs)/r.Seconds), number(each*1e6), r.Messages, r.Changes, number(r.Bytes), number(r.Heap))
}

// scaledTo runs the program with so many workers twice: what is told is counted in a
// run of its own, in which it need not be fast.
func scaledTo(ctx context.Context, workers, epochs int, toAll bool) (scalingRow, error) {
	r := scalingRow{Workers: workers, Epochs: epochs}
	if err := r.run(ctx, host.Real(), epochs, toAll); err != nil {
		return r, err
	}
	var messages, changes, bytes atomic.Int64
	counting := host.Real()
	counting.Told = func(m host.Told) {
		messages.Add(1)
		changes.Add(int64(m.Changes))
		bytes.Add(int64(m.Bytes))
	}
	again := r
	if err := again.run(ctx, counting, epochs, toAll); err != nil {
		return r, err
	}
	turns := float64(workers * epochs)
	r.Messages, r.Bytes = float64(messages.Load())/turns, float64(bytes.Load())/turns
	r.Changes = float64(changes.Load()) / float64(max(1, messages.Load()))
	return r, nil
}

// run runs the program. Worker 0 measures: it cannot be an epoch ahead of the others.
func (r *scalingRow) run(ctx context.Context, h *host.Host, epochs int, toAll bool) error {
	heap := heapInUse()
	start := time.Now()
	var built sync.WaitGroup
	built.Add(r.Workers)
	return timely.Execute(host.With(ctx, h), timely.Config{Workers: r.Workers}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, uint64]()
		probe := timely.NewProbe[timely.Epoch]()
		arrived := 0
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			owned := timely.Exchange(input.Stream(s), func(n uint64) uint64 { return n })
			timely.ProbeWith(timely.Inspect(owned, func(uint64) { arrived++ }), probe)
		})
		built.Done()
		built.Wait()
		begun := time.Now()
		records := 1
		if toAll {
			records = w.Peers()
		}
		for e := range epochs {
			for i := range records {
				input.Send(uint64(w.Index() + 1 + i))
			}
			input.AdvanceTo(timely.Epoch(e + 1))
			for probe.LessThan(input.Time()) {
				w.Step()
			}
		}
		if w.Index() == 0 {
			r.Build = begun.Sub(start).Seconds() * 1000
			r.Seconds = time.Since(begun).Seconds()
			r.Heap = heapInUse() - heap
		}
		if arrived != epochs*records {
			return fmt.Errorf("%d records arrived, there should be %d", arrived, epochs*records)
		}
		return nil
	})
}

// heapInUse returns how many MB of the heap are in use.
func heapInUse() float64 {
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return float64(mem.HeapAlloc) / (1 << 20)
}
