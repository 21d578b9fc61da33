package comm

import "sync/atomic"

// Window is how much one sender may have on its way to one receiver of a channel:
// so many bytes beyond what the receiver has taken. It is the sender's end of
// credit-based flow control (Kung and Morris, "Credit-Based Flow Control for ATM
// Networks", 1995): the receiver gives credit, the sender spends it, and both
// count what there has ever been, so nothing is lost by being late.
//
// A Window never holds a message up: who sends looks whether it is Full, and stops
// producing if it is.
type Window struct {
	spent  int64        // bytes, ever; the sender's own
	given  atomic.Int64 // bytes, ever
	asked  atomic.Bool  // the sender waits, and has told the receiver
	ask    func()       // tells the receiver that the sender waits
	notify func()       // tells the sender that credit has come; called where Give is
}

// NewWindow returns a window that is open for so many bytes. ask tells the receiver
// that the sender waits; notify tells the sender, which does, that credit has come.
func NewWindow(bytes int64, ask, notify func()) *Window {
	w := &Window{ask: ask, notify: notify}
	w.given.Store(bytes)
	return w
}

// Spend notes that so many bytes are sent. It is for the sender, like all but Give.
func (w *Window) Spend(bytes int64) { w.spent += bytes }

// Full reports whether more was sent than there is credit for.
func (w *Window) Full() bool { return w.spent > w.given.Load() }

// Ask tells the receiver that the sender waits for credit, unless it was told and
// none has come since, and has the sender notified of the next that comes. It reports
// false if there is some after all.
func (w *Window) Ask() bool {
	if w.asked.Load() {
		return true
	}
	w.asked.Store(true) // before it looks again: Give does it the other way round
	if !w.Full() {
		w.asked.Store(false)
		return false
	}
	w.ask()
	return true
}

// Give adds credit. It may be called from any goroutine.
func (w *Window) Give(bytes int64) {
	w.given.Add(bytes)
	if w.asked.Load() && w.asked.CompareAndSwap(true, false) {
		w.notify()
	}
}

// Unlimited is credit that is never spent.
const Unlimited = int64(1) << 61

// Credits is the receiver's end of the windows of a channel, for its worker alone.
type Credits interface {
	// Give lets a sender spend so many bytes more, and goes on with it if it waits.
	Give(sender int, bytes int64)
	// Asking returns the senders that have begun to wait since the last call, lent
	// until the next. The worker hears of the channel when there are some.
	Asking() []int
}
