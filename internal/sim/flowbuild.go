package sim

import (
	"fmt"
	"iter"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
)

// This file builds flow graphs on the engine.

// flowRun is one run of a case: what its operators share.
type flowRun struct {
	c      *FlowCase
	clock  func() time.Duration
	tokens map[*flowHead]int // that have entered
	got    []flowGot         // by the node that a sink is at
	last   []time.Duration   // likewise: when something arrived there last
}

// opens notes a token that enters a loop, and open reports whether it lets go.
func (r *flowRun) opens(h *flowHead, x item) {
	if x.Token {
		r.tokens[h]++
	}
}

func (r *flowRun) open(h *flowHead) bool {
	switch {
	case h.need == 0:
		return true
	case h.All:
		return r.tokens[h] >= h.need
	}
	return r.tokens[h] > 0
}

// flowBuilder builds graphs in scopes with time T.
type flowBuilder[T timely.Timestamp[T]] struct {
	run    *flowRun
	depth  int
	source func(i int, n *flowNode) flowStream[T]
	loop   func(*flowNode, [2]flowStream[T]) flowStream[T]
	hold   func(flowStream[T], *flowNode) flowStream[T] // what only outermost times can do
}

type (
	flowIn[T timely.Timestamp[T]]     = *timely.InPort[T, item]
	flowOut[T timely.Timestamp[T]]    = *timely.OutPort[T, item]
	flowStream[T timely.Timestamp[T]] = timely.Stream[T, item]
)

func (b flowBuilder[T]) build(g *flowGraph) []flowStream[T] {
	streams := make([]flowStream[T], len(g.Nodes))
	for i, n := range g.Nodes {
		streams[i] = b.node(i, n, streams)
	}
	return streams
}

// pact is how a node's input travels.
func (n *flowNode) pact(k int) timely.Pact[item] {
	if n.Exch[k] {
		return timely.ExchangeBy(n.key)
	}
	return timely.Pipeline[item]
}

func (b flowBuilder[T]) node(i int, n *flowNode, streams []flowStream[T]) flowStream[T] {
	var in [2]flowStream[T]
	for k := range n.inputs() {
		in[k] = streams[n.From[k]]
	}
	switch n.Kind {
	case flowSource, flowEntry:
		return b.source(i, n)
	case flowTimes:
		return timely.Unary(in[0], n.pact(0), "Times", func(in flowIn[T], out flowOut[T]) {
			for at, batch := range in.Batches() {
				s := out.Session(at)
				for _, x := range batch {
					n.makes(x, s.Send)
				}
			}
		})
	case flowMany:
		return timely.FlatMap(exchanged(in[0], n), func(x item) iter.Seq[item] {
			return func(yield func(item) bool) { n.makes(x, func(y item) { yield(y) }) }
		})
	case flowFilter:
		return timely.Filter(exchanged(in[0], n), func(x item) (kept bool) {
			n.makes(x, func(item) { kept = true })
			return kept
		})
	case flowExchange:
		return timely.Exchange(in[0], n.key)
	case flowConcat:
		return timely.Concat(in[0], in[1])
	case flowOne:
		return timely.Unary(in[0], n.pact(0), "One", func(in flowIn[T], out flowOut[T]) {
			for at, batch := range in.Batches() {
				out.Session(at).SendBatch(batch)
				break
			}
		})
	case flowDiamond:
		return timely.Binary(in[0], n.pact(0), in[1], n.pact(1), "Diamond", func(l, r flowIn[T], out flowOut[T]) {
			pass(l, out)
			if l.Frontier().Empty() {
				pass(r, out)
			}
		})
	case flowPerTime:
		var late stash[T]
		return timely.Binary(in[0], n.pact(0), in[1], n.pact(1), "PerTime", func(l, r flowIn[T], out flowOut[T]) {
			pass(l, out)
			if b.depth > 0 || n.N == 2 {
				for at, batch := range r.BatchesAt(func(t T) bool { return !l.Frontier().LessEqual(t) }) {
					out.Session(at).SendBatch(batch)
				}
				return
			}
			late.read(r, func(t T) bool { return !l.Frontier().LessEqual(t) }, func(at []timely.Capability[T], batch []item) {
				out.Session(at[0]).SendBatch(batch)
			}, out)
		})
	case flowIgnore:
		return b.ignoring(in[0], n)
	case flowStash:
		return stashing(in[0], n)
	case flowBuffer, flowThrottle:
		return b.hold(in[0], n)
	}
	return b.loop(n, in)
}

func exchanged[T timely.Timestamp[T]](s flowStream[T], n *flowNode) flowStream[T] {
	if n.Exch[0] {
		return timely.Exchange(s, n.key)
	}
	return s
}

func pass[T timely.Timestamp[T]](in flowIn[T], out flowOut[T]) {
	for at, batch := range in.Batches() {
		out.Session(at).SendBatch(batch)
	}
}

// stash is the one batch that an operator had to take to see its time.
type stash[T timely.Timestamp[T]] struct {
	at    []timely.Capability[T] // for each output
	batch []item
}

// read hands out batches while they are due, with a capability for each output.
func (s *stash[T]) read(in flowIn[T], due func(T) bool, handle func(at []timely.Capability[T], batch []item), outs ...timely.Port) {
	if s.at != nil {
		if !due(s.at[0].Time()) {
			return
		}
		at, batch := s.at, s.batch
		s.at, s.batch = nil, nil
		handle(at, batch)
		for _, c := range at {
			c.Drop()
		}
	}
	for at, batch := range in.Batches() {
		if !due(at.Time()) {
			s.batch = append([]item(nil), batch...)
			for _, o := range outs {
				s.at = append(s.at, at.RetainFor(o))
			}
			return
		}
		lent := make([]timely.Capability[T], len(outs))
		for i := range lent {
			lent[i] = at
		}
		handle(lent, batch)
	}
}

// ignoring reads nothing for some time.
func (b flowBuilder[T]) ignoring(s flowStream[T], n *flowNode) flowStream[T] {
	op := timely.NewBuilder(s.Scope(), "Ignore")
	in := timely.AddInput(op, s, n.pact(0))
	out, stream := timely.AddOutput[item](op)
	until := time.Duration(-1)
	for range n.N - 1 {
		op.ActivateAfter(n.Wait / 2)
	}
	op.Build(func() bool {
		now := b.run.clock()
		if until < 0 {
			until = now + n.Wait
			op.ActivateAfter(n.Wait)
		}
		if now < until {
			return false
		}
		pass(in, out)
		return false
	})
	return stream
}

// stashing holds the records of a time until it is complete.
func stashing[T timely.Timestamp[T]](s flowStream[T], n *flowNode) flowStream[T] {
	held := make(map[T][]item)
	ended := make(map[T]bool)
	complete := timely.NewNotificator[T]()
	return timely.Unary(s, n.pact(0), "Stash", func(in flowIn[T], out flowOut[T]) {
		for at, batch := range in.Batches() {
			t := at.Time()
			if ended[t] {
				panic(fmt.Errorf("a record at %v arrived after that time was complete", t))
			}
			held[t] = append(held[t], batch...)
			complete.NotifyAt(at)
		}
		for at := range complete.Ready(in.Frontier()) {
			t := at.Time()
			ended[t] = true
			xs := held[t]
			delete(held, t)
			session := out.Session(at)
			for _, x := range xs {
				session.Send(x)
			}
		}
	})
}

// head builds the head of a loop: what enters, what comes round, and perhaps a side
// come in; what goes round and what leaves go out.
func (b flowBuilder[T]) head(h *flowHead, enter, cycle flowStream[T], side *flowStream[T], n *flowNode) (again, leave flowStream[T]) {
	op := timely.NewBuilder(enter.Scope(), "Head")
	entrance := timely.AddInput(op, enter, n.pact(0))
	var pact timely.Pact[item] = timely.Pipeline[item]
	if h.Exch {
		pact = timely.ExchangeBy(func(x item) uint64 { return uint64(spread(x.Name, h.Salt)) })
	}
	fed := timely.AddInput(op, cycle, pact)
	var sideIn flowIn[T]
	if side != nil {
		sideIn = timely.AddInput(op, *side, n.pact(1))
	}
	on, again := timely.AddOutput[item](op)
	out, leave := timely.AddOutput[item](op)
	for _, in := range []flowIn[T]{entrance, fed} {
		op.WakeOn(in, timely.Always)
	}
	handle := func(onAt, outAt timely.Capability[T], batch []item) {
		stays, leaves := on.Session(onAt), out.Session(outAt)
		for _, x := range batch {
			h.handle(b.depth, x, b.run.open(h), stays.Send, leaves.Send)
		}
	}
	var late stash[T]
	op.Build(func() bool {
		for at, batch := range entrance.Batches() {
			entered := make([]item, len(batch))
			for i, x := range batch {
				b.run.opens(h, x)
				entered[i] = h.enter(b.depth, x)
			}
			handle(at, at, entered)
		}
		switch h.Kind {
		case headAfter:
			past := entrance.Frontier()
			if b.depth > 0 {
				for at, batch := range fed.BatchesAt(func(t T) bool { return !past.LessEqual(t) }) {
					handle(at, at, batch)
				}
				break
			}
			late.read(fed, func(t T) bool { return !past.LessEqual(t) }, func(at []timely.Capability[T], batch []item) { handle(at[0], at[1], batch) }, on, out)
		default:
			for at, batch := range fed.Batches() {
				handle(at, at, batch)
			}
		}
		if sideIn != nil && (b.run.open(h) || entrance.Frontier().Empty()) {
			pass(sideIn, out)
		}
		return false
	})
	return again, leave
}

// mutual builds two loops that feed each other.
func (b flowBuilder[T]) mutual(h *flowHead, enter flowStream[T], n *flowNode, feedback func() (connect func(flowStream[T]), cycle flowStream[T])) flowStream[T] {
	back, fromSecond := feedback()
	round, ownRound := feedback()
	var pact timely.Pact[item] = timely.Pipeline[item]
	if h.Exch {
		pact = timely.ExchangeBy(func(x item) uint64 { return uint64(spread(x.Name, h.Salt)) })
	}
	first := timely.NewBuilder(enter.Scope(), "First")
	entrance := timely.AddInput(first, enter, n.pact(0))
	returns := timely.AddInput(first, fromSecond, pact)
	on, onward := timely.AddOutput[item](first)
	out, leave := timely.AddOutput[item](first)
	first.Build(func() bool {
		for at, batch := range entrance.Batches() {
			stays, leaves := on.Session(at), out.Session(at)
			for _, x := range batch {
				h.handleFirst(h.enter(0, x), stays.Send, leaves.Send)
			}
		}
		for at, batch := range returns.Batches() {
			stays, leaves := on.Session(at), out.Session(at)
			for _, x := range batch {
				h.handleFirst(x, stays.Send, leaves.Send)
			}
		}
		return false
	})
	second := timely.NewBuilder(enter.Scope(), "Second")
	arrives := timely.AddInput(second, onward, pact)
	own := timely.AddInput(second, ownRound, timely.Pipeline[item])
	stay, stays := timely.AddOutput[item](second)
	leaveTo, returning := timely.AddOutput[item](second)
	second.Build(func() bool {
		for _, in := range []flowIn[T]{arrives, own} {
			for at, batch := range in.Batches() {
				again, goBack := stay.Session(at), leaveTo.Session(at)
				for _, x := range batch {
					h.handleSecond(x, again.Send, goBack.Send)
				}
			}
		}
		return false
	})
	round(stays)
	back(returning)
	return leave
}

// looping returns how loops are built in a scope, given how graphs are built inside them.
func looping[T timely.Timestamp[T]](run *flowRun, depth int, inner func(timely.Scope[timely.Loop[T]]) flowBuilder[timely.Loop[T]]) func(n *flowNode, in [2]flowStream[T]) flowStream[T] {
	type deep = timely.Loop[T]
	return func(n *flowNode, in [2]flowStream[T]) (left flowStream[T]) {
		timely.Nested(in[0].Scope(), "Loop", order.LoopRefinement[T](), func(s timely.Scope[deep]) {
			b := inner(s)
			b.depth = depth
			enter := timely.Enter(in[0], s)
			feedback := func() (func(flowStream[deep]), flowStream[deep]) {
				v, cycle := timely.Feedback[item](s, deep{Inner: 1})
				return v.Connect, cycle
			}
			switch n.Kind {
			case flowMutual:
				left = timely.Leave(b.mutual(n.Head, enter, n, feedback), in[0].Scope())
				return
			case flowChain:
				connect, cycle := feedback()
				again, between := b.head(n.Head, enter, cycle, nil, n)
				connect(again)
				connect, cycle = feedback()
				again, leave := b.head(n.Next, between, cycle, nil, n)
				connect(again)
				left = timely.Leave(leave, in[0].Scope())
				return
			}
			var side *flowStream[deep]
			if n.Head.Kind == headSide {
				s := timely.Enter(in[1], s)
				side = &s
			}
			connect, cycle := feedback()
			again, leave := b.head(n.Head, enter, cycle, side, n)
			b.depth++
			b.source = func(int, *flowNode) flowStream[deep] { return again }
			streams := b.build(n.Body)
			ends := n.Body.ends()
			round := streams[ends[0]]
			for _, i := range ends[1:] {
				round = timely.Concat(round, streams[i])
			}
			connect(round)
			left = timely.Leave(leave, in[0].Scope())
		})
		return left
	}
}

// buildFlow builds a graph in an outermost scope.
func buildFlow(run *flowRun, g *flowGraph, source func(i int, n *flowNode) flowStream[epoch]) []flowStream[epoch] {
	b := flowBuilder[epoch]{run: run, source: source, hold: holding}
	b.loop = looping(run, 0, func(timely.Scope[once]) flowBuilder[once] {
		middle := flowBuilder[once]{run: run}
		middle.loop = looping(run, 1, func(timely.Scope[twice]) flowBuilder[twice] { return flowBuilder[twice]{run: run} })
		return middle
	})
	return b.build(g)
}

// holding lets in so many times until an operator behind it has done with them.
func holding(s flowStream[epoch], n *flowNode) flowStream[epoch] {
	probe := timely.NewProbe[epoch]()
	var held flowStream[epoch]
	if s = exchanged(s, n); n.Kind == flowThrottle {
		held = timely.Throttle(s, probe, n.N)
	} else {
		held = buffered(s, probe, n.N)
	}
	slow := timely.Unary(held, timely.ExchangeBy(func(x item) uint64 { return uint64(spread(x.Name, n.Salt)) }), "One", func(in flowIn[epoch], out flowOut[epoch]) {
		for at, batch := range in.Batches() {
			out.Session(at).SendBatch(batch)
			break
		}
	})
	return timely.ProbeWith(slow, probe)
}

// buffered is what users write instead of a Throttle: it keeps what is too early.
func buffered(s flowStream[epoch], probe *timely.Probe[epoch], inFlight int) flowStream[epoch] {
	type kept struct {
		at timely.Capability[epoch]
		xs []item
	}
	waiting := make(map[epoch]*kept)
	open := make(map[epoch]bool)
	return timely.Unary(s, timely.Pipeline, "Buffer", func(in flowIn[epoch], out flowOut[epoch]) {
		for at, batch := range in.Batches() {
			k := waiting[at.Time()]
			if k == nil {
				k = &kept{at: at.Retain()}
				waiting[at.Time()] = k
			}
			k.xs = append(k.xs, batch...)
		}
		for t := range open {
			if !probe.LessEqual(t) {
				delete(open, t)
			}
		}
		for len(waiting) > 0 {
			least := epoch(1 << 60)
			for t := range waiting {
				least = min(least, t)
			}
			if !open[least] && len(open) >= inFlight && probe.LessThan(least) {
				return
			}
			open[least] = true
			k := waiting[least]
			delete(waiting, least)
			session := out.Session(k.at)
			for _, x := range k.xs {
				session.Send(x)
			}
			k.at.Drop()
		}
	})
}
