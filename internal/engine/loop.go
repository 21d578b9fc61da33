package engine

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/timely-go/timely/internal/host"
)

// Loop is a cycle of operators as one worker has it. What comes round it is exempt
// from the budgets, as data in a loop must live somewhere. So it is held back at
// the entrances: while the feedback queues of all workers together hold more than
// their budgets, what enters is one batch a worker and lap.
type Loop struct {
	outer  *Loop // around it, or nil
	inner  []*Loop
	fed    []*Edge // where what comes round waits, not in inner loops
	budget int     // bytes that may wait there
	whole  int     // the same, with that of inner loops
	laps   *laps
	worker *Worker

	own     counts // what this worker did; not in inner loops, but for entered
	told    int    // bytes that this worker was last said to hold
	lap     int    // that allowed is for
	allowed int    // batches that may still enter in it
	waiting []*Node
	seen    int           // the lap for which due is
	due     time.Duration // when a waiting entrance is let in whatever runs, if the lap does not end
	granted time.Duration // when it was last
	touched bool          // it is in Worker.touched
}

// counts are what a loop is judged by.
type counts struct {
	held    int // bytes that have come round and wait
	live    int // records put into queues in the loop, less those taken
	taken   int // records taken of what came round, ever
	entered int // records from outside, ever
	lent    int // records that operators have taken which are paused in the middle of a turn
}

func (c counts) plus(o counts, sign int) counts {
	return counts{c.held + sign*o.held, c.live + sign*o.live, c.taken + sign*o.taken, c.entered + sign*o.entered, c.lent + sign*o.lent}
}

// laps is one loop as all workers know it. Each process has one of its own, in which
// what the others tell comes later.
type laps struct {
	loop int // its number in the dataflow
	rest *rest

	full atomic.Bool // it holds more than its budgets, and since then not less than half of them

	mu      sync.Mutex
	budget  int      // bytes, of all workers; 0: not yet known
	told    []counts // by worker
	waiting []bool   // by worker: a producer waits to enter, as last told
	sum     counts   // of told
	lap     int      // number of the present one
	until   int      // what sum.taken is when it ends
	base    counts   // when the loop last was seen to change
	step    int      // batches that each worker may let in
}

// has reports whether a node is in the loop.
func (l *Loop) has(n *Node) bool {
	for m := n.loop; m != nil; m = m.outer {
		if m == l {
			return true
		}
	}
	return false
}

func (l *Loop) hold(bytes int64) {
	l.own.held += int(bytes)
	if l.own.held > l.budget {
		l.touch()
	}
}

func (l *Loop) take(bytes int64, records int) {
	l.own.held -= int(bytes)
	l.own.taken += records
	if l.outer != nil || l.told > 0 || l.laps.full.Load() {
		l.touch()
	}
}

// touch has the loop looked at after this pass.
func (l *Loop) touch() {
	if !l.touched {
		l.touched = true
		l.worker.touched = append(l.worker.touched, l)
	}
}

// cross notes records that the node sends into loops that it is not in.
func (n *Node) cross(e *Edge, records int) {
	fed := e.worker.Feeding && e.isFed() // comes round an outer loop, and must not wait
	for l := e.Node.loop; l != nil && !l.has(n); l = l.outer {
		l.own.entered += records
		if !fed && l.pressed() {
			l.allowed--
			if l.full() {
				l.worker.stopAt(l)
			}
		}
	}
}

// all adds up what this worker did in the loop and those inside it.
func (l *Loop) all() counts {
	c := l.own
	for _, i := range l.inner {
		in := i.all()
		c.held += in.held
		c.live += in.live
		c.taken += in.taken
		c.lent += in.lent
	}
	return c
}

// pressed reports whether the loop may be full.
func (l *Loop) pressed() bool { return l.laps.full.Load() || l.all().held > l.whole }

// full reports whether no more may enter in this lap.
func (l *Loop) full() bool {
	if !l.pressed() {
		return false
	}
	if l.allowed <= 0 {
		l.tell()
	}
	return l.allowed <= 0
}

// await implements gate.
func (l *Loop) await(n *Node) bool {
	if !l.full() {
		return false
	}
	l.waiting = append(l.waiting, n)
	l.worker.pressed = true
	return true
}

// tellLoops tells of the loops in which something happened that may matter.
func (w *Worker) tellLoops() {
	for _, l := range w.touched {
		l.touched = false
		for o := l; o != nil; o = o.outer {
			if o.told > 0 || o.pressed() {
				o.tell()
			}
		}
	}
	w.touched = w.touched[:0]
}

// tell tells all workers what this one did, and learns what may enter.
func (l *Loop) tell() {
	s, i := l.laps, l.worker.index
	now, waits := l.all(), len(l.waiting) > 0
	s.mu.Lock()
	news := s.told[i] != now || s.waiting[i] != waits
	s.note(i, now)
	l.told = now.held
	moved := s.look()
	full, lap, step := s.full.Load(), s.lap, s.step
	signal := moved && slices.Contains(s.waiting, true)
	s.waiting[i] = waits
	s.mu.Unlock()
	if news {
		s.tell(l.worker.x, i, now, waits)
	}
	if moved && full {
		l.worker.tellFlow(host.Laps, 1)
	}
	switch {
	case !full:
		l.allowed = 1
	case l.lap != lap:
		l.allowed = step
	}
	l.lap = lap
	if l.allowed > 0 {
		l.waiting = release(l.waiting)
	}
	if signal {
		l.worker.x.signal()
	}
}

// allow says how many bytes may come round at each worker.
func (s *laps) allow(whole int) {
	s.mu.Lock()
	s.budget = whole * len(s.told)
	s.mu.Unlock()
}

// note notes what a worker tells.
func (s *laps) note(worker int, now counts) {
	s.sum = s.sum.plus(s.told[worker], -1).plus(now, +1)
	s.told[worker] = now
}

// tell tells other processes what a worker has told.
func (s *laps) tell(x *Execution, worker int, now counts, waits bool) {
	x.tell(notice{
		What: tellsLaps, Dataflow: int64(s.rest.dataflow), Worker: int64(worker), Number: int64(s.loop), Waiting: waits,
		Counts: countsText{int64(now.held), int64(now.live), int64(now.taken), int64(now.entered), int64(now.lent)},
	})
}

// hearLaps notes what a worker of another process tells of a loop.
func (r *rest) hearLaps(x *Execution, worker, loop int, t countsText, waits bool) {
	r.mu.Lock()
	if loop < 0 || loop >= len(r.laps) {
		r.mu.Unlock() // nobody here has built it
		return
	}
	s := r.laps[loop]
	r.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(worker, counts{held: int(t.Held), live: int(t.Live), taken: int(t.Taken), entered: int(t.Entered), lent: int(t.Lent)})
	s.waiting[worker] = waits
	if s.budget > 0 && s.look() {
		x.signal()
	}
}

// look judges the loop by what was told and by the budgets of all workers, and
// reports whether more may enter.
func (s *laps) look() (more bool) {
	switch full := s.full.Load(); {
	case !full && s.sum.held > s.budget:
		s.full.Store(true)
		s.begin()
		return true
	case full && s.sum.held <= s.budget/2:
		s.full.Store(false)
		return true
	case full && s.sum.taken >= s.until:
		s.next()
		return true
	}
	return false
}

// begin begins the first lap of a loop that has become full.
func (s *laps) begin() {
	s.base, s.step = s.sum, 1
	s.lap++
	s.until = s.sum.taken + max(1, s.sum.live)
}

// mostSteps is as good as no bound on what enters in a lap.
const mostSteps = 1 << 30

// next begins another lap. A loop in which nothing changes waits for something that
// may be behind what waits at its entrances, so more may enter: twice as much each
// time. It is unchanged if it holds as many records as it did, and what has entered
// since: exactly, but for what operators have taken that are paused in the middle. A
// worker counts what a turn takes and what it sends on together, so the sum over the
// workers is exact, although they tell at different moments.
func (s *laps) next() {
	gone := s.base.live + s.sum.entered - s.base.entered - s.sum.live
	if slack := s.base.lent + s.sum.lent; gone > slack || gone < -slack {
		s.begin()
		return
	}
	s.step = min(2*s.step, mostSteps)
	s.lap++
	s.until = s.sum.taken + max(1, s.sum.live)
}

// grant lets entrances that wait push a batch each.
func (l *Loop) grant() {
	if n := len(l.waiting); n > 0 {
		l.allowed = n
		l.waiting = release(l.waiting)
		l.worker.grants++
	}
}
