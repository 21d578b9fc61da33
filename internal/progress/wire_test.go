package progress

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/timely-go/timely/order"
)

// tagged are times in lexicographic order: epochs, and something beside them that
// decides how they lie in memory.
type tagged[X cmp.Ordered] struct {
	Tag X
	At  order.Epoch
}

func (t tagged[X]) LessEqual(u tagged[X]) bool { return t.Compare(u) <= 0 }

func (t tagged[X]) Compare(u tagged[X]) int {
	return cmp.Or(cmp.Compare(t.At, u.At), cmp.Compare(t.Tag, u.Tag))
}

func (t tagged[X]) Join(u tagged[X]) tagged[X] {
	if t.LessEqual(u) {
		return u
	}
	return t
}

func (t tagged[X]) Meet(u tagged[X]) tagged[X] {
	if t.LessEqual(u) {
		return t
	}
	return u
}

func (t tagged[X]) Plus(delay tagged[X]) (tagged[X], bool) {
	t.Tag += delay.Tag
	t.At += delay.At
	return t, t.At >= delay.At
}

// written is a time that travels by methods of its own, as digits.
type written struct{ tagged[uint16] }

func (t written) LessEqual(u written) bool { return t.tagged.LessEqual(u.tagged) }
func (t written) Compare(u written) int    { return t.tagged.Compare(u.tagged) }
func (t written) Join(u written) written   { return written{t.tagged.Join(u.tagged)} }
func (t written) Meet(u written) written   { return written{t.tagged.Meet(u.tagged)} }

func (t written) Plus(delay written) (written, bool) {
	sum, ok := t.tagged.Plus(delay.tagged)
	return written{sum}, ok
}

var errUnwritable = errors.New("too late to be written")

func (t written) MarshalBinary() ([]byte, error) {
	if t.At == math.MaxUint64 {
		return nil, errUnwritable
	}
	return fmt.Appendf(nil, "%d.%d", t.Tag, t.At), nil
}

func (t *written) UnmarshalBinary(src []byte) error {
	tag, at, _ := strings.Cut(string(src), ".")
	n, err := strconv.ParseUint(tag, 10, 16)
	if err != nil {
		return err
	}
	e, err := strconv.ParseUint(at, 10, 64)
	t.tagged = tagged[uint16]{uint16(n), order.Epoch(e)}
	return err
}

// stuck is a time that cannot travel.
type stuck struct {
	order.Epoch
	until chan int
}

func (t stuck) LessEqual(u stuck) bool              { return t.Epoch <= u.Epoch }
func (t stuck) Compare(u stuck) int                 { return cmp.Compare(t.Epoch, u.Epoch) }
func (t stuck) Join(u stuck) stuck                  { return stuck{Epoch: max(t.Epoch, u.Epoch)} }
func (t stuck) Meet(u stuck) stuck                  { return stuck{Epoch: min(t.Epoch, u.Epoch)} }
func (t stuck) Plus(delay stuck) (s stuck, ok bool) { return t, delay == stuck{} }

// A speaker is a level that can be spoken of at random.
type speaker struct {
	Level
	note func(r *rand.Rand, part Part, below int)
}

func speakerOf[T order.Timestamp[T]](ports int, random func(r *rand.Rand, below int) T) speaker {
	k := NewTracker[T](func() {})
	for range ports {
		k.AddPort()
	}
	if err := k.Seal(); err != nil {
		panic(err)
	}
	return speaker{Root[T]{k}, func(r *rand.Rand, part Part, below int) {
		part.(*Changes[T]).Update(Location(r.IntN(ports)), random(r, below), int64(r.IntN(7)-3)<<r.IntN(60))
	}}
}

// speakers have times of every kind that codecs tell apart.
var speakers = []speaker{
	speakerOf(3, randomEpoch),
	speakerOf(300, randomPair),
	speakerOf(1, func(r *rand.Rand, below int) order.Loop[pair] {
		return order.Loop[pair]{Outer: randomPair(r, below), Inner: randomEpoch(r, below)}
	}),
	speakerOf(20, randomTagged[uint8]),
	speakerOf(7, func(r *rand.Rand, below int) written { return written{randomTagged[uint16](r, below)} }),
	speakerOf(5, func(r *rand.Rand, below int) tagged[string] {
		return tagged[string]{strings.Repeat("x", r.IntN(3)), randomEpoch(r, below)}
	}),
}

func randomTagged[X interface{ uint8 | uint16 }](r *rand.Rand, below int) tagged[X] {
	return tagged[X]{X(r.IntN(2)), randomEpoch(r, below)}
}

func spoken() (levels []Level) {
	for _, s := range speakers {
		levels = append(levels, s)
	}
	return levels
}

// randomMessage is short, mostly, and sometimes of many runs of times.
func randomMessage(r *rand.Rand) *Message {
	m := NewMessage(spoken())
	m.Sent = r.IntN(3)
	below := 1 + r.IntN(1<<r.IntN(12))
	for i, s := range speakers {
		for range r.IntN(1 << r.IntN(9)) {
			s.note(r, m.Parts[i], below)
		}
	}
	return m
}

// words returns all that a message says, and looks at it only.
func words(m *Message) string {
	said := []string{fmt.Sprint(m.Sent)}
	for _, p := range m.Parts {
		said = append(said, p.(interface{ words() string }).words())
	}
	return strings.Join(said, "\n")
}

func (c *Changes[T]) words() string {
	sums := make(map[Pointstamp[T]]int64)
	for _, x := range c.list {
		add(sums, x.Pointstamp, x.Delta)
	}
	var list []Change[T]
	for p, d := range sums {
		list = append(list, Change[T]{p, d})
	}
	slices.SortFunc(list, compareChanges[T])
	return fmt.Sprintf("%+v", list)
}

func mustAppend(t testing.TB, m *Message) []byte {
	t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessagesAsBytesSayWhatMergingSays(t *testing.T) {
	var b []byte
	forSeeds(t, 400*time.Millisecond, func(r *rand.Rand) error {
		got, want := NewMessage(spoken()), NewMessage(spoken())
		for range 1 + r.IntN(3) { // so later ones are added to what is there
			m := randomMessage(r)
			before := words(m)
			var err error
			if b, err = m.Append(append(b[:0], "before"...)); err != nil {
				return err
			}
			if !bytes.HasPrefix(b, []byte("before")) || words(m) != before {
				return fmt.Errorf("Append of\n%s\nchanged what was there", before)
			}
			if err := got.Decode(b[len("before"):]); err != nil {
				return err
			}
			want.Merge(m)
			if words(got) != words(want) {
				return fmt.Errorf("got\n%s\nwant\n%s", words(got), words(want))
			}
		}
		if got.Empty() != want.Empty() {
			return fmt.Errorf("Empty is %v of\n%s", got.Empty(), words(got))
		}
		return nil
	})
}

// What comes again cancels what is there, also in a list so short that it is not
// added up when it is read.
func TestDecodedChangesAddUpWithThoseThatAreThere(t *testing.T) {
	levels := spoken()[:1]
	m, plus, minus := NewMessage(levels), NewMessage(levels), NewMessage(levels)
	for e := range order.Epoch(2) {
		plus.Parts[0].(*Changes[order.Epoch]).Update(2-Location(e), e, 1)
		minus.Parts[0].(*Changes[order.Epoch]).Update(2-Location(e), e, -1)
	}
	changes := m.Parts[0].(*Changes[order.Epoch])
	for range 100 {
		for _, x := range []*Message{plus, minus} {
			if err := m.Decode(mustAppend(t, x)); err != nil {
				t.Fatal(err)
			}
		}
		if list := changes.List(); len(list) != 0 {
			t.Fatalf("not empty: %v", list)
		}
	}
}

func TestAnEmptyMessageIsAByteForEachLevelAndOne(t *testing.T) {
	if b := mustAppend(t, NewMessage(spoken())); len(b) != 1+len(speakers) {
		t.Errorf("%d bytes", len(b))
	}
}

func TestWrongBytesChangeNothing(t *testing.T) {
	forSeeds(t, 400*time.Millisecond, func(r *rand.Rand) error {
		b, err := randomMessage(r).Append(nil)
		if err != nil {
			return err
		}
		into := randomMessage(r)
		for range 20 {
			wrong, flipped := slices.Clone(b[:r.IntN(len(b))]), false
			if r.IntN(2) == 0 {
				wrong, flipped = slices.Clone(b), true
				for range 1 + r.IntN(3) {
					wrong[r.IntN(len(wrong))] ^= 1 << r.IntN(8)
				}
			}
			ok, err := tryDecode(into, wrong)
			if err != nil {
				return err
			}
			if ok && !flipped {
				return fmt.Errorf("%d bytes of %d are a message", len(wrong), len(b))
			}
		}
		return nil
	})
}

// tryDecode decodes bytes, and looks whether it did so as a whole or not at all,
// and at how much was allocated.
func tryDecode(into *Message, src []byte) (ok bool, err error) {
	m, before := NewMessage(spoken()), words(into)
	n, wrong := decodeAndMeasure(m, src)
	if n > atMost(src) {
		return false, fmt.Errorf("%d bytes allocated %d", len(src), n)
	}
	again := into.Decode(src)
	switch {
	case (wrong == nil) != (again == nil):
		return false, fmt.Errorf("an empty message says %v, another %v", wrong, again)
	case wrong != nil && (words(into) != before || words(m) != words(NewMessage(spoken()))):
		return false, fmt.Errorf("in spite of %w, the message has changed:\n%s\nwas\n%s", wrong, words(into), before)
	case wrong != nil:
		return false, nil
	}
	b, err := m.Append(nil)
	if err != nil {
		return false, err
	}
	copied := NewMessage(spoken())
	if err := copied.Decode(b); err != nil || words(copied) != words(m) {
		return false, fmt.Errorf("sent again: %w\n%s\nwas\n%s", err, words(copied), words(m))
	}
	return true, nil
}

// decodeAndMeasure also returns how many bytes were allocated, freed again or not.
func decodeAndMeasure(m *Message, src []byte) (n uint64, wrong error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wrong = m.Decode(src)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, wrong
}

// atMost is what decoding these bytes may allocate.
func atMost(src []byte) uint64 { return 8*uint64(len(src)) + 1<<20 }

func FuzzMessageDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(mustAppend(f, NewMessage(spoken())))
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := mustAppend(f, randomMessage(r))
		f.Add(b[:min(len(b), longest)])
	}
	for i, s := range speakers {
		m := NewMessage(spoken())
		s.note(rand.New(rand.NewPCG(7, 1)), m.Parts[i], 200)
		f.Add(mustAppend(f, m))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		src = src[:min(len(src), longest)]
		into := randomMessage(rand.New(rand.NewPCG(3, 1)))
		if _, err := tryDecode(into, src); err != nil {
			t.Error(err)
		}
	})
}

// epochBytes is a message about one level of three locations: n changes, their
// times, then locations and deltas.
func epochBytes(n int, times []order.Epoch, pairs ...int64) []byte {
	b := binary.AppendUvarint([]byte{1}, uint64(n))
	b = binary.AppendUvarint(b, uint64(8*len(times)))
	for _, e := range times {
		b = binary.LittleEndian.AppendUint64(b, uint64(e))
	}
	for _, x := range pairs {
		b = binary.AppendVarint(b, x)
	}
	return b
}

func TestWhatIsWrongWithAMessageIsNamed(t *testing.T) {
	one, two := []order.Epoch{7}, []order.Epoch{7, 8}
	tests := []struct {
		name string
		src  []byte
		want string // "" if nothing is wrong
	}{
		{"right", epochBytes(2, two, 2, 1, -2, -1), ""},
		{"nothing", nil, "progress: number of messages: the bytes end in the middle of a message"},
		{"no level", []byte{1}, "progress: level 0: at byte 1 of 1: the bytes end in the middle of a message"},
		{"endless number", bytes.Repeat([]byte{0xFF}, 12), "progress: number of messages: a number that is too large"},
		{"more messages than an int", append(binary.AppendUvarint(nil, math.MaxInt), 0), "progress: number of messages: a number that is too large"},
		{"more changes than bytes", []byte{1, 200, 1, 0, 0}, "progress: level 0: at byte 1 of 5: more changes than the bytes can hold"},
		{"more times than bytes", []byte{1, 1, 8, 0, 0}, "progress: level 0: at byte 2 of 5: the bytes end in the middle of a message"},
		{"half a length", []byte{1, 1, 0x80, 0x80}, "progress: level 0: at byte 2 of 4: the bytes end in the middle of a message"},
		{"half a time", []byte{1, 1, 4, 0, 0, 0, 0, 0, 0}, "progress: level 0: at byte 2 of 9: codec: order.Epoch at byte 0 of 4: the bytes end in the middle of a record"},
		{"a time too many", epochBytes(1, two, 0, 1), "progress: level 0: at byte 2 of 21: times for more changes, or fewer, than there are"},
		{"a time too few", epochBytes(2, one, 0, 1, 0, 1), "progress: level 0: at byte 2 of 15: times for more changes, or fewer, than there are"},
		{"no delta", epochBytes(1, one, 0), "progress: level 0: at byte 11 of 12: more changes than the bytes can hold"},
		{"half a delta", append(epochBytes(1, one, 0), 0x80), "progress: level 0: at byte 11 of 13: the bytes end in the middle of a message"},
		{"delta of zero", epochBytes(1, one, 0, 0), "progress: level 0: at byte 11 of 13: a change by zero"},
		{"location before the first", epochBytes(1, one, -1, 1), "progress: level 0: at byte 11 of 13: a location that the scope does not have"},
		{"location after the last", epochBytes(2, two, 2, 1, 1, 1), "progress: level 0: at byte 21 of 23: a location that the scope does not have"},
		{"location that overflows", epochBytes(2, two, 2, 1, math.MaxInt64, 1), "progress: level 0: at byte 21 of 32: a location that the scope does not have"},
		{"something more", append(epochBytes(1, one, 0, 1), 0), "progress: 1 bytes after the last level"},
	}
	for _, test := range tests {
		m := NewMessage(spoken()[:1])
		m.Sent = 1
		m.Parts[0].(*Changes[order.Epoch]).Update(1, 1, 1)
		before, got := words(m), ""
		if err := m.Decode(test.src); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
		if test.want != "" && words(m) != before {
			t.Errorf("%s: the message has changed:\n%s", test.name, words(m))
		}
	}
}

// Honest messages are what the bound could be broken by: of times that are large in
// memory and small in bytes.
func TestDecodingAllocatesWithinItsBound(t *testing.T) {
	bound(t, func(i int) order.Epoch { return order.Epoch(i) })
	bound(t, func(i int) pair { return pair{Outer: order.Epoch(i)} })
	bound(t, func(i int) tagged[string] { return tagged[string]{At: order.Epoch(i)} })
	bound(t, func(i int) tagged[uint8] { return tagged[uint8]{At: order.Epoch(i)} })
	bound(t, func(i int) written { return written{tagged[uint16]{At: order.Epoch(i)}} })
}

func bound[T order.Timestamp[T]](t *testing.T, time func(i int) T) {
	t.Helper()
	levels := []Level{speakerOf[T](1, nil)}
	m, into := NewMessage(levels), NewMessage(levels)
	for i := range 200_000 {
		m.Parts[0].(*Changes[T]).Update(0, time(i), 1)
	}
	b := mustAppend(t, m)
	if n, err := decodeAndMeasure(into, b); err != nil || n > atMost(b) {
		t.Errorf("%T: %d bytes allocated %d, error %v", time(0), len(b), n, err)
	}
}

func TestATimeThatCannotBeWrittenLeavesTheBytesAsTheyWere(t *testing.T) {
	levels := []Level{speakerOf(2, randomEpoch), speakerOf[written](2, nil)}
	m := NewMessage(levels)
	m.Parts[0].(*Changes[order.Epoch]).Update(1, 1, 1)
	m.Parts[1].(*Changes[written]).Update(1, written{tagged[uint16]{At: math.MaxUint64}}, 1)
	b, err := m.Append([]byte("before"))
	if !errors.Is(err, errUnwritable) || string(b) != "before" {
		t.Errorf("got %q and the error %v", b, err)
	}
}

func TestTimesThatCannotTravelAreFoundBeforeAnythingIsSent(t *testing.T) {
	for _, l := range spoken() {
		if err := l.CheckWire(); err != nil {
			t.Error(err)
		}
	}
	const want = "codec: progress.stuck: stuck.until: a chan cannot travel"
	k := NewTracker[stuck](func() {})
	inside := Nest(k, order.Same[stuck](), func() {})
	for _, l := range []Level{Root[stuck]{k}, inside} {
		if err := l.CheckWire(); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	l := []Level{speakerOf[stuck](1, nil)}
	m := NewMessage(l)
	mustAppend(t, m) // there is nothing to be said
	m.Parts[0].(*Changes[stuck]).Update(0, stuck{}, 1)
	if _, err := m.Append(nil); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if err := m.Decode([]byte{0, 1, 1, 0, 0, 2}); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestMessagesWithinAProcessNeedNoCodec(t *testing.T) {
	levels := []Level{speakerOf(1, randomEpoch)}
	own, m := OwnMessage(levels), NewMessage(levels)
	own.Parts[0].(*Changes[order.Epoch]).Update(0, 0, 1)
	m.Merge(own)
	levels[0].Accept(m.Parts[0])
	for _, p := range []Part{own.Parts[0], m.Parts[0]} {
		if c := p.(*Changes[order.Epoch]); c.wire.times != nil || c.wire.run != nil {
			t.Error("something was made ready for bytes")
		}
	}
}

func TestSteadyMessagesAsBytesAllocateNothing(t *testing.T) {
	levels := spoken()[:4] // the others allocate in their methods, or have strings
	m, into := NewMessage(levels), NewMessage(levels)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range levels {
		for range 150 {
			speakers[i].note(r, m.Parts[i], 1000)
		}
	}
	var b []byte
	step := func() {
		var err error
		if b, err = m.Append(b[:0]); err != nil {
			t.Fatal(err)
		}
		into.Reset()
		if err := into.Decode(b); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}
