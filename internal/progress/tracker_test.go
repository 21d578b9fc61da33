package progress

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/script"
	"github.com/timely-go/timely/order"
)

func TestTracker(t *testing.T) {
	for _, small := range []int{0, smallCycle} {
		t.Run(fmt.Sprintf("small cycles have %d members", small), func(t *testing.T) {
			defer setSmallCycle(small)()
			script.Run(t, "testdata/tracker", newTeller)
		})
	}
}

// setSmallCycle changes which cycles are small, until the function it returns is called.
func setSmallCycle(members int) (restore func()) {
	before := smallCycle
	smallCycle = members
	return func() { smallCycle = before }
}

// teller is a dataflow that is told and tells in text. The commands:
//
//	times pair             the root's times are partially ordered; at first
//	loop S, region S       a scope; those inside a scope are named S/T
//	input S I              S.I outside is where the scope begins, S/I inside where it goes on
//	output S O             S/O inside is where the scope ends, S.O outside where it goes on
//	edge A -> B +D         makes the locations; the delay may be left out
//	seal
//	assume A@T +N          what every worker knows without being told
//	update A@T +N          what this worker did
//	say M A@T +N           what another worker did, in message M
//	merge M INTO           adds all that M says to another message, and forgets M
//	accept M ...           whole messages, one after the other
//	settle                 says which frontiers moved, and whose watchers were not told so
//	frontier A ...
//	pointstamps            all that are counted
type teller struct {
	*dataflow
	numbers   map[string]int // of scopes, by path; the root's is empty
	locations []*location
	messages  map[string]*Message
}

// location is a port with a name. It watches itself.
type location struct {
	name  string
	scope int
	at    Location
	shown string
	told  bool
}

func (l *location) FrontierMoved() { l.told = true }

func newTeller(*testing.T) script.Handler {
	d := &teller{numbers: map[string]int{"": 0}, messages: make(map[string]*Message)}
	d.dataflow = newDataflow(epochRoot)
	return d
}

func (d *teller) Do(line script.Line) (said string) {
	defer func() {
		if p := recover(); p != nil {
			said = fmt.Sprintf("%s: %v", line.At, p)
		}
	}()
	verbs := map[string]func(args ...string) string{
		"times": d.times, "loop": d.loop, "region": d.region, "input": d.input, "output": d.output, "edge": d.edge, "seal": d.sealAll,
		"assume": d.assume, "update": d.update, "say": d.say, "merge": d.merge, "accept": d.accept,
		"settle": d.settle, "frontier": d.frontier, "pointstamps": d.pointstamps,
	}
	do, found := verbs[line.Verb]
	if !found {
		return line.At + ": no such command"
	}
	return do(line.Args...)
}

func (d *teller) times(...string) string {
	d.dataflow = newDataflow(pairRoot)
	return ""
}

func (d *teller) loop(args ...string) string   { return d.nest(args[0], scope.loop) }
func (d *teller) region(args ...string) string { return d.nest(args[0], scope.region) }

func (d *teller) nest(path string, inside func(scope, func()) scope) string {
	d.numbers[path] = len(d.scopes)
	d.add(inside(d.scopes[d.numbers[parent(path)]], d.touch))
	return ""
}

// parent returns the path of the scope that holds what the path names.
func parent(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

func (d *teller) input(args ...string) string {
	path := args[0]
	outer, inner := d.scopes[d.number(path)].input()
	d.name(path+"."+args[1], d.number(parent(path)), outer)
	d.name(path+"/"+args[1], d.number(path), inner)
	return ""
}

func (d *teller) output(args ...string) string {
	path := args[0]
	inner, outer := d.scopes[d.number(path)].output()
	d.name(path+"/"+args[1], d.number(path), inner)
	d.name(path+"."+args[1], d.number(parent(path)), outer)
	return ""
}

func (d *teller) edge(args ...string) string {
	from, to := d.location(args[0]), d.location(args[2])
	if from.scope != to.scope {
		panic("an edge stays in its scope")
	}
	var delay instant
	if len(args) > 3 {
		delay = parseInstant(args[3])
	}
	d.scopes[from.scope].Connect(from.at, to.at, delay)
	return ""
}

func (d *teller) sealAll(...string) string {
	err := d.seal()
	if cycle, ok := errors.AsType[*CycleError](err); ok {
		return "time does not advance along " + strings.Join(d.cycleNames(err, cycle.Cycle), " ")
	}
	for _, l := range d.locations {
		d.scopes[l.scope].Watch(l.at, l)
		l.shown = "{}"
	}
	return ""
}

func (d *teller) cycleNames(err error, cycle []Location) (names []string) {
	var number int
	fmt.Sscanf(err.Error(), "scope %d", &number)
	for _, at := range cycle {
		i := slices.IndexFunc(d.locations, func(l *location) bool { return l.scope == number && l.at == at })
		names = append(names, d.locations[i].name)
	}
	return names
}

func (d *teller) assume(args ...string) string {
	l, t, n := d.change(args)
	d.scopes[l.scope].Assume(l.at, t, n)
	return ""
}

func (d *teller) update(args ...string) string {
	l, t, n := d.change(args)
	d.scopes[l.scope].Update(l.at, t, n)
	return ""
}

func (d *teller) say(args ...string) string {
	l, t, n := d.change(args[1:])
	d.scopes[l.scope].Note(d.message(args[0]).Parts[l.scope], l.at, t, n)
	return ""
}

func (d *teller) merge(args ...string) string {
	from := d.message(args[0])
	d.message(args[1]).Merge(from)
	from.Reset()
	return ""
}

func (d *teller) accept(args ...string) string {
	for _, name := range args {
		m := d.message(name)
		if m.Empty() {
			return name + " says nothing"
		}
		for i, part := range m.Parts {
			d.levels[i].Accept(part)
		}
		m.Reset()
	}
	return ""
}

func (d *teller) settle(...string) string {
	for _, l := range d.locations {
		l.told = false
	}
	Settle(d.levels)
	var said strings.Builder
	for _, l := range d.locations {
		now := d.scopes[l.scope].Show(l.at)
		if now != l.shown {
			fmt.Fprintf(&said, "%s %s\n", l.name, now)
		}
		if l.told != (now != l.shown) {
			fmt.Fprintf(&said, "%s was told: %v\n", l.name, l.told)
		}
		l.shown = now
	}
	return said.String()
}

func (d *teller) frontier(args ...string) string {
	var said strings.Builder
	for _, name := range args {
		l := d.location(name)
		fmt.Fprintf(&said, "%s %s\n", name, d.scopes[l.scope].Show(l.at))
	}
	return said.String()
}

func (d *teller) pointstamps(...string) string {
	var said strings.Builder
	for number, level := range d.levels {
		level.Describe(func(at Location, time string, n int64) {
			i := slices.IndexFunc(d.locations, func(l *location) bool { return l.scope == number && l.at == at })
			fmt.Fprintf(&said, "%s@%s %+d\n", d.locations[i].name, strings.ReplaceAll(time, " ", ""), n)
		})
	}
	return said.String()
}

func (d *teller) number(path string) int {
	number, found := d.numbers[path]
	if !found {
		panic("no scope " + path)
	}
	return number
}

// location returns the location with a name, new if there was none.
func (d *teller) location(name string) *location {
	for _, l := range d.locations {
		if l.name == name {
			return l
		}
	}
	number := d.number(parent(name))
	return d.name(name, number, d.scopes[number].AddPort())
}

func (d *teller) name(name string, number int, at Location) *location {
	l := &location{name: name, scope: number, at: at}
	d.locations = append(d.locations, l)
	return l
}

func (d *teller) message(name string) *Message {
	if d.messages[name] == nil {
		d.messages[name] = NewMessage(d.levels)
	}
	return d.messages[name]
}

// change parses A@T +N.
func (d *teller) change(args []string) (*location, instant, int64) {
	name, at, _ := strings.Cut(args[0], "@")
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		panic(err)
	}
	return d.location(name), parseInstant(at), n
}

// parseInstant reads 3, or ((3,1),2) for a time with more coordinates; max is the
// greatest that one can be.
func parseInstant(text string) (t instant) {
	for i, word := range strings.Split(strings.NewReplacer("(", "", ")", "", "+", "").Replace(text), ",") {
		if word == "max" {
			t[i] = 1<<64 - 1
			continue
		}
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			panic(err)
		}
		t[i] = n
	}
	return t
}

// Messages of several senders, and all at once or one by one: the view is the same.
func TestWholeMessagesMayBeSummedInAnyOrder(t *testing.T) {
	forSeeds(t, 300*time.Millisecond, func(r *rand.Rand) error {
		seed := r.Uint64()
		build := func() *model { return newModel(rand.New(rand.NewPCG(seed, 0))) }
		first, second := build(), build()
		var changes [][]change
		for range 1 + r.IntN(5) {
			changes = append(changes, first.changes())
		}
		places := make(map[*place]*place)
		for i, p := range first.places {
			places[p] = second.places[i]
		}
		for _, list := range changes { // one by one
			m := NewMessage(first.levels)
			for _, c := range list {
				first.scopes[c.place.scope].Note(m.Parts[c.place.scope], c.place.at, c.time, c.delta)
			}
			for i, part := range m.Parts {
				first.levels[i].Accept(part)
			}
			Settle(first.levels)
		}
		sum := NewMessage(second.levels)
		r.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
		for _, list := range changes {
			m := NewMessage(second.levels)
			for _, c := range list {
				s := second.scopes[c.place.scope]
				s.Note(m.Parts[c.place.scope], places[c.place].at, c.time, c.delta)
			}
			sum.Merge(m)
		}
		for i, part := range sum.Parts {
			second.levels[i].Accept(part)
		}
		Settle(second.levels)
		for i, p := range first.places {
			one, other := first.frontier(p), second.frontier(second.places[i])
			if !slices.Equal(one, other) {
				return fmt.Errorf("at %d: %v one by one, %v at once\n%v", i, one, other, first)
			}
		}
		return nil
	})
}

// What waits for a receiver that sleeps does not grow with the epochs that pass.
func TestMessagesForASleeperStaySmall(t *testing.T) {
	k := NewTracker[order.Epoch](func() {})
	input, target, source := k.AddPort(), k.AddPort(), k.AddPort()
	k.Connect(input, target, 0)
	k.Connect(target, source, 0)
	if err := k.Seal(); err != nil {
		t.Fatal(err)
	}
	levels := []Level{Root[order.Epoch]{k}}
	waiting, sent := NewMessage(levels), NewMessage(levels)
	changes := func(m *Message) *Changes[order.Epoch] { return m.Parts[0].(*Changes[order.Epoch]) }
	most := 0
	for e := range order.Epoch(10_000) {
		m := changes(sent)
		for _, c := range []Change[order.Epoch]{
			{Pointstamp[order.Epoch]{input, e}, -1}, {Pointstamp[order.Epoch]{input, e + 1}, 1}, {Pointstamp[order.Epoch]{target, e}, 100},
		} {
			m.Update(c.At, c.Time, c.Delta)
		}
		waiting.Merge(sent)
		sent.Reset()
		m.Update(target, e, -100)
		waiting.Merge(sent)
		sent.Reset()
		most = max(most, len(changes(waiting).list))
	}
	if most > 2*compactFrom {
		t.Errorf("up to %d changes waited", most)
	}
	if n := len(changes(waiting).List()); n != 2 {
		t.Errorf("%d changes are left, want 2: %v", n, changes(waiting).List())
	}
}

// updater is a watcher that notes a change when the frontier moves.
type updater struct {
	tracker *Tracker[order.Epoch]
	times   int
}

func (u *updater) FrontierMoved() {
	if u.times > 0 {
		u.times--
		u.tracker.Update(0, order.Epoch(u.times), 1)
	}
}

func TestChangesByWatchersAreToldOf(t *testing.T) {
	changed := 0
	k := NewTracker[order.Epoch](func() { changed++ })
	at := k.AddPort()
	k.Watch(at, &updater{k, 3})
	if err := k.Seal(); err != nil {
		t.Fatal(err)
	}
	levels := []Level{Root[order.Epoch]{k}}
	k.Update(at, 3, 1)
	k.Update(at, 4, 1)
	for want := range 4 {
		if changed != 1 {
			t.Fatalf("told %d times of the changes before settlement %d", changed, want)
		}
		changed = 0
		Settle(levels)
	}
	if changed != 0 || !slices.Equal(k.Frontier(at), []order.Epoch{0}) {
		t.Errorf("told %d times in the end, frontier %v", changed, k.Frontier(at))
	}
}

func TestOwnMessageIsWhatWasDone(t *testing.T) {
	k := NewTracker[order.Epoch](func() {})
	at := k.AddPort()
	if err := k.Seal(); err != nil {
		t.Fatal(err)
	}
	levels := []Level{Root[order.Epoch]{k}}
	own, peer := OwnMessage(levels), NewMessage(levels)
	if !own.Empty() || !peer.Empty() {
		t.Error("something was done at first")
	}
	k.Update(at, 7, 2)
	peer.Merge(own)
	Settle(levels)
	if !own.Empty() || peer.Empty() {
		t.Errorf("own is empty: %v; the peer's: %v", own.Empty(), peer.Empty())
	}
	if k.Ports() != 1 || k.Pointstamps() != 1 {
		t.Errorf("%d ports, %d pointstamps", k.Ports(), k.Pointstamps())
	}
	visited := 0
	k.Update(at, 8, 1)
	Settle(levels)
	k.Points(func(Location, order.Epoch, int64) bool { visited++; return false })
	if visited != 1 {
		t.Errorf("visited %d pointstamps after the first was enough", visited)
	}
}

func TestCycleErrorNamesLocations(t *testing.T) {
	err := &CycleError{[]Location{2, 3}}
	if want := "progress: time does not advance along the cycle [2 3]"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestSteadyDataflowAllocatesNothing(t *testing.T) {
	root := NewTracker[epoch](func() {})
	link := Nest(root, order.LoopRefinement[epoch](), func() {})
	input := root.AddPort()
	begin, goOn := link.Input()
	leave, next := link.Output()
	feedback, body, result := link.AddPort(), link.AddPort(), root.AddPort()
	root.Connect(input, begin, 0)
	root.Connect(next, result, 0)
	link.Connect(goOn, body, loop1{})
	link.Connect(body, feedback, loop1{})
	link.Connect(feedback, body, loop1{Inner: 1})
	link.Connect(body, leave, loop1{})
	if err := errors.Join(link.Seal(), root.Seal()); err != nil {
		t.Fatal(err)
	}
	root.Assume(input, 0, 1)
	levels := []Level{Root[epoch]{root}, link}
	Settle(levels)
	waiting := NewMessage(levels)
	own := OwnMessage(levels)
	settle := func() {
		waiting.Merge(own)
		Settle(levels)
		waiting.Reset()
	}
	e := epoch(0)
	step := func() {
		root.Update(input, e+1, 1)
		link.Update(body, loop1{Outer: e}, 1)
		root.Update(input, e, -1)
		settle()
		for round := range epoch(5) {
			link.Update(body, loop1{Outer: e, Inner: round}, -1)
			if round < 4 {
				link.Update(body, loop1{Outer: e, Inner: round + 1}, 1)
			} else {
				root.Update(result, e, 1)
			}
			settle()
		}
		root.Update(result, e, -1)
		settle()
		e++
	}
	for range 10 {
		step()
	}
	if n := mallocs(func() {
		for range 10_000 {
			step()
		}
	}); n > 10 {
		t.Errorf("%d allocations in 10,000 epochs", n)
	}
	if got := root.Frontier(result); !slices.Equal(got, []epoch{e}) {
		t.Errorf("frontier %v, want %v", got, e)
	}
}

// Of the ways to an output only the least count, in whatever order they are found.
func TestOnlyLeastSummariesToOutputs(t *testing.T) {
	l := Nest(NewTracker[epoch](func() {}), order.LoopRefinement[epoch](), func() {})
	from, by := l.AddPort(), l.AddPort()
	end, _ := l.Output()
	l.Connect(from, end, loop1{Outer: 2, Inner: 2})
	l.Connect(from, by, loop1{Outer: 1})
	l.Connect(by, end, loop1{})
	l.Connect(by, end, loop1{Inner: 3})
	l.Connect(from, end, loop1{Inner: 9})
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	var got []loop1
	for _, w := range l.ports[from].outputs {
		got = append(got, w.summary)
	}
	if want := []loop1{{Inner: 9}, {Outer: 1}}; !slices.Equal(sorted(got), want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
