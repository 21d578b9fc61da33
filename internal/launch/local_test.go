//go:build unix

package launch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/launch"
)

// patience is how long a test waits for what should take milliseconds.
const patience = 30 * time.Second

// within fails the test, with all stacks, if do takes longer than d.
func within(t *testing.T, d time.Duration, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("not done within %v:\n%s", d, stacks())
	}
}

func stacks() string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	return b.String()
}

// result is what a launcher did.
type result struct {
	stdout, stderr string
	status         int
	err            error
	took           time.Duration
}

// local calls Local in this process.
func local(t *testing.T, program string, o launch.Options) (r result) {
	t.Helper()
	return localWith(t, t.Context(), program, o)
}

func localWith(t *testing.T, ctx context.Context, program string, o launch.Options) (r result) {
	t.Helper()
	t.Setenv(role, program)
	t.Setenv("GORACE", quickExit)
	var stdout, stderr bytes.Buffer
	if o.Stdout == nil {
		o.Stdout = &stdout
	}
	if o.Stderr == nil {
		o.Stderr = &stderr
	}
	begun := time.Now()
	within(t, patience, func() { r.status, r.err = launch.Local(ctx, o) })
	r.took = time.Since(begun)
	r.stdout, r.stderr = stdout.String(), stderr.String()
	return r
}

// linesOf returns the lines of one process, without the prefix.
func linesOf(text string, process int) (these []string) {
	prefix := fmt.Sprintf("p%d: ", process)
	for line := range strings.Lines(text) {
		if own, ok := strings.CutPrefix(line, prefix); ok {
			these = append(these, strings.TrimSuffix(own, "\n"))
		}
	}
	return these
}

func TestLinesArePrefixedByProcess(t *testing.T) {
	r := local(t, "speak", launch.Options{Processes: 3})
	if r.status != 0 || r.err != nil {
		t.Error(r)
	}
	for i := range 3 {
		out, errs := linesOf(r.stdout, i), linesOf(r.stderr, i)
		if !slices.Equal(out, []string{"one", "", "two"}) || !slices.Equal(errs, []string{fmt.Sprintf("I am %d of 3", i), "and"}) {
			t.Errorf("process %d: %q, %q", i, out, errs)
		}
	}
	if strings.Count(r.stdout, "\n") != 9 || strings.Count(r.stderr, "\n") != 6 {
		t.Errorf("%q, %q", r.stdout, r.stderr)
	}
}

func TestLinesOfFourProcessesStayWhole(t *testing.T) {
	var both bytes.Buffer // of which each write is whole lines
	r := local(t, "say much", launch.Options{Processes: 4, Stdout: &both, Stderr: &both})
	if r.status != 0 || r.err != nil {
		t.Error(r)
	}
	if n := strings.Count(both.String(), "\n"); n != 4*muchLines {
		t.Errorf("%d lines, want %d", n, 4*muchLines)
	}
	for i := range 4 {
		said := linesOf(both.String(), i)
		if len(said) != muchLines {
			t.Errorf("process %d said %d lines", i, len(said))
			continue
		}
		for k, line := range said {
			if line != muchLine(i, k) {
				t.Fatalf("process %d, line %d: %q", i, k, line)
			}
		}
	}
}

func TestALineWithoutAnEndIsCut(t *testing.T) {
	r := local(t, "say long", launch.Options{Processes: 2})
	for i := range 2 {
		total := 0
		for _, line := range linesOf(r.stdout, i) {
			total += len(line)
			if len(line) > 64<<10 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		if total != longLine {
			t.Errorf("%d bytes, want %d", total, longLine)
		}
	}
}

func TestStandardInputGoesToProcess0(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := to.WriteString("a line\nand another"); err != nil {
		t.Fatal(err)
	}
	to.Close()
	r := local(t, "read", launch.Options{Processes: 3, Stdin: from})
	for i, want := range []string{`"a line\nand another" <nil>`, `"" <nil>`, `"" <nil>`} {
		if got := linesOf(r.stdout, i); !slices.Equal(got, []string{want}) {
			t.Errorf("process %d read %q", i, got)
		}
	}
}

func TestTheStatusIsThatOfWhoFailed(t *testing.T) {
	tests := []struct{ name, statuses, want string }{
		{"none", "0 0 0", "0 <nil>"},
		{"one", "0 3 0", "3 process 1: exit status 3"},
		{"not of those that died of it", "122 122 7", "7 process 2: exit status 7"},
		{"only those that died of it", "122 0 0", "1 process 0 ended because another one had failed, but none says that it has"},
		{"others stay", "3 deaf deaf", "3 process 0: exit status 3; processes 1, 2 had not left in time, and were killed"},
		{"others stay after one that died of it", "122 deaf", "1 process 1 had not left in time, and was killed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("LAUNCH_TEST_STATUSES", test.statuses)
			o := launch.Options{Processes: len(strings.Fields(test.statuses)), Grace: patience}
			if strings.Contains(test.statuses, "deaf") {
				o.Grace = shortGrace
			}
			r := local(t, "exit", o)
			if got := fmt.Sprint(r.status, " ", r.err); got != test.want {
				t.Errorf("got %s; it said %q", got, r.stdout)
			}
		})
	}
}

func TestEachProcessLearnsWhoItIs(t *testing.T) {
	r := local(t, "who", launch.Options{Processes: 3})
	said := regexp.MustCompile(`^(\d) (\S+) ([0-9a-f]{64}) false (.*)$`)
	var hosts, secret string
	for i := range 3 {
		lines := linesOf(r.stdout, i)
		if len(lines) != 1 {
			t.Fatalf("process %d said %q", i, lines)
		}
		parts := said.FindStringSubmatch(lines[0])
		if parts == nil || parts[1] != fmt.Sprint(i) || parts[4] != fmt.Sprintf("%q", os.Args[1:]) {
			t.Fatalf("process %d said %q", i, lines)
		}
		if i == 0 {
			hosts, secret = parts[2], parts[3]
		}
		if parts[2] != hosts || parts[3] != secret || secret == strings.Repeat("0", 64) {
			t.Errorf("process %d differs: %q", i, lines)
		}
	}
	if _, err := launch.ParseHosts(strings.NewReader(strings.ReplaceAll(hosts, ",", "\n")), "hosts"); err != nil || strings.Count(hosts, ",") != 2 {
		t.Error(hosts, err)
	}
	if again := local(t, "who", launch.Options{Processes: 1}); strings.Contains(again.stdout, secret) {
		t.Error("the secret is not another one each time")
	}
}

func TestAProcessInheritsNothingToItsChildren(t *testing.T) {
	before := openFiles() // what this process inherited, it passes on
	r := local(t, "family", launch.Options{Processes: 2})
	for i := range 2 {
		got := slices.DeleteFunc(linesOf(r.stdout, i), func(line string) bool {
			file, inherited := strings.CutPrefix(line, "inherited ")
			return inherited && slices.Contains(before, file)
		})
		if !slices.Equal(got, []string{"variable false"}) {
			t.Errorf("process %d: %q", i, got)
		}
	}
}

func TestAVariableOfAnotherLauncherIsNotPassedOn(t *testing.T) {
	t.Setenv("TIMELY_MEMBER", "of another")
	if r := local(t, "who", launch.Options{Processes: 2}); r.status != 0 {
		t.Error(r)
	}
}

// A process leaves its output to a child of its own, which lives on.
func TestAChildThatHoldsTheOutputIsNotWaitedFor(t *testing.T) {
	r := local(t, "leave pipe", launch.Options{Processes: 1})
	var pid int
	if _, err := fmt.Sscanf(r.stdout, "p0: child %d\n", &pid); err != nil {
		t.Fatal(r, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if r.status != 0 || r.took > patience/2 {
		t.Error(r)
	}
}

func TestTheEndOfTheContextEndsAll(t *testing.T) {
	ready := func(program string, o launch.Options) result {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		lines := 0
		o.Stdout = writerFunc(func(p []byte) (int, error) {
			if lines += bytes.Count(p, []byte("ready")); lines == o.Processes {
				cancel(errors.New("the test says so"))
			}
			return len(p), nil
		})
		return localWith(t, ctx, program, o)
	}
	if r := ready("wait", launch.Options{Processes: 2, Grace: patience}); r.status != 1 || r.err == nil || r.err.Error() != "the test says so" {
		t.Error(r)
	}
	if r := ready("signals", launch.Options{Processes: 2, Grace: patience}); r.status != 0 || r.err != nil {
		t.Error("all left well:", r)
	}
	if r := ready("deaf", launch.Options{Processes: 2, Grace: shortGrace}); r.status != 1 || r.err == nil || !strings.Contains(r.err.Error(), "the test says so; processes 0, 1 had not left in time") {
		t.Error(r)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLostOutputEndsAll(t *testing.T) {
	broken := errors.New("the disk is full")
	r := local(t, "say more", launch.Options{Processes: 2, Stdout: writerFunc(func([]byte) (int, error) { return 0, broken })})
	if r.status != 1 || !errors.Is(r.err, broken) {
		t.Error(r)
	}
}

func TestAWrongNumberOfProcesses(t *testing.T) {
	for _, n := range []int{-1, 0, 1025} {
		if r := local(t, "speak", launch.Options{Processes: n}); r.status != 1 || r.err == nil || r.stdout != "" {
			t.Error(n, r)
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Setenv("LAUNCH_TEST_STATUSES", "0 3 deaf")
	cycle := func() {
		local(t, "speak", launch.Options{Processes: 3})
		local(t, "exit", launch.Options{Processes: 3, Grace: time.Millisecond})
		t.Run("", TestALauncherThatCannotStartAllStartsNone)
	}
	cycle() // what is made once
	files := openFiles()
	goroutines := runtime.NumGoroutine()
	for range 10 {
		cycle()
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), goroutines, stacks())
		}
	}
	if now := openFiles(); len(now) > len(files) {
		t.Errorf("files %q, before %q", now, files)
	}
	var status syscall.WaitStatus
	if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("process %d is left: %v", pid, err)
	}
}

func TestALauncherThatCannotStartAllStartsNone(t *testing.T) {
	t.Setenv("LAUNCH_TEST_BALLAST", strings.Repeat("x", 1<<22)) // more than a process may be given
	r := local(t, "wait", launch.Options{Processes: 2})
	if r.status != 1 || r.err == nil || !strings.Contains(r.err.Error(), "process 0: ") {
		t.Error(r)
	}
}
