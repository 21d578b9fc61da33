package timely_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/timely-go/timely"
)

// Each process of a cluster calls Execute with the same Config, but for Process. Here
// only one does, so it fails, and says who is missing.
func ExampleNetwork() {
	config := timely.Config{
		Workers:   2,
		Processes: 2,
		Process:   0,
		Hosts:     []string{"127.0.0.1:0", "127.0.0.1:2102"},
		Network: timely.Network{
			Cluster:     "example",
			Secret:      []byte("16 random bytes or more"),
			JoinTimeout: 20 * time.Millisecond,
		},
	}
	err := timely.Execute(context.Background(), config, func(w *timely.Worker) error { return nil })

	var failure *timely.Failure
	if errors.As(err, &failure) {
		fmt.Println("process", failure.Process, "failed")
		fmt.Println(strings.TrimPrefix(failure.Err.Error(), "comm/tcp: "))
	}
	// Output:
	// process 0 failed
	// process 0: not everybody joined within 20ms: process 1 (127.0.0.1:2102): it has not connected
}
