package sim

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// This file counts what workers tell each other, with more of them than a machine has
// cores. In each epoch each worker sends some records, and all wait until the epoch is
// complete, so that none can add up what it did in several.
//
// What a worker did since the last time goes to each other worker: one message is told
// to so many. That it grows with the workers is the protocol. How often a worker tells
// something, and how much that is, must not.

// loaded is a program that is counted.
type loaded struct {
	name string
	to   func(workers int) int // to how many workers each sends a record in an epoch: those that come next
	laps int                   // round a loop, to the next worker in each; 0: there is no loop
	more float64               // times that a worker may tell more in an epoch if there are four times as many
}

func one(int) int           { return 1 }
func each(workers int) int  { return workers }
func next(r Record) uint64  { return uint64(r.V) }
func moved(r Record) Record { return Record{r.V + 1, [2]uint8{r.Fuel[0] - 1}} }

var loads = []loaded{
	{"records for the next worker", one, 0, 0.5},
	{"records for all workers", each, 0, 3},
	{"records that go round a loop", one, 3, 0.5},
}

// tellings are what was counted in a run.
type tellings struct {
	told    int // messages, each for all other workers
	changes int // in all messages
	most    int // in one
	bytes   int // of all messages
	batches int // that an operator has taken
}

// run runs a program under a policy, with messages that arrive at once or when the
// policy says so, and counts.
func (l loaded) run(t *testing.T, workers, epochs int, p Policy, atOnce bool) (n tellings) {
	t.Helper()
	seed := cmp.Or(*seed, 1)
	w := NewWorld(workers, seed, p)
	h := w.Host(0, 0)
	h.Audit, h.Poison = nil, false // what they cost grows faster than what is counted
	if atOnce {
		h.Transport = nil
	}
	h.Told = func(m host.Told) {
		n.told++
		n.changes += m.Changes
		n.most = max(n.most, m.Changes)
		n.bytes += m.Bytes
	}
	done := make(chan error, 1)
	go func() {
		done <- timely.Execute(host.With(context.Background(), h), timely.Config{Workers: workers}, func(k *timely.Worker) error {
			return l.program(k, epochs, &n.batches)
		})
	}()
	err := w.Run(maxSteps)
	if err == nil {
		err = <-done
	}
	if err != nil {
		t.Fatalf("%d workers, -seed %d: %v", workers, seed, err)
	}
	t.Logf("%d workers, -seed %d: %.2f messages told by each worker in an epoch, with %.2f changes, at most %d, in %.1f bytes",
		workers, seed, n.perWorker(workers, epochs), n.perMessage(n.changes), n.most, n.perMessage(n.bytes))
	return n
}

func (n tellings) perWorker(workers, epochs int) float64 {
	return float64(n.told) / float64(workers*epochs)
}

func (n tellings) perMessage(sum int) float64 { return float64(sum) / float64(n.told) }

// program is what each worker runs.
func (l loaded) program(k *timely.Worker, epochs int, batches *int) error {
	input, probe := l.build(k, batches)
	for e := range epochs {
		for i := range l.to(k.Peers()) {
			input.Send(Record{uint16(k.Index() + 1 + i), [2]uint8{uint8(l.laps)}})
		}
		input.AdvanceTo(epoch(e + 1))
		for probe.LessThan(input.Time()) {
			k.Step()
		}
	}
	return nil
}

// build builds the dataflow of the program. It counts the batches that are taken.
func (l loaded) build(k *timely.Worker, batches *int) (*timely.Input[epoch, Record], *timely.Probe[epoch]) {
	input := timely.NewInput[epoch, Record]()
	probe := timely.NewProbe[epoch]()
	timely.Dataflow(k, func(s timely.Scope[epoch]) {
		owned := delivered(input.Stream(s), batches)
		if l.laps > 0 {
			owned = timely.Iterate(owned, func(all timely.Stream[timely.Loop[epoch], Record]) (again, done timely.Stream[timely.Loop[epoch], Record]) {
				going, ended := timely.Split(delivered(all, batches), func(r Record) bool { return r.Fuel[0] > 0 })
				return timely.Map(going, moved), ended
			})
		}
		timely.ProbeWith(owned, probe)
	})
	return input, probe
}

// delivered brings records to the workers that own them, and counts the batches.
func delivered[T timely.Timestamp[T]](s timely.Stream[T, Record], batches *int) timely.Stream[T, Record] {
	return timely.InspectBatch(timely.Exchange(s, next), func(T, []Record) { *batches++ })
}

// manyWorkers are more and more of them, each time four times as many.
func manyWorkers() []int {
	if testing.Short() || raceEnabled {
		return []int{4, 16, 64}
	}
	return []int{4, 16, 64, 256}
}

// However many workers there are, one tells as much in an epoch: so what it sends, to each
// of them, is proportional to their number. If each has records for all, it takes in what
// has come while it waited for its turn, and tells of it, some more times.
func TestProgressThatAWorkerTellsDoesNotGrowWithTheWorkers(t *testing.T) {
	const epochs = 4
	for _, l := range loads {
		t.Run(l.name, func(t *testing.T) {
			var few tellings // of the fewest workers
			before := math.Inf(1)
			for _, workers := range manyWorkers() {
				n := l.run(t, workers, epochs, Uniform, true)
				l.checkLaw(t, n, workers, epochs)
				if few.told == 0 {
					few = n
				}
				told, bytes := n.perWorker(workers, epochs), n.perMessage(n.bytes)
				if told > before+l.more {
					t.Errorf("a worker of %d tells something %.2f times in an epoch, of a quarter as many %.2f times", workers, told, before)
				}
				if fewer := few.perMessage(few.bytes); bytes > 1.25*fewer {
					t.Errorf("a message of %d workers has %.1f bytes, with the fewest %.1f", workers, bytes, fewer)
				}
				before = told
			}
		})
	}
}

// Where every message arrives alone, when no worker has anything else to do, nothing is
// added up: that is the worst that can be.
func TestProgressIsToldAtMostOnceForEachBatchThatArrives(t *testing.T) {
	const epochs = 4
	for _, l := range loads {
		t.Run(l.name, func(t *testing.T) {
			for _, workers := range []int{2, 4, 8} {
				l.checkLaw(t, l.run(t, workers, epochs, Lazy(), false), workers, epochs)
			}
		})
	}
}

// checkLaw checks what holds under any policy: a worker tells something when it has
// advanced its input, when it closes it, and when it has taken batches; and what it tells
// then is of few pointstamps.
func (l loaded) checkLaw(t *testing.T, n tellings, workers, epochs int) {
	t.Helper()
	if most := workers*(epochs+1) + n.batches; n.told > most {
		t.Errorf("%d workers tell something %d times; with %d batches in %d epochs it should be %d at most", workers, n.told, n.batches, epochs, most)
	}
	// An input has two times at most, the old and the new; records leave one place for
	// another; and the laps that a worker finds together are as many as a record makes.
	if most := 2 + 2*(1+l.laps); n.most > most {
		t.Errorf("%d workers: a message has %d changes, it should have %d at most", workers, n.most, most)
	}
}

// A channel leads from each worker to each: so to build a dataflow at all workers takes a
// time, and memory, that grow with the square of their number, and for each worker in
// proportion to it. Were something gone through for each channel that is as long as there
// are workers, four times as many would need 64 times as much.
func TestBuildingGrowsWithTheChannelsBetweenWorkers(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("it is about time")
	}
	const few, many = 64, 256
	const square = (many / few) * (many / few)
	fewTook, fewBytes := built(t, few)
	manyTook, manyBytes := built(t, many)
	for tries := 0; tries < 5 && manyTook > 2*square*fewTook; tries++ { // noise only ever adds
		again, _ := built(t, few)
		fewTook = min(fewTook, again)
		again, _ = built(t, many)
		manyTook = min(manyTook, again)
	}
	t.Logf("%d workers: %v and %d bytes for each pair of them; %d workers: %v and %d bytes",
		few, fewTook/(few*few), fewBytes/(few*few), many, manyTook/(many*many), manyBytes/(many*many))
	if manyTook > 2*square*fewTook {
		t.Errorf("%d workers have built in %v, %d in %v", many, manyTook, few, fewTook)
	}
	if manyBytes > 1.25*square*fewBytes {
		t.Errorf("%d workers have allocated %d bytes to build, %d workers %d", many, manyBytes, few, fewBytes)
	}
}

// built returns what it takes until so many workers have built a program.
func built(t *testing.T, workers int) (took time.Duration, bytes uint64) {
	t.Helper()
	w := NewWorld(workers, 1, Uniform)
	h := w.Host(0, 0)
	h.Audit, h.Transport = nil, nil
	var before, after runtime.MemStats
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.ReadMemStats(&before)
	done := make(chan error, 1)
	go func() {
		done <- timely.Execute(host.With(context.Background(), h), timely.Config{Workers: workers}, func(k *timely.Worker) error {
			begun := time.Now()
			loads[0].build(k, new(int))
			took += time.Since(begun)
			return nil
		})
	}()
	err := w.Run(math.MaxInt)
	if err == nil {
		err = <-done
	}
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}
