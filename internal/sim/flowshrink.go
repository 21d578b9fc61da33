package sim

import (
	"errors"
	"slices"
	"time"
)

// ShrinkFlow returns a smaller case that fails in the same way, if there is one and
// it is soon found.
func ShrinkFlow(c *FlowCase, why error) *FlowCase {
	const patience = 20 * time.Second
	begun := time.Now()
	for smaller := true; smaller; {
		smaller = false
		for _, try := range c.smaller() {
			if time.Since(begun) > patience {
				return c
			}
			if !try.evaluate() {
				continue
			}
			if err := try.Run().Err; err != nil && errors.Is(err, errEndless) == errors.Is(why, errEndless) {
				c, smaller = try, true
				break
			}
		}
	}
	return c
}

// smaller returns cases that are a step smaller.
func (c *FlowCase) smaller() (all []*FlowCase) {
	with := func(change func(*FlowCase)) {
		try := *c
		try.Graph = c.Graph.clone()
		change(&try)
		all = append(all, &try)
	}
	for i := range c.Graph.Nodes {
		if c.Graph.Nodes[i].Kind != flowSource || i > 0 {
			with(func(try *FlowCase) { try.Graph.remove(i) })
		}
	}
	if c.Busy {
		with(func(try *FlowCase) { try.Busy = false })
	}
	if c.Stopped >= 0 {
		with(func(try *FlowCase) { try.Stopped = -1 })
	}
	if c.Policy != "uniform" {
		with(func(try *FlowCase) {
			try.Policy, try.newPolicy = "uniform", func() Policy { return Uniform }
		})
	}
	if c.Workers > 1 && c.Policy != "starve one" && c.Policy != "freeze a pair" && c.Stopped < 0 {
		with(func(try *FlowCase) { try.Workers-- })
	}
	if c.InTurn {
		with(func(try *FlowCase) { try.InTurn = false })
	}
	if c.Waits {
		with(func(try *FlowCase) { try.Waits = false })
	}
	var nodes int
	c.Graph.all(func(*flowNode) { nodes++ })
	for i := range nodes {
		for _, change := range []func(n *flowNode) bool{
			func(n *flowNode) bool { return n.Feed != nil && n.Feed.halve() },
			func(n *flowNode) bool { return n.Feed != nil && n.Feed.Records > 1 && n.Feed.lessen() },
			func(n *flowNode) bool { return n.Feed != nil && n.Feed.Epochs > 1 && n.Feed.oneEpoch() },
			func(n *flowNode) bool { return n.Exch != [2]bool{} && n.stay() },
			func(n *flowNode) bool { return n.Head != nil && n.Head.simpler() },
			func(n *flowNode) bool { return n.Head != nil && n.Head.shorter() },
			func(n *flowNode) bool { return n.Head != nil && n.Head.stays() },
			func(n *flowNode) bool { return n.Next != nil && n.Next.simpler() },
			func(n *flowNode) bool {
				return n.Body != nil && len(n.Body.Nodes) > 1 && n.Body.remove(len(n.Body.Nodes)-1)
			},
			func(n *flowNode) bool { return n.Body != nil && len(n.Body.Nodes) > 2 && n.Body.remove(1) },
		} {
			try := *c
			try.Graph = c.Graph.clone()
			at, changed := 0, false
			try.Graph.all(func(n *flowNode) {
				if at == i {
					changed = change(n)
				}
				at++
			})
			if changed {
				all = append(all, &try)
			}
		}
	}
	return all
}

func (f *feed) halve() bool    { f.Records /= 2; return f.Records > 0 }
func (f *feed) lessen() bool   { f.Records--; return true }
func (f *feed) oneEpoch() bool { f.Epochs = 1; return true }
func (n *flowNode) stay() bool { n.Exch = [2]bool{}; return true }

func (h *flowHead) simpler() bool {
	was := *h
	if h.Kind != headSide {
		h.Kind, h.Token = headPlain, false
	}
	h.Ramp, h.All = 0, false
	return *h != was
}

func (h *flowHead) shorter() bool {
	h.Stay--
	return h.Stay >= 0
}

func (h *flowHead) stays() bool {
	was := h.Exch
	h.Exch = false
	return was
}

func (g *flowGraph) clone() *flowGraph {
	if g == nil {
		return nil
	}
	c := &flowGraph{}
	for _, n := range g.Nodes {
		m := *n
		if n.Feed != nil {
			f := *n.Feed
			m.Feed = &f
		}
		if n.Head != nil {
			h := *n.Head
			m.Head = &h
		}
		if n.Next != nil {
			h := *n.Next
			m.Next = &h
		}
		m.Body = n.Body.clone()
		c.Nodes = append(c.Nodes, &m)
	}
	return c
}

// remove takes a node out: who took its stream takes what it took first, or the first source's.
func (g *flowGraph) remove(i int) bool {
	instead := 0
	if g.Nodes[i].inputs() > 0 {
		instead = g.Nodes[i].From[0]
	}
	g.Nodes = slices.Delete(g.Nodes, i, i+1)
	for _, n := range g.Nodes {
		for k := range n.From {
			if n.From[k] == i {
				n.From[k] = instead
			}
			if n.From[k] > i {
				n.From[k]--
			}
		}
	}
	return true
}
