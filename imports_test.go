package timely_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/timely-go/timely"

// importTable says what each package of this module may import directly, outside
// its tests. Packages are named without the module's path, which "timely"
// stands for; "std" is the whole standard library; "a/..." is a and everything
// below it. A row for "a/..." also lets those packages import each other. What
// is never allowed, and what is below it, wins over what is allowed.
// Tests may import what they like of this module and the standard library.
var importTable = []importRow{
	{pkg: "order", may: "std"},
	{pkg: "order/ordertest", may: "std order"},
	{pkg: "codec", may: "std"},
	{pkg: "event", may: "std"},
	{pkg: "internal/callsite", may: "std"},
	{pkg: "internal/batch", may: "std"},
	{pkg: "internal/host", may: "std"},
	{pkg: "internal/script", may: "std"},
	{pkg: "internal/launch", may: "std"},
	{pkg: "internal/schedule", may: "std internal/host"},

	// The protocol is a function.
	{pkg: "internal/progress/...", may: "std order codec", never: "net os time sync"},

	// The fabric carries messages, not times.
	{pkg: "internal/comm/...", may: "std codec event internal/batch internal/host", never: "order"},

	{pkg: "internal/engine", may: "std order codec event internal/..."},

	// A program that wants no console links none.
	{pkg: "timely", may: "std order codec event internal/... github.com/spf13/pflag github.com/zeebo/xxh3", never: "net/http console"},

	{pkg: "timelytest", may: "std timely internal/host internal/batch internal/script"},
	{pkg: "internal/mutants", may: "std"},
	{pkg: "internal/sim", may: "std timely order internal/host"},
	{pkg: "bench/...", may: "std timely internal/host"}, // which tells what workers tell each other
	{pkg: "examples/...", may: "std timely order"},
	{pkg: "cmd/timely-certs", may: "std internal/comm/tcp"},
	{pkg: "console/...", may: "std event"},

	// It lives on the public interface, as users do.
	{pkg: "differential/...", may: "std timely order codec", never: "internal/..."},
}

// An importRow says what one package, or all packages below one, may import.
type importRow struct {
	pkg   string
	may   string // patterns, separated by spaces
	never string // likewise
}

// A listedPackage is what go list says about it.
type listedPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestImportsFollowTheTable(t *testing.T) {
	pkgs, err := listPackages()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range pkgs {
		for _, violation := range checkImports(importTable, pkg) {
			t.Error(violation)
		}
	}
}

// listPackages returns every package of this module.
func listPackages() ([]listedPackage, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, said.String())
	}
	var pkgs []listedPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg listedPackage
		if err := d.Decode(&pkg); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		pkgs = append(pkgs, pkg)
	}
}

// checkImports returns a sentence for each import of pkg that the table does not allow.
func checkImports(table []importRow, pkg listedPackage) (violations []string) {
	name := shortName(pkg.ImportPath)
	r, ok := findRow(table, name)
	if !ok {
		return []string{name + " has no row in the table of imports_test.go: add a row that says what it may import"}
	}
	for _, path := range pkg.Imports {
		switch {
		case r.forbids(path):
			violations = append(violations, fmt.Sprintf("%s imports %s, which it must never do", name, shortName(path)))
		case !r.allows(path):
			violations = append(violations, fmt.Sprintf("%s imports %s; it may import: %s", name, shortName(path), r.may))
		}
	}
	for _, path := range slices.Concat(pkg.TestImports, pkg.XTestImports) {
		if isForeign(path) && !r.allows(path) {
			violations = append(violations, fmt.Sprintf("a test of %s imports another module's %s", name, path))
		}
	}
	return violations
}

// findRow returns the row of the package: its own, or else that of the nearest
// folder which has one for everything below it.
func findRow(table []importRow, name string) (nearest importRow, ok bool) {
	for _, r := range table {
		if r.pkg == name {
			return r, true
		}
		if isTree(r.pkg) && covers(r.pkg, name) && len(r.pkg) > len(nearest.pkg) {
			nearest, ok = r, true
		}
	}
	return nearest, ok
}

func (r importRow) allows(path string) bool {
	for _, pattern := range strings.Fields(r.may) {
		if covers(pattern, path) {
			return true
		}
	}
	return isTree(r.pkg) && covers(r.pkg, path)
}

func (r importRow) forbids(path string) bool {
	for _, pattern := range strings.Fields(r.never) {
		if isBelow(strings.TrimSuffix(pattern, "/..."), shortName(path)) {
			return true
		}
	}
	return false
}

// covers reports whether the pattern covers the package.
func covers(pattern, path string) bool {
	if pattern == "std" {
		return isStd(path)
	}
	if isTree(pattern) {
		return isBelow(strings.TrimSuffix(pattern, "/..."), shortName(path))
	}
	return pattern == shortName(path)
}

// shortName returns the name by which the table knows a package.
func shortName(path string) string {
	if path == modulePath {
		return "timely"
	}
	return strings.TrimPrefix(path, modulePath+"/")
}

func isTree(pattern string) bool { return strings.HasSuffix(pattern, "/...") }

func isBelow(folder, name string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// isStd reports whether the path is the standard library's: none of those has
// a dot in its first element. "C" is no Go package.
func isStd(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && path != "C"
}

func isForeign(path string) bool { return !isStd(path) && !isBelow(modulePath, path) }

// TestImportCheckerFindsViolations makes packages up.
func TestImportCheckerFindsViolations(t *testing.T) {
	tests := []struct {
		pkg, imports string // separated by spaces
		want         string // "" if the import is fine
	}{
		{"order", "cmp slices math/bits", ""},
		{"order", "event", "order imports event; it may import: std"},
		{"order", "github.com/spf13/pflag", "order imports github.com/spf13/pflag"},
		{"order", "C", "order imports C"},
		{"order/ordertest", "order testing", ""},
		{"order/ordertest", "timely", "order/ordertest imports timely"},
		{"internal/progress", "order codec slices", ""},
		{"internal/progress", "time", "internal/progress imports time, which it must never do"},
		{"internal/progress", "sync/atomic", "internal/progress imports sync/atomic, which it must never do"},
		{"internal/progress", "internal/comm", "internal/progress imports internal/comm"},
		{"internal/progress/model", "internal/progress order", ""},
		{"internal/progress/model", "os/exec", "internal/progress/model imports os/exec, which it must never do"},
		{"internal/schedule", "iter internal/host", ""},
		{"internal/schedule", "internal/progress", "internal/schedule imports internal/progress"},
		{"internal/host", "internal/schedule", "internal/host imports internal/schedule"},
		{"internal/comm/tcp", "net internal/comm internal/host internal/batch codec event", ""},
		{"internal/comm/tcp", "order", "internal/comm/tcp imports order, which it must never do"},
		{"internal/comm", "internal/progress", "internal/comm imports internal/progress"},
		{"internal/engine", "internal/comm/local internal/progress order event", ""},
		{"internal/engine", "timely", "internal/engine imports timely"},
		{"timely", "net order codec event internal/comm/tcp github.com/spf13/pflag github.com/zeebo/xxh3", ""},
		{"timely", "net/http", "timely imports net/http, which it must never do"},
		{"timely", "net/http/pprof", "timely imports net/http/pprof, which it must never do"},
		{"timely", "console", "timely imports console, which it must never do"},
		{"timely", "differential", "timely imports differential"},
		{"timely", "github.com/spf13/cobra", "timely imports github.com/spf13/cobra"},
		{"internal/engine", "github.com/zeebo/xxh3", "internal/engine imports github.com/zeebo/xxh3"},
		{"timelytest", "testing timely internal/host internal/batch internal/script", ""},
		{"timelytest", "internal/schedule", "timelytest imports internal/schedule"},
		{"differential/trace", "timely order codec differential", ""},
		{"differential/trace", "internal/batch", "differential/trace imports internal/batch, which it must never do"},
		{"examples/hello", "fmt timely order", ""},
		{"examples/hello", "internal/batch", "examples/hello imports internal/batch"},
		{"bench/exchange", "timely", ""},
		{"cmd/timely-certs", "flag internal/comm/tcp", ""},
		{"cmd/timely-certs", "timely", "cmd/timely-certs imports timely"},
		{"console", "net/http event", ""},
		{"console", "timely", "console imports timely"},
		{"internal/shiny", "fmt", "internal/shiny has no row in the table of imports_test.go: add a row"},
		{"codec/json", "fmt", "codec/json has no row"},
		{"orders", "", "orders has no row"},
	}
	for _, test := range tests {
		pkg := listedPackage{ImportPath: longName(test.pkg)}
		for _, name := range strings.Fields(test.imports) {
			pkg.Imports = append(pkg.Imports, longName(name))
		}
		got := checkImports(importTable, pkg)
		switch {
		case test.want == "" && len(got) > 0:
			t.Errorf("%s importing %s: %s", test.pkg, test.imports, got)
		case test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], test.want)):
			t.Errorf("%s importing %s: got %q, want %q", test.pkg, test.imports, got, test.want)
		}
	}
}

func TestImportCheckerLooksAtTests(t *testing.T) {
	pkg := listedPackage{
		ImportPath:   longName("order"),
		TestImports:  []string{"testing", longName("internal/script"), "github.com/zeebo/xxh3"},
		XTestImports: []string{"testing/quick", longName("order"), "example.org/assert"},
	}
	want := []string{
		"a test of order imports another module's github.com/zeebo/xxh3",
		"a test of order imports another module's example.org/assert",
	}
	if got := checkImports(importTable, pkg); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// longName is the reverse of shortName for the packages of this test.
func longName(name string) string {
	if name == "timely" {
		return modulePath
	}
	if _, ours := findRow(importTable, name); ours || strings.HasPrefix(name, "internal/") || name == "orders" || name == "codec/json" {
		return modulePath + "/" + name
	}
	return name
}
