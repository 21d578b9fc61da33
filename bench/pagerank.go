package main

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/timely-go/timely"
)

// pagerank keeps the ranks of a random graph's nodes while edges come and go. What
// goes round its loop are changes of ranks: first those of the whole graph, then
// those that follow from one edge more and one less at each worker, 1,000 times.
func pagerank(b *bench) error {
	nodes, edges := b.int(0, "nodes"), b.int(1, "edges")
	const updates = 1000
	input := timely.NewInput[timely.Epoch, link]()
	probe := timely.NewProbe[timely.Epoch]()
	r := newRanks(nodes)
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		loop, changes := timely.Feedback[share](s, 1)
		passedOn := r.maintain(input.Stream(s), changes)
		loop.Connect(timely.ProbeWith(passedOn, probe))
	})
	mine := b.share(edges)

	b.begin()
	insert, remove := randomLinks(nodes, b.Index(), 1), randomLinks(nodes, b.Index(), -1)
	for range mine {
		input.Send(insert())
	}
	for range updates {
		input.AdvanceTo(input.Time() + 1)
		for probe.LessThan(input.Time()) {
			b.Step()
		}
		input.Send(insert())
		input.Send(remove())
	}
	input.Close()
	b.await(probe)
	b.end(edges+2*updates*b.Peers(), r.sent)

	if err := r.settled(); err != nil {
		return err
	}
	if n := b.sum(uint64(r.links())); n != uint64(edges) {
		return fmt.Errorf("%d edges are left, there should be %d", n, edges)
	}
	given, got := r.sums()
	if given, got = b.sum(given), b.sum(got); given != got {
		return fmt.Errorf("what nodes were given adds up to %d, what they have got to %d", given, got)
	}
	return nil
}

type (
	// link is so many edges more from one node to another, or less.
	link struct {
		from, to uint32
		times    int32
	}
	// share is what a node is given more by others, or less.
	share struct {
		node uint32
		rank int32
	}
)

func randomLinks(nodes, worker int, times int32) func() link {
	random := rand.New(rand.NewPCG(5, uint64(worker)))
	n := uint32(nodes)
	return func() link { return link{random.Uint32N(n), random.Uint32N(n), times} }
}

const (
	base   = 1000 // the rank that a node has of its own
	enough = 6    // changes that add up to less wait for more
)

// ranks are what a worker knows of the nodes that belong to it: those whose number
// is its index, modulo peers.
type ranks struct {
	nodes   []node
	pending map[timely.Epoch]*changes // what has arrived, by its time
	spare   []*changes
	sent    int // shares, so far
}

type node struct {
	rank  int32
	rest  int32  // changes that wait for more
	to    []goal // by node
	goals int32  // of to, without those to which no edge leads any more
	stale bool   // not all goals have what they should
}

// goal is where edges of a node lead, and what was sent there so far.
type goal struct {
	node         uint32
	times, given int32
}

// changes are those of one time.
type changes struct {
	nodes  set     // that are changed
	shares []int32 // by node
	links  []link
}

// set is a set of nodes, a bit each: what is changed is gone through in the order
// in which it is in memory.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(n uint32) { s[n/64] |= 1 << (n % 64) }

// takeAll yields the nodes and removes them.
func (s set) takeAll(yield func(uint32) bool) {
	for i := range s {
		for s[i] != 0 {
			bit := bits.TrailingZeros64(s[i])
			s[i] &= s[i] - 1
			if !yield(uint32(64*i + bit)) {
				return
			}
		}
	}
}

func newRanks(nodes int) *ranks {
	r := &ranks{nodes: make([]node, nodes), pending: make(map[timely.Epoch]*changes)}
	for i := range r.nodes {
		r.nodes[i].rank = base
	}
	return r
}

// maintain sends what nodes pass on as edges and ranks change, when all changes of
// a time are there.
func (r *ranks) maintain(links timely.Stream[timely.Epoch, link], shares timely.Stream[timely.Epoch, share]) timely.Stream[timely.Epoch, share] {
	complete := timely.NewNotificator[timely.Epoch]()
	from := timely.ExchangeBy(func(l link) uint64 { return uint64(l.from) })
	to := timely.ExchangeBy(func(s share) uint64 { return uint64(s.node) })

	return timely.Binary(links, from, shares, to, "PageRank",
		func(links *timely.InPort[timely.Epoch, link], shares *timely.InPort[timely.Epoch, share], out *timely.OutPort[timely.Epoch, share]) {
			for at, batch := range links.Batches() {
				c := r.at(at.Time())
				c.links = append(c.links, batch...)
				complete.NotifyAt(at)
			}
			for at, batch := range shares.Batches() {
				r.at(at.Time()).add(batch)
				complete.NotifyAt(at)
			}
			for at := range complete.Ready(links.Frontier(), shares.Frontier()) {
				r.apply(at.Time(), out.Session(at))
			}
		})
}

// at returns what is pending at a time.
func (r *ranks) at(t timely.Epoch) *changes {
	c := r.pending[t]
	if c == nil {
		if n := len(r.spare); n > 0 {
			c, r.spare = r.spare[n-1], r.spare[:n-1]
		} else {
			c = &changes{nodes: newSet(len(r.nodes)), shares: make([]int32, len(r.nodes))}
		}
		r.pending[t] = c
	}
	return c
}

func (c *changes) add(batch []share) {
	for _, s := range batch {
		c.nodes.add(s.node)
		c.shares[s.node] += s.rank
	}
}

// apply changes nodes, and sends what they pass on.
func (r *ranks) apply(t timely.Epoch, session timely.Session[timely.Epoch, share]) {
	c := r.pending[t]
	delete(r.pending, t)
	for _, l := range c.links {
		r.nodes[l.from].connect(l)
		c.nodes.add(l.from)
	}
	for i := range c.nodes.takeAll {
		n := &r.nodes[i]
		n.take(c.shares[i])
		c.shares[i] = 0
		if n.stale {
			r.sent += n.passOn(session.Send)
		}
	}
	c.links = c.links[:0]
	r.spare = append(r.spare, c)
}

// connect changes how many edges lead from the node to another.
func (n *node) connect(l link) {
	i, known := slices.BinarySearchFunc(n.to, l.to, func(g goal, to uint32) int { return cmp.Compare(g.node, to) })
	if !known {
		n.to = slices.Insert(n.to, i, goal{node: l.to})
	}
	g := &n.to[i]
	if g.times == 0 {
		n.goals++
	}
	if g.times += l.times; g.times == 0 {
		n.goals--
	}
	n.stale = true
}

// take adds to the rank, if there is enough to add.
func (n *node) take(more int32) {
	if n.rest += more; n.rest >= enough || n.rest <= -enough {
		n.rank, n.rest = n.rank+n.rest, 0
		n.stale = true
	}
}

// passOn sends the goals what they have not been given yet, and forgets those to
// which no edge leads any more.
func (n *node) passOn(send func(share)) (sent int) {
	n.stale = false
	each, more := n.shares()
	gone := 0
	for i := range n.to {
		g := &n.to[i]
		now := each * g.times
		if g.times == 0 {
			gone++
		} else if i-gone < more {
			now += g.times
		}
		if now != g.given {
			send(share{g.node, now - g.given})
			g.given = now
			sent++
		}
	}
	if gone > 0 {
		n.to = slices.DeleteFunc(n.to, func(g goal) bool { return g.times == 0 })
	}
	return sent
}

// shares says what each edge carries: five sixths of the rank, divided by the
// goals. The first few carry one more.
func (n *node) shares() (each int32, more int) {
	if n.goals == 0 {
		return 0, 0
	}
	passed := n.rank * 5 / 6
	return passed / n.goals, int(passed % n.goals)
}

// settled checks that nothing is left to be passed on.
func (r *ranks) settled() error {
	for i := range r.nodes {
		n := &r.nodes[i]
		if sent := n.passOn(func(share) {}); sent > 0 || n.rest >= enough || n.rest <= -enough {
			return fmt.Errorf("node %d has not passed on what it should", i)
		}
	}
	return nil
}

// links returns how many edges there are.
func (r *ranks) links() (n int) {
	for i := range r.nodes {
		for _, g := range r.nodes[i].to {
			n += int(g.times)
		}
	}
	return n
}

// sums returns sums of all that nodes have given to others and of what they have
// got, each multiplied by a number that depends on the node that got it: they are
// alike if every node has got what it was given.
func (r *ranks) sums() (given, got uint64) {
	weight := func(n int) uint64 { return timely.HashUint64(uint64(n)) }
	for i := range r.nodes {
		n := &r.nodes[i]
		for _, g := range n.to {
			given += weight(int(g.node)) * uint64(g.given)
		}
		got += weight(i) * uint64(n.rank+n.rest-base)
	}
	return given, got
}
