package timely_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// This file is how tests run several processes, all of which are this one: each is an
// Execute of its own, and they are joined as processes are.

// cluster is so many processes with so many workers each.
type cluster struct {
	processes, workers int
	config             timely.Config   // of all
	ctx                context.Context // nil: the test's

	// through, if not nil, returns the address at which others reach the process
	// that listens at another one.
	through func(process int, address string) string
}

func (c cluster) String() string { return fmt.Sprintf("%dx%d", c.processes, c.workers) }

// eachCluster runs a test with several numbers of processes and workers.
func eachCluster(t *testing.T, clusters []cluster, test func(t *testing.T, c cluster)) {
	for _, c := range clusters {
		t.Run(c.String(), func(t *testing.T) { test(t, c) })
	}
}

var (
	allClusters = []cluster{{processes: 1, workers: 1}, {processes: 1, workers: 4}, {processes: 2, workers: 2}, {processes: 4, workers: 1}, {processes: 3, workers: 1}}
	twoByOne    = cluster{processes: 2, workers: 1}
	twoByTwo    = cluster{processes: 2, workers: 2}
)

// clusterPatience is how long a cluster may take.
const clusterPatience = 60 * time.Second

// run runs a program at all workers of all processes, and returns what each Execute
// returns. It fails the test, with all stacks, if that takes too long.
func (c cluster) run(t testing.TB, program func(*timely.Worker) error) []error {
	t.Helper()
	return c.runEach(t, func(int) func(*timely.Worker) error { return program })
}

// runEach does the same with a program for each process.
func (c cluster) runEach(t testing.TB, program func(process int) func(*timely.Worker) error) []error {
	t.Helper()
	ctx := c.ctx
	if ctx == nil {
		ctx = t.Context()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // also so that what hangs does not slow down other tests
	errs := make([]error, c.processes)
	listeners, hosts := c.listen(t)
	var all sync.WaitGroup
	for i, l := range listeners {
		config := c.config
		config.Workers = c.workers
		all.Go(func() {
			if c.processes == 1 {
				errs[i] = timely.Execute(ctx, config, program(i))
				return
			}
			config.Processes, config.Process, config.Hosts = c.processes, i, hosts
			n := &config.Network
			n.Build = "test"
			if n.DeadAfter == 0 {
				n.DeadAfter = clusterPatience // the machine may be slow
			}
			errs[i] = timely.ExecuteMember(ctx, config, l, program(i))
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(clusterPatience):
		t.Fatalf("%v: not done within %v:\n%s", c, clusterPatience, stacks())
	}
	return errs
}

// listen returns a listener for each process, and where the others reach it.
func (c cluster) listen(t testing.TB) (listeners []net.Listener, hosts []string) {
	t.Helper()
	if c.processes == 1 {
		return make([]net.Listener, 1), nil
	}
	for i := range c.processes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		host := l.Addr().String()
		if c.through != nil {
			host = c.through(i, host)
		}
		listeners, hosts = append(listeners, l), append(hosts, host)
	}
	return listeners, hosts
}

// mustRun runs a program that must succeed, and leave nothing behind.
func (c cluster) mustRun(t testing.TB, program func(*timely.Worker) error) {
	t.Helper()
	before := runtime.NumGoroutine()
	for i, err := range c.run(t, program) {
		if err != nil {
			t.Errorf("%v: process %d: %v", c, i, err)
		}
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks())
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// mustFail runs a program that must fail at all processes, and returns the failures.
func (c cluster) mustFail(t testing.TB, program func(*timely.Worker) error) (failures []*timely.Failure) {
	t.Helper()
	for i, err := range c.run(t, program) {
		var f *timely.Failure
		if !errors.As(err, &f) {
			t.Fatalf("%v: process %d has ended with %v, want a failure", c, i, err)
		}
		failures = append(failures, f)
	}
	return failures
}

// with returns the cluster with so many bytes as its budget.
func (c cluster) with(budget int) cluster {
	c.config.EdgeBudget = budget
	return c
}

// isAt reports whether a worker is in a process.
func (c cluster) isAt(w *timely.Worker, process int) bool { return w.Index()/c.workers == process }
