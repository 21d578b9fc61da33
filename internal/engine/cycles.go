package engine

import "slices"

// A loop is a strongly connected component of a dataflow's operators. Inside it,
// without the edges through the outermost of its loop variables, there may be
// others: loops in loops.

// way is one way from a node to an edge.
type way struct {
	from  *Node
	to    *Edge
	depth int // of the outermost loop variable on it, or NotFed
}

// findLoops finds the loops of a dataflow, once it is built.
func (f *Dataflow) findLoops() {
	var ways []way
	fed := false
	for _, e := range f.edges {
		if e.producers == nil {
			continue
		}
		e.producers(func(n *Node, depth int) {
			ways = append(ways, way{n, e, depth})
			fed = fed || depth != NotFed
		})
		e.producers = nil
	}
	if fed {
		f.findLoopsAmong(f.nodes, ways, nil)
	}
}

// findLoopsAmong finds the loops that these ways make among these nodes.
func (f *Dataflow) findLoopsAmong(nodes []*Node, ways []way, outer *Loop) {
	c := newComponents(nodes, ways)
	inside := make([][]way, len(c.members)) // of each component
	for _, y := range ways {
		if k := c.of(y.from); k == c.of(y.to.Node) {
			inside[k] = append(inside[k], y)
		}
	}
	for k, ways := range inside {
		if ways == nil {
			continue // a node that does not feed itself
		}
		l := f.newLoop(outer, c.members[k])
		outermost := -1
		for _, y := range ways {
			if y.depth != NotFed && (outermost < 0 || y.depth < outermost) {
				outermost = y.depth
			}
		}
		var deeper []way
		for _, y := range ways {
			if y.depth != NotFed {
				y.to.fed = l // or a loop inside it, found below
			}
			if y.depth == NotFed || y.depth > outermost {
				deeper = append(deeper, y)
			}
		}
		f.findLoopsAmong(c.members[k], deeper, l)
		l.close(ways)
	}
}

// newLoop adds a loop of these nodes.
func (f *Dataflow) newLoop(outer *Loop, nodes []*Node) *Loop {
	l := &Loop{outer: outer, worker: f.worker, lap: -1}
	l.laps = f.rest.lapsOf(len(f.loops))
	f.loops = append(f.loops, l)
	if outer != nil {
		outer.inner = append(outer.inner, l)
	}
	for _, n := range nodes {
		n.loop = l
	}
	return l
}

// close adds up the budgets of a loop whose inner loops are known.
func (l *Loop) close(inside []way) {
	for _, y := range inside {
		if e := y.to; e.fed == l && !slices.Contains(l.fed, e) {
			l.fed = append(l.fed, e)
		}
	}
	l.budget = len(l.fed) * int(l.worker.budget)
	l.whole = l.budget
	for _, i := range l.inner {
		l.whole += i.whole
	}
	l.laps.allow(l.whole)
}

// components are the strongly connected components of a graph (Tarjan, "Depth-First
// Search and Linear Graph Algorithms", 1972), found without recursion.
type components struct {
	part    []int32 // the component of the node with a place, from 1
	members [][]*Node
}

// of returns the number of a node's component, while no other components are sought.
func (c *components) of(n *Node) int32 { return c.part[n.place] - 1 }

func newComponents(nodes []*Node, ways []way) *components {
	for i, n := range nodes {
		n.place = int32(i)
	}
	// The ways from the node with place i go to next[first[i]:first[i+1]].
	first, next := make([]int32, len(nodes)+1), make([]int32, len(ways))
	for _, y := range ways {
		first[y.from.place]++
	}
	for i := range nodes {
		first[i+1] += first[i]
	}
	for _, y := range slices.Backward(ways) {
		first[y.from.place]--
		next[first[y.from.place]] = y.to.Node.place
	}

	c := &components{part: make([]int32, len(nodes))}
	type visit struct{ at, seen int32 } // a node, and how many of its ways have been taken
	index := make([]int32, len(nodes))  // in order of discovery, from 1
	low := make([]int32, len(nodes))
	found := int32(0)
	var path []visit
	var open []int32 // discovered, and of no component yet
	for root := range nodes {
		if index[root] != 0 {
			continue
		}
		path = append(path, visit{at: int32(root)})
		for len(path) > 0 {
			v := &path[len(path)-1]
			at := v.at
			if index[at] == 0 {
				found++
				index[at], low[at] = found, found
				open = append(open, at)
			}
			if way := first[at] + v.seen; way < first[at+1] {
				v.seen++
				switch to := next[way]; {
				case index[to] == 0:
					path = append(path, visit{at: to})
				case c.part[to] == 0:
					low[at] = min(low[at], index[to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				above := path[len(path)-1].at
				low[above] = min(low[above], low[at])
			}
			if low[at] == index[at] {
				open = c.close(nodes, open, at)
			}
		}
	}
	return c
}

// close makes a component of the open nodes down to root.
func (c *components) close(nodes []*Node, open []int32, root int32) []int32 {
	from := len(open) - 1
	for open[from] != root {
		from--
	}
	members := make([]*Node, 0, len(open)-from)
	for _, at := range slices.Backward(open[from:]) {
		c.part[at] = int32(len(c.members) + 1)
		members = append(members, nodes[at])
	}
	c.members = append(c.members, members)
	return open[:from]
}
