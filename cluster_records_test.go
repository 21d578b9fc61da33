package timely_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// This file is about what records and times can be that cross processes.

// got is a multiset of records, as text. Its methods may be called from any goroutine.
type got struct {
	mu    sync.Mutex
	times map[string]int
}

func (g *got) add(text string, times int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.times == nil {
		g.times = make(map[string]int)
	}
	g.times[text] += times
}

// mustBe fails the test if another multiset is wanted.
func (g *got) mustBe(t *testing.T, want *got) {
	t.Helper()
	if maps.Equal(g.times, want.times) {
		return
	}
	for text, n := range want.times {
		if g.times[text] != n {
			t.Errorf("%.100q came %d times, want %d", text, g.times[text], n)
			return
		}
	}
	t.Errorf("%d different records came, want %d", len(g.times), len(want.times))
}

// roundRobin brings records to all workers, whatever they are.
func roundRobin[D any]() timely.Pact[D] {
	next := uint32(0)
	return func(r *timely.Routes[D]) {
		peers := uint32(r.Peers())
		r.ByBatch(func(records []D, to []uint32) {
			for i := range to {
				to[i] = next % peers
				next++
			}
		})
	}
}

// travel is a test in which so many records of one type cross processes: some to one
// worker each, and all to all.
type travel struct {
	name string
	run  func(t *testing.T, c cluster)
}

func traveling[D any](n int, record func(i int) D, show func(D) string) travel {
	run := func(t *testing.T, c cluster) {
		var exchanged, broadcast, want, wantAll got
		for i := range n {
			want.add(show(record(i)), 1)
			wantAll.add(show(record(i)), c.processes*c.workers)
		}
		c.mustRun(t, func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) {
				records := timely.Map(timely.ToStream(s, shareOf(w, n)), record)
				passed := timely.Unary(records, roundRobin[D](), "RoundRobin", func(in *timely.InPort[epoch, D], out *timely.OutPort[epoch, D]) {
					for at, xs := range in.Batches() {
						out.Session(at).SendBatch(xs)
					}
				})
				timely.Inspect(passed, func(x D) { exchanged.add(show(x), 1) })
				timely.Inspect(timely.Broadcast(records), func(x D) { broadcast.add(show(x), 1) })
			})
			return nil
		})
		exchanged.mustBe(t, &want)
		broadcast.mustBe(t, &wantAll)
	}
	return travel{reflect.TypeFor[D]().String(), run}
}

func shown[D any](x D) string { return fmt.Sprintf("%#v", x) }

type (
	padded struct {
		A int8
		B int64
		C int16
	}
	plainRecord struct {
		A, B int64
		C    [4]int32
	}
	linked struct {
		Name string
		Next *linked
	}
	nestedRecord struct {
		Lines [][]string
		Byte  map[string][]byte
		Deep  map[int]map[string]padded
		Any   any
		At    time.Time
		plain int // not exported
	}
	pair[K, V any] struct {
		Key   K
		Value []V
	}
	// reversed travels backwards, by methods of its own.
	reversed struct{ text string }
)

func (r reversed) MarshalBinary() ([]byte, error) {
	b := []byte(r.text)
	slices.Reverse(b)
	return b, nil
}

func (r *reversed) UnmarshalBinary(b []byte) error {
	b = bytes.Clone(b)
	slices.Reverse(b)
	r.text = string(b)
	return nil
}

func linkedOf(n int) *linked {
	if n == 0 {
		return nil
	}
	return &linked{fmt.Sprint("list of ", n), linkedOf(n - 1)}
}

func (l *linked) shown() string {
	if l == nil {
		return "end"
	}
	return l.Name + ", " + l.Next.shown()
}

func nestedOf(i int) nestedRecord {
	r := nestedRecord{plain: i, At: time.Unix(int64(i), 0).UTC(), Any: []any{nil, i, fmt.Sprint(i), 1.5}[i%4]}
	if i%3 > 0 {
		r.Lines = [][]string{nil, {}, {"", strings.Repeat("x", i%70)}}
		r.Byte = map[string][]byte{"": nil, "empty": {}, "some": make([]byte, i%50)}
		r.Deep = map[int]map[string]padded{i: {"a": {A: 1, B: int64(i)}}, -1: nil}
	}
	return r
}

// large is a record of which no buffer takes two, and not even one.
type large [64 << 10]byte

func largeOf(i int) (x large) {
	for at := i % 100; at < len(x); at += 100 {
		x[at] = byte(i)
	}
	return x
}

var travels = []travel{
	traveling(5000, func(i int) string { return strings.Repeat("é", i%7) + fmt.Sprint(i) }, shown),
	traveling(2000, func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, i) }, func(b []byte) string { return string(b) }),
	traveling(1000, func(i int) [][]string { return [][]string{nil, {}, {fmt.Sprint(i), ""}} }, shown),
	traveling(1000, func(i int) map[string]int { return map[string]int{"i": i, fmt.Sprint(i): -i} }, shown),
	traveling(1000, func(i int) *padded { return &padded{int8(i), int64(i), -1} }, func(p *padded) string { return shown(*p) }),
	traveling(300, func(i int) *linked { return linkedOf(i % 20) }, (*linked).shown),
	traveling(5000, func(i int) padded { return padded{int8(i), int64(i) << 40, int16(-i)} }, shown),
	traveling(20_000, func(i int) plainRecord { return plainRecord{int64(i), -int64(i), [4]int32{3: int32(i)}} }, shown),
	traveling(20_000, func(i int) int64 { return int64(i) * 1e12 }, shown),
	traveling(1000, func(i int) bool { return i%3 == 0 }, shown),
	traveling(3000, func(i int) reversed { return reversed{fmt.Sprint("text ", i)} }, shown),
	traveling(1000, func(i int) nestedRecord { return nestedOf(i) }, func(r nestedRecord) string {
		return fmt.Sprintf("%#v %#v %#v %#v %v %d", r.Lines, r.Byte, r.Deep, r.Any, r.At, r.plain)
	}),
	traveling(10_000, func(int) struct{} { return struct{}{} }, shown),
	traveling(10_000, func(int) [0]string { return [0]string{} }, shown),
	traveling(40, largeOf, func(x large) string { return string(x[:]) }),
	traveling(1000, func(i int) pair[string, pair[int, float64]] {
		return pair[string, pair[int, float64]]{fmt.Sprint(i), []pair[int, float64]{{i, []float64{0.5}}, {}}}
	}, shown),
	traveling(500, func(i int) any { return []any{nil, i, fmt.Sprint(i), true}[i%4] }, shown),
}

func TestRecordsOfManyTypesCrossProcesses(t *testing.T) {
	for _, test := range travels {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, twoByTwo)
			test.run(t, cluster{processes: 3, workers: 1})
		})
	}
}

// TestRecordsCrossProcessesWithABudgetOfOneByte has each batch wait for the one before.
func TestRecordsCrossProcessesWithABudgetOfOneByte(t *testing.T) {
	traveling(1000, func(i int) string { return fmt.Sprint(i) }, shown).run(t, twoByTwo.with(1))
	traveling(1000, func(i int) plainRecord { return plainRecord{A: int64(i)} }, shown).run(t, twoByTwo.with(1))
}

// TestABatchThatGrowsOnItsWayCrossesProcesses has a stage make much more of a batch than
// goes into a buffer: in the largest case, more than goes into a frame.
func TestABatchThatGrowsOnItsWayCrossesProcesses(t *testing.T) {
	batchOf(t, 1024, func(i int) [16]int { return [16]int{i} }, func(x [16]int) int { return x[0] })
	batchOf(t, 1024, func(i int) [512]int { return [512]int{511: i} }, func(x [512]int) int { return x[511] })
	batchOf(t, 1024, func(i int) string { return strings.Repeat("x", i) }, func(x string) int { return len(x) })
	if !testing.Short() && !raceEnabled {
		batchOf(t, 1100, func(i int) large { return large{0: byte(i), 1: byte(i >> 8)} }, func(x large) int { return int(x[0]) | int(x[1])<<8 })
		batchOf(t, 1100, func(i int) string { return strings.Repeat("x", 64<<10+i) }, func(x string) int { return len(x) - 64<<10 })
	}
}

// batchOf broadcasts and exchanges a batch of numbers that have become larger.
func batchOf[D any](t *testing.T, n int, larger func(int) D, number func(D) int) {
	t.Helper()
	var exchanged, broadcast tally
	twoByOne.mustRun(t, func(w *timely.Worker) error {
		input := timely.NewInput[epoch, int]()
		flowOf(w, func(s epochScope) {
			mapped := timely.Map(input.Stream(s), larger)
			timely.Inspect(timely.Broadcast(mapped), func(x D) { broadcast.add(number(x)) })
			there := timely.Exchange(mapped, func(D) uint64 { return 1 })
			timely.Inspect(there, func(x D) { exchanged.add(number(x)) })
		})
		if w.Index() == 0 {
			input.SendBatch(slices.Collect(counting(n)))
		}
		return nil
	})
	exchanged.mustBe(t, counting(n))
	broadcast.mustBe(t, func(yield func(int) bool) {
		for i := range 2 * n {
			if !yield(i / 2) {
				return
			}
		}
	})
}

// TestReceivedRecordsAreTheReceiversOwn changes them in place, at each of those to whom
// they were broadcast.
func TestReceivedRecordsAreTheReceiversOwn(t *testing.T) {
	var left, right tally
	twoByTwo.mustRun(t, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			all := timely.Broadcast(timely.ToStream(s, shareOf(w, 5000)))
			add := func(by int) epochInts { return timely.MapInPlace(all, func(n *int) { *n += by }) }
			tallied(timely.Filter(add(0), func(int) bool { return w.Index() == 3 }), &left)
			tallied(timely.Filter(add(5), func(int) bool { return w.Index() == 3 }), &right)
		})
		return nil
	})
	left.mustBe(t, counting(5000))
	right.mustBe(t, func(yield func(int) bool) {
		for i := range 5000 {
			if !yield(i + 5) {
				return
			}
		}
	})
}

// paddedTime is a time with padding in it: most significant is the flag.
type paddedTime struct {
	late  bool
	epoch int64
}

func (t paddedTime) Compare(o paddedTime) int {
	flag := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return cmp.Or(flag(t.late)-flag(o.late), cmp.Compare(t.epoch, o.epoch))
}
func (t paddedTime) LessEqual(o paddedTime) bool { return t.Compare(o) <= 0 }
func (t paddedTime) Join(o paddedTime) paddedTime {
	return slices.MaxFunc([]paddedTime{t, o}, paddedTime.Compare)
}
func (t paddedTime) Meet(o paddedTime) paddedTime {
	return slices.MinFunc([]paddedTime{t, o}, paddedTime.Compare)
}
func (t paddedTime) Plus(delay paddedTime) (paddedTime, bool) {
	return paddedTime{t.late || delay.late, t.epoch + delay.epoch}, true
}

// writtenTime is a time that travels by methods of its own.
type writtenTime struct{ at int64 }

func (t writtenTime) Compare(o writtenTime) int      { return cmp.Compare(t.at, o.at) }
func (t writtenTime) LessEqual(o writtenTime) bool   { return t.at <= o.at }
func (t writtenTime) Join(o writtenTime) writtenTime { return writtenTime{max(t.at, o.at)} }
func (t writtenTime) Meet(o writtenTime) writtenTime { return writtenTime{min(t.at, o.at)} }
func (t writtenTime) Plus(delay writtenTime) (writtenTime, bool) {
	return writtenTime{t.at + delay.at}, true
}
func (t writtenTime) MarshalBinary() ([]byte, error) {
	return binary.AppendVarint([]byte("at "), t.at), nil // not of one length
}

func (t *writtenTime) UnmarshalBinary(b []byte) error {
	n, length := binary.Varint(bytes.TrimPrefix(b, []byte("at ")))
	if length != len(b)-3 {
		return errors.New("no time")
	}
	t.at = n
	return nil
}

// timesCross runs a program at times that are not the engine's own: records of several
// times, a loop, and an operator that waits until a time is complete.
func timesCross[T timely.Timestamp[T]](t *testing.T, c cluster, times []T) {
	const each = 200
	var out, want got
	for _, at := range times {
		want.add(fmt.Sprint(at, " ", each*(each-1)/2+each), 1)
	}
	c.mustRun(t, func(w *timely.Worker) error {
		input, probe := timely.NewInput[T, int](), timely.NewProbe[T]()
		timely.Dataflow(w, func(s timely.Scope[T]) {
			spreadOut := timely.Exchange(input.Stream(s), spread)
			looped := timely.Iterate(spreadOut, func(ns timely.Stream[timely.Loop[T], int]) (again, done timely.Stream[timely.Loop[T], int]) {
				far := timely.Exchange(ns, func(n int) uint64 { return uint64(n / 1000) })
				again, done = timely.Split(far, func(n int) bool { return n < 5000 })
				return timely.Map(again, func(n int) int { return n + 1000 }), done
			})
			sums := timely.Aggregate(looped, func(int) int { return 0 }, uintOf, func(sum *int, n int) { *sum += n%1000 + 1 }, func(_, sum int) int { return sum })
			timely.ProbeWith(timely.InspectTime(sums, func(at T, n int) { out.add(fmt.Sprint(at, " ", n), 1) }), probe)
		})
		for i, at := range times {
			input.AdvanceTo(at)
			for n := range shareOf(w, each) {
				input.Send(n)
			}
			if i > 0 && i%3 == 0 {
				for probe.LessEqual(times[i-1]) {
					w.Step()
				}
			}
		}
		return nil
	})
	out.mustBe(t, &want)
}

func TestTimesOfUsersCrossProcesses(t *testing.T) {
	for _, c := range []cluster{twoByTwo, {processes: 3, workers: 1}} {
		var padded []paddedTime
		var written []writtenTime
		for i := range 12 {
			padded = append(padded, paddedTime{i >= 6, int64(i % 6 * 1000)})
			written = append(written, writtenTime{int64(i) * 12345})
		}
		t.Run("padded/"+c.String(), func(t *testing.T) { timesCross(t, c, padded) })
		t.Run("written/"+c.String(), func(t *testing.T) { timesCross(t, c, written) })
	}
}

// TestRecordsThatCannotCrossAreNamedWhenTheDataflowIsBuilt looks at what a process says
// that would have to send them, and that one which is alone says nothing.
func TestRecordsThatCannotCrossAreNamedWhenTheDataflowIsBuilt(t *testing.T) {
	t.Run("func", func(t *testing.T) { cannotCross[func()](t, "func()", "func") })
	t.Run("chan", func(t *testing.T) { cannotCross[chan int](t, "chan int", "chan") })
	t.Run("field", func(t *testing.T) {
		cannotCross[struct{ Inner []struct{ Done chan bool } }](t, "Done", "chan")
	})
	t.Run("lock", func(t *testing.T) { cannotCross[*sync.Mutex](t, "sync.Mutex") })
}

func cannotCross[D any](t *testing.T, want ...string) {
	build := func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			none := timely.Map(threeInts(s), func(int) (none D) { return none })
			timely.Exchange(none, func(D) uint64 { return 1 })
		})
		return nil
	}
	if err := timely.Execute(t.Context(), timely.Config{Workers: 2}, build); err != nil {
		t.Errorf("with one process: %v", err)
	}
	want = append(want, "cluster_records_test.go:", "Exchange: records of type", "cannot be sent to other processes", "MarshalBinary", "codec.Register")
	named := 0
	for _, f := range twoByOne.mustFail(t, build) {
		for _, w := range want {
			if !strings.Contains(f.Error(), w) {
				t.Errorf("%q lacks %q", f, w)
			}
		}
		if f.Worker >= 0 {
			named++
			if f.Stack == nil {
				t.Error("it has no stack")
			}
		}
	}
	if named == 0 {
		t.Error("no worker has failed")
	}
}

// localTime is a time that means something in one process only.
type localTime struct{ done chan bool }

func (t localTime) Compare(localTime) int                   { return 0 }
func (t localTime) LessEqual(localTime) bool                { return true }
func (t localTime) Join(localTime) localTime                { return t }
func (t localTime) Meet(localTime) localTime                { return t }
func (t localTime) Plus(localTime) (sum localTime, ok bool) { return t, true }

func TestTimesThatCannotCrossAreNamedWhenTheDataflowIsBuilt(t *testing.T) {
	for i, f := range twoByOne.mustFail(t, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[localTime]) {
			timely.Exchange(timely.ToStream(s, counting(1)), spread)
		})
		return nil
	}) {
		for _, want := range []string{"cluster_records_test.go:", "localTime", "done", "chan"} {
			if !strings.Contains(f.Error(), want) {
				t.Errorf("process %d: %q lacks %q", i, f, want)
			}
		}
	}
}

// TestRecordsThatStayMayBeOfAnyType has a pipeline of them in a cluster.
func TestRecordsThatStayMayBeOfAnyType(t *testing.T) {
	var sum tally
	twoByOne.mustRun(t, func(w *timely.Worker) error {
		flowOf(w, func(s epochScope) {
			funcs := timely.Map(timely.ToStream(s, shareOf(w, 100)), func(n int) func() int { return func() int { return n } })
			timely.Sink(funcs, timely.Pipeline, "Call", func(in *timely.InPort[epoch, func() int]) {
				for _, fs := range in.Batches() {
					for _, f := range fs {
						sum.add(f())
					}
				}
			})
		})
		return nil
	})
	sum.mustBe(t, counting(100))
}

// unwilling is a record that cannot be sent, or read, if it says so.
type unwilling struct{ how string }

func (u unwilling) MarshalBinary() ([]byte, error) {
	switch u.how {
	case "no bytes":
		return nil, errors.New("it will not travel")
	case "panic when written":
		panic("it will not be written")
	}
	return []byte(u.how), nil
}

func (u *unwilling) UnmarshalBinary(b []byte) error {
	switch u.how = string(b); u.how {
	case "no record":
		return errors.New("it will not arrive")
	case "panic when read":
		panic("it will not be read")
	}
	return nil
}

// TestARecordThatDoesNotTravelFailsTheClusterAndIsNamed looks at both ends.
func TestARecordThatDoesNotTravelFailsTheClusterAndIsNamed(t *testing.T) {
	tests := []struct {
		how  string
		want []string
	}{
		{"no bytes", []string{"cluster_records_test.go:", "it will not travel", "worker 0"}},
		{"panic when written", []string{"cluster_records_test.go:", "it will not be written", "worker 0"}},
		{"no record", []string{"it will not arrive", "process 1"}},
		{"panic when read", []string{"it will not be read", "process 1"}},
	}
	for _, test := range tests {
		t.Run(test.how, func(t *testing.T) {
			failures := twoByOne.mustFail(t, func(w *timely.Worker) error {
				flowOf(w, func(s epochScope) {
					records := timely.Map(timely.ToStream(s, counting(1-w.Index())), func(int) unwilling { return unwilling{test.how} })
					there := timely.Exchange(records, func(unwilling) uint64 { return 1 })
					timely.Inspect(there, func(u unwilling) { t.Errorf("%v has come", u) })
				})
				return nil
			})
			for i, f := range failures {
				for _, want := range test.want {
					if !strings.Contains(f.Error(), want) {
						t.Errorf("process %d: %q lacks %q", i, f, want)
					}
				}
			}
		})
	}
}
