package timely

import (
	"fmt"
	"strings"

	"github.com/timely-go/timely/internal/engine"
)

// Failure is what [Execute] returns: the first thing that went wrong, at any worker.
// [Worker.Context] ends with it as its cause.
//
// In a cluster the failure of one process is a failure of all: at the others Err says
// which process failed, and why, or that it is gone or silent.
type Failure struct {
	Process, Worker int    // where; workers are counted through all processes, and it is -1 when it was not at one
	Operator, Site  string // in which operator or stage, and where the program wrote it; empty if in neither
	Err             error  // what happened: what a program returned, what was panicked with, or why the context ended
	Stack           []byte // where a panic came from; nil if it was none

	engine  *engine.Failure // that it stands for; nil if a program made it
	cluster bool            // there are several processes
}

// failureOf returns an engine's failure as programs see it.
func (c *Config) failureOf(f *engine.Failure) *Failure {
	return &Failure{
		Process: f.Process, Worker: f.Worker, Operator: f.Operator, Site: f.Site, Err: f.Err, Stack: f.Stack,
		engine: f, cluster: c.Processes > 1,
	}
}

// Error returns one line: where, and what. It names the process if there are several.
func (f *Failure) Error() string {
	of := f.engine
	if of == nil {
		of = &engine.Failure{Worker: f.Worker, Operator: f.Operator, Site: f.Site, Err: f.Err}
	}
	text := of.Error()
	if !f.cluster && f.Process == 0 {
		return text
	}
	what := strings.TrimPrefix(strings.TrimPrefix(text, "timely: "), "comm/tcp: ")
	where := fmt.Sprintf("process %d", f.Process)
	switch {
	case f.Worker >= 0 || f.Operator != "":
		what = where + ", " + what
	case !beginsWith(what, where): // what comes from the network often does
		what = where + ": " + what
	}
	return "timely: " + what
}

// beginsWith reports whether the text begins with the words, which end in a number.
func beginsWith(text, words string) bool {
	rest, found := strings.CutPrefix(text, words)
	return found && (rest == "" || rest[0] < '0' || rest[0] > '9')
}

// Unwrap returns what happened, so that errors.Is and errors.As look at it.
func (f *Failure) Unwrap() error { return f.Err }
