package engine

import (
	"runtime"
	"time"
)

const (
	workLimit = 64 << 10               // records handled in a turn before the node yields
	timeLimit = 500 * time.Microsecond // of the engine's clock, likewise

	batchesALook = 8   // batches between looks at the clock, which costs as much as a small batch does
	recordsALook = 256 // records, likewise
)

// Shipper is a receiver that keeps something between pushes of one turn: it is
// told when to let go of it.
type Shipper interface{ Ship() }

// Staged has s shipped at the end of the turn or before a pause. It is called when
// s begins to hold something.
func (w *Worker) Staged(s Shipper) { w.staged = append(w.staged, s) }

// ship lets go of all that is staged.
func (w *Worker) ship() {
	for n := len(w.staged); n > 0; n = len(w.staged) {
		s := w.staged[n-1]
		w.staged = w.staged[:n-1]
		s.Ship()
	}
}

// turn runs one turn of a node. If what it sends into is full, it does not end
// before there is room.
func (n *Node) turn() {
	w := n.Flow.worker
	w.Current, w.running = n.Element, n
	w.Feeding = false
	n.turns++
	w.rested()
	n.body.Turn()
	w.ship()
	w.panicking = false // it has recovered, and who is resumed next begins no turn
	if len(w.full) > 0 {
		w.Current = n.Element
		n.lent = 0 // all that came of it is sent
		w.pause()
	}
	w.Current, w.running = nil, nil
}

const unset = time.Duration(-1)

// Exhausted counts records handled in the running turn, once a batch, and reports
// whether the node should make room for others.
func (w *Worker) Exhausted(records int) bool {
	w.work += records
	if w.work >= w.workLimit {
		return true
	}
	w.batches++
	if w.batches%batchesALook != 0 && w.work < w.nextLook {
		return false
	}
	w.nextLook = w.work + recordsALook
	now := w.clock.Now()
	if w.began == unset {
		w.began = now
	}
	return now-w.began >= timeLimit
}

// rested begins a new account of work.
func (w *Worker) rested() { w.work, w.batches, w.nextLook, w.began = 0, 0, recordsALook, unset }

// PausePoint is where a running node can be stopped in the middle of its turn:
// after a push below it has returned. The node stops if something that it sends
// into is full, or if it has pushed many records or for long: it counts them here.
// It notices failure, and does not return in a node that is to leave.
func (w *Worker) PausePoint(records int) {
	if w.x.failing.Load() {
		w.leave()
	}
	if w.loop.Unwinding() {
		runtime.Goexit()
	}
	exhausted := w.Exhausted(records)
	if (exhausted || len(w.full) > 0) && !w.panicking && !w.running.atomic {
		w.pause()
	}
}

// Panicking says that the program's logic has panicked: unless it recovers, its turn
// will not end, so nothing of it may be published. It is not paused any more in
// this turn.
func (w *Worker) Panicking() {
	if !w.loop.Unwinding() { // an operator that is ordered to leave leaves the same way
		w.panicking = true
	}
}

// pause stops the running node until what it sends into has room, or until the next
// pass if it has. All that it has finished is shipped first, so that it is published
// with the end of this pass.
func (w *Worker) pause() {
	n, current, feeding := w.running, w.Current, w.Feeding
	w.pauses++
	w.tellPause(n)
	w.Feeding = false
	n.body.Pausing()
	w.ship()
	n.gates = n.gates[:0]
	for _, g := range w.full {
		if g.await(n) {
			n.gates = append(n.gates, g)
			n.waits++
			w.tellWait(g)
		}
	}
	clear(w.full)
	w.full = w.full[:0]
	if n.waits == 0 {
		w.loop.Ready(n.task)
	}
	n.sleep()
	w.rested()
	w.running, w.Current, w.Feeding = n, current, feeding
}

// forgetTurn forgets what is full and what is staged, of operators that will not go on.
func (w *Worker) forgetTurn() {
	clear(w.full)
	clear(w.staged)
	w.full, w.staged = w.full[:0], w.staged[:0]
}

// sleep is the pause itself.
func (n *Node) sleep() {
	w, waits := n.Flow.worker, n.waits > 0
	if waits {
		n.since = w.clock.Now()
	}
	if l := n.loop; l != nil {
		lent := n.lent
		l.own.lent += lent
		defer func() { l.own.lent -= lent }()
	}
	w.loop.Pause()
	if waits {
		n.held += w.clock.Now() - n.since
	}
}

// Running returns the node whose turn it is, or nil.
func (w *Worker) Running() *Node {
	if t := w.loop.Running(); t != nil {
		return t.Owner.(*Node)
	}
	return nil
}
