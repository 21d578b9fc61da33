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
	defer func(n int, b bool) { *rounds, *batch = n, b }(*rounds, *batch)
	*rounds = 200
	for _, line := range []string{
		"exchange 1000 20",
		"exchange 1 200",
		"barrier 200",
		"pingpong 100 1",
		"pingpong 20 1000",
		"event_driven 10 10",
		"event_driven 10 10 record",
	} {
		for _, workers := range []int{1, 2, 3} {
			for _, *batch = range []bool{false, true} {
				t.Run(fmt.Sprintf("%s -w%d batch=%v", line, workers, *batch), func(t *testing.T) {
					c := timely.Config{Workers: workers, Args: strings.Fields(line)}
					if err := timely.Execute(context.Background(), c, run); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

func TestWrongArgumentsAreTold(t *testing.T) {
	for line, want := range map[string]string{
		"":             "name a benchmark",
		"no_such":      "name a benchmark",
		"exchange":     "argument 1, the number of records a round, is missing",
		"exchange x 1": `argument 1, "x", should be the number of records a round`,
	} {
		err := timely.Execute(context.Background(), timely.Config{Args: strings.Fields(line)}, run)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", line, err, want)
		}
	}
}
