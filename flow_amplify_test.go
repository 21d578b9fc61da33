package timely_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// This file is about operators that make much more than they are given, run in
// processes of their own, whose memory is measured.

// flowProgram is the environment variable that makes the test binary run one of the
// flowPrograms, with these arguments: the number of workers, and a size.
const flowProgram = "TIMELY_TEST_FLOW"

// fullSize has what amplifies run at the size that the guide of the Rust system speaks
// of, or larger.
var fullSize = flag.Bool("fullsize", false, "run what amplifies with billions of records")

// flowPrograms return the number of records at their end, added up over all workers.
var flowPrograms = map[string]func(c timely.Config, n int) (*tally, error){
	"flat map": func(c timely.Config, n int) (*tally, error) {
		return flatMapped(c, n, func(s epochInts) epochInts { return s })
	},
	"flat map, exchange": func(c timely.Config, n int) (*tally, error) {
		return flatMapped(c, n, func(s epochInts) epochInts { return timely.Exchange(s, toWorker) })
	},
	"two flat maps": func(c timely.Config, n int) (*tally, error) {
		thousand := func(int) iter.Seq[int] { return counting(1000) }
		return flowed(c, func(w *timely.Worker, s epochScope) epochInts {
			return timely.FlatMap(timely.FlatMap(timely.ToStream(s, shareOf(w, n)), thousand), thousand)
		})
	},
	"collatz": func(c timely.Config, n int) (*tally, error) {
		return flowed(c, func(w *timely.Worker, s epochScope) epochInts {
			return timely.Map(collatz(timely.ToStream(s, walks(w, n)), sameWalks), stepsOf)
		})
	},
}

// flatMapped is the program as everybody writes it.
func flatMapped(c timely.Config, n int, between func(epochInts) epochInts) (*tally, error) {
	return flowed(c, func(w *timely.Worker, s epochScope) epochInts {
		return between(timely.FlatMap(timely.ToStream(s, shareOf(w, n)), counting))
	})
}

// flowed runs a dataflow, and counts what comes out of it.
func flowed(c timely.Config, build func(w *timely.Worker, s epochScope) epochInts) (*tally, error) {
	var got tally
	err := timely.Execute(context.Background(), c, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			timely.InspectBatch(build(w, s), func(_ epoch, xs []int) {
				sum := 0
				for _, x := range xs {
					sum += x
				}
				got.n.Add(uint64(len(xs)))
				got.sum.Add(uint64(sum))
			})
		})
		return nil
	})
	return &got, err
}

func init() {
	run := flowPrograms[os.Getenv(flowProgram)]
	if run == nil {
		return
	}
	if err := runFlow(run, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runFlow runs a program and prints what came out, and the most memory that the
// process had.
func runFlow(run func(timely.Config, int) (*tally, error), args []string) error {
	workers, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	got, err := run(timely.Config{Workers: workers}, n)
	if err != nil {
		return err
	}
	peak, err := peakResident()
	fmt.Println(got.n.Load(), got.sum.Load(), peak)
	return err
}

// peakResident returns the most memory that this process has had, in KiB.
func peakResident() (peak int, err error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &peak); err == nil {
			return peak, nil
		}
	}
	return 0, fmt.Errorf("no VmHWM in %s", f.Name())
}

func TestWhatAmplifiesTakesLittleMemory(t *testing.T) {
	if _, err := peakResident(); err != nil || raceEnabled {
		t.Skip("the memory of a process is not known here, or not that of the program alone")
	}
	numbers := func(n uint64) (count, sum uint64) { return n * (n - 1) / 2, n * (n - 1) * (n - 2) / 6 }
	collatzSums := func(n uint64) (count, sum uint64) {
		for x := range steps(int(n)) {
			sum += uint64(x)
		}
		return n, sum
	}
	records := uint64(0)
	tests := []struct {
		program string
		n, full uint64
		want    func(n uint64) (count, sum uint64)
	}{
		{"flat map", 5_000, 100_000, numbers},
		{"flat map, exchange", 5_000, 100_000, numbers},
		{"two flat maps", 5, 1_000, func(n uint64) (count, sum uint64) { return n * 1e6, n * 1000 * 499_500 }},
		{"collatz", 1_000_000, 10_000_000, collatzSums},
	}
	for _, test := range tests {
		for _, workers := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", test.program, workers), func(t *testing.T) {
				n := test.n
				if *fullSize {
					n = test.full
				}
				start := time.Now()
				count, sum, peak := runElsewhere(t, test.program, workers, int(n))
				if wantCount, wantSum := test.want(n); count != wantCount || sum != wantSum {
					t.Errorf("%d records, of sum %d; want %d and %d", count, sum, wantCount, wantSum)
				}
				if peak > 32<<10 {
					t.Errorf("the process had %d KiB, more than 32 MiB", peak)
				}
				t.Logf("%d records, %d KiB, %v", count, peak, time.Since(start))
				records += count
			})
		}
	}
	fmt.Printf("count: %d million records made by what amplifies, in at most 32 MiB\n", records/1e6)
}

// runElsewhere runs one of the flowPrograms in a process of its own.
func runElsewhere(t *testing.T, program string, workers, n int) (count, sum uint64, peak int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, strconv.Itoa(workers), strconv.Itoa(n))
	cmd.Env = append(os.Environ(), flowProgram+"="+program)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if _, err := fmt.Sscan(string(out), &count, &sum, &peak); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return count, sum, peak
}

// The same under small budgets, with many workers.
func TestWhatAmplifiesIsExact(t *testing.T) {
	sizes := map[string]int{"one record": 50, "one byte": 300, "one batch": 500, "default": 1000}
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		n := sizes[f.name]
		want := func(yield func(int) bool) {
			for i := range n {
				for j := range i {
					if !yield(i<<20 | j) {
						return
					}
				}
			}
		}
		var underWay gauge
		f.mustGive(t, n, want, func(_ *timely.Worker, numbers epochInts) epochInts {
			many := timely.FlatMap(numbers, func(i int) iter.Seq[int] {
				return func(yield func(int) bool) {
					for j := range i {
						if !yield(i<<20 | j) {
							return
						}
					}
				}
			})
			return underWay.out(timely.Exchange(underWay.in(many), spread))
		})
		budget := f.bytes
		if budget == 0 {
			budget = 1 << 20
		}
		// At each worker; and from each to each, a batch more and one that is being sorted.
		limit := f.workers*budget/8 + 2*1024*f.workers*f.workers
		if f.records == 1 {
			limit = 4 * f.workers * f.workers
		}
		underWay.mustNotExceed(t, limit)
	})
}

func TestTwoFlatMapsInARow(t *testing.T) {
	sizes := map[string]int{"one record": 20, "one byte": 300, "one batch": 1000}
	if raceEnabled {
		sizes = map[string]int{"one record": 10, "one byte": 100, "one batch": 300}
	}
	eachFlow(t, tightBudgets, []int{1, 2, 4}, func(t *testing.T, f flowCase) {
		n := sizes[f.name]
		const seeds = 3
		want := counting(seeds * n * n)
		several := func(x int) iter.Seq[int] {
			return func(yield func(int) bool) {
				for i := range n {
					if !yield(x*n + i) {
						return
					}
				}
			}
		}
		f.mustGive(t, seeds, want, func(_ *timely.Worker, numbers epochInts) epochInts {
			return timely.Exchange(timely.FlatMap(timely.FlatMap(numbers, several), several), spread)
		})
	})
}
