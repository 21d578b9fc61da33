package timely_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// Short names for what nearly every test here is about.
type (
	epoch      = timely.Epoch
	epochScope = timely.Scope[timely.Epoch]
	epochInts  = timely.Stream[timely.Epoch, int]
	intIn      = timely.InPort[timely.Epoch, int]
	intOut     = timely.OutPort[timely.Epoch, int]
)

// patience is how long a test waits for what should take milliseconds.
const patience = 20 * time.Second

// mustEnd runs a program, and returns what Execute returns. It fails the test if that
// takes too long, or if a goroutine is left.
func mustEnd(t *testing.T, workers int, program func(*timely.Worker) error) error {
	t.Helper()
	return mustEndWith(t, t.Context(), timely.Config{Workers: workers}, program)
}

func mustEndWith(t *testing.T, ctx context.Context, c timely.Config, program func(*timely.Worker) error) error {
	t.Helper()
	before := runtime.NumGoroutine()
	var err error
	within(t, patience, func() { err = timely.Execute(ctx, c, program) })
	nothingLeft(t, before)
	return err
}

// mustFail runs a program that must fail, within a second, and returns the failure.
func mustFail(t *testing.T, workers int, program func(*timely.Worker) error) *timely.Failure {
	t.Helper()
	return mustFailWith(t, t.Context(), timely.Config{Workers: workers}, program)
}

func mustFailWith(t *testing.T, ctx context.Context, c timely.Config, program func(*timely.Worker) error) *timely.Failure {
	t.Helper()
	err := mustEndWith(t, ctx, c, program)
	var f *timely.Failure
	if !errors.As(err, &f) {
		t.Fatalf("Execute returned %v, want a failure", err)
	}
	if text := f.Error(); strings.Contains(text, "\n") {
		t.Errorf("the error has several lines: %q", text)
	}
	if text := f.Error(); strings.Count(text, "timely: ") != 1 || !strings.HasPrefix(text, "timely: ") {
		t.Errorf("the error does not begin with timely: once: %q", text)
	}
	return f
}

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

// nothingLeft waits until there are no more goroutines than there were.
func nothingLeft(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks())
		}
	}
}

func stacks() string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	return b.String()
}

// retained returns the bytes that the program can reach.
func retained() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// counting yields 0, 1, … up to n, exclusive.
func counting(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func toWorker(n int) uint64 { return uint64(n) }

// busyProgram has something of everything that owns a goroutine: a source that is
// paused many times, an exchange, a loop, notifications and an input.
func busyProgram(w *timely.Worker) error {
	input := timely.NewInput[epoch, int]()
	probe := timely.NewProbe[epoch]()
	timely.Dataflow(w, func(s epochScope) {
		many := timely.ToStream(s, counting(20_000))
		all := timely.Exchange(timely.Concat(input.Stream(s), many), toWorker)
		looped := timely.Iterate(all, func(xs timely.Stream[timely.Loop[epoch], int]) (again, done timely.Stream[timely.Loop[epoch], int]) {
			return timely.Split(timely.Map(xs, func(n int) int { return n / 2 }), func(n int) bool { return n > 0 })
		})
		timely.ProbeWith(timely.Count(looped, toWorker), probe)
	})
	for e := range epoch(5) {
		input.Send(int(e))
		input.AdvanceTo(e + 1)
		for probe.LessThan(e + 1) {
			w.Step()
		}
	}
	return nil
}

func TestNoGoroutineIsLeftAfterSuccess(t *testing.T) {
	for workers := 1; workers <= 4; workers++ {
		if err := mustEnd(t, workers, busyProgram); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNothingIsLeftAfterAHundredClusters of two processes, of which a third fail.
func TestNothingIsLeftAfterAHundredClusters(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	cycle := func(i int) {
		program := func(w *timely.Worker) error {
			if err := busyProgram(w); err != nil || i%3 != 1 || w.Index() != i%2 {
				return err
			}
			return errors.New("enough")
		}
		if i%3 == 1 {
			twoByOne.mustFail(t, program)
		} else {
			twoByOne.mustRun(t, program)
		}
	}
	for i := range 6 { // what is made once
		cycle(i)
	}
	goroutines := runtime.NumGoroutine()
	nothingKept := keeping(t)
	for i := range rounds {
		cycle(i)
	}
	nothingLeft(t, goroutines)
	nothingKept()
}

// descriptors returns how many files, sockets and the like are open, and false where
// that cannot be known.
func descriptors() (n int, known bool) {
	open, err := os.ReadDir("/proc/self/fd")
	return len(open), err == nil
}

// keeping notes what is in use, and returns a check that it is not much more later: memory
// that the program can reach, and descriptors.
func keeping(t *testing.T) (nothingMore func()) {
	before := retained()
	opened, known := descriptors()
	return func() {
		t.Helper()
		if after := retained(); after > before+1<<20 {
			t.Errorf("%d bytes more are kept", after-before)
		}
		if now, _ := descriptors(); !known {
			t.Log("descriptors are not counted: there is no /proc/self/fd")
		} else if now > opened {
			t.Errorf("%d descriptors are open, %d were before", now, opened)
		}
	}
}

// filesIn returns the names of all that is in a folder.
func filesIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

func TestNothingIsLeftAfterAThousandExecutions(t *testing.T) {
	const rounds = 1000
	temporary := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} { // os.TempDir looks at one of them
		t.Setenv(name, temporary)
	}
	cycle := func(i int) {
		err := mustEnd(t, 1+i%4, func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			timely.Dataflow(w, func(s epochScope) {
				forever := timely.FlatMap(timely.Exchange(input.Stream(s), toWorker), func(int) iter.Seq[int] { return counting(1 << 30) })
				timely.Inspect(forever, func(n int) {
					if n == 100_000 && i%3 == 1 {
						panic("enough")
					}
				})
			})
			if i%3 == 2 && w.Index() == 0 {
				return errors.New("enough")
			}
			if i%3 != 0 {
				input.Send(w.Index())
			}
			return nil
		})
		if (err != nil) != (i%3 != 0) {
			t.Fatalf("round %d: %v", i, err)
		}
	}
	for i := range 8 { // what is made once
		cycle(i)
	}
	nothingKept := keeping(t)
	for i := range rounds {
		cycle(i)
	}
	nothingKept()
	if left := filesIn(t, temporary); len(left) > 0 {
		t.Errorf("%d files are left in the folder for temporary ones, %s for one", len(left), left[0])
	}
}
