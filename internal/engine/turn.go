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

// turn runs one turn of a node.
func (n *Node) turn() {
	w := n.Flow.worker
	w.Current = n.Element
	w.rested()
	n.body.Turn()
	w.ship()
	w.Current = nil
	w.panicking = false // it has recovered, and who is resumed next begins no turn
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
// after a push below it has returned. It counts the records that were pushed,
// yields when they are many or took long, and notices failure. In a node that is
// to leave it does not return.
func (w *Worker) PausePoint(records int) {
	if w.x.failing.Load() {
		w.leave()
	}
	if w.loop.Unwinding() {
		runtime.Goexit()
	}
	if w.Exhausted(records) && !w.panicking {
		w.Yield()
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

// Yield stops the running node until the next pass. All that it has finished is
// shipped first, so that it is published with the end of this pass.
func (w *Worker) Yield() {
	n := w.Running()
	current := w.Current
	w.pauses++
	n.body.Pausing()
	w.ship()
	w.loop.Yield()
	w.rested()
	w.Current = current
}

// Running returns the node whose turn it is, or nil.
func (w *Worker) Running() *Node {
	if t := w.loop.Running(); t != nil {
		return t.Owner.(*Node)
	}
	return nil
}
