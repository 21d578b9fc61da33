package timely_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/timely-go/timely"
)

// own are the flags of a program: those that every one here has, and perhaps
// another one, with any name that the flag package takes.
type own struct {
	*flag.FlagSet
	name  string
	loud  bool
	ratio float64
	other string
}

func newOwn(other string) *own {
	o := &own{FlagSet: flag.NewFlagSet("program", flag.ContinueOnError)}
	o.SetOutput(io.Discard)
	o.StringVar(&o.name, "name", "nobody", "whom to \x60greet\x60")
	o.BoolVar(&o.loud, "l", false, "greet loudly")
	o.Float64Var(&o.ratio, "ratio", 0.5, "")
	if o.Lookup(other) == nil && !strings.HasPrefix(other, "-") && !strings.Contains(other, "=") {
		o.StringVar(&o.other, other, "", "")
	}
	return o
}

// FuzzCommandLine reads command lines, whose words are separated by newlines. What
// was read can be written as another line that says the same.
func FuzzCommandLine(f *testing.F) {
	for _, seed := range []struct{ other, line string }{
		{"x", ""},
		{"x", "-w2"},
		{"x", "-w\n3\na"},
		{"x", "--workers=2\n--name=x\n-l\nb"},
		{"x", "a\n--name\nx\n--\n-w2\n--b"},
		{"x", "-lw4\n-"},
		{"x", "-xy\n-x=1\n--x\nz"},
		{"workers", "-w1"},
		{"w", "-w1"},
		{"h", "-h"},
		{"help", "--help"},
		{"", "--=1\n--"},
		{"two words", "--two words=3"},
		{"\xff", "-\xff1"},
		{"é", "-é"},
		{"x", "--help"},
		{"x", "-w-9223372036854775809"},
		{"x", "--workers=0x10\n--ratio=1e400"},
		{"x", "---"},
	} {
		f.Add(seed.other, seed.line)
	}
	f.Fuzz(func(t *testing.T, other, line string) {
		args := strings.Split(line, "\n")
		flags := newOwn(other)
		c, _, err := timely.Parse("program", slices.Clone(args), flags.FlagSet, io.Discard)
		switch {
		case errors.Is(err, pflag.ErrHelp):
			return
		case err != nil:
			if text := err.Error(); strings.Contains(text, "\n") && !strings.Contains(other, "\n") {
				t.Errorf("the error for %q has several lines: %q", args, text)
			}
			return
		}
		if c.Workers < 1 {
			t.Errorf("%q makes %d workers", args, c.Workers)
		}
		rest := args
		for _, arg := range c.Args {
			i := slices.Index(rest, arg)
			if i < 0 {
				t.Fatalf("%q has left %q", args, c.Args)
			}
			rest = rest[i+1:]
		}
		same := []string{fmt.Sprintf("--workers=%d", c.Workers)}
		flags.VisitAll(func(f *flag.Flag) {
			same = append(same, fmt.Sprintf("--%s=%v", f.Name, f.Value))
		})
		same = append(append(same, "--"), c.Args...)
		again := newOwn(other)
		d, _, err := timely.Parse("program", same, again.FlagSet, io.Discard)
		if flags.Lookup("") != nil { // nobody can set it
			return
		}
		if err != nil || d.Workers != c.Workers || !slices.Equal(d.Args, c.Args) {
			t.Fatalf("%q is %d workers and %q, but written as %q it is %d and %q: %v", args, c.Workers, c.Args, same, d.Workers, d.Args, err)
		}
		if flags.ratio == flags.ratio && !reflect.DeepEqual(flagValues(flags), flagValues(again)) { // else it is not a number
			t.Fatalf("%q says %v, but written as %q it says %v", args, flagValues(flags), same, flagValues(again))
		}
	})
}

func flagValues(o *own) []any { return []any{o.name, o.loud, o.ratio, o.other} }

// FuzzFailureIsOneLine prints failures with any texts.
func FuzzFailureIsOneLine(f *testing.F) {
	f.Add("Map", "main.go:21", "it is no good", 0)
	f.Add("", "", "timely: worker 0: a\n\n  b:\n\tc\n", -1)
	f.Add("a\nb", "?", "\n", 1)
	f.Add("Map", "", ":\r\n:\r\n", 2)
	f.Fuzz(func(t *testing.T, operator, site, text string, worker int) {
		failure := &timely.Failure{Worker: worker, Operator: operator, Site: site, Err: errors.New(text)}
		said := failure.Error()
		if strings.Contains(said, "\n") || !strings.HasPrefix(said, "timely: ") {
			t.Errorf("%q is not one line", said)
		}
		if said := timely.InCluster(*failure).Error(); strings.Contains(said, "\n") || !strings.HasPrefix(said, "timely: process 0") {
			t.Errorf("%q is not one line, or names no process", said)
		}
		own, ours := strings.CutPrefix(text, "timely: ")
		again := strings.HasPrefix(strings.TrimSpace(own), "timely:")
		if ours && !again && worker < 0 && operator == "" && strings.HasPrefix(said, "timely: timely: ") {
			t.Errorf("%q names the engine twice", said)
		}
	})
}
