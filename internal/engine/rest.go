package engine

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	firstGrant = 10 * time.Millisecond  // after an input was seen to be declined, whatever runs
	nextGrant  = 100 * time.Millisecond // after a grant
)

// rest is how the workers find out that a dataflow has come to rest:
// that none of its operators will run by itself, and nothing of it is under way
// between workers. It costs something only while somebody wants to know. Workers
// tell, each time they have looked at what arrived, whether they have work in the
// dataflow and how many messages they sent and received. As they do so before they
// act on what they received, equal sums mean that nothing is under way (compare
// Mattern, "Algorithms for Distributed Termination Detection", 1987, section 6).
type rest struct {
	dataflow int // its number
	first    int // the first worker of this process
	here     int // how many it has

	wanted atomic.Int32 // workers that want to know

	mu    sync.Mutex
	slots []slot  // by worker
	round int     // how often workers of this process went on as the dataflow was at rest
	laps  []*laps // of the dataflow's loops

	// What the others are asked before the dataflow is said to be at rest: see ask.
	question int  // its number, unlike any other of a process
	awaited  int  // processes that have still to answer
	changed  bool // since then somebody has told something else
}

func newRest(dataflow, peers, first, here int) *rest {
	return &rest{dataflow: dataflow, first: first, here: here, slots: make([]slot, peers), question: first / here}
}

// has reports whether a worker is one of this process.
func (r *rest) has(worker int) bool { return worker >= r.first && worker < r.first+r.here }

// slot is what a worker has told.
type slot struct {
	known    bool // since somebody wanted to know, and since somebody went on
	active   bool // an operator will run by itself
	wants    bool // it wants to know
	gone     bool // it has dropped the dataflow
	may      bool // it may grant, as the dataflow was at rest when it wanted to know
	busy     bool // other processes know that it is active, and wants what it wants
	sent     int  // messages, ever
	received int
	round    int // of its process
}

// lapsOf returns what the workers share about a loop.
func (r *rest) lapsOf(loop int) *laps {
	r.mu.Lock()
	defer r.mu.Unlock()
	if loop == len(r.laps) {
		workers := len(r.slots)
		r.laps = append(r.laps, &laps{loop: loop, rest: r, told: make([]counts, workers), waiting: make([]bool, workers)})
	}
	return r.laps[loop]
}

// tell notes what a worker tells, and reports whether the dataflow has been at rest
// since the worker wanted to know. If it is now, all who want to know are told, so
// that they go on together.
func (r *rest) tell(x *Execution, worker int, now slot) (quiet bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.slots[worker]
	may := before.may
	now.known, now.busy, now.round = true, now.active && !now.gone, r.round
	r.slots[worker] = now
	if now.wants != before.wants {
		r.want(x, worker, now.wants)
	}
	before.may = false
	known := before.known && before.busy && now.busy && before.wants == now.wants // how much it does meanwhile matters to nobody
	if now != before && !known {
		r.changed = true
		x.tell(notice{What: tellsSlot, Dataflow: int64(r.dataflow), Worker: int64(worker), Slot: now.text()})
	}
	if r.wanted.Load() > 0 && r.quiet() {
		if r.mustAsk() {
			r.ask(x)
			return may && now.wants
		}
		r.goOn(x, worker)
		return now.wants
	}
	return may && now.wants
}

// goOn tells all of this process who want to know, but for one who knows, that the
// dataflow is at rest. It is not at rest again before all have looked once more, also
// those of other processes, which hear that a round has begun. Otherwise, if one of
// them is held up that has work, by credit on its way to it or as it goes on itself,
// the others would be granted more and more meanwhile.
func (r *rest) goOn(x *Execution, but int) {
	here := r.slots[r.first : r.first+r.here]
	if !slices.ContainsFunc(here, func(s slot) bool { return s.wants }) {
		return
	}
	for i := range here {
		here[i].may = here[i].wants && r.first+i != but
	}
	r.round++
	r.forget(noWorker, func(int) bool { return true })
	x.signal()
}

// mustAsk reports whether what has been told may be too old to judge by. It is not if
// it comes from one other process: that tells before it sends what comes of it. But
// what came of a message to one process may arrive from another before the first one is
// heard to have received the message, and then the sums can agree by chance.
func (r *rest) mustAsk() bool {
	return len(r.slots) > 2*r.here && !slices.ContainsFunc(r.slots, func(s slot) bool { return s.gone })
}

// ask asks the other processes to say when all has been heard that they had told until
// then, if a worker here wants to know. If nothing of it is new the dataflow was at rest
// when they were asked, as every worker's counts were the same before and after (Mattern,
// section 7: two waves). Credit on its way is not counted: a grant may come while some
// is, which costs a batch of memory, no more.
func (r *rest) ask(x *Execution) {
	wants := func(s slot) bool { return s.wants }
	if r.awaited > 0 || !slices.ContainsFunc(r.slots[r.first:r.first+r.here], wants) {
		return
	}
	processes := len(r.slots) / r.here
	r.awaited, r.changed = processes-1, false
	r.question += processes
	x.tell(notice{What: asksRest, Dataflow: int64(r.dataflow), Worker: int64(r.first), Number: int64(r.question)})
}

// answer answers a question of another process.
func (r *rest) answer(x *Execution, question int) {
	r.mu.Lock() // what was told before is heard before
	defer r.mu.Unlock()
	x.tell(notice{What: answersRest, Dataflow: int64(r.dataflow), Worker: int64(r.first), Number: int64(question)})
}

// answered notes the answer of another process, perhaps to a third one's question.
func (r *rest) answered(x *Execution, question int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.awaited == 0 || question != r.question {
		return
	}
	if r.awaited--; r.awaited > 0 || r.wanted.Load() == 0 || !r.quiet() {
		return // who tells something that makes it quiet asks again
	}
	if r.changed {
		r.ask(x)
		return
	}
	r.goOn(x, noWorker)
}

const noWorker = -1

// hear notes what a worker of another process tells.
func (r *rest) hear(x *Execution, worker int, text slotText) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.slots[worker]
	now := slot{known: true, active: text.Active, wants: text.Wants, gone: text.Gone, sent: int(text.Sent), received: int(text.Received), round: int(text.Round)}
	r.changed = r.changed || now != before
	r.slots[worker] = now
	if now.wants != before.wants {
		r.want(x, worker, now.wants)
	}
	if now.round != before.round && r.wanted.Load() > 0 {
		r.forget(noWorker, r.has)
		x.signal()
	}
	if r.wanted.Load() > 0 && r.quiet() {
		if r.mustAsk() {
			r.ask(x)
		} else {
			r.goOn(x, noWorker)
		}
	}
}

func (s slot) text() slotText {
	return slotText{s.active, s.wants, s.gone, int64(s.sent), int64(s.received), int64(s.round)}
}

// want notes that a worker wants to know, or does not any more. If it is of another
// process, that may have forgotten what it was told while nobody there wanted to know.
func (r *rest) want(x *Execution, worker int, wants bool) {
	if !wants {
		if r.wanted.Add(-1) == 0 {
			// Those of other processes may tell before they are heard to be asked.
			r.forget(worker, func(other int) bool { return !r.has(other) })
			x.wanted.Add(-1)
		}
		return
	}
	first := r.wanted.Add(1) == 1
	if first {
		x.wanted.Add(1)
	}
	if first || !r.has(worker) {
		r.forget(worker, r.has)
		x.signal()
	}
}

// forget forgets what some workers have told, but for one.
func (r *rest) forget(but int, some func(worker int) bool) {
	for i := range r.slots {
		if some(i) {
			r.slots[i].known = i == but || r.slots[i].gone
		}
	}
}

func (r *rest) quiet() bool {
	sent, received, dropped := 0, 0, false
	for _, s := range r.slots {
		if !s.known || s.active {
			return false
		}
		sent += s.sent
		received += s.received
		dropped = dropped || s.gone
	}
	return dropped || sent == received // who has dropped it receives nothing
}

// stir notes that a worker is about to have work.
func (r *rest) stir(worker int) {
	r.mu.Lock()
	r.slots[worker].active = true
	r.mu.Unlock()
}

// watch looks, between passes, for producers that wait in vain: for an input that
// is not taken from, while the dataflow is at rest or for too long.
func (w *Worker) watch() {
	if len(w.touched) > 0 {
		w.tellLoops()
	}
	if !w.pressed && w.x.wanted.Load() == 0 {
		return
	}
	w.pressed, w.nextGrant = false, 0
	for _, f := range w.flows {
		f.watch()
	}
}

func (f *Dataflow) watch() {
	w := f.worker
	wants, due := f.stuck()
	quiet := false
	if wants || f.rest.wanted.Load() > 0 {
		quiet = f.rest.tell(w.x, w.index, slot{active: f.active(), wants: wants, sent: f.sent, received: f.received})
	}
	if quiet || due {
		f.grant(quiet)
	}
}

// stuck reports whether producers wait where nothing is taken: for those that go on
// as soon as the dataflow is at rest, and for all whether it is time to go on.
func (f *Dataflow) stuck() (wants, due bool) {
	w := f.worker
	f.pressed = slices.DeleteFunc(f.pressed, func(e *Edge) bool {
		e.pressed = e.isPressed()
		return !e.pressed
	})
	for _, e := range f.pressed {
		w.pressed = true
		if e.hopeful = false; !e.declined() {
			e.due = 0
			continue
		}
		switch e.hope() {
		case Some:
			e.hopeful, wants = true, true
			due = w.isDue(&e.due, e.granted, nextGrant) || due
		case Little:
			due = w.isDue(&e.due, e.granted, e.patience()) || due
		case None:
			e.due = 0
		}
	}
	for _, l := range f.loops {
		if len(l.waiting) > 0 {
			l.tell()
		}
		if len(l.waiting) == 0 {
			continue
		}
		w.pressed, wants = true, true
		if l.seen != l.lap {
			l.seen, l.due = l.lap, 0
		}
		due = w.isDue(&l.due, l.granted, nextGrant) || due
	}
	return wants, due
}

// isDue reports whether it is time for a grant. If that is not set it sets it: to a
// little later, but not so soon after the last.
func (w *Worker) isDue(due *time.Duration, last, after time.Duration) bool {
	now := w.clock.Now()
	if *due == 0 {
		*due = now + firstGrant
		if last > 0 {
			*due = max(*due, last+after)
		}
	}
	if w.nextGrant == 0 || *due < w.nextGrant {
		w.nextGrant = *due
	}
	return *due <= now
}

// grant grants more to the producers that wait in vain: all of them if the dataflow
// is at rest, else those for whom it is time.
func (f *Dataflow) grant(quiet bool) {
	now := f.worker.clock.Now()
	for _, e := range f.pressed {
		if e.due != 0 && (quiet && e.hopeful || e.due <= now) {
			e.due, e.granted = 0, now
			e.tries++
			e.grant()
			f.worker.tellGrant(quiet)
		}
	}
	for _, l := range f.loops {
		if len(l.waiting) > 0 && (quiet || l.due != 0 && l.due <= now) {
			l.due, l.granted = 0, now
			l.grant()
			f.worker.tellGrant(quiet)
		}
	}
}

// active reports whether an operator of the dataflow runs next here, or will by
// itself: it has a timer or an open waker.
func (f *Dataflow) active() bool {
	n := len(f.nodes)
	if n == 0 {
		return false
	}
	w := f.worker
	return w.loop.Stirring(f.nodes[0].task, f.nodes[n-1].task) ||
		slices.ContainsFunc(w.alarms, func(a alarm) bool { return a.node.Flow == f }) ||
		slices.ContainsFunc(f.wakers, func(k *Waker) bool { return !k.closed.Load() })
}

// signal has all workers look again.
func (x *Execution) signal() {
	for _, w := range x.workers {
		w.end.Signal()
	}
}
