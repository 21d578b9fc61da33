package callsite_test

import (
	"errors"
	"io"
	"path"
	"runtime"
	"strconv"
	"testing"

	"github.com/timely-go/timely/internal/callsite"
)

// here is the line of its caller, as the runtime tells it.
func here() string {
	_, file, line, _ := runtime.Caller(1)
	return path.Base(file) + ":" + strconv.Itoa(line)
}

func TestCallerIsTheUsersLine(t *testing.T) {
	var receiver callsite.Receiver[map[string]int]
	closure := func() (callsite.Site, string) { return callsite.Function(), here() }
	inClosure, closureWant := closure()
	inGeneric, genericWant := generic(1)
	tests := []struct {
		name string
		got  callsite.Site
		want string
	}{
		{"function", callsite.Function(), here()},
		{"generic function", callsite.Generic("x"), here()},
		{"method of a generic type", receiver.Method(), here()},
		{"closure in the engine", callsite.Closure(), here()},
		{"closure of the user", inClosure, closureWant},
		{"generic function of the user", inGeneric, genericWant},
		{"called back by the engine", callsite.Build(1, func(int) callsite.Site { return callsite.Function() }), here()},
		{"just under one look at the stack", callsite.Deep(14), here()},
		{"filling one look at the stack", callsite.Deep(15), here()},
		{"filling one look and a frame", callsite.Deep(16), here()},
		{"many looks at the stack", callsite.Deep(1000), here()},
	}
	for _, test := range tests {
		if got := test.got.String(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func generic[T any](x T) (site callsite.Site, want string) {
	return callsite.Generic(x), here()
}

func TestCallerOfDeferredCallIsTheUsersLine(t *testing.T) {
	var site callsite.Site
	func() {
		defer func() { _ = recover() }()
		defer func() { site = callsite.Function() }()
		panic("unwinding")
	}()
	if site.File != "callsite_test.go" {
		t.Errorf("got %v, want a line of callsite_test.go", site)
	}
}

func TestSiteKeepsItsPath(t *testing.T) {
	_, file, _, _ := runtime.Caller(0)
	if got := callsite.Function().Path; got != file {
		t.Errorf("got %s, want %s", got, file)
	}
}

func TestCallerWithoutUserIsUnknown(t *testing.T) {
	if site := callsite.Alone(); site != (callsite.Site{}) || site.String() != "?" {
		t.Errorf("got %v, want an unknown site", site)
	}
}

func TestWhoIsTheEngine(t *testing.T) {
	const module = "github.com/timely-go/timely"
	tests := []struct {
		function string
		pkg      string
		engine   bool
	}{
		{module + ".Map[...]", module, true},
		{module + ".(*Input[...]).Send", module, true},
		{module + ".Map[...].func1.2", module, true},
		{module + "/internal/engine.(*Worker).Step", module + "/internal/engine", true},
		{module + "/internal/comm/tcp.Dial.func1", module + "/internal/comm/tcp", true},
		{module + "/differential.Join[...]", module + "/differential", true},
		{module + "/differential/trace.(*Spine[...]).Insert", module + "/differential/trace", true},
		{module + "/timelytest.SameAnswer[...]", module + "/timelytest", true},
		{"runtime.gopanic", "runtime", true},
		{"iter.Pull[...].func1", "iter", true},
		{"testing.tRunner", "testing", true},
		{module + "_test.TestMap", module + "_test", false},
		{module + "/internal/engine_test.TestStep", module + "/internal/engine_test", false},
		{module + "/timelytest_test.ExampleSameAnswer", module + "/timelytest_test", false},
		{module + "/differentiate.Run", module + "/differentiate", false},
		{module + "/order.Product[...].Plus", module + "/order", false},
		{module + "/examples/hello.program", module + "/examples/hello", false},
		{module + "/bench/exchange.main", module + "/bench/exchange", false},
		{module + "like.Map", module + "like", false},
		{"main.main", "main", false},
		{"main.main.func1", "main", false},
		{"slices.SortFunc[...]", "slices", false},
		{"example.org/v1.2/a%2eb.(*T[...]).M.func1", "example.org/v1.2/a%2eb", false},
	}
	for _, test := range tests {
		pkg := callsite.PackageOf(test.function)
		if pkg != test.pkg {
			t.Errorf("%s: package %s, want %s", test.function, pkg, test.pkg)
		}
		if engine := callsite.IsEngine(pkg); engine != test.engine {
			t.Errorf("%s: engine %v, want %v", test.function, engine, test.engine)
		}
	}
}

func TestErrorf(t *testing.T) {
	site := callsite.Site{Path: "/src/main.go", File: "main.go", Line: 21}
	err := callsite.Errorf(site, "read %d: %w", 3, io.EOF)
	if got, want := err.Error(), "timely: main.go:21: read 3: EOF"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("%v does not wrap io.EOF", err)
	}
}

func BenchmarkCaller(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		callsite.Deep(3)
	}
}
