package progress

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// This file holds a naive computation of frontiers, and random dataflows in which
// the trackers must agree with it. The dataflow is flattened: all locations of all
// scopes are in one graph, and edges lead into scopes and out of them.

func (t instant) lessEqual(u instant) bool {
	for i := range t {
		if t[i] > u[i] {
			return false
		}
	}
	return true
}

// edge is an edge of the flat graph. A time that passes along it grows by
// summary, of which it loses the coordinates from depth on.
type edge struct {
	from, to int
	summary  instant
	depth    int
}

func (e *edge) pass(t instant) (instant, bool) {
	for i := range t {
		sum := t[i] + e.summary[i]
		if sum < t[i] {
			return t, false
		}
		if t[i] = sum; i >= e.depth {
			t[i] = 0
		}
	}
	return t, true
}

// place is a location of the flat graph.
type place struct {
	scope   int
	at      Location
	counted bool // boundaries are not
	counts  map[instant]int64

	told   int // watchers' calls
	before []instant
}

func (p *place) FrontierMoved() { p.told++ }

// frontiers pushes all pointstamps with positive counts along all paths, and
// returns the least that arrive at each place.
func frontiers(places []*place, edges []edge) [][]instant {
	reached := make([][]instant, len(places))
	var push func(at int, t instant)
	push = func(at int, t instant) {
		if slices.ContainsFunc(reached[at], func(u instant) bool { return u.lessEqual(t) }) {
			return
		}
		reached[at] = append(slices.DeleteFunc(reached[at], t.lessEqual), t)
		for i := range edges {
			if u, ok := edges[i].pass(t); ok && edges[i].from == at {
				push(edges[i].to, u)
			}
		}
	}
	for at, p := range places {
		for t, n := range p.counts {
			if n > 0 {
				push(at, t)
			}
		}
	}
	return reached
}

// mayArrive reports whether an edge brings t or less to a place from where it may appear.
func mayArrive(frontiers [][]instant, edges []edge, at int, t instant) bool {
	return slices.ContainsFunc(edges, func(e edge) bool {
		return e.to == at && slices.ContainsFunc(frontiers[e.from], func(u instant) bool {
			v, ok := e.pass(u)
			return ok && v.lessEqual(t)
		})
	})
}

// model is a dataflow, and the same as a flat graph.
type model struct {
	*dataflow
	r      *rand.Rand
	places []*place
	edges  []edge
	large  bool // some times and summaries are so large that sums overflow
}

// newModel makes a random dataflow. Edges that lead backwards have a delay.
func newModel(r *rand.Rand) *model {
	m := &model{r: r, large: r.IntN(8) == 0}
	root := epochRoot
	if r.IntN(2) == 0 {
		root = pairRoot
	}
	m.dataflow = newDataflow(root)
	m.fill(0, r.IntN(3))
	if err := m.seal(); err != nil {
		panic(err)
	}
	for _, p := range m.places {
		m.scopes[p.scope].Watch(p.at, p)
	}
	return m
}

// end is where edges may begin or end.
type end struct {
	place        int
	source, sink bool
	last         bool // no path in the scope goes on from here
}

// fill adds ports and edges to a scope, and scopes inside. An edge is backward if it
// leads to an earlier place: where a scope begins comes before where it ends.
func (m *model) fill(number, scopes int, inputsAndOutputs ...end) {
	s := m.scopes[number]
	ends := inputsAndOutputs
	for range 2 + m.r.IntN(5) {
		ends = append(ends, end{m.place(number, s.AddPort(), true), true, true, false})
	}
	if scopes > 0 && s.depth() < 3 {
		ends = append(ends, m.nest(number, scopes-1)...)
	}
	if scopes > 1 && s.depth() < 3 && m.r.IntN(3) == 0 {
		ends = append(ends, m.nest(number, 0)...)
	}
	m.r.Shuffle(len(ends), func(i, j int) { ends[i], ends[j] = ends[j], ends[i] })
	for range len(ends) + m.r.IntN(len(ends)) {
		from, to := m.r.IntN(len(ends)), m.r.IntN(len(ends))
		if !ends[from].source || !ends[to].sink {
			continue
		}
		backward := ends[from].place >= ends[to].place && !ends[to].last
		m.connect(number, ends[from].place, ends[to].place, m.summary(number, backward))
	}
}

// nest makes a scope inside another and returns its ends there: first those where
// it begins.
func (m *model) nest(parent, scopes int) (outer []end) {
	inside := m.scopes[parent].loop
	if m.r.IntN(3) == 0 {
		inside = m.scopes[parent].region
	}
	number := len(m.scopes)
	s := m.add(inside(m.touch))
	depth := m.scopes[parent].depth()
	var inner []end
	for range 1 + m.r.IntN(2) {
		out, in := s.input()
		begin := end{m.place(parent, out, false), false, true, false}
		goOn := end{m.place(number, in, false), true, false, false}
		m.edges = append(m.edges, edge{begin.place, goOn.place, instant{}, s.depth()})
		outer, inner = append(outer, begin), append(inner, goOn)
	}
	inputs := len(inner)
	var leaves []Location
	for range m.r.IntN(3) {
		in, out := s.output()
		inner = append(inner, end{m.place(number, in, false), false, true, true})
		leaves = append(leaves, out)
	}
	m.fill(number, scopes, slices.Clone(inner)...)
	for i, out := range leaves {
		goOn := end{m.place(parent, out, false), true, false, false}
		m.edges = append(m.edges, edge{inner[inputs+i].place, goOn.place, instant{}, depth})
		outer = append(outer, goOn)
	}
	return outer
}

func (m *model) place(scope int, at Location, counted bool) int {
	m.places = append(m.places, &place{scope: scope, at: at, counted: counted, counts: make(map[instant]int64)})
	return len(m.places) - 1
}

func (m *model) connect(number, from, to int, summary instant) {
	s := m.scopes[number]
	s.Connect(m.places[from].at, m.places[to].at, summary)
	m.edges = append(m.edges, edge{from, to, summary, s.depth()})
}

func (m *model) summary(number int, delayed bool) instant {
	var t instant
	if !delayed && m.r.IntN(2) == 0 {
		return t
	}
	for i := range m.scopes[number].depth() {
		t[i] = uint64(m.r.IntN(3))
		if m.large && m.r.IntN(6) == 0 {
			t[i] = 1<<63 - uint64(m.r.IntN(2))
		}
	}
	if delayed && t == (instant{}) {
		t[m.r.IntN(m.scopes[number].depth())] = 1
	}
	return t
}

func (m *model) time(number int) instant {
	var t instant
	below := 2 + m.r.IntN(5)
	for i := range m.scopes[number].depth() {
		t[i] = uint64(m.r.IntN(below))
		if m.large && m.r.IntN(8) == 0 {
			t[i] += 1<<63 - 4
		}
	}
	return t
}

// change is a change of a count at a place.
type change struct {
	place *place
	time  instant
	delta int64
}

// changes returns random changes: new counts, and some that take away those that
// are there or will be.
func (m *model) changes() []change {
	var list []change
	for range m.r.IntN(6) {
		p := m.places[m.r.IntN(len(m.places))]
		if p.counted {
			list = append(list, change{p, m.time(p.scope), int64(m.r.IntN(5) - 1)})
		}
	}
	for _, p := range m.places {
		for t, n := range p.counts {
			switch m.r.IntN(6) {
			case 0:
				list = append(list, change{p, t, -n})
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

// step makes changes, as this worker and as several others, settles, and compares.
func (m *model) step(list []change) error {
	messages := make([]*Message, m.r.IntN(4))
	for i := range messages {
		messages[i] = NewMessage(m.levels)
	}
	m.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, c := range list {
		add(c.place.counts, c.time, c.delta)
		s, at := m.scopes[c.place.scope], c.place.at
		if sender := m.r.IntN(len(messages) + 1); sender < len(messages) {
			s.Note(messages[sender].Parts[c.place.scope], at, c.time, c.delta)
		} else if m.r.IntN(8) == 0 {
			s.Assume(at, c.time, c.delta)
		} else {
			s.Update(at, c.time, c.delta)
		}
	}
	for len(messages) > 0 {
		first := messages[0]
		messages = messages[1:]
		if len(messages) > 0 && m.r.IntN(2) == 0 {
			messages[0].Merge(first)
			continue
		}
		for i, part := range first.Parts {
			m.levels[i].Accept(part)
		}
	}
	return m.settle()
}

func (m *model) settle() error {
	own := OwnMessage(m.levels)
	empty := own.Empty()
	for _, p := range m.places {
		p.told = 0
	}
	changed := m.changed
	Settle(m.levels)
	if m.changed != changed {
		return errors.New("settling said that there is something to settle")
	}
	if !empty && !own.Empty() {
		return errors.New("not all was settled")
	}
	m.changed = 0
	return m.compare()
}

// frontier returns the frontier at a place, sorted.
func (m *model) frontier(p *place) []instant {
	return slices.SortedFunc(slices.Values(m.scopes[p.scope].Frontier(p.at)), compareInstants)
}

func compareInstants(t, u instant) int { return slices.Compare(t[:], u[:]) }

func (m *model) compare() error {
	counted := make([]int, len(m.levels)) // pointstamps, without those at boundaries
	want := frontiers(m.places, m.edges)
	for i, p := range m.places {
		slices.SortFunc(want[i], compareInstants)
		got := m.frontier(p)
		if !slices.Equal(got, want[i]) {
			return fmt.Errorf("scope %d: the frontier at %d is %v, want %v\n%v", p.scope, p.at, got, want[i], m)
		}
		if moved := !slices.Equal(got, p.before); moved != (p.told > 0) {
			return fmt.Errorf("scope %d: the frontier at %d was %v and is %v, and was told of %d times\n%v", p.scope, p.at, p.before, got, p.told, m)
		}
		p.before = got
		counted[p.scope] += len(p.counts)
		if t := m.time(p.scope); p.counted && m.scopes[p.scope].MayArrive(p.at, t) != mayArrive(want, m.edges, i, t) {
			return fmt.Errorf("scope %d: whether %v may arrive at %d is not as said\n%v", p.scope, t, p.at, m)
		}
	}
	for i, n := range counted {
		m.levels[i].Describe(func(at Location, _ string, _ int64) {
			if !slices.ContainsFunc(m.places, func(p *place) bool { return p.scope == i && p.at == at && p.counted }) {
				n++
			}
		})
		if got := m.levels[i].Pointstamps(); got != n {
			return fmt.Errorf("scope %d: %d pointstamps, want %d", i, got, n)
		}
	}
	return nil
}

func (m *model) String() string {
	text := ""
	for i, p := range m.places {
		text += fmt.Sprintf("%d: scope %d at %d counts %v\n", i, p.scope, p.at, p.counts)
	}
	for _, e := range m.edges {
		text += fmt.Sprintf("%d -> %d %v\n", e.from, e.to, e.summary)
	}
	return text
}

// drain takes all counts away.
func (m *model) drain() error {
	var list []change
	for _, p := range m.places {
		for t, n := range p.counts {
			list = append(list, change{p, t, -n})
		}
	}
	if err := m.step(list); err != nil {
		return err
	}
	for i, l := range m.levels {
		if l.Pointstamps() != 0 {
			return fmt.Errorf("scope %d is not complete", i)
		}
	}
	for _, p := range m.places {
		if len(p.before) > 0 {
			return fmt.Errorf("scope %d: something may still appear at %d", p.scope, p.at)
		}
	}
	return nil
}

// named checks a refusal, or that there was none: cycle is nil.
func named(cycle []Location, n int, edges []edge) error {
	reach := make([][]bool, n)
	for i := range reach {
		reach[i] = make([]bool, n)
	}
	for _, e := range edges {
		if e.summary == (instant{}) {
			reach[e.from][e.to] = true
		}
	}
	isEdge := func(from, to Location) bool {
		return slices.ContainsFunc(edges, func(e edge) bool {
			return e.summary == instant{} && e.from == int(from) && e.to == int(to)
		})
	}
	for i, from := range cycle {
		if to := cycle[(i+1)%len(cycle)]; !isEdge(from, to) {
			return fmt.Errorf("the cycle %v has no edge without delay from %d to %d in %v", cycle, from, to, edges)
		}
	}
	for k := range n { // Warshall's algorithm
		for i := range n {
			for j := range n {
				reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
			}
		}
	}
	for i := range n {
		if reach[i][i] && cycle == nil {
			return fmt.Errorf("a cycle through %d was not found in %v", i, edges)
		}
	}
	return nil
}

func TestCyclesWithoutDelayAreNamed(t *testing.T) {
	refused := 0
	n := forSeeds(t, 200*time.Millisecond, func(r *rand.Rand) error {
		s := epochRoot(func() {})
		n := 1 + r.IntN(12)
		for range n {
			s.AddPort()
		}
		var edges []edge
		for range r.IntN(2 * n) {
			e := edge{from: r.IntN(n), to: r.IntN(n), summary: instant{uint64(r.IntN(2))}}
			s.Connect(Location(e.from), Location(e.to), e.summary)
			edges = append(edges, e)
		}
		var cycle []Location
		if err := s.Seal(); err != nil {
			e, ok := errors.AsType[*CycleError](err)
			if !ok {
				return err
			}
			cycle = e.Cycle
			refused++
		}
		return named(cycle, n, edges)
	})
	if *onlySeed == 0 && (refused == 0 || refused == n) {
		t.Errorf("%d of %d graphs were refused", refused, n)
	}
}

func TestTrackerAgreesWithOracle(t *testing.T) {
	n := forSeeds(t, 3*time.Second, func(r *rand.Rand) error {
		defer setSmallCycle(r.IntN(2) * smallCycle)()
		m := newModel(r)
		for range 1 + r.IntN(6) {
			if err := m.step(m.changes()); err != nil {
				return err
			}
		}
		return m.drain()
	})
	fmt.Printf("count: %d random graphs agreed with the oracle\n", n)
}
