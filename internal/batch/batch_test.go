package batch

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// TestReferencesAgainstModel shares and releases at random: a batch keeps its
// records while somebody refers to it, and is alone exactly if the model says so.
func TestReferencesAgainstModel(t *testing.T) {
	type entry struct {
		b    *Batch[uint64]
		refs int
		id   uint64
	}
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		p := recycling[uint64]()
		var live []*entry
		most := 0
		for id := range uint64(2000) {
			if len(live) == 0 || r.IntN(3) == 0 {
				n := 1 + r.IntN(1500)
				b := p.Get(n)
				if len(b.Records) != 0 || cap(b.Records) < min(n, p.Max()) {
					t.Fatalf("Get(%d) has length %d, capacity %d", n, len(b.Records), cap(b.Records))
				}
				for range cap(b.Records) {
					b.Records = append(b.Records, id)
				}
				live = append(live, &entry{b, 1, id})
				most = max(most, len(live))
				continue
			}
			i := r.IntN(len(live))
			e := live[i]
			if e.b.Exclusive() != (e.refs == 1) {
				t.Fatalf("Exclusive is %v with %d references", e.b.Exclusive(), e.refs)
			}
			switch r.IntN(5) {
			case 0:
				n := r.IntN(4)
				e.b.Share(n)
				e.refs += n
			case 1:
				if e.refs == 1 {
					e.b.SendAway()
				}
			case 2:
				n := 1 + r.IntN(3)
				e.b.ShareAway(n)
				e.refs += n - 1
			default:
				for _, x := range e.b.Records {
					if x != e.id {
						t.Fatalf("batch %d holds %d while it has %d references", e.id, x, e.refs)
					}
				}
				e.b.Release()
				if e.refs--; e.refs == 0 {
					live = slices.Delete(live, i, i+1)
				}
			}
		}
		if p.Made() > 3*most+3 {
			t.Errorf("made %d buffers, with %d in use at once", p.Made(), most)
		}
	})
}

func TestReleasedTooOftenPanics(t *testing.T) {
	const want = "batch: released more often than it was shared"
	for name, prepare := range map[string]func(*Batch[int]){
		"plain":  func(*Batch[int]) {},
		"sent":   func(b *Batch[int]) { b.SendAway() },
		"shared": func(b *Batch[int]) { b.ShareAway(2); b.Release() },
	} {
		for _, poisoned := range []bool{false, true} {
			p := recycling[int]()
			p.poison = poisoned
			b := p.Get(1)
			prepare(b)
			b.Release()
			t.Run(name, func(t *testing.T) { mustPanic(t, want, b.Release) })
		}
	}
}

func TestHeldCountsTheBuffer(t *testing.T) {
	p := recycling[uint32]()
	b := p.Get(100)
	if got, want := b.Held(), 128*4+overhead; got != want {
		t.Errorf("Held is %d, want %d", got, want)
	}
	b.Records = append(b.Records, 1, 2, 3)
	if got, want := b.Held(), 128*4+overhead; got != want {
		t.Errorf("Held is %d with some records, want %d", got, want)
	}
}

// TestReadersOfASharedBatchShareItAgain is a broadcast of a broadcast: every
// worker passes on the batch that it shares with the others.
func TestReadersOfASharedBatchShareItAgain(t *testing.T) {
	const readers = 4
	p := recycling[int]()
	for range 200 {
		b := p.Get(16)
		b.Records = append(b.Records, 1, 2, 3)
		b.ShareAway(readers)
		var all sync.WaitGroup
		for range readers {
			all.Go(func() {
				b.ShareAway(readers)
				for range readers {
					if b.Records[2] != 3 {
						t.Error("the records have changed")
					}
					b.Release()
				}
			})
		}
		all.Wait()
	}
	if p.Made() != 1 {
		t.Errorf("made %d buffers, want 1", p.Made())
	}
}

// TestManyWorkersReturnBatches has one worker send to many, alone and shared; they
// pass some on to each other, and change in place what they have alone.
func TestManyWorkersReturnBatches(t *testing.T) {
	const workers, window = 8, 64
	for _, poisoned := range []bool{false, true} {
		p := recycling[uint64]()
		p.poison = poisoned
		type parcel struct {
			b  *Batch[uint64]
			id uint64
		}
		var to [workers]chan parcel
		for i := range to {
			to[i] = make(chan parcel, 4*workers*window)
		}
		room := make(chan struct{}, window) // references that workers hold, at most
		var all sync.WaitGroup
		for i := range workers {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				for m := range to[i] {
					for _, x := range m.b.Records {
						if x != m.id {
							t.Errorf("batch %d holds %d", m.id, x)
							break
						}
					}
					if r.IntN(4) == 0 {
						m.b.Share(1)
						m.b.Release()
					}
					if r.IntN(4) == 0 && m.b.Exclusive() {
						clear(m.b.Records)
					}
					m.b.Release()
					<-room
				}
			})
		}
		r := rand.New(rand.NewPCG(7, 7))
		const batches = 5000
		for id := range uint64(batches) {
			b := p.Get(1 + r.IntN(300))
			for range min(50, cap(b.Records)) {
				b.Records = append(b.Records, id)
			}
			n := 1
			if r.IntN(2) == 0 {
				n = 1 + r.IntN(workers)
			}
			for range n {
				room <- struct{}{}
			}
			if n == 1 {
				b.SendAway()
			} else {
				b.ShareAway(n)
			}
			at := r.IntN(workers)
			for k := range n {
				to[(at+k)%workers] <- parcel{b, id}
			}
		}
		for i := range to {
			close(to[i])
		}
		all.Wait()
		if !poisoned && p.Made() > 3*(window+1) {
			t.Errorf("made %d buffers, with %d on the way at once", p.Made(), window)
		}
		if poisoned && p.Made() != batches {
			t.Errorf("made %d buffers, want %d: poisoned ones are not used again", p.Made(), batches)
		}
	}
}
