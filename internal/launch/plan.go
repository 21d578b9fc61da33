package launch

import (
	"fmt"
	"net"
	"strconv"
)

const (
	firstPort = 2101 // of process 0, if there is no host file
	maxLocal  = 1024 // processes on one machine: a typing error should not take it down
)

// Flags are what a command line says about the cluster.
type Flags struct {
	HostFile           string // --hostfile
	Processes, Process int    // --processes, --process

	// Given reports whether a flag stands on the line; its long name, without dashes.
	Given func(flag string) bool
}

// Kind is what a command line asks for.
type Kind int

// What a command line asks for.
const (
	Alone  Kind = iota // one process, no network
	Whole              // a cluster on this machine: call Local
	Single             // one process of a cluster, the others are started elsewhere
)

// Plan is what to do.
type Plan struct {
	Kind               Kind
	Processes, Process int      // Process is 0 unless Kind is Single
	Hosts              []string // Single: the address of each process
}

// Plan reads the host file, if there is one, and says what the command line asks
// for. The error is one sentence that names the flag and says what to do.
func (f Flags) Plan() (Plan, error) {
	file, number, index := f.Given("hostfile"), f.Given("processes"), f.Given("process")
	switch {
	case number && f.Processes < 1:
		return Plan{}, fmt.Errorf("--processes %d: there must be one at least", f.Processes)
	case index && f.Process < 0:
		return Plan{}, fmt.Errorf("--process %d: processes are numbered from 0", f.Process)
	case index && !number:
		return Plan{}, fmt.Errorf("--process %d without --processes: say how many there are, too", f.Process)
	case file && !index:
		return Plan{}, fmt.Errorf("--hostfile %s without --process: start the program once for each line of the file, and say which one it is with --processes and --process; without --hostfile, --processes alone starts them all on this machine", f.HostFile)
	case index:
		return f.single(file)
	case !number || f.Processes == 1:
		return Plan{Processes: 1}, nil
	case f.Processes > maxLocal:
		return Plan{}, fmt.Errorf("--processes %d: one machine runs %d at most; name several with --hostfile", f.Processes, maxLocal)
	}
	return Plan{Kind: Whole, Processes: f.Processes}, nil
}

// single is the plan for one process of several.
func (f Flags) single(file bool) (Plan, error) {
	hosts, where := DefaultHosts(f.Processes), ""
	if file {
		var err error
		if hosts, err = ReadHosts(f.HostFile); err != nil {
			return Plan{}, fmt.Errorf("--hostfile: %w", err)
		}
		where = " --hostfile " + f.HostFile
	}
	if err := CheckMember(hosts, f.Processes, f.Process); err != nil {
		return Plan{}, fmt.Errorf("--processes %d --process %d%s: %w", f.Processes, f.Process, where, err)
	}
	if f.Processes == 1 {
		return Plan{Processes: 1}, nil
	}
	return Plan{Kind: Single, Processes: f.Processes, Process: f.Process, Hosts: hosts[:f.Processes]}, nil
}

// CheckMember refuses a process that cannot be one of a cluster. The first addresses
// count; there may be more of them than processes.
func CheckMember(hosts []string, processes, process int) error {
	switch {
	case processes < 1:
		return fmt.Errorf("there are %d processes: there must be one at least", processes)
	case process < 0:
		return fmt.Errorf("there is no process %d: they are numbered from 0", process)
	case process >= processes:
		return fmt.Errorf("there is no process %d of %d: they are numbered from 0 to %d", process, processes, processes-1)
	case len(hosts) < processes:
		return fmt.Errorf("there are %d processes and %d addresses: give each process one", processes, len(hosts))
	}
	return nil
}

// DefaultHosts returns the addresses of n processes on this machine that somebody
// starts one by one. There are fewer than n if there are not so many ports.
func DefaultHosts(n int) (hosts []string) {
	for port := firstPort; port < min(firstPort+n, 1<<16); port++ {
		hosts = append(hosts, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	return hosts
}
