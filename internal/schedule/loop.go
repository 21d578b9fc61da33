package schedule

import (
	"math/bits"
	"slices"
)

// Task is one operator of a worker.
type Task struct {
	Owner any // whom the task runs for; the scheduler does not look at it

	run    func() // one turn
	loop   *Loop
	index  int     // in Loop.tasks; -1 once removed
	strand *strand // where it stands, while it is paused
	again  bool    // it was woken while it was paused
	ready  bool    // it is paused, and in Loop.ready
}

// Loop runs the tasks of one worker. All its methods are for that worker's
// goroutine; those that say so may be called from inside a task.
type Loop struct {
	between func() // between passes, when no task's frame is on the stack

	tasks   []*Task  // nil where one was removed
	holes   int      // nils in tasks
	awake   []uint64 // bit i: tasks[i] is awake
	count   int      // bits in awake
	ready   []*Task  // paused tasks to resume in the next pass
	resumed []*Task  // scratch

	cursor  int // the next task that the running pass looks at
	passes  int // how many more passes this Step may make
	running *Task
	current *strand   // nil on the program's stack
	free    []*strand // idle
	failure *Failure
	leaving bool // a paused task is being unwound
}

// Failure is what ended a task that did not return.
type Failure struct {
	Task  *Task  // nil: it happened between passes
	Value any    // what it panicked with
	Exit  bool   // it called runtime.Goexit instead
	Stack []byte // where
}

// NewLoop returns a loop that calls between after each pass.
func NewLoop(between func()) *Loop { return &Loop{between: between} }

// Add puts a task at the end of the list. It is asleep.
func (l *Loop) Add(owner any, run func()) *Task {
	t := &Task{Owner: owner, run: run, loop: l, index: len(l.tasks)}
	l.tasks = append(l.tasks, t)
	if len(l.tasks) > 64*len(l.awake) {
		l.awake = append(l.awake, 0)
	}
	return t
}

// Remove takes a task out of the list. If it is paused, it is unwound: its
// deferred functions have run when Remove returns. Not for use inside a task.
func (l *Loop) Remove(t *Task) {
	if t.index < 0 {
		return
	}
	l.sleep(t)
	l.tasks[t.index] = nil
	l.holes++
	t.index = -1
	if t.ready {
		t.ready = false
		l.ready = slices.DeleteFunc(l.ready, func(r *Task) bool { return r == t })
	}
	if t.strand != nil {
		l.unwind(t)
	}
	if l.holes > 64 && 2*l.holes > len(l.tasks) {
		l.close()
	}
}

// close closes the holes in the list.
func (l *Loop) close() {
	was := append([]uint64(nil), l.awake...)
	clear(l.awake)
	n := 0
	for i, t := range l.tasks {
		if t == nil {
			continue
		}
		if was[i>>6]&(1<<(i&63)) != 0 {
			l.awake[n>>6] |= 1 << (n & 63)
		}
		t.index = n
		l.tasks[n] = t
		n++
	}
	clear(l.tasks[n:])
	l.tasks, l.holes = l.tasks[:n], 0
	l.awake = l.awake[:(n+63)/64]
}

func (l *Loop) isAwake(i int) bool { return l.awake[i>>6]&(1<<(i&63)) != 0 }

// Wake makes t run: in the running pass if that has not come to it yet, else in
// the next. It may be called from inside a task.
func (t *Task) Wake() {
	switch l := t.loop; {
	case t.strand != nil:
		t.again = true
	case t.index < 0:
	case !l.isAwake(t.index):
		l.awake[t.index>>6] |= 1 << (t.index & 63)
		l.count++
	}
}

// Paused reports whether t stands in the middle of a turn while others run.
func (t *Task) Paused() bool { return t.strand != nil }

func (l *Loop) sleep(t *Task) {
	if l.isAwake(t.index) {
		l.awake[t.index>>6] &^= 1 << (t.index & 63)
		l.count--
	}
}

// Running returns the task whose turn it is, or nil.
func (l *Loop) Running() *Task { return l.running }

// Busy reports whether a Step would run anything.
func (l *Loop) Busy() bool { return l.failure == nil && (l.count > 0 || len(l.ready) > 0) }

// Stirring reports whether a task between two in the list, or one of them, will
// run in a pass to come. It may be called between passes.
func (l *Loop) Stirring(first, last *Task) bool {
	if l.count > 0 {
		for w := first.index >> 6; w <= last.index>>6; w++ {
			set := l.awake[w]
			if w == first.index>>6 {
				set &= ^uint64(0) << (first.index & 63)
			}
			if w == last.index>>6 {
				set &= ^uint64(0) >> (63 - last.index&63)
			}
			if set != 0 {
				return true
			}
		}
	}
	return slices.ContainsFunc(l.ready, func(t *Task) bool { return first.index <= t.index && t.index <= last.index })
}

// Unwinding reports whether the code that asks runs in a deferred function of a
// paused task that is ordered to leave.
func (l *Loop) Unwinding() bool { return l.leaving }

// Failure returns what ended a task, or nil. Nothing runs any more after it.
func (l *Loop) Failure() *Failure { return l.failure }

// Step makes passes while there is something to run, so many at most, and
// reports whether there was.
func (l *Loop) Step(passes int) bool {
	if l.current != nil {
		panic("schedule: Step inside a task")
	}
	if !l.Busy() {
		return false
	}
	for l.passes = passes; l.passes > 0 && l.Busy(); {
		l.pass()
	}
	return true
}

// Return makes Step return after this pass. It may be called in a task or between
// passes.
func (l *Loop) Return() { l.passes = min(l.passes, 1) }

// pass resumes what is ready and then runs what is awake. A strand that comes to
// the end of the pass goes on with further ones; one whose task is paused leaves
// the rest of the pass to another.
func (l *Loop) pass() {
	l.resumed, l.ready = l.ready, l.resumed[:0]
	for _, t := range l.resumed {
		if t.ready = false; t.strand != nil && l.failure == nil {
			l.resume(t)
		}
	}
	l.cursor = 0
	for l.failure == nil && l.enter(l.idle()) == paused {
	}
}

// run is the loop: it runs awake tasks until the pass is over, and further passes
// while none is paused. It is displaced when the task that it runs was paused in
// between: others have gone on with the pass.
func (l *Loop) run(s *strand) {
	for {
		for t := l.next(); t != nil; t = l.next() {
			l.running = t
			t.run()
			l.running = nil
			if s.displaced {
				s.displaced = false
				if t.again {
					t.again = false
					t.Wake()
				}
				return
			}
		}
		l.between()
		l.passes--
		if l.passes == 0 || l.count == 0 || len(l.ready) > 0 || l.failure != nil {
			return
		}
		l.cursor = 0
	}
}

// next returns the next awake task of the pass, no longer marked awake.
func (l *Loop) next() *Task {
	for w := l.cursor >> 6; w < len(l.awake); w++ {
		set := l.awake[w]
		if w == l.cursor>>6 {
			set &= ^uint64(0) << (l.cursor & 63)
		}
		if set == 0 {
			continue
		}
		b := bits.TrailingZeros64(set)
		l.awake[w] &^= 1 << b
		l.count--
		l.cursor = w<<6 | b + 1
		return l.tasks[w<<6|b]
	}
	return nil
}

// Awake reports whether t runs in this pass or the next.
func (t *Task) Awake() bool { return t.again || t.index >= 0 && t.loop.isAwake(t.index) }
