package ordertest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
)

// This file tries any laws on any cases; it knows nothing about times.

// rounds is how many cases each law is tried on.
const rounds = 5000

// A law is a sentence about cases, and a function that says whether it is true
// of one.
type law[C any] struct {
	says  string
	holds func(C) bool
}

// check reports every law that fails on one of the cases drawn, once each.
func check[C fmt.Stringer](t testing.TB, subject string, laws []law[C], draw func(*rand.Rand) C) {
	t.Helper()
	seed, err := chooseSeed()
	if err != nil {
		t.Fatalf("ordertest: %v", err)
	}
	failed := make([]bool, len(laws))
	r := rand.New(rand.NewPCG(seed, 0))
	for range rounds {
		try(t, subject, seed, laws, failed, func() C { return draw(r) })
	}
}

// try draws one case and reports the laws that fail on it and did not before. A
// panic of a time is reported with the case, and ends the test.
func try[C fmt.Stringer](t testing.TB, subject string, seed uint64, laws []law[C], failed []bool, draw func() C) {
	t.Helper()
	doing, on := "drawing times", "these"
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s panics\n\twhile %s: %v\n\ton %s (ORDERTEST_SEED=%d)\n%s", subject, doing, p, on, seed, debug.Stack())
		}
	}()
	c := draw()
	on = c.String()
	for i, l := range laws {
		doing = "checking: " + l.says
		if !failed[i] && !l.holds(c) {
			failed[i] = true
			t.Errorf("%s breaks a law: %s\n\tfor %s (ORDERTEST_SEED=%d)", subject, l.says, on, seed)
		}
	}
}

func chooseSeed() (uint64, error) {
	text := os.Getenv("ORDERTEST_SEED")
	if text == "" {
		return rand.Uint64(), nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ORDERTEST_SEED is not a number: %w", err)
	}
	return seed, nil
}
