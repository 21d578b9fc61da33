package timely_test

import (
	"bufio"
	"iter"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/order"
)

// This file is about where an operator can be when what it sends into is full:
// anywhere. What arrives is what was sent, in that order.

// making is a way to make numbers: a worker's first, second, … up to n.
type making struct {
	w    *timely.Worker
	n    int
	sent *gauge
}

// number returns the worker's i-th number, and counts it as sent.
func (m making) number(i int) int {
	m.sent.add(1)
	return i*m.w.Peers() + m.w.Index()
}

// from yields so many numbers, from the i-th on.
func (m making) from(i, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for j := range n {
			if !yield(m.number(i + j)) {
				return
			}
		}
	}
}

// hundreds is a stream of 0, 1, … of which each stands for a hundred numbers.
func (m making) hundreds(s epochScope) epochInts { return timely.ToStream(s, counting(m.n/100)) }

// sending is a Unary's logic: a hundred numbers for each.
func sending[T timely.Timestamp[T]](m making) func(*timely.InPort[T, int], *timely.OutPort[T, int]) {
	return func(in *timely.InPort[T, int], out *timely.OutPort[T, int]) {
		for at, hundreds := range in.Batches() {
			for _, h := range hundreds {
				for x := range m.from(100*h, 100) {
					out.Session(at).Send(x)
				}
			}
		}
	}
}

var makings = []struct {
	name string
	make func(m making, s epochScope) epochInts
}{
	{"Unary", func(m making, s epochScope) epochInts {
		return timely.Unary(m.hundreds(s), timely.Pipeline, "Unary", sending[epoch](m))
	}},
	{"Binary", func(m making, s epochScope) epochInts {
		next := 0
		read := func(in *intIn, out *intOut) {
			for at, hundreds := range in.Batches() {
				session := out.Session(at)
				for range hundreds {
					for range 50 {
						session.Send(m.number(next))
						next++
					}
				}
			}
		}
		return timely.Binary(m.hundreds(s), timely.Pipeline, m.hundreds(s), timely.Pipeline, "Binary", func(l, r *intIn, out *intOut) {
			read(l, out)
			read(r, out)
		})
	}},
	{"Source", func(m making, s epochScope) epochInts {
		return timely.Source(s, "Source", func(yield func(epoch, int) bool) {
			i := 0
			for x := range m.from(0, m.n) {
				if !yield(epoch(i/70), x) {
					return
				}
				i++
			}
		})
	}},
	{"ToStream", func(m making, s epochScope) epochInts { return timely.ToStream(s, m.from(0, m.n)) }},
	{"Builder in one turn", func(m making, s epochScope) epochInts {
		b := timely.NewBuilder(s, "Builder")
		out, stream := timely.AddOutput[int](b)
		at := b.Initial(out)
		done := false
		b.Build(func() bool {
			if done {
				return false
			}
			done = true
			for x := range m.from(0, m.n) {
				out.Session(at).Send(x)
			}
			at.Drop()
			return false
		})
		return stream
	}},
	{"Builder that sends to two", func(m making, s epochScope) epochInts {
		b := timely.NewBuilder(s, "Builder")
		in := timely.AddInput(b, m.hundreds(s), timely.Pipeline)
		out, stream := timely.AddOutput[int](b)
		also, other := timely.AddOutput[int](b)
		b.Build(func() bool {
			for at, hundreds := range in.Batches() {
				for _, h := range hundreds {
					for x := range m.from(100*h, 100) {
						out.Session(at).Send(x)
						also.Session(at).Send(x)
					}
				}
			}
			return false
		})
		oneBatchATurn(timely.Inspect(other, func(int) {}), timely.Pipeline)
		return stream
	}},
	{"FlatMap", func(m making, s epochScope) epochInts {
		return timely.FlatMap(m.hundreds(s), func(h int) iter.Seq[int] { return m.from(100*h, 100) })
	}},
	{"FlatMap of one", func(m making, s epochScope) epochInts {
		return timely.FlatMap(timely.ToStream(s, counting(1)), func(int) iter.Seq[int] { return m.from(0, m.n) })
	}},
	{"FlatMap behind stages", func(m making, s epochScope) epochInts {
		many := timely.FlatMap(timely.Map(m.hundreds(s), increment), func(h int) iter.Seq[int] { return m.from(100*(h-1), 100) })
		yes, _ := timely.Split(timely.Map(many, increment), func(int) bool { return true })
		return timely.Map(yes, decrement)
	}},
	{"Notificator", func(m making, s epochScope) epochInts {
		complete := timely.NewNotificator[epoch]()
		timed := timely.Delay(m.hundreds(s), func(_ epoch, h int) epoch { return epoch(h) })
		return timely.Unary(timed, timely.Pipeline, "Notified", func(in *intIn, out *intOut) {
			for at := range in.Batches() {
				complete.NotifyAt(at)
			}
			for at := range complete.Ready(in.Frontier()) {
				for x := range m.from(100*int(at.Time()), 100) {
					out.Session(at).Send(x)
				}
			}
		})
	}},
	{"session over several sends", func(m making, s epochScope) epochInts {
		return timely.Unary(m.hundreds(s), timely.Pipeline, "Several", func(in *intIn, out *intOut) {
			for at, hundreds := range in.Batches() {
				session := out.Session(at)
				for _, h := range hundreds {
					session.Send(m.number(100 * h))
					var rest []int
					for x := range m.from(100*h+1, 98) {
						rest = append(rest, x)
					}
					session.SendBatch(rest)
					session.Send(m.number(100*h + 99))
				}
			}
		})
	}},
	{"retained capability", func(m making, s epochScope) epochInts {
		var held *timely.Capability[epoch]
		var kept []int
		return timely.Unary(m.hundreds(s), timely.Pipeline, "Retained", func(in *intIn, out *intOut) {
			for at, hundreds := range in.Batches() {
				if held == nil {
					c := at.Retain()
					held = &c
				}
				kept = append(kept, hundreds...)
			}
			if held == nil || !in.Frontier().Empty() {
				return
			}
			session := out.Session(*held)
			held.Drop() // the session goes on
			held = nil
			for _, h := range kept {
				for x := range m.from(100*h, 100) {
					session.Send(x)
				}
			}
		})
	}},
	{"region", func(m making, s epochScope) (out epochInts) {
		timely.Region(s, "region", func(inside epochScope) {
			out = timely.Unary(m.hundreds(inside), timely.Pipeline, "Unary", sending[epoch](m))
		})
		return out
	}},
	{"nested scope", func(m making, s epochScope) (out epochInts) {
		begin := m.hundreds(s)
		timely.Nested(s, "nested", order.LoopRefinement[epoch](), func(inner timely.Scope[timely.Loop[epoch]]) {
			timely.Region(inner, "region", func(inside timely.Scope[timely.Loop[epoch]]) {
				out = timely.Leave(timely.Unary(timely.Enter(begin, inside), timely.Pipeline, "Unary", sending[timely.Loop[epoch]](m)), s)
			})
		})
		return out
	}},
	{"FlatMap in a nested scope", func(m making, s epochScope) (out epochInts) {
		begin := m.hundreds(s)
		timely.Nested(s, "nested", order.LoopRefinement[epoch](), func(inner timely.Scope[timely.Loop[epoch]]) {
			out = timely.Leave(timely.FlatMap(timely.Enter(begin, inner), func(h int) iter.Seq[int] { return m.from(100*h, 100) }), s)
		})
		return out
	}},
}

func TestOperatorsArePausedWhereTheyAre(t *testing.T) {
	for _, way := range makings {
		t.Run(way.name, func(t *testing.T) {
			eachFlow(t, []budget{oneRecord, oneByte}, []int{1, 3}, func(t *testing.T, f flowCase) {
				n := 20_000
				limit := f.workers * 4096 // a batch where it waits, one that is being sorted, one that is being filled
				if f.records == 1 {
					n, limit = 500, f.workers*4
				}
				if way.name == "session over several sends" {
					limit += f.workers * 98 // made before they are sent
				}
				var sent gauge
				next := make([]int, f.workers) // of each sender
				f.run(t, func(w *timely.Worker) error {
					flowOf(w, func(s epochScope) {
						numbers := oneBatchATurn(way.make(making{w, n, &sent}, s), toFirst)
						timely.Inspect(numbers, func(x int) {
							sent.add(-1)
							if by := x % f.workers; x/f.workers != next[by] {
								t.Errorf("number %d of worker %d has come, and %d should", x/f.workers, by, next[by])
							}
							next[x%f.workers]++
						})
					})
					return nil
				})
				for by, got := range next {
					if got != n {
						t.Errorf("%d numbers of worker %d have come, of %d", got, by, n)
					}
				}
				sent.mustNotExceed(t, limit)
			})
		})
	}
}

// The consumer has had enough: what goes on for ever is unwound where it stands.
func TestWhatIsInfiniteEndsWithItsDataflow(t *testing.T) {
	eachFlow(t, allBudgets, oneToFour, func(t *testing.T, f flowCase) {
		const enough = 2_000
		var begun, left, satisfied atomic.Int32
		f.run(t, func(w *timely.Worker) error {
			seen := 0
			i := flowOf(w, func(s epochScope) {
				infinite := timely.ToStream(s, func(yield func(int) bool) {
					begun.Add(1)
					defer left.Add(1)
					forever(yield)
				})
				timely.Inspect(oneBatchATurn(infinite, timely.ExchangeBy(toWorker)), func(int) {
					if seen++; seen == enough {
						satisfied.Add(1)
					}
				})
			})
			for int(satisfied.Load()) < f.workers {
				w.Step()
			}
			i.Drop()
			return nil
		})
		if begun.Load() != left.Load() {
			t.Errorf("%d sequences have begun, and the deferred functions of %d ran", begun.Load(), left.Load())
		}
	})
}

func TestWhatIsInfiniteEndsWhenItIsAskedTo(t *testing.T) {
	for _, workers := range []string{"-w1", "-w2"} {
		cmd := command(t, "source", "--edge-budget=1", workers)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := ""
		within(t, flowPatience, func() {
			for lines := bufio.NewScanner(stdout); lines.Scan(); said = lines.Text() {
				if said != "" {
					continue
				}
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Error(err)
				}
			}
			err = cmd.Wait()
		})
		if err != nil || said != "returned" {
			t.Errorf("%s: %v; the last that it said is %q", workers, err, said)
		}
	}
}

// TestADroppedDataflowThatSendsWhileItIsUnwoundStopsNoOther: an operator is paused, and
// has a deferred function that fills what is full already.
func TestADroppedDataflowThatSendsWhileItIsUnwoundStopsNoOther(t *testing.T) {
	const epochs = 5
	seen, unwound := 0, false
	err := timely.Execute(t.Context(), timely.Config{EdgeBudget: 4 << 10}, func(w *timely.Worker) error {
		dropped, kept := timely.NewInput[epoch, int](), timely.NewInput[epoch, int]()
		flow := timely.Dataflow(w, func(s epochScope) {
			many := timely.Unary(dropped.Stream(s), timely.Pipeline, "Many", func(in *intIn, out *intOut) {
				for at := range in.Batches() {
					session := out.Session(at)
					defer func() {
						unwound = true
						session.SendBatch(make([]int, 3000))
					}()
					for {
						session.Send(1)
					}
				}
			})
			timely.Sink(many, timely.Pipeline, "Declines", func(*intIn) {})
		})
		probe := timely.NewProbe[epoch]()
		timely.Dataflow(w, func(s epochScope) {
			timely.ProbeWith(timely.Inspect(timely.Exchange(kept.Stream(s), toWorker), func(int) { seen++ }), probe)
		})
		dropped.Send(1)
		for range 3 {
			w.Poll()
		}
		flow.Drop()
		for e := range epochs {
			kept.Send(e)
			kept.AdvanceTo(epoch(e + 1))
			for probe.LessThan(kept.Time()) {
				w.Step()
			}
		}
		return nil
	})
	if err != nil || seen != epochs || !unwound {
		t.Errorf("%d records of the other dataflow have arrived; the operator was unwound: %v; %v", seen, unwound, err)
	}
}
