package schedule

import (
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// recorder is a loop whose tasks write down what they do.
type recorder struct {
	*Loop
	log []string
}

func newRecorder() *recorder {
	r := &recorder{}
	r.Loop = NewLoop(func() { r.say("-") })
	return r
}

func (r *recorder) say(s string) { r.log = append(r.log, s) }

// expect steps until nothing is left to do, and compares what was written down
// since the last time: what tasks said, and "-" for the end of each pass.
func (r *recorder) expect(t *testing.T, want string) {
	t.Helper()
	for r.Step(1) {
	}
	if got := strings.Join(r.log, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.log = nil
}

func TestTasksRunInOrder(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	var tasks []*Task
	for i := range 200 { // several words of the bitmap
		tasks = append(tasks, r.Add(i, func() { r.say(fmt.Sprint(i)) }))
	}
	for _, i := range []int{199, 64, 3, 0, 63, 128, 127, 65} {
		tasks[i].Wake()
		tasks[i].Wake()
	}
	r.expect(t, "0 3 63 64 65 127 128 199 -")
}

func TestWokenLaterInTheListRunsInTheSamePass(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	var a, b, c *Task
	woken := 0
	a = r.Add("a", func() { r.say("a") })
	b = r.Add("b", func() {
		r.say("b")
		if woken++; woken == 1 {
			a.Wake()
			b.Wake()
			c.Wake()
		}
	})
	c = r.Add("c", func() { r.say("c") })
	b.Wake()
	r.expect(t, "b c - a b -")
}

func TestStepMakesSoManyPasses(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	var a *Task
	a = r.Add("a", func() { r.say("a"); a.Wake() })
	if r.Step(5) || r.Busy() {
		t.Error("a step without anything awake")
	}
	a.Wake()
	for _, n := range []int{1, 3, 16} {
		r.log = nil
		if !r.Step(n) || len(r.log) != 2*n {
			t.Errorf("Step(%d) did %v", n, r.log)
		}
	}
}

func TestAddInsideATask(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	a := r.Add("a", func() {
		for i := range 70 {
			if b := r.Add("b", func() { r.say(fmt.Sprint(i)) }); i%30 == 9 {
				b.Wake()
			}
		}
	})
	a.Wake()
	r.expect(t, "9 39 69 -")
}

func TestPauseInNestedCalls(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	var a, b *Task
	var down func(n int)
	down = func(n int) {
		if n > 0 {
			down(n - 1)
			return
		}
		r.say("a1")
		b.Wake()
		r.Yield()
		if r.Running() != a {
			t.Error("the task is not running after its pause")
		}
		r.say("a2")
	}
	a = r.Add("a", func() { down(100); r.say("a3") })
	b = r.Add("b", func() {
		r.say("b")
		if !a.Paused() || b.Paused() || r.Running() != b {
			t.Error("a is not paused, or b is not running")
		}
	})
	a.Wake()
	r.expect(t, "a1 b - a2 a3 -")
}

func TestPauseWithoutOthers(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	var a, b *Task
	a = r.Add("a", func() { r.say("a1"); r.Pause(); r.say("a2"); r.Pause(); r.say("a3") })
	b = r.Add("b", func() { r.say("b"); r.Ready(a) })
	a.Wake()
	r.expect(t, "a1 -")
	b.Wake()
	r.expect(t, "b - a2 -")
	b.Wake()
	r.expect(t, "b - a3 -")
	a.Wake()
	r.expect(t, "a1 -")
}

func TestReadyBeforePause(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	a := r.Add("a", func() {
		r.Ready(r.Running())
		r.Ready(r.Running()) // counts as one
		r.say("a1")
		r.Pause()
		r.say("a2")
		r.Pause()
		r.say("a3")
	})
	a.Wake()
	r.expect(t, "a1 - a2 -")
	if !a.Paused() {
		t.Error("made ready once, resumed twice")
	}
}

// TestReadyForWhoDoesNotPauseIsForgotten is the other case: the next pass finds it
// not paused.
func TestReadyForWhoDoesNotPauseIsForgotten(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	pause := false
	a := r.Add("a", func() {
		if pause {
			r.say("a1")
			r.Pause()
		}
		r.say("a2")
	})
	r.Ready(a)
	r.expect(t, "-")
	a.Wake()
	r.expect(t, "a2 -")
	pause = true
	a.Wake()
	r.expect(t, "a1 -")
	r.Ready(a)
	r.expect(t, "a2 -")
}

func TestResumedFinishesItsTurnFirst(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	var a, b *Task
	turn := 0
	a = r.Add("a", func() {
		turn++
		n := turn
		r.say(fmt.Sprint("a", n))
		if n == 1 {
			r.Pause()
			r.say("a1'")
		}
	})
	b = r.Add("b", func() {
		r.say("b")
		a.Wake() // it is paused
		a.Wake()
		if !a.Awake() {
			t.Error("it will run again, but is not awake")
		}
	})
	a.Wake()
	r.expect(t, "a1 -")
	b.Wake()
	r.expect(t, "b -") // what is paused does not run beside itself
	r.Ready(a)
	r.expect(t, "a1' a2 -")
	if a.Awake() || a.Paused() {
		t.Error("a is still awake, or paused")
	}
}

// TestAwakeWhenItPauses is a task that was woken in its own turn and then pauses.
func TestAwakeWhenItPauses(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	turn, inside := 0, false
	var a *Task
	a = r.Add("a", func() {
		if inside {
			t.Error("a runs beside itself")
		}
		inside = true
		defer func() { inside = false }()
		if turn++; turn > 1 {
			r.say("again")
			return
		}
		a.Wake()
		r.say("a1")
		r.Pause()
		a.Wake()
		r.say("a2")
		r.Pause()
		r.say("a3")
	})
	a.Wake()
	r.expect(t, "a1 -")
	r.Ready(a)
	r.expect(t, "a2 -")
	r.Ready(a)
	r.expect(t, "a3 again -")
}

// TestPauseInUserCoroutine pauses on the stack of a coroutine that the task made.
func TestPauseInUserCoroutine(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	a := r.Add("a", func() {
		next, stop := iter.Pull(func(yield func(int) bool) {
			defer r.say("left")
			for i := 0; ; i++ {
				r.say(fmt.Sprint("in", i))
				r.Yield()
				if !yield(i) {
					return
				}
			}
		})
		defer stop()
		for range 2 {
			n, _ := next()
			r.say(fmt.Sprint("out", n))
			r.Yield()
		}
	})
	b := r.Add("b", func() { r.say("b") })
	a.Wake()
	b.Wake()
	r.expect(t, "in0 b - out0 - in1 - out1 - left -")
	a.Wake()
	r.Step(1)
	r.log = nil
	r.Remove(a) // while it is paused in the coroutine
	if r.say("removed"); !slices.Equal(r.log, []string{"left", "removed"}) {
		t.Error(r.log)
	}
}

func TestPauseInRangeOverFunc(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	numbers := func(yield func(int) bool) {
		defer r.say("end")
		for i := range 2 {
			if !yield(i) {
				return
			}
		}
	}
	a := r.Add("a", func() {
		for i := range numbers {
			r.say(fmt.Sprint(i))
			r.Yield()
			defer r.say(fmt.Sprint("deferred", i))
		}
	})
	b := r.Add("b", func() { r.say("b") })
	a.Wake()
	b.Wake()
	r.expect(t, "0 b - 1 - end deferred1 deferred0 -")
	a.Wake()
	r.Step(1)
	r.log = nil
	r.Remove(a)
	if !slices.Equal(r.log, []string{"end"}) {
		t.Error("unwinding in the loop: ", r.log)
	}
}

func TestManyPausedAtOnce(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	const n = 1000
	left := n
	var tasks []*Task
	for range n {
		tasks = append(tasks, r.Add(nil, func() { r.Pause(); r.Pause(); left-- }))
	}
	for _, task := range tasks {
		task.Wake()
	}
	for range 3 {
		for r.Step(16) {
		}
		for _, task := range tasks {
			r.Ready(task)
		}
	}
	if left != 0 {
		t.Errorf("%d tasks have not ended", left)
	}
	r.Step(1)
	if len(r.free) > n+1 {
		t.Errorf("%d strands for %d tasks", len(r.free), n)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	l := NewLoop(func() {})
	defer l.Close()
	var a, b, c *Task
	a = l.Add("a", func() { l.Yield(); b.Wake(); l.Yield(); c.Wake() })
	b = l.Add("b", func() { l.Pause(); l.Yield() })
	c = l.Add("c", func() { l.Ready(b) })
	round := func() {
		a.Wake()
		for l.Step(16) {
		}
		if a.Paused() || b.Paused() {
			t.Error("something is still paused")
		}
	}
	for range 10 {
		round()
	}
	strands := len(l.free)
	if n := testing.AllocsPerRun(1000, round); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if len(l.free) != strands {
		t.Errorf("%d strands, before %d", len(l.free), strands)
	}
}

func TestMisuse(t *testing.T) {
	mustPanic := func(want string, f func()) {
		t.Helper()
		defer func() {
			t.Helper()
			if got := recover(); got != want {
				t.Errorf("panic %v, want %s", got, want)
			}
		}()
		f()
	}
	l := NewLoop(func() {})
	defer l.Close()
	mustPanic("schedule: Pause outside a task", l.Pause)
	a := l.Add("a", func() { mustPanic("schedule: Step inside a task", func() { l.Step(1) }) })
	a.Wake()
	l.Step(1)
	if l.Failure() != nil {
		t.Error(l.Failure())
	}
	l.Remove(a)
	l.Remove(a)
	a.Wake()
	l.Ready(a)
	if a.Awake() || a.Paused() || l.Busy() || l.Step(1) {
		t.Error("a removed task is awake")
	}
}

// settled waits until as many goroutines are left as there were before.
func settled(t *testing.T, before int) {
	t.Helper()
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}

func BenchmarkStep(b *testing.B) {
	l := NewLoop(func() {})
	a := l.Add("a", func() {})
	for b.Loop() {
		a.Wake()
		l.Step(16)
	}
}

func BenchmarkYield(b *testing.B) {
	l := NewLoop(func() {})
	a := l.Add("a", func() {
		for b.Loop() {
			l.Yield()
		}
	})
	a.Wake()
	for l.Step(16) {
	}
}
