package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/timely-go/timely"
)

// This file draws graphs for flow control: sources with more than the budgets let
// through, operators that make many records of one or will not take what waits, and
// loops round which more goes than there is room for. Whatever an operator does is a
// function of one record, so what arrives does not depend on who was paused; only
// when it arrives does.

// item is what flows: a name, and for each level of loops how many more rounds it
// goes and how many it has gone.
type item struct {
	Name  uint32
	Fuel  [maxDepth]uint8
	Round [maxDepth]uint8
	Token bool // it is the last of a source
}

const itemSize = 12 // bytes

// spread makes a name of a name.
func spread(x uint32, salt int) uint32 {
	return uint32(timely.HashUint64(uint64(x)<<16|uint64(salt)) >> 13)
}

// flowKind is what a node of a flow graph does.
type flowKind int

const (
	flowSource   flowKind = iota // a Source, or an Input that the program feeds
	flowEntry                    // where a loop's records come into its body
	flowTimes                    // a Unary that sends each record several times, and drops some
	flowMany                     // a FlatMap that does
	flowFilter                   //
	flowExchange                 //
	flowConcat                   // of two
	flowOne                      // a Unary that takes one batch a turn
	flowDiamond                  // a Binary that reads its right side when its left has ended
	flowPerTime                  // or, at each time, when its left is past that
	flowIgnore                   // an operator that reads nothing for some time
	flowStash                    // a Unary that holds the records of a time until it is complete
	flowBuffer                   // a Unary that lets in so many times, until a probe further down has passed them
	flowThrottle                 // a Throttle that does
	flowLoop                     // a loop with a body
	flowChain                    // two loops, one after the other, in one scope
	flowMutual                   // two loops that feed each other
	flowKinds
)

var flowNames = [flowKinds]string{"source", "entry", "times", "many", "filter", "exchange", "concat", "one batch a turn", "diamond",
	"diamond by time", "ignore", "stash", "buffer", "throttle", "loop", "chain of loops", "mutual loops"}

// inputs returns how many streams the node takes.
func (n *flowNode) inputs() int {
	switch n.Kind {
	case flowSource, flowEntry:
		return 0
	case flowConcat, flowDiamond, flowPerTime:
		return 2
	case flowLoop:
		if n.Head.Kind == headSide {
			return 2
		}
	}
	return 1
}

// flowNode is a node of a flow graph.
type flowNode struct {
	Kind flowKind
	Salt int     // different for each node of a case
	From [2]int  // the nodes whose streams it takes
	Exch [2]bool // which of them are exchanged by key
	N    int     // how many of each record; how many times are let in; 2: a PerTime reads by time
	Div  int     // keep one in so many
	Wait time.Duration
	Feed *feed
	Head *flowHead
	Next *flowHead // of a chain's second loop
	Body *flowGraph
}

// feed is what a source sends.
type feed struct {
	Operator bool // it is a Source, not an Input
	Only     bool // only at worker 0
	Records  int  // at each worker
	Epochs   int
}

// at returns when a source sends one of its records. The last is the token.
func (f *feed) at(i int) epoch { return epoch(i * f.Epochs / (f.Records + 1)) }

// headKind is how the head of a loop reads what comes round.
type headKind int

const (
	headPlain headKind = iota
	headAfter          // when what enters is past its time
	headSide           // as it comes; but what enters by a side, when the loop has let go
)

var headNames = []string{"", " reads what enters first", " with a side"}

// flowHead is the head of a loop: what stays, and what leaves.
type flowHead struct {
	Kind  headKind
	Salt  int
	Stay  int  // rounds at most, but those of the ramp
	Ramp  int  // rounds in which it makes two records of one
	Token bool // nothing leaves before the tokens have entered
	All   bool // all of them, else the first
	Exch  bool // what comes round is exchanged
	need  int  // tokens to wait for
}

// flowGraph is a graph of nodes, each of which takes streams of those before it.
// Streams that nobody takes go to sinks, or leave a body together.
type flowGraph struct{ Nodes []*flowNode }

// String writes the graph.
func (g *flowGraph) String() string {
	var b strings.Builder
	for i, n := range g.Nodes {
		fmt.Fprintf(&b, "\n  %d %s", i, flowNames[n.Kind])
		for k := range n.inputs() {
			fmt.Fprintf(&b, " <%d", n.From[k])
			if n.Exch[k] {
				b.WriteString("x")
			}
		}
		switch n.Kind {
		case flowTimes, flowMany:
			fmt.Fprintf(&b, " times %d of one in %d", n.N, n.Div)
		case flowFilter:
			fmt.Fprintf(&b, " one in %d", n.Div)
		case flowBuffer, flowThrottle, flowIgnore:
			fmt.Fprintf(&b, " %d %v", n.N, n.Wait)
		}
		if f := n.Feed; f != nil {
			fmt.Fprintf(&b, " of %d records over %d epochs (operator %v, only at worker 0 %v)", f.Records, f.Epochs, f.Operator, f.Only)
		}
		for _, h := range []*flowHead{n.Head, n.Next} {
			if h != nil {
				fmt.Fprintf(&b, " (head%s: stay %d, ramp %d, token %v all %v of %d, exchanged %v)", headNames[h.Kind], h.Stay, h.Ramp, h.Token, h.All, h.need, h.Exch)
			}
		}
		if n.Body != nil {
			b.WriteString(" [" + strings.ReplaceAll(n.Body.String(), "\n", "\n    ") + "]")
		}
	}
	return b.String()
}

// drawer draws flow graphs.
type drawer struct {
	*rand.Rand
	salt    int
	epochs  int
	records int // that one source has, at most
}

func (d *drawer) node(k flowKind) *flowNode {
	d.salt++
	return &flowNode{Kind: k, Salt: d.salt, N: 1, Div: 1}
}

// graph draws what is outside of all loops.
func (d *drawer) graph() *flowGraph {
	g := &flowGraph{}
	for range 1 + d.IntN(3) {
		n := d.node(flowSource)
		n.Feed = &feed{Operator: d.IntN(2) == 0, Only: d.IntN(3) == 0, Records: 1 + d.IntN(d.records), Epochs: 1 + d.IntN(d.epochs)}
		g.Nodes = append(g.Nodes, n)
	}
	for range 1 + d.IntN(7) {
		d.add(g, 0, false)
	}
	return g
}

// add adds a node that takes streams of those before it. What is in a pure body
// gives each record back as it was.
func (d *drawer) add(g *flowGraph, depth int, pure bool) {
	kinds := []flowKind{flowTimes, flowTimes, flowMany, flowMany, flowFilter, flowExchange, flowConcat, flowOne, flowDiamond, flowDiamond,
		flowPerTime, flowPerTime, flowIgnore, flowStash, flowBuffer, flowThrottle, flowLoop, flowLoop, flowLoop, flowChain, flowMutual}
	switch {
	case pure:
		kinds = []flowKind{flowExchange, flowOne, flowIgnore, flowStash, flowLoop}
	case depth > 0:
		kinds = []flowKind{flowTimes, flowMany, flowFilter, flowExchange, flowConcat, flowOne, flowPerTime, flowPerTime, flowIgnore, flowStash, flowLoop, flowLoop}
	}
	n := d.node(kinds[d.IntN(len(kinds))])
	if n.Kind == flowLoop && depth == maxDepth {
		n.Kind = flowOne
	}
	switch n.Kind {
	case flowTimes, flowMany:
		n.N = []int{1, 1, 2, 10}[d.IntN(4)]
		n.Div = []int{1, 1, 3}[d.IntN(3)]
		if depth > 0 {
			n.N = min(n.N, 2)
			n.Div = max(n.Div, n.N)
		}
	case flowFilter:
		n.Div = 2 + d.IntN(3)
	case flowPerTime:
		n.N = 1 + d.IntN(2)
	case flowIgnore:
		n.N, n.Wait = 1+d.IntN(3), time.Duration(d.IntN(10_000))*time.Microsecond
	case flowBuffer, flowThrottle:
		n.N = 1 + d.IntN(2)
	case flowLoop:
		n.Head = d.head(depth, pure)
		d.body(n, depth)
	case flowChain:
		n.Head, n.Next = d.head(0, false), d.head(0, false)
		n.Head.Kind, n.Next.Kind = headPlain, headPlain
	case flowMutual:
		n.Head = d.head(0, true)
	}
	for k := range n.inputs() {
		n.From[k], n.Exch[k] = d.IntN(len(g.Nodes)), d.IntN(3) == 0
		if pure {
			n.From[k] = len(g.Nodes) - 1
		}
	}
	g.Nodes = append(g.Nodes, n)
}

func (d *drawer) head(depth int, pure bool) *flowHead {
	d.salt++
	h := &flowHead{Salt: d.salt, Stay: d.IntN(7), Exch: d.IntN(2) == 0}
	switch {
	case pure: // what goes in comes out
	case d.IntN(3) == 0:
		h.Ramp = 2
	}
	h.Kind = []headKind{headPlain, headPlain, headAfter, headSide}[d.IntN(4)]
	if h.Kind == headSide && depth > 0 {
		h.Kind = headPlain
	}
	if h.Kind == headSide || h.Kind == headPlain && d.IntN(3) == 0 {
		h.Token, h.All = true, depth == 0 && d.IntN(2) == 0
	}
	return h
}

func (d *drawer) body(n *flowNode, depth int) {
	n.Body = &flowGraph{Nodes: []*flowNode{d.node(flowEntry)}}
	for range max(0, d.IntN(6)-2) {
		d.add(n.Body, depth+1, n.Head.Token || depth > 0 && n.Head.Ramp == 0)
	}
}

// ends returns the nodes whose streams nobody takes.
func (g *flowGraph) ends() (all []int) {
	for i := range g.Nodes {
		if !slices.ContainsFunc(g.Nodes, func(m *flowNode) bool { return slices.Contains(m.From[:m.inputs()], i) }) {
			all = append(all, i)
		}
	}
	return all
}

// What nodes do, for both the engine and the naive evaluation.

// makes calls emit for what a node of one input makes of a record.
func (n *flowNode) makes(x item, emit func(item)) {
	switch {
	case x.Token:
		emit(x)
	case n.Div > 1 && spread(x.Name, n.Salt)%uint32(n.Div) != 0:
	case n.N == 1 || n.Kind == flowFilter:
		emit(x)
	default:
		for i := range n.N {
			y := x
			y.Name = spread(x.Name, n.Salt<<4+i)
			emit(y)
		}
	}
}

func (n *flowNode) key(x item) uint64 { return uint64(spread(x.Name, n.Salt<<1)) }

// enter prepares a record for a loop.
func (h *flowHead) enter(depth int, x item) item {
	x.Fuel[depth] = uint8(spread(x.Name, h.Salt) % uint32(h.Stay+1))
	x.Round[depth] = 0
	return x
}

// handle says what becomes of a record at a loop's head: it goes round again,
// perhaps as two, or leaves.
func (h *flowHead) handle(depth int, x item, open bool, again, leave func(item)) {
	round := &x.Round[depth]
	if *round < 255 {
		*round++
	}
	switch {
	case int(*round) <= h.Ramp:
		if x.Token {
			again(x)
			return
		}
		for i := range 2 {
			y := x
			y.Name = spread(x.Name, h.Salt<<4+2*int(*round)+i)
			again(y)
		}
	case h.Token && !open:
		again(x)
	case h.Token || x.Fuel[depth] == 0:
		x.Round[depth], x.Fuel[depth] = 0, 0
		leave(x)
	default:
		x.Fuel[depth]--
		again(x)
	}
}

// handleFirst and handleSecond are the heads of two loops that feed each other: the
// first lets out, the second has a loop of its own.
func (h *flowHead) handleFirst(x item, on, leave func(item)) {
	if x.Fuel[0] == 0 {
		x.Round[0] = 0
		leave(x)
		return
	}
	x.Fuel[0]--
	on(x)
}

func (h *flowHead) handleSecond(x item, again, back func(item)) {
	if x.Round[0] < 4 && spread(x.Name, h.Salt+int(x.Fuel[0]+x.Round[0]))&1 == 0 {
		x.Round[0]++
		again(x)
		return
	}
	x.Round[0] = 0
	back(x)
}

// flowWork bounds what a graph makes.
const flowWork = 6_000

// flowNaive evaluates flow graphs.
type flowNaive struct{ work int }

func (v *flowNaive) tooMuch() bool { return v.work > flowWork }

// sources evaluates a graph for one epoch: what comes out of its nodes.
func (v *flowNaive) evaluate(g *flowGraph, depth int, begin func(i int, n *flowNode) []item) [][]item {
	out := make([][]item, len(g.Nodes))
	for i, n := range g.Nodes {
		var in []item
		for k := range n.inputs() {
			if k == 0 || n.Kind != flowLoop {
				in = append(in, out[n.From[k]]...)
			}
		}
		emit := func(x item) { out[i] = append(out[i], x) }
		switch n.Kind {
		case flowSource, flowEntry:
			out[i] = begin(i, n)
		case flowTimes, flowMany, flowFilter:
			for _, x := range in {
				n.makes(x, emit)
			}
		case flowLoop:
			v.loop(n.Head, in, depth, emit, n.Body)
			if n.Head.Kind == headSide {
				out[i] = append(out[i], out[n.From[1]]...)
			}
		case flowChain:
			var between []item
			v.loop(n.Head, in, depth, func(x item) { between = append(between, x) }, nil)
			v.loop(n.Next, between, depth, emit, nil)
		default: // a mutual loop, too, gives back what goes in
			out[i] = in
		}
		v.work += 1 + len(out[i])
		if v.tooMuch() {
			break
		}
	}
	return out
}

// loop goes round until nothing is left.
func (v *flowNaive) loop(h *flowHead, in []item, depth int, leave func(item), body *flowGraph) {
	going := make([]item, len(in))
	for i, x := range in {
		going[i] = h.enter(depth, x)
		if x.Token {
			h.need++
		}
	}
	for len(going) > 0 && !v.tooMuch() {
		var again []item
		for _, x := range going {
			h.handle(depth, x, true, func(x item) { again = append(again, x) }, leave)
		}
		v.work += len(again)
		going = again
		if body != nil {
			going = nil
			out := v.evaluate(body, depth+1, func(int, *flowNode) []item { return again })
			for _, i := range body.ends() {
				going = append(going, out[i]...)
			}
		}
	}
}

// heads calls each for every head in a graph.
func (g *flowGraph) heads(depth int, each func(h *flowHead, depth int)) {
	for _, n := range g.Nodes {
		if n.Head != nil {
			each(n.Head, depth)
		}
		if n.Next != nil {
			each(n.Next, depth)
		}
		if n.Body != nil {
			n.Body.heads(depth+1, each)
		}
	}
}

// kinds calls each for every node in a graph.
func (g *flowGraph) all(each func(n *flowNode)) {
	for _, n := range g.Nodes {
		each(n)
		if n.Body != nil {
			n.Body.all(each)
		}
	}
}
