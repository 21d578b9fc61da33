package examples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/timely-go/timely/internal/comm/commtest"
)

// This file runs the examples as several processes. Four workers are four workers,
// wherever they are.

// overProcesses are the ways to run four workers.
var overProcesses = []string{"-n1 -w4", "-n2 -w2", "-n4 -w1"}

// byProcess is what the launcher writes before each line of a process.
var byProcess = regexp.MustCompile(`(?m)^p[0-3]: `)

// runOver runs an example with these flags, and returns what it prints, whoever did.
func runOver(t *testing.T, flags, stdin, name string, args ...string) string {
	t.Helper()
	return byProcess.ReplaceAllString(run(t, stdin, name, append(strings.Fields(flags), args...)...), "")
}

// TestExamplesAgreeOverProcesses leaves out simple, which calls Execute and has no flags.
func TestExamplesAgreeOverProcesses(t *testing.T) {
	edges := writeGraph(t, randomGraph(300, 900))
	tests := []struct {
		stdin, line string
		free        bool // the order of the lines is
	}{
		{"", "hello", true},
		{"", "distinct", true},
		{"", "collatz", false},
		{"", "bfs", false},
		{"", "bfs n7 " + edges, false},
		{"", "pagerank", false},
		{"", "pagerank " + edges, false},
		{"", "unionfind", false},
		{"", "unionfind 20000 100000", false},
		{"", "fromchannel 20", true},
		{"", "wordcount", false},
		{"to be or not\nto be\n", "wordcount -", false},
		{"to be or not\nto be", "wordstream", true},
	}
	for _, test := range tests {
		words := strings.Fields(test.line)
		t.Run(test.line[:min(len(test.line), 20)], func(t *testing.T) {
			want := ""
			for _, flags := range overProcesses {
				got := runOver(t, flags, test.stdin, words[0], words[1:]...)
				if test.free {
					got = sorted(got)
				}
				if want == "" {
					want = got
				}
				if got != want || got == "" {
					t.Errorf("%s: got\n%s\nwant\n%s", flags, got, want)
				}
			}
		})
	}
}

// TestTwoProgramsRefuseEachOther, with what Main takes for the build: their executables.
func TestTwoProgramsRefuseEachOther(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(file, []byte(strings.Join(commtest.Hosts(t, 2), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	for i, name := range []string{"hello", "distinct"} {
		both.Go(func() {
			wantFailure(t, "is of build", name, "-n2", fmt.Sprint("-p", i), "-h", file, "--join-timeout", "20s")
		})
	}
	both.Wait()
}

// TestWordcountOfRealTextOverProcesses counts the words of files of Go's own runtime.
func TestWordcountOfRealTextOverProcesses(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(runtime.GOROOT(), "src", "runtime", "m*.go"))
	if err != nil || len(files) < 10 {
		t.Skip("there is no source of the runtime: ", err)
	}
	var text strings.Builder
	for _, file := range files {
		text.WriteString(readFile(t, file))
	}
	if text.Len() < 100_000 {
		t.Fatalf("only %d bytes of text", text.Len())
	}
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	want := countWords(text.String())
	for _, flags := range overProcesses {
		wantText(t, runOver(t, flags, "", "wordcount", file), want)
		wantText(t, runOver(t, flags, text.String(), "wordcount", "-"), want)
	}
}
