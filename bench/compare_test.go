package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestMannWhitneyCountsAllOrders has all orders of two small samples as its oracle: p is
// the part of them that is at least as one-sided.
func TestMannWhitneyCountsAllOrders(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for m := 1; m <= 5; m++ {
			var greater []int // by order: pairs in which one of the n is greater
			var samples [][2][]float64
			for set := range 1 << (n + m) {
				var both [2][]float64
				for rank := range n + m {
					which := set >> rank & 1
					both[which] = append(both[which], float64(rank))
				}
				if len(both[0]) != n {
					continue
				}
				u := 0
				for _, x := range both[0] {
					for _, y := range both[1] {
						if x > y {
							u++
						}
					}
				}
				samples, greater = append(samples, both), append(greater, u)
			}
			for i, both := range samples {
				far, as := min(greater[i], n*m-greater[i]), 0
				for _, u := range greater {
					if min(u, n*m-u) <= far {
						as++
					}
				}
				want := float64(as) / float64(len(samples))
				if got := mannWhitney(both[0], both[1]); math.Abs(got-want) > 1e-12 {
					t.Errorf("%v and %v: p is %v, it should be %v", both[0], both[1], got, want)
				}
			}
		}
	}
}

// Where numbers are equal a small p is about what it is if they differ a little; if all
// are equal nothing is told.
func TestMannWhitneyWithEqualNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		var xs, ys, rounded, alike []float64
		for range 12 {
			x, y := r.Float64(), r.Float64()+float64(n%10)/20
			xs, ys = append(xs, x), append(ys, y)
			rounded, alike = append(rounded, math.Round(20*x)/20), append(alike, math.Round(20*y)/20)
		}
		if p, q := mannWhitney(xs, ys), mannWhitney(rounded, alike); p < 0.2 && math.Abs(p-q) > 0.1 {
			t.Errorf("%v and %v: p is %.3f, rounded %.3f", xs, ys, p, q)
		}
	}
	if p := mannWhitney([]float64{1, 1, 1}, []float64{1, 1, 1}); p != 1 {
		t.Errorf("p of equal numbers is %v", p)
	}
}

func TestComparisonsSayWhatHasChanged(t *testing.T) {
	around := func(median, spread float64) (ran []result) {
		for i := range 10 {
			ran = append(ran, result{Seconds: median + spread*float64(i-5)})
		}
		return ran
	}
	for _, test := range []struct {
		name          string
		before, after []result
		want          string
	}{
		{"as it was", around(1, 0.01), around(1.001, 0.01), ""},
		{"slower, for certain", around(1, 0.01), around(1.2, 0.01), worse},
		{"faster, for certain", around(1, 0.01), around(0.8, 0.01), better},
		{"slower, by little", around(1, 0.001), around(1.05, 0.001), ""},
		{"slower, by chance", around(1, 0.15), around(1.1, 0.15), ""},
	} {
		if got := compared(seconds, test.before, test.after); got.verdict() != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// TestRowsRunWithTwoBuildsInTurn has builds that only say how long they took.
func TestRowsRunWithTwoBuildsInTurn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the builds are shell scripts")
	}
	defer func(n int) { *turns = n }(*turns)
	*turns = 5
	build := func(name string, seconds int) string {
		path := filepath.Join(t.TempDir(), name)
		script := fmt.Sprintf("#!/bin/sh\necho \"$*\" >>%s.ran\necho 'p0: {\"seconds\": %d.'$(wc -l <%s.ran)'}'\n", path, seconds, path)
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	slow, fast := build("slow", 2), build("fast", 1)
	if err := compareBuilds(t.Context(), slow, fast, table[:1]); err != nil {
		t.Error(err)
	}
	if err := compareBuilds(t.Context(), fast, slow, table[:1]); err == nil || !strings.Contains(err.Error(), table[0].command) {
		t.Errorf("%v; it should name the row that is slower", err)
	}
	ran, err := os.ReadFile(slow + ".ran")
	if want := strings.Repeat(table[0].command+"\n", 10); err != nil || string(ran) != want {
		t.Errorf("ran %q, %v", ran, err)
	}
}
