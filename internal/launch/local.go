package launch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"time"
)

const exitFailure = 1

// Options say how a cluster runs on this machine. All but Processes may be left out.
type Options struct {
	Processes int
	Stdin     *os.File  // of process 0; default the launcher's
	Stdout    io.Writer // of all; default the launcher's
	Stderr    io.Writer

	Grace      time.Duration // how long processes may take to leave after a failure; default 5 s
	StopWithin time.Duration // how long they may take after SIGTERM, before the grace begins; default 30 s
}

// Local runs this program as a cluster on this machine, and returns the exit status
// for the launcher when all processes have ended. It is 0, without an error, if that
// of each is. Else it is that of the process that failed first, or 1 if it was
// something else; the error is one sentence.
//
// SIGTERM, an interrupt and SIGQUIT are passed on to the processes while it runs. The
// end of ctx is an interrupt.
func Local(ctx context.Context, o Options) (status int, err error) {
	o.fill()
	// A thread that ends takes the processes it started with it; this one stays.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 16)
	for _, s := range heeded(passedOn) {
		signal.Notify(signals, s)
	}
	defer signal.Stop(signals)
	broken := make(chan error, 1)
	var once sync.Once // the first error says enough
	out, errs := sinksOf(o.Stdout, o.Stderr, func(err error) {
		once.Do(func() { broken <- fmt.Errorf("what the processes print is lost: %w", err) })
	})
	processes, err := startAll(o, out, errs)
	if err != nil {
		return exitFailure, err
	}
	s := newSupervisor(o, processes)
	s.run(ctx, signals, broken)
	return s.verdict()
}

func (o *Options) fill() {
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.StopWithin == 0 {
		o.StopWithin = 30 * time.Second
	}
}

// startAll starts all processes, or none: those that were started are killed.
func startAll(o Options, out, errs *sink) (processes []*process, err error) {
	if o.Processes < 1 || o.Processes > maxLocal {
		return nil, fmt.Errorf("%d processes: there may be 1 to %d on one machine", o.Processes, maxLocal)
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("this program's executable: %w", err)
	}
	hosts, ports, err := reserve(o.Processes)
	if err != nil {
		return nil, fmt.Errorf("a port for each process: %w", err)
	}
	defer func() { // each process has its own by now
		for _, port := range ports {
			release(port)
		}
	}()
	told := letter{Parent: os.Getpid(), Hosts: hosts, Secret: make([]byte, secretSize)}
	if _, err := rand.Read(told.Secret); err != nil {
		return nil, err
	}
	for i, port := range ports {
		told.Index = i
		p, err := start(command(o, path, told), i, port, out, errs)
		if err != nil {
			endAll(processes)
			return nil, err
		}
		processes = append(processes, p)
	}
	return processes, nil
}

// command is this program once more, as one process of the cluster.
func command(o Options, path string, told letter) *exec.Cmd {
	cmd := &exec.Cmd{Path: path, Args: os.Args}
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, variable+"=") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	cmd.Env = append(cmd.Env, variable+"="+told.String())
	if told.Index == 0 {
		cmd.Stdin = o.Stdin
	}
	return cmd
}

// endAll kills processes and waits for them.
func endAll(processes []*process) {
	for _, p := range processes {
		p.kill()
	}
	for _, p := range processes {
		p.await()
		p.release()
		p.copying.Wait()
	}
}

// reserve takes a free port of this machine for each process.
func reserve(n int) (hosts []string, ports []portFile, err error) {
	for range n {
		listener, err := listen()
		if err == nil {
			host := listener.Addr().String()
			var port portFile
			if port, err = keep(listener); err == nil {
				hosts, ports = append(hosts, host), append(ports, port)
				continue
			}
		}
		for _, port := range ports {
			release(port)
		}
		return nil, nil, err
	}
	return hosts, ports, nil
}

// listen listens at a free port that only this machine reaches.
func listen() (*net.TCPListener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		other, err6 := net.Listen("tcp", "[::1]:0")
		if err6 != nil {
			return nil, errors.Join(err, err6)
		}
		listener = other
	}
	return listener.(*net.TCPListener), nil
}
