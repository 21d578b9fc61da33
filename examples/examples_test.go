package examples_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// This file builds the examples and runs them as processes, as a reader does.

var (
	programs string // the folder of the built examples
	workers  = []int{1, 2, 4}
)

func TestMain(m *testing.M) {
	status, err := buildAndTest(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(status)
}

func buildAndTest(m *testing.M) (status int, err error) {
	if programs, err = os.MkdirTemp("", "timely-examples-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(programs)
	args := []string{"build", "-o", programs + string(filepath.Separator)}
	if raceEnabled {
		args = append(args, "-race")
		os.Setenv("GORACE", "atexit_sleep_ms=0") // or each process takes a second to end
	}
	if said, err := exec.Command("go", append(args, "./...")...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %w\n%s", err, said)
	}
	return m.Run(), nil
}

// command returns an example, ready to run; it is killed when the test ends.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), filepath.Join(programs, name), args...)
}

// run runs an example, which must succeed and have nothing to complain about,
// and returns what it prints.
func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	var said bytes.Buffer
	cmd := command(t, name, args...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, said.String())
	}
	return string(out)
}

// withWorkers runs a test for each number of workers, given as -w1 and so on.
func withWorkers(t *testing.T, test func(t *testing.T, n int, flag string)) {
	t.Helper()
	for _, n := range workers {
		flag := fmt.Sprintf("-w%d", n)
		t.Run(flag, func(t *testing.T) { test(t, n, flag) })
	}
}

// wantFailure runs an example that must fail with status 1, and say this.
func wantFailure(t *testing.T, want, name string, args ...string) {
	t.Helper()
	out, err := command(t, name, args...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), want) {
		t.Errorf("%s %q: got %v and %q, want exit status 1 and %q", name, args, err, out, want)
	}
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// wantLines compares lines whose order is free.
func wantLines(t *testing.T, got, want string) {
	t.Helper()
	wantText(t, sorted(got), sorted(want))
}

func sorted(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}

func TestSimple(t *testing.T) {
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		var want strings.Builder
		for n := range 10 {
			fmt.Fprintf(&want, "seen: %d\n", n)
		}
		wantText(t, run(t, "", "simple", flag), want.String()) // it has one worker, whatever the flag
	})
}

func TestHello(t *testing.T) {
	withWorkers(t, func(t *testing.T, n int, flag string) {
		var want strings.Builder
		for round := range 10 {
			fmt.Fprintf(&want, "worker %d:\thello %d\n", round%n, round)
		}
		wantText(t, run(t, "", "hello", flag), want.String()) // in the order of rounds
	})
}

func TestDistinct(t *testing.T) {
	values := map[int][]int{1: {0, 1, 2, 3, 4}, 2: {0, 1, 2, 3, 4, 5, 7}, 4: {0, 1, 2, 3, 4, 5, 7}}
	withWorkers(t, func(t *testing.T, n int, flag string) {
		var want strings.Builder
		for _, x := range values[n] {
			fmt.Fprintf(&want, "worker %d:\tvalue %d\n", x%n, x)
		}
		wantLines(t, run(t, "", "distinct", flag), want.String())
	})
}

func TestCollatz(t *testing.T) {
	longest, most := 0, 0
	for from := 1; from <= 1000; from++ {
		steps := 0
		for n := from; n > 1; steps++ {
			if n%2 == 0 {
				n /= 2
			} else {
				n = 3*n + 1
			}
		}
		if steps > most {
			longest, most = from, steps
		}
	}
	want := fmt.Sprintf("1000 numbers reached one\n%d took the most steps: %d\n", longest, most)
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		wantText(t, run(t, "", "collatz", flag), want)
	})
}
