package ordertest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// This file holds what the tests break: a time whose methods can be replaced one
// by one, and a testing.TB that keeps what is reported.

// toy is a time made of a number. How its methods behave is up to R.
type toy[R rules] struct{ n int }

type rules interface {
	lessEqual(t, u int) bool
	join(t, u int) int
	meet(t, u int) int
	compare(t, u int) int
	plus(t, delay int) (int, bool)
}

func (t toy[R]) LessEqual(u toy[R]) bool { return rulesOf[R]().lessEqual(t.n, u.n) }
func (t toy[R]) Join(u toy[R]) toy[R]    { return toy[R]{rulesOf[R]().join(t.n, u.n)} }
func (t toy[R]) Meet(u toy[R]) toy[R]    { return toy[R]{rulesOf[R]().meet(t.n, u.n)} }
func (t toy[R]) Compare(u toy[R]) int    { return rulesOf[R]().compare(t.n, u.n) }
func (t toy[R]) String() string          { return fmt.Sprint(t.n) }
func (t toy[R]) Plus(u toy[R]) (toy[R], bool) {
	n, ok := rulesOf[R]().plus(t.n, u.n)
	return toy[R]{n}, ok
}

func rulesOf[R rules]() (r R) { return r }

// sound is the rules of a number up to 20 that keep every law. Broken rules embed
// it and replace one method.
type sound struct{}

func (sound) lessEqual(t, u int) bool       { return t <= u }
func (sound) join(t, u int) int             { return max(t, u) }
func (sound) meet(t, u int) int             { return min(t, u) }
func (sound) compare(t, u int) int          { return t - u }
func (sound) plus(t, delay int) (int, bool) { return t + delay, t+delay <= 20 }

// drawToy draws numbers from 0 to 20, mostly small ones.
func drawToy[R rules](r *rand.Rand) toy[R] { return toy[R]{r.IntN(1 + r.IntN(21))} }

// recorder keeps what a suite reports.
type recorder struct {
	testing.TB
	reports []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.reports = append(r.reports, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// reports returns what a suite reports, on a goroutine of its own so that it may
// end early.
func reports(suite func(testing.TB)) []string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		suite(r)
	}()
	<-done
	return r.reports
}

// mentions reports whether some report contains all of the texts.
func mentions(reports []string, texts ...string) bool {
	for _, report := range reports {
		found := true
		for _, text := range texts {
			found = found && strings.Contains(report, text)
		}
		if found {
			return true
		}
	}
	return false
}
