package schedule

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// model is a scheduler without coroutines: its tasks are given up and gone on with
// by their number of segments. It is what the package's text says, naively.
type model struct {
	tasks []*modelTask // in order
	ready []*modelTask
	log   []string

	between func()
}

type modelTask struct {
	id                          int
	awake, paused, again, ready bool
	segment                     func() verdict // the next piece of its turn
}

// verdict is what ends a piece of a turn.
type verdict int

const (
	returns verdict = iota
	pauses
	yields
)

func (m *model) wake(t *modelTask) {
	if t.paused {
		t.again = true
	} else if slices.Contains(m.tasks, t) {
		t.awake = true
	}
}

func (m *model) makeReady(t *modelTask) {
	if !t.ready && slices.Contains(m.tasks, t) {
		t.ready = true
		m.ready = append(m.ready, t)
	}
}

func (m *model) remove(t *modelTask) {
	i := slices.Index(m.tasks, t)
	if i < 0 {
		return
	}
	m.tasks = slices.Delete(m.tasks, i, i+1)
	m.ready = slices.DeleteFunc(m.ready, func(r *modelTask) bool { return r == t })
	if t.paused {
		m.log = append(m.log, fmt.Sprint("unwound ", t.id))
	}
	*t = modelTask{id: t.id}
}

func (m *model) busy() bool {
	return len(m.ready) > 0 || slices.ContainsFunc(m.tasks, func(t *modelTask) bool { return t.awake })
}

func (m *model) step(passes int) (some bool) {
	for ; passes > 0 && m.busy(); passes-- {
		some = true
		resumed := m.ready
		m.ready = nil
		for _, t := range resumed {
			if t.ready = false; t.paused {
				t.paused = false
				m.run(t)
				if !t.paused && t.again {
					t.again, t.awake = false, true
				}
			}
		}
		for i := 0; i < len(m.tasks); i++ {
			if t := m.tasks[i]; t.awake {
				t.awake = false
				m.run(t)
			}
		}
		m.between()
	}
	return some
}

func (m *model) run(t *modelTask) {
	how := t.segment()
	if how == returns {
		return
	}
	if how == yields {
		m.makeReady(t)
	}
	t.paused = true
	if t.awake {
		t.awake, t.again = false, true
	}
}

// actor is what tasks of the loop and of the model do alike: a sequence of pieces
// that depends on nothing but a seed.
type actor struct {
	id   int
	rand *rand.Rand
}

// world is what an actor acts on: the loop or the model, whose live tasks have
// indices in the order of their making.
type world struct {
	live  func() int
	wake  func(i int)
	ready func(i int)
	say   func(string)
}

func (a *actor) piece(w world) verdict {
	w.say(fmt.Sprint("task ", a.id))
	for range a.rand.IntN(3) {
		w.wake(a.rand.IntN(w.live()))
	}
	if a.rand.IntN(3) == 0 {
		w.ready(a.rand.IntN(w.live()))
	}
	return []verdict{returns, returns, returns, pauses, yields, yields}[a.rand.IntN(6)]
}

// pair is a loop and its model.
type pair struct {
	loop *Loop
	log  []string
	real []*Task // live, in order

	model *model
	next  int // id
}

func newPair(seed uint64) *pair {
	p := &pair{model: &model{}}
	between := func(r *rand.Rand, remove func(i int), live func() int, say func(string)) func() {
		return func() {
			say("-")
			for range max(0, r.IntN(8)-6) {
				if n := live(); n > 1 {
					remove(r.IntN(n))
				}
			}
		}
	}
	p.loop = NewLoop(between(rand.New(rand.NewPCG(seed, 1)), p.removeReal, func() int { return len(p.real) }, p.say))
	p.model.between = between(rand.New(rand.NewPCG(seed, 1)), p.removeModel, func() int { return len(p.model.tasks) }, p.model.say)
	return p
}

func (p *pair) say(s string)  { p.log = append(p.log, s) }
func (m *model) say(s string) { m.log = append(m.log, s) }

func (p *pair) add(seed uint64) {
	id := p.next
	p.next++
	a := &actor{id, rand.New(rand.NewPCG(seed, uint64(id)))}
	w := world{
		live:  func() int { return len(p.real) },
		wake:  func(i int) { p.real[i].Wake() },
		ready: func(i int) { p.loop.Ready(p.real[i]) },
		say:   p.say,
	}
	p.real = append(p.real, p.loop.Add(id, func() {
		unwound := true
		defer func() {
			if unwound {
				p.say(fmt.Sprint("unwound ", id))
			}
		}()
		for {
			switch a.piece(w) {
			case returns:
				unwound = false
				return
			case pauses:
				p.loop.Pause()
			case yields:
				p.loop.Yield()
			}
		}
	}))
	b := &actor{id, rand.New(rand.NewPCG(seed, uint64(id)))}
	m := p.model
	v := world{
		live:  func() int { return len(m.tasks) },
		wake:  func(i int) { m.wake(m.tasks[i]) },
		ready: func(i int) { m.makeReady(m.tasks[i]) },
		say:   m.say,
	}
	m.tasks = append(m.tasks, &modelTask{id: id, segment: func() verdict { return b.piece(v) }})
}

func (p *pair) removeReal(i int) {
	t := p.real[i]
	p.real = slices.Delete(p.real, i, i+1)
	p.loop.Remove(t)
}

func (p *pair) removeModel(i int) { p.model.remove(p.model.tasks[i]) }

func (p *pair) compare(t *testing.T) {
	t.Helper()
	if !slices.Equal(p.log, p.model.log) {
		i := 0
		for i < min(len(p.log), len(p.model.log)) && p.log[i] == p.model.log[i] {
			i++
		}
		t.Fatalf("after %q:\nloop  %q\nmodel %q", p.log[max(0, i-5):i], p.log[i:min(i+5, len(p.log))], p.model.log[i:min(i+5, len(p.model.log))])
	}
	p.log, p.model.log = nil, nil
	if len(p.real) != len(p.model.tasks) || p.loop.Busy() != p.model.busy() {
		t.Fatalf("%d tasks, busy %v; the model has %d, busy %v", len(p.real), p.loop.Busy(), len(p.model.tasks), p.model.busy())
	}
	count := 0
	for i, task := range p.real {
		m := p.model.tasks[i]
		if task.Owner != m.id || task.Paused() != m.paused || task.Awake() != (m.awake || m.again) {
			t.Fatalf("task %v: paused %v, awake %v; the model's task %d: %+v", task.Owner, task.Paused(), task.Awake(), m.id, *m)
		}
		if m.awake {
			count++
		}
	}
	if p.loop.count != count {
		t.Fatalf("%d tasks are counted as awake, want %d", p.loop.count, count)
	}
}

// TestLoopAgreesWithModel adds, removes, wakes and makes ready at random, from
// outside, inside turns and between passes.
func TestLoopAgreesWithModel(t *testing.T) {
	seconds := 1.0
	if text := os.Getenv("TIMELY_SUITE_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal("TIMELY_SUITE_SECONDS: ", err)
		}
	}
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	seeds, operations, compactions := 0, 0, 0
	for seed := uint64(0); seeds == 0 || time.Now().Before(end); seed++ {
		r := rand.New(rand.NewPCG(seed, 0))
		p := newPair(seed)
		most := 1 + r.IntN(300) // tasks
		for range 1000 {
			operations++
			holes := p.loop.holes
			switch n := len(p.real); {
			case n == 0 || r.IntN(most) >= n && r.IntN(2) == 0:
				for range 1 + r.IntN(most)/4 {
					p.add(seed)
				}
			case r.IntN(30) == 0: // many
				for range r.IntN(n) {
					i := r.IntN(len(p.real))
					p.removeReal(i)
					p.removeModel(i)
				}
			case r.IntN(5) == 0:
				i := r.IntN(n)
				p.removeReal(i)
				p.removeModel(i)
			case r.IntN(2) == 0:
				i := r.IntN(n)
				p.real[i].Wake()
				p.model.wake(p.model.tasks[i])
			case r.IntN(2) == 0:
				i := r.IntN(n)
				p.loop.Ready(p.real[i])
				p.model.makeReady(p.model.tasks[i])
			default:
				passes := 1 + r.IntN(4)
				if got, want := p.loop.Step(passes), p.model.step(passes); got != want {
					t.Fatalf("seed %d: Step is %v, want %v", seed, got, want)
				}
			}
			if p.loop.holes < holes {
				compactions++
			}
			p.compare(t)
			if t.Failed() {
				t.Fatal("seed ", seed)
			}
		}
		p.loop.Close()
		seeds++
	}
	if compactions == 0 {
		t.Error("no hole was closed")
	}
	fmt.Printf("count: %s: %d seeds, %d operations, %d compactions\n", t.Name(), seeds, operations, compactions)
}
