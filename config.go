package timely

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"github.com/timely-go/timely/internal/launch"
)

// Config says how a program is run. Its zero value runs one worker.
type Config struct {
	Workers int // in each process; default 1

	// Processes is how many processes run the program together, all with the same
	// number of workers; default 1, without any network. Process is which of them this
	// is, from 0. Hosts is where each listens, as host:port, that of process 0 first,
	// and the same at all; there may be more addresses than processes. Default are
	// 127.0.0.1:2101 and the ports after it. Each worker of each process runs the
	// program.
	Processes, Process int
	Hosts              []string
	Network            Network // how processes find and trust each other

	// EdgeBudget is how many bytes may wait at an input of an operator, and at an
	// Input, before what produces more is paused; default 1 MiB. Buffers count for
	// their capacity and 64 bytes; what a record points to counts only if it has a
	// method Size() int. All workers together have it at an input to which records
	// are exchanged, and each may send one batch at least.
	EdgeBudget int

	Grace time.Duration // how long workers may take to leave after a failure; default 1 s
	Log   *slog.Logger  // what is told besides the failure that Execute returns, such as that nothing has happened for 30 s; default silence, in Main text on standard error
	Args  []string      // what Worker.Args returns; in Main what stands on the command line beside flags
}

// Flags registers the engine's flags in fs, for those who call [Execute]; [Main]
// does it itself. Defaults are what c says when it is called.
//
// Files are read when their flag is parsed: --hostfile sets Hosts, --secret-file sets
// Network.Secret, and what is wrong with the file is an error of the parse. Nothing
// here starts processes, as Main does for --processes alone: who gives --processes
// gives --process too.
func (c *Config) Flags(fs *flag.FlagSet) {
	c.define(fs, func(path string) (err error) {
		c.Hosts, err = launch.ReadHosts(path)
		return err
	})
	for long, short := range shorthands {
		f := fs.Lookup(long)
		fs.Var(f.Value, short, f.Usage)
	}
}

// shorthands are the letters of those flags of the engine's that have one.
var shorthands = map[string]string{"workers": "w", "processes": "n", "process": "p", "hostfile": "h"}

// define registers the engine's flags by their long names. Zeros that stand for a
// default become that default, which help then shows.
func (c *Config) define(fs *flag.FlagSet, hostFile func(path string) error) {
	if c.Workers == 0 {
		c.Workers = 1
	}
	if c.EdgeBudget == 0 {
		c.EdgeBudget = 1 << 20
	}
	n := &c.Network
	if n.JoinTimeout == 0 {
		n.JoinTimeout = time.Minute
	}
	fs.IntVar(&c.Workers, "workers", c.Workers, "number of workers in each process")
	fs.IntVar(&c.EdgeBudget, "edge-budget", c.EdgeBudget, "bytes that may wait at an input of an operator")
	fs.IntVar(&c.Processes, "processes", c.Processes, "number of processes; without --process all are started here")
	fs.IntVar(&c.Process, "process", c.Process, "which of the processes this is, from 0; the others are started elsewhere")
	fs.Func("hostfile", "`file` with the host:port of each process, one a line", hostFile)
	fs.StringVar(&n.Cluster, "cluster", n.Cluster, "`name` of the cluster: processes of another one are refused")
	fs.StringVar(&n.TLSDir, "tls-dir", n.TLSDir, "`directory` with this process's certificate and the cluster's authority")
	fs.Func("secret-file", "`file` with a secret that all processes know, 16 bytes or more", func(path string) (err error) {
		n.Secret, err = readSecret(path)
		return err
	})
	fs.BoolVar(&n.Insecure, "insecure", n.Insecure, "let other machines connect without TLS or a secret")
	fs.DurationVar(&n.JoinTimeout, "join-timeout", n.JoinTimeout, "how long to wait for all processes to join")
}

// check says what cannot work.
func (c *Config) check() error {
	switch {
	case c.Workers < 0:
		return errors.New("timely: Config.Workers is negative; 1 is the default")
	case c.EdgeBudget < 0:
		return errors.New("timely: Config.EdgeBudget is negative; 1 MiB is the default")
	case c.Grace < 0:
		return errors.New("timely: Config.Grace is negative; 1 s is the default")
	case c.Processes < 0:
		return errors.New("timely: Config.Processes is negative; 1 is the default")
	case c.Processes == 0 && len(c.Hosts) > 0:
		return fmt.Errorf("timely: Config.Hosts has %d addresses, and Config.Processes is 0: say how many of them there are processes for", len(c.Hosts))
	}
	if err := launch.CheckMember(c.hosts(), max(1, c.Processes), c.Process); err != nil {
		return fmt.Errorf("timely: Config: %w", err)
	}
	return c.Network.check()
}

// hosts returns the addresses, at least one for each process unless it is wrong.
func (c *Config) hosts() []string {
	if len(c.Hosts) == 0 {
		return launch.DefaultHosts(max(1, c.Processes))
	}
	return c.Hosts
}
