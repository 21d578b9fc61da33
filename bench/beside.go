package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// beside runs rows of the table with timely dataflow's own example programs and with this
// one, in turn, so that no figure has to be scaled from one machine to another:
//
//	cargo build --release --examples    # in timely dataflow's folder timely
//	go build -o /tmp/bench ./bench
//	/tmp/bench beside TIMELY/target/release/examples B2 B9
//
// It measures whole processes, from start to end, as those programs do not all tell what
// they take. If there are two, what a run with one round takes is subtracted, as Rust's
// look for each other once a second.
func beside(b *bench) error {
	if b.Index() != 0 {
		return nil
	}
	self, rows, err := b.against("the folder of timely dataflow's example programs")
	if err != nil {
		return err
	}
	for _, r := range rows {
		if len(b.args) > 1 && !inRust[r.program()] {
			return fmt.Errorf("beside: %s, %s, is no program that timely dataflow has and that ends there", r.id, r.program())
		}
	}
	fmt.Print("| row | program | here | Rust | ratio | least to most | p | |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		if !inRust[r.program()] {
			continue
		}
		var here, there []result
		for n := range *turns {
			both := []func() error{
				func() error {
					return appendTime(&here, func(c string) (float64, error) { return runHere(b.Context(), self, c) }, r.command)
				},
				func() error {
					return appendTime(&there, func(c string) (float64, error) { return runRust(b.Context(), b.args[0], c) }, r.command)
				},
			}
			if n%2 == 1 { // the second may find the machine warm, or hot
				slices.Reverse(both)
			}
			for _, run := range both {
				if err := run(); err != nil {
					return fmt.Errorf("%s: %w", r.command, err)
				}
			}
		}
		fmt.Printf("| %s | `%s` | %.3g s | %.3g s | %s\n", r.id, r.command, middle(here), middle(there), compared(seconds, there, here))
	}
	return nil
}

// inRust are the programs that timely dataflow has, too, and that end there.
var inRust = map[string]bool{"exchange": true, "barrier": true, "pingpong": true, "hashjoin": true, "pagerank": true, "unionfind": true}

func (r row) program() string { return strings.Fields(r.command)[0] }

// appendTime notes how long a command takes, beyond what its processes take to find each other.
func appendTime(to *[]result, run func(command string) (float64, error), command string) error {
	took, err := run(command)
	if err == nil && processesOf(command) > 1 {
		var once float64
		once, err = run(oneRound(command))
		took -= once
	}
	*to = append(*to, result{Seconds: took})
	return err
}

// middle returns the median of the times of some runs.
func middle(ran []result) float64 {
	var c comparison
	for _, r := range ran {
		c.ratios = append(c.ratios, r.Seconds)
	}
	slices.Sort(c.ratios)
	return c.median()
}

// processesOf returns in how many processes a command runs.
func processesOf(command string) int {
	if slices.Contains(strings.Fields(command), "-n2") {
		return 2
	}
	return 1
}

// oneRound returns a command that makes one round of many.
func oneRound(command string) string {
	words := strings.Fields(command)
	rounds := map[string]int{"exchange": 2, "pingpong": 1, "barrier": 1}
	words[rounds[words[0]]] = "1"
	return strings.Join(words, " ")
}

// rustCommands returns what a command of ours is there, a line for each process.
func rustCommands(folder, command string) (lines [][]string) {
	words := slices.DeleteFunc(strings.Fields(command), func(word string) bool { return word == "--batch" || word == "-n2" })
	words[0] = filepath.Join(folder, words[0])
	if n := processesOf(command); n > 1 {
		for p := range n {
			lines = append(lines, append(slices.Clone(words), "-n", fmt.Sprint(n), "-p", fmt.Sprint(p)))
		}
		return lines
	}
	return append(lines, words)
}

// headStart is what the first process gets to listen: who finds nobody there waits for a second.
const headStart = 300 * time.Millisecond

func runRust(ctx context.Context, folder, command string) (float64, error) {
	return timed(ctx, rustCommands(folder, command)...)
}

func runHere(ctx context.Context, self, command string) (float64, error) {
	return timed(ctx, append([]string{self}, strings.Fields(command)...))
}

// timed runs processes beside each other, and returns how many seconds pass until all have
// ended.
func timed(ctx context.Context, lines ...[]string) (float64, error) {
	begun := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what has been started, if something fails
	ended := make(chan error, len(lines))
	for i, line := range lines {
		if i > 0 {
			time.Sleep(headStart)
		}
		cmd := exec.CommandContext(ctx, line[0], line[1:]...)
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		go func() { ended <- cmd.Wait() }()
	}
	for range lines {
		if err := <-ended; err != nil {
			return 0, err
		}
	}
	return time.Since(begun).Seconds(), nil
}
