// Package callsite finds the line of the user's program that called the engine,
// for the names of operators and for panics: "main.go:21".
package callsite

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// A Site is a line of a program. The zero Site is an unknown one.
type Site struct {
	Path string // the file as the compiler names it, for tools
	File string // its last element, for people
	Line int
}

// String returns "main.go:21", or "?" for an unknown site.
func (s Site) String() string {
	if s == (Site{}) {
		return "?"
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

// Errorf returns an error that reads "timely: main.go:21: text". It wraps what
// the format wraps.
func Errorf(site Site, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return fmt.Errorf("timely: %v: %w", site, err)
}

// Caller returns the first line of the call stack that is not the engine's. If
// no user's code is on the stack, the site is unknown.
func Caller() Site {
	var pcs [16]uintptr // deep enough for nearly every call into the engine
	for skip := 2; ; {
		n := runtime.Callers(skip, pcs[:])
		if site, ok := first(pcs[:n]); ok || n < len(pcs) {
			return site
		}
		skip += n
	}
}

// first returns the first line among pcs that is a user's.
func first(pcs []uintptr) (site Site, ok bool) {
	if len(pcs) == 0 {
		return Site{}, false
	}
	frames := runtime.CallersFrames(pcs)
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); f.Function != "" && !isEngine(packageOf(f.Function)) {
			return Site{Path: f.File, File: path.Base(f.File), Line: f.Line}, true
		}
	}
	return Site{}, false
}

// packageOf returns the import path in a function's full name, such as
// "example.org/a.b/c" of "example.org/a.b/c.(*T[...]).M.func1": it ends at the
// first dot after the last slash, as dots in the last element are escaped.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	name, _, _ := strings.Cut(function[slash:], ".")
	return function[:slash+len(name)]
}

const module = "github.com/timely-go/timely"

// isEngine reports whether the package's lines mean nothing to a user: the
// engine's own, and those of the standard library that stand between a user's
// code and the engine or at the bottom of a stack. External tests are users.
func isEngine(pkg string) bool {
	switch pkg {
	case "runtime", "iter", "testing", module:
		return true
	}
	below, ok := strings.CutPrefix(pkg, module+"/")
	if !ok || strings.HasSuffix(pkg, "_test") {
		return false
	}
	if below == "internal/sim" { // it builds programs, as users do
		return false
	}
	top, _, _ := strings.Cut(below, "/")
	return top == "internal" || top == "differential" || top == "timelytest"
}
