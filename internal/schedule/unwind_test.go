package schedule

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestRemoveRunsDeferredFunctions(t *testing.T) {
	before := runtime.NumGoroutine()
	r := newRecorder()
	a := r.Add("a", func() {
		defer r.say("first deferred")
		defer func() {
			if x := recover(); x != nil {
				t.Errorf("recovered %v", x)
			}
			r.say("recovered nothing")
		}()
		func() {
			defer func() { _ = recover(); r.say("last deferred") }()
			r.Pause()
			t.Error("the task goes on")
		}()
		t.Error("a recover swallows the unwinding")
	})
	a.Wake()
	r.Step(1)
	r.Ready(a) // too late
	r.Remove(a)
	r.say("removed")
	r.expect(t, "- last deferred recovered nothing first deferred removed")
	if r.Failure() != nil {
		t.Error(r.Failure())
	}
	r.Close()
	settled(t, before)
}

// TestCloseUnwindsInTheOrderOfTheList also looks for goroutines that are left.
func TestCloseUnwindsInTheOrderOfTheList(t *testing.T) {
	before := runtime.NumGoroutine()
	r := newRecorder()
	for i := range 5 {
		a := r.Add(i, func() {
			defer func() { r.say(fmt.Sprint("left ", i)) }()
			r.Pause()
		})
		a.Wake()
		r.Step(1)
		if i == 2 {
			r.Remove(a)
		}
	}
	r.log = nil
	r.Close()
	if got := strings.Join(r.log, ", "); got != "left 0, left 1, left 3, left 4" {
		t.Error(got)
	}
	settled(t, before)
	r.Close()
}

func TestCloseWithoutSteps(t *testing.T) {
	l := NewLoop(func() {})
	l.Close()
	l = NewLoop(func() {})
	l.Add("a", func() {}).Wake()
	l.Close()
}

func panicsHere(value any) { panic(value) }

// TestPanicIsReportedOnce has a task panic in its turn, after a pause, or in a
// nested call, while others are paused.
func TestPanicIsReportedOnce(t *testing.T) {
	boom := errors.New("boom")
	for _, test := range []struct {
		name string
		turn func(l *Loop)
	}{
		{"at once", func(*Loop) { panicsHere(boom) }},
		{"after a pause", func(l *Loop) { l.Yield(); panicsHere(boom) }},
		{"after two pauses", func(l *Loop) { l.Yield(); l.Yield(); panicsHere(boom) }},
		{"in a deferred function", func(l *Loop) { defer panicsHere(boom); l.Yield() }},
		{"again", func(l *Loop) {
			defer func() { panicsHere(recover()) }()
			panicsHere(boom)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			r := newRecorder()
			bystander := r.Add("bystander", func() { defer r.say("unwound"); r.Pause() })
			a := r.Add("a", func() { test.turn(r.Loop) })
			later := r.Add("later", func() {})
			bystander.Wake()
			a.Wake()
			for r.Step(16) {
			}
			f := r.Failure()
			if f == nil || f.Task != a || f.Value != error(boom) || f.Exit || !strings.Contains(string(f.Stack), "panicsHere") {
				t.Fatalf("failure %+v", f)
			}
			if r.Running() != nil {
				t.Error("something is still running")
			}
			later.Wake()
			r.Ready(bystander)
			if r.Busy() || r.Step(1) || r.Failure() != f {
				t.Error("something ran after the failure")
			}
			r.log = nil
			r.Close()
			if !slices.Equal(r.log, []string{"unwound"}) || r.Failure() != f {
				t.Error("closing: ", r.log, r.Failure())
			}
			settled(t, before)
		})
	}
}

func TestPanicNilIsReported(t *testing.T) {
	l := NewLoop(func() {})
	defer l.Close()
	l.Add("a", func() { panic(nil) }).Wake()
	l.Step(1)
	var e *runtime.PanicNilError
	if err, _ := l.Failure().Value.(error); !errors.As(err, &e) {
		t.Errorf("failure %+v", l.Failure())
	}
}

func TestPanicBetweenPasses(t *testing.T) {
	n := 0
	l := NewLoop(func() {
		if n++; n == 3 {
			panicsHere("between")
		}
	})
	var a *Task
	a = l.Add("a", func() { a.Wake() })
	a.Wake()
	l.Step(16)
	f := l.Failure()
	if f == nil || f.Task != nil || f.Value != "between" || !strings.Contains(string(f.Stack), "panicsHere") {
		t.Errorf("failure %+v", f)
	}
	if n != 3 {
		t.Errorf("%d passes", n)
	}
	l.Close()
}

// TestRecoveredPanicIsNoFailure is the task's own business, also round a pause.
func TestRecoveredPanicIsNoFailure(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	r.Add("a", func() {
		defer func() {
			r.say(fmt.Sprint(recover()))
			r.Yield()
			r.say("goes on")
		}()
		r.Yield()
		panic("mine")
	}).Wake()
	r.expect(t, "- mine - goes on -")
	if r.Failure() != nil {
		t.Error(r.Failure())
	}
}

func exitsHere() { runtime.Goexit() }

// TestGoexitEndsTheDriver is FailNow in a task: it takes along whoever steps.
func TestGoexitEndsTheDriver(t *testing.T) {
	for _, pauses := range []int{0, 1, 2} {
		before := runtime.NumGoroutine()
		r := newRecorder()
		a := r.Add("a", func() {
			for range pauses {
				r.Yield()
			}
			exitsHere()
		})
		paused := r.Add("paused", func() { defer r.say("unwound"); r.Pause() })
		a.Wake()
		paused.Wake()
		returned := false
		done := make(chan struct{})
		go func() {
			defer close(done)
			for r.Step(1) {
			}
			returned = true
		}()
		<-done
		f := r.Failure()
		if returned || f == nil || f.Task != a || !f.Exit || f.Value != nil || !strings.Contains(string(f.Stack), "exitsHere") {
			t.Errorf("%d pauses: returned %v, failure %+v", pauses, returned, f)
		}
		if r.Step(1) {
			t.Error("something runs after it")
		}
		r.log = nil
		r.Close()
		if pauses > 0 && !slices.Equal(r.log, []string{"unwound"}) {
			t.Error("closing: ", r.log)
		}
		settled(t, before)
	}
}

// TestDeferredFunctionsMisbehave has deferred functions pause, leave and panic
// while their task is unwound.
func TestDeferredFunctionsMisbehave(t *testing.T) {
	const unwound = "outer" // what must be said whatever happens
	for _, test := range []struct {
		name     string
		deferred func(l *Loop)
		want     any // the value of the failure
	}{
		{"pauses", func(l *Loop) { l.Pause(); t.Error("Pause returns") }, nil},
		{"yields", func(l *Loop) { l.Yield(); t.Error("Yield returns") }, nil},
		{"leaves", func(*Loop) { runtime.Goexit() }, nil},
		{"panics", func(*Loop) { panicsHere("late") }, "late"},
		{"panics and recovers", func(*Loop) {
			defer func() { _ = recover() }()
			panicsHere("late")
		}, nil},
	} {
		for _, close := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, " ", close), func(t *testing.T) {
				before := runtime.NumGoroutine()
				r := newRecorder()
				var a *Task
				a = r.Add("a", func() {
					defer r.say(unwound)
					defer test.deferred(r.Loop)
					defer func() {
						if r.Running() != a {
							t.Error("unwinding is not part of the turn")
						}
					}()
					r.Pause()
				})
				b := r.Add("b", func() { r.say("b") })
				a.Wake()
				r.Step(1)
				r.log = nil
				if close {
					r.Close()
				} else {
					r.Remove(a)
				}
				if !slices.Equal(r.log, []string{unwound}) {
					t.Error("said ", r.log)
				}
				f := r.Failure()
				switch {
				case test.want == nil && f != nil:
					t.Errorf("failure %+v", f)
				case test.want != nil && (f == nil || f.Value != test.want || f.Task != a || !strings.Contains(string(f.Stack), "panicsHere")):
					t.Errorf("failure %+v, want %v", f, test.want)
				}
				if r.Running() != nil {
					t.Error("something is still running")
				}
				if !close && test.want == nil {
					b.Wake()
					r.log = nil
					r.expect(t, "b -")
				}
				r.Close()
				settled(t, before)
			})
		}
	}
}

// TestFailureWhileUnwindingBetweenPasses ends the passes there.
func TestFailureWhileUnwindingBetweenPasses(t *testing.T) {
	var l *Loop
	var a, b *Task
	runs := 0
	l = NewLoop(func() {
		if runs == 2 {
			l.Remove(a)
		}
	})
	defer l.Close()
	a = l.Add("a", func() { defer panicsHere("late"); l.Pause() })
	b = l.Add("b", func() { runs++; b.Wake() })
	a.Wake()
	b.Wake()
	l.Step(16)
	if f := l.Failure(); f == nil || f.Value != "late" || f.Task != a {
		t.Errorf("failure %+v", f)
	}
	if runs != 2 {
		t.Errorf("b ran %d times, the last after the failure", runs)
	}
}

func TestRemoveBetweenPasses(t *testing.T) {
	r := &recorder{}
	var a, b, c *Task
	r.Loop = NewLoop(func() {
		r.say("-")
		r.Remove(a)
		r.Remove(b)
	})
	defer r.Close()
	a = r.Add("a", func() { r.say("a"); a.Wake() })
	b = r.Add("b", func() { defer r.say("unwound"); r.Pause() })
	c = r.Add("c", func() { r.say("c") })
	a.Wake()
	b.Wake()
	c.Wake()
	r.expect(t, "a c - unwound")
}

func TestWorksInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		a := r.Add("a", func() { r.say("a1"); r.Yield(); r.say("a2"); r.Pause() })
		a.Wake()
		r.expect(t, "a1 - a2 -")
		b := r.Add("b", func() { defer r.say("unwound"); r.Pause() })
		b.Wake()
		r.Step(1)
		go func() {
			r.Remove(a)
			r.Close()
		}()
		synctest.Wait()
		r.expect(t, "- unwound")
	})
}

// TestPanicWhileLeaving is a Goexit that a panic follows: the panic is reported, and
// the driver leaves all the same.
func TestPanicWhileLeaving(t *testing.T) {
	l := NewLoop(func() {})
	a := l.Add("a", func() { defer panicsHere("late"); runtime.Goexit() })
	a.Wake()
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Step(1)
		returned = true
	}()
	<-done
	if f := l.Failure(); returned || f == nil || f.Value != "late" || f.Exit || f.Task != a {
		t.Errorf("returned %v, failure %+v", returned, f)
	}
	l.Close()
}
