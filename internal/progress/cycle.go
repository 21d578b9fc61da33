package progress

import "github.com/timely-go/timely/order"

// This file holds how larger cycles are settled.

// arrival is a change on its way to the location with a rank.
type arrival[T order.Timestamp[T]] struct {
	rank int32
	Update[T]
}

// settleCycle settles the members of a cycle: changes travel in the order of time, those
// of one time in the order of rank. So each time is final at a location when it is
// reached there, whatever came round the loop to it before.
func (k *Tracker[T]) settleCycle(members []Location) {
	for _, l := range members {
		p := &k.ports[l]
		for _, u := range p.pending {
			k.travel(p, u.Time, u.Delta)
		}
		p.pending = p.pending[:0]
	}
	for len(k.loop) > 0 {
		x := k.next()
		p := &k.ports[k.ranked[x.rank]]
		k.moved = p.implied.Update(x.Time, x.Delta, k.moved[:0])
		if len(k.moved) == 0 {
			continue
		}
		for i := range p.ways {
			w := &p.ways[i]
			to := &k.ports[w.to]
			inside := to.place == p.place
			for _, u := range k.moved {
				t, ok := u.Time.Plus(w.summary)
				switch {
				case !ok: // it never arrives
				case inside:
					k.travel(to, t, u.Delta)
				default:
					to.pending = append(to.pending, Update[T]{t, u.Delta})
				}
			}
			if !inside {
				k.enlist(to.place)
			}
		}
		k.tell(p, k.moved)
	}
}

func (k *Tracker[T]) travel(to *port[T], t T, d int64) {
	k.loop = append(k.loop, arrival[T]{to.rank, Update[T]{t, d}})
	up(k.loop, lessTime[T])
}

// next takes the least arrival off the loop's heap, with the sum of its changes.
func (k *Tracker[T]) next() arrival[T] {
	x := k.loop[0]
	k.loop = pop(k.loop, lessTime[T])
	for len(k.loop) > 0 && k.loop[0].rank == x.rank && k.loop[0].Time == x.Time {
		x.Delta += k.loop[0].Delta
		k.loop = pop(k.loop, lessTime[T])
	}
	return x
}

func lessTime[T order.Timestamp[T]](a, b *arrival[T]) bool {
	if a.Time == b.Time {
		return a.rank < b.rank
	}
	return a.Time.Compare(b.Time) < 0
}
