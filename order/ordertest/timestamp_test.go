package ordertest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/timely-go/timely/order"
)

func TestBuiltInTimesKeepTheLaws(t *testing.T) {
	t.Run("Epoch", func(t *testing.T) { Laws(t, drawEpoch) })
	t.Run("Loop", func(t *testing.T) { Laws(t, product(drawEpoch, drawEpoch)) })
	t.Run("Product of Product", func(t *testing.T) { Laws(t, product(product(drawEpoch, drawEpoch), drawEpoch)) })
	t.Run("Product in Product", func(t *testing.T) { Laws(t, product(drawEpoch, product(drawEpoch, drawEpoch))) })
	t.Run("Lexicographic", func(t *testing.T) { Laws(t, lexicographic(drawEpoch, drawSmall)) })
	t.Run("Lexicographic of Lexicographic", func(t *testing.T) { Laws(t, lexicographic(lexicographic(drawEpoch, drawSmall), drawSmall)) })
	t.Run("Lexicographic of Product", func(t *testing.T) { Laws(t, lexicographic(drawEpoch, product(drawSmall, drawSmall))) })
	t.Run("Product of Lexicographic", func(t *testing.T) { Laws(t, product(lexicographic(drawEpoch, drawSmall), drawEpoch)) })
}

func TestSoundToyKeepsTheLaws(t *testing.T) { Laws(t, drawToy[sound]) }

// drawEpoch draws small numbers, and some near the end.
func drawEpoch(r *rand.Rand) order.Epoch {
	n := drawSmall(r)
	if r.IntN(4) == 0 {
		n = math.MaxUint64 - n
	}
	return n
}

func drawSmall(r *rand.Rand) order.Epoch { return order.Epoch(r.IntN(5)) }

func product[O order.Timestamp[O], I order.Timestamp[I]](outer func(*rand.Rand) O, inner func(*rand.Rand) I) func(*rand.Rand) order.Product[O, I] {
	return func(r *rand.Rand) order.Product[O, I] { return order.Product[O, I]{Outer: outer(r), Inner: inner(r)} }
}

func lexicographic[A order.Timestamp[A], B order.Timestamp[B]](first func(*rand.Rand) A, second func(*rand.Rand) B) func(*rand.Rand) order.Lexicographic[A, B] {
	return func(r *rand.Rand) order.Lexicographic[A, B] {
		return order.Lexicographic[A, B]{First: first(r), Second: second(r)}
	}
}

// Each of these breaks the law beside which it stands in TestBrokenTimesAreFound.
type (
	signed              struct{ sound }
	irreflexive         struct{ sound }
	coarse              struct{ sound }
	nearby              struct{ sound }
	joinsLow            struct{ sound }
	joinsHigh           struct{ sound }
	meetsHigh           struct{ sound }
	meetsLow            struct{ sound }
	comparesCoarsely    struct{ sound }
	comparesOneWay      struct{ sound }
	comparesInACircle   struct{ sound }
	comparesBackwards   struct{ sound }
	startsLate          struct{ sound }
	forgetsDelay        struct{ sound }
	goesBack            struct{ sound }
	standsStill         struct{ sound }
	stumbles            struct{ sound }
	stumblesOnDelay     struct{ sound }
	arrivesAfterAll     struct{ sound }
	arrivesWhenLonger   struct{ sound }
	dependsOnGrouping   struct{ sound }
	overflowsByGrouping struct{ sound }
)

// signed puts odd numbers before even ones, so zero is not the least.
func (signed) lessEqual(t, u int) bool { return key(t) <= key(u) }
func (signed) compare(t, u int) int    { return key(t) - key(u) }
func key(t int) int                    { return t - 100*(t%2) }

func (irreflexive) lessEqual(t, u int) bool { return t < u }
func (coarse) lessEqual(t, u int) bool      { return t/2 <= u/2 }
func (nearby) lessEqual(t, u int) bool      { return t <= u && u <= t+3 }

func (joinsLow) join(t, u int) int  { return min(t, u) }
func (joinsHigh) join(t, u int) int { return max(t, u) + 1 }
func (meetsHigh) meet(t, u int) int { return max(t, u) }
func (meetsLow) meet(t, u int) int  { return min(t, u) / 2 }

func (comparesCoarsely) compare(t, u int) int  { return t/2 - u/2 }
func (comparesOneWay) compare(t, u int) int    { return max(t-u, -1) * (1 + t%2*(t-u)) }
func (comparesBackwards) compare(t, u int) int { return u - t }

// comparesInACircle puts each number before the next two of a ring of five.
func (comparesInACircle) compare(t, u int) int {
	switch (u - t + 100) % 5 {
	case 1, 2:
		return -1
	case 3, 4:
		return 1
	}
	return t - u
}

func (startsLate) plus(t, delay int) (int, bool)   { return max(t, 1) + delay, t+delay <= 20 }
func (forgetsDelay) plus(t, delay int) (int, bool) { return t, true }
func (goesBack) plus(t, delay int) (int, bool)     { return (t + delay) % 21, true }

// standsStill takes the later of the two: no delay moves a time that is at it.
func (standsStill) plus(t, delay int) (int, bool) { return max(t, delay), true }

// stumbles adds one more to a time of three, so that it overtakes four.
func (stumbles) plus(t, delay int) (int, bool) {
	if t == 3 && delay > 0 {
		delay += 2
	}
	return t + delay, t+delay <= 20
}

// stumblesOnDelay does the same to a delay of three.
func (stumblesOnDelay) plus(t, delay int) (int, bool) { return stumbles{}.plus(delay, t) }

// arrivesAfterAll overflows at even times only.
func (arrivesAfterAll) plus(t, delay int) (int, bool) {
	return t + delay, t+delay <= 20 || t%2 == 1
}

// arrivesWhenLonger overflows on even delays only.
func (arrivesWhenLonger) plus(t, delay int) (int, bool) {
	return t + delay, t+delay <= 20 || delay%2 == 1
}

// dependsOnGrouping adds a delay twice, except to zero: 0 + a is a.
func (dependsOnGrouping) plus(t, delay int) (int, bool) {
	if t > 0 {
		delay *= 2
	}
	return t + delay, true
}

// overflowsByGrouping overflows also if the delay alone is large.
func (overflowsByGrouping) plus(t, delay int) (int, bool) {
	return t + delay, t+delay <= 20 && (t == 0 || delay <= 5)
}

func TestBrokenTimesAreFound(t *testing.T) {
	tests := []struct {
		law   string
		suite func(testing.TB)
	}{
		{"0 <= a", broken[signed]},
		{"a <= a", broken[irreflexive]},
		{"if a <= b and b <= a then a == b", broken[coarse]},
		{"if a <= b and b <= c then a <= c", broken[nearby]},
		{"a.Join(b) is at or after a and b", broken[joinsLow]},
		{"if c is at or after a and b then a.Join(b) <= c", broken[joinsHigh]},
		{"a.Meet(b) is at or before a and b", broken[meetsHigh]},
		{"if c is at or before a and b then c <= a.Meet(b)", broken[meetsLow]},
		{"a.Compare(b) is zero exactly if a == b", broken[comparesCoarsely]},
		{"a.Compare(b) and b.Compare(a) have opposite signs", broken[comparesOneWay]},
		{"Compare is transitive", broken[comparesInACircle]},
		{"if a <= b then a.Compare(b) is not positive", broken[comparesBackwards]},
		{"a + 0 == a", broken[startsLate]},
		{"0 + a == a", broken[forgetsDelay]},
		{"a <= a + b", broken[goesBack]},
		{"if a + b == a then b is zero", broken[standsStill]},
		{"if a <= b then a + c <= b + c", broken[stumbles]},
		{"if a <= b then c + a <= c + b", broken[stumblesOnDelay]},
		{"if a <= b and a + c overflows then b + c does", broken[arrivesAfterAll]},
		{"if a <= b and c + a overflows then c + b does", broken[arrivesWhenLonger]},
		{"(a + b) + c and a + (b + c) are the same, or overflow both", broken[dependsOnGrouping]},
		{"(a + b) + c and a + (b + c) are the same, or overflow both", broken[overflowsByGrouping]},
	}
	tested := make(map[string]bool)
	for _, test := range tests {
		tested[test.law] = true
		if got := reports(test.suite); !mentions(got, "breaks a law: "+test.law+"\n", "ORDERTEST_SEED=") {
			t.Errorf("no report of %q in %q", test.law, got)
		}
	}
	for _, l := range timestampLaws[toy[sound]]() {
		if !tested[l.says] {
			t.Errorf("no broken time for the law %q", l.says)
		}
	}
}

func broken[R rules](t testing.TB) { Laws(t, drawToy[R]) }

func TestLexicographicNeedsFirstsThatStayDifferent(t *testing.T) {
	got := reports(func(t testing.TB) { Laws(t, lexicographic(drawToy[standsStill], drawSmall)) })
	if !mentions(got, "if a <= b then a + c <= b + c") {
		t.Errorf("no report of Plus not being monotone in %q", got)
	}
}

func TestPanicIsReportedWithTimesAndSeed(t *testing.T) {
	t.Run("of a law", func(t *testing.T) {
		got := reports(func(t testing.TB) { Laws(t, lexicographic(drawSmall, drawEpoch)) })
		if !mentions(got, "while checking", "overflows in Second alone", "a = (", "ORDERTEST_SEED=") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("of drawing", func(t *testing.T) {
		got := reports(func(t testing.TB) { Laws(t, lexicographic(product(drawSmall, drawSmall), drawSmall)) })
		if !mentions(got, "panics", "totally ordered", "ORDERTEST_SEED=") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("of sample", func(t *testing.T) {
		got := reports(func(t testing.TB) { Laws(t, func(*rand.Rand) order.Epoch { panic("no idea") }) })
		if !mentions(got, "while drawing times", "no idea", "ORDERTEST_SEED=") {
			t.Errorf("got %q", got)
		}
	})
}
