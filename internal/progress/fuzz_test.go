package progress

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/timely-go/timely/order"
)

// This file tests the same as the random tests, against the same oracles, with
// operations that are read from bytes: a fuzzer looks for bytes that get further.

// program is operations as bytes. One that is at its end reads zeros.
type program struct{ rest []byte }

func (p *program) more() bool { return len(p.rest) > 0 }

func (p *program) next() byte {
	if len(p.rest) == 0 {
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// under reads a number below n, which is 256 at most.
func (p *program) under(n int) int { return int(p.next()) % n }

func (p *program) delta() int64 { return int64(p.under(7)) - 3 }

func epochOf(p *program) order.Epoch { return order.Epoch(p.next()) }

func pairOf(p *program) pair {
	b := p.next()
	return pair{Outer: order.Epoch(b >> 4), Inner: order.Epoch(b & 15)}
}

// longest is how much of the bytes is run.
const longest = 4 << 10

// fuzz runs bytes with totally ordered times and with partially ordered ones.
func fuzz(f *testing.F, epochs func(*program) error, pairs func(*program) error) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x01\x04\x01\x01\x04\x02\x01\x02\x03"))
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, 100<<seed)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), longest)]
		for name, run := range map[string]func(*program) error{"Epoch": epochs, "Product": pairs} {
			if err := run(&program{data}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func FuzzChanges(f *testing.F) { fuzz(f, fuzzChanges(epochOf), fuzzChanges(pairOf)) }

func fuzzChanges[T order.Timestamp[T]](time func(*program) T) func(*program) error {
	return func(p *program) error {
		var changes, other Changes[T]
		oracle, others := make(map[Pointstamp[T]]int64), make(map[Pointstamp[T]]int64)
		for p.more() {
			switch p.under(16) {
			case 0:
				if err := agree(&changes, oracle); err != nil {
					return err
				}
			case 1:
				if changes.Empty() != (len(oracle) == 0) {
					return fmt.Errorf("Empty is %v with %v", changes.Empty(), oracle)
				}
			case 2:
				changes.Merge(&other)
				for at, d := range others {
					add(oracle, at, d)
				}
				if p.under(2) == 0 {
					other.Reset()
					clear(others)
				}
			case 3:
				changes.Reset()
				clear(oracle)
			case 4, 5, 6:
				at, t, d := Location(p.under(3)), time(p), p.delta()
				other.Update(at, t, d)
				add(others, Pointstamp[T]{at, t}, d)
			default:
				at, t, d := Location(p.under(3)), time(p), p.delta()
				changes.Update(at, t, d)
				add(oracle, Pointstamp[T]{at, t}, d)
			}
		}
		if err := agree(&other, others); err != nil {
			return err
		}
		return agree(&changes, oracle)
	}
}

func FuzzIndex(f *testing.F) { fuzz(f, fuzzIndex(epochOf), fuzzIndex(pairOf)) }

// fuzzIndex adds times in runs, so that bytes suffice to make a tree of some height.
func fuzzIndex[T order.Timestamp[T]](time func(*program) T) func(*program) error {
	return func(p *program) error {
		p.rest = p.rest[:min(len(p.rest), longest/16)]
		var index Index[T, int]
		oracle := make(map[T]int)
		n := 0
		for p.more() {
			op, t, step := p.under(8), time(p), time(p)
			for range 1 + op/4*p.under(200) {
				if op%4 == 3 {
					index.Delete(t)
					delete(oracle, t)
				} else {
					n++
					*index.At(t) = n
					oracle[t] = n
				}
				next, ok := t.Plus(step)
				if !ok {
					break
				}
				t = next
			}
			if len(oracle) > 4000 { // a tree of three levels
				break
			}
			if op == 0 {
				if err := searchIndex(p, time, &index, oracle); err != nil {
					return err
				}
			}
		}
		if err := compareIndex(rand.New(rand.NewPCG(0, 0)), &index, oracle, time(p)); err != nil {
			return err
		}
		for t := range oracle {
			index.Delete(t)
		}
		return checkTree(&index)
	}
}

func searchIndex[T order.Timestamp[T]](p *program, time func(*program) T, index *Index[T, int], oracle map[T]int) error {
	if err := checkTree(index); err != nil {
		return err
	}
	from, frontier := time(p), []T{}
	for range p.under(3) {
		frontier = append(frontier, time(p))
	}
	var want *T
	for t := range oracle {
		if t.Compare(from) >= 0 && !covers(frontier, t) && (want == nil || t.Compare(*want) < 0) {
			want = &t
		}
	}
	got, value, found := index.Uncovered(&from, frontier)
	if found != (want != nil) || found && (got != *want || *value != oracle[got]) {
		return fmt.Errorf("Uncovered(%v, %v) is %v, %v; wrong", from, frontier, got, found)
	}
	return nil
}

func FuzzCounts(f *testing.F) { fuzz(f, fuzzCounts(epochOf), fuzzCounts(pairOf)) }

// fuzzCounts follows the frontier by its changes alone, after each change or after several.
func fuzzCounts[T order.Timestamp[T]](time func(*program) T) func(*program) error {
	return func(p *program) error {
		p.rest = p.rest[:min(len(p.rest), longest/4)] // each step compares everything
		var counts Counts[T]
		oracle, frontier := make(map[T]int64), make(map[T]int64)
		for p.more() {
			var moved []Update[T]
			for range 1 + p.under(8)/4*p.under(8) {
				t, d := time(p), p.delta()
				if d == -3 { // take it away altogether
					d = -oracle[t]
				}
				moved = counts.Change(t, d, moved)
				add(oracle, t, d)
			}
			for _, u := range counts.Mend(moved) {
				add(frontier, u.Time, u.Delta)
			}
			if err := compareCounts(&counts, oracle, frontier); err != nil {
				return err
			}
		}
		return nil
	}
}

// choices are random choices that begin with bytes, one for each.
type choices struct {
	program
	then rand.PCG
}

// Uint64 implements rand.Source: a byte decides on the high bits, by which a
// choice of less than 256 is made.
func (c *choices) Uint64() uint64 {
	x := c.then.Uint64()
	if c.more() {
		x = x>>8 | uint64(c.next())<<56
	}
	return x
}

// FuzzTracker builds a dataflow of scopes in scopes, and changes counts in it at
// random, where bytes are the first choices.
func FuzzTracker(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("a tracker of nested scopes, and some choices to begin with"))
	for _, b := range []byte{0x01, 0x3f, 0x80, 0xc1, 0xff} {
		f.Add(slices.Repeat([]byte{b, 0x20}, 40))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := newModel(rand.New(&choices{program: program{data[:min(len(data), longest)]}}))
		for range 1 + m.r.IntN(6) {
			if err := m.step(m.sortedChanges()); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.drain(); err != nil {
			t.Fatal(err)
		}
	})
}

// sortedChanges is changes, but the same ones for the same choices.
func (m *model) sortedChanges() (list []change) {
	for range m.r.IntN(6) {
		if p := m.places[m.r.IntN(len(m.places))]; p.counted {
			list = append(list, change{p, m.time(p.scope), int64(m.r.IntN(5) - 1)})
		}
	}
	for _, p := range m.places {
		for _, t := range slices.SortedFunc(maps.Keys(p.counts), compareInstants) {
			switch m.r.IntN(6) {
			case 0:
				list = append(list, change{p, t, -p.counts[t]})
			case 1:
				list = append(list, change{p, t, -1})
			}
		}
	}
	for range m.r.IntN(4) { // what cancels
		if len(list) > 0 {
			x := list[m.r.IntN(len(list))]
			list = append(list, change{x.place, x.time, -x.delta})
		}
	}
	return list
}
