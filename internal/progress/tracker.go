package progress

import (
	"slices"

	"github.com/timely-go/timely/order"
)

// Tracker follows the progress of one scope: from counts of pointstamps at its
// locations, the frontier at each. It is built ([Tracker.AddPort],
// [Tracker.Connect]), sealed, and then used: changes are noted with
// [Tracker.Update], and turned into frontiers by Apply and Propagate (see [Level]).
type Tracker[T order.Timestamp[T]] struct {
	ports      []port[T]
	outputs    []Location  // where the scope ends, by number
	components []component // in topological order
	ranked     []Location  // by rank
	sealed     bool

	initial []Change[T] // assumed before the graph was sealed
	own     Changes[T]  // by this worker's operators since the last Apply
	reports []report[T]
	live    int          // pointstamps whose count is not zero
	todo    []int32      // heap of components with pending changes
	loop    []arrival[T] // heap of changes on their way round one cycle
	moved   []Update[T]  // scratch
	arrived []Update[T]  // scratch
	one     [1]Change[T] // scratch

	changed func() // told at the first change after each settlement
	dirty   bool
}

// report is a change of what the scope holds at an output.
type report[T order.Timestamp[T]] struct {
	output Location // its number
	time   T
	delta  int64
}

// NewTracker returns a tracker that calls changed when there is something to settle.
func NewTracker[T order.Timestamp[T]](changed func()) *Tracker[T] {
	return &Tracker[T]{changed: changed}
}

// Frontier returns the least times that may still appear at a location, lent
// until the next Propagate.
func (k *Tracker[T]) Frontier(at Location) []T { return k.ports[at].frontier() }

func (p *port[T]) frontier() []T {
	if p.fed {
		return p.implied.frontier
	}
	return p.points.frontier
}

// MayArrive reports whether t or a time before it may still come to a location from
// elsewhere: what is counted at the location itself is left out.
func (k *Tracker[T]) MayArrive(at Location, t T) (may bool) {
	p := &k.ports[at]
	if !p.fed {
		return false
	}
	p.implied.All(func(u T, n int64) bool {
		if n == 1 && slices.Contains(p.points.frontier, u) {
			return true
		}
		may = u.LessEqual(t)
		return !may
	})
	return may || p.comesBack(t)
}

// Update notes that an operator of this worker changed a count. It becomes
// visible when it is applied, here and at the peers, together with all that was
// noted since the last Apply.
func (k *Tracker[T]) Update(at Location, t T, d int64) {
	if d == 0 {
		return
	}
	k.own.Update(at, t, d)
	k.touch()
}

// Assume changes a count that every worker knows without being told: of the
// capabilities that operators begin with.
func (k *Tracker[T]) Assume(at Location, t T, d int64) {
	if k.sealed {
		k.one[0] = Change[T]{Pointstamp[T]{at, t}, d}
		k.apply(k.one[:])
	} else {
		k.initial = append(k.initial, Change[T]{Pointstamp[T]{at, t}, d})
	}
	k.touch()
}

// Points calls visit for each counted pointstamp until it returns false.
func (k *Tracker[T]) Points(visit func(at Location, t T, n int64) bool) {
	for l := range k.ports {
		more := true
		k.ports[l].points.All(func(t T, n int64) bool {
			more = visit(Location(l), t, n)
			return more
		})
		if !more {
			return
		}
	}
}

func (k *Tracker[T]) touch() {
	if !k.dirty {
		k.dirty = true
		k.changed()
	}
}

// applyOwn applies what this worker's operators did.
func (k *Tracker[T]) applyOwn() {
	k.dirty = false // a watcher may note changes while these are settled
	k.apply(k.own.List())
	k.own.Reset()
}

// apply changes counts. What appears comes before what vanishes, and frontiers are
// mended at the end, so that however many times come and go, a location's frontier
// moves once.
func (k *Tracker[T]) apply(changes []Change[T]) {
	if len(changes) == 2 && changes[0].At == changes[1].At && k.applyPair(&changes[0], &changes[1]) {
		return
	}
	for i := range changes {
		if c := &changes[i]; c.Delta > 0 {
			k.count(c.At, c.Time, c.Delta)
		}
	}
	for i := range changes {
		if c := &changes[i]; c.Delta < 0 {
			k.count(c.At, c.Time, c.Delta)
		}
	}
	for i := range changes {
		if p := &k.ports[changes[i].At]; p.points.torn {
			k.moved = p.points.Mend(k.moved[:0])
			k.shift(changes[i].At, p, k.moved)
		}
	}
}

// applyPair applies two changes at a location if they are no more than an advance.
func (k *Tracker[T]) applyPair(a, b *Change[T]) bool {
	p := &k.ports[a.At]
	k.moved = append(k.moved[:0], Update[T]{a.Time, a.Delta}, Update[T]{b.Time, b.Delta})
	if !p.points.advance(k.moved) {
		return false
	}
	k.shift(a.At, p, k.moved)
	return true
}

// count changes the count of a pointstamp.
func (k *Tracker[T]) count(at Location, t T, d int64) {
	p := &k.ports[at]
	before := p.points.Len()
	k.moved = p.points.Change(t, d, k.moved[:0])
	k.live += p.points.Len() - before
	k.shift(at, p, k.moved)
}

// shift passes on how the frontier of a location's counts has moved: to the outputs
// that it reaches, and to what is implied there.
func (k *Tracker[T]) shift(at Location, p *port[T], moved []Update[T]) {
	if len(moved) == 0 {
		return
	}
	for _, u := range moved {
		for _, o := range p.outputs {
			if t, ok := u.Time.Plus(o.summary); ok {
				k.reports = append(k.reports, report[T]{o.to, t, u.Delta})
			}
		}
	}
	k.imply(at, moved)
}

// imply notes changes of what may appear at a location.
func (k *Tracker[T]) imply(at Location, changes []Update[T]) {
	p := &k.ports[at]
	p.pending = append(p.pending, changes...)
	k.enlist(p.place)
}

func (k *Tracker[T]) enlist(place int32) {
	if c := &k.components[place]; !c.queued {
		c.queued = true
		k.todo = append(k.todo, place)
		up(k.todo, lessPlace)
	}
}

// propagate brings all that is pending to where it leads.
func (k *Tracker[T]) propagate() {
	for len(k.todo) > 0 {
		c := &k.components[k.todo[0]]
		k.todo = pop(k.todo, lessPlace)
		c.queued = false
		switch {
		case c.members == nil:
			k.settle(c.one)
		case c.small:
			k.settleTogether(c.members)
		default:
			k.settleCycle(c.members)
		}
	}
}

// settle applies what is pending at a location that is on no cycle, and passes
// on how its frontier moved.
func (k *Tracker[T]) settle(at Location) {
	p := &k.ports[at]
	moved := p.pending // an unfed location's frontier is that of its counts, which has moved
	if p.fed {
		moved = k.arrive(p, p.pending)
	}
	k.passOn(p, moved)
	p.pending = p.pending[:0]
}

// arrive applies changes of what may appear at a location, and returns how its frontier
// moved.
func (k *Tracker[T]) arrive(p *port[T], changes []Update[T]) (moved []Update[T]) {
	if p.implied.advance(changes) {
		return changes
	}
	moved = k.moved[:0]
	for _, u := range changes {
		if u.Delta > 0 {
			moved = p.implied.Change(u.Time, u.Delta, moved)
		}
	}
	for _, u := range changes {
		if u.Delta < 0 {
			moved = p.implied.Change(u.Time, u.Delta, moved)
		}
	}
	k.moved = p.implied.Mend(moved)
	return k.moved
}

// passOn tells those who look at a location how its frontier moved, and the locations
// where its edges lead, but for those of its own cycle.
func (k *Tracker[T]) passOn(p *port[T], moved []Update[T]) {
	if len(moved) > 2 || len(moved) == 2 && moved[0].Time == moved[1].Time {
		moved = net(moved)
	}
	if len(moved) == 0 {
		return
	}
	for i := range p.ways {
		w := &p.ways[i]
		to := &k.ports[w.to]
		if to.place == p.place {
			continue
		}
		for _, u := range moved {
			if t, ok := u.Time.Plus(w.summary); ok {
				to.pending = append(to.pending, Update[T]{t, u.Delta})
			}
		}
		k.enlist(to.place)
	}
	k.tell(p, moved)
}

// net leaves out of the changes of a frontier the times that came and went, or
// went and came back.
func net[T order.Timestamp[T]](moved []Update[T]) []Update[T] {
	slices.SortFunc(moved, func(a, b Update[T]) int { return a.Time.Compare(b.Time) })
	n := 0
	for _, u := range moved {
		if n > 0 && moved[n-1].Time == u.Time && moved[n-1].Delta == -u.Delta {
			n--
		} else {
			moved[n] = u
			n++
		}
	}
	return moved[:n]
}

// tell informs those who look at a location.
func (k *Tracker[T]) tell(p *port[T], moved []Update[T]) {
	if p.kept {
		p.moved = append(p.moved, moved...)
	}
	for _, w := range p.watchers {
		w.FrontierMoved()
	}
}

func lessPlace(a, b *int32) bool { return *a < *b }
