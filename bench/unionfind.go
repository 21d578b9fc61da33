package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/timely-go/timely"
)

// unionfind finds the components of a random graph on two levels: each worker
// passes on the edges that join two trees of those that it has seen, and worker 0
// does the same with what all have passed on. Every worker waits after each batch.
func unionfind(b *bench) error {
	nodes, edges, size := b.int(0, "nodes"), b.int(1, "edges"), b.int(2, "edges in a batch")
	input := timely.NewInput[timely.Epoch, edge]()
	probe := timely.NewProbe[timely.Epoch]()
	joins := 0
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		local := unite(input.Stream(s), nodes)
		gathered := timely.Exchange(local, func(edge) uint64 { return 0 })
		whole := unite(gathered, nodes)
		counted := timely.InspectBatch(whole, func(_ timely.Epoch, es []edge) { joins += len(es) })
		timely.ProbeWith(counted, probe)
	})
	mine := b.share(edges)

	b.begin()
	random := randomEdges(nodes, b.Index())
	for sent := 0; sent < mine; sent += size {
		for range min(size, mine-sent) {
			input.Send(random())
		}
		input.AdvanceTo(input.Time() + 1)
		for probe.LessThan(input.Time()) {
			b.Step()
		}
	}
	input.Close()
	b.await(probe)
	b.end(edges, mine)

	if b.Index() != 0 {
		return nil
	}
	if want := allJoins(nodes, edges, b.Peers()); joins != want {
		return fmt.Errorf("%d edges join two components, there should be %d", joins, want)
	}
	return nil
}

// edge is between two nodes.
type edge struct{ a, b uint32 }

// unite passes on the roots of two trees when an edge joins them.
func unite(edges timely.Stream[timely.Epoch, edge], nodes int) timely.Stream[timely.Epoch, edge] {
	f := newForest(nodes)
	return timely.Unary(edges, timely.Pipeline, "Unite",
		func(in *timely.InPort[timely.Epoch, edge], out *timely.OutPort[timely.Epoch, edge]) {
			for at, batch := range in.Batches() {
				session := out.Session(at)
				for _, e := range batch {
					if a, b := f.root(e.a), f.root(e.b); a != b {
						session.Send(edge{a, b})
						f.join(a, b)
					}
				}
			}
		})
}

// forest holds trees of nodes, as the parent of each; a root is its own. Those of
// one component are in one tree.
type forest []uint32

// newForest returns a forest in which each node is a tree of its own.
func newForest(nodes int) forest {
	f := make(forest, nodes)
	for n := range f {
		f[n] = uint32(n)
	}
	return f
}

// root finds the root of a node's tree, and shortens the way for the next time.
func (f forest) root(n uint32) uint32 {
	for n != f[n] {
		f[n] = f[f[n]]
		n = f[n]
	}
	return n
}

// join makes one tree of those of two roots.
func (f forest) join(a, b uint32) { f[max(a, b)] = min(a, b) }

// randomEdges returns the edges that a worker sends.
func randomEdges(nodes, worker int) func() edge {
	random := rand.New(rand.NewPCG(2, uint64(worker)))
	n := uint32(nodes)
	return func() edge { return edge{random.Uint32N(n), random.Uint32N(n)} }
}

// allJoins returns how many of all edges join two components, without a dataflow.
func allJoins(nodes, edges, peers int) (joins int) {
	f := newForest(nodes)
	for worker := range peers {
		random := randomEdges(nodes, worker)
		for range (edges - worker + peers - 1) / peers {
			e := random()
			if a, b := f.root(e.a), f.root(e.b); a != b {
				f.join(a, b)
				joins++
			}
		}
	}
	return joins
}
