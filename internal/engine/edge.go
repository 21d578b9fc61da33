package engine

import (
	"slices"
	"time"

	"github.com/timely-go/timely/internal/comm"
)

const (
	defaultBudget = 1 << 20  // bytes that may wait at an edge
	mostQuantum   = 64 << 10 // by which a grant raises what one producer may have there
)

// FedBack is who sent what came round a loop.
const FedBack = -1

// Edge is a receiving port at one worker as flow control sees it: how many bytes
// wait there, and how many may. Its budget is shared among the workers that send
// to it. A producer that finds its share used up pauses until half of it is free,
// or until the receiver grants it more.
type Edge struct {
	Node *Node // that takes from it

	port    string // "input 0"
	worker  *Worker
	share   int64        // bytes that one worker's producers may have here
	own     account      // of this worker's producers
	waiting []*Node      // of them: those that wait for room
	others  []account    // of the other workers, by index; nil: there are none
	credits comm.Credits // for those
	outlets []*Outlet    // ways to the same port at the other workers, by index
	stopped []*Outlet    // of them: those for whose credit producers here wait

	producers func(each func(n *Node, depth int)) // see From
	fed       *Loop                               // what came round it is not counted against the share

	entries int           // batches that wait
	arrived uint64        // the node's turn in which the first of them came
	took    uint64        // the node's turn that took something last
	purpose func() Hope   // see OnPurpose
	pressed bool          // it is in Dataflow.pressed
	hopeful bool          // it is granted more as soon as the dataflow is at rest
	due     time.Duration // when it is granted more whatever runs; 0: it is not declined
	granted time.Duration // when it was last

	tries int // grants in which there was little hope, since something was taken
}

// account is what producers of one worker have at an edge.
type account struct {
	held   int64 // bytes that wait
	raised int64 // bytes granted beyond the share, which are taken back as the edge drains
	taken  int64 // bytes for which credit is still to be given
	asking bool  // the worker waits for credit
}

// AddEdge adds a receiving port of a node.
func (f *Dataflow) AddEdge(n *Node, port string) *Edge {
	e := &Edge{Node: n, port: port, worker: f.worker, share: f.worker.budget}
	f.edges = append(f.edges, e)
	return e
}

// NotFed is the depth of what does not come round a loop.
const NotFed = -1

// From says who pushes into the edge: producers, which is called when all is built,
// tells each node that does, and how deep the scope is of the outermost loop
// variable through which it does, or NotFed.
func (e *Edge) From(producers func(each func(n *Node, depth int))) { e.producers = producers }

// Hope says whether a grant may help where what waits does so on purpose: until
// something else has gone that may be stuck behind it.
type Hope int

// What there is.
const (
	Some   Hope = iota // it may help
	Little             // it may, but producers seem to be past what is waited for
	None               // it cannot
)

// OnPurpose has an edge at which what waits may wait for what is downstream. It is
// granted more if there is hope that this helps; if there is little, a sixteenth as
// much and ever more seldom, as long as nothing is taken.
func (e *Edge) OnPurpose(hope func() Hope) { e.purpose = hope }

// patience is how long a grant is after the one before, if there is little hope that it
// helps. Its square makes what is granted in vain grow by the cube root of time.
func (e *Edge) patience() time.Duration { return firstGrant * time.Duration(e.tries*e.tries) }

// hope returns what there is for an edge of any kind.
func (e *Edge) hope() Hope {
	if e.purpose == nil {
		return Some
	}
	return e.purpose()
}

// Sender returns who sends what the running node pushes here.
func (e *Edge) Sender() (by int32) {
	if e.worker.Feeding && e.isFed() {
		return FedBack
	}
	return int32(e.worker.index)
}

// Hold counts bytes that the running node has put at the edge.
func (e *Edge) Hold(by int32, bytes int64) {
	e.begins(bytes)
	if by == FedBack {
		e.fed.hold(bytes)
		return
	}
	e.own.held += bytes
	if e.full() {
		e.worker.stopAt(e)
	}
}

// Add counts bytes that are added to what waits already.
func (e *Edge) Add(by int32, bytes int64) {
	e.worker.Queue(bytes)
	switch {
	case by == FedBack:
		e.fed.hold(bytes)
	case e.others == nil || int(by) == e.worker.index:
		e.own.held += bytes
	default:
		e.others[by].held += bytes
	}
}

// Pass notes records that the running node pushes, before they are held or sent.
func (e *Edge) Pass(records int) {
	r, l := e.worker.running, e.Node.loop
	if l != nil {
		l.own.live += records
	}
	if r != nil && r.loop != l { // nobody runs where an operator is unwound
		r.cross(e, records)
	}
}

// isFed reports whether what the running node pushes through a loop variable comes
// round a loop: else that is only a delay.
func (e *Edge) isFed() bool {
	for l := e.fed; l != nil; l = l.outer {
		if l.has(e.worker.running) {
			return true
		}
	}
	return false
}

// Arrived counts bytes that another worker has sent: it has spent credit for spent,
// and held are kept; none if the records were added to a batch that waits.
func (e *Edge) Arrived(by int32, spent, held int64) {
	if held > 0 {
		e.begins(held)
	}
	if by == FedBack {
		e.fed.hold(held)
		return
	}
	a := &e.others[by]
	a.held += held
	a.taken += spent - held
	e.pay(by)
}

// Take uncounts what is taken from the edge.
func (e *Edge) Take(by int32, bytes int64, records int) {
	e.worker.Queue(-bytes)
	e.entries--
	e.took, e.tries = e.Node.turns, 0
	if l := e.Node.loop; l != nil {
		l.own.live -= records
		e.Node.lent = records
	}
	switch {
	case by == FedBack:
		e.fed.take(bytes, records)
	case e.others == nil || int(by) == e.worker.index:
		a := &e.own
		a.held -= bytes
		a.raised -= min(a.raised, bytes)
		if len(e.waiting) > 0 && a.held <= e.share/2 {
			e.waiting = release(e.waiting)
		}
	default:
		a := &e.others[by]
		a.held -= bytes
		back := min(a.raised, bytes)
		a.raised -= back
		a.taken += bytes - back
		e.pay(by)
	}
}

// begins notes a batch that begins to wait.
func (e *Edge) begins(bytes int64) {
	e.worker.Queue(bytes)
	if e.entries == 0 {
		e.arrived = e.Node.turns
	}
	e.entries++
}

// pay gives a worker credit for what was taken: in large pieces, or as soon as half
// of its share is free if it waits.
func (e *Edge) pay(by int32) {
	a := &e.others[by]
	if a.asking && a.held <= e.share/2 || !a.asking && 4*a.taken >= e.share {
		e.give(by)
	}
}

func (e *Edge) give(by int32) {
	a := &e.others[by]
	bytes := a.taken
	a.taken, a.asking = 0, false
	if rest := e.Node.Flow.rest; rest.wanted.Load() > 0 {
		rest.stir(int(by))
	}
	e.credits.Give(int(by), bytes)
}

// full reports whether this worker's producers should pause.
func (e *Edge) full() bool { return e.own.held > e.share+e.own.raised }

// await implements gate.
func (e *Edge) await(n *Node) bool {
	if !e.full() {
		return false
	}
	e.waiting = append(e.waiting, n)
	e.press()
	return true
}

// look notes the workers that have begun to wait for credit, and lets the producers
// here go on for which credit has come.
func (e *Edge) look() {
	e.stopped = slices.DeleteFunc(e.stopped, (*Outlet).look)
	for _, by := range e.credits.Asking() {
		e.others[by].asking = true
		e.pay(int32(by))
		if e.others[by].asking {
			e.press()
		}
	}
}

// press notes that a producer waits.
func (e *Edge) press() {
	if !e.pressed {
		e.pressed = true
		f := e.Node.Flow
		f.pressed = append(f.pressed, e)
		f.worker.pressed = true
	}
}

// isPressed reports whether a producer waits.
func (e *Edge) isPressed() bool {
	return len(e.waiting) > 0 || slices.ContainsFunc(e.others, func(a account) bool { return a.asking })
}

// declined reports whether the node's last turn that has ended found something at the
// edge and took nothing, and nothing was taken since.
func (e *Edge) declined() bool {
	n := e.Node
	ended := n.turns
	if n.task.Paused() {
		ended--
	}
	return e.entries > 0 && ended > e.arrived && ended > e.took && e.took != n.turns
}

// grant raises what producers that wait may have here, and lets them go on.
func (e *Edge) grant() {
	quantum := min(mostQuantum, e.share)
	if e.hope() == Little {
		quantum /= 16
	}
	quantum = max(1, quantum)
	if n := len(e.waiting); n > 0 {
		e.own.raise(e.share, int64(n)*quantum)
		e.waiting = release(e.waiting)
	}
	for by := range e.others {
		if a := &e.others[by]; a.asking {
			a.taken += a.raise(e.share, quantum)
			e.give(int32(by))
		}
	}
	e.worker.grants++
}

// raise raises the limit of an account by so much above what is held, and returns
// by how much that is.
func (a *account) raise(share, quantum int64) (by int64) {
	by = max(0, a.held-share-a.raised) + quantum
	a.raised += by
	return by
}

// abandon lets the other workers send without limit, as nothing is kept.
func (e *Edge) abandon() {
	for by := range e.others {
		if by != e.worker.index {
			e.credits.Give(by, comm.Unlimited)
		}
	}
}

// Outlet is the way from this worker to an edge at another.
type Outlet struct {
	edge    *Edge // the same port at this worker
	window  *comm.Window
	waiting []*Node
}

// Outlet returns the way to the same port at another worker.
func (e *Edge) Outlet(worker int) *Outlet { return e.outlets[worker] }

// Spend counts bytes that the running node sends, unless they come round a loop.
func (o *Outlet) Spend(by int32, bytes int64) {
	o.edge.Node.Flow.sent++
	if by == FedBack {
		return
	}
	o.window.Spend(bytes)
	if o.window.Full() {
		o.edge.worker.stopAt(o)
	}
}

// await implements gate.
func (o *Outlet) await(n *Node) bool {
	if !o.window.Full() || len(o.waiting) == 0 && !o.window.Ask() {
		return false
	}
	if len(o.waiting) == 0 {
		o.edge.stopped = append(o.edge.stopped, o)
	}
	o.waiting = append(o.waiting, n)
	return true
}

// look lets producers go on if credit has come, and reports whether none waits any more.
func (o *Outlet) look() bool {
	if len(o.waiting) > 0 && (!o.window.Full() || !o.window.Ask()) {
		o.waiting = release(o.waiting)
	}
	return len(o.waiting) == 0
}

// gate is something that producers wait for.
type gate interface {
	await(n *Node) bool // has n wait while it is full; false: it is not
	String() string
}

// stopAt has the running node pause as soon as it can, as g is full.
func (w *Worker) stopAt(g gate) {
	if !slices.Contains(w.full, g) {
		w.full = append(w.full, g)
	}
}

// Full reports whether the running node should pause, as something that it sends
// into is full.
func (w *Worker) Full() bool { return len(w.full) > 0 }

// release lets nodes go on that wait for nothing else, and returns the empty list.
func release(nodes []*Node) []*Node {
	for _, n := range nodes {
		if n.waits--; n.waits == 0 {
			n.Flow.worker.loop.Ready(n.task)
		}
	}
	clear(nodes)
	return nodes[:0]
}

// Queue counts bytes that begin to wait at this worker, or end.
func (w *Worker) Queue(bytes int64) {
	w.queued += bytes
	w.peak = max(w.peak, w.queued)
}
