package timely

import (
	"fmt"
	"reflect"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
)

// Pact says which worker a record belongs to: a function that calls one method of
// Routes.
type Pact[D any] func(*Routes[D])

// Routes is where a [Pact] says how records travel.
type Routes[D any] struct {
	peers int
	kind  string
	route func(records []D, to []uint32)
}

const (
	stay   = "stay"
	toAll  = "to all"
	routed = "by key"
)

// Peers returns the number of workers.
func (r *Routes[D]) Peers() int { return r.peers }

// Stay keeps records where they are.
func (r *Routes[D]) Stay() { r.choose(stay, nil) }

// ToAll brings each record to every worker. The workers share the batches.
func (r *Routes[D]) ToAll() { r.choose(toAll, nil) }

// By brings each record to the worker that its key names: key modulo peers.
func (r *Routes[D]) By(key func(D) uint64) {
	mustRoute(key != nil)
	peers := uint64(r.peers)
	if peers&(peers-1) == 0 {
		r.choose(routed, func(records []D, to []uint32) {
			for len(records) >= 4 && len(to) >= 4 { // see mapTo
				four, keys := (*[4]D)(records), (*[4]uint32)(to)
				keys[0] = uint32(key(four[0]) & (peers - 1))
				keys[1] = uint32(key(four[1]) & (peers - 1))
				keys[2] = uint32(key(four[2]) & (peers - 1))
				keys[3] = uint32(key(four[3]) & (peers - 1))
				records, to = records[4:], to[4:]
			}
			for i := range records {
				to[i] = uint32(key(records[i]) & (peers - 1))
			}
		})
		return
	}
	r.choose(routed, func(records []D, to []uint32) {
		for i := range records {
			to[i] = uint32(key(records[i]) % peers)
		}
	})
}

// ByBatch brings each record to the worker that route writes for it into to, which
// is as long as records. It costs less than By: the loop over the batch is the
// program's own.
func (r *Routes[D]) ByBatch(route func(records []D, to []uint32)) {
	mustRoute(route != nil)
	r.choose(routed, route)
}

func mustRoute(given bool) {
	if !given {
		panic(callsite.Errorf(callsite.Caller(), "a pact that exchanges records needs a function that says where they belong"))
	}
}

func (r *Routes[D]) choose(kind string, route func([]D, []uint32)) {
	if r.kind != "" {
		panic(callsite.Errorf(callsite.Caller(), "a pact calls one method of Routes, once"))
	}
	r.kind, r.route = kind, route
}

// Pipeline keeps records at the worker where they are.
func Pipeline[D any](r *Routes[D]) { r.Stay() }

// ToAll brings each record to every worker.
func ToAll[D any](r *Routes[D]) { r.ToAll() }

// ExchangeBy brings each record to the worker that its key names: key modulo
// peers. The key must be the same in every process, so it must not come from
// hash/maphash: see [HashString].
func ExchangeBy[D any](key func(D) uint64) Pact[D] {
	return func(r *Routes[D]) { r.By(key) }
}

// connect brings what s carries to a node's queue, at this worker or at all.
func connect[T Timestamp[T], D any](s Stream[T, D], p Pact[D], q *queue[T, D], n *engine.Node) {
	e := n.Element
	if p == nil {
		panic(callsite.Errorf(e.Site, "%s with a nil pact; Pipeline keeps records where they are", e.Name))
	}
	w := s.scope.in.worker.engine
	r := &Routes[D]{peers: w.Peers()}
	if p(r); r.kind == "" {
		panic(callsite.Errorf(e.Site, "the pact of %s calls no method of Routes", e.Name))
	}
	s.scope.in.flow.Note(e, "%s of %v", r.kind, reflect.TypeFor[D]())
	s.feeds(e, q.at)
	q.edge.From(s.by.each)
	if r.kind == stay || r.peers == 1 {
		s.attach(q)
		return
	}
	var far *wire[T, D]
	if w.Processes() > 1 {
		far = newWire[T, D](e)
		s.scope.in.flow.Note(e, "layout %x", far.layout())
	}
	x := &exchange[T, D]{engine: w, element: e, route: r.route, pool: q.pool, open: make([]*batch.Batch[D], r.peers)}
	s.attach(receiverOf(x, r.kind))
	flow := s.scope.in.flow
	flow.OnSeal(func() {
		for i, to := range engine.OpenQueue[entry[T, D]](q.edge, far, q.receive) {
			switch {
			case i == w.Index():
				x.to = append(x.to, q)
			case w.IsNear(i):
				x.to = append(x.to, &remote[T, D]{q, q.edge.Outlet(i), to, nil})
			default:
				x.to = append(x.to, &remote[T, D]{q, q.edge.Outlet(i), to, far})
			}
		}
	})
}

func receiverOf[T Timestamp[T], D any](x *exchange[T, D], kind string) receiver[T, D] {
	if kind == toAll {
		return &broadcast[T, D]{x}
	}
	x.twoWays = len(x.open) == 2 && !x.pool.Pointers()
	return x
}

// broadcast sends each batch to all workers, who share it.
type broadcast[T Timestamp[T], D any] struct{ *exchange[T, D] }

func (x *broadcast[T, D]) push(at T, b *batch.Batch[D]) {
	b.ShareAway(len(x.to))
	for _, to := range x.to {
		to.push(at, b)
	}
}

// exchange sorts records by the worker that they belong to. What it has sorted
// waits for more of the same time until the producer's turn ends.
type exchange[T Timestamp[T], D any] struct {
	engine  *engine.Worker
	element *engine.Element
	route   func(records []D, to []uint32)
	to      []receiver[T, D]
	pool    *batch.Pool[D]
	twoWays bool // two workers, and records may be written where they do not belong

	time  T                 // of all that is open
	fed   bool              // all that is open has come through a loop variable
	open  []*batch.Batch[D] // by worker; nil where nothing waits
	keys  []uint32          // scratch
	ready bool              // it will be told to ship
}

func (x *exchange[T, D]) push(at T, b *batch.Batch[D]) {
	if x.time != at || x.fed != x.engine.Feeding {
		x.shipAll()
		x.time, x.fed = at, x.engine.Feeding
	}
	records := b.Records
	if cap(x.keys) < len(records) {
		x.keys = make([]uint32, cap(records))
	}
	keys := x.keys[:len(records)]
	x.engine.Current = x.element
	x.route(records, keys)
	if x.passOn(b, keys) {
		return
	}
	if x.twoWays {
		x.sortTwo(records, keys)
	} else {
		x.sort(records, keys)
	}
	b.Release()
	if !x.ready {
		x.ready = true
		x.engine.Staged(x)
	}
}

// passOn ships a batch as it is, if it is large, all its records belong to one worker,
// and nobody else uses it.
func (x *exchange[T, D]) passOn(b *batch.Batch[D], keys []uint32) bool {
	if 2*len(keys) < x.pool.Max() || !b.Exclusive() {
		return false
	}
	k := keys[0]
	for _, other := range keys {
		if other != k {
			return false
		}
	}
	if k >= uint32(len(x.open)) {
		return false // sort says so
	}
	if x.open[k] != nil {
		x.ship(int(k))
	}
	x.open[k] = b
	x.ship(int(k))
	return true
}

// sort appends each record to the batch of its worker.
func (x *exchange[T, D]) sort(records []D, keys []uint32) {
	for i := range records {
		k := keys[i]
		if k >= uint32(len(x.open)) {
			panic(fmt.Errorf("a pact of %v routes to worker %d of %d", x.element, k, len(x.open)))
		}
		b := x.open[k]
		if b == nil || len(b.Records) == cap(b.Records) {
			b = x.renew(int(k), len(records)-i)
		}
		b.Records = append(b.Records, records[i])
	}
}

// sortTwo does the same for two workers without a branch a record.
func (x *exchange[T, D]) sortTwo(records []D, keys []uint32) {
	const worthwhile = 16
	for len(records) > 0 {
		room := min(len(records), x.room(0), x.room(1))
		if room < worthwhile {
			n := min(len(records), worthwhile)
			x.sort(records[:n], keys[:n])
			records, keys = records[n:], keys[n:]
			continue
		}
		zero, one := x.open[0], x.open[1]
		n0, n1 := len(zero.Records), len(one.Records)
		ones, wrong := sortByBit(records[:room], keys, zero.Records[n0:n0+room], one.Records[n1:n1+room])
		if wrong {
			panic(fmt.Errorf("a pact of %v routes to a worker beyond the last of 2", x.element))
		}
		zero.Records, one.Records = zero.Records[:n0+room-ones], one.Records[:n1+ones]
		records, keys = records[room:], keys[room:]
	}
}

// sortByBit writes each record to both of two places, and moves on in the one that its key
// names. It returns how many went to the second, and whether a key names none of them. It
// is a function of its own so that all that it needs fits into registers.
//
//go:noinline
func sortByBit[D any](records []D, keys []uint32, zero, one []D) (ones int, wrong bool) {
	keys, zero, one = keys[:len(records)], zero[:len(records)], one[:len(records)]
	all := uint32(0)
	for i, r := range records {
		k := keys[i]
		zero[i-ones], one[ones] = r, r
		ones += int(k & 1)
		all |= k
	}
	return ones, all > 1
}

// room returns how many records the open batch for a worker can take.
func (x *exchange[T, D]) room(k int) int {
	b := x.open[k]
	if b == nil {
		return 0
	}
	return cap(b.Records) - len(b.Records)
}

// renew ships the batch for a worker, and opens another. Buffers grow with what
// was sent in this turn, so that a lone record takes little room.
func (x *exchange[T, D]) renew(k, expected int) *batch.Batch[D] {
	want := min(expected, x.pool.Max())
	if b := x.open[k]; b != nil {
		want = max(want, x.pool.Larger(cap(b.Records)))
		x.ship(k)
	}
	x.open[k] = x.pool.Get(want)
	return x.open[k]
}

func (x *exchange[T, D]) ship(k int) {
	b := x.open[k]
	x.open[k] = nil
	if k != x.engine.Index() {
		b.SendAway()
	}
	feeding := x.engine.Feeding
	x.engine.Feeding, x.engine.Current = x.fed, x.element
	x.to[k].push(x.time, b)
	x.engine.Feeding = feeding
}

func (x *exchange[T, D]) shipAll() {
	for k, b := range x.open {
		if b != nil {
			x.ship(k)
		}
	}
}

// Ship implements engine.Shipper.
func (x *exchange[T, D]) Ship() {
	x.ready = false
	x.shipAll()
}
