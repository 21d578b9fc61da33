package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// Waker is how another goroutine wakes a worker, or one operator of it. Its
// methods may be called from any goroutine. While one is open, its worker counts
// as able to go on.
type Waker struct {
	worker *Worker
	node   *Node // nil: the worker itself
	closed atomic.Bool
	listed atomic.Bool // it is in the worker's list of those that were used
}

// Waker returns a waker for the worker.
func (w *Worker) Waker() *Waker { return w.newWaker(nil) }

// Waker returns a waker for the operator. It closes with the dataflow.
func (n *Node) Waker() *Waker {
	k := n.Flow.worker.newWaker(n)
	n.Flow.wakers = append(n.Flow.wakers, k)
	if n.Flow.gone() {
		k.Close()
	}
	return k
}

func (w *Worker) newWaker(n *Node) *Waker {
	w.wakers.open.Add(1)
	return &Waker{worker: w, node: n}
}

// Wake makes the worker's present Step return, or its next one not park; or it
// makes the operator run. Calls that come before that count as one.
func (k *Waker) Wake() {
	if k.closed.Load() {
		return
	}
	if k.node == nil {
		k.worker.wakers.useWorker()
	} else if k.listed.CompareAndSwap(false, true) {
		k.worker.wakers.use(k)
	}
	k.worker.end.Signal()
}

// Close says that this waker will not be used any more. Wake then does nothing.
func (k *Waker) Close() {
	if k.closed.CompareAndSwap(false, true) {
		k.worker.wakers.open.Add(-1)
		k.worker.end.Signal() // it may be the last that could go on
	}
}

// wakers are what other goroutines woke.
type wakers struct {
	open atomic.Int64 // wakers that are not closed
	used atomic.Bool  // something was woken since take

	mu     sync.Mutex
	worker bool
	listed []*Waker // of operators
	spare  []*Waker
}

func (k *wakers) useWorker() {
	k.mu.Lock()
	k.worker = true
	k.mu.Unlock()
	k.used.Store(true)
}

func (k *wakers) use(w *Waker) {
	k.mu.Lock()
	k.listed = append(k.listed, w)
	k.mu.Unlock()
	k.used.Store(true)
}

// take wakes the nodes, and reports whether the worker itself was woken.
func (k *wakers) take() (worker bool) {
	if !k.used.Load() {
		return false
	}
	k.used.Store(false)
	k.mu.Lock()
	worker, k.worker = k.worker, false
	k.listed, k.spare = k.spare[:0], k.listed
	k.mu.Unlock()
	for _, w := range k.spare {
		w.listed.Store(false)
		w.node.Wake()
	}
	clear(k.spare)
	return worker
}

// takeNodes wakes the nodes, and leaves it to the next Step that the worker was woken.
func (k *wakers) takeNodes() {
	if k.used.Load() && k.take() {
		k.useWorker()
	}
}

// alarm is a node to wake at a time.
type alarm struct {
	at   time.Duration
	node *Node
}

// WakeAfter wakes the node when so much time has passed.
func (n *Node) WakeAfter(d time.Duration) {
	w := n.Flow.worker
	a := alarm{w.after(d), n}
	i := len(w.alarms)
	for i > 0 && w.alarms[i-1].at < a.at {
		i--
	}
	w.alarms = append(w.alarms, alarm{})
	copy(w.alarms[i+1:], w.alarms[i:])
	w.alarms[i] = a // the next to ring is the last
}

// ring wakes the nodes whose time has come.
func (w *Worker) ring() {
	if len(w.alarms) == 0 {
		return
	}
	now := w.clock.Now()
	for n := len(w.alarms); n > 0 && w.alarms[n-1].at <= now; n = len(w.alarms) {
		w.alarms[n-1].node.Wake()
		w.alarms = w.alarms[:n-1]
	}
}
