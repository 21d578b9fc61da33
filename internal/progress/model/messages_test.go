package model

// This file holds how workers tell each other what they did. Where a mutant breaks
// a rule, it does so here.

// publish has a worker tell all others what it has done, at the end of a turn or
// at a pause in the middle. All of it is one message, whatever the scopes. The
// worker's own view changes at once.
func (w *world) publish(p, limit int) bool {
	if w.mutant == unflushedPause {
		w.bare(p)
	}
	if w.temp[p].empty() || len(w.log[p]) >= limit {
		return false
	}
	if w.turns[p].buffered > 0 {
		w.reached[pause]++
	}
	if w.trace != nil {
		w.tell("worker %d publishes from %s", p, w.describe(&w.temp[p]))
	}
	part := w.choosePart(p)
	for _, c := range part {
		w.temp[p].add(c.at, -c.n)
		w.view[p].add(c.at, c.n)
		if w.mutant == ownTwice {
			w.view[p].add(c.at, c.n)
		}
	}
	w.refreshView(p)
	w.postAll(p, part)
	return true
}

// postAll puts changes on their way to all others, as one message.
func (w *world) postAll(p int, part []change) {
	switch w.mutant {
	case channelPerScope:
		for s := range w.scopes {
			w.postOf(p, part, func(scope int) bool { return scope == s }, s)
		}
	case innerThenOuter:
		w.postOf(p, part, func(scope int) bool { return scope != 0 }, 0)
		w.postOf(p, part, func(scope int) bool { return scope == 0 }, 0)
	default:
		w.post(p, part, 0)
	}
}

// bare gives up the capability of a session in which something is still buffered.
func (w *world) bare(p int) {
	if s := &w.turns[p]; s.session != none && s.buffered > 0 && !s.bare {
		w.drop(p, s.session)
		s.bare = true
	}
}

// choosePart returns what of a worker's changes is published: all, or now and then
// a part, if the rest is justified (R4).
func (w *world) choosePart(p int) []change {
	temp := &w.temp[p]
	first := len(w.slab)
	for s := temp.support(); !s.empty(); {
		t := s.pop()
		w.slab = append(w.slab, change{t, temp.n[t]})
	}
	all := w.slab[first:]
	n := len(all)
	switch {
	case w.mutant == negativesFirst && !temp.neg.empty():
		n = toFront(all, func(c change) bool { return c.n < 0 })
	case !w.drained && w.oneIn(4):
		n = toFront(all, func(change) bool { return w.oneIn(2) })
		w.remaining.clear()
		for _, c := range all[n:] {
			w.remaining.add(c.at, c.n)
		}
		if n == 0 || w.mutant != anyPart && !w.justified(&w.caps[p], &w.remaining) {
			n = len(all)
		} else if n < len(all) {
			w.reached[partly]++
		}
	}
	w.slab = w.slab[:first+n]
	return all[:n:n]
}

// toFront moves the changes that are chosen to the front, and returns how many they are.
func toFront(all []change, chosen func(change) bool) (n int) {
	for i, c := range all {
		if chosen(c) {
			all[n], all[i] = all[i], all[n]
			n++
		}
	}
	return n
}

// postOf posts those of the changes that belong to some scopes.
func (w *world) postOf(p int, part []change, belongs func(scope int) bool, channel int) {
	first := len(w.slab)
	for _, c := range part {
		if belongs(w.scope[c.at.place()]) {
			w.slab = append(w.slab, c)
		}
	}
	if len(w.slab) > first {
		w.post(p, w.slab[first:], channel)
	}
}

// post puts a message on its way to all others.
func (w *world) post(p int, changes []change, channel int) {
	m := message{changes: changes, channel: channel}
	scopes := 0
	for _, c := range changes {
		m.sum += uint64(int64(c.n)) * weights[c.at]
		scopes |= 1 << w.scope[c.at.place()]
	}
	if scopes&(scopes-1) != 0 {
		w.reached[atomic]++
	}
	bit := letters(1) << len(w.log[p])
	w.log[p] = append(w.log[p], m)
	w.latest = p
	for q := range w.workers {
		if q == p {
			continue
		}
		w.pending[p][q] |= bit
		if w.grouped(p, q) {
			w.links[w.process[p]][w.process[q]].unsent[p] |= bit
		}
	}
}

// combine sends what the workers of a process have published to another process,
// as one message.
func (w *world) combine(from, to int) bool {
	k := &w.links[from][to]
	if k.unsent == (combined{}) {
		return false
	}
	n := 0
	for _, m := range k.unsent {
		if m != 0 {
			n++
		}
	}
	if n > 1 {
		w.reached[joint]++
	}
	k.sent = append(k.sent, k.unsent)
	k.unsent = combined{}
	return true
}

// take returns what a worker receives next from another, or from the other's whole
// process: one message or several, but always the first (R5).
func (w *world) take(p, q int, many bool) (taken combined) {
	if w.grouped(p, q) {
		k := &w.links[w.process[p]][w.process[q]]
		if k.taken[q] == len(k.sent) && !w.combine(w.process[p], w.process[q]) {
			return taken
		}
		for ok := true; ok; ok = many && k.taken[q] < len(k.sent) {
			for from, m := range k.sent[k.taken[q]] {
				taken[from] |= m
			}
			k.taken[q]++
		}
		return taken
	}
	waiting := w.pending[p][q]
	switch {
	case waiting == 0:
	case w.mutant == notInOrder:
		taken[p] = 1 << w.bit(waiting)
	case w.mutant == channelPerScope:
		taken[p] = w.firstOfChannel(p, waiting)
	case many:
		taken[p] = waiting
		if w.oneIn(2) { // not all of them
			taken[p] &= 1<<(w.bit(waiting)+1) - 1
		}
	default:
		taken[p] = waiting & -waiting
	}
	return taken
}

// firstOfChannel returns the first message of a scope whose turn it happens to be.
func (w *world) firstOfChannel(p int, waiting letters) letters {
	channel := w.log[p][w.bit(waiting)].channel
	for ; waiting != 0; waiting &= waiting - 1 {
		if i := trailing(waiting); w.log[p][i].channel == channel {
			return 1 << i
		}
	}
	return 0
}

// receive adds whole messages to a worker's view, as one change.
func (w *world) receive(q int, taken combined) bool {
	w.arriving.clear()
	again := w.mutant == duplicate && w.oneIn(20)
	lost := w.mutant == lose && w.oneIn(20)
	n := 0
	for p := range w.workers {
		for rest := taken[p]; rest != 0; rest &= rest - 1 {
			n++
			for _, c := range w.log[p][trailing(rest)].changes {
				w.arriving.add(c.at, c.n)
			}
		}
		if !again {
			w.pending[p][q] &^= taken[p]
		}
	}
	if n == 0 {
		return false
	}
	if n > 1 {
		w.reached[sum]++
	}
	if w.trace != nil {
		w.tell("worker %d, which believes %s, receives %s", q, w.describe(&w.view[q]), w.describe(&w.arriving))
	}
	w.headChecked(q)
	if lost {
		return true
	}
	for s := w.arriving.support(); !s.empty(); {
		t := s.pop()
		w.view[q].add(t, w.arriving.n[t])
	}
	w.refreshView(q)
	if !w.view[q].neg.empty() {
		w.reached[early]++
	}
	return true
}
