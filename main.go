package timely

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/timely-go/timely/internal/comm/tcp"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/launch"
)

const (
	exitFailure = 1
	exitUsage   = 2

	stopWithin = 30 * time.Second // after SIGTERM
)

// Main runs a program as a command: it parses the command line, runs the program
// at each worker, and returns on success. On failure it prints one line, and the
// stack of a panic, and exits with 1; a wrong command line exits with 2.
//
// The engine's flags and those that the program registered on the flag package's
// CommandLine may stand anywhere in the line; the rest is [Worker.Args]. With
// -n (--processes) alone Main starts so many processes of this program on this
// machine, with the same arguments, and waits for them. What they print comes out
// here, each line after the number of its process; process 0 has the standard input. With
// -p (--process), too, this is one of the processes, and somebody starts the others:
// -h (--hostfile) says where. --help lists the flags.
//
// SIGTERM makes [Worker.Stopping] true, at all workers of all processes; a second
// one, or 30 s, ends the execution, and so does an interrupt. Before all processes
// have joined, each ends it. After Main signals do what they did before; but in a
// cluster one that comes to a process which no signal had come to is ignored, as it
// may be the one that has stopped the others.
//
// What a program does before it calls Main, and after Main has returned, is done at
// each process, and once more at the one that started them.
func Main(program func(*Worker) error) {
	member, launched, err := launch.FromEnv()
	if err != nil {
		exit(exitFailure, fmt.Errorf("timely: %w", err))
	}
	if launched {
		member.WatchParent()
	}
	name := filepath.Base(os.Args[0])
	c, asked, err := parse(name, os.Args[1:], flag.CommandLine, os.Stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err != nil:
		exit(exitUsage, err)
	}
	if launched {
		c.Processes, c.Process, c.Hosts = len(member.Hosts), member.Index, member.Hosts
	} else {
		plan, err := asked.Plan()
		switch {
		case err != nil:
			exit(exitUsage, usage(name, err))
		case plan.Kind == launch.Whole:
			launchAll(plan.Processes)
			return
		}
		c.Processes, c.Process, c.Hosts = plan.Processes, plan.Process, plan.Hosts
	}
	if err := runMain(c, member, program); err != nil {
		exit(exitStatus(err, launched), err)
	}
}

// launchAll runs a cluster on this machine, and returns on success.
func launchAll(processes int) {
	status, err := launch.Local(context.Background(), launch.Options{Processes: processes})
	switch {
	case err != nil:
		exit(status, fmt.Errorf("timely: %w", err))
	case status != 0:
		os.Exit(status)
	}
}

// exitStatus says whether this process failed or, if a launcher wants to know, another.
func exitStatus(err error, launched bool) int {
	gone, told := (*tcp.PeerError)(nil), (*tcp.AbortError)(nil)
	if launched && (errors.As(err, &gone) || errors.As(err, &told)) {
		return launch.ExitPeer
	}
	return exitFailure
}

func exit(status int, err error) {
	tell(os.Stderr, err)
	os.Exit(status)
}

// runMain runs a program until it ends, or signals end it.
func runMain(c Config, member *launch.Member, program func(*Worker) error) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	stop := notify(member, signals, os.Interrupt, syscall.SIGTERM)
	begun := make(chan engine.Stopper, 1)
	ended := make(chan struct{})
	defer func() {
		if cancel(nil); c.Processes <= 1 {
			<-ended
		}
	}()
	go func() {
		if heeded := obey(ctx, cancel, begun, signals); !heeded && c.Processes > 1 {
			<-signals // the one that has stopped the others may be on its way here
		}
		stop()
		close(ended)
	}()
	return execute(ctx, c, member, func(x engine.Stopper) { begun <- x }, program)
}

// notify is signal.Notify; signals of a process that was launched also come from its
// launcher.
func notify(member *launch.Member, c chan os.Signal, signals ...os.Signal) (stop func()) {
	if member != nil {
		return member.Notify(c, signals...)
	}
	signal.Notify(c, signals...)
	return func() { signal.Stop(c) }
}

// obey does what signals say, until the execution has ended, and returns whether there
// were any. An execution that has not begun cannot be stopped in good order: it ends.
func obey(ctx context.Context, cancel context.CancelCauseFunc, begun <-chan engine.Stopper, signals <-chan os.Signal) (heeded bool) {
	var x engine.Stopper
	var late <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return heeded
		case x = <-begun:
		case s := <-signals:
			heeded = true
			if x == nil && len(begun) > 0 {
				x = <-begun
			}
			if s == os.Interrupt || late != nil || x == nil {
				cancel(fmt.Errorf("ended by signal: %v", s))
				return heeded
			}
			x.Stop()
			late = time.After(stopWithin)
		case <-late:
			cancel(fmt.Errorf("not stopped within %v of the signal to stop", stopWithin))
			return heeded
		}
	}
}

// tell prints a failure.
func tell(w io.Writer, err error) {
	fmt.Fprintln(w, err)
	var f *Failure
	if errors.As(err, &f) && f.Stack != nil {
		fmt.Fprintf(w, "\n%s", f.Stack)
	}
}

// parse reads a command line, with the flags of the program's own set. It also
// returns what the line says about the cluster, which has yet to be judged.
func parse(name string, args []string, own *flag.FlagSet, help io.Writer) (Config, launch.Flags, error) {
	c := Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	asked := launch.Flags{Given: fs.Changed}
	addEngineFlags(fs, &c, &asked.HostFile)
	wantsHelp := fs.Bool("help", false, "print this")
	if err := addOwnFlags(fs, own); err != nil {
		return c, asked, err
	}
	if err := fs.Parse(args); err != nil {
		return c, asked, usage(name, err)
	}
	if *wantsHelp {
		fmt.Fprintf(help, "usage of %s:\n%s", name, fs.FlagUsages())
		return c, asked, pflag.ErrHelp
	}
	if err := checkFlags(c); err != nil {
		return c, asked, usage(name, err)
	}
	c.Args = fs.Args()
	asked.Processes, asked.Process = c.Processes, c.Process
	return c, asked, nil
}

// addEngineFlags adds the engine's flags, with their shorthands.
func addEngineFlags(fs *pflag.FlagSet, c *Config, hostFile *string) {
	engine := flag.NewFlagSet("", flag.ContinueOnError)
	c.define(engine, func(path string) error { *hostFile = path; return nil })
	engine.VisitAll(func(f *flag.Flag) {
		added := pflag.PFlagFromGoFlag(f)
		added.Shorthand = shorthands[f.Name]
		fs.AddFlag(added)
	})
}

// addOwnFlags adds the program's flags.
func addOwnFlags(fs *pflag.FlagSet, own *flag.FlagSet) (clash error) {
	own.VisitAll(func(f *flag.Flag) {
		switch {
		case fs.Lookup(f.Name) != nil || len(f.Name) == 1 && fs.ShorthandLookup(f.Name) != nil:
			clash = fmt.Errorf("timely: the program's flag -%s is also one of the engine's; rename it", f.Name)
		default:
			fs.AddGoFlag(f)
		}
	})
	return clash
}

// checkFlags refuses what would stand for a default in a Config, or cannot work.
func checkFlags(c Config) error {
	switch {
	case c.Workers < 1:
		return fmt.Errorf("--workers %d: there must be one at least", c.Workers)
	case c.EdgeBudget < 1:
		return fmt.Errorf("--edge-budget %d: a byte must be allowed at least", c.EdgeBudget)
	case c.Network.JoinTimeout <= 0:
		return fmt.Errorf("--join-timeout %v: there must be some time to join", c.Network.JoinTimeout)
	}
	return nil
}

// usage is the error of a wrong command line.
func usage(name string, err error) error {
	return fmt.Errorf("%s: %w; --help lists the flags", name, err)
}
