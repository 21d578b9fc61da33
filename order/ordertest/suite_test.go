package ordertest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/timely-go/timely/order"
)

func TestSeedDrawsTheSameTimesAgain(t *testing.T) {
	t.Setenv("ORDERTEST_SEED", "17")
	first, second := reports(broken[coarse]), reports(broken[coarse])
	if len(first) == 0 || !slices.Equal(first, second) {
		t.Errorf("the same seed reports\n%q and\n%q", first, second)
	}
	if !mentions(first, "ORDERTEST_SEED=17") {
		t.Errorf("no seed in %q", first)
	}
}

func TestSeedThatIsNoNumberIsReported(t *testing.T) {
	t.Setenv("ORDERTEST_SEED", "seventeen")
	if got := reports(broken[sound]); !mentions(got, "ORDERTEST_SEED is not a number") {
		t.Errorf("got %q", got)
	}
}

func TestEachLawIsReportedOnce(t *testing.T) {
	if got := reports(broken[joinsLow]); len(got) != 1 {
		t.Errorf("got %d reports: %q", len(got), got)
	}
}

// A suite that never draws what a law is about cannot find it broken.
func TestCasesAreRelatedOftenEnough(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	wide := func(r *rand.Rand) order.Epoch { return order.Epoch(r.Uint64()) }
	zero, equal, ascending, incomparable := 0, 0, 0, 0
	for range rounds {
		x := drawTriple(r, product(wide, wide))
		zero += count(x.a == order.Loop[order.Epoch]{})
		equal += count(x.a == x.b)
		ascending += count(x.a != x.b && x.b != x.c && x.a.LessEqual(x.b) && x.b.LessEqual(x.c))
		incomparable += count(!x.a.LessEqual(x.b) && !x.b.LessEqual(x.a))
	}
	for what, n := range map[string]int{"zero": zero, "equal": equal, "ascending": ascending, "incomparable": incomparable} {
		if n < rounds/20 {
			t.Errorf("only %d cases of %d are %s (seed %d)", n, rounds, what, seed)
		}
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
