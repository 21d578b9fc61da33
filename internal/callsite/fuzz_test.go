package callsite_test

import (
	"strings"
	"testing"

	"github.com/timely-go/timely/internal/callsite"
)

// FuzzPackageOf splits the names of functions: any text at all, and names put
// together of a package and a symbol, which must come apart again.
func FuzzPackageOf(f *testing.F) {
	f.Add("main", "main")
	f.Add("example.org/v1.2/a%2eb", "(*T[...]).M.func1")
	f.Add("github.com/timely-go/timely", "Map[...].func1.2")
	f.Add("github.com/timely-go/timely/internal/engine_test", "TestStep")
	f.Add("", "")
	f.Add("/", ".")
	f.Add("a//b", "..")
	f.Fuzz(func(t *testing.T, pkg, symbol string) {
		for _, name := range []string{pkg, symbol, pkg + symbol, pkg + "." + symbol} {
			found := callsite.PackageOf(name)
			rest, ok := strings.CutPrefix(name, found)
			if !ok || rest != "" && rest[0] != '.' || strings.Contains(rest, "/") {
				t.Errorf("the package of %q is %q", name, found)
			}
			if again := callsite.PackageOf(found); again != found {
				t.Errorf("the package of %q is %q, and of that %q", name, found, again)
			}
			if callsite.IsEngine(found) && callsite.IsEngine(found+"_test") {
				t.Errorf("the external tests of %q are the engine's", found)
			}
		}
		last := pkg[strings.LastIndexByte(pkg, '/')+1:]
		if strings.Contains(last, ".") || strings.Contains(symbol, "/") {
			return // no package of a program: such dots are escaped
		}
		if found := callsite.PackageOf(pkg + "." + symbol); found != pkg {
			t.Errorf("the package of %q is %q, want %q", pkg+"."+symbol, found, pkg)
		}
	})
}
