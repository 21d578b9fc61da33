package progress

import (
	"fmt"

	"github.com/timely-go/timely/order"
)

// Location is a port of an operator or of a scope: dense within one Tracker, in
// the order in which the ports were added.
type Location int32

// Watcher is told when the frontier at a location has moved.
type Watcher interface{ FrontierMoved() }

// port is a location: what is known of it once the graph is sealed, and what
// changes afterwards.
type port[T order.Timestamp[T]] struct {
	points   Counts[T]   // pointstamps counted here
	implied  Counts[T]   // points' frontier and what arrives from elsewhere; unused if !fed
	pending  []Update[T] // changes of implied that were not yet applied
	moved    []Update[T] // if kept: changes of the frontier since the scope inside took them
	ways     []way[T]    // edges from here
	outputs  []way[T]    // least summaries from here to the scope's outputs, by number
	paths    []way[T]    // in a small cycle: least summaries of the paths that lead here from its members, each once
	rounds   []T         // and of those that lead round it, from here to here
	watchers []Watcher
	place    int32 // its component, in topological order
	rank     int32 // after all from which an edge without delay leads here
	fed      bool  // something arrives here: an edge, or the frontier of a scope's input
	kept     bool  // this is where a scope inside begins
	derived  bool  // this is where a scope inside ends: the counts are what that implies
}

// way is an edge; or a path to an output: to is then the output's number; or one within
// a small cycle: to is then where it begins.
type way[T order.Timestamp[T]] struct {
	to      Location
	summary T
}

// component is a set of locations that lie on cycles together, or a single one.
type component struct {
	members []Location // of a cycle; nil for a single location
	one     Location
	small   bool // each member knows the paths that lead to it
	queued  bool // it is in Tracker.todo
}

// AddPort adds a location.
func (k *Tracker[T]) AddPort() Location {
	k.ports = append(k.ports, port[T]{})
	return Location(len(k.ports) - 1)
}

// Ports returns the number of locations.
func (k *Tracker[T]) Ports() int { return len(k.ports) }

// Connect says that what may appear at one location may appear at another,
// later by summary.
func (k *Tracker[T]) Connect(from, to Location, summary T) {
	k.ports[from].ways = append(k.ports[from].ways, way[T]{to, summary})
	k.ports[to].fed = true
}

// Watch has w told when the frontier at a location moves.
func (k *Tracker[T]) Watch(at Location, w Watcher) {
	k.ports[at].watchers = append(k.ports[at].watchers, w)
}

// CycleError is a cycle along which time does not advance.
type CycleError struct{ Cycle []Location }

func (e *CycleError) Error() string {
	return fmt.Sprintf("progress: time does not advance along the cycle %v", e.Cycle)
}

// Seal ends the building: it finds the components, and the summaries to the
// scope's outputs. It costs a constant for each location and edge, and for each
// location that reaches an output; of those on a small cycle, its square. It fails with a *CycleError.
func (k *Tracker[T]) Seal() error {
	if cycle := k.cycleWithoutDelay(); cycle != nil {
		return &CycleError{cycle}
	}
	k.findComponents()
	k.findPaths()
	k.summarizeOutputs()
	k.sealed = true
	k.apply(k.initial)
	return nil
}

// cycleWithoutDelay looks for a cycle of edges whose summary is zero: by the
// laws of Plus only such a cycle can fail to advance time. If there is none it
// ranks the locations along those edges.
func (k *Tracker[T]) cycleWithoutDelay() []Location {
	var zero T
	into := make([]int32, len(k.ports)) // edges without delay from locations not yet peeled
	for i := range k.ports {
		for _, w := range k.ports[i].ways {
			if w.summary == zero {
				into[w.to]++
			}
		}
	}
	var free []Location
	for i := range into {
		if into[i] == 0 {
			free = append(free, Location(i))
		}
	}
	for n := 0; n < len(free); n++ {
		for _, w := range k.ports[free[n]].ways {
			if w.summary == zero {
				if into[w.to]--; into[w.to] == 0 {
					free = append(free, w.to)
				}
			}
		}
	}
	if len(free) < len(k.ports) {
		return k.walkBack(into)
	}
	k.ranked = free
	for rank, at := range free {
		k.ports[at].rank = int32(rank)
	}
	return nil
}

// walkBack returns a cycle among the locations that could not be peeled: each
// has an edge from another, so walking backwards comes round.
func (k *Tracker[T]) walkBack(into []int32) []Location {
	var zero T
	before := make(map[Location]Location)
	at := Location(-1)
	for i := range k.ports {
		if into[i] == 0 {
			continue
		}
		for _, w := range k.ports[i].ways {
			if w.summary == zero && into[w.to] > 0 {
				before[w.to] = Location(i)
				at = w.to
			}
		}
	}
	seen := make(map[Location]int)
	var walk []Location
	for {
		if n, again := seen[at]; again {
			walk = walk[n:]
			break
		}
		seen[at] = len(walk)
		walk = append(walk, at)
		at = before[at]
	}
	for i, j := 0, len(walk)-1; i < j; i, j = i+1, j-1 {
		walk[i], walk[j] = walk[j], walk[i]
	}
	return walk
}

// findComponents is Tarjan's algorithm ("Depth-first search and linear graph
// algorithms", 1972) with a stack of its own: graphs can be deep.
func (k *Tracker[T]) findComponents() {
	const unseen = 0
	type frame struct {
		at   Location
		next int // the edge to look at
	}
	var (
		index   = make([]int32, len(k.ports)) // order of discovery, from 1
		low     = make([]int32, len(k.ports)) // least discovery reachable within the component
		onStack = make([]bool, len(k.ports))
		count   int32
		stack   []Location
		frames  []frame
	)
	enter := func(l Location) {
		count++
		index[l], low[l], onStack[l] = count, count, true
		stack = append(stack, l)
		frames = append(frames, frame{at: l})
	}
	for root := range k.ports {
		if index[root] != unseen {
			continue
		}
		enter(Location(root))
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			if ways := k.ports[f.at].ways; f.next < len(ways) {
				to := ways[f.next].to
				f.next++
				if index[to] == unseen {
					enter(to)
				} else if onStack[to] {
					low[f.at] = min(low[f.at], index[to])
				}
				continue
			}
			at := f.at
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				up := frames[len(frames)-1].at
				low[up] = min(low[up], low[at])
			}
			if low[at] == index[at] {
				stack = k.closeComponent(stack, at, onStack)
			}
		}
	}
	// Components were found against the direction of the edges.
	last := int32(len(k.components) - 1)
	for i := range k.ports {
		k.ports[i].place = last - k.ports[i].place
	}
	for i, j := 0, len(k.components)-1; i < j; i, j = i+1, j-1 {
		k.components[i], k.components[j] = k.components[j], k.components[i]
	}
}

// closeComponent takes a component, of which root was found first, off the stack.
func (k *Tracker[T]) closeComponent(stack []Location, root Location, onStack []bool) []Location {
	c := component{one: root}
	n := len(stack) - 1
	for stack[n] != root {
		n--
	}
	for _, l := range stack[n:] {
		onStack[l] = false
		k.ports[l].place = int32(len(k.components))
	}
	if n < len(stack)-1 || k.hasEdge(root, root) {
		c.members = append([]Location(nil), stack[n:]...)
	}
	k.components = append(k.components, c)
	return stack[:n]
}

func (k *Tracker[T]) hasEdge(from, to Location) bool {
	for _, w := range k.ports[from].ways {
		if w.to == to {
			return true
		}
	}
	return false
}

// summarizeOutputs finds, for each output of the scope, the least summaries from
// every location that reaches it.
func (k *Tracker[T]) summarizeOutputs() {
	if len(k.outputs) == 0 {
		return
	}
	back := make([][]way[T], len(k.ports))
	for from := range k.ports {
		for _, w := range k.ports[from].ways {
			back[w.to] = append(back[w.to], way[T]{Location(from), w.summary})
		}
	}
	var zero T
	for number, output := range k.outputs {
		queue := []way[T]{{output, zero}}
		k.ports[output].reaches(Location(number), zero)
		for len(queue) > 0 {
			x := queue[0]
			queue = queue[1:]
			for _, b := range back[x.to] {
				s, ok := b.summary.Plus(x.summary)
				if ok && k.ports[b.to].reaches(Location(number), s) {
					queue = append(queue, way[T]{b.to, s})
				}
			}
		}
	}
}

// reaches adds a summary to an output unless one at most as large is known.
// Outputs are summarized one after the other, so those of one are at the end.
func (p *port[T]) reaches(output Location, summary T) bool {
	first := len(p.outputs)
	for first > 0 && p.outputs[first-1].to == output {
		first--
		if p.outputs[first].summary.LessEqual(summary) {
			return false
		}
	}
	kept := p.outputs[:first]
	for _, w := range p.outputs[first:] {
		if !summary.LessEqual(w.summary) {
			kept = append(kept, w)
		}
	}
	p.outputs = append(kept, way[T]{output, summary})
	return true
}
