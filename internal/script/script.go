// Package script runs tests that are written as text: commands, and below them
// what they said. A file is a sequence of blocks, separated by blank lines:
//
//	# Two operators in a loop: b returns to a, one round later.
//	edge a.out -> b.in
//	edge b.out -> a.in +1
//	update a.out@17 +1
//	----
//	a.in {18}
//	b.in {17}
//
// A block is lines of comment and commands, then the line ---- and what all
// its commands said together, up to the next blank line or the end of the
// file. A block without ---- says nothing. Output that has blank lines, or
// lines that are ---- themselves, stands between doubled lines:
//
//	print
//	----
//	----
//	above
//
//	below
//	----
//	----
//
// Run with -rewrite replaces the outputs in the files with what the commands
// said; commands and comments stay as they were written.
package script

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the commands of test scripts say into the scripts")

// A Handler carries out the commands of one file, in order, and keeps what
// they share.
type Handler interface {
	// Do returns what the command says, in any number of lines.
	Do(line Line) string
}

// A Func is a Handler that is one function.
type Func func(line Line) string

// Do calls f.
func (f Func) Do(line Line) string { return f(line) }

// A Line is one command.
type Line struct {
	Verb string   // the first word
	Args []string // the other words
	Raw  string   // the line without the space around it
	At   string   // file:line, for messages
}

// Run runs every file in dir whose name does not begin with a dot as a subtest
// of t, each with a handler of its own.
func Run(t *testing.T, dir string, newHandler func(t *testing.T) Handler) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	for _, entry := range entries {
		if !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		ran = true
		t.Run(entry.Name(), func(t *testing.T) {
			if err := runFile(filepath.Join(dir, entry.Name()), newHandler(t), *rewrite); err != nil {
				t.Error(err)
			}
		})
	}
	if !ran {
		t.Fatalf("no scripts in %s", dir)
	}
}

// runFile runs the file at path. The error names every block that said
// something else than the file expects, unless the file is rewritten.
func runFile(path string, h Handler, rewrite bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	blocks, err := parse(path, string(text))
	if err != nil {
		return err
	}
	differences := runBlocks(path, blocks, h)
	if !rewrite {
		return differences
	}
	now, err := format(path, blocks)
	if err != nil || now == string(text) {
		return err
	}
	return os.WriteFile(path, []byte(now), 0o644)
}

// runBlocks sets the output of each block to what its commands said, and
// returns how that differs from what it was.
func runBlocks(path string, blocks []block, h Handler) error {
	var differences []string
	for i := range blocks {
		b := &blocks[i]
		said := b.run(path, h)
		if said != b.output {
			differences = append(differences, fmt.Sprintf("%s:%d: output differs; it was\n%sand should be\n%s",
				path, b.line, indented(said), indented(b.output)))
		}
		b.output = said
	}
	if differences == nil {
		return nil
	}
	return fmt.Errorf("%s(-rewrite takes the new output)", strings.Join(differences, ""))
}

// run returns what the block's commands said, every line ended.
func (b *block) run(path string, h Handler) string {
	var said strings.Builder
	for i, raw := range b.head {
		words := strings.Fields(raw)
		if isComment(raw) {
			continue
		}
		text := h.Do(Line{
			Verb: words[0],
			Args: words[1:],
			Raw:  strings.TrimSpace(raw),
			At:   fmt.Sprintf("%s:%d", path, b.line+i),
		})
		said.WriteString(text)
		if text != "" && !strings.HasSuffix(text, "\n") {
			said.WriteByte('\n')
		}
	}
	return said.String()
}

// indented returns the lines of output as they are shown in a message.
func indented(output string) string {
	if output == "" {
		return "    (nothing)\n"
	}
	var shown strings.Builder
	for line := range strings.Lines(output) {
		shown.WriteString("    " + line)
	}
	return shown.String()
}
