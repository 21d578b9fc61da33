package timelytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/timely-go/timely"
)

// WorkerCounts are the numbers of workers to run a program with.
type WorkerCounts []int

// Workers returns the numbers of workers to run a program with.
func Workers(counts ...int) WorkerCounts { return counts }

// SameAnswer runs a program with each number of workers, under each of the
// [Settings], and fails the test if a run fails or if its answer differs from that
// of the first: as multisets of records at each time. It returns the answer of the
// first run, in which the program is run as it is outside of tests.
//
// Records are equal if Go's syntax for them (%#v) is. So pointers in them are
// compared, not what they point to.
func SameAnswer[D any](t testing.TB, program func(w *timely.Worker, out *Collected[D]) error, workers WorkerCounts) *Collected[D] {
	t.Helper()
	if len(workers) == 0 {
		workers = Workers(1, 2, 4)
	}
	var first *Collected[D]
	var firstRun string
	for _, n := range workers {
		for _, setting := range Settings() {
			out := &Collected[D]{}
			run := setting.describe(n)
			err := setting.execute(t.Context(), n, func(w *timely.Worker) error { return program(w, out) })
			switch {
			case err != nil:
				t.Errorf("%s: %v", run, err)
			case first == nil:
				first, firstRun = out, run
			default:
				if d := differences(first, out); d != "" {
					t.Errorf("the answer with %s is not the one with %s:\n%s", run, firstRun, d)
				}
			}
		}
	}
	if first == nil {
		first = &Collected[D]{}
	}
	return first
}

// differencesShown bounds what is said of one run.
const differencesShown = 20

// differences says how an answer differs from the one that was wanted; nothing if
// it does not.
func differences[D any](want, got *Collected[D]) string {
	var lines []string
	times := append(want.Times(), got.Times()...)
	slices.SortFunc(times, shortFirst)
	for _, at := range slices.Compact(times) {
		for _, s := range surpluses(want.At(at), got.At(at)) {
			lines = append(lines, fmt.Sprintf("at %s: %s", at, s))
		}
	}
	if n := len(lines); n > differencesShown {
		lines = append(lines[:differencesShown], fmt.Sprintf("and %d more differences", n-differencesShown))
	}
	return strings.Join(lines, "\n")
}

// surplus is how often a record is there beyond what was wanted.
type surplus struct {
	record string
	n      int // negative: it is missing
}

func (s surplus) String() string {
	what := "missing"
	if s.n > 0 {
		what = "too many"
	}
	if n := max(s.n, -s.n); n > 1 {
		return fmt.Sprintf("%s (%d times %s)", s.record, n, what)
	}
	return fmt.Sprintf("%s (%s)", s.record, what)
}

// surpluses returns in what two multisets differ.
func surpluses[D any](want, got []D) (all []surplus) {
	bySyntax := make(map[string]*surplus)
	count := func(r D, d int) {
		key := fmt.Sprintf("%#v", r)
		if bySyntax[key] == nil {
			bySyntax[key] = &surplus{record: fmt.Sprintf("%+v", r)}
		}
		bySyntax[key].n += d
	}
	for _, r := range want {
		count(r, -1)
	}
	for _, r := range got {
		count(r, +1)
	}
	for _, s := range bySyntax {
		if s.n != 0 {
			all = append(all, *s)
		}
	}
	slices.SortFunc(all, func(a, b surplus) int { return shortFirst(a.record, b.record) })
	return all
}
