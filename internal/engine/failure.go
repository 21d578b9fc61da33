package engine

import (
	"fmt"
	"strings"
)

// Failure is what ended an execution: the first thing that went wrong at any worker.
type Failure struct {
	Process, Worker int    // where; Worker is -1 when it was not at a worker
	Operator, Site  string // in which operator or stage, and where the program wrote it; empty if in neither
	Err             error  // what happened
	Stack           []byte // of the panic, if it was one

	panicked bool // Err is what it panicked with
}

// Error returns one line: where, and what.
func (f *Failure) Error() string {
	var at []string
	if f.Worker >= 0 {
		at = append(at, fmt.Sprintf("worker %d", f.Worker))
	}
	if f.Operator != "" {
		at = append(at, f.Operator+"@"+f.Site)
	}
	text := oneLine(fmt.Sprint(f.Err)) // bears with an Error method that panics
	if own, ours := strings.CutPrefix(text, "timely: "); ours {
		text = own
	} else if f.panicked {
		text = "panic: " + text
	}
	if len(at) > 0 {
		text = strings.Join(at, ", ") + ": " + text
	}
	return "timely: " + oneLine(text)
}

// oneLine joins the lines of a text: those under a headline to it, others as they
// follow each other.
func oneLine(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			continue
		case b.Len() == 0:
		case strings.HasSuffix(b.String(), ":"):
			b.WriteByte(' ')
		default:
			b.WriteString("; ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// Unwrap returns what happened.
func (f *Failure) Unwrap() error { return f.Err }

// PanicError is a panic whose value is not an error.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// panicked returns the failure that a panic is.
func panicked(value any, stack []byte) *Failure {
	if err, ok := value.(error); ok {
		return &Failure{Err: err, Stack: stack, panicked: true}
	}
	return &Failure{Err: &PanicError{value}, Stack: stack}
}
