package model

import (
	"fmt"
	"math/bits"
	"strings"
)

// This file holds where things can be: random dataflow graphs over nested scopes,
// and which pointstamp could result in which.

// edge leads from place to place, across the boundaries of scopes if need be: a
// time loses the coordinates of the scopes that the edge leaves, grows by the
// delay, and is at round zero of those that it enters.
type edge struct {
	from, to int
	kept     int // coordinates of the innermost scope that has both ends
	delay    [maxLevels]int8
	image    [slot]int8   // of each time; -1: it never arrives
	reach    [slot]uint32 // the times at or after the image
}

// topology is a dataflow graph. A place is an operator: records wait there, and
// capabilities are held there. Every cycle advances time.
type topology struct {
	*clock
	places int
	scopes int
	parent [maxLevels]int // of scopes; scope 0 is the outermost
	depth  [maxLevels]int // of scopes
	scope  [maxPlaces]int // of places
	level  [maxPlaces]int // of places: the depth of the scope
	edges  []edge
	ways   [maxPlaces][]uint8 // the edges that leave a place

	above [pointCount]set // above[p]: what p could result in, and p
	below [pointCount]set // below[p]: what could result in p, and p
	all   set
}

// generate makes a random topology, one with cycles that do not advance time if
// that is asked for.
func (g *topology) generate(r *random, zeroCycle bool) {
	for {
		g.begin(r)
		for to := 1; to < g.places; to++ {
			g.attach(r, r.under(to), to, false)
		}
		for range r.under(4) {
			g.attach(r, r.under(g.places), r.under(g.places), zeroCycle)
		}
		if zeroCycle {
			g.attach(r, 1+r.under(g.places-1), 0, true)
		}
		g.close()
		if g.cyclic() == zeroCycle {
			return
		}
	}
}

// begin makes scopes and puts places into them.
func (g *topology) begin(r *random) {
	g.clock = clocks[r.under(len(clocks))]
	g.places = 3 + r.under(maxPlaces-2)
	g.scopes = 1 + r.under(maxLevels)
	for s := 1; s < g.scopes; s++ {
		g.parent[s] = r.under(s)
		if r.oneIn(2) {
			g.parent[s] = s - 1
		}
		g.depth[s] = g.depth[g.parent[s]] + 1
	}
	g.all = set{}
	for l := range g.places {
		g.scope[l] = r.under(g.scopes)
		g.level[l] = g.depth[g.scope[l]]
		g.ways[l] = g.ways[l][:0]
		for t := range g.counts[g.level[l]] {
			g.all.put(at(l, t))
		}
	}
	g.edges = g.edges[:0]
}

// attach adds an edge with a random delay, if it is not free. One that leads back
// has some.
func (g *topology) attach(r *random, from, to int, free bool) {
	var delay [maxLevels]int8
	if !free && (to <= from || r.oneIn(6)) {
		kept := g.shared(g.scope[from], g.scope[to])
		if r.oneIn(2) { // most often it is a round that is counted
			delay[kept-1] = 1
		} else {
			delay[r.under(kept)] = 1
		}
	}
	g.connect(from, to, delay)
}

// connect adds an edge.
func (g *topology) connect(from, to int, delay [maxLevels]int8) {
	e := edge{from: from, to: to, kept: g.shared(g.scope[from], g.scope[to]), delay: delay}
	for t := range g.counts[g.level[from]] {
		e.image[t] = -1
		e.reach[t] = 0
		u := e.delay
		for i := range e.kept {
			u[i] += g.coords[g.level[from]][t][i]
		}
		if n := g.number(g.level[to], u); n >= 0 {
			e.image[t] = n
			e.reach[t] = g.later[g.level[to]][n]
		}
	}
	g.ways[from] = append(g.ways[from], uint8(len(g.edges)))
	g.edges = append(g.edges, e)
}

// shared returns how many coordinates times of both scopes have in common.
func (g *topology) shared(s, t int) int {
	for s != t {
		if g.depth[s] > g.depth[t] || g.depth[s] == g.depth[t] && s > t {
			s = g.parent[s]
		} else {
			t = g.parent[t]
		}
	}
	return g.depth[s] + 1
}

// close finds what could result in what, by brute force: from each point along all
// paths, until nothing new is found.
func (g *topology) close() {
	for p := range g.above {
		g.above[p], g.below[p] = set{}, set{}
	}
	for changed := true; changed; {
		changed = false
		for l := g.places - 1; l >= 0; l-- {
			for t := g.counts[g.level[l]] - 1; t >= 0; t-- {
				p := at(l, t)
				was := g.above[p]
				g.reachFrom(l, t, &g.above[p])
				changed = changed || g.above[p] != was
			}
		}
	}
	for from := g.all; !from.empty(); {
		p := from.pop()
		for to := g.above[p]; !to.empty(); {
			q := to.pop()
			g.below[q].put(p)
		}
	}
}

// reachFrom adds to s what a time at a place could result in by one step: later
// times, and the other ends of edges.
func (g *topology) reachFrom(place, time int, s *set) {
	s.put(at(place, time))
	for later := g.later[g.level[place]][time] &^ (1 << time); later != 0; later &= later - 1 {
		s.join(&g.above[at(place, bits.TrailingZeros32(later))])
	}
	for _, w := range g.ways[place] {
		if e := &g.edges[w]; e.image[time] >= 0 {
			q := at(e.to, int(e.image[time]))
			s.put(q)
			s.join(&g.above[q])
		}
	}
}

// cyclic reports whether two points could result in each other.
func (g *topology) cyclic() bool {
	for s := g.all; !s.empty(); {
		p := s.pop()
		both := g.above[p]
		both[0] &= g.below[p][0]
		both[1] &= g.below[p][1]
		both.remove(p)
		if !both.empty() {
			return true
		}
	}
	return false
}

// upward returns all that the points of s could result in.
func (g *topology) upward(s set) (u set) {
	for !s.empty() {
		u.join(&g.above[s.pop()])
	}
	return u
}

// imply returns what may appear at each place if the points of s are there, as an
// engine finds it: frontiers travel along edges until none moves.
func (g *topology) imply(s set) (implied set) {
	var seen [maxPlaces]uint32
	for !s.empty() {
		p := s.pop()
		seen[p.place()] |= g.later[g.level[p.place()]][p.time()]
	}
	for moved := true; moved; {
		moved = false
		for i := range g.edges {
			e := &g.edges[i]
			later := &g.later[g.level[e.from]]
			arrives := seen[e.to]
			for rest := seen[e.from]; rest != 0; { // the frontier: no time after another
				t := bits.TrailingZeros32(rest)
				arrives |= e.reach[t]
				rest &^= later[t]
			}
			if arrives != seen[e.to] {
				seen[e.to], moved = arrives, true
			}
		}
	}
	for l := range g.places {
		implied[l/3] |= uint64(seen[l]) << (l % 3 * slot)
	}
	return implied
}

// name writes a point as place@time.
func (g *topology) name(p point) string {
	if p == none {
		return "-"
	}
	l := p.place()
	return fmt.Sprintf("%c@%v", 'a'+l, g.coords[g.level[l]][p.time()][:g.level[l]+1])
}

func (g *topology) names(s set) string {
	var all []string
	for !s.empty() {
		all = append(all, g.name(s.pop()))
	}
	return "{" + strings.Join(all, " ") + "}"
}

// String describes the places, their scopes, and the edges.
func (g *topology) String() string {
	var b strings.Builder
	for s := 1; s < g.scopes; s++ {
		fmt.Fprintf(&b, "scope %d inside %d\n", s, g.parent[s])
	}
	for l := range g.places {
		fmt.Fprintf(&b, "place %c in scope %d\n", 'a'+l, g.scope[l])
	}
	for i := range g.edges {
		e := &g.edges[i]
		fmt.Fprintf(&b, "edge %c -> %c +%v\n", 'a'+e.from, 'a'+e.to, e.delay[:e.kept])
	}
	return b.String()
}
