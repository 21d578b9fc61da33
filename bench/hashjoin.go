package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/timely-go/timely"
)

// hashjoin joins two streams of random pairs by their keys, as they arrive, and
// waits for each batch.
func hashjoin(b *bench) error {
	keys, records, size := b.int(0, "keys"), b.int(1, "records"), b.int(2, "records in a batch")
	left := timely.NewInput[timely.Epoch, pair]()
	right := timely.NewInput[timely.Epoch, pair]()
	probe := timely.NewProbe[timely.Epoch]()
	var seen joined
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		matches := join(left.Stream(s), right.Stream(s), keys/b.Peers())
		added := timely.InspectBatch(matches, func(_ timely.Epoch, ms []match) { seen.add(ms) })
		timely.ProbeWith(added, probe)
	})
	mine := b.share(records)

	b.begin()
	random := pairs(keys, b.Index())
	for sent := 0; sent < mine; sent += size {
		for range min(size, mine-sent) {
			left.Send(random())
			right.Send(random())
		}
		left.AdvanceTo(left.Time() + 1)
		right.AdvanceTo(right.Time() + 1)
		for probe.LessThan(left.Time()) {
			b.Step()
		}
	}
	left.Close()
	right.Close()
	b.await(probe)
	b.end(records, 2*mine)

	got := joined{matches: b.sum(seen.matches), products: b.sum(seen.products)}
	if b.Index() != 0 {
		return nil
	}
	if want := allJoined(keys, records, b.Peers()); got != want {
		return fmt.Errorf("the matches are %v, they should be %v", got, want)
	}
	return nil
}

type (
	pair  struct{ key, value uint64 }
	match struct{ left, right uint64 }
)

// join sends each two values, one of the left and one of the right, that have the
// same key, as soon as both have arrived. It is told how many keys to expect.
func join[T timely.Timestamp[T]](left, right timely.Stream[T, pair], keys int) timely.Stream[T, match] {
	known := index{byKey: make(map[uint64]*sides, keys)}
	byKey := timely.ExchangeBy(func(p pair) uint64 { return p.key })

	return timely.Binary(left, byKey, right, byKey, "HashJoin",
		func(l, r *timely.InPort[T, pair], out *timely.OutPort[T, match]) {
			for at, batch := range l.Batches() {
				session := out.Session(at)
				for i, s := range known.sidesOf(batch) {
					for _, value := range s.rights {
						session.Send(match{batch[i].value, value})
					}
					s.lefts = append(s.lefts, batch[i].value)
				}
			}
			for at, batch := range r.Batches() {
				session := out.Session(at)
				for i, s := range known.sidesOf(batch) {
					for _, value := range s.lefts {
						session.Send(match{value, batch[i].value})
					}
					s.rights = append(s.rights, batch[i].value)
				}
			}
		})
}

// sides are the values of one key.
type sides struct{ lefts, rights []uint64 }

// index holds the sides of all keys.
type index struct {
	byKey map[uint64]*sides
	found []*sides // scratch
}

// sidesOf returns the sides of each pair's key, until the next call. They are looked
// up all at once, so that the memory need not be waited for again for each.
func (x *index) sidesOf(batch []pair) []*sides {
	x.found = x.found[:0]
	for _, p := range batch {
		s := x.byKey[p.key]
		if s == nil {
			s = &sides{make([]uint64, 0, 4), make([]uint64, 0, 4)} // room for a few values
			x.byKey[p.key] = s
		}
		x.found = append(x.found, s)
	}
	return x.found
}

// pairs returns the random pairs that a worker sends, alternately to the left and
// to the right.
func pairs(keys, worker int) func() pair {
	random := rand.New(rand.NewPCG(1, uint64(worker)))
	n := uint64(keys)
	return func() pair { return pair{random.Uint64N(n), random.Uint64N(n)} }
}

// joined is what is checked: the number of matches, and the sum of the products of
// their values.
type joined struct{ matches, products uint64 }

func (j *joined) add(ms []match) {
	j.matches += uint64(len(ms))
	for _, m := range ms {
		j.products += m.left * m.right
	}
}

// allJoined says what the matches should be: those of a key are as many as its
// lefts times its rights, and their products add up to the sum of its lefts times
// the sum of its rights.
func allJoined(keys, records, peers int) (want joined) {
	type side struct{ n, sum uint64 }
	lefts, rights := make([]side, keys), make([]side, keys)
	for worker := range peers {
		random := pairs(keys, worker)
		for range (records - worker + peers - 1) / peers {
			for _, to := range [][]side{lefts, rights} {
				p := random()
				to[p.key].n++
				to[p.key].sum += p.value
			}
		}
	}
	for key := range keys {
		want.matches += lefts[key].n * rights[key].n
		want.products += lefts[key].sum * rights[key].sum
	}
	return want
}
