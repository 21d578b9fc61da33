package timely_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/timelytest"
)

// This file compares random programs with a naive evaluation of them, which knows
// nothing of workers, batches or frontiers: a stream is a multiset of records at
// times, and a loop is run again and again until nothing changes.

// A record is a small number, so that many are equal, and for each loop around it
// how many rounds it may still go: the digits before.
const (
	values = 64 // small numbers
	rounds = 8  // more than any record goes round
)

func small(n int) int       { return n % values }
func with(n, less int) int  { return n - small(n) + small(less) }
func digit(depth int) int   { return []int{1, values, values * rounds}[depth] }
func left(n, depth int) int { return n / digit(depth) % rounds }

// moment is a time as the naive evaluation has it: epoch, round, inner round.
type moment [3]int

// fact is a record at a time.
type fact struct {
	at moment
	n  int
}

// multiset is how often each record is there.
type multiset map[fact]int

func (m multiset) size() (n int) {
	for _, times := range m {
		n += times
	}
	return n
}

// tooLarge is from how many records on, in one stream, a program is not run.
const tooLarge = 2000

var errTooLarge = errors.New("too many records")

// answer returns what the naive evaluation says, unless that is too large.
func (p *script) answer(in multiset) (out *timelytest.Collected[int]) {
	defer func() {
		if value := recover(); value != nil && value != errTooLarge {
			panic(value)
		}
	}()
	facts := p.naive(in, 0)
	out = &timelytest.Collected[int]{}
	for f, times := range facts {
		out.Add(f.at[0], slices.Repeat([]int{f.n}, times)...)
	}
	return out
}

// step is one operator of a random program: kind with its arguments, applied to
// earlier streams. Stream 0 is what comes in.
type step struct {
	kind        string
	from, other int // streams
	a, b        int
	body        *script // of a loop
}

// script is a random program. Every step adds a stream; the last is the answer.
type script struct{ steps []step }

func (s step) String() string {
	text := fmt.Sprintf("%s(%d, %d; %d, %d)", s.kind, s.from, s.other, s.a, s.b)
	if s.body != nil {
		text += "{" + s.body.String() + "}"
	}
	return text
}

func (p *script) String() string {
	var steps []string
	for _, s := range p.steps {
		steps = append(steps, s.String())
	}
	return strings.Join(steps, " ")
}

// plain are the kinds of steps that need no further scope.
var plain = []string{"map", "in place", "filter", "flat map", "concat", "yes", "no", "part", "exchange", "keep", "sum", "both", "distinct", "count", "delay", "broadcast"}

// newScript makes a program with up to so many loops inside each other.
func newScript(r *rand.Rand, depth int) *script {
	p := &script{}
	for i := range 2 + r.IntN(5) {
		s := step{kind: plain[r.IntN(len(plain))], from: r.IntN(i + 1), other: r.IntN(i + 1), a: 1 + r.IntN(5), b: r.IntN(7)}
		if depth > 0 && r.IntN(4) == 0 {
			s.kind, s.body = "loop", newScript(r, depth-1)
		}
		p.steps = append(p.steps, s)
	}
	n := len(p.steps)
	p.steps = append(p.steps, step{kind: "concat", from: n, other: max(0, n-1)})
	return p
}

// The functions of steps.
func (s step) mapped(n int) int      { return with(n, s.a*n+s.b) }
func (s step) kept(n int) bool       { return small(n)%(s.a+1) != s.b%(s.a+1) }
func (s step) part(n int) int        { return small(n) % 3 }
func (s step) key(n int) int         { return small(n) % (s.a + 1) }
func (s step) delay(n int) int       { return small(n) % s.a }
func (s step) folded(sum, n int) int { return small(sum + small(n) + 1) }
func (s step) flat(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range small(n) % 3 {
			if !yield(with(n, n+i*s.b)) {
				return
			}
		}
	}
}

// enter gives a record some rounds in a loop, onward takes one, and goes asks
// whether it goes round again.
func (s step) enter(n, depth int) int { return n + (1+(small(n)+s.a)%4)*digit(depth) }
func onwards(n, depth int) int        { return n - min(1, left(n, depth))*digit(depth) }
func goes(n, depth int) bool          { return left(n, depth) > 0 }

// The naive evaluation.

func (p *script) naive(in multiset, depth int) multiset {
	streams := []multiset{in}
	for _, s := range p.steps {
		out := s.naive(streams[s.from], streams[s.other], depth)
		if out.size() > tooLarge {
			panic(errTooLarge)
		}
		streams = append(streams, out)
	}
	return streams[len(streams)-1]
}

func (s step) naive(in, other multiset, depth int) multiset {
	out := make(multiset)
	sums := make(map[fact]int) // by time and key
	for f, times := range in {
		switch s.kind {
		case "map", "in place":
			out[fact{f.at, s.mapped(f.n)}] += times
		case "filter", "yes":
			if s.kept(f.n) {
				out[f] += times
			}
		case "no":
			if !s.kept(f.n) {
				out[f] += times
			}
		case "part":
			if s.part(f.n) == s.b%3 {
				out[f] += times
			}
		case "flat map":
			for n := range s.flat(f.n) {
				out[fact{f.at, n}] += times
			}
		case "exchange", "keep", "broadcast":
			out[f] += times
		case "concat":
			out[f] += times
		case "distinct":
			out[f] = 1
		case "count":
			out[fact{f.at, with(f.n, f.n+times)}]++
		case "delay":
			f.at[depth] += s.delay(f.n)
			out[f] += times
		case "sum", "both":
			for range times {
				k := fact{f.at, s.key(f.n)}
				sums[k] = s.folded(sums[k], f.n)
			}
		case "loop":
		default:
			panic(s.kind)
		}
	}
	switch s.kind {
	case "concat":
		for f, times := range other {
			out[f] += times
		}
	case "both":
		for f, times := range other {
			for range times {
				k := fact{f.at, s.key(f.n)}
				sums[k] = s.folded(sums[k], 2*small(f.n))
			}
		}
	case "loop":
		return s.naiveLoop(in, depth)
	}
	for k, sum := range sums {
		out[fact{k.at, sum}]++
	}
	return out
}

// naiveLoop evaluates the body of a loop on all that goes round until that stays
// the same.
func (s step) naiveLoop(in multiset, depth int) multiset {
	depth++
	entered := make(multiset)
	for f, times := range in {
		entered[fact{f.at, s.enter(f.n, depth)}] += times
	}
	for all := entered; ; {
		next, done := maps.Clone(entered), make(multiset)
		for f, times := range s.body.naive(all, depth) {
			if f.n = onwards(f.n, depth); goes(f.n, depth) {
				f.at[depth]++
				next[f] += times
			} else {
				f.at[depth] = 0
				done[f] += times
			}
		}
		if maps.Equal(next, all) {
			return done
		}
		all = next
	}
}

// The same with timely. Go cannot instantiate loops to a depth known only when the
// program runs, so there is a function for each depth.

type looper[T timely.Timestamp[T]] func(s step, in timely.Stream[T, int]) timely.Stream[T, int]

func noLoops[T timely.Timestamp[T]](p *script, in timely.Stream[T, int], later func(T, int) T) timely.Stream[T, int] {
	return build(p, in, later, nil)
}

func loops[T timely.Timestamp[T]](p *script, in timely.Stream[T, int], later func(T, int) T) timely.Stream[T, int] {
	return build(p, in, later, func(s step, in timely.Stream[T, int]) timely.Stream[T, int] {
		return loop(s, 2, in, noLoops[timely.Loop[T]])
	})
}

func loopsInLoops(p *script, in timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
	later := func(t timely.Epoch, n int) timely.Epoch { return t + timely.Epoch(n) }
	return build(p, in, later, func(s step, in timely.Stream[timely.Epoch, int]) timely.Stream[timely.Epoch, int] {
		return loop(s, 1, in, loops[timely.Loop[timely.Epoch]])
	})
}

func loop[T timely.Timestamp[T]](s step, depth int, in timely.Stream[T, int],
	body func(*script, timely.Stream[timely.Loop[T], int], func(timely.Loop[T], int) timely.Loop[T]) timely.Stream[timely.Loop[T], int]) timely.Stream[T, int] {
	later := func(t timely.Loop[T], n int) timely.Loop[T] {
		t.Inner += timely.Epoch(n)
		return t
	}
	entering := timely.Map(in, func(n int) int { return s.enter(n, depth) })
	return timely.Iterate(entering, func(all timely.Stream[timely.Loop[T], int]) (again, done timely.Stream[timely.Loop[T], int]) {
		next := timely.Map(body(s.body, all, later), func(n int) int { return onwards(n, depth) })
		return timely.Split(next, func(n int) bool { return goes(n, depth) })
	})
}

func build[T timely.Timestamp[T]](p *script, in timely.Stream[T, int], later func(T, int) T, iterate looper[T]) timely.Stream[T, int] {
	streams := []timely.Stream[T, int]{in}
	for _, s := range p.steps {
		from := streams[s.from]
		if s.kind == "loop" {
			streams = append(streams, iterate(s, from))
		} else {
			streams = append(streams, buildStep(s, from, streams[s.other], later))
		}
	}
	return streams[len(streams)-1]
}

// buildStep builds a step that is not a loop.
func buildStep[T timely.Timestamp[T]](s step, in, other timely.Stream[T, int], later func(T, int) T) timely.Stream[T, int] {
	byKey := func(n int) uint64 { return uint64(s.key(n)) }
	switch s.kind {
	case "map":
		return timely.Map(in, s.mapped)
	case "in place":
		return timely.MapInPlace(in, func(n *int) { *n = s.mapped(*n) })
	case "filter":
		return timely.Filter(in, s.kept)
	case "flat map":
		return timely.FlatMap(in, s.flat)
	case "concat":
		return timely.Concat(in, other)
	case "yes":
		yes, _ := timely.Split(in, s.kept)
		return yes
	case "no":
		_, no := timely.Split(in, s.kept)
		return no
	case "part":
		return timely.Partition(in, 3, s.part)[s.b%3]
	case "exchange":
		return timely.Exchange(in, byKey)
	case "keep":
		return keepUntilComplete(in, timely.ExchangeBy(byKey))
	case "sum":
		return timely.Aggregate(in, s.key, uintOf, func(sum *int, n int) { *sum = s.folded(*sum, n) }, func(_, sum int) int { return sum })
	case "both":
		return foldBoth(s, in, other)
	case "distinct":
		return timely.Distinct(in, uintOf)
	case "count":
		return timely.Map(timely.Count(in, uintOf), func(c timely.Counted[int]) int { return with(c.Record, c.Record+c.N) })
	case "delay":
		return timely.Delay(in, func(t T, n int) T { return later(t, s.delay(n)) })
	case "broadcast":
		w := in.Scope().Worker()
		return timely.Filter(timely.Broadcast(in), func(n int) bool { return n%w.Peers() == w.Index() })
	}
	panic(s.kind)
}

// foldBoth folds two streams by key, when a time is complete at both.
func foldBoth[T timely.Timestamp[T]](s step, in, other timely.Stream[T, int]) timely.Stream[T, int] {
	pact := timely.ExchangeBy(func(n int) uint64 { return uint64(s.key(n)) })
	sums := make(map[T]map[int]int)
	complete := timely.NewNotificator[T]()
	return timely.Binary(in, pact, other, pact, "FoldBoth", func(l, r *timely.InPort[T, int], out *timely.OutPort[T, int]) {
		fold := func(port *timely.InPort[T, int], factor int) {
			for at, records := range port.Batches() {
				if sums[at.Time()] == nil {
					sums[at.Time()] = make(map[int]int)
				}
				complete.NotifyAt(at)
				for _, n := range records {
					sums[at.Time()][s.key(n)] = s.folded(sums[at.Time()][s.key(n)], factor*small(n))
				}
			}
		}
		fold(l, 1)
		fold(r, 2)
		for at := range complete.Ready(l.Frontier(), r.Frontier()) {
			session := out.Session(at)
			for _, sum := range sums[at.Time()] {
				session.Send(sum)
			}
			delete(sums, at.Time())
		}
	})
}

// suiteTime is how long a randomized suite runs.
func suiteTime() time.Duration {
	if seconds, err := strconv.Atoi(os.Getenv("TIMELY_SUITE_SECONDS")); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return time.Second
}

func TestRandomProgramsAgreeWithNaiveEvaluation(t *testing.T) {
	first := rand.Uint64()
	if text := os.Getenv("TIMELY_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first = seed
	}
	programs := 0
	for seed, end := first, time.Now().Add(suiteTime()); time.Now().Before(end) && !t.Failed(); seed++ {
		if agreesWithNaive(t, seed) {
			programs++
		}
		if t.Failed() {
			t.Logf("run again with TIMELY_SEED=%d", seed)
		}
	}
	fmt.Printf("count: %d random programs agreed with the naive evaluation\n", programs)
}

// agreesWithNaive makes a program, its input and a number of workers from a seed,
// and runs it under all settings. It reports whether it did.
func agreesWithNaive(t *testing.T, seed uint64) (ran bool) {
	r := rand.New(rand.NewPCG(seed, 1))
	p := newScript(r, 2)
	input := make([]fact, r.IntN(20))
	for i := range input {
		input[i] = fact{moment{r.IntN(5)}, r.IntN(values)}
	}
	slices.SortStableFunc(input, func(a, b fact) int { return a.at[0] - b.at[0] })
	in := make(multiset)
	for _, f := range input {
		in[f]++
	}
	want := p.answer(in)
	if want == nil {
		return false
	}
	answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
		return p.run(w, out, input, rand.New(rand.NewPCG(seed, uint64(w.Peers()))))
	}, timelytest.Workers(1+r.IntN(4)))
	if got, want := answer.String(), want.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if t.Failed() {
		t.Errorf("the program of seed %d is %v\nits input is %v", seed, p, input)
	}
	return true
}

// run runs a program. All workers throw the same dice, so that each record is sent
// by one of them.
func (p *script) run(w *timely.Worker, out *timelytest.Collected[int], records []fact, dice *rand.Rand) error {
	input, probe := timely.NewInput[timely.Epoch, int](), timely.NewProbe[timely.Epoch]()
	complete := timely.Epoch(0) // what is before has been seen to be complete
	look := func() {
		for !probe.Done() && !probe.LessEqual(complete) {
			complete++
		}
	}
	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		answer := timely.InspectTime(loopsInLoops(p, input.Stream(s)), func(at timely.Epoch, n int) {
			if at < complete {
				panic(fmt.Sprintf("%d appears at %v, which was complete", n, at))
			}
		})
		timely.ProbeWith(timelytest.Collect(answer, out), probe)
	})
	for _, f := range records {
		owner, advances, wait, polls := dice.IntN(w.Peers()), dice.IntN(2) == 0, dice.IntN(8) == 0, dice.IntN(3)
		at := timely.Epoch(f.at[0])
		if at > input.Time() && (advances || owner == w.Index()) {
			input.AdvanceTo(at)
		}
		if owner == w.Index() {
			input.Send(f.n)
		}
		for range polls {
			w.Poll()
			look()
		}
		if wait { // for what all workers have left behind
			input.AdvanceTo(max(at, input.Time()))
			for probe.LessThan(at) {
				w.Step()
				look()
			}
		}
	}
	input.Close()
	for !probe.Done() {
		w.Step()
		look()
	}
	return nil
}
