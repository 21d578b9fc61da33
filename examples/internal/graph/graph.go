// Package graph is what the graph examples share: real graphs to read, and two
// operators, Follow and Top.
package graph

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/timely-go/timely"
)

// An Edge leads from one node to another.
type Edge struct{ From, To string }

// Ends yields both nodes.
func (e Edge) Ends() iter.Seq[string] { return slices.Values([]string{e.From, e.To}) }

// Read returns the graph in a file, which has an edge, "FROM TO", in each line.
// If no file is named it is the import graph of the Go standard library.
func Read(ctx context.Context, files ...string) (edges []Edge, err error) {
	text, err := readText(ctx, files)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		ends := strings.Fields(line)
		if len(ends) != 2 {
			return nil, fmt.Errorf("graph: %q is not an edge, FROM TO", line)
		}
		edges = append(edges, Edge{ends[0], ends[1]})
	}
	return edges, nil
}

func readText(ctx context.Context, files []string) ([]byte, error) {
	if len(files) > 0 {
		return os.ReadFile(files[0])
	}
	each := `{{$from := .ImportPath}}{{range .Imports}}{{$from}} {{.}}{{"\n"}}{{end}}`
	list := exec.CommandContext(ctx, "go", "list", "-f", each, "std")
	list.Env = append(os.Environ(), "CGO_ENABLED=0") // "C" is no package
	list.Stderr = os.Stderr
	text, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("graph: go list std: %w", err)
	}
	return text, nil
}

// Follow answers each record with what along sends for it, given the nodes that
// the record's node has edges to. It waits with a record until all edges of its
// time are there. It is for graphs that do not change: whose edges are sent at
// one time, and used at that and later ones.
func Follow[T timely.Timestamp[T], D, E any](
	records timely.Stream[T, D], node func(D) string, edges timely.Stream[T, Edge],
	along func(x D, to []string, send func(E)),
) timely.Stream[T, E] {
	to := make(map[string][]string)
	waiting := make(map[T][]D)
	known := timely.NewNotificator[T]() // times whose edges are known

	return timely.Binary(
		records, timely.ExchangeBy(func(x D) uint64 { return timely.HashString(node(x)) }),
		edges, timely.ExchangeBy(func(e Edge) uint64 { return timely.HashString(e.From) }), "Follow",
		func(records *timely.InPort[T, D], edges *timely.InPort[T, Edge], out *timely.OutPort[T, E]) {
			for _, batch := range edges.Batches() {
				for _, e := range batch {
					to[e.From] = append(to[e.From], e.To)
				}
			}
			for at, batch := range records.Batches() {
				waiting[at.Time()] = append(waiting[at.Time()], batch...)
				known.NotifyAt(at)
			}
			for at := range known.Ready(edges.Frontier()) {
				session := out.Session(at)
				for _, x := range waiting[at.Time()] {
					along(x, to[node(x)], session.Send)
				}
				delete(waiting, at.Time())
			}
		})
}

// Top sends the first n records of each time, in the order that compare says.
func Top[T timely.Timestamp[T], D any](s timely.Stream[T, D], n int, compare func(a, b D) int) timely.Stream[T, D] {
	gathered := timely.Exchange(s, func(D) uint64 { return 0 })
	whole := timely.Accumulate(gathered, nil, func(all []D, x D) []D { return append(all, x) })
	return timely.FlatMap(whole, func(all []D) iter.Seq[D] {
		sorted := slices.SortedFunc(slices.Values(all), compare)
		return slices.Values(sorted[:min(n, len(sorted))])
	})
}
