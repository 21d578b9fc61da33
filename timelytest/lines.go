package timelytest

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// SameLines builds the command in a folder, runs it as a process with each number
// of workers (-w), and fails the test if a run fails or if the sorted lines that it
// prints differ from those of the first. It returns those, sorted.
func SameLines(t testing.TB, folder string, workers WorkerCounts, args ...string) []string {
	t.Helper()
	if len(workers) == 0 {
		workers = Workers(1, 2, 4)
	}
	command := filepath.Join(t.TempDir(), "command")
	if runtime.GOOS == "windows" {
		command += ".exe"
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", command, ".")
	build.Dir = folder
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build in %s: %v\n%s", folder, err, said)
	}
	var first []string
	for i, n := range workers {
		flag := fmt.Sprintf("-w%d", n)
		printed, err := exec.CommandContext(t.Context(), command, append([]string{flag}, args...)...).Output()
		if err != nil {
			t.Fatalf("%s with %s: %v%s", folder, flag, err, said(err))
		}
		lines := strings.Split(strings.TrimSuffix(string(printed), "\n"), "\n")
		slices.Sort(lines)
		if i == 0 {
			first = lines
		} else if d := differences(collectedLines(first), collectedLines(lines)); d != "" {
			t.Errorf("%s prints not the same with %s as with -w%d:\n%s", folder, flag, workers[0], d)
		}
	}
	return first
}

func collectedLines(lines []string) *Collected[string] {
	c := &Collected[string]{}
	c.Add("all", lines...)
	return c
}

// said returns what a process that failed wrote to standard error.
func said(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "\n" + string(exit.Stderr)
	}
	return ""
}
