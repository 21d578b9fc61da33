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
	inside := make(map[int][]way) // ways inside each component that has some
	var order []int
	for _, y := range ways {
		k := c.of[y.from]
		if k == c.of[y.to.Node] {
			if inside[k] == nil {
				order = append(order, k)
			}
			inside[k] = append(inside[k], y)
		}
	}
	for _, k := range order {
		l := f.newLoop(outer, c.members[k])
		outermost := -1
		for _, y := range inside[k] {
			if y.depth != NotFed && (outermost < 0 || y.depth < outermost) {
				outermost = y.depth
			}
		}
		var deeper []way
		for _, y := range inside[k] {
			if y.depth != NotFed {
				y.to.fed = l // or a loop inside it, found below
			}
			if y.depth == NotFed || y.depth > outermost {
				deeper = append(deeper, y)
			}
		}
		f.findLoopsAmong(c.members[k], deeper, l)
		l.close(inside[k])
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
}

// components are the strongly connected components of a graph (Tarjan, "Depth-First
// Search and Linear Graph Algorithms", 1972), found without recursion.
type components struct {
	of      map[*Node]int // the component of a node, from 1
	members map[int][]*Node
}

func newComponents(nodes []*Node, ways []way) *components {
	next := make(map[*Node][]*Node, len(nodes))
	for _, y := range ways {
		next[y.from] = append(next[y.from], y.to.Node)
	}
	c := &components{of: make(map[*Node]int, len(nodes)), members: make(map[int][]*Node)}
	type visit struct {
		node *Node
		seen int // of next[node]
	}
	index := make(map[*Node]int, len(nodes)) // in order of discovery, from 1
	low := make(map[*Node]int, len(nodes))
	var open []*Node // discovered, and of no component yet
	for _, root := range nodes {
		if index[root] != 0 {
			continue
		}
		path := []visit{{node: root}}
		for len(path) > 0 {
			v := &path[len(path)-1]
			if index[v.node] == 0 {
				index[v.node] = len(index) + 1
				low[v.node] = index[v.node]
				open = append(open, v.node)
			}
			if v.seen < len(next[v.node]) {
				to := next[v.node][v.seen]
				v.seen++
				switch {
				case index[to] == 0:
					path = append(path, visit{node: to})
				case c.of[to] == 0:
					low[v.node] = min(low[v.node], index[to])
				}
				continue
			}
			done := v.node
			path = path[:len(path)-1]
			if len(path) > 0 {
				above := path[len(path)-1].node
				low[above] = min(low[above], low[done])
			}
			if low[done] == index[done] {
				open = c.close(open, done)
			}
		}
	}
	return c
}

// close makes a component of the open nodes down to root.
func (c *components) close(open []*Node, root *Node) []*Node {
	k := len(c.members) + 1
	for {
		n := open[len(open)-1]
		open = open[:len(open)-1]
		c.of[n] = k
		c.members[k] = append(c.members[k], n)
		if n == root {
			return open
		}
	}
}
