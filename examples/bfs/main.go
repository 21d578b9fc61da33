// Bfs finds how many steps away from a root each node of a graph is, and prints
// the ten farthest: packages of the standard library that net/http needs, by how
// many imports deep they are. Its arguments are another root and a graph's file.
package main

import (
	"cmp"
	"fmt"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/examples/internal/graph"
)

type (
	Epoch = timely.Epoch
	Loop  = timely.Loop[timely.Epoch]
	Hops  = timely.Stream[Loop, Hop]
)

// A Hop arrives at a node, so many steps from the root.
type Hop struct {
	Node  string
	Steps int
}

func nodeOf(h Hop) string { return h.Node }
func owner(h Hop) uint64  { return timely.HashString(h.Node) }

func main() { timely.Main(bfs) }

func bfs(w *timely.Worker) error {
	roots := timely.NewInput[Epoch, Hop]()
	edges := timely.NewInput[Epoch, graph.Edge]()

	timely.Dataflow(w, func(s timely.Scope[Epoch]) {
		known := edges.Stream(s)
		reached := timely.Iterate(roots.Stream(s), func(hops Hops) (again, done Hops) {
			first := firstHops(hops)
			onward := graph.Follow(first, nodeOf, timely.Enter(known, hops.Scope()), hopOn)
			return onward, first
		})
		farthest := graph.Top(reached, 10, func(a, b Hop) int {
			return cmp.Or(b.Steps-a.Steps, cmp.Compare(a.Node, b.Node))
		})
		timely.Inspect(farthest, func(h Hop) { fmt.Println(h.Steps, h.Node) })
	})

	if w.Index() == 0 {
		root, files := "net/http", w.Args()
		if len(files) > 0 {
			root, files = files[0], files[1:]
		}
		all, err := graph.Read(w.Context(), files...)
		if err != nil {
			return err
		}
		roots.Send(Hop{Node: root})
		edges.SendBatch(all)
	}
	return nil
}

// hopOn sends the hops that follow one.
func hopOn(h Hop, to []string, send func(Hop)) {
	for _, node := range to {
		send(Hop{node, h.Steps + 1})
	}
}

// firstHops passes on the first hop to each node. Hops of n steps come in round n
// of the loop, so those of one round are looked at when it is complete: when no
// shorter way can still arrive.
func firstHops(hops Hops) Hops {
	visited := make(map[string]bool)
	pending := make(map[Loop][]Hop)
	complete := timely.NewNotificator[Loop]()
	return timely.Unary(hops, timely.ExchangeBy(owner), "FirstHops",
		func(in *timely.InPort[Loop, Hop], out *timely.OutPort[Loop, Hop]) {
			for at, batch := range in.Batches() {
				pending[at.Time()] = append(pending[at.Time()], batch...)
				complete.NotifyAt(at)
			}
			for at := range complete.Ready(in.Frontier()) {
				session := out.Session(at)
				for _, h := range pending[at.Time()] {
					if !visited[h.Node] {
						visited[h.Node] = true
						session.Send(h)
					}
				}
				delete(pending, at.Time())
			}
		})
}
