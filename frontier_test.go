package timely_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
	"github.com/timely-go/timely/timelytest"
)

// This file is about frontiers: what capabilities, notifications and probes say of
// times, and when operators run because of them.

// ledger counts, for all workers together, the records of each time that were sent
// and not yet seen where they end. It knows everything, as no worker does.
type ledger struct {
	t         *testing.T
	setting   timelytest.Setting
	underWay  []atomic.Int64 // by epoch
	completed atomic.Int64   // looks that found something complete
}

func newLedger(t *testing.T, setting timelytest.Setting, epochs int) *ledger {
	return &ledger{t: t, setting: setting, underWay: make([]atomic.Int64, epochs)}
}

// look fails the test if a frontier has passed a time with records under way. The
// frontier was read before.
func (l *ledger) look(where string, frontier order.Antichain[timely.Epoch]) {
	for e := range l.underWay {
		if frontier.LessEqual(timely.Epoch(e)) {
			continue
		}
		l.completed.Add(1)
		if n := l.underWay[e].Load(); n != 0 {
			l.t.Errorf("%v: %s has the frontier %v, and %d records of %d are under way", l.setting, where, frontier, n, e)
		}
	}
}

// TestFrontiersNeverPassRecordsUnderWay sends through fused stages that cross
// scopes, and asks everywhere.
func TestFrontiersNeverPassRecordsUnderWay(t *testing.T) {
	const epochs, each, copies = 8, 12, 3
	passes := map[string]func(timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int]{
		"enter, maps, leave": func(s timely.Stream[timely.Epoch, int]) (left timely.Stream[timely.Epoch, int]) {
			timely.Nested(s.Scope(), "inside", order.LoopRefinement[timely.Epoch](), func(inner timely.Scope[timely.Loop[timely.Epoch]]) {
				in := timely.Enter(s, inner)
				left = timely.Leave(timely.Map(timely.Map(in, func(n int) int { return n + 1 }), func(n int) int { return n - 1 }), s.Scope())
			})
			return left
		},
		"a loop of stages": func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
			counted := timely.Map(s, func(n int) [2]int { return [2]int{n, n % 5} })
			round := timely.Iterate(counted, func(all timely.Stream[timely.Loop[timely.Epoch], [2]int]) (again, done timely.Stream[timely.Loop[timely.Epoch], [2]int]) {
				next := timely.Map(all, func(r [2]int) [2]int { return [2]int{r[0], r[1] - 1} })
				return timely.Split(next, func(r [2]int) bool { return r[1] > 0 })
			})
			return timely.Map(round, func(r [2]int) int { return r[0] })
		},
		"a loop with an exchange": func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
			counted := timely.Map(s, func(n int) [2]int { return [2]int{n, n % 5} })
			round := timely.Iterate(counted, func(all timely.Stream[timely.Loop[timely.Epoch], [2]int]) (again, done timely.Stream[timely.Loop[timely.Epoch], [2]int]) {
				next := timely.Map(all, func(r [2]int) [2]int { return [2]int{r[0], r[1] - 1} })
				moved := timely.Exchange(next, func(r [2]int) uint64 { return uint64(r[0] + r[1]) })
				return timely.Split(moved, func(r [2]int) bool { return r[1] > 0 })
			})
			return timely.Map(round, func(r [2]int) int { return r[0] })
		},
		"kept until complete": func(s timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
			return keepUntilComplete(s, timely.ExchangeBy(uintOf))
		},
	}
	for name, pass := range passes {
		t.Run(name, func(t *testing.T) {
			for _, setting := range timelytest.Settings() {
				for _, workers := range upToFour {
					l := newLedger(t, setting, epochs)
					setting.Run(t, workers, func(w *timely.Worker) error {
						input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
						timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
							passed := pass(input.Stream(s))
							many := timely.FlatMap(passed, func(n int) iter.Seq[int] {
								return func(yield func(int) bool) {
									for range copies {
										yield(n)
									}
								}
							})
							timely.ProbeWith(l.seen(many, w), probe)
						})
						for e := range epochs {
							for i := range each {
								l.underWay[e].Add(copies)
								input.Send(i * (w.Index() + 3))
							}
							input.AdvanceTo(timely.Epoch(e + 1))
							if (e+w.Index())%3 == 0 {
								w.Poll()
							}
							l.look("the probe", probe.Frontier())
						}
						input.Close()
						for !probe.Done() {
							w.Step()
							l.look("the probe", probe.Frontier())
						}
						return nil
					})
					if n := l.completed.Load(); n < epochs {
						t.Errorf("%v: only %d looks found something complete", setting, n)
					}
				}
			}
		})
	}
}

// seen counts what a stream carries as seen, at a worker that it is exchanged to,
// and looks from notifications.
func (l *ledger) seen(s timely.Stream[timely.Epoch, int], w *timely.Worker) timely.Stream[timely.Epoch, int] {
	complete := timely.NewNotificator[timely.Epoch]()
	return timely.Unary(s, timely.ExchangeBy(uintOf), "Seen",
		func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
			for at, records := range in.Batches() {
				l.underWay[at.Time()].Add(-int64(len(records)))
				complete.NotifyAt(at)
			}
			l.look(fmt.Sprint("the operator at worker ", w.Index()), in.Frontier())
			for at := range complete.Ready(in.Frontier()) {
				if n := l.underWay[at.Time()].Load(); n != 0 {
					l.t.Errorf("%v: notified of %v with %d records under way", l.setting, at.Time(), n)
				}
				out.Session(at).Send(0)
			}
		})
}

// keepUntilComplete sends the records of each time when that is complete. A record
// that comes later makes the program fail.
func keepUntilComplete[T timely.Timestamp[T]](s timely.Stream[T, int], p timely.Pact[int]) timely.Stream[T, int] {
	kept := make(map[T][]int)
	done := make(map[T]bool)
	complete := timely.NewNotificator[T]()
	return timely.Unary(s, p, "KeepUntilComplete", func(in *timely.InPort[T, int], out *timely.OutPort[T, int]) {
		for at, records := range in.Batches() {
			if done[at.Time()] {
				panic(fmt.Sprintf("records arrive at %v, which was complete", at.Time()))
			}
			kept[at.Time()] = append(kept[at.Time()], records...)
			complete.NotifyAt(at)
		}
		for at := range complete.Ready(in.Frontier()) {
			done[at.Time()] = true
			out.Session(at).SendBatch(kept[at.Time()])
			delete(kept, at.Time())
		}
	})
}

// TestNotificatorDeliversInOrder is the case of Naiad and of timely-dataflow's
// notificator: pending times are handed out when a frontier has passed them, in an
// order that extends theirs.
func TestNotificatorDeliversInOrder(t *testing.T) {
	type pair = order.Product[timely.Epoch, timely.Epoch]
	at := func(outer, inner timely.Epoch) pair { return pair{Outer: outer, Inner: inner} }
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[pair]) {
			b := timely.NewBuilder(s, "Order")
			out, _ := timely.AddOutput[int](b)
			first := b.Initial(out)
			n := timely.NewNotificator[pair]()
			b.Build(func() bool {
				for _, t := range []pair{at(3, 5), at(5, 4), at(1, 2), at(1, 1), at(1, 1), at(5, 4), at(6, 0), at(6, 2), at(5, 8)} {
					n.NotifyAt(first.Delay(t))
				}
				ready := func(frontier ...pair) string {
					var times []string
					for c := range n.Ready(order.AntichainOf(frontier...)) {
						times = append(times, fmt.Sprint(c.Time()))
						if c.Time() == at(5, 8) {
							n.NotifyAt(c.Delay(at(5, 9)))
						}
					}
					return strings.Join(times, " ")
				}
				for _, test := range []struct{ got, want string }{
					{ready(at(0, 0)), ""},
					{ready(at(5, 7), at(6, 1)), "(1, 1) (1, 2) (3, 5) (5, 4) (6, 0)"},
					{ready(at(6, 10)), "(5, 8) (5, 9) (6, 2)"},
				} {
					if test.got != test.want {
						t.Errorf("got %q, want %q", test.got, test.want)
					}
				}
				if n.Pending() != 0 {
					t.Errorf("%d times are left", n.Pending())
				}
				first.Drop()
				return false
			})
		})
		return nil
	})
}

// TestReadyLoopThatBreaksKeepsTheRest takes one notification a turn, and is run
// again for the others.
func TestReadyLoopThatBreaksKeepsTheRest(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		numbersOverTime(w, func(s timely.Stream[timely.Epoch, int]) {
			complete := timely.NewNotificator[timely.Epoch]()
			timelytest.Collect(timely.Unary(s, timely.ExchangeBy(func(int) uint64 { return 0 }), "One",
				func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
					for at := range in.Batches() {
						complete.NotifyAt(at)
					}
					for at := range complete.Ready(in.Frontier()) {
						out.Session(at).Send(1)
						break
					}
				}), out)
		})
		return nil
	}, upToFour)
	if got, want := answer.String(), "0: 1\n1: 1\n2: 1\n3: 1\n4: 1"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestBarrierDeliversOneNotificationATurn synchronizes the workers by a loop of
// nothing but notifications.
func TestBarrierDeliversOneNotificationATurn(t *testing.T) {
	const last = 99
	for _, setting := range timelytest.Settings() {
		for _, workers := range upToFour {
			setting.Run(t, workers, func(w *timely.Worker) error {
				delivered := 0
				timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
					loop, cycle := timely.Feedback[int](s, 1)
					b := timely.NewBuilder(s, "Barrier")
					in := timely.AddInput(b, cycle, timely.Pipeline)
					out, round := timely.AddOutput[int](b)
					first := b.Initial(out)
					n := timely.NewNotificator[timely.Epoch]()
					begun := false
					b.Build(func() bool {
						if !begun {
							begun = true
							n.NotifyAt(first)
							n.NotifyAt(first.Delay(1))
							first.Drop()
						}
						inTurn := 0
						for at := range n.Ready(in.Frontier()) {
							inTurn++
							if next := at.Time() + 1; next <= last {
								n.NotifyAt(at.Delay(next))
							}
						}
						if delivered += inTurn; inTurn > 1 {
							t.Errorf("%v: %d notifications in one turn", setting, inTurn)
						}
						return false
					})
					loop.Connect(round)
				})
				for delivered <= last {
					w.Step()
				}
				return nil
			})
		}
	}
}

// TestEmptyBatchesDoNotStall sends batches of nothing, and opens sessions in which
// nothing is sent.
func TestEmptyBatchesDoNotStall(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			none := timely.Unary(input.Stream(s), timely.Pipeline, "Empty first",
				func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
					for at, records := range in.Batches() {
						session := out.Session(at)
						session.SendBatch(nil)
						session.SendBatch([]int{})
						out.Session(at.Delay(at.Time() + 1)).SendBatch(records)
						out.Session(at)
					}
				})
			filtered := timely.Filter(timely.Exchange(none, uintOf), func(n int) bool { return n > 0 })
			flat := timely.FlatMap(filtered, func(n int) iter.Seq[int] { return upTo(n - 1) })
			timelytest.Collect(timely.ProbeWith(timely.Exchange(flat, uintOf), probe), out)
		})
		for e := range timely.Epoch(5) {
			input.SendBatch(nil)
			if w.Index() == 0 {
				input.SendBatch([]int{0, 1, 2})
			}
			input.AdvanceTo(e + 1)
			for probe.LessThan(e + 1) {
				w.Step()
			}
		}
		return nil
	}, upToFour)
	if got, want := answer.String(), "1: 0\n2: 0\n3: 0\n4: 0\n5: 0"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFreshProbeNeverLooksComplete asks a probe before anything has run, at the
// end of loops and scopes, too.
func TestFreshProbeNeverLooksComplete(t *testing.T) {
	for _, workers := range upToFour {
		timelytest.Run(t, workers, func(w *timely.Worker) error {
			input := timely.NewInput[timely.Epoch, int]()
			probes := make([]*timely.Probe[timely.Epoch], 4)
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				sent := input.Stream(s)
				for i, at := range []timely.Stream[timely.Epoch, int]{
					sent, timely.Map(sent, func(n int) int { return n }), timely.Exchange(sent, uintOf),
					timely.Map(countdown(sent), func(r trip) int { return r.from }),
				} {
					probes[i] = timely.NewProbe[timely.Epoch]()
					timely.ProbeWith(at, probes[i])
					if p := probes[i]; p.Done() || p.LessThan(0) || !p.LessEqual(0) || !p.LessThan(1) {
						t.Errorf("probe %d looks complete while the dataflow is built: %v", i, p.Frontier())
					}
				}
			})
			fresh := func(e timely.Epoch) {
				for i, p := range probes {
					if p.Done() || !p.LessEqual(e) || !p.LessThan(e+1) {
						t.Errorf("probe %d looks complete at %v: %v", i, e, p.Frontier())
					}
				}
			}
			fresh(0)
			w.Poll()
			fresh(0)
			input.AdvanceTo(1)
			fresh(1)
			for _, p := range probes {
				for p.LessThan(1) {
					w.Step()
				}
			}
			input.Close()
			for _, p := range probes {
				for !p.Done() {
					w.Step()
				}
				if p.LessEqual(100) || p.LessThan(100) || !p.Frontier().Empty() {
					t.Errorf("a probe that is done has the frontier %v", p.Frontier())
				}
			}
			return nil
		})
	}
}

func TestClosedInputCompletesTheDataflow(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		for _, workers := range upToFour {
			setting.Run(t, workers, func(w *timely.Worker) error {
				input := timely.NewInput[timely.Epoch, int]()
				seen := false
				flow := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
					kept := keepUntilComplete(input.Stream(s), timely.ExchangeBy(uintOf))
					timely.Inspect(countdown(kept), func(trip) { seen = true })
				})
				for n := range 20 {
					input.Send(n)
				}
				w.Poll()
				if flow.Done() {
					t.Error("done before the input is closed")
				}
				input.Close()
				for !flow.Done() {
					w.Step()
				}
				if !seen {
					t.Error("done before anything was seen")
				}
				return nil
			})
		}
	}
}

// TestDataflowOfNothingIsDone builds dataflows in which nothing can happen.
func TestDataflowOfNothingIsDone(t *testing.T) {
	timelytest.Run(t, 2, func(w *timely.Worker) error {
		for _, build := range []func(timely.Scope[timely.Epoch]){
			func(timely.Scope[timely.Epoch]) {},
			func(s timely.Scope[timely.Epoch]) {
				loop, cycle := timely.Feedback[int](s, 1)
				loop.Connect(timely.Exchange(cycle, uintOf))
			},
		} {
			for flow := timely.Dataflow(w, build); !flow.Done(); {
				w.Step()
			}
		}
		return nil
	})
}

// TestRetainKeepsATimeOpenAcrossTurns holds a capability, moves it, and drops it,
// as the program says.
func TestRetainKeepsATimeOpenAcrossTurns(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		for _, workers := range upToFour {
			setting.Run(t, workers, func(w *timely.Worker) error {
				input, probe := timely.NewInput[timely.Epoch, timely.Epoch](), timely.NewProbe[timely.Epoch]()
				var got timelytest.Collected[timely.Epoch]
				timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
					var held []timely.Capability[timely.Epoch]
					kept := timely.Unary(input.Stream(s), timely.Pipeline, "Keep",
						func(in *timely.InPort[timely.Epoch, timely.Epoch], out *timely.OutPort[timely.Epoch, timely.Epoch]) {
							for at, records := range in.Batches() {
								for _, r := range records {
									switch {
									case len(held) == 0:
										held = append(held, at.Retain())
									case r == 100:
										out.Session(held[0]).Send(r)
										held[0].Drop()
									default:
										held[0].Downgrade(r)
										out.Session(held[0].Delay(r + 1)).Send(r)
									}
								}
							}
						})
					timelytest.Collect(timely.ProbeWith(kept, probe), &got)
				})
				settle := func(r, frontier timely.Epoch) {
					input.Send(r)
					input.AdvanceTo(input.Time() + 10)
					for probe.LessThan(frontier) {
						w.Step()
					}
					for range 10 {
						w.Poll()
					}
					if !probe.LessEqual(frontier) && workers == 1 {
						t.Errorf("%v: after %v the frontier is %v, want %v", setting, r, probe.Frontier(), frontier)
					}
				}
				settle(0, 0)
				settle(7, 7)
				settle(15, 15)
				settle(100, 40)
				if got, want := got.String(), "8: 7\n15: 100\n16: 15"; got != want {
					t.Errorf("%v: got\n%s\nwant\n%s", setting, got, want)
				}
				return nil
			})
		}
	}
}

// TestInitialCapabilities has every worker send from the least time on, without
// any input.
func TestInitialCapabilities(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		probe := timely.NewProbe[timely.Epoch]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			b := timely.NewBuilder(s, "Numbers")
			one, ones := timely.AddOutput[int](b)
			two, twos := timely.AddOutput[int](b)
			oneAt, twoAt := b.Initial(one), b.Initial(two)
			n := 0
			b.Build(func() bool {
				if n%w.Peers() == w.Index() {
					one.Session(oneAt).Send(n)
					two.Session(twoAt.Delay(twoAt.Time() + 2)).Send(-n)
				}
				if n++; n == 10 {
					oneAt.Drop()
					twoAt.Drop()
					return false
				}
				oneAt.Downgrade(timely.Epoch(n))
				twoAt.Downgrade(timely.Epoch(n))
				b.Activate()
				return false
			})
			timelytest.Collect(timely.ProbeWith(timely.Exchange(timely.Concat(ones, twos), func(int) uint64 { return 0 }), probe), out)
		})
		for !probe.Done() {
			w.Step()
		}
		return nil
	}, upToFour)
	if got, want := answer.String(), "0: 0\n1: 1\n2: 0 2\n3: 3 -1\n4: 4 -2\n5: 5 -3\n6: 6 -4\n7: 7 -5\n8: 8 -6\n9: 9 -7\n10: -8\n11: -9"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNotifyAtATimeAlreadyComplete asks for a time that no frontier will pass any
// more, as all have.
func TestNotifyAtATimeAlreadyComplete(t *testing.T) {
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[string]) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			first, second := timely.NewNotificator[timely.Epoch](), timely.NewNotificator[timely.Epoch]()
			timelytest.Collect(timely.Unary(input.Stream(s), timely.ExchangeBy(uintOf), "Late",
				func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, string]) {
					for at := range second.Ready(in.Frontier()) {
						out.Session(at).Send("second")
					}
					for at := range in.Batches() {
						first.NotifyAt(at)
					}
					for at := range first.Ready(in.Frontier()) {
						second.NotifyAt(at) // complete, and looked at only in the next turn
						out.Session(at).Send("first")
					}
				}), out)
		})
		if w.Index() == 0 {
			input.Send(1)
		}
		input.AdvanceTo(10)
		for range 10 {
			w.Poll()
		}
		return nil
	}, upToFour)
	if got, want := answer.String(), "0: first second"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFrontierInterest counts the turns of operators that nothing arrives at.
func TestFrontierInterest(t *testing.T) {
	const epochs = 20
	for name, test := range map[string]struct {
		interest timely.Interest
		holds    bool
		asks     bool
		wants    bool // to run when the frontier moves
	}{
		"if holding, and it does not":     {timely.IfHolding, false, false, false},
		"if holding, and it does":         {timely.IfHolding, true, false, true},
		"if holding, and it asks instead": {timely.IfHolding, false, true, true},
		"always":                          {timely.Always, false, false, true},
		"never":                           {timely.Never, true, true, false},
	} {
		timelytest.Run(t, 1, func(w *timely.Worker) error {
			input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
			turns := 0
			stop := false
			var b *timely.Builder[timely.Epoch]
			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				sent := timely.ProbeWith(input.Stream(s), probe)
				b = timely.NewBuilder(s, "Count turns")
				in := timely.AddInput(b, sent, timely.Pipeline)
				out, _ := timely.AddOutput[int](b)
				b.WakeOn(in, test.interest)
				held := b.Initial(out)
				dropped := false
				drop := func() {
					if !dropped {
						held.Drop()
						dropped = true
					}
				}
				b.Build(func() bool {
					turns++
					if test.asks {
						in.Frontier()
					}
					if !test.holds || stop {
						drop()
					}
					return false
				})
			})
			for e := range timely.Epoch(epochs) {
				input.AdvanceTo(e + 1)
				for probe.LessThan(e + 1) {
					w.Step()
				}
				w.Poll()
			}
			if ran := turns > epochs/2; ran != test.wants || turns == 0 {
				t.Errorf("%s: %d turns", name, turns)
			}
			stop = true
			b.Activate()
			return nil
		})
	}
}

// TestUnaryWithNothingHeldSleeps checks that a Unary that holds nothing and asks
// nothing is not run because a frontier moves.
func TestUnaryWithNothingHeldSleeps(t *testing.T) {
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
		turns := 0
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			timely.ProbeWith(timely.Unary(input.Stream(s), timely.Pipeline, "Sleep",
				func(in *timely.InPort[timely.Epoch, int], out *timely.OutPort[timely.Epoch, int]) {
					turns++
					for at, records := range in.Batches() {
						out.Session(at).SendBatch(records)
					}
				}), probe)
		})
		for e := range timely.Epoch(20) {
			if e%10 == 0 {
				input.Send(1)
			}
			input.AdvanceTo(e + 1)
			for probe.LessThan(e + 1) {
				w.Step()
			}
		}
		if turns != 2 {
			t.Errorf("%d turns, want 2", turns)
		}
		return nil
	})
}

// TestActivateAfter runs an operator by the clock.
func TestActivateAfter(t *testing.T) {
	timelytest.Run(t, 1, func(w *timely.Worker) error {
		var runs []time.Time
		const pause = 2 * time.Millisecond
		began := time.Now()
		flow := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			b := timely.NewBuilder(s, "Clock")
			b.Build(func() (busy bool) {
				if runs = append(runs, time.Now()); len(runs) <= 3 {
					b.ActivateAfter(pause)
				}
				return len(runs) <= 3
			})
		})
		for !flow.Done() {
			w.Step()
		}
		if len(runs) != 4 || time.Since(began) < 3*pause {
			t.Errorf("%d runs in %v, want 4 in at least %v", len(runs), time.Since(began), 3*pause)
		}
		return nil
	})
}

// TestBusyOperatorKeepsTheDataflow has an operator with work to do after its
// frontier is empty.
func TestBusyOperatorKeepsTheDataflow(t *testing.T) {
	for _, workers := range upToFour {
		timelytest.Run(t, workers, func(w *timely.Worker) error {
			input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
			after := 0
			flow := timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
				sent := timely.ProbeWith(input.Stream(s), probe)
				b := timely.NewBuilder(s, "Busy")
				in := timely.AddInput(b, sent, timely.Pipeline)
				b.Build(func() (busy bool) {
					for range in.Batches() {
					}
					if in.Frontier().Empty() {
						after++
					}
					if after < 50 {
						b.Activate()
					}
					return after < 50
				})
			})
			input.Send(1)
			input.Close()
			for !flow.Done() {
				w.Step()
			}
			if after < 50 {
				t.Errorf("done after %d turns without a frontier, want 50", after)
			}
			return nil
		})
	}
}

// TestOperatorWithoutInputsIsWokenByAWaker feeds a dataflow from a goroutine.
func TestOperatorWithoutInputsIsWokenByAWaker(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		for _, workers := range upToFour {
			var got timelytest.Collected[int]
			setting.Run(t, workers, func(w *timely.Worker) error {
				timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
					lines := make(chan int, 3)
					b := timely.NewBuilder(s, "FromChannel")
					out, numbers := timely.AddOutput[int](b)
					at := b.Initial(out)
					waker := b.Waker()
					go func() {
						defer waker.Wake()
						defer close(lines)
						for n := range 20 {
							lines <- n
							waker.Wake()
						}
					}()
					done := false
					b.Build(func() bool {
						for !done {
							select {
							case n, more := <-lines:
								if more {
									out.Session(at).Send(n)
									at.Downgrade(timely.Epoch(n + 1))
									continue
								}
								waker.Close()
								at.Drop()
								done = true
							default:
								return false
							}
						}
						return false
					})
					timelytest.Collect(timely.Exchange(numbers, uintOf), &got)
				})
				return nil
			})
			for n := range 20 {
				if found := got.At(timely.Epoch(n)); len(found) != workers || slices.Max(found) != n {
					t.Errorf("%v, %d workers: at %d %v", setting, workers, n, found)
				}
			}
		}
	}
}

// TestProbeReadInATurnWakesTheOperator is flow control made by hand: a source that
// stays at most two epochs ahead of what a probe says is done.
func TestProbeReadInATurnWakesTheOperator(t *testing.T) {
	for _, setting := range timelytest.Settings() {
		for _, workers := range upToFour {
			setting.Run(t, workers, func(w *timely.Worker) error {
				probe := timely.NewProbe[timely.Epoch]()
				var begun, seen int
				timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
					b := timely.NewBuilder(s, "Throttled")
					out, numbers := timely.AddOutput[int](b)
					at := b.Initial(out)
					b.Build(func() bool {
						for begun < 50 && !probe.LessThan(at.Time()-min(at.Time(), 2)) {
							out.Session(at).Send(begun)
							begun++
							at.Downgrade(timely.Epoch(begun))
						}
						if begun == 50 {
							begun++
							at.Drop()
						}
						return false
					})
					timely.ProbeWith(timely.Inspect(timely.Exchange(numbers, uintOf), func(n int) { seen++ }), probe)
				})
				for !probe.Done() {
					w.Step()
				}
				if begun != 51 {
					t.Errorf("%v: sent %d, want 50", setting, begun-1)
				}
				return nil
			})
		}
	}
}
