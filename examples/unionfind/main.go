// Unionfind counts the components of a random graph: each worker keeps the edges
// that join something among those it has seen, and the first worker does the same
// with what all have kept. Its arguments are the numbers of nodes and of edges.
package main

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"

	"github.com/timely-go/timely"
)

type (
	Edge        struct{ A, B int }
	Stream      = timely.Stream[timely.Epoch, Edge]
	EdgeInPort  = timely.InPort[timely.Epoch, Edge]
	EdgeOutPort = timely.OutPort[timely.Epoch, Edge]
)

func main() { timely.Main(unionfind) }

func unionfind(w *timely.Worker) error {
	size := [2]int{1000, 800}
	for i, arg := range w.Args()[:min(len(w.Args()), len(size))] {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of nodes or edges", arg)
		}
		size[i] = n
	}
	nodes, edges := size[0], size[1]
	probe := timely.NewProbe[timely.Epoch]()
	components := nodes

	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		share := timely.ToStream(s, randomEdges(nodes, edges, w.Index(), w.Peers()))
		local := forest(share, nodes, timely.Pipeline)
		whole := forest(local, nodes, timely.ExchangeBy(func(Edge) uint64 { return 0 }))
		joins := timely.Inspect(whole, func(Edge) { components-- })
		timely.ProbeWith(joins, probe)
	})

	for !probe.Done() {
		w.Step()
	}
	if w.Index() == 0 {
		fmt.Printf("%d nodes, %d edges: %d components\n", nodes, edges, components)
	}
	return nil
}

// forest passes on the edges that join two trees, and drops those that would
// close a circle.
func forest(edges Stream, nodes int, pact timely.Pact[Edge]) Stream {
	trees := make([]int, nodes) // the parent of each node; roots are their own
	for n := range trees {
		trees[n] = n
	}
	return timely.Unary(edges, pact, "Forest", func(in *EdgeInPort, out *EdgeOutPort) {
		for at, batch := range in.Batches() {
			session := out.Session(at)
			for _, e := range batch {
				if a, b := root(trees, e.A), root(trees, e.B); a != b {
					trees[max(a, b)] = min(a, b)
					session.Send(e)
				}
			}
		}
	})
}

// root finds the root of a node's tree, and shortens the way for the next time.
func root(trees []int, n int) int {
	for trees[n] != n {
		trees[n] = trees[trees[n]]
		n = trees[n]
	}
	return n
}

// randomEdges yields a worker's share of the edges, which are the same in every run.
func randomEdges(nodes, edges, worker, peers int) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		for i := range edges {
			e := Edge{random.IntN(nodes), random.IntN(nodes)}
			if i%peers == worker && !yield(e) {
				return
			}
		}
	}
}
