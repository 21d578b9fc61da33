package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// all runs every row of the table, or those that its arguments name, each run in a
// process of its own, and writes what it finds to a file. The machine is measured
// before and after each row, and Rust's figures and the goals are scaled by that.
func all(b *bench) error {
	if b.Index() != 0 {
		return nil
	}
	rows, err := chosen(b.args)
	if err != nil {
		return err
	}
	before, err := measure[calibration](b.Context(), "calibrate")
	if err != nil {
		return err
	}
	var lines, failures []string
	var machine []calibration
	for _, r := range rows {
		ran, err := r.run(b.Context())
		if err != nil {
			failures = append(failures, fmt.Sprintf("%s: %v", r.command, err))
			lines = append(lines, fmt.Sprintf("| %s | `%s` | FAILED | | | | |", r.id, r.command))
			continue
		}
		after, err := measure[calibration](b.Context(), "calibrate")
		if err != nil {
			return err
		}
		machine = append(machine, before, after)
		found := r.lines(ran, before, after)
		before = after
		fmt.Println(strings.Join(found, "\n"))
		lines = append(lines, found...)
	}
	text := describe(b.Context(), machine) + header + strings.Join(lines, "\n") + "\n" + shortfalls
	if err := os.WriteFile(*results, []byte(text), 0o644); err != nil {
		return err
	}
	fmt.Println("written to", *results)
	if failures != nil {
		return errors.New(strings.Join(failures, "\n"))
	}
	return nil
}

// shortfalls says what bounds the rows that miss their goals.
//
//go:embed shortfalls.md
var shortfalls string

const header = `
| row | program | | median (least to most) | Rust | goal | to Rust | |
|---|---|---|---|---|---|---|---|
`

// chosen returns the rows with these ids, or all if there are none.
func chosen(ids []string) (rows []row, err error) {
	for _, id := range ids {
		if !slices.ContainsFunc(table, func(r row) bool { return r.id == id }) {
			return nil, fmt.Errorf("the table has no row %q: name some of bench/table.go, or none for all", id)
		}
	}
	for _, r := range table {
		if len(ids) == 0 || slices.Contains(ids, r.id) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// run runs a row several times.
func (r row) run(ctx context.Context) (ran []result, err error) {
	for range *runs {
		one, err := measure[result](ctx, strings.Fields(r.command)...)
		if err != nil {
			return nil, err
		}
		ran = append(ran, one)
	}
	return ran, nil
}

// measure runs this program with other arguments, and returns what its last line says.
func measure[R any](ctx context.Context, args ...string) (r R, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	return measureOf[R](ctx, self, args...)
}

// measureOf is measure for another build of this program.
func measureOf[R any](ctx context.Context, build string, args ...string) (r R, err error) {
	var said strings.Builder
	cmd := exec.CommandContext(ctx, build, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	out = bytes.TrimSpace(out)
	last := out[bytes.LastIndexByte(out, '\n')+1:]
	return r, json.Unmarshal(bytes.TrimPrefix(last, []byte("p0: ")), &r) // of process 0 of a cluster
}

// lines are a row's lines of the table, one for each target. Times of others are
// multiplied by what the machine was slower than the reference.
func (r row) lines(ran []result, before, after calibration) (lines []string) {
	slower, quiet := slowness(r.bound, before, after), isQuiet(before, after)
	for _, t := range r.targets {
		var found []float64
		for _, one := range ran {
			found = append(found, t.figure.of(one))
		}
		slices.Sort(found)
		if t.figure.time {
			t.rust, t.goal = t.rust*slower, t.goal*slower
		}
		lines = append(lines, t.line(r, found, quiet || !t.figure.time))
	}
	return lines
}

// slowness says how much slower the machine was than the reference.
func slowness(of bound, before, after calibration) float64 {
	return (of(before) + of(after)) / 2 / of(reference)
}

// isQuiet reports whether figures can be trusted that were found in between. A trip to
// another process is not asked: it takes three times as long if cores have slept.
func isQuiet(before, after calibration) bool {
	for _, of := range []bound{byALU, byCopy, byHop} {
		if slowness(of, before, after) > 1.5 || max(of(before)/of(after), of(after)/of(before)) > 1.25 {
			return false
		}
	}
	return true
}

// line is a target's line of the table. What was found is sorted.
func (t target) line(r row, found []float64, quiet bool) string {
	median := found[len(found)/2]
	here := fmt.Sprintf("%s (%s to %s)", t.figure.show(median), number(found[0]), number(found[len(found)-1]))
	ratio, verdict := "", t.judge(median)
	if t.rust > 0 {
		ratio = number(median / t.rust)
	}
	if verdict != "" && !quiet {
		verdict += "?"
	}
	cells := []string{r.id, "`" + r.command + "`", t.figure.name, here, t.figure.show(t.rust), t.figure.show(t.goal), ratio, verdict}
	return "| " + strings.Join(cells, " | ") + " |"
}

func (t target) judge(median float64) string {
	switch {
	case t.rust > 0 && median > t.rust:
		return "**LOST**"
	case t.goal == 0:
		return ""
	case median > t.goal:
		return "goal missed"
	}
	return "goal met"
}

// show writes a number with its unit; zero is not known.
func (f figure) show(x float64) string {
	if x == 0 {
		return ""
	}
	return number(x) + " " + f.unit
}

// number writes three digits, or all before the point.
func number(x float64) string {
	digits := 2
	for y := x; y >= 10 && digits > 0; y /= 10 {
		digits--
	}
	if x < 1 {
		digits = 3
	}
	return strconv.FormatFloat(x, 'f', digits, 64)
}

// describe says on what the table was made, and how to read it.
func describe(ctx context.Context, machine []calibration) string {
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--exclude=*").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	middle := func(of bound) float64 {
		var found []float64
		for _, c := range machine {
			found = append(found, of(c))
		}
		slices.Sort(found)
		if len(found) == 0 {
			return 0
		}
		return found[len(found)/2]
	}
	return fmt.Sprintf(`# Results

%s, commit %s: %d cores, %s/%s, %s; runs of each: %d.

The machine, in the middle: a dependent integer step %s ns, a KiB copied %s ns, a value to the other core and back %s ns, 64
bytes to another process by TCP and back %s µs. The times of timely dataflow 0.29 in Rust and the goals were measured and set
where these were %s, %s, %s and %s; here they are
scaled by what the machine was before and after each row. "To Rust" below 1 is faster, or smaller, than Rust. A question mark
says that the machine was not quiet: in one of the first three slower by half, or by a quarter not the same before and after. Such a
row is to be run again.
`, time.Now().UTC().Format(time.DateOnly), strings.TrimSpace(string(commit)), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), *runs,
		number(middle(byALU)), number(middle(byCopy)), number(middle(byHop)), number(middle(byTrip)), number(reference.ALU), number(reference.Copy), number(reference.Hop), number(reference.Trip))
}
