package model

import "fmt"

// This file holds the state of the protocol: what is true, what each worker
// believes, and what is on its way between the two.

const (
	maxWorkers = 5
	logSize    = 64 // messages that a worker publishes at most, so that a set of them is a word
	logBusy    = 48 // it publishes no more before the end
	maxLive    = 24 // records and capabilities that there are at most, about
)

// weights are random numbers by point: see counts.sum.
var weights = func() (w [pointCount]uint64) {
	var r random
	r.Seed(1, 2)
	for i := range w {
		w[i] = r.Uint64() | 1
	}
	return w
}()

// counts is how many there are of each point.
type counts struct {
	n        [pointCount]int16
	pos, neg set    // the points with positive and with negative counts
	sum      uint64 // of the counts times their weights: equal for equal counts, and hardly ever else
}

func (c *counts) add(p point, d int16) {
	n := c.n[p] + d
	c.n[p] = n
	c.sum += uint64(int64(d)) * weights[p]
	word, bit := p>>6, uint64(1)<<(p&63)
	c.pos[word] &^= bit
	c.neg[word] &^= bit
	if n > 0 {
		c.pos[word] |= bit
	} else if n < 0 {
		c.neg[word] |= bit
	}
}

// support is the set of points whose counts are not zero.
func (c *counts) support() set { return set{c.pos[0] | c.neg[0], c.pos[1] | c.neg[1]} }

func (c *counts) empty() bool { return c.pos[0]|c.pos[1]|c.neg[0]|c.neg[1] == 0 }

// clear makes all counts zero.
func (c *counts) clear() {
	for s := c.support(); !s.empty(); {
		c.n[s.pop()] = 0
	}
	c.pos, c.neg, c.sum = set{}, set{}, 0
}

// change is a change of the count of a point.
type change struct {
	at point
	n  int16
}

// message is what a worker published at once: the atom of the protocol.
type message struct {
	changes []change
	sum     uint64 // as in counts
	channel int    // messages of one channel arrive in order; there is one channel but in a mutant
}

// letters is a set of messages of one worker, by their number in its log.
type letters = uint64

// combined is what a process sent to another at once: some messages of each of
// its workers, added up.
type combined [maxWorkers]letters

// link leads from one process to another. Combined messages wait in order, and
// reach each worker of the receiving process.
type link struct {
	unsent combined   // published, and not yet in a message
	sent   []combined // all so far
	taken  [maxWorkers]int
}

// turn is what a worker is in the middle of. It may be paused there: it publishes
// what it has done, and others run.
type turn struct {
	lent     point // the record that it is handling: its own, and counted until it is consumed
	session  point // where it sends; a session owns a capability
	buffered int   // records sent in the session and not flushed, nor counted
	bare     bool  // in a mutant: the session's capability has been given up
}

// world is the workers of one dataflow.
type world struct {
	topology
	random
	mutant  mutant
	checked invariants // those that are looked at
	trace   func(format string, args ...any)

	workers   int
	processes int
	process   [maxWorkers]int

	caps    [maxWorkers]counts // what a worker owns: capabilities, and the record it is handling
	data    [maxWorkers]counts // records on their way to a worker, in no order
	records counts             // the sum of all these: the truth
	live    int

	temp    [maxWorkers]counts // changes that a worker has not published
	log     [maxWorkers][]message
	pending [maxWorkers][maxWorkers]letters // by sender and receiver: published, and not yet in the receiver's view
	links   [maxWorkers][maxWorkers]link    // by process
	view    [maxWorkers]counts              // what a worker believes
	turns   [maxWorkers]turn

	schedule
	checks
	reached [landmarks]int

	slab      []change
	arriving  counts // scratch
	remaining counts // scratch
}

// reset begins a world: every worker owns the same capabilities, and knows it.
func (w *world) reset(seed uint64, m mutant) {
	w.Seed(seed, 0)
	w.mutant = m
	w.topology.generate(&w.random, m == zeroCycle)
	w.workers = 2 + w.under(maxWorkers-1)
	w.clear()
	w.group()
	for l := range w.places {
		if l > 0 && !w.oneIn(4) {
			continue
		}
		for p := range w.workers {
			w.caps[p].add(at(l, 0), 1)
			w.records.add(at(l, 0), 1)
			w.live++
		}
		for q := range w.workers {
			w.view[q].add(at(l, 0), int16(w.workers))
		}
	}
	w.choose()
	w.begin()
}

func (w *world) clear() {
	w.records.clear()
	w.live = 0
	w.slab = w.slab[:0]
	for p := range maxWorkers {
		w.caps[p].clear()
		w.data[p].clear()
		w.temp[p].clear()
		w.view[p].clear()
		w.log[p] = w.log[p][:0]
		w.pending[p] = [maxWorkers]letters{}
		w.turns[p] = turn{lent: none, session: none}
		for q := range maxWorkers {
			k := &w.links[p][q]
			k.unsent, k.sent, k.taken = combined{}, k.sent[:0], [maxWorkers]int{}
		}
	}
}

// group puts the workers into processes. In half of the worlds each has its own
// process, which are the worlds without combined messages.
func (w *world) group() {
	w.processes = w.workers
	for p := range w.workers {
		w.process[p] = p
	}
	if w.oneIn(2) || w.mutant == channelPerScope {
		return
	}
	w.processes = 1 + w.under(w.workers-1)
	for p := range w.workers {
		if w.process[p] = p; p >= w.processes {
			w.process[p] = w.under(w.processes)
		}
	}
}

// grouped reports whether progress of p reaches q in combined messages.
func (w *world) grouped(p, q int) bool {
	return w.processes < w.workers && w.process[p] != w.process[q]
}

// tell writes a line of the trace, if there is one.
func (w *world) tell(format string, args ...any) {
	if w.trace != nil {
		w.trace(format, args...)
	}
}

func (w *world) describe(c *counts) string {
	s := c.support()
	text := ""
	for !s.empty() {
		p := s.pop()
		text += fmt.Sprintf(" %s:%+d", w.name(p), c.n[p])
	}
	return "{" + text + " }"
}
