package timely

import (
	"flag"
	"log/slog"
	"time"
)

// Config says how a program is run. Its zero value runs one worker.
type Config struct {
	Workers int // workers in this process; default 1
	// EdgeBudget is how many bytes may wait at an input of an operator, and at an
	// Input, before what produces more is paused; default 1 MiB. Buffers count for
	// their capacity and 64 bytes; what a record points to counts only if it has a
	// method Size() int. All workers together have it at an input to which records
	// are exchanged, and each may send one batch at least.
	EdgeBudget int

	Grace time.Duration // how long workers may take to leave after a failure; default 1 s
	Log   *slog.Logger  // what is told besides the failure that Execute returns; default silence, in Main text on standard error
	Args  []string      // what Worker.Args returns; in Main what stands on the command line beside flags
}

// Flags registers the engine's flags in fs, for those who call [Execute]; [Main]
// does it itself. Defaults are what c says when it is called.
func (c *Config) Flags(fs *flag.FlagSet) {
	for _, f := range c.flags() {
		if f.short != "" {
			fs.IntVar(f.value, f.short, *f.value, f.usage)
		}
		fs.IntVar(f.value, f.long, *f.value, f.usage)
	}
}

// engineFlag is a flag of the engine's.
type engineFlag struct {
	long, short string
	value       *int
	usage       string
}

func (c *Config) flags() []engineFlag {
	if c.Workers == 0 {
		c.Workers = 1
	}
	if c.EdgeBudget == 0 {
		c.EdgeBudget = 1 << 20
	}
	return []engineFlag{
		{"workers", "w", &c.Workers, "number of workers in this process"},
		{"edge-budget", "", &c.EdgeBudget, "bytes that may wait at an input of an operator"},
	}
}
