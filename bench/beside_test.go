package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCommandsAsRustKnowsThem(t *testing.T) {
	for command, want := range map[string]string{
		"exchange 100000 1000 -w1":           "dir/exchange 100000 1000 -w1",
		"exchange 100000 1000 -w2 --batch":   "dir/exchange 100000 1000 -w2",
		"barrier 50000 -n2":                  "dir/barrier 50000 -n 2 -p 0; dir/barrier 50000 -n 2 -p 1",
		"unionfind 10000000 20000000 1 -w1":  "dir/unionfind 10000000 20000000 1 -w1",
		oneRound("exchange 100000 200 -n2"):  "dir/exchange 100000 1 -n 2 -p 0; dir/exchange 100000 1 -n 2 -p 1",
		oneRound("barrier 50000 -n2"):        "dir/barrier 1 -n 2 -p 0; dir/barrier 1 -n 2 -p 1",
		oneRound("pingpong 100 1000000 -n2"): "dir/pingpong 1 1000000 -n 2 -p 0; dir/pingpong 1 1000000 -n 2 -p 1",
	} {
		var got []string
		for _, line := range rustCommands("dir", command) {
			got = append(got, strings.Join(line, " "))
		}
		if got := strings.Join(got, "; "); got != filepath.FromSlash(want) {
			t.Errorf("%s is %q, want %q", command, got, want)
		}
	}
}

// TestRowsBesideRustEnd: all programs that have several processes in the table say
// how to make one round, and those that Rust has are in the table.
func TestRowsBesideRustEnd(t *testing.T) {
	for _, r := range table {
		if inRust[r.program()] && processesOf(r.command) > 1 && oneRound(r.command) == r.command {
			t.Errorf("%s: one round is the same", r.command)
		}
	}
	for name := range inRust {
		if programs[name] == nil || !slices.ContainsFunc(table, func(r row) bool { return r.program() == name }) {
			t.Errorf("%s is no program of the table", name)
		}
	}
}

func TestTimedEndsWithTheFirstFailure(t *testing.T) {
	if _, err := timed(t.Context(), []string{"a program that is not there"}); err == nil {
		t.Error("no error")
	}
}
