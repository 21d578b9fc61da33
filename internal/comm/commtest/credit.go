package commtest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/timely-go/timely/internal/comm"
)

// Creditor is a Member whose channels of queues have windows.
type Creditor interface {
	Member
	OpenWithCredit(channel int, bytes int64) (Queue, []comm.Sender[int], comm.Credits, []*comm.Window)
}

// testCredit has all workers send to all others, who give credit as they take: in
// pieces, and all that they owe to one that asks. Nothing else wakes a sender that
// waits, so credit that is lost is noticed; and so is too much of it, since nobody
// may have more on its way than the window and one message.
func testCredit(t *testing.T, join Join) {
	rounds := often(3_000)
	for _, peers := range []int{2, 3, 4} {
		for _, bytes := range []int64{1, 10, 1000} {
			members := join(t, peers)
			if _, ok := members[0].(Creditor); !ok {
				t.Skip("this fabric has no windows")
			}
			each(t, members, func(i int, m Member) {
				s := &spender{t: t, index: i, bytes: bytes, left: make([]int, peers), owed: make([]int64, peers), r: rand.New(rand.NewPCG(uint64(i), uint64(bytes)))}
				for j := range s.left {
					s.left[j] = rounds
				}
				s.left[i] = 0
				s.run(m.(Creditor), peers*rounds-rounds)
			})
		}
	}
	fmt.Printf("count: %s: %d messages a pair\n", t.Name(), rounds)
}

// spender is a worker of testCredit.
type spender struct {
	t     *testing.T
	index int
	bytes int64
	left  []int   // messages to send, by receiver
	owed  []int64 // credit not yet given, by sender
	r     *rand.Rand
}

// most is the largest message, in bytes.
const most = 20

func (s *spender) run(m Creditor, expected int) {
	in, to, credits, windows := m.OpenWithCredit(0, s.bytes)
	var spare []int
	for {
		waits, heard := s.send(to, windows), false
		for range m.Ready() {
			heard = true
			spare = in.Take(spare)
			for _, message := range spare {
				from, bytes := message/(most+1), int64(message%(most+1))
				s.owed[from] += bytes
				if s.owed[from] > s.bytes+most {
					s.t.Errorf("worker %d has %d bytes from worker %d, and gave credit for %d", s.index, s.owed[from], from, s.bytes)
				}
				if 4*s.owed[from] >= s.bytes {
					s.give(credits, from)
				}
				expected--
			}
			for _, from := range credits.Asking() {
				s.give(credits, from)
			}
		}
		if expected == 0 && !waits && s.sum() == 0 {
			return
		}
		pause(s.r)
		if !heard && (waits || s.sum() == 0) { // what was heard may have been credit
			m.Park(-1)
		}
	}
}

// send sends until all windows are full, and reports whether one is.
func (s *spender) send(to []comm.Sender[int], windows []*comm.Window) (waits bool) {
	for j, w := range windows {
		for s.left[j] > 0 && !w.Full() {
			bytes := 1 + s.r.IntN(most)
			w.Spend(int64(bytes))
			to[j].Send(s.index*(most+1) + bytes)
			s.left[j]--
		}
		if w.Full() && s.left[j] > 0 && w.Ask() {
			waits = true
		}
	}
	return waits
}

func (s *spender) give(c comm.Credits, to int) {
	c.Give(to, s.owed[to])
	s.owed[to] = 0
}

func (s *spender) sum() (n int) {
	for _, left := range s.left {
		n += left
	}
	return n
}
