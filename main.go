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

	"github.com/timely-go/timely/internal/engine"
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
// The engine's flags (-w or --workers) and those that the program registered on
// the flag package's CommandLine may stand anywhere in the line; the rest is
// [Worker.Args]. SIGTERM makes [Worker.Stopping] true; a second one, or 30 s, ends
// the execution, and so does an interrupt.
func Main(program func(*Worker) error) {
	c, err := parse(filepath.Base(os.Args[0]), os.Args[1:], flag.CommandLine, os.Stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	if err := runMain(c, program); err != nil {
		tell(os.Stderr, err)
		os.Exit(exitFailure)
	}
}

// runMain runs a program until it ends, or signals end it.
func runMain(c Config, program func(*Worker) error) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return execute(ctx, c, func(x engine.Stopper) { go obey(ctx, cancel, x, signals) }, program)
}

// obey does what signals say, until the execution has ended.
func obey(ctx context.Context, cancel context.CancelCauseFunc, x engine.Stopper, signals <-chan os.Signal) {
	var late <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if s == os.Interrupt || late != nil {
				cancel(fmt.Errorf("ended by signal: %v", s))
				return
			}
			x.Stop()
			late = time.After(stopWithin)
		case <-late:
			cancel(fmt.Errorf("not stopped within %v of the signal to stop", stopWithin))
			return
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

// parse reads a command line, with the flags of the program's own set.
func parse(name string, args []string, own *flag.FlagSet, help io.Writer) (Config, error) {
	c := Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, f := range c.flags() {
		fs.IntVarP(f.value, f.long, f.short, *f.value, f.usage)
	}
	wantsHelp := fs.Bool("help", false, "print this")
	var clash error
	own.VisitAll(func(f *flag.Flag) {
		switch {
		case fs.Lookup(f.Name) != nil || len(f.Name) == 1 && fs.ShorthandLookup(f.Name) != nil:
			clash = fmt.Errorf("timely: the program's flag -%s is also one of the engine's; rename it", f.Name)
		default:
			fs.AddGoFlag(f)
		}
	})
	if clash != nil {
		return c, clash
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			err = errors.New("-h is not a flag")
		}
		return c, fmt.Errorf("%s: %w; --help lists the flags", name, err)
	}
	if *wantsHelp {
		fmt.Fprintf(help, "usage of %s:\n%s", name, fs.FlagUsages())
		return c, pflag.ErrHelp
	}
	if c.Workers < 1 {
		return c, fmt.Errorf("%s: --workers %d: there must be one at least; --help lists the flags", name, c.Workers)
	}
	if c.EdgeBudget < 1 {
		return c, fmt.Errorf("%s: --edge-budget %d: a byte must be allowed at least; --help lists the flags", name, c.EdgeBudget)
	}
	c.Args = fs.Args()
	return c, nil
}
