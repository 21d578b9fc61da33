package timelytest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/timelytest"
)

// recorder is a test that notes what it is told.
type recorder struct {
	testing.TB // nil: what is not here must not be called
	folder     string

	mu    sync.Mutex
	told  []string
	fatal bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return context.Background() }
func (r *recorder) TempDir() string          { return r.folder }
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.fatal = true
	runtime.Goexit()
}

// record runs a test with a recorder.
func record(t *testing.T, test func(testing.TB)) *recorder {
	r := &recorder{folder: t.TempDir()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	return r
}

// numbers is a dataflow of the numbers from 0 to n-1, each at the time of its
// last digit, spread over the workers.
func numbers(w *timely.Worker, n int, build func(timely.Stream[timely.Epoch, int])) {
	input := timely.NewInput[timely.Epoch, int]()
	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) { build(input.Stream(s)) })
	for digit := range 10 {
		input.AdvanceTo(timely.Epoch(digit))
		for i := digit; i < n; i += 10 {
			if i/10%w.Peers() == w.Index() {
				input.Send(i)
			}
		}
	}
}

func TestSameAnswerAcceptsWhatIsTheSame(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		numbers(w, 25, func(s timely.Stream[timely.Epoch, int]) {
			owned := timely.Exchange(s, func(n int) uint64 { return uint64(n) })
			timelytest.Collect(timely.Map(owned, func(n int) int { return n * n }), out)
		})
		return nil
	}, timelytest.Workers(1, 2, 3, 4))
	want := "0: 0 100 400\n1: 1 121 441\n2: 4 144 484\n3: 9 169 529\n4: 16 196 576\n5: 25 225\n6: 36 256\n7: 49 289\n8: 64 324\n9: 81 361"
	if got := answer.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSameAnswerTellsWhatDiffers(t *testing.T) {
	r := record(t, func(tb testing.TB) {
		timelytest.SameAnswer(tb, func(w *timely.Worker, out *timelytest.Collected[string]) error {
			numbers(w, 4, func(s timely.Stream[timely.Epoch, int]) {
				named := timely.Map(s, func(n int) string { return fmt.Sprintf("%d at %d", n, w.Index()) })
				timelytest.Collect(named, out)
			})
			if w.Index() > 0 {
				out.Add("the end", "more", "more")
			}
			return nil
		}, timelytest.Workers(1, 2))
	})
	if n := len(timelytest.Settings()); len(r.told) != n {
		t.Fatalf("%d failures, want one for each of %d settings:\n%s", len(r.told), n, strings.Join(r.told, "\n"))
	}
	want := "the answer with 2 workers, plain is not the one with 1 worker, plain:\nat the end: more (2 times too many)"
	if r.told[0] != want {
		t.Errorf("got\n%s\nwant\n%s", r.told[0], want)
	}
}

func TestSameAnswerTellsWhatIsMissing(t *testing.T) {
	r := record(t, func(tb testing.TB) {
		timelytest.SameAnswer(tb, func(w *timely.Worker, out *timelytest.Collected[int]) error {
			out.Add(timely.Epoch(10*w.Peers()), 7)
			return nil
		}, timelytest.Workers(2, 3))
	})
	for _, part := range []string{"at 20: 7 (2 times missing)", "at 30: 7 (3 times too many)"} {
		if !strings.Contains(strings.Join(r.told, "\n"), part) {
			t.Errorf("not told: %s; told:\n%s", part, strings.Join(r.told, "\n"))
		}
	}
}

// TestKeptBatchFails keeps what was only lent, which gives the right answer
// outside of tests more often than not.
func TestKeptBatchFails(t *testing.T) {
	r := record(t, func(tb testing.TB) {
		timelytest.SameAnswer(tb, func(w *timely.Worker, out *timelytest.Collected[int]) error {
			numbers(w, 40, func(s timely.Stream[timely.Epoch, int]) {
				kept := make(map[timely.Epoch][][]int)
				complete := timely.NewNotificator[timely.Epoch]()
				timelytest.Collect(timely.Unary(s, timely.Pipeline, "Keep",
					func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
						for at, records := range in.Batches() {
							kept[at.Time()] = append(kept[at.Time()], records)
							complete.NotifyAt(at)
						}
						for at := range complete.Ready(in.Frontier()) {
							for _, records := range kept[at.Time()] {
								out.Session(at).SendBatch(records)
							}
						}
					}), out)
			})
			return nil
		}, timelytest.Workers(1))
	})
	if raceEnabled { // then buffers are poisoned under every setting, and all agree on a wrong answer
		if len(r.told) != 0 {
			t.Errorf("told %v", r.told)
		}
		return
	}
	for _, setting := range timelytest.Settings()[1:] {
		found := slices.ContainsFunc(r.told, func(s string) bool { return strings.Contains(s, setting.String()) })
		if !found {
			t.Errorf("a batch was kept, and with %v nobody noticed", setting)
		}
	}
}

func TestSameAnswerTellsOfFailures(t *testing.T) {
	broken := errors.New("it broke")
	r := record(t, func(tb testing.TB) {
		timelytest.SameAnswer(tb, func(w *timely.Worker, out *timelytest.Collected[int]) error {
			if w.Index() == 1 {
				return broken
			}
			return nil
		}, timelytest.Workers(2))
	})
	if len(r.told) == 0 || !strings.HasPrefix(r.told[0], "2 workers, plain: ") || !strings.Contains(r.told[0], "it broke") {
		t.Errorf("told: %q", r.told)
	}
}

func TestSameAnswerShowsNoEndOfDifferences(t *testing.T) {
	r := record(t, func(tb testing.TB) {
		timelytest.SameAnswer(tb, func(w *timely.Worker, out *timelytest.Collected[int]) error {
			for i := range 100 * w.Peers() {
				if w.Index() == 0 {
					out.Add("now", i)
				}
			}
			return nil
		}, timelytest.Workers(1, 2))
	})
	if len(r.told) == 0 || !strings.HasSuffix(r.told[0], "and 80 more differences") {
		t.Errorf("told: %q", r.told)
	}
}

func TestRunTellsOfFailures(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		r := record(t, func(tb testing.TB) {
			setting.Run(tb, 1, func(*timely.Worker) error { return errors.New("it broke") })
		})
		if len(r.told) != 1 || !strings.HasPrefix(r.told[0], "1 worker, "+setting.String()+": ") {
			t.Errorf("told: %q", r.told)
		}
	}
}

func TestCollectedIsSorted(t *testing.T) {
	var c timelytest.Collected[int]
	for i := range 12 {
		c.Add(timely.Epoch(11-i), 10, 9, i)
	}
	if got := strings.Join(c.Times(), " "); got != "0 1 2 3 4 5 6 7 8 9 10 11" {
		t.Errorf("times %s", got)
	}
	if got := c.At(timely.Epoch(3)); !slices.Equal(got, []int{10, 9, 8}) {
		t.Errorf("at 3: %v", got)
	}
	if got, _, _ := strings.Cut(c.String(), "\n"); got != "0: 9 10 11" {
		t.Errorf("got %s", got)
	}
	if c.Len() != 36 {
		t.Errorf("%d records, want 36", c.Len())
	}
}

func TestSameLines(t *testing.T) {
	lines := timelytest.SameLines(t, "testdata/squares", timelytest.Workers(1, 2), "5", "3", "2")
	if got := strings.Join(lines, " "); got != "25 4 9" {
		t.Errorf("got %s", got)
	}
}

func TestSameLinesTellsOfFailures(t *testing.T) {
	for _, test := range []struct{ folder, arg, want string }{
		{"testdata/squares", "worker", `at all: worker 1 (too many)`},
		{"testdata/squares", "many", `parsing "many": invalid syntax`},
		{"testdata", "", "go build in testdata"},
	} {
		r := record(t, func(tb testing.TB) {
			timelytest.SameLines(tb, test.folder, timelytest.Workers(1, 2), test.arg)
		})
		if told := strings.Join(r.told, "\n"); !strings.Contains(told, test.want) {
			t.Errorf("%s %s: told %q, want %q", test.folder, test.arg, told, test.want)
		}
	}
}

// TestSettingsPauseOperators looks how many of the records that an operator sends
// in one turn are seen elsewhere before that turn ends.
func TestSettingsPauseOperators(t *testing.T) {
	const sent = 100
	for name, want := range map[string]func(early int) bool{
		"plain":                    func(early int) bool { return early == 0 },
		"every Send pauses":        func(early int) bool { return early >= sent-2 },
		"buffers of three records": func(early int) bool { return true },
		"random pauses":            func(early int) bool { return early > 0 },
	} {
		i := slices.IndexFunc(timelytest.Settings(), func(s timelytest.Setting) bool { return s.String() == name })
		seen, early := 0, -1
		timelytest.Settings()[i].Run(t, 1, func(w *timely.Worker) error {
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				numbers := timely.ToStream(s, func(yield func(int) bool) {
					for i := range sent {
						yield(i)
					}
					early = seen
				})
				timely.Sink(numbers, timely.Pipeline, "See", func(in *timely.InPort[timely.Epoch, int]) {
					for _, records := range in.Batches() {
						seen += len(records)
					}
				})
			})
			return nil
		})
		if !want(early) || seen != sent {
			t.Errorf("%s: %d of %d records are seen early", name, early, seen)
		}
	}
}
