package mutants

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	all     = flag.Bool("all", false, "run all mutants, and the suites without any")
	results = flag.Bool("results", false, "with -all: write RESULTS.md")
	only    = flag.String("only", "", "run the mutants whose names match this regular expression")
	seed    = flag.Uint64("seed", 0, "the order of the mutants; 0: by the clock")
)

const (
	suiteSeconds = "TIMELY_SUITE_SECONDS" // a third of the time that there is
	few          = 3                      // mutants that run if that is not set
	least        = 3                      // mutants that run if it is, however long it takes
)

// mutants are all of them.
func mutants() []mutant {
	return slices.Concat(countingMutants, capabilityMutants, wakingMutants, pausingMutants, progressMutants, batchMutants, flowMutants, clusterMutants)
}

var sim = suite{"./internal/sim", "TestSimulatedPrograms"}

func TestEveryMutantIsAnEditOfALineThatIsThere(t *testing.T) {
	named := make(map[string]bool)
	for _, m := range mutants() {
		if named[m.name] {
			t.Errorf("two mutants are called %q", m.name)
		}
		named[m.name] = true
		if _, err := m.source(root(t)); err != nil {
			t.Error(err)
		}
		if m.old == m.new {
			t.Errorf("the mutant %q changes nothing", m.name)
		}
	}
	if len(named) < 20 {
		t.Errorf("there are only %d mutants", len(named))
	}
}

func TestMutantsAreKilled(t *testing.T) {
	chosen, more := choose(t)
	if *all {
		suitesPass(t, chosen)
	}
	var rows []row
	kills := 0
	for n, m := range chosen {
		if !more(n) {
			break
		}
		o, err := m.test(t, root(t))
		if err == nil {
			err = m.killed(o)
		}
		rows = append(rows, row{m, o})
		if err != nil {
			t.Error(err)
			continue
		}
		kills++
		t.Logf("%-70s %-75s %.1f s", m.name, o.by, o.took.Seconds())
	}
	fmt.Printf("count: %d of %d engine mutants killed\n", kills, len(rows))
	if *results && *all && *only == "" && !t.Failed() {
		if err := os.WriteFile(resultsFile, []byte(table(rows)), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// choose returns mutants in the order in which they are run, and whether to go on
// after n of them.
func choose(t *testing.T) (chosen []mutant, more func(n int) bool) {
	chosen = mutants()
	always := func(int) bool { return true }
	if *only != "" {
		wanted := regexp.MustCompile(*only)
		return slices.DeleteFunc(chosen, func(m mutant) bool { return !wanted.MatchString(m.name) }), always
	}
	if *all {
		return chosen, always
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	fmt.Printf("mutants in the order of -seed %d\n", *seed)
	rand.New(rand.NewPCG(*seed, 0)).Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	text := os.Getenv(suiteSeconds)
	if text == "" {
		return slices.DeleteFunc(chosen, mutant.slow), func(n int) bool { return n < few }
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%s: %v", suiteSeconds, err)
	}
	begun, limit := time.Now(), time.Duration(3*seconds*float64(time.Second))
	return chosen, func(n int) bool { // the next one takes about as long as those before it did
		passed := time.Since(begun)
		return n < least || passed+passed/time.Duration(n) < limit
	}
}

// suitesPass checks that it is the mutants by which the suites fail.
func suitesPass(t *testing.T, chosen []mutant) {
	t.Helper()
	seen := make(map[suite]bool)
	for _, m := range chosen {
		if seen[m.by] {
			continue
		}
		seen[m.by] = true
		if o, err := m.by.test(t, root(t), within); err != nil {
			t.Fatal(err)
		} else if o.end != passed {
			t.Fatalf("%v fails without a mutant\n%s", m.by, o.text)
		}
	}
}

// root returns the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

const resultsFile = "RESULTS.md"

// A row is what became of a mutant.
type row struct {
	mutant  mutant
	outcome outcome
}

// table writes what became of the mutants.
func table(rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Mutants of the engine\n\n"+
		"Each makes the engine wrong in one place; a test must fail then. Written by\n"+
		"`go test ./internal/mutants -all -results`; seconds are those of building and running the tests.\n\n"+
		"All %d are killed.\n\n| mutant | file | killed by | seconds |\n|---|---|---|---:|\n", len(rows))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %.1f |\n", r.mutant.name, r.mutant.file, r.outcome.by, r.outcome.took.Seconds())
	}
	return b.String()
}

func TestResultsAreOfTheseMutants(t *testing.T) {
	text, err := os.ReadFile(resultsFile)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") {
			rows++
		}
	}
	if want := len(mutants()) + 1; rows != want {
		t.Errorf("%s has %d rows, not %d: run all mutants with -all -results", resultsFile, rows, want)
	}
	for _, m := range mutants() {
		if !strings.Contains(string(text), "| "+m.name+" | "+m.file+" |") {
			t.Errorf("%s lacks the mutant %q: run all with -all -results", resultsFile, m.name)
		}
	}
}
