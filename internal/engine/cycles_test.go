package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestComponentsAgreeWithReachability compares them with a closure of the graph.
func TestComponentsAgreeWithReachability(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 9))
		nodes := make([]*Node, 1+r.IntN(12))
		for i := range nodes {
			nodes[i] = &Node{}
		}
		reach := make([][]bool, len(nodes))
		for i := range reach {
			reach[i] = make([]bool, len(nodes))
			reach[i][i] = true
		}
		var ways []way
		for range r.IntN(3 * len(nodes)) {
			from, to := r.IntN(len(nodes)), r.IntN(len(nodes))
			ways = append(ways, way{nodes[from], &Edge{Node: nodes[to]}, NotFed})
			reach[from][to] = true
		}
		for k := range nodes {
			for i := range nodes {
				for j := range nodes {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		c := newComponents(nodes, ways)
		for i, a := range nodes {
			if !slices.Contains(c.members[c.of(a)], a) {
				t.Fatalf("seed %d: node %d is not a member of its component", seed, i)
			}
			for j, b := range nodes {
				if together := c.of(a) == c.of(b); together != (reach[i][j] && reach[j][i]) {
					t.Fatalf("seed %d: nodes %d and %d are in one component: %v", seed, i, j, together)
				}
			}
		}
	}
}

// TestLoopsInLoopsAreFound: a loop of three nodes, in which two make one of their own.
func TestLoopsInLoopsAreFound(t *testing.T) {
	execute(t, 1, nil, func(w *Worker) {
		build(w, func(f *Dataflow, _ tracker) {
			nodes := make(map[string]*Node)
			node := func(name string, from map[string]int) {
				n := addNode(f, name, body{})
				nodes[name] = n
				f.AddEdge(n, "input").From(func(each func(*Node, int)) {
					for _, producer := range []string{"before", "head", "inner", "tail"} {
						if depth, ok := from[producer]; ok {
							each(nodes[producer], depth)
						}
					}
				})
			}
			node("before", nil)
			node("head", map[string]int{"before": NotFed, "tail": 1})
			node("inner", map[string]int{"head": NotFed, "inner": 2})
			node("tail", map[string]int{"inner": NotFed})
			node("after", map[string]int{"tail": NotFed})
			f.OnSeal(func() {
				f.findLoops()
				if len(f.loops) != 2 {
					t.Fatalf("%d loops", len(f.loops))
				}
				whole, part := f.loops[0], f.loops[1]
				if part.outer != whole || whole.outer != nil || !slices.Equal(whole.inner, []*Loop{part}) {
					t.Error("the loops do not contain each other")
				}
				for name, want := range map[string]*Loop{"before": nil, "head": whole, "inner": part, "tail": whole, "after": nil} {
					if nodes[name].loop != want {
						t.Errorf("%s is in another loop", name)
					}
				}
				for name, fed := range map[string]bool{"before": false, "head": true, "inner": true, "tail": false, "after": false} {
					for _, e := range f.edges {
						if e.Node == nodes[name] && (e.fed != nil) != fed {
							t.Errorf("what comes round arrives at %s: %v", name, e.fed != nil)
						}
					}
				}
				if whole.whole != 2*part.whole {
					t.Errorf("budgets of %d and %d bytes", whole.whole, part.whole)
				}
			})
		})
	})
}

// TestLapsOpenALoopThatDoesNotChange, and only such a one.
func TestLapsOpenALoopThatDoesNotChange(t *testing.T) {
	s := &laps{budget: 10, told: make([]counts, 1), waiting: make([]bool, 1)}
	lap := func(held, live, entered int) {
		s.sum.held, s.sum.live, s.sum.entered = held, live, s.sum.entered+entered
		s.sum.taken = s.until
		s.look()
	}
	s.sum = counts{held: 11, live: 5, entered: 5}
	s.look()
	for want := 1; want <= 64; want *= 2 {
		if !s.full.Load() || s.step != want {
			t.Fatalf("full %v, step %d, want %d", s.full.Load(), s.step, want)
		}
		lap(20, s.sum.live+want, want)
	}
	lap(20, s.sum.live-1, 0)
	if s.step != 1 {
		t.Errorf("one record has left, and the step is %d", s.step)
	}
	for range 200 {
		lap(20, s.sum.live, 0)
	}
	if s.step != mostSteps {
		t.Errorf("after 200 laps the step is %d", s.step)
	}
	lap(20, s.sum.live+1, 0)
	if s.step != 1 {
		t.Errorf("a record has appeared, and the step is %d", s.step)
	}
	lap(5, 2, 0)
	if s.full.Load() {
		t.Error("it holds half of its budget, and is still full")
	}
}
