package schedule

import (
	"iter"
	"runtime"
	"runtime/debug"
)

// strand is a coroutine on which tasks run.
type strand struct {
	next      func() (signal, bool)
	stop      func()
	yield     func(signal) bool
	displaced bool // the task that it runs has been paused: the pass has gone on without it
}

// signal is what a strand says when it gives up control.
type signal int

const (
	ended  signal = iota // the coroutine has ended; never said, it is what next returns then
	over                 // the pass is over, or the displaced task's turn is
	paused               // a task was paused; the pass is not over
)

// idle returns a strand that runs nothing.
func (l *Loop) idle() *strand {
	if n := len(l.free); n > 0 {
		s := l.free[n-1]
		l.free = l.free[:n-1]
		return s
	}
	s := &strand{}
	s.next, s.stop = iter.Pull(func(yield func(signal) bool) {
		s.yield = yield
		returned := false
		defer func() { l.caught(recover(), returned) }()
		for more := true; more; more = yield(over) {
			l.run(s)
		}
		returned = true
	})
	return s
}

// caught notes what ended a strand that did not end by itself. A Goexit goes on
// to whoever waits for the strand.
func (l *Loop) caught(value any, returned bool) {
	if returned || l.leaving && value == nil {
		return
	}
	if l.failure == nil {
		l.failure = &Failure{Task: l.running, Value: value, Exit: value == nil, Stack: debug.Stack()}
	}
	if !l.leaving {
		l.current, l.running = nil, nil
	}
}

// enter lets a strand run until it gives up control.
func (l *Loop) enter(s *strand) signal {
	l.current = s
	said, _ := s.next()
	l.current, l.running = nil, nil
	if said == over {
		l.free = append(l.free, s)
	}
	return said
}

// Pause stops the running task here, until Ready is called for it: Pause returns
// then, in a later pass. It is called from inside the task's turn. If the task is
// not to go on it does not return, but ends in runtime.Goexit.
func (l *Loop) Pause() {
	t, s := l.running, l.current
	if l.leaving { // a deferred function of a task that is being unwound
		runtime.Goexit()
	}
	if t == nil {
		panic("schedule: Pause outside a task")
	}
	t.strand, s.displaced = s, true
	if l.isAwake(t.index) { // it must not run beside itself
		l.sleep(t)
		t.again = true
	}
	if !s.yield(paused) {
		runtime.Goexit()
	}
}

// Ready makes a paused task go on in the next pass. It may be called from inside
// any task, also from the one that is about to pause itself.
func (l *Loop) Ready(t *Task) {
	if !t.ready && t.index >= 0 {
		t.ready = true
		l.ready = append(l.ready, t)
	}
}

// Yield pauses the running task and lets it go on in the next pass.
func (l *Loop) Yield() {
	l.Ready(l.running)
	l.Pause()
}

// resume lets a paused task go on.
func (l *Loop) resume(t *Task) {
	s := t.strand
	t.strand = nil
	l.running = t
	l.enter(s)
}

// unwind ends a paused task: on its own stack, so that its deferred functions run,
// as part of its turn. It is done on a goroutine made for that, as Goexit is handed
// on to it. What panics then is a failure as in any turn.
func (l *Loop) unwind(t *Task) {
	s, running := t.strand, l.running
	t.strand, t.again = nil, false
	l.leaving, l.running = true, t
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.stop()
	}()
	<-done
	l.leaving, l.running = false, running
}

// Close unwinds all paused tasks and ends the strands. Nothing may be run after it.
func (l *Loop) Close() {
	for _, t := range l.tasks {
		if t != nil && t.strand != nil {
			l.unwind(t)
		}
	}
	for _, s := range l.free {
		s.stop()
	}
	l.free, l.tasks = nil, nil
}
