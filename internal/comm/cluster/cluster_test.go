package cluster_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/comm/cluster"
	"github.com/timely-go/timely/internal/comm/commtest"
	"github.com/timely-go/timely/internal/comm/local"
	"github.com/timely-go/timely/internal/comm/tcp"
	"github.com/timely-go/timely/internal/host"
)

// member lets the suite use a fabric of this package.
type member struct {
	*local.End
	fabric *cluster.Fabric
	index  int
	peers  int // that the suite knows; a process may have more
}

// join joins so many workers in so many processes, all of which are this one.
func join(t *testing.T, processes, workers int) (members []member) {
	t.Helper()
	return joinWith(t, processes, workers, func(int, []byte) {})
}

// joinWith also says what becomes of notices.
func joinWith(t *testing.T, processes, workers int, notice func(process int, bytes []byte)) (members []member) {
	t.Helper()
	configs := make([]tcp.Config, processes)
	var hosts []string
	for i := range configs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		configs[i].Listener = l
		hosts = append(hosts, l.Addr().String())
	}
	meshes, errs := make([]*tcp.Mesh, processes), make([]error, processes)
	var all sync.WaitGroup
	for i, c := range configs {
		c.Hosts, c.Index, c.Workers = hosts, i, workers
		all.Go(func() { meshes[i], errs[i] = tcp.Join(context.Background(), c) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, m := range meshes {
		h := host.Real()
		h.Spin = false
		f := cluster.New(workers, h, m, notice, func(err error) { t.Error(err) })
		f.Start()
		for i := range workers {
			members = append(members, member{f.End(f.First() + i), f, f.First() + i, f.Peers()})
		}
	}
	t.Cleanup(func() {
		var all sync.WaitGroup
		for _, m := range meshes {
			all.Go(func() {
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	return members
}

// numbers sends ints as themselves.
type numbers struct{}

func (numbers) Encode(n int) (head, body []byte, owner tcp.Owner) {
	return binary.LittleEndian.AppendUint64(nil, uint64(n)), nil, nil
}

func (numbers) Decoder(*batch.Pools) func(int, []byte, func(int)) error {
	return func(_ int, b []byte, take func(int)) error {
		if len(b) != 8 {
			return fmt.Errorf("%d bytes", len(b))
		}
		take(int(binary.LittleEndian.Uint64(b)))
		return nil
	}
}

// flushed is a way to a worker on which what is sent is flushed.
type flushed struct {
	member
	to comm.Sender[int]
}

func (s flushed) Send(n int) {
	s.to.Send(n)
	s.fabric.Flush(s.index)
}

func (m member) OpenQueue(channel int) (commtest.Queue, []comm.Sender[int]) {
	in, to, _, _ := m.OpenWithCredit(channel, 1<<20)
	return in, to
}

func (m member) OpenWithCredit(channel int, bytes int64) (commtest.Queue, []comm.Sender[int], comm.Credits, []*comm.Window) {
	in, to, credits, windows := cluster.OpenQueue(m.fabric, m.index, channel, bytes, numbers{})
	for i := range to {
		to[i] = flushed{m, to[i]}
	}
	return in, to[:m.peers], credits, windows[:m.peers]
}

func (m member) OpenSum(int) (commtest.Sum, []comm.Sender[*commtest.Tally]) {
	panic("it sends to all workers at once")
}

func (m member) Park(limit time.Duration) {
	m.fabric.Flush(m.index)
	m.End.Park(limit, false)
}

func TestQueuesOfACluster(t *testing.T) {
	t.Setenv("TIMELY_SUITE_SECONDS", "1") // as many messages as there would be then take long enough
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprint("workers ", workers), func(t *testing.T) {
			commtest.RunQueues(t, func(t *testing.T, peers int) (members []commtest.Member) {
				processes := (peers + workers - 1) / workers
				for _, m := range join(t, processes, workers)[:peers] {
					m.peers = peers
					members = append(members, m)
				}
				return members
			})
		})
	}
}

// tallies adds up tallies, and makes them bytes.
type tallies struct{}

func (tallies) Empty() *commtest.Tally           { return commtest.NewTally() }
func (tallies) Merge(into, from *commtest.Tally) { into.Add(from) }
func (tallies) Reset(m *commtest.Tally)          { *m = commtest.Tally{} }
func (tallies) Append(dst []byte, m *commtest.Tally) ([]byte, error) {
	for _, n := range []int{m.Left, m.Right, m.Messages} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(n))
	}
	return dst, nil
}

func (tallies) Decode(b []byte, into *commtest.Tally) error {
	if len(b) != 24 {
		return fmt.Errorf("%d bytes", len(b))
	}
	word := func(i int) int { return int(binary.LittleEndian.Uint64(b[8*i:])) }
	into.Add(&commtest.Tally{Left: word(0), Right: word(1), Messages: word(2)})
	return nil
}

// TestSumsReachAllOthersWhole has every worker of three processes tell all others, on
// several channels, which they open when they like: everybody gets everything, once,
// and never a part of a message.
func TestSumsReachAllOthersWhole(t *testing.T) {
	const processes, workers, channels, rounds = 3, 2, 5, 300
	members := join(t, processes, workers)
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 4))
			var in []*local.Sum[*commtest.Tally]
			var to []*cluster.Ways[*commtest.Tally]
			got := make([]commtest.Tally, channels) // by channel
			take := func() {
				for _, c := range m.Ready() {
					if c >= len(in) {
						continue // not yet open
					}
					x := in[c].Take(commtest.NewTally())
					if x.Left != x.Right {
						t.Errorf("worker %d has part of a message", m.index)
					}
					got[c].Add(x)
				}
			}
			for c := range channels {
				s, w := cluster.OpenSum(m.fabric, m.index, c, tallies{})
				in, to = append(in, s), append(to, w)
				for range rounds {
					n := r.IntN(1000)
					to[c].Send(&commtest.Tally{Left: n, Right: n, Messages: 1})
					if r.IntN(3) == 0 {
						m.fabric.Flush(m.index)
					}
					if r.IntN(10) == 0 {
						take()
					}
				}
			}
			for slices.ContainsFunc(got, func(x commtest.Tally) bool { return x.Messages < (processes*workers-1)*rounds }) {
				m.Park(-1)
				take()
			}
			for c, x := range got {
				if x.Messages > (processes*workers-1)*rounds {
					t.Errorf("worker %d heard %d messages on channel %d", m.index, x.Messages, c)
				}
			}
			m.fabric.Flush(m.index)
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("a worker still waits")
	}
}

// TestSumsWaitAsOneForWhoOpensLate has one process tell another 10,000 times what that
// cannot hear yet: nothing of it travels before the other wants it, and then all does.
func TestSumsWaitAsOneForWhoOpensLate(t *testing.T) {
	const rounds = 10_000
	members := join(t, 2, 1)
	from, late := members[0], members[1]
	_, to := cluster.OpenSum(from.fabric, from.index, 0, tallies{})
	_, queue := from.OpenQueue(1)
	for range rounds {
		to.Send(&commtest.Tally{Left: 1, Right: 1, Messages: 1})
		from.fabric.Flush(from.index)
	}
	queue[late.index].Send(1)
	for began := time.Now(); late.fabric.Early() < 2; runtime.Gosched() { // the last message, and that the sender has opened the sum
		if time.Since(began) > 20*time.Second {
			t.Fatal("nothing arrives")
		}
	}
	if n := late.fabric.Early(); n > 2 {
		t.Errorf("%d parcels wait at who has not opened the channel", n)
	}
	in, _ := cluster.OpenSum(late.fabric, late.index, 0, tallies{})
	got := commtest.NewTally()
	for got.Messages < rounds {
		late.Park(-1)
		late.Ready()
		got.Add(in.Take(commtest.NewTally()))
	}
	for range 5 { // and from now on each as it is sent
		to.Send(&commtest.Tally{Left: 1, Right: 1, Messages: 1})
		from.fabric.Flush(from.index)
		for before := got.Messages; got.Messages == before; {
			late.Park(-1)
			late.Ready()
			got.Add(in.Take(commtest.NewTally()))
		}
	}
	if want := (commtest.Tally{Left: rounds + 5, Right: rounds + 5, Messages: rounds + 5}); *got != want {
		t.Errorf("got %+v", *got)
	}
}

// TestClosedChannelsAreForgotten, when all workers of the process have closed them, and
// what arrives then is dropped.
func TestClosedChannelsAreForgotten(t *testing.T) {
	members := join(t, 2, 2)
	var to []comm.Sender[int]
	for c := range 10 {
		for _, m := range members {
			_, to = m.OpenQueue(c)
		}
	}
	for c := range 10 {
		for i, m := range members[:2] {
			m.fabric.Close(c)
			if want := 10 - c - i; m.fabric.Open() != want {
				t.Fatalf("%d channels are open, want %d", m.fabric.Open(), want)
			}
		}
	}
	for range 100 {
		to[0].Send(1) // from a worker of the other process
	}
}

// TestEarlyMessagesAreThereWhenTheChannelIsOpened: many, as they were, and in order.
func TestEarlyMessagesAreThereWhenTheChannelIsOpened(t *testing.T) {
	const many = 50_000
	members := join(t, 2, 1)
	from, late := members[0], members[1]
	_, to, _, _ := cluster.OpenQueue(from.fabric, from.index, 0, 1<<20, numbers{})
	for n := range many {
		to[late.index].Send(n)
	}
	from.fabric.Flush(from.index)
	for began := time.Now(); late.fabric.Early() < many; runtime.Gosched() {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("of %d messages %d are kept", many, late.fabric.Early())
		}
	}
	in, _ := late.OpenQueue(0)
	for n, got := range in.Take(nil) {
		if got != n {
			t.Fatalf("message %d is %d", n, got)
		}
	}
	if n := late.fabric.Early(); n > 0 {
		t.Errorf("%d messages are still kept", n)
	}
}

// TestOfPostsThatWaitOnlyTheLastArrive: process 1 hears nothing while process 0 posts
// a lot, about two subjects. Then it hears the last of each, and what is told once.
func TestOfPostsThatWaitOnlyTheLastArrive(t *testing.T) {
	const posts = 1000
	deaf, begun := make(chan bool), make(chan bool)
	var once sync.Once
	heard := make(chan [3]int, 2*posts+10) // subject, number, length
	ms := joinWith(t, 2, 1, func(process int, b []byte) {
		if process == 0 {
			once.Do(func() {
				close(begun)
				<-deaf
			})
			heard <- [3]int{int(b[0]), int(binary.LittleEndian.Uint32(b[1:])), len(b)}
		}
	})
	text := func(subject, n int) []byte {
		b := make([]byte, 64<<10)
		b[0] = byte(subject)
		binary.LittleEndian.PutUint32(b[1:], uint32(n))
		return b
	}
	ms[0].fabric.Tell(text(0, 0))
	<-begun
	for n := range posts {
		for subject := 1; subject <= 2; subject++ {
			ms[0].fabric.Post(cluster.Subject{What: uint8(subject)}, text(subject, n))
		}
	}
	ms[0].fabric.Post(cluster.Subject{What: 3}, text(3, 1))
	close(deaf)
	count, last := 0, [4]int{-1, -1, -1, -1}
	for last != [4]int{0, posts - 1, posts - 1, 1} {
		select {
		case h := <-heard:
			if count++; h[1] < last[h[0]] || h[2] != 64<<10 || h[0] == 3 && (last[1] < posts-1 || last[2] < posts-1) {
				t.Fatalf("%v is heard after %v", h, last)
			}
			last[h[0]] = h[1]
		case <-time.After(time.Minute):
			t.Fatalf("%v is all that is heard", last)
		}
	}
	if count > posts {
		t.Errorf("%d posts were written that were of no interest any more", count)
	}
	t.Logf("%d of %d were written", count, 2*posts+2)
}
