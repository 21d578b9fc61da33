package timely

// Aggregate folds the records of each time by key, and sends for each key what emit
// makes of it when the time is complete. Records are exchanged by the hash of their
// key. Keys are sent in the order of their first arrival.
func Aggregate[T Timestamp[T], D any, K comparable, A, E any](s Stream[T, D], key func(D) K, hash func(K) uint64, fold func(*A, D), emit func(K, A) E) Stream[T, E] {
	pact := ExchangeBy(func(r D) uint64 { return hash(key(r)) })
	open := make(map[T]*groups[K, A])
	var spare []*groups[K, A]
	complete := NewNotificator[T]()
	return Unary(s, pact, "Aggregate", func(in *InPort[T, D], out *OutPort[T, E]) {
		for at, records := range in.Batches() {
			g := open[at.Time()]
			if g == nil {
				if n := len(spare); n > 0 {
					g, spare = spare[n-1], spare[:n-1]
				} else {
					g = &groups[K, A]{places: make(map[K]int)}
				}
				open[at.Time()] = g
				complete.NotifyAt(at)
			}
			for _, r := range records {
				fold(g.of(key(r)), r)
			}
		}
		for at := range complete.Ready(in.Frontier()) {
			session := out.Session(at)
			g := open[at.Time()]
			delete(open, at.Time())
			for i, k := range g.keys {
				session.Send(emit(k, g.folds[i]))
			}
			if g.reset(); len(spare) < spareGroups {
				spare = append(spare, g)
			}
		}
	})
}

// spareGroups is how many emptied groups an operator keeps.
const spareGroups = 4

// groups are folds by key, in the order of their first arrival.
type groups[K comparable, A any] struct {
	places map[K]int
	keys   []K
	folds  []A
}

func (g *groups[K, A]) of(k K) *A {
	i, known := g.places[k]
	if !known {
		var zero A
		i = len(g.keys)
		g.places[k] = i
		g.keys, g.folds = append(g.keys, k), append(g.folds, zero)
	}
	return &g.folds[i]
}

func (g *groups[K, A]) reset() {
	clear(g.places)
	clear(g.keys)
	clear(g.folds)
	g.keys, g.folds = g.keys[:0], g.folds[:0]
}

// Counted is a record and how often it came.
type Counted[D any] struct {
	Record D
	N      int
}

// Count counts equal records of each time, and sends the counts when the time is
// complete. Records are exchanged by hash.
func Count[T Timestamp[T], D comparable](s Stream[T, D], hash func(D) uint64) Stream[T, Counted[D]] {
	return Aggregate(s, itself, hash, func(n *int, _ D) { *n++ }, func(r D, n int) Counted[D] { return Counted[D]{r, n} })
}

func itself[D any](r D) D { return r }

// Accumulate folds the records of each time at each worker, and sends the result
// when the time is complete: for each worker and each time that had records there.
// Nothing is exchanged, so the results depend on how records are spread.
func Accumulate[T Timestamp[T], D, A any](s Stream[T, D], zero A, fold func(A, D) A) Stream[T, A] {
	open := make(map[T]A)
	complete := NewNotificator[T]()
	return Unary(s, Pipeline, "Accumulate", func(in *InPort[T, D], out *OutPort[T, A]) {
		for at, records := range in.Batches() {
			sum, known := open[at.Time()]
			if !known {
				sum = zero
				complete.NotifyAt(at)
			}
			for _, r := range records {
				sum = fold(sum, r)
			}
			open[at.Time()] = sum
		}
		for at := range complete.Ready(in.Frontier()) {
			sum := open[at.Time()]
			delete(open, at.Time())
			out.Session(at).Send(sum)
		}
	})
}
