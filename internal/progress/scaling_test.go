package progress

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/timely-go/timely/order"
)

// shapes build dataflows of about as many ports.
var shapes = map[string]func(ports int) []sealer{
	"operator with a diagonal": func(ports int) []sealer {
		k := NewTracker[epoch](func() {})
		source := k.AddPort()
		inputs := make([]Location, ports/2)
		for i := range inputs {
			inputs[i] = k.AddPort()
			k.Connect(source, inputs[i], 0)
		}
		for _, in := range inputs {
			k.Connect(in, k.AddPort(), 0)
		}
		return []sealer{k}
	},
	"small cycles": func(ports int) []sealer {
		k := NewTracker[epoch](func() {})
		for range ports / smallCycle {
			first := k.AddPort()
			last := first
			for range smallCycle - 1 {
				next := k.AddPort()
				k.Connect(last, next, 1)
				k.Connect(first, next, 3)
				last = next
			}
			k.Connect(last, first, 1)
		}
		return []sealer{k}
	},
	"scope with edges through": func(ports int) []sealer {
		k := NewTracker[epoch](func() {})
		l := Nest(k, order.LoopRefinement[epoch](), func() {})
		source := k.AddPort()
		for range ports / 4 {
			begin, goOn := l.Input()
			end, _ := l.Output()
			k.Connect(source, begin, 0)
			l.Connect(goOn, end, loop1{})
		}
		return []sealer{l, k}
	},
	"chain": func(ports int) []sealer {
		k := NewTracker[epoch](func() {})
		for i := range ports {
			if at := k.AddPort(); i > 0 {
				k.Connect(at-1, at, 0)
			}
		}
		return []sealer{k}
	},
	"chain backwards": func(ports int) []sealer {
		k := NewTracker[epoch](func() {})
		for i := range ports {
			if at := k.AddPort(); i > 0 {
				k.Connect(at, at-1, 0)
			}
		}
		return []sealer{k}
	},
	"cycle": func(ports int) []sealer {
		k := NewTracker[epoch](func() {})
		for i := range ports {
			if at := k.AddPort(); i > 0 {
				k.Connect(at-1, at, 0)
			}
		}
		k.Connect(Location(ports-1), 0, 1)
		return []sealer{k}
	},
	"scope that holds a chain": func(ports int) []sealer {
		k := NewTracker[epoch](func() {})
		l := Nest(k, order.LoopRefinement[epoch](), func() {})
		_, at := l.Input()
		for range ports - 4 {
			next := l.AddPort()
			l.Connect(at, next, loop1{})
			at = next
		}
		end, _ := l.Output()
		l.Connect(at, end, loop1{})
		return []sealer{l, k}
	},
}

type sealer interface{ Seal() error }

// Sealing takes a time in proportion to the ports. A large dataflow is compared with
// eight that have as many ports together: they need the same memory, or the small
// ones would fit the caches better. Were sealing quadratic, the large one would take
// eight times as long.
func TestSealIsLinear(t *testing.T) {
	const ports, parts = 100_000, 8
	for name, build := range shapes {
		t.Run(name, func(t *testing.T) {
			const never = time.Hour
			many, one := never, never
			for range 15 { // noise only ever adds: the least of several is right
				var small [parts][]sealer
				for i := range small {
					small[i] = build(ports / parts)
				}
				many = min(many, sealing(t, small[:]...))
				one = min(one, sealing(t, build(ports)))
				if one <= many*5/2 {
					t.Logf("%d ports in %v, in %d dataflows %v", ports, one, parts, many)
					return
				}
			}
			t.Errorf("%d ports are sealed in %v, in %d dataflows in %v", ports, one, parts, many)
		})
	}
}

func sealing(t *testing.T, dataflows ...[]sealer) time.Duration {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	start := time.Now()
	for _, levels := range dataflows {
		for _, l := range levels {
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return time.Since(start)
}

// What one change costs does not depend on how many ports it cannot reach.
func TestChangeCostsWhatItReaches(t *testing.T) {
	cost := func(inputs int) int {
		k := NewTracker[tallied](func() {})
		first, last := k.AddPort(), k.AddPort()
		k.Connect(first, last, 0)
		for range inputs {
			in, out := k.AddPort(), k.AddPort()
			k.Connect(in, out, 0)
			k.Assume(in, 0, 1)
		}
		if err := k.Seal(); err != nil {
			t.Fatal(err)
		}
		levels := []Level{Root[tallied]{k}}
		Settle(levels)
		tally = 0
		k.Update(first, 1, 1)
		Settle(levels)
		k.Update(first, 1, -1)
		Settle(levels)
		return tally
	}
	if few, many := cost(10), cost(10_000); many > few {
		t.Errorf("a change costs %d operations with 10,000 inputs, %d with 10", many, few)
	}
}

// A target with many sources does not look at all of them for the change of one.
func TestWideTargetCostsLittleASource(t *testing.T) {
	cost := func(sources tallied) float64 {
		k := NewTracker[tallied](func() {})
		target := k.AddPort()
		for s := range sources {
			source := k.AddPort()
			k.Connect(source, target, 0)
			k.Assume(source, s, 1)
		}
		if err := k.Seal(); err != nil {
			t.Fatal(err)
		}
		levels := []Level{Root[tallied]{k}}
		Settle(levels)
		tally = 0
		for s := range sources { // always the slowest moves on, past all others
			k.Update(Location(s+1), s+sources, 1)
			k.Update(Location(s+1), s, -1)
			Settle(levels)
			if f := k.Frontier(target); len(f) != 1 || f[0] != s+1 {
				t.Fatalf("frontier %v, want %v", f, s+1)
			}
		}
		return float64(tally) / float64(sources)
	}
	few, many := cost(500), cost(50_000)
	t.Logf("%.0f and %.0f operations", few, many)
	if many > 3*few {
		t.Errorf("a step costs %.0f operations with 50,000 sources, %.0f with 500", many, few)
	}
}

// Edges without delay may lead against the order in which ports were added. Each
// time still passes each location of a cycle once.
func TestCycleCostsTheSameInEitherOrder(t *testing.T) {
	const ports = 100
	cost := func(location func(i int) Location) int {
		k := NewTracker[tallied](func() {})
		for range ports {
			k.AddPort()
		}
		for i := range ports {
			for next := i + 1; next <= i+3 && next < ports; next++ {
				k.Connect(location(i), location(next), 0)
			}
		}
		k.Connect(location(ports-1), location(0), 100)
		if err := k.Seal(); err != nil {
			t.Fatal(err)
		}
		levels := []Level{Root[tallied]{k}}
		tally = 0
		for now := range tallied(10) {
			for i := range 3 {
				k.Update(location(i), now+tallied(i), 1)
			}
			Settle(levels)
			for i := range 3 {
				k.Update(location(i), now+tallied(i), -1)
			}
		}
		return tally
	}
	along := cost(func(i int) Location { return Location(i) })
	against := cost(func(i int) Location { return Location(ports - 1 - i) })
	if along != against {
		t.Errorf("%d operations along the order of ports, %d against it", along, against)
	}
}

// TestChangesOfASmallCycleAreAddedUpBeforeTheyGoAnywhere takes in many messages, each of
// which moves all that is counted on, and settles once.
func TestChangesOfASmallCycleAreAddedUpBeforeTheyGoAnywhere(t *testing.T) {
	const messages = 500
	cost := func(small int) int {
		defer setSmallCycle(small)()
		k := NewTracker[tallied](func() {})
		for range 8 {
			k.AddPort()
		}
		for i := range 8 {
			k.Connect(Location(i), Location((i+1)%8), tallied((i+1)/8))
		}
		k.Assume(0, 0, 1)
		if err := k.Seal(); err != nil {
			t.Fatal(err)
		}
		levels := []Level{Root[tallied]{k}}
		Settle(levels)
		tally = 0
		for i := range tallied(messages) {
			c := &Changes[tallied]{}
			c.Update(0, i, -1)
			c.Update(0, i+1, 1)
			k.Accept(c)
		}
		Settle(levels)
		return tally
	}
	if small, large := cost(8), cost(0); small > large {
		t.Errorf("times of a small cycle are looked at %d times, of a larger one %d times", small, large)
	}
}
