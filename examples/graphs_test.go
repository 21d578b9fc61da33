package examples_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/timely-go/timely/examples/internal/graph"
)

// This file tests the examples that compute on graphs, beside programs that go
// through the graph from one end to the other.

func TestBfs(t *testing.T) {
	want := farthest(standardLibrary(t), "net/http")
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		wantText(t, run(t, "", "bfs", flag), want)
	})
}

func TestBfsOnAFile(t *testing.T) {
	edges := randomGraph(300, 600)
	file := writeGraph(t, edges)
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		wantText(t, run(t, "", "bfs", flag, "n7", file), farthest(edges, "n7"))
		wantText(t, run(t, "", "bfs", "elsewhere", file, flag), "0 elsewhere\n")
	})
}

func TestPagerank(t *testing.T) {
	want := highest(standardLibrary(t))
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		wantText(t, run(t, "", "pagerank", flag), want)
	})
}

func TestPagerankOnAFile(t *testing.T) {
	edges := randomGraph(300, 2000)
	file := writeGraph(t, edges)
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		wantText(t, run(t, "", "pagerank", flag, file), highest(edges))
	})
}

func TestGraphExamplesSayWhatIsNoGraph(t *testing.T) {
	file := filepath.Join(t.TempDir(), "graph")
	if err := os.WriteFile(file, []byte("a b\na b c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		wantFailure(t, `"a b c\n" is not an edge`, "pagerank", flag, file)
		wantFailure(t, "no-such-file", "bfs", flag, "root", "no-such-file")
	})
}

func TestUnionfind(t *testing.T) {
	sizes := []struct{ nodes, edges int }{{1, 1}, {2, 1}, {50, 1}, {100, 60}, {5000, 4000}, {20_000, 100_000}}
	for _, size := range sizes {
		nodes, edges := size.nodes, size.edges
		want := fmt.Sprintf("%d nodes, %d edges: %d components\n", nodes, edges, components(nodes, edges))
		withWorkers(t, func(t *testing.T, _ int, flag string) {
			wantText(t, run(t, "", "unionfind", flag, fmt.Sprint(nodes), fmt.Sprint(edges)), want)
		})
	}
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		wantText(t, run(t, "", "unionfind", flag), fmt.Sprintf("1000 nodes, 800 edges: %d components\n", components(1000, 800)))
		wantFailure(t, `"many" is not a number`, "unionfind", flag, "many")
		wantFailure(t, `"0" is not a number`, "unionfind", flag, "0", "5")
	})
}

func standardLibrary(t *testing.T) []graph.Edge {
	t.Helper()
	edges, err := graph.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(edges) < 1000 {
		t.Fatalf("the standard library has only %d imports", len(edges))
	}
	return edges
}

func writeGraph(t *testing.T, edges []graph.Edge) (file string) {
	t.Helper()
	var text strings.Builder
	for _, e := range edges {
		fmt.Fprintln(&text, e.From, e.To)
	}
	file = filepath.Join(t.TempDir(), "graph")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func randomGraph(nodes, edges int) (all []graph.Edge) {
	random := rand.New(rand.NewPCG(3, 4))
	for range edges {
		all = append(all, graph.Edge{From: fmt.Sprint("n", random.IntN(nodes)), To: fmt.Sprint("n", random.IntN(nodes))})
	}
	return all
}

func neighbours(edges []graph.Edge) map[string][]string {
	to := make(map[string][]string)
	for _, e := range edges {
		to[e.From] = append(to[e.From], e.To)
	}
	return to
}

// farthest is bfs, one node after the other.
func farthest(edges []graph.Edge, root string) string {
	to, steps, queue := neighbours(edges), map[string]int{root: 0}, []string{root}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, node := range to[queue[0]] {
			if _, known := steps[node]; !known {
				steps[node] = steps[queue[0]] + 1
				queue = append(queue, node)
			}
		}
	}
	return topTen(steps, func(n int) string { return fmt.Sprint(n) })
}

// highest is pagerank, one node after the other.
func highest(edges []graph.Edge) string {
	to, ranks := neighbours(edges), make(map[string]int)
	for _, e := range edges {
		ranks[e.From], ranks[e.To] = 1_000_000, 1_000_000
	}
	for range 20 {
		next := make(map[string]int)
		for node, rank := range ranks {
			next[node] += 150_000
			for _, other := range to[node] {
				next[other] += rank * 85 / 100 / len(to[node])
			}
		}
		ranks = next
	}
	return topTen(ranks, func(n int) string { return fmt.Sprintf("%.3f", float64(n)/1_000_000) })
}

func topTen(of map[string]int, show func(int) string) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(of[b]-of[a], strings.Compare(a, b))
	})
	var out strings.Builder
	for _, name := range names[:min(10, len(names))] {
		fmt.Fprintln(&out, show(of[name]), name)
	}
	return out.String()
}

// components counts what the edges of the unionfind example leave unconnected, by
// giving one name to all nodes of a component.
func components(nodes, edges int) (n int) {
	random := rand.New(rand.NewPCG(1, 2))
	to := make([][]int, nodes)
	for range edges {
		a, b := random.IntN(nodes), random.IntN(nodes)
		to[a], to[b] = append(to[a], b), append(to[b], a)
	}
	seen := make([]bool, nodes)
	for start := range nodes {
		if seen[start] {
			continue
		}
		n++
		seen[start] = true
		for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
			for _, node := range to[queue[0]] {
				if !seen[node] {
					seen[node] = true
					queue = append(queue, node)
				}
			}
		}
	}
	return n
}
