package engine

import (
	"time"

	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/schedule"
)

// Element is a piece of a dataflow that the program's text names: an operator or
// a stage. It is what panics, reports and fingerprints speak of.
type Element struct {
	Name string
	Site callsite.Site
	Path string // the scopes around it, outermost first: "/Iterate"
}

// String returns name and call site.
func (e *Element) String() string { return e.Name + "@" + e.Site.String() }

// Node is an operator: an element with a queue, and a task of its own.
type Node struct {
	*Element
	Flow *Dataflow

	body   Body
	task   *schedule.Task
	busy   bool          // it is not finished although its frontiers are empty
	atomic bool          // it is never paused in the middle of a turn
	turns  uint64        // begun so far
	gates  []gate        // that it waits for, or did last
	waits  int           // for how many of them
	held   time.Duration // how long it has waited so far
	since  time.Duration // when it began to wait
	loop   *Loop         // the innermost that it is in, or nil
	place  int32         // among those whose components are being found
	lent   int           // records in the batch that it has taken last, if it is in a loop
}

// Body is what a node does in its turns.
type Body interface {
	// Turn is one activation. Whatever it has buffered is shipped when it returns.
	Turn()
	// Pausing is called inside a turn before the node is paused: what it has
	// buffered must be shipped, and what was shipped must be justified by
	// capabilities that stay counted.
	Pausing()
}

// AddNode adds an operator to a dataflow, after those that exist. Its body is set
// with Run.
func (f *Dataflow) AddNode(e *Element) *Node {
	n := &Node{Element: e, Flow: f}
	n.task = f.worker.loop.Add(n, n.turn)
	f.nodes = append(f.nodes, n)
	return n
}

// Run sets what the node does.
func (n *Node) Run(body Body) { n.body = body }

// Wake makes the node run, in this pass or the next.
func (n *Node) Wake() { n.task.Wake() }

// FrontierMoved implements progress.Watcher, for nodes that always want to know.
func (n *Node) FrontierMoved() { n.task.Wake() }

// SetBusy says whether the node has work to do although its frontiers are empty.
func (n *Node) SetBusy(busy bool) { n.busy = busy }

// SetAtomic makes turns of the node that are never paused: they may send beyond any
// budget.
func (n *Node) SetAtomic() { n.atomic = true }

// idle reports whether the node has nothing to do by itself.
func (n *Node) idle() bool {
	return !n.busy && !n.task.Paused() && !n.task.Awake()
}
