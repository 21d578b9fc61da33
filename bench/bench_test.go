package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/timely-go/timely"
)

// Each program checks its own result.
func TestProgramsRun(t *testing.T) {
	defer func(n int, b, e bool) { *rounds, *batch, *exchanged = n, b, e }(*rounds, *batch, *exchanged)
	*rounds = 200
	for _, line := range []string{
		"exchange 1000 20",
		"exchange 1 200",
		"barrier 200",
		"pingpong 100 1",
		"pingpong 20 1000",
		"event_driven 10 10",
		"event_driven 10 10 record",
		"hashjoin 1000 3001 100",
		"pagerank 50 300",
		"unionfind 1000 900 100",
		"flow 300",
		"openloop 100000 1",
		"build operators 100",
		"build inputs 100",
		"wordcount 1001 100",
		"windows 123456 10",
	} {
		for _, workers := range []int{1, 2, 3} {
			for _, other := range []bool{false, true} {
				if other && !strings.HasPrefix(line, "exchange") && !strings.HasPrefix(line, "flow") {
					continue
				}
				*batch, *exchanged = other, other
				t.Run(fmt.Sprintf("%s -w%d other=%v", line, workers, other), func(t *testing.T) {
					c := timely.Config{Workers: workers, Args: strings.Fields(line)}
					if err := timely.Execute(context.Background(), c, run); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// Each worker tells the others that it has sent and advanced, and that it has taken what
// came. If something came from all, it may take it in several times.
func TestScalingCountsWhatWorkersTell(t *testing.T) {
	const workers, epochs = 8, 50
	for name, most := range map[string]float64{"next": 2, "all": 1 + workers} {
		r, err := scaledTo(t.Context(), workers, epochs, name == "all")
		most += 1.0 / epochs // that it has ended
		if err != nil || r.Messages < 1 || r.Messages > most || r.Changes < 1 || r.Changes > 3 || r.Bytes < r.Messages || r.Build <= 0 || r.Seconds <= 0 {
			t.Errorf("%s: %v, %+v; there should be %v messages at most", name, err, r, most)
		}
	}
	if r, err := scaledTo(t.Context(), 1, epochs, true); err != nil || r.Messages != 0 {
		t.Errorf("%v, %+v; a lone worker tells nothing", err, r)
	}
}

func TestWrongArgumentsAreTold(t *testing.T) {
	for line, want := range map[string]string{
		"":              "name a benchmark",
		"no_such":       "name a benchmark",
		"exchange":      "argument 1, the number of records a round, is missing",
		"exchange x 1":  `argument 1, "x", should be the number of records a round`,
		"build":         "should be operators or inputs",
		"build castles": "should be operators or inputs",
		"scaling":       "should be next or all",
		"scaling all":   "argument 2, the number of messages, is missing",
		"all B99":       `the table has no row "B99"`,
		"compare x B99": `the table has no row "B99"`,
		"compare":       "argument 1, the other build of this program, is missing",
		"beside":        "argument 1, the folder of timely dataflow's example programs, is missing",
		"beside x B20":  "B20, build, is no program that timely dataflow has",
	} {
		err := timely.Execute(context.Background(), timely.Config{Args: strings.Fields(line)}, run)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", line, err, want)
		}
	}
}

// A row of the table names a program that there is.
func TestTableNamesPrograms(t *testing.T) {
	for _, r := range table {
		if name, _, _ := strings.Cut(r.command, " "); programs[name] == nil {
			t.Errorf("%s: %s is no program", r.id, name)
		}
	}
}

func TestLinesOfTheTable(t *testing.T) {
	r := row{"B0", "some 1 -w2", byCopy, []target{{seconds, 2, 1}, {memory, 100, 0}}}
	ran := []result{{Seconds: 3, MaxRSS: 50}, {Seconds: 1, MaxRSS: 150}, {Seconds: 2.5, MaxRSS: 120}}
	slow, slower := calibration{ALU: 1, Copy: 1.25 * reference.Copy, Hop: 1}, calibration{Copy: 3 * reference.Copy}
	for _, test := range []struct {
		ran           []result
		before, after calibration
		want          []string
	}{
		{ran, reference, reference, []string{
			"| B0 | `some 1 -w2` | time | 2.50 s (1.00 to 3.00) | 2.00 s | 1.00 s | 1.25 | **LOST** |",
			"| B0 | `some 1 -w2` | memory | 120 MB (50.0 to 150) | 100 MB |  | 1.20 | **LOST** |",
		}},
		{ran, slow, slow, []string{
			"| B0 | `some 1 -w2` | time | 2.50 s (1.00 to 3.00) | 2.50 s | 1.25 s | 1.00 | goal missed |",
			"| B0 | `some 1 -w2` | memory | 120 MB (50.0 to 150) | 100 MB |  | 1.20 | **LOST** |",
		}},
		{ran, reference, slower, []string{
			"| B0 | `some 1 -w2` | time | 2.50 s (1.00 to 3.00) | 4.00 s | 2.00 s | 0.625 | goal missed? |",
			"| B0 | `some 1 -w2` | memory | 120 MB (50.0 to 150) | 100 MB |  | 1.20 | **LOST** |",
		}},
	} {
		got := r.lines(test.ran, test.before, test.after)
		if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("machine %v, then %v:\n%s\nshould be\n%s", test.before, test.after, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for n := range uint64(100_000) {
		h.add(n)
	}
	for part, want := range map[float64]float64{0.5: 50, 0.99: 99, 0.999: 99.9} {
		if got := h.micros(part); got < want || got > want*1.04 {
			t.Errorf("%v of the numbers below 100,000: %v thousand, it should be about %v", part, got, want)
		}
	}
	h.add(1<<50 - 1)
	if got, want := h.micros(1-1e-9), float64(1<<50-1)/1000; got != want {
		t.Errorf("the largest is %v, it should be %v", got, want)
	}
}
