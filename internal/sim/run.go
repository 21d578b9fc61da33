package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// Case is one simulated run.
type Case struct {
	Seed       uint64
	Workers    int
	Plan       *Plan
	Policy     string
	WorkLimit  int // 1: every Send of a full buffer pauses
	MaxRecords int // in a buffer
	Budget     int // of an edge, in bytes; 0: the engine's default
	Epochs     int
	Input      times
	PanicsAt   int // so many batches have arrived at sinks; 0: never
	newPolicy  func() Policy
	want       times
	saw        Sometimes
}

// Draw makes a case of a seed.
func Draw(seed uint64) *Case {
	r := rand.New(rand.NewPCG(seed, 0x51))
	c := &Case{Seed: seed, Workers: 1 + r.IntN(4), Plan: draw(r, 2+r.IntN(10), 0, true), Epochs: 1 + r.IntN(5), Input: make(times)}
	if r.IntN(8) == 0 {
		c.Workers = 5 + r.IntN(4)
	}
	c.Policy, c.newPolicy = anyPolicy(r, c.Workers)
	c.WorkLimit = []int{1, 1, 3, 64 << 10}[r.IntN(4)]
	c.MaxRecords = []int{1, 2, 5, 64}[r.IntN(4)]
	for range r.IntN(60) {
		t := epoch(r.IntN(c.Epochs))
		c.Input[t] = append(c.Input[t], Record{V: uint16(r.IntN(values))})
	}
	c.Budget = anyBudget(rand.New(rand.NewPCG(seed, 0xED6E)), c.MaxRecords, recordSize)
	for !c.evaluate() {
		c.Plan = draw(r, 2+r.IntN(10), 0, true)
	}
	return c
}

// evaluate computes what is wanted, and reports whether that is not too much.
func (c *Case) evaluate() bool {
	var n naive
	c.want = n.evaluate(c.Plan, c.Input)
	return !n.tooMuch()
}

func (c *Case) String() string {
	return fmt.Sprintf("seed %d: %d workers, %s, work limit %d, buffers of %d, budget %d, %d epochs:%v", c.Seed, c.Workers, c.Policy, c.WorkLimit, c.MaxRecords, c.Budget, c.Epochs, c.Plan)
}

const recordSize = 4 // bytes

// anyBudget draws what may wait at an edge: a byte, one batch, four of them, or what
// is never used up.
func anyBudget(r *rand.Rand, records, size int) int {
	batch := records*size + 64
	return []int{1, 1, batch, batch, 4 * batch, 0}[r.IntN(6)]
}

// Result is what became of a case.
type Result struct {
	Trace uint64 // a hash of all that has happened
	Err   error
	Saw   Sometimes
}

// Sometimes counts what a simulation has exercised, so that a suite can tell that
// it has tested what it is for.
type Sometimes struct {
	Late      int // a message arrived after one that was sent later
	Retained  int // a record was sent from a capability that was kept beyond its turn
	Notified  int // a time became complete in an operator inside the program
	Deep      int // such a time was in a round beyond the third
	EarlyEnds int // a program returned before its records had arrived
	Failures  int // an execution failed because it should

	InStages        int // an operator was paused in the middle of a fused stage's sequence
	InSessions      int // and with an open session, whose time is counted then
	InSessionStages int // with both: the stage ran below one of the session's sends
}

func (s *Sometimes) add(o Sometimes) {
	s.Late += o.Late
	s.Retained += o.Retained
	s.Notified += o.Notified
	s.Deep += o.Deep
	s.EarlyEnds += o.EarlyEnds
	s.Failures += o.Failures
	s.InStages += o.InStages
	s.InSessions += o.InSessions
	s.InSessionStages += o.InSessionStages
}

// missing names what was never seen.
func (s Sometimes) missing() (names []string) {
	for name, n := range map[string]int{
		"messages out of order": s.Late, "retained capabilities": s.Retained, "notifications": s.Notified,
		"deep rounds": s.Deep, "programs that return early": s.EarlyEnds,
		"pauses in fused stages": s.InStages, "pauses in sessions": s.InSessions, "pauses in fused stages below sessions": s.InSessionStages,
	} {
		if n == 0 {
			names = append(names, name)
		}
	}
	return names
}

const maxSteps = 2_000_000

var errIntended = errors.New("a sink panics, as it should")

// Run simulates a case and compares it with the naive evaluation.
func (c *Case) Run() Result {
	w := NewWorld(c.Workers, c.Seed, c.newPolicy())
	got := make(times)
	var reports []func() string
	done := make(chan error, 1)
	go func() {
		ctx := host.With(context.Background(), w.Host(c.WorkLimit, c.MaxRecords))
		done <- timely.Execute(ctx, timely.Config{Workers: c.Workers, EdgeBudget: c.Budget}, func(k *timely.Worker) error {
			reports = append(reports, k.Report)
			return c.program(k, got)
		})
	}()
	c.saw = Sometimes{}
	err := w.Run(maxSteps) // if it fails, the workers are left behind
	if err == nil {
		err = <-done
	} else {
		err = reported(err, reports)
	}
	switch {
	case c.PanicsAt > 0 && errors.Is(err, errIntended):
		err, c.saw.Failures = nil, 1
	case err == nil:
		err = differ(c.want, got)
	}
	if err != nil {
		err = fmt.Errorf("%v: %w", c, err)
	}
	c.saw.add(w.saw)
	return Result{w.Trace(), err, c.saw}
}

// program is what each worker runs. All of them share got: they run one at a time.
func (c *Case) program(k *timely.Worker, got times) error {
	input := timely.NewInput[epoch, Record]()
	probe := timely.NewProbe[epoch]()
	timely.Dataflow(k, func(s timely.Scope[epoch]) {
		timely.ProbeWith(c.sink(buildPlan(input.Stream(s), c.Plan, &c.saw), got), probe)
	})
	r := rand.New(rand.NewPCG(c.Seed, uint64(k.Index())))
	for t := range epoch(c.Epochs) {
		for i, x := range c.Input[t] {
			if i%k.Peers() == k.Index() {
				input.Send(x)
			}
		}
		input.AdvanceTo(t + 1)
		switch r.IntN(3) {
		case 0:
			for probe.LessThan(t + 1) {
				k.Step()
			}
		case 1:
			k.Poll()
		}
	}
	if probe.LessThan(input.Time()) {
		c.saw.EarlyEnds++
	}
	return nil
}

// sink collects what arrives at each worker, and checks it against what is wanted
// when the time is complete: at all workers together, as it is exchanged to one.
func (c *Case) sink(s timely.Stream[epoch, Record], got times) timely.Stream[epoch, Record] {
	ended, batches := make(map[epoch]bool), 0
	complete := timely.NewNotificator[epoch]()
	return timely.Unary(s, timely.ExchangeBy(func(Record) uint64 { return c.Seed }), "Sink", func(in *timely.InPort[epoch, Record], out *timely.OutPort[epoch, Record]) {
		for at, xs := range in.Batches() {
			t := at.Time()
			if batches++; batches == c.PanicsAt {
				panic(errIntended)
			}
			if ended[t] {
				panic(fmt.Errorf("records at %v arrived at the sink after that time was complete", t))
			}
			got[t] = append(got[t], xs...)
			complete.NotifyAt(at)
		}
		for at := range complete.Ready(in.Frontier()) {
			t := at.Time()
			ended[t] = true
			if err := differ(times{t: c.want[t]}, times{t: got[t]}); err != nil {
				panic(fmt.Errorf("time %v was said to be complete: %w", t, err))
			}
		}
	})
}

// differ says how two multisets by time differ.
func differ(want, got times) error {
	all := make(map[epoch]bool)
	for t := range want {
		all[t] = true
	}
	for t := range got {
		all[t] = true
	}
	for t := range all {
		w, g := sorted(want[t]), sorted(got[t])
		if !slices.Equal(w, g) {
			return fmt.Errorf("at %v there are %d records, there should be %d: %v instead of %v", t, len(g), len(w), g, w)
		}
	}
	return nil
}

func sorted(xs []Record) []Record {
	xs = slices.Clone(xs)
	slices.SortFunc(xs, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.V, b.V), cmp.Compare(a.Fuel[0], b.Fuel[0]), cmp.Compare(a.Fuel[1], b.Fuel[1]))
	})
	return xs
}

// reported adds to an error what workers report that stand still.
func reported(err error, reports []func() string) error {
	for _, report := range reports {
		err = fmt.Errorf("%w\n%s", err, report())
	}
	return err
}
