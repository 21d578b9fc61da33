package progress

import (
	"slices"

	"github.com/timely-go/timely/order"
)

// This file holds how small cycles are settled. A change that goes round a cycle visits
// each member twice or more, and takes a step of a heap for each visit. To add it at each
// member at once, later by the path that leads there, costs a look at every pair of
// members: less, as long as there are few.

// A cycle is small if it has at most so many members (tests change it), and if at most so
// many paths lead to each.
var smallCycle = 8

const fewPaths = 32

// settleTogether applies what is pending at the members of a small cycle at all of them,
// each later by the paths from there to here. That a path leads round the cycle once more
// is left out: what comes round comes later than what it comes of. Watchers must not
// change counts meanwhile.
func (k *Tracker[T]) settleTogether(members []Location) {
	for _, l := range members { // each change is looked at once for each path
		if p := &k.ports[l]; len(p.pending) > 2 {
			p.pending = net(p.pending)
		}
	}
	for _, l := range members {
		p := &k.ports[l]
		arrived := k.arrived[:0]
		for _, from := range p.paths {
			for _, u := range k.ports[from.to].pending {
				if t, ok := u.Time.Plus(from.summary); ok {
					arrived = append(arrived, Update[T]{t, u.Delta})
				}
			}
		}
		k.arrived = arrived
		k.passOn(p, k.arrive(p, arrived))
	}
	for _, l := range members {
		p := &k.ports[l]
		p.pending = p.pending[:0]
	}
}

// comesBack reports whether what is counted at a location of a small cycle may come
// round it to the same location at t or before.
func (p *port[T]) comesBack(t T) bool {
	for _, u := range p.points.frontier {
		for _, s := range p.rounds {
			if back, ok := u.Plus(s); ok && back.LessEqual(t) {
				return true
			}
		}
	}
	return false
}

// findPaths finds the paths within small cycles.
func (k *Tracker[T]) findPaths() {
	for i := range k.components {
		c := &k.components[i]
		if n := len(c.members); n == 0 || n > smallCycle {
			continue
		}
		c.small = !slices.ContainsFunc(c.members, func(l Location) bool { return !k.findPathsTo(l, c.members) })
		for _, l := range c.members {
			if p := &k.ports[l]; !c.small {
				p.paths, p.rounds = nil, nil
			}
		}
	}
}

// findPathsTo finds the least summaries of the paths from each member of a cycle to one
// of them, walking backwards from it. It reports false if there are too many. The shortest
// that is known goes on first, so nothing that is found later is shorter.
func (k *Tracker[T]) findPathsTo(l Location, members []Location) (few bool) {
	to := &k.ports[l]
	paths := []way[T]{{to: l}}
	for n := 0; n < len(paths); n++ {
		shortestFirst(paths[n:])
		x := paths[n]
		for _, m := range members {
			for _, w := range k.ports[m].ways {
				if w.to != x.to {
					continue
				}
				s, ok := w.summary.Plus(x.summary)
				switch {
				case !ok:
				case m == l:
					to.rounds = leastWith(to.rounds, s)
				default:
					paths = pathsWith(paths, n+1, way[T]{m, s})
				}
				if len(paths) > fewPaths || len(to.rounds) > fewPaths {
					return false
				}
			}
		}
	}
	to.paths = slices.Clone(paths)
	return true
}

// shortestFirst brings the least path in the order of Compare to the front.
func shortestFirst[T order.Timestamp[T]](paths []way[T]) {
	least := 0
	for i := range paths {
		if paths[i].summary.Compare(paths[least].summary) < 0 {
			least = i
		}
	}
	paths[0], paths[least] = paths[least], paths[0]
}

// pathsWith returns paths with one more, unless one from the same place is at most as
// long, and without those that are longer, of which there are none among the first.
func pathsWith[T order.Timestamp[T]](paths []way[T], first int, more way[T]) []way[T] {
	for _, x := range paths {
		if x.to == more.to && x.summary.LessEqual(more.summary) {
			return paths
		}
	}
	kept := paths[:first]
	for _, x := range paths[first:] {
		if x.to != more.to || !more.summary.LessEqual(x.summary) {
			kept = append(kept, x)
		}
	}
	return append(kept, more)
}

// leastWith returns an antichain with t, unless something in it is at most t.
func leastWith[T order.Timestamp[T]](least []T, t T) []T {
	if covers(least, t) {
		return least
	}
	kept := least[:0]
	for _, u := range least {
		if !t.LessEqual(u) {
			kept = append(kept, u)
		}
	}
	return append(kept, t)
}
