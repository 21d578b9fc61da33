package local

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timely-go/timely/internal/host"
)

func suite(t *testing.T) time.Time {
	t.Helper()
	seconds := 1.0
	if text := os.Getenv("TIMELY_SUITE_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal("TIMELY_SUITE_SECONDS: ", err)
		}
	}
	return time.Now().Add(time.Duration(seconds * float64(time.Second)))
}

func quiet() *host.Host {
	h := host.Real()
	h.Spin = false
	return h
}

// group is workers that park alone and pass on a few tokens. All are stuck when
// the last token is gone, and not before.
type group struct {
	fabric *Fabric
	live   atomic.Int64 // tokens
	stuck  atomic.Int64 // workers that were told so
	over   atomic.Bool
	early  atomic.Int64 // tokens that were live when a worker was told that it is stuck
}

func (g *group) work(i int, r *rand.Rand, leaves bool) {
	in, to := OpenQueue[int](g.fabric, i, 0)
	end := g.fabric.End(i)
	for !g.over.Load() {
		for range end.Ready() {
			for _, left := range in.Take(nil) {
				if left == 0 {
					g.live.Add(-1)
					continue
				}
				to[r.IntN(len(to))].Send(left - 1)
			}
			for range max(0, r.IntN(6)-3) {
				runtime.Gosched()
			}
		}
		if leaves && g.live.Load() == 0 {
			end.Leave()
			return
		}
		if end.Park(-1, true) {
			g.early.Add(g.live.Load())
			g.stuck.Add(1)
			g.over.Store(true)
			for j := range g.fabric.Peers() {
				g.fabric.End(j).Signal()
			}
		}
	}
}

// TestStuckExactlyWhenAllAreAsleep has tokens go round until they vanish: then, and
// not earlier, one worker is told that nobody can go on.
func TestStuckExactlyWhenAllAreAsleep(t *testing.T) {
	end := suite(t)
	rounds := 0
	for seed := uint64(0); rounds == 0 || time.Now().Before(end); seed++ {
		r := rand.New(rand.NewPCG(seed, 0))
		peers := 1 + r.IntN(4)
		g := &group{fabric: NewFabric(peers, quiet())}
		tokens := 1 + r.IntN(2)
		g.live.Store(int64(tokens))
		boxes := open(g.fabric, g.fabric.begun, 0, func(e *End) *Queue[int] { return &Queue[int]{bell: Bell{end: e}} })
		g.fabric.begun[0] = &opening{boxes, peers} // as nobody has opened it
		for range tokens {
			boxes[r.IntN(peers)].Send(r.IntN(40))
		}
		var all sync.WaitGroup
		for i := range peers {
			all.Go(func() { g.work(i, rand.New(rand.NewPCG(seed, uint64(i))), false) })
		}
		wait(t, &all)
		if g.stuck.Load() != 1 || g.early.Load() != 0 {
			t.Fatalf("seed %d, %d peers: %d workers were told that they are stuck, with %d tokens live", seed, peers, g.stuck.Load(), g.early.Load())
		}
		rounds++
	}
	fmt.Printf("count: %s: %d rounds\n", t.Name(), rounds)
}

// TestLeavingIsNotStuck has some workers leave when the last token is gone: those
// that stay are told that they are stuck, and not while a token is live.
func TestLeavingIsNotStuck(t *testing.T) {
	end := suite(t)
	rounds := 0
	for seed := uint64(0); rounds == 0 || time.Now().Before(end); seed++ {
		r := rand.New(rand.NewPCG(seed, 1))
		const peers = 4
		g := &group{fabric: NewFabric(peers, quiet())}
		g.live.Store(1)
		boxes := open(g.fabric, g.fabric.begun, 0, func(e *End) *Queue[int] { return &Queue[int]{bell: Bell{end: e}} })
		g.fabric.begun[0] = &opening{boxes, peers} // as nobody has opened it
		boxes[r.IntN(peers)].Send(r.IntN(40))
		leave := 1 + r.IntN(peers-1)
		var all sync.WaitGroup
		for i := range peers {
			all.Go(func() { g.work(i, rand.New(rand.NewPCG(seed, uint64(i))), i < leave) })
		}
		wait(t, &all)
		if g.stuck.Load() != 1 || g.early.Load() != 0 {
			t.Fatalf("seed %d: %d workers were told that they are stuck, with %d tokens live, when %d may leave", seed, g.stuck.Load(), g.early.Load(), leave)
		}
		rounds++
	}
	fmt.Printf("count: %s: %d rounds\n", t.Name(), rounds)
}

func wait(t *testing.T, all *sync.WaitGroup) {
	t.Helper()
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		stacks := make([]byte, 1<<20)
		t.Fatalf("nobody is told:\n%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// TestNapperKeepsOthersFromBeingStuck has one worker nap, with a time limit, with
// something else that may wake it, or with a signal that it has not looked at.
func TestNapperKeepsOthersFromBeingStuck(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit time.Duration
		alone bool
	}{
		{"with a limit", time.Hour, true},
		{"not alone", -1, false},
		{"with both", time.Hour, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFabric(3, quiet())
				told := make(chan int, 3)
				var all sync.WaitGroup
				park := func(i int, limit time.Duration, alone bool) {
					all.Go(func() {
						if f.End(i).Park(limit, alone) {
							told <- i
						}
					})
				}
				park(0, test.limit, test.alone)
				park(1, -1, true)
				park(2, -1, true)
				synctest.Wait()
				if len(told) > 0 {
					t.Fatalf("worker %d is told that it is stuck", <-told)
				}
				f.End(2).Signal() // it looks again, with the same result
				synctest.Wait()
				f.End(2).Ready()
				park(2, -1, true)
				synctest.Wait()
				if len(told) > 0 {
					t.Fatalf("worker %d is told that it is stuck", <-told)
				}
				f.End(0).Signal() // it wakes, and then sleeps like the others
				synctest.Wait()
				f.End(0).Ready()
				park(0, -1, true)
				synctest.Wait()
				if len(told) != 1 || <-told != 0 {
					t.Fatal("the last to sleep is not told")
				}
				f.End(1).Signal()
				f.End(2).Signal()
				all.Wait()
			})
		})
	}
}

func TestSignalNotLookedAtKeepsOthersFromBeingStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFabric(2, quiet())
		f.End(0).state.Store(asleep) // between its announcement and its second look
		f.End(0).rung.Store(&f.End(0).signal)
		var all sync.WaitGroup
		all.Go(func() {
			if f.End(1).Park(-1, true) {
				t.Error("stuck, though the other has a signal")
			}
		})
		synctest.Wait()
		f.End(1).Signal()
		all.Wait()
	})
}

func TestSignalBeforeParkKeepsFromParking(t *testing.T) {
	for _, limit := range []time.Duration{-1, 0, time.Hour} {
		for _, alone := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				e := NewFabric(1, quiet()).End(0)
				e.Signal()
				e.Signal()
				start := time.Now()
				for range 2 { // until Ready
					if e.Park(limit, alone) {
						t.Error("stuck, though there is a signal")
					}
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("slept %v, though there is a signal", took)
				}
				e.Ready()
				if stuck := e.Park(time.Second, alone); stuck || time.Since(start) != time.Second {
					t.Errorf("after Ready: stuck %v, slept %v, want 1 s", stuck, time.Since(start))
				}
			})
		}
	}
}

func TestLonelyWorkerIsStuckAtOnce(t *testing.T) {
	e := NewFabric(1, quiet()).End(0)
	if !e.Park(-1, true) {
		t.Error("not stuck")
	}
	if e.state.Load() != awake {
		t.Error("it still counts as asleep")
	}
}

// TestEveryoneSpinsOrNobody is about fabrics with more workers than processors:
// there a worker that looks for work keeps another from doing it.
func TestEveryoneSpinsOrNobody(t *testing.T) {
	h := host.Real()
	procs := runtime.GOMAXPROCS(0)
	for _, workers := range []int{1, procs, procs + 1, 2 * procs} {
		f := NewFabric(workers, h)
		for i, e := range f.ends {
			if want := workers <= procs; e.spin != want {
				t.Errorf("%d workers, %d processors: worker %d spins: %v", workers, procs, i, e.spin)
			}
		}
	}
}

func TestSpinningSeesASignal(t *testing.T) {
	h := host.Real()
	e := NewFabric(1, h).End(0)
	if e.spinning() {
		t.Error("a signal out of nothing")
	}
	e.Signal()
	if !e.spinning() {
		t.Error("a signal is not seen")
	}
}

// TestManyGoroutinesSend sends to one worker from goroutines that are no workers.
func TestManyGoroutinesSend(t *testing.T) {
	const senders, each = 16, 2000
	f := NewFabric(1, quiet())
	queue, toQueue := OpenQueue[int](f, 0, 0)
	sum, toSum := OpenSum(f, 0, 1, func() *int { return new(int) }, func(into, from *int) { *into += *from })
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for n := range each {
				toQueue[0].Send(i*each + n)
				toSum[0].Send(&n)
			}
		})
	}
	all.Go(func() {
		var last [senders]int
		got, total, want := 0, 0, senders*each*(each-1)/2
		for e := f.End(0); got < senders*each || total < want; {
			e.Park(-1, false)
			for _, channel := range e.Ready() {
				if channel == 1 {
					total += *sum.Take(new(int))
					continue
				}
				for _, x := range queue.Take(nil) {
					if from, n := x/each, x%each+1; n != last[from]+1 {
						t.Errorf("message %d of goroutine %d after its message %d", n, from, last[from])
					} else {
						last[from] = n
					}
					got++
				}
			}
		}
		if got != senders*each || total != want {
			t.Errorf("%d messages, sum %d; want %d and %d", got, total, senders*each, want)
		}
	})
	wait(t, &all)
}

func TestChannelIsForgottenWhenAllHaveOpenedIt(t *testing.T) {
	f := NewFabric(2, quiet())
	OpenQueue[int](f, 0, 0)
	OpenQueue[string](f, 0, 1)
	OpenQueue[int](f, 1, 0)
	if len(f.begun) != 1 {
		t.Errorf("%d channels are begun, want 1", len(f.begun))
	}
}

func TestTakeReusesWhatItIsGiven(t *testing.T) {
	f := NewFabric(1, quiet())
	in, to := OpenQueue[int](f, 0, 0)
	e := f.End(0)
	var spare []int
	round := func() {
		for n := range 100 {
			to[0].Send(n)
		}
		e.Ready()
		spare = in.Take(spare)
	}
	round()
	round()
	round()
	if n := testing.AllocsPerRun(100, round); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestLeavingAfterSendingIsNotStuck has workers send one token each to those that
// stay, and leave at once: those that stay have work left.
func TestLeavingAfterSendingIsNotStuck(t *testing.T) {
	end := suite(t)
	rounds := 0
	for seed := uint64(0); rounds == 0 || time.Now().Before(end); seed++ {
		r := rand.New(rand.NewPCG(seed, 2))
		const peers = 4
		leave := 1 + r.IntN(peers-1)
		g := &group{fabric: NewFabric(peers, quiet())}
		g.live.Store(int64(leave))
		var all sync.WaitGroup
		for i := range peers {
			if i >= leave {
				all.Go(func() { g.work(i, rand.New(rand.NewPCG(seed, uint64(i))), false) })
				continue
			}
			spin := r.IntN(50)
			all.Go(func() {
				_, to := OpenQueue[int](g.fabric, i, 0)
				for range spin {
					runtime.Gosched()
				}
				to[leave+spin%(peers-leave)].Send(0)
				g.fabric.End(i).Leave()
			})
		}
		wait(t, &all)
		if g.stuck.Load() != 1 || g.early.Load() != 0 {
			t.Fatalf("seed %d: %d workers were told that they are stuck, with %d tokens live, when %d leave", seed, g.stuck.Load(), g.early.Load(), leave)
		}
		rounds++
	}
	fmt.Printf("count: %s: %d rounds\n", t.Name(), rounds)
}
