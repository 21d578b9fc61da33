package timely_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// withoutExample are exported names that no Example uses, with the reasons.
var withoutExample = map[string]string{
	"Main": "it reads the command line and ends the process; every program of examples/ calls it",
}

// TestEveryExportedNameIsInAnExample looks for each exported name of the package,
// methods and all, in the files of examples. Of a method it sees only the name.
func TestEveryExportedNameIsInAnExample(t *testing.T) {
	used := usedInExamples(t)
	exported := exportedNames(t, ".")
	for _, name := range slices.Sorted(maps.Keys(exported)) {
		of, method, isMethod := strings.Cut(name, ".")
		if isMethod && !(ast.IsExported(of) && ast.IsExported(method)) {
			continue
		}
		shown := used[name]
		if isMethod {
			shown = used["."+method]
		}
		_, excused := withoutExample[name]
		switch {
		case shown && excused:
			t.Errorf("%s is in an example: take it from the list of exceptions", name)
		case !shown && !excused:
			t.Errorf("%s is in no example", name)
		}
	}
	for name := range withoutExample {
		if !exported[name] {
			t.Errorf("the exception %s is not exported", name)
		}
	}
}

// usedInExamples returns the names that examples use: "Map" where they use
// timely.Map or are called ExampleMap, ".Send" where they use Send of anything else.
func usedInExamples(t *testing.T) map[string]bool {
	used := make(map[string]bool)
	files := exampleFiles(t)
	for _, example := range doc.Examples(files...) {
		used[example.Name] = true
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if of, ok := s.X.(*ast.Ident); ok && of.Name == "timely" {
					used[s.Sel.Name] = true
				} else {
					used["."+s.Sel.Name] = true
				}
			}
			return true
		})
	}
	return used
}

// TestExamplesSayWhatTheyPrint finds examples that are compiled and not run.
func TestExamplesSayWhatTheyPrint(t *testing.T) {
	n := 0
	for _, example := range doc.Examples(exampleFiles(t)...) {
		n++
		if example.Output == "" && !example.EmptyOutput {
			t.Errorf("Example%s has no Output", example.Name)
		}
	}
	if n < 30 {
		t.Errorf("only %d examples found", n)
	}
}

func exampleFiles(t *testing.T) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob("example_*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
