package commtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/comm"
)

// Join returns the members of a new fabric. What it starts ends with the test.
type Join func(t *testing.T, peers int) []Member

type test struct {
	name string
	run  func(*testing.T, Join)
}

// Run checks a fabric. A promise that is broken by never waking somebody is
// reported after a minute.
func Run(t *testing.T, join Join) {
	for _, test := range []test{
		{"SumsAreSumsOfWholeMessages", testSums},
		{"WhatIsSentToASumIsOnlyRead", testOnlyRead},
		{"EmptySumReturnsWhatItIsGiven", testEmptySum},
		{"MessagesWaitForTheReceiverToOpen", testBeforeOpen},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, join) })
	}
	RunQueues(t, join)
}

// RunQueues checks a fabric of which OpenSum is not used.
func RunQueues(t *testing.T, join Join) {
	for _, test := range []test{
		{"QueueKeepsTheOrderOfEachSender", testOrder},
		{"ChannelsDoNotMix", testChannels},
		{"EmptiedInboxIsHeardOfAgain", testHeardAgain},
		{"WhatWasSentKeepsFromParking", testSentBeforeParking},
		{"ParkEndsWithItsLimit", testLimit},
		{"SignalWakes", testSignal},
		{"NoWakeUpIsLost", testLostWakeUp},
		{"NoneOfSeveralWakeUpsIsLost", testLostAmongSeveral},
		{"CreditIsNeitherLostNorGivenTwice", testCredit},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, join) })
	}
}

// patience is how long something may take that takes microseconds.
const patience = time.Minute

// each runs one goroutine a member, and waits for all.
func each(t *testing.T, members []Member, run func(i int, m Member)) {
	t.Helper()
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() { run(i, m) })
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		stacks := make([]byte, 1<<20)
		t.Fatalf("a worker still waits after %v:\n%s", patience, stacks[:runtime.Stack(stacks, true)])
	}
}

// await parks until what is ready makes enough true.
func await(m Member, enough func(channel int) bool) {
	for {
		for _, channel := range m.Ready() {
			if enough(channel) {
				return
			}
		}
		m.Park(-1)
	}
}

// pause gives way to other goroutines at random.
func pause(r *rand.Rand) {
	for range max(0, r.IntN(8)-4) {
		runtime.Gosched()
	}
}

const perSender = 1000 // messages from one to another

func testOrder(t *testing.T, join Join) {
	for _, peers := range []int{1, 2, 4, 8} {
		each(t, join(t, peers), func(i int, m Member) {
			in, to := m.OpenQueue(0)
			r := rand.New(rand.NewPCG(uint64(i), uint64(peers)))
			expected := make([]int, peers) // the next from each
			left := peers * perSender
			var spare []int
			take := func() {
				got := in.Take(spare)
				for _, x := range got {
					from, n := x/perSender, x%perSender
					if n != expected[from] {
						t.Errorf("%d peers: worker %d took message %d of worker %d, not its message %d", peers, i, n, from, expected[from])
					}
					expected[from] = n + 1
				}
				left -= len(got)
				clear(got)
				spare = got
			}
			for n := range perSender {
				for _, s := range to {
					s.Send(i*perSender + n)
				}
				pause(r)
				if r.IntN(10) == 0 {
					take()
				}
			}
			for left > 0 {
				await(m, func(int) bool { take(); return left <= 0 })
			}
			if left < 0 {
				t.Errorf("%d peers: worker %d took %d messages too many", peers, i, -left)
			}
		})
	}
}

func testSums(t *testing.T, join Join) {
	for _, peers := range []int{1, 2, 4, 8} {
		each(t, join(t, peers), func(i int, m Member) {
			in, to := m.OpenSum(0)
			r := rand.New(rand.NewPCG(uint64(i), uint64(peers)))
			var sum Tally
			spare := NewTally()
			take := func() {
				got := in.Take(spare)
				if got.Left != got.Right {
					t.Errorf("worker %d took a sum of parts: %+v", i, *got)
				}
				sum.Add(got)
				*got = Tally{}
				spare = got
			}
			own := NewTally()
			for n := range perSender {
				*own = Tally{n - i, n - i, 1}
				for _, s := range to {
					s.Send(own)
				}
				pause(r)
				if r.IntN(10) == 0 {
					take()
				}
			}
			enough := func(int) bool { take(); return sum.Messages >= peers*perSender }
			if take(); sum.Messages < peers*perSender {
				await(m, enough)
			}
			total := peers*perSender*(perSender-1)/2 - perSender*peers*(peers-1)/2
			if want := (Tally{total, total, peers * perSender}); sum != want {
				t.Errorf("%d peers: worker %d took %+v, want %+v", peers, i, sum, want)
			}
		})
	}
}

func testOnlyRead(t *testing.T, join Join) {
	members := join(t, 1)
	in, to := members[0].OpenSum(0)
	sent := &Tally{2, 2, 1}
	to[0].Send(sent)
	if *sent != (Tally{2, 2, 1}) {
		t.Errorf("Send has changed what was sent to %+v", *sent)
	}
	*sent = Tally{5, 5, 1}
	to[0].Send(sent)
	*sent = Tally{100, 100, 100}
	got, spare := NewTally(), NewTally()
	await(members[0], func(int) bool {
		s := in.Take(spare)
		got.Add(s)
		*s = Tally{}
		spare = s
		return got.Messages >= 2
	})
	if *got != (Tally{7, 7, 2}) {
		t.Errorf("took %+v, want 7 and 7 of 2 messages", *got)
	}
}

func testEmptySum(t *testing.T, join Join) {
	in, _ := join(t, 2)[1].OpenSum(0)
	spare := NewTally()
	for range 3 {
		if in.Take(spare) != spare || *spare != (Tally{}) {
			t.Error("an empty sum is not empty")
		}
	}
}

func testBeforeOpen(t *testing.T, join Join) {
	members := join(t, 3)
	const queue, sum = 1, 0
	for _, channel := range []int{sum, queue} { // all open channels in one order
		for i, m := range members[:2] {
			switch channel {
			case sum:
				_, to := m.OpenSum(channel)
				to[2].Send(&Tally{i, i, 1})
				to[2].Send(&Tally{10, 10, 1})
			case queue:
				_, to := m.OpenQueue(channel)
				to[2].Send(10 * i)
				to[2].Send(10*i + 1)
			}
		}
	}
	each(t, members[2:], func(_ int, m Member) {
		m.Ready() // it may have heard of what it does not know yet
		tallies, _ := m.OpenSum(sum)
		got, spare := NewTally(), NewTally()
		await(m, func(channel int) bool {
			if channel == sum {
				s := tallies.Take(spare)
				got.Add(s)
				*s = Tally{}
				spare = s
			}
			return got.Messages == 4
		})
		if *got != (Tally{21, 21, 4}) {
			t.Errorf("took %+v from the sum", *got)
		}
		numbers, _ := m.OpenQueue(queue)
		var all []int
		await(m, func(channel int) bool {
			if channel == queue {
				all = append(all, numbers.Take(nil)...)
			}
			return len(all) >= 4
		})
		zero, one := slices.Index(all, 0), slices.Index(all, 10)
		if slices.Sort(all); !slices.Equal(all, []int{0, 1, 10, 11}) || zero > 2 || one > 2 {
			t.Errorf("took %v from the queue", all)
		}
	})
}

func testChannels(t *testing.T, join Join) {
	const peers, channels = 3, 20
	each(t, join(t, peers), func(i int, m Member) {
		in := make([]Queue, channels)
		to := make([][]comm.Sender[int], channels)
		for c := range channels {
			in[c], to[c] = m.OpenQueue(c)
		}
		for n := range 100 {
			for c := range channels {
				to[c][(i+n)%peers].Send(c)
			}
		}
		got := make([]int, channels)
		left := 0 // messages to this worker
		for from := range peers {
			for n := range 100 {
				if (from+n)%peers == i {
					left += channels
				}
			}
		}
		await(m, func(channel int) bool {
			for _, x := range in[channel].Take(nil) {
				if x != channel {
					t.Errorf("channel %d has a message of channel %d", channel, x)
				}
				got[channel]++
				left--
			}
			return left == 0
		})
		for c := range channels {
			if got[c] != got[0] {
				t.Errorf("%d messages in channel %d, %d in channel 0", got[c], c, got[0])
			}
		}
	})
}

func testHeardAgain(t *testing.T, join Join) {
	members := join(t, 2)
	var token atomic.Int64 // the message that may be sent
	each(t, members, func(i int, m Member) {
		in, to := m.OpenQueue(0)
		if i == 0 {
			for n := range int64(1000) {
				for token.Load() != n {
					runtime.Gosched()
				}
				to[1].Send(int(n))
			}
			return
		}
		for n := range int64(1000) {
			await(m, func(int) bool {
				got := in.Take(nil)
				if len(got) > 1 || len(got) == 1 && got[0] != int(n) {
					t.Errorf("took %v, want %d", got, n)
				}
				return len(got) > 0
			})
			token.Store(n + 1)
		}
	})
}

func testSentBeforeParking(t *testing.T, join Join) {
	members := join(t, 1) // nobody else can wake it
	each(t, members, func(_ int, m Member) {
		in, to := m.OpenQueue(0)
		for n := range 1000 {
			to[0].Send(n)
			if n%2 == 0 {
				await(m, func(int) bool { return len(in.Take(nil)) == 1 })
				continue
			}
			m.Park(-1)
			await(m, func(int) bool { return len(in.Take(nil)) == 1 })
		}
	})
}

func testLimit(t *testing.T, join Join) {
	each(t, join(t, 2), func(_ int, m Member) {
		m.OpenQueue(0)
		m.Ready()
		m.Park(0)
		for range 3 {
			m.Park(time.Microsecond)
		}
	})
}

func testSignal(t *testing.T, join Join) {
	members := join(t, 2)
	var heard, parked atomic.Int64
	const signals = 2000
	each(t, members, func(i int, m Member) {
		if i == 0 {
			for n := range int64(signals) {
				for parked.Load() < n {
					runtime.Gosched()
				}
				heard.Store(n + 1)
				members[1].Signal()
			}
			return
		}
		for n := range int64(signals) {
			for m.Ready(); heard.Load() <= n; m.Ready() {
				m.Park(-1)
			}
			parked.Store(n + 1)
		}
	})
}

// often returns how often to do what is done n times in a run of usual length.
func often(n int) int {
	if testing.Short() {
		n /= 10
	}
	if s, err := strconv.ParseFloat(os.Getenv("TIMELY_SUITE_SECONDS"), 64); err == nil && s > 1 {
		n = int(float64(n) * s)
	}
	return n
}

// testLostWakeUp sends tokens round, each worker parking whenever it sees none.
func testLostWakeUp(t *testing.T, join Join) {
	hops := often(100_000)
	for _, peers := range []int{2, 3, 4} {
		for _, tokens := range []int{1, 2} {
			hops := hops / (tokens * tokens) // with one there is most to lose
			parks := make([]int, peers)
			each(t, join(t, peers), func(i int, m Member) {
				parks[i] = passTokens(i, m, peers, tokens, hops)
			})
			total := 0
			for _, n := range parks {
				total += n
			}
			fmt.Printf("count: %s: %d peers, %d tokens: %d hops, %d parks\n", t.Name(), peers, tokens, hops, total)
		}
	}
}

// passTokens passes on what is left of each token, until all are at their end. The
// worker that sees the end of a token tells everyone.
func passTokens(i int, m Member, peers, tokens, hops int) (parks int) {
	in, to := m.OpenQueue(0)
	r := rand.New(rand.NewPCG(uint64(i), uint64(peers)))
	if i == 0 {
		for range tokens {
			to[1%peers].Send(hops / tokens)
		}
	}
	var spare []int
	for ended := 0; ; {
		for range m.Ready() {
			got := in.Take(spare)
			for _, left := range got {
				pause(r)
				switch {
				case left > 0:
					to[r.IntN(peers)].Send(left - 1)
				case left == 0:
					for _, s := range to {
						s.Send(-1)
					}
				default:
					ended++
				}
			}
			spare = got
		}
		if ended == tokens {
			return parks
		}
		pause(r)
		m.Park(-1)
		parks++
	}
}

// testLostAmongSeveral has all workers but one send to that one at the same time,
// round by round: in one channel together, and each in its own. Nothing else is
// sent before all has arrived, so nothing makes up for a wake-up that is lost.
func testLostAmongSeveral(t *testing.T, join Join) {
	rounds := often(20_000)
	for _, peers := range []int{2, 3, 4} {
		each(t, join(t, peers), func(i int, m Member) {
			in := make([]Queue, peers+1)
			to := make([][]comm.Sender[int], peers+1)
			for c := range in {
				in[c], to[c] = m.OpenQueue(c)
			}
			r := rand.New(rand.NewPCG(uint64(i), uint64(peers)))
			for round := range rounds {
				if i > 0 {
					pause(r)
					to[peers][0].Send(round)
					to[i][0].Send(round)
					await(m, func(channel int) bool { return len(in[channel].Take(nil)) > 0 })
					continue
				}
				left := 2 * (peers - 1)
				await(m, func(channel int) bool {
					left -= len(in[channel].Take(nil))
					return left == 0
				})
				for _, s := range to[0][1:] {
					s.Send(round)
				}
			}
		})
	}
	fmt.Printf("count: %s: %d rounds\n", t.Name(), rounds)
}
