package model

import (
	"strings"
	"testing"
)

// This file holds tests of the model itself.

// TestPathsThroughScopes looks at a loop whose entrance and exit cost nothing:
//
//	a  ->  (b -> c, and c -> b a round later)  ->  d
func TestPathsThroughScopes(t *testing.T) {
	g := &topology{clock: newClock(3, 3, 2), places: 4, scopes: 2}
	g.depth[1] = 1
	g.scope = [maxPlaces]int{0, 1, 1, 0}
	g.level = g.scope
	for l := range g.places {
		for n := range g.counts[g.level[l]] {
			g.all.put(at(l, n))
		}
	}
	g.connect(0, 1, [maxLevels]int8{})
	g.connect(1, 2, [maxLevels]int8{})
	g.connect(2, 1, [maxLevels]int8{0, 1})
	g.connect(2, 3, [maxLevels]int8{})
	g.close()
	if g.cyclic() {
		t.Error("a loop that counts rounds is said not to advance time")
	}
	tests := []struct{ from, to string }{
		{"a@[1]", "{a@[1] a@[2] b@[1 0] b@[1 1] b@[1 2] b@[2 0] b@[2 1] b@[2 2] c@[1 0] c@[1 1] c@[1 2] c@[2 0] c@[2 1] c@[2 2] d@[1] d@[2]}"},
		{"b@[2 1]", "{b@[2 1] b@[2 2] c@[2 1] c@[2 2] d@[2]}"},
		{"c@[2 1]", "{b@[2 2] c@[2 1] c@[2 2] d@[2]}"},
		{"c@[2 2]", "{c@[2 2] d@[2]}"}, // another round never comes
		{"d@[0]", "{d@[0] d@[1] d@[2]}"},
	}
	for _, test := range tests {
		for s := g.all; !s.empty(); {
			p := s.pop()
			if g.name(p) != test.from {
				continue
			}
			if got := g.names(g.above[p]); got != test.to {
				t.Errorf("%s could result in %s, want %s", test.from, got, test.to)
			}
			var one set
			one.put(p)
			if got := g.names(g.imply(one)); got != test.to {
				t.Errorf("%s implies %s, want %s", test.from, got, test.to)
			}
		}
	}

	g.connect(3, 1, [maxLevels]int8{0, 0}) // out of the loop and in again: back to round zero
	g.close()
	if !g.cyclic() {
		t.Error("a cycle through the outside, which forgets the rounds, is said to advance time")
	}
}

// TestSeedReproduces plays with a used world what was played with a fresh one.
func TestSeedReproduces(t *testing.T) {
	used := &world{}
	for seed := uint64(1); seed <= 200; seed++ {
		m := mutant(seed % uint64(mutants))
		fresh := &world{}
		if a, b := fresh.play(seed, m, allInvariants), used.play(seed, m, allInvariants); a != b || fresh.now != used.now || fresh.PCG != used.PCG {
			t.Fatalf("seed %d, %s: %s at step %d, and then %s at step %d", seed, mutantNames[m], invariantNames[a], fresh.now, invariantNames[b], used.now)
		}
	}
}

func TestTraceTellsWhatHappened(t *testing.T) {
	for seed := uint64(1); ; seed++ {
		if (&world{}).play(seed, unflushedPause, allInvariants) == 0 {
			continue
		}
		trace := traceOf(seed, unflushedPause)
		for _, want := range []string{"place a in scope ", "edge a -> ", "workers, processes", " publishes from {", "in truth there is {"} {
			if !strings.Contains(trace, want) {
				t.Errorf("the trace lacks %q:\n%s", want, trace)
			}
		}
		return
	}
}

func BenchmarkSchedule(b *testing.B) {
	w := &world{}
	for seed := uint64(1); b.Loop(); seed++ {
		if broken := w.play(seed, intact, allInvariants); broken != 0 {
			b.Fatal(invariantNames[broken])
		}
	}
}
