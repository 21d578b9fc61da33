package timely_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// glossaryFolders says where the packages are that docs/glossary.md names.
var glossaryFolders = map[string]string{
	"timely":       ".",
	"order":        "order",
	"event":        "event",
	"progress":     "internal/progress",
	"tcp":          "internal/comm/tcp",
	"launch":       "internal/launch",
	"differential": "differential",
	"diff":         "differential/diff",
	"trace":        "differential/trace",
}

// TestGlossaryNamesExist looks up every `package.Name` and `package.Type.Method`
// of the glossary, if the package exists.
func TestGlossaryNamesExist(t *testing.T) {
	text, err := os.ReadFile("docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	names := qualifiedNames(string(text))
	if len(names) < 20 {
		t.Errorf("only %d Go names found in the glossary: %q", len(names), names)
	}
	exported := map[string]map[string]bool{}
	for _, name := range names {
		pkg, rest, _ := strings.Cut(name, ".")
		folder, ok := glossaryFolders[pkg]
		if !ok {
			t.Errorf("%s: the glossary's test does not know where package %s is", name, pkg)
			continue
		}
		if exported[pkg] == nil {
			exported[pkg] = exportedNames(t, folder)
		}
		if len(exported[pkg]) > 0 && !exported[pkg][rest] {
			t.Errorf("docs/glossary.md names %s, which %s does not export", name, folder)
		}
	}
}

func TestQualifiedNames(t *testing.T) {
	text := "order.Not in a table\n" +
		"| word | Go | sentence |\n|---|---|---|\n" +
		"| a | `order.Product[O, I]`, aliased `timely.Loop[T]` = `Product[T, Epoch]` | See `order.Plus`. |\n" +
		"| b | `trace.Trace.CompactTo(frontier)`, `internal/comm`, doc.go | – |\n"
	got := qualifiedNames(text)
	want := []string{"order.Product", "timely.Loop", "order.Plus", "trace.Trace.CompactTo"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// qualifiedNames returns the exported Go names with their packages, in code
// quotes in the rows of tables.
func qualifiedNames(text string) (names []string) {
	quoted := regexp.MustCompile("`[^`]*`")
	qualified := regexp.MustCompile(`\b[a-z]+(\.[A-Z]\w*){1,2}`)
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for _, code := range quoted.FindAllString(line, -1) {
			names = append(names, qualified.FindAllString(code, -1)...)
		}
	}
	return names
}

// exportedNames returns what the package in folder exports, "Name" and
// "Type.Method"; nothing if there is no package.
func exportedNames(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, path := range sourceFiles(t, folder) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			for _, name := range declaredNames(decl) {
				if ast.IsExported(name) {
					names[name] = true
				}
			}
		}
	}
	return names
}

// declaredNames returns what a declaration at the top of a file declares.
func declaredNames(decl ast.Decl) (names []string) {
	if f, ok := decl.(*ast.FuncDecl); ok {
		if f.Recv == nil {
			return []string{f.Name.Name}
		}
		return []string{receiverName(f.Recv.List[0].Type) + "." + f.Name.Name}
	}
	for _, spec := range decl.(*ast.GenDecl).Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				names = append(names, name.Name)
			}
		case *ast.TypeSpec:
			names = append(names, spec.Name.Name)
			if of, ok := spec.Type.(*ast.InterfaceType); ok {
				for _, method := range of.Methods.List {
					for _, name := range method.Names {
						names = append(names, spec.Name.Name+"."+name.Name)
					}
				}
			}
		}
	}
	return names
}

// receiverName returns the name of the type T of a receiver T, *T or *T[P].
func receiverName(receiver ast.Expr) string {
	switch receiver := receiver.(type) {
	case *ast.StarExpr:
		return receiverName(receiver.X)
	case *ast.IndexExpr:
		return receiverName(receiver.X)
	case *ast.IndexListExpr:
		return receiverName(receiver.X)
	case *ast.Ident:
		return receiver.Name
	}
	return ""
}

// TestFileMapMatchesTheFolder compares the file map in the package comment of
// doc.go, whose lines are indented and begin with names of files, with the
// files there are.
func TestFileMapMatchesTheFolder(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	mapped, files := mappedFiles(string(text)), sourceFiles(t, ".")
	for i, file := range mapped {
		if slices.Contains(mapped[:i], file) {
			t.Errorf("doc.go: %s is in the file map twice", file)
		}
		if !slices.Contains(files, file) {
			t.Errorf("doc.go: the file map has %s, which does not exist", file)
		}
	}
	for _, file := range files {
		if !slices.Contains(mapped, file) {
			t.Errorf("doc.go: the file map lacks %s", file)
		}
	}
}

func TestMappedFiles(t *testing.T) {
	text := `// Package p has a map.
// main.go is not in it here, nor is
//
//	word.Go()
//
// The engine:
//
//	doc.go                what it is
//	main.go config.go     how it starts
//	                      and stops, see exit.go
//
// Operators:
//
//   map.go   one to one
package p

//	after.go   is no part of the package comment
`
	got, want := mappedFiles(text), []string{"doc.go", "main.go", "config.go", "map.go"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// mappedFiles returns the files that begin the indented lines of a package
// comment; a line may begin with several.
func mappedFiles(source string) (files []string) {
	comment, _, _ := strings.Cut(source, "\npackage ")
	indented := regexp.MustCompile(`(?m)^//(?:\t|  )[ \t]*((?:\w+\.go\s+)+)`)
	for _, match := range indented.FindAllStringSubmatch(comment, -1) {
		files = append(files, strings.Fields(match[1])...)
	}
	return files
}

// sourceFiles returns the Go files in folder that are not tests, none if there
// is no folder.
func sourceFiles(t *testing.T, folder string) (files []string) {
	t.Helper()
	entries, err := fs.ReadDir(os.DirFS("."), folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			files = append(files, filepath.Join(folder, name))
		}
	}
	return files
}
