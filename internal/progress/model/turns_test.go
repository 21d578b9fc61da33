package model

// This file holds what workers do in their turns: what they note to tell others.
// Where a mutant breaks a rule, it does so here.

// mayAdd reports whether there is room for more in the world.
func (w *world) mayAdd() bool { return w.live < maxLive }

// mint gives a worker a capability, which must be at or after one that it owns (R2).
func (w *world) mint(p int, t point) {
	w.caps[p].add(t, 1)
	w.records.add(t, 1)
	w.live++
	w.temp[p].add(t, 1)
}

// drop takes from a worker what it owns (R1).
func (w *world) drop(p int, t point) {
	w.caps[p].add(t, -1)
	w.records.add(t, -1)
	w.live--
	w.temp[p].add(t, -1)
}

// send sends a record to some worker. It is counted here and now, by the sender (R3).
func (w *world) send(p int, t point) {
	to := w.under(w.workers)
	w.data[to].add(t, 1)
	w.records.add(t, 1)
	w.live++
	if w.mutant != countAtReceive {
		w.temp[p].add(t, 1)
	}
	if w.trace != nil {
		w.tell("worker %d sends %s to worker %d", p, w.name(t), to)
	}
}

// lend has a worker begin to handle a record that has arrived: any, whatever was
// sent first. The record stays counted.
func (w *world) lend(p int) bool {
	s := &w.turns[p]
	if s.lent != none || w.data[p].pos.empty() {
		return false
	}
	s.lent = w.pick(&w.data[p].pos)
	w.data[p].add(s.lent, -1)
	w.caps[p].add(s.lent, 1)
	if w.mutant == countAtReceive {
		w.temp[p].add(s.lent, 1)
	}
	if w.trace != nil {
		w.tell("worker %d takes %s", p, w.name(s.lent))
	}
	return true
}

// consume has a worker be done with the record that it handles.
func (w *world) consume(p int) bool {
	s := &w.turns[p]
	if s.lent == none {
		return false
	}
	if w.trace != nil {
		w.tell("worker %d consumes %s", p, w.name(s.lent))
	}
	w.drop(p, s.lent)
	s.lent = none
	return true
}

// owned returns something that a worker owns.
func (w *world) owned(p int) point {
	if w.caps[p].pos.empty() {
		return none
	}
	return w.pick(&w.caps[p].pos)
}

// retained returns a capability of a worker that is neither its session's nor the
// record that it handles.
func (w *world) retained(p int) point {
	t := w.owned(p)
	if t == none {
		return none
	}
	n := w.caps[p].n[t]
	s := &w.turns[p]
	if s.lent == t {
		n--
	}
	if s.session == t && !s.bare {
		n--
	}
	if n <= 0 {
		return none
	}
	return t
}

// after returns t or, now and then, a later time at its place.
func (w *world) after(t point) point {
	if !w.oneIn(3) {
		return t
	}
	return at(t.place(), w.bit(uint64(w.later[w.level[t.place()]][t.time()])))
}

// retain has a worker keep a capability, given one.
func (w *world) retain(p int) bool {
	from := w.owned(p)
	if w.mutant == mintFromView && !w.view[p].pos.empty() {
		from = w.pick(&w.view[p].pos)
	}
	if from == none || !w.mayAdd() {
		return false
	}
	t := w.after(from)
	w.mint(p, t)
	if w.trace != nil {
		w.tell("worker %d retains %s, having %s", p, w.name(t), w.name(from))
	}
	return true
}

// release has a worker drop a capability that it kept, or move it to a later time.
func (w *world) release(p int) bool {
	from := w.retained(p)
	if from == none {
		return false
	}
	to := none
	if w.oneIn(2) {
		if to = w.after(from); to != from {
			w.mint(p, to)
		} else {
			to = none
		}
	}
	w.drop(p, from)
	if w.trace != nil {
		w.tell("worker %d drops %s, and has %s instead", p, w.name(from), w.name(to))
	}
	return true
}

// open opens a session, which owns a capability until it is closed.
func (w *world) open(p int) bool {
	s := &w.turns[p]
	from := w.owned(p)
	if s.session != none || from == none {
		return false
	}
	s.session, s.bare = w.after(from), false
	w.mint(p, s.session)
	if w.trace != nil {
		w.tell("worker %d opens a session at %s, having %s", p, w.name(s.session), w.name(from))
	}
	return true
}

// buffer sends a record in the session, where it stays.
func (w *world) buffer(p int) bool {
	s := &w.turns[p]
	if s.session == none || s.buffered == 3 || !w.mayAdd() {
		return false
	}
	s.buffered++
	if w.trace != nil {
		w.tell("worker %d buffers a record at %s", p, w.name(s.session))
	}
	return true
}

// flush sends what is buffered in the session, along one edge or another. Where no
// edge leads, or time runs out, it is lost.
func (w *world) flush(p int) {
	s := &w.turns[p]
	ways := w.ways[s.session.place()]
	for ; s.buffered > 0; s.buffered-- {
		if len(ways) == 0 {
			continue
		}
		e := &w.edges[ways[w.under(len(ways))]]
		if t := e.image[s.session.time()]; t >= 0 {
			w.send(p, w.after(at(e.to, int(t))))
			if w.scope[e.from] != w.scope[e.to] {
				w.reached[crossing]++
			}
			if e.to <= e.from {
				w.reached[round]++
			}
		}
	}
}

// end flushes the session and closes it.
func (w *world) end(p int) bool {
	s := &w.turns[p]
	if s.session == none {
		return false
	}
	w.flush(p)
	if !s.bare {
		w.drop(p, s.session)
	}
	if w.trace != nil {
		w.tell("worker %d closes its session at %s", p, w.name(s.session))
	}
	s.session = none
	return true
}
