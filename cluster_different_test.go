package timely_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// differentPrograms has one that is another program at each process: its argument says
// which.
var differentPrograms = map[string]func(*timely.Worker) error{
	"different": func(w *timely.Worker) error {
		build := differences[w.Args()[0]]
		if err := build(w); err != nil {
			return err
		}
		fmt.Println("right so far")
		return nil
	},
}

var differences = map[string]func(*timely.Worker) error{
	"usual": func(w *timely.Worker) error {
		return countsInts(w, func(xs epochInts) epochInts { return timely.Map(xs, sameInt) })
	},
	"another operator": func(w *timely.Worker) error {
		return countsInts(w, func(xs epochInts) epochInts { return timely.Filter(xs, func(int) bool { return true }) })
	},
	"another pact": func(w *timely.Worker) error {
		return countsInts(w, func(xs epochInts) epochInts {
			return timely.Unary(xs, timely.ExchangeBy(toWorker), "Map", func(*intIn, *intOut) {})
		})
	},
	"one less": func(w *timely.Worker) error {
		return countsInts(w, func(xs epochInts) epochInts { return xs })
	},
	"one more": func(w *timely.Worker) error {
		return countsInts(w, func(xs epochInts) epochInts { return timely.Concat(timely.Map(xs, sameInt), xs) })
	},
	"another type": func(w *timely.Worker) error {
		return countsOf(w, func(n int) uint64 { return uint64(n) }, func(xs timely.Stream[epoch, uint64]) timely.Stream[epoch, uint64] {
			return timely.Map(xs, func(n uint64) uint64 { return n })
		})
	},
	"the even ones": func(w *timely.Worker) error {
		return countsInts(w, func(xs epochInts) epochInts {
			even, _ := timely.Split(xs, func(n int) bool { return n%2 == 0 })
			return even
		})
	},
	"the odd ones": func(w *timely.Worker) error {
		return countsInts(w, func(xs epochInts) epochInts {
			_, odd := timely.Split(xs, func(n int) bool { return n%2 == 0 })
			return odd
		})
	},
	"delayed by 1": func(w *timely.Worker) error { return delays(w, 1) },
	"delayed by 2": func(w *timely.Worker) error { return delays(w, 2) },
	"three parts":  func(w *timely.Worker) error { return parts(w, 3) },
	"two parts":    func(w *timely.Worker) error { return parts(w, 2) },
	"in a region": func(w *timely.Worker) error {
		return countsInts(w, func(xs epochInts) (ys epochInts) {
			timely.Region(xs.Scope(), "region", func(epochScope) {
				ys = timely.Map(xs, sameInt)
			})
			return ys
		})
	},
	"another dataflow": func(w *timely.Worker) error {
		if err := countsInts(w, func(xs epochInts) epochInts { return timely.Map(xs, sameInt) }); err != nil {
			return err
		}
		return countsInts(w, func(xs epochInts) epochInts { return timely.Map(xs, sameInt) })
	},
	"nothing": func(*timely.Worker) error { return nil },
	"nothing at one worker": func(w *timely.Worker) error {
		if w.Index()%2 == 1 {
			return nil
		}
		return countsInts(w, func(xs epochInts) epochInts { return timely.Map(xs, sameInt) })
	},
}

// delays has a loop that nothing goes round.
func delays(w *timely.Worker, by epoch) error {
	return countsInts(w, func(xs epochInts) epochInts {
		loop, again := timely.Feedback[int](xs.Scope(), by)
		all := timely.Concat(xs, again)
		loop.Connect(timely.Filter(all, func(int) bool { return false }))
		return all
	})
}

func parts(w *timely.Worker, n int) error {
	return countsInts(w, func(xs epochInts) epochInts {
		all := timely.Partition(xs, n, func(int) int { return 0 })
		return all[0]
	})
}

func countsInts(w *timely.Worker, middle func(epochInts) epochInts) error {
	return countsOf(w, sameInt, middle)
}

// countsOf counts records, and says how often each was there: as often as there are
// workers.
func countsOf[D comparable](w *timely.Worker, make func(int) D, middle func(timely.Stream[epoch, D]) timely.Stream[epoch, D]) error {
	input, probe := timely.NewInput[epoch, D](), timely.NewProbe[epoch]()
	timely.Dataflow(w, func(s epochScope) {
		hash := func(r D) uint64 { return timely.HashString(fmt.Sprint(r)) }
		counts := timely.Count(middle(timely.Exchange(input.Stream(s), hash)), hash)
		timely.ProbeWith(timely.Inspect(counts, func(c timely.Counted[D]) {
			if int(c.N) != w.Peers() {
				fmt.Println("wrong", c)
			}
		}), probe)
	})
	for i := range 1000 {
		input.Send(make(i))
	}
	input.Close()
	for !probe.Done() {
		w.Step()
	}
	return nil
}

// TestDifferentProgramsEndWithWhatDiffers joins two processes of one build that build
// other dataflows.
func TestDifferentProgramsEndWithWhatDiffers(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	const at = `@cluster_different_test\.go:\d+`
	returned := `without building the dataflow at .*cluster_different_test\.go:\d+`
	for _, test := range []struct {
		usual string // at one of two processes
		name  string // at the other
		says  string // one of them, of the other
		right int    // workers of all processes that may end well before it is noticed
	}{
		{"usual", "another operator", `(Map` + at + ` stands where process \d has Filter` + at + `|Filter` + at + ` stands where process \d has Map` + at + `)`, 0},
		{"usual", "another pact", `Map` + at + ` differs from process \d's Map` + at + ` in its types, inputs, outputs, pacts or summaries`, 0},
		{"usual", "one less", `(Map` + at + ` stands where process \d has |stands where process \d has Map` + at + `)`, 0},
		{"usual", "one more", `(Concat` + at + ` stands where process \d has |stands where process \d has Concat` + at + `)`, 0},
		{"usual", "another type", `Input` + at + ` differs from process \d's Input` + at + ` in its types`, 0},
		{"the even ones", "the odd ones", `differs from process \d's `, 0},
		{"delayed by 1", "delayed by 2", `Feedback` + at + ` differs from process \d's Feedback` + at, 0},
		{"three parts", "two parts", `Partition` + at + ` differs from process \d's Partition` + at, 0},
		{"usual", "in a region", `(Map` + at + ` stands where process \d has Region region` + at + `|Region region` + at + ` stands where process \d has Map` + at + `)`, 0},
		{"usual", "another dataflow", returned, 4},
		{"usual", "nothing", returned, 2},
		{"usual", "nothing at one worker", returned, 2},
	} {
		for other := range 2 {
			t.Run(fmt.Sprintf("%s at process %d", test.name, other), func(t *testing.T) {
				mayTake(t, time.Second, func() time.Duration {
					c := newMachines(t, "different", 2, "-w", "2")
					for i := range 2 {
						which := test.usual
						if i == other {
							which = test.name
						}
						c.start(t, i, which)
					}
					begun := time.Now()
					right := 0
					for i, p := range c.processes {
						p.wait(t)
						what := regexp.MustCompile(fmt.Sprintf(`(?m)^timely: process %d[:,].*%s`, i, test.says))
						if p.status() != 1 || !what.MatchString(p.errs.String()) {
							t.Errorf("want %q, got %v", test.says, p)
						}
						right += len(p.says("right so far"))
						if len(p.says("wrong")) > 0 || slices.Contains(p.stdout.lines(), "returned") {
							t.Error(p)
						}
					}
					if right > test.right {
						t.Errorf("%d workers ended well, %d may", right, test.right)
					}
					return last(t, c.processes).Sub(begun)
				})
			})
		}
	}
}

func TestAnotherBuildIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	c := newMachines(t, "epochs", 2, "5")
	for i, build := range []string{"of yesterday", "of today"} {
		c.network = &timely.Network{Build: build}
		c.start(t, i)
	}
	for i, want := range []string{
		`process 1 is of build "of today", process 0 of build "of yesterday"`,
		`process 0 is of build "of yesterday", process 1 of build "of today"`,
	} {
		if line := failed(t, c.processes[i]); !strings.Contains(line, want) {
			t.Errorf("it said %q, want %q", line, want)
		}
	}
}
