package timely_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unsafeFiles are the files that may import unsafe, with what they need it for.
// Only they can be wrong about memory: what they read and write is bounded by what
// the line says, and .ci/run runs their tests with the compiler's checks of pointers.
var unsafeFiles = map[string]string{
	"codec/memory.go":          "reads and writes records by their types' offsets, and batches without pointers or padding as bytes; lengths, alignment and bools are checked before",
	"internal/batch/pool.go":   "the size of a record, by unsafe.Sizeof alone: no memory is looked at",
	"internal/batch/poison.go": "overwrites, as bytes, a buffer of records without pointers that nobody refers to; only in tests and under the race detector",
}

func TestUnsafeIsConfined(t *testing.T) {
	found := map[string]bool{}
	eachSource(t, func(path string) {
		for _, imported := range importsOf(t, path) {
			switch {
			case imported == "C":
				t.Errorf("%s imports C; the module is pure Go", path)
			case imported != "unsafe":
			case unsafeFiles[path] == "":
				t.Errorf("%s imports unsafe; do without, or add it to unsafeFiles with the reason", path)
			default:
				found[path] = true
			}
		}
	})
	for _, path := range slices.Sorted(maps.Keys(unsafeFiles)) {
		if !found[path] {
			t.Errorf("%s does not import unsafe: take it off the list", path)
		}
	}
}

// changesTheRuntime are functions that change how all of the process runs, which is for
// the program and its environment (GOGC, GOMEMLIMIT, GOMAXPROCS) to say. The last also
// tells how it is, and may be asked that: with 0.
var changesTheRuntime = []string{"SetGCPercent", "SetMemoryLimit", "SetMaxStack", "SetMaxThreads", "SetPanicOnFault", "FreeOSMemory", "GOMAXPROCS"}

func TestNothingChangesHowTheRuntimeRuns(t *testing.T) {
	eachSource(t, func(path string) {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(changesTheRuntime, f.Sel.Name) {
				return true
			}
			if pkg, ok := f.X.(*ast.Ident); !ok || pkg.Name != "runtime" && pkg.Name != "debug" {
				return true
			}
			if f.Sel.Name == "GOMAXPROCS" && len(call.Args) == 1 {
				if asks, ok := call.Args[0].(*ast.BasicLit); ok && asks.Value == "0" {
					return true
				}
			}
			t.Errorf("%s: %s changes how the whole process runs", files.Position(n.Pos()), f.Sel.Name)
			return true
		})
	})
}

// eachSource calls a function with every file of the module but tests, whatever it is
// built for.
func eachSource(t *testing.T, look func(path string)) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && path != "." && strings.HasPrefix(name, "."):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		seen++
		look(filepath.ToSlash(path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("only %d files were seen", seen)
	}
}

// importsOf returns what a file imports.
func importsOf(t *testing.T, path string) (paths []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, imported)
	}
	return paths
}
