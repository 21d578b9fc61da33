// Pagerank ranks the nodes of a graph by how much leads to them, and prints the
// ten highest: packages of the standard library, by what imports them. Its argument
// is another graph's file.
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
	Ranks = timely.Stream[Loop, Rank]
)

// A Rank is a node's rank, or a part of it, in whole millionths: adding those
// gives the same sum in any order.
type Rank struct {
	Node       string
	Millionths int
}

const (
	rounds = 20
	base   = 150_000 // what a node has of its own; the other 85 % it passes on
)

func nodeOf(r Rank) string { return r.Node }

func main() { timely.Main(pagerank) }

func pagerank(w *timely.Worker) error {
	edges := timely.NewInput[Epoch, graph.Edge]()

	timely.Dataflow(w, func(s timely.Scope[Epoch]) {
		known := edges.Stream(s)
		ends := timely.FlatMap(known, graph.Edge.Ends)
		nodes := timely.Distinct(ends, timely.HashString)
		equal := timely.Map(nodes, func(node string) Rank { return Rank{node, 1_000_000} })

		final := timely.Iterate(equal, func(parts Ranks) (again, done Ranks) {
			ranks := timely.Aggregate(parts, nodeOf, timely.HashString,
				func(sum *int, part Rank) { *sum += part.Millionths },
				func(node string, sum int) Rank { return Rank{node, sum} })
			early, last := inRounds(ranks, 0, rounds-1), inRounds(ranks, rounds, rounds)
			passed := graph.Follow(early, nodeOf, timely.Enter(known, parts.Scope()), passOn)
			return passed, last
		})
		highest := graph.Top(final, 10, func(a, b Rank) int {
			return cmp.Or(b.Millionths-a.Millionths, cmp.Compare(a.Node, b.Node))
		})
		timely.Inspect(highest, func(r Rank) {
			fmt.Printf("%.3f %s\n", float64(r.Millionths)/1_000_000, r.Node)
		})
	})

	if w.Index() == 0 {
		all, err := graph.Read(w.Context(), w.Args()...)
		if err != nil {
			return err
		}
		edges.SendBatch(all)
	}
	return nil
}

// passOn sends what a node gives to others, and what it has of its own.
func passOn(r Rank, to []string, send func(Rank)) {
	send(Rank{r.Node, base})
	for _, node := range to {
		send(Rank{node, r.Millionths * 85 / 100 / len(to)})
	}
}

// inRounds passes on what comes in some rounds of the loop.
func inRounds(ranks Ranks, first, last Epoch) Ranks {
	return timely.Unary(ranks, timely.Pipeline, "InRounds",
		func(in *timely.InPort[Loop, Rank], out *timely.OutPort[Loop, Rank]) {
			for at, batch := range in.Batches() {
				if round := at.Time().Inner; first <= round && round <= last {
					out.Session(at).SendBatch(batch)
				}
			}
		})
}
