package mutants

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// This file holds how a mutant is applied, and what became of it.

// A mutant is an edit of one production file that makes the engine wrong.
type mutant struct {
	name     string // what the engine does then
	file     string // in the module's root, or below it
	old, new string // the text, which the file has exactly once, and what replaces it
	by       suite  // what kills it
	hangs    bool   // it may also show by tests that do not end
}

// A suite is some tests of some packages.
type suite struct {
	packages string // patterns, separated by spaces
	run      string // as for go test -run
}

// How long the tests of one package may take.
const (
	within      = time.Minute
	hangsWithin = 10 * time.Second // where they may hang
)

// slow reports whether it takes long to build the tests, or to see them hang.
func (m mutant) slow() bool { return m.hangs || m.by.packages == "." }

// source returns the text of the mutant's file with its edit.
func (m mutant) source(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return nil, err
	}
	switch n := bytes.Count(text, []byte(m.old)); n {
	case 1:
		return bytes.Replace(text, []byte(m.old), []byte(m.new), 1), nil
	case 0:
		return nil, fmt.Errorf("%s: the line is gone: mend the mutant %q, which looks for\n%s", m.file, m.name, m.old)
	default:
		return nil, fmt.Errorf("%s: the line is there %d times: mend the mutant %q, which looks for\n%s", m.file, n, m.name, m.old)
	}
}

// test runs the suite with the mutant in place of the file.
func (m mutant) test(t *testing.T, root string) (outcome, error) {
	text, err := m.source(root)
	if err != nil {
		return outcome{}, err
	}
	folder := t.TempDir()
	mutated, overlay := filepath.Join(folder, "mutated.go"), filepath.Join(folder, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): mutated}})
	if err != nil {
		return outcome{}, err
	}
	if err := errors.Join(os.WriteFile(mutated, text, 0o600), os.WriteFile(overlay, list, 0o600)); err != nil {
		return outcome{}, err
	}
	limit := within
	if m.hangs {
		limit = hangsWithin
	}
	return m.by.test(t, root, limit, "-overlay="+overlay)
}

// test runs the suite.
func (s suite) test(t *testing.T, root string, limit time.Duration, flags ...string) (outcome, error) {
	args := []string{"test", "-json", "-count=1", "-failfast", "-vet=off", "-timeout=" + limit.String(), "-run=" + s.run}
	cmd := exec.CommandContext(t.Context(), "go", slices.Concat(args, flags, strings.Fields(s.packages))...)
	cmd.Dir = root
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, suiteSeconds+"=") })
	var said bytes.Buffer
	cmd.Stderr = &said
	begun := time.Now()
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return outcome{}, err
	}
	o, readErr := read(bytes.NewReader(out))
	if readErr != nil {
		return outcome{}, fmt.Errorf("what go test says is not understood: %w\n%s%s", readErr, out, said.String())
	}
	if err != nil && o.end == passed {
		return outcome{}, fmt.Errorf("go test: %w\n%s%s", err, o.text, said.String())
	}
	o.took = time.Since(begun)
	return o, nil
}

// An outcome is what became of a suite.
type outcome struct {
	end  ending
	by   string // the test that failed first
	text string // what was printed
	took time.Duration
}

// An ending says how a suite ended; a later one of these outdoes those before it.
type ending int

const (
	passed ending = iota
	failed        // by a test or a panic
	hung          // it was not at an end in time
	broken        // it does not compile
)

// event is a line of what go test -json prints.
type event struct {
	Action, Package, Test, Output, ImportPath, FailedBuild string
}

// read finds out how a suite ended from what go test -json prints.
func read(in io.Reader) (o outcome, err error) {
	var text strings.Builder
	running := "" // the test that began last
	for d := json.NewDecoder(in); ; {
		var e event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			o.text = text.String()
			return o, nil
		} else if err != nil {
			return o, err
		}
		text.WriteString(e.Output)
		switch {
		case e.Action == "build-fail" || e.FailedBuild != "":
			o.end = broken
		case e.Action == "run":
			running = e.Test
		case strings.HasPrefix(e.Output, "panic: test timed out after"):
			o.end = max(o.end, hung)
			o.by = nameOf(e.Package, running) + ", which does not end"
		case e.Action == "fail":
			o.end = max(o.end, failed)
			if o.by == "" {
				o.by = nameOf(e.Package, e.Test)
			}
		}
	}
}

// nameOf names a test with its package, or the package if the test is not known.
func nameOf(pkg, test string) string {
	test, _, _ = strings.Cut(test, "/")
	return strings.TrimSuffix(shortName(pkg)+" "+test, " ")
}

// shortName returns a package's path below the module's, "timely" for its root.
func shortName(path string) string {
	const module = "github.com/timely-go/timely"
	if path == module {
		return "timely"
	}
	return strings.TrimPrefix(path, module+"/")
}

// killed returns nil if the outcome shows that the mutant is wrong, else why not.
func (m mutant) killed(o outcome) error {
	switch {
	case o.end == failed, o.end == hung && m.hangs:
		return nil
	case o.end == hung:
		return fmt.Errorf("the mutant %q was not killed: %v had not ended after %v\n%s", m.name, m.by, within, cut(o.text))
	case o.end == broken:
		return fmt.Errorf("the mutant %q does not compile: mend it\n%s", m.name, cut(o.text))
	}
	return fmt.Errorf("the mutant %q has survived %v: these tests have a hole\n%s", m.name, m.by, cut(o.text))
}

// cut returns the beginning of a text that may be long.
func cut(text string) string {
	const most = 2000
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

func (s suite) String() string { return "go test -run='" + s.run + "' " + s.packages }
