package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/comm/tcp"
)

// These tests run several executions, joined as processes are.

// meshes joins so many processes, all of which are this one.
func meshes(t *testing.T, processes, workers int) (joined []*tcp.Mesh) {
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
	joined = make([]*tcp.Mesh, processes)
	errs := make([]error, processes)
	var all sync.WaitGroup
	for i, c := range configs {
		c.Hosts, c.Index, c.Workers, c.DeadAfter = hosts, i, workers, time.Minute
		all.Go(func() { joined[i], errs[i] = tcp.Join(t.Context(), c) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return joined
}

// executeCluster runs a program at all workers of some processes, and returns what
// each has failed with.
func executeCluster(t *testing.T, processes, workers int, program func(w *Worker) error) []*Failure {
	t.Helper()
	failures := make([]*Failure, processes)
	done := make(chan struct{})
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Second, errors.New("it hangs"))
	defer cancel()
	var all sync.WaitGroup
	for i, m := range meshes(t, processes, workers) {
		s := Settings{Workers: workers, Mesh: m, Grace: time.Second, Log: slog.New(slog.DiscardHandler)}
		all.Go(func() { failures[i] = Execute(ctx, s, nil, program) })
	}
	go func() { all.Wait(); close(done) }()
	<-done
	return failures
}

// waits parks until the execution fails.
func waits(w *Worker) error {
	<-w.Context().Done()
	return nil
}

func encoded(t testing.TB, all ...notice) []byte {
	t.Helper()
	bytes, err := notices().Append(nil, all)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// nothingIn is a dataflow of operators that have no ports. It returns what is compared
// with what other workers build.
func nothingIn(w *Worker, names ...string) (f *Dataflow, sums []uint64) {
	f = build(w, func(f *Dataflow, _ tracker) {
		for _, name := range names {
			addNode(f, name, body{turn: func() {}})
		}
		for _, p := range f.plan.parts {
			sums = append(sums, p.sum)
		}
	})
	return f, sums
}

// TestNoticesThatNobodySendsFailTheCluster hears them from process 1 of 2, with two
// workers each, or from process 0.
func TestNoticesThatNobodySendsFailTheCluster(t *testing.T) {
	garbage := []byte("garbage")
	tests := []struct {
		name  string
		from  int
		bytes []byte
		want  string
	}{
		{"garbage", 1, garbage, "process 1 sent what cannot be read: "},
		{"nothing", 1, encoded(t), "process 1 sent what cannot be read: 0 notices"},
		{"two", 1, encoded(t, notice{Worker: 2}, notice{Worker: 2}), "process 1 sent what cannot be read: 2 notices"},
		{"another's worker", 1, encoded(t, notice{Worker: 0}), "process 1 speaks for worker 0, which is not its own"},
		{"worker beyond", 1, encoded(t, notice{Worker: 4}), "process 1 speaks for worker 4, which is not its own"},
		{"negative worker", 0, encoded(t, notice{What: tellsSlot, Worker: -1}), "process 0 speaks for worker -1, which is not its own"},
		{"unknown", 1, encoded(t, notice{What: 99, Worker: 2}), "process 1 tells something that no process of this version does"},
		{"a negative dataflow", 1, encoded(t, notice{What: tellsPlan, Dataflow: -1, Worker: 2}), "process 1 builds dataflow -1 a second time"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			failures := executeCluster(t, 2, 2, func(w *Worker) error {
				if w.index == 2*(1-test.from) {
					w.x.hear(test.from, test.bytes)
				}
				return waits(w)
			})
			for i, f := range failures {
				if f == nil || !strings.Contains(f.Error(), test.want) || f.Process != i || f.Worker != -1 {
					t.Errorf("process %d: %+v, want %s", i, f, test.want)
				}
			}
		})
	}
}

// TestNoticesOfWhatIsNotThereAreOverlooked, as it is gone, or is not built yet.
func TestNoticesOfWhatIsNotThereAreOverlooked(t *testing.T) {
	failures := executeCluster(t, 2, 1, func(w *Worker) error {
		if w.index == 0 {
			nothingIn(w, "a")
			for _, n := range []notice{
				{What: tellsSlot, Dataflow: 7, Slot: slotText{Wants: true}},
				{What: tellsLaps, Dataflow: 7},
				{What: tellsLaps, Dataflow: 0, Number: 3},
				{What: tellsLaps, Dataflow: 0, Number: -1},
				{What: tellsEnded, Dataflow: -5},
				{What: tellsDropped, Dataflow: -5},
			} {
				n.Worker = 1
				w.x.hear(1, encoded(t, n))
			}
			if w.x.wanted.Load() != 0 || len(w.x.heard) != 0 {
				t.Error("something has come of it")
			}
			return nil
		}
		nothingIn(w, "a")
		return nil
	})
	if failures[0] != nil || failures[1] != nil {
		t.Error(failures)
	}
}

// TestAPlanThatWasHeardEarlyIsCompared with what is built here later.
func TestAPlanThatWasHeardEarlyIsCompared(t *testing.T) {
	site := siteText{"other.go", "other.go", 9}
	tests := []struct {
		name  string
		parts []partText
		want  []string
	}{
		{"another operator", []partText{{"a", site, 0}, {"x", site, 77}}, []string{"b@test.go:2", "stands where process 1 has x@other.go:9"}},
		{"one less", []partText{{"a", site, 0}}, []string{"b@test.go:2 is not there at process 1", "other.go:9"}},
		{"one more", []partText{{"a", site, 0}, {"b", site, 1}, {"c", site, 2}}, []string{"test.go:1 lacks c@other.go:9, which process 1 has"}},
		{"another type", []partText{{"a", site, 0}, {"b", site, 77}}, []string{"b@test.go:2 differs from process 1's b@other.go:9", "types"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, early := range []bool{true, false} {
				failures := executeCluster(t, 2, 1, func(w *Worker) error {
					if w.index == 1 {
						return waits(w)
					}
					_, sums := nothingIn(w, "a", "b", "c")
					parts := slices.Clone(test.parts)
					for i := range parts {
						if parts[i].Sum < 77 {
							parts[i].Sum = sums[parts[i].Sum]
						}
					}
					bytes := encoded(t, notice{What: tellsPlan, Dataflow: 1, Worker: 1, Site: site, Parts: parts})
					if early {
						w.x.hear(1, bytes)
					}
					nothingIn(w, "a", "b")
					w.x.hear(1, bytes)
					return waits(w)
				})
				for i, f := range failures {
					for _, want := range test.want {
						if f == nil || !strings.Contains(f.Error(), want) {
							t.Errorf("heard early: %v: process %d: %v, want %s", early, i, f, want)
						}
					}
				}
			}
		})
	}
}

// TestAPlanIsToldOnce by each process: a second one is a failure.
func TestAPlanIsToldOnce(t *testing.T) {
	failures := executeCluster(t, 2, 1, func(w *Worker) error {
		_, sums := nothingIn(w, "a")
		for w.index == 0 && !w.x.failing.Load() {
			parts := []partText{{"a", siteText{}, sums[0]}}
			w.x.hear(1, encoded(t, notice{What: tellsPlan, Worker: 1, Parts: parts}))
		}
		return waits(w)
	})
	if f := failures[0]; f == nil || !strings.Contains(f.Error(), "process 1 builds dataflow 0 a second time") {
		t.Error(f)
	}
}

// TestWhoHasReturnedWithoutBuildingIsNamed, whether its process is heard before the
// dataflow is built here or after.
func TestWhoHasReturnedWithoutBuildingIsNamed(t *testing.T) {
	const want = "the program of worker 1 has returned without building the dataflow at test.go:1"
	for _, early := range []bool{true, false} {
		failures := executeCluster(t, 2, 1, func(w *Worker) error {
			if w.index == 1 {
				return waits(w)
			}
			returned := encoded(t, notice{What: tellsReturned, Worker: 1, Number: 0})
			if early {
				w.x.hear(1, returned)
			}
			nothingIn(w, "a")
			w.x.hear(1, returned)
			return waits(w)
		})
		for i, f := range failures {
			if f == nil || !strings.Contains(f.Error(), want) {
				t.Errorf("heard early: %v: process %d: %v", early, i, f)
			}
		}
	}
	// And without anything that is made up.
	for _, first := range []int{0, 1} {
		failures := executeCluster(t, 2, 1, func(w *Worker) error {
			if w.index == first {
				return nil
			}
			nothingIn(w, "a")
			return waits(w)
		})
		for i, f := range failures {
			if f == nil || !strings.Contains(f.Error(), "returned without building the dataflow at test.go:1") {
				t.Errorf("process %d: %v", i, f)
			}
		}
	}
}

// forgotten reports whether nothing is known any more of any dataflow.
func (x *Execution) forgotten() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.plans) == 0 && len(x.heard) == 0
}

// TestDataflowsThatHaveEndedEverywhereAreForgotten builds a thousand that do nothing, or
// send something to all, and end in order or are dropped at some workers or all; some
// processes are ahead of others.
func TestDataflowsThatHaveEndedEverywhereAreForgotten(t *testing.T) {
	for _, shape := range [][2]int{{2, 1}, {2, 2}, {3, 1}} {
		processes, workers := shape[0], shape[1]
		t.Run(fmt.Sprint(processes, "x", workers), func(t *testing.T) {
			failures := executeCluster(t, processes, workers, func(w *Worker) error {
				var open []*Dataflow
				for i := range 1000 {
					f := build(w, func(f *Dataflow, _ tracker) {
						n := addNode(f, "a", body{turn: func() {}})
						f.OnSeal(func() { OpenQueue(f.AddEdge(n, "input"), numberWire{}, func([]int) {}) })
					})
					switch {
					case i%4 == 0 || i%4 == 1 && w.index == 0:
						f.Drop()
					default:
						open = append(open, f)
					}
					for len(open) > 1+3*w.index {
						w.Poll()
						if open[0].Complete() || i%7 == w.index {
							open[0].Drop()
							open = open[1:]
						}
						runtime.Gosched()
					}
				}
				for _, f := range open {
					f.Drop()
				}
				for !w.x.forgotten() {
					w.Poll()
					runtime.Gosched()
				}
				return nil
			})
			for i, f := range failures {
				if f != nil {
					t.Errorf("process %d: %v", i, f)
				}
			}
		})
	}
}

// TestAWorkerForgetsTheChannelsOfDataflowsThatAreDroppedEverywhere looks at what it keeps.
func TestAWorkerForgetsTheChannelsOfDataflowsThatAreDroppedEverywhere(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	failures := executeCluster(t, 2, 1, func(w *Worker) error {
		for range 100 {
			build(w, func(f *Dataflow, _ tracker) {
				n := addNode(f, "a", body{turn: func() {}})
				f.OnSeal(func() { OpenQueue(f.AddEdge(n, "input"), numberWire{}, func([]int) {}) })
			}).Drop()
		}
		for !w.x.forgotten() {
			w.Poll()
			runtime.Gosched()
		}
		both.Done()
		both.Wait()                  // else one hears of what the other builds next
		last, _ := nothingIn(w, "b") // looks for what it can forget
		last.Drop()
		w.drained()
		if n := len(w.receivers); n > 1 {
			t.Errorf("worker %d keeps %d channels", w.index, n)
		}
		return nil
	})
	for i, f := range failures {
		if f != nil {
			t.Errorf("process %d: %v", i, f)
		}
	}
}

// numberWire sends ints as nothing: nobody looks at them.
type numberWire struct{}

func (numberWire) Encode(int) (head, body []byte, owner tcp.Owner) { return []byte{1}, nil, nil }

func (numberWire) Decoder(*batch.Pools) func(int, []byte, func(int)) error {
	return func(_ int, _ []byte, take func(int)) error { take(1); return nil }
}

// TestAProgramThatReturnsTooEarlyIsNamed, as its process has heard of a dataflow that it
// should have built, or hears of it after.
func TestAProgramThatReturnsTooEarlyIsNamed(t *testing.T) {
	plan := encoded(t, notice{What: tellsPlan, Worker: 2, Site: siteText{"other.go", "other.go", 9}})
	for _, early := range []bool{true, false} {
		failures := executeCluster(t, 2, 2, func(w *Worker) error {
			switch {
			case w.index == 0 && early:
				w.x.hear(1, plan)
				return nil
			case w.index == 0:
				return nil
			case w.index == 1 && !early:
				for returned := false; !returned; runtime.Gosched() {
					w.x.mu.Lock()
					returned = w.x.workers[0].returned
					w.x.mu.Unlock()
				}
				w.x.hear(1, plan)
			}
			return waits(w)
		})
		for i, f := range failures {
			if f == nil || !strings.Contains(f.Error(), "returned without building the dataflow at other.go:9") {
				t.Errorf("heard early: %v: process %d: %v", early, i, f)
			}
		}
	}
}

// TestStopReachesAllProcesses asks one of them to stop.
func TestStopReachesAllProcesses(t *testing.T) {
	var all sync.WaitGroup
	failures := make([]*Failure, 3)
	for i, m := range meshes(t, 3, 2) {
		s := Settings{Workers: 2, Mesh: m, Grace: time.Second, Log: slog.New(slog.DiscardHandler)}
		all.Go(func() {
			begin := func(s Stopper) {
				if i == 1 {
					s.Stop()
				}
			}
			failures[i] = Execute(t.Context(), s, begin, func(w *Worker) error {
				build(w, func(f *Dataflow, _ tracker) { addNode(f, "busy", body{turn: func() {}}).SetBusy(true) })
				for !w.Stopping() {
					w.Step(-1)
				}
				for _, f := range slices.Clone(w.flows) {
					f.Drop()
				}
				return nil
			})
		})
	}
	all.Wait()
	for i, f := range failures {
		if f != nil {
			t.Errorf("process %d: %v", i, f)
		}
	}
}

// TestRestIsFoundOverProcesses tells one worker what another's process might, in any order.
func TestRestIsFoundOverProcesses(t *testing.T) {
	tests := []struct {
		name  string
		other []slotText // what is heard of the other, at last
		own   slot
		quiet bool
	}{
		{"nothing is heard", nil, slot{wants: true}, false},
		{"both idle", []slotText{{}}, slot{wants: true}, true},
		{"both want", []slotText{{Wants: true}}, slot{wants: true}, true},
		{"only the other wants", []slotText{{Wants: true}}, slot{}, false},
		{"the other is active", []slotText{{Active: true}}, slot{wants: true}, false},
		{"the other was active", []slotText{{Active: true}, {}}, slot{wants: true}, true},
		{"it is active", []slotText{{}}, slot{wants: true, active: true}, false},
		{"something is under way", []slotText{{Sent: 3, Received: 1}}, slot{wants: true, sent: 1, received: 2}, false},
		{"all has arrived", []slotText{{Sent: 3, Received: 1}}, slot{wants: true, sent: 1, received: 3}, true},
		{"the other has dropped it", []slotText{{Gone: true}}, slot{wants: true, sent: 8}, true},
		{"the other had wanted", []slotText{{Wants: true}, {}}, slot{wants: true}, true},
	}
	failures := executeCluster(t, 2, 1, func(w *Worker) error {
		if w.index == 1 {
			return nil
		}
		for _, test := range tests {
			for _, first := range []bool{true, false} { // it tells before it hears
				r := newRest(1000, 2, 0, 1)
				quiet := first && r.tell(w.x, 0, test.own)
				for _, s := range test.other {
					r.hear(w.x, 1, s)
				}
				if quiet = r.tell(w.x, 0, test.own) || quiet; quiet != test.quiet {
					t.Errorf("%s, told first: %v: at rest: %v", test.name, first, quiet)
				}
				r.hear(w.x, 1, slotText{})
				r.tell(w.x, 0, slot{})
				if r.wanted.Load() != 0 || w.x.wanted.Load() != 0 {
					t.Errorf("%s, told first: %v: somebody still wants to know", test.name, first)
				}
			}
		}
		return nil
	})
	if failures[0] != nil || failures[1] != nil {
		t.Error(failures)
	}
}

// TestADataflowIsAtRestAgainWhenAllHaveToldAgain: each says at least once what came of
// it that workers went on, wherever these are.
func TestADataflowIsAtRestAgainWhenAllHaveToldAgain(t *testing.T) {
	failures := executeCluster(t, 2, 2, func(w *Worker) error {
		if w.index != 0 {
			return nil
		}
		r := newRest(1000, 4, 0, 2)
		mustBe := func(want bool, worker int, now slot, when string) {
			t.Helper()
			if got := r.tell(w.x, worker, now); got != want {
				t.Errorf("%s: worker %d goes on: %v", when, worker, got)
			}
		}
		wants, idle := slot{wants: true}, slot{}
		mustBe(false, 0, wants, "at first")
		r.hear(w.x, 2, slotText{})
		r.hear(w.x, 3, slotText{Wants: true})
		mustBe(false, 1, idle, "when all have told")
		mustBe(true, 0, wants, "and one who wanted to know looks")
		tells := func(worker int) {
			if worker < 2 {
				mustBe(false, worker, []slot{wants, idle}[worker], "before all have told again")
			} else {
				r.hear(w.x, worker, slotText{Wants: worker == 3})
			}
		}
		for last := 1; last < 4; last++ {
			for worker := range 4 {
				if worker != last {
					tells(worker)
				}
			}
			mustBe(false, 0, wants, fmt.Sprintf("before %d has told again", last))
			tells(last)
			mustBe(true, 0, wants, "when all have told again")
		}
		tells(1)
		r.hear(w.x, 3, slotText{Wants: true, Round: 1})
		if r.slots[0].known || r.slots[1].known {
			t.Error("a round that began elsewhere does not have the workers here look again")
		}
		r.hear(w.x, 3, slotText{Round: 1})
		r.tell(w.x, 0, idle)
		return nil
	})
	for _, f := range failures {
		if f != nil {
			t.Error(f)
		}
	}
}

// TestRestAmongThreeProcessesIsAskedFor tells one worker what it may hear of two others:
// 1 has received what 0 sent and has sent something to 2, which is heard to have received
// that before 1 is heard at all.
func TestRestAmongThreeProcessesIsAskedFor(t *testing.T) {
	failures := executeCluster(t, 3, 1, func(w *Worker) error {
		if w.index != 0 {
			return nil
		}
		r := newRest(1000, 3, 0, 1)
		own := slot{wants: true, sent: 1}
		atRest := func(want bool, when string) {
			t.Helper()
			if r.tell(w.x, 0, own) != want {
				t.Errorf("%s: it is said to be at rest, or not, wrongly", when)
			}
		}
		atRest(false, "at first")
		r.hear(w.x, 1, slotText{})
		r.hear(w.x, 2, slotText{Received: 1})
		atRest(false, "when the sums agree by chance")
		first := r.question
		r.answered(w.x, first)
		r.hear(w.x, 1, slotText{Sent: 1, Received: 1, Active: true})
		r.answered(w.x, first)
		atRest(false, "when 1 is active")
		r.hear(w.x, 1, slotText{Sent: 1, Received: 1})
		r.answered(w.x, first)
		r.answered(w.x, first)
		atRest(false, "after answers to another question")
		r.answered(w.x, r.question)
		r.hear(w.x, 1, slotText{Sent: 2, Received: 2})
		r.answered(w.x, r.question)
		atRest(false, "when 1 has told something new")
		for range 2 {
			atRest(false, "before all have answered")
			r.answered(w.x, r.question)
		}
		atRest(true, "when all have answered")
		atRest(false, "when it has gone on")
		r.hear(w.x, 1, slotText{Sent: 2, Received: 2})
		r.hear(w.x, 2, slotText{Gone: true})
		atRest(true, "when a worker has dropped the dataflow, and nobody is asked")
		r.tell(w.x, 0, slot{})
		return nil
	})
	if slices.ContainsFunc(failures, func(f *Failure) bool { return f != nil }) {
		t.Error(failures)
	}
}

// TestAnActiveWorkerIsToldOfOnce, however much it does meanwhile.
func TestAnActiveWorkerIsToldOfOnce(t *testing.T) {
	failures := executeCluster(t, 2, 1, func(w *Worker) error {
		if w.index != 0 {
			return nil
		}
		r := newRest(1000, 2, 0, 1)
		r.hear(w.x, 1, slotText{Wants: true})
		for i, test := range []struct {
			now  slot
			told bool
		}{
			{slot{active: true}, true},
			{slot{active: true, sent: 1}, false},
			{slot{active: true, sent: 2, received: 7}, false},
			{slot{active: true, sent: 3, wants: true}, true},
			{slot{active: true, sent: 4, wants: true}, false},
			{slot{sent: 4, wants: true}, true},
			{slot{sent: 4, wants: true}, false},
			{slot{sent: 5, wants: true}, true},
			{slot{sent: 5, gone: true}, true},
		} {
			r.changed = false
			if r.tell(w.x, 0, test.now); r.changed != test.told {
				t.Errorf("%d: %+v: it is told: %v", i, test.now, r.changed)
			}
		}
		r.hear(w.x, 1, slotText{})
		return nil
	})
	if failures[0] != nil || failures[1] != nil {
		t.Error(failures)
	}
}

// TestLapsAreCountedOverProcesses has one process hear what another holds in a loop, and
// judge that by the budgets of both.
func TestLapsAreCountedOverProcesses(t *testing.T) {
	failures := executeCluster(t, 2, 1, func(w *Worker) error {
		if w.index == 1 {
			return nil
		}
		r := newRest(1000, 2, 0, 1)
		s := r.lapsOf(0)
		hear := func(c countsText) { r.hearLaps(w.x, 1, 0, c, true) }
		hear(countsText{Held: 1000})
		if s.full.Load() {
			t.Error("it is full before its budget is known")
		}
		s.allow(50)
		hear(countsText{Held: 100})
		if s.full.Load() || !s.waiting[1] {
			t.Error("it is full with as much as both budgets allow, or it is not heard that a producer waits")
		}
		hear(countsText{Held: 101, Live: 4})
		if !s.full.Load() || s.lap != 1 || s.step != 1 {
			t.Errorf("it is not full, or not in its first lap: %+v", s)
		}
		hear(countsText{Held: 101, Live: 4, Taken: 3})
		if s.lap != 1 {
			t.Error("the lap ends before all was taken that was there")
		}
		hear(countsText{Held: 101, Live: 4, Taken: 4})
		if s.lap != 2 || s.step != 2 {
			t.Errorf("nothing has changed, and more may not enter: %+v", s)
		}
		hear(countsText{Held: 101, Live: 2, Taken: 8})
		if s.lap != 3 || s.step != 1 {
			t.Errorf("some have left, and more may enter than at first: %+v", s)
		}
		hear(countsText{Held: 51})
		if !s.full.Load() {
			t.Error("it is not full any more with half of the budgets and a byte")
		}
		hear(countsText{Held: 50})
		if s.full.Load() || s.sum.held != 50 {
			t.Errorf("it is still full: %+v", s)
		}
		return nil
	})
	if failures[0] != nil || failures[1] != nil {
		t.Error(failures)
	}
}
