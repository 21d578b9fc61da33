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
	text := strings.TrimPrefix(f.Err.Error(), "timely: ")
	if len(at) == 0 {
		return "timely: " + text
	}
	return "timely: " + strings.Join(at, ", ") + ": " + text
}

// Unwrap returns what happened.
func (f *Failure) Unwrap() error { return f.Err }

// PanicError is a panic whose value is not an error.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// panicked returns a panic's value as an error.
func panicked(value any) error {
	if err, ok := value.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return &PanicError{value}
}
