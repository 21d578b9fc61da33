package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var pieceOfGo = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestReadmeShowsTheExamples looks for each piece of Go in README.md among the
// examples, so that what readers copy is what these tests run.
func TestReadmeShowsTheExamples(t *testing.T) {
	readme := readFile(t, "../README.md")
	paths, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var programs []string
	for _, path := range paths {
		programs = append(programs, unindented(readFile(t, path)))
	}
	pieces := pieceOfGo.FindAllStringSubmatch(readme, -1)
	if len(pieces) == 0 {
		t.Error("there is no Go in README.md")
	}
	for _, piece := range pieces {
		if !slices.ContainsFunc(programs, func(p string) bool { return strings.Contains(p, unindented(piece[1])) }) {
			t.Errorf("this piece of README.md is in no example:\n%s", piece[1])
		}
	}
}

// TestReadmeLinksExist looks up the files that README.md links to.
func TestReadmeLinksExist(t *testing.T) {
	prose := pieceOfGo.ReplaceAllString(readFile(t, "../README.md"), "")
	links := regexp.MustCompile(`\]\(([^):]+)\)`).FindAllStringSubmatch(prose, -1)
	if len(links) < 5 {
		t.Errorf("only %d links to files found", len(links))
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join("..", link[1])); err != nil {
			t.Error(err)
		}
	}
}

// TestExamplesAreShort counts lines: an example that is read from top to bottom
// has at most 100. doc.go lists them all.
func TestExamplesAreShort(t *testing.T) {
	listed := readFile(t, "doc.go")
	paths, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if n := strings.Count(readFile(t, path), "\n"); n > 100 {
			t.Errorf("%s has %d lines", path, n)
		}
		if name := filepath.Dir(path); !strings.Contains(listed, "\n//\t"+name+" ") {
			t.Errorf("doc.go does not list %s", name)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unindented takes the tabs from the beginning of each line.
func unindented(text string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(text, "")
}
