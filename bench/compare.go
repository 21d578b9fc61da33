package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// compare runs rows of the table with another build of this program and with this one,
// in turn, so that a machine that is slow for a while is slow for both:
//
//	git worktree add /tmp/before HEAD~1
//	go build -C /tmp/before -o /tmp/bench_before ./bench
//	go run ./bench compare /tmp/bench_before B2 B9
//
// For each time it tells the median of the pairs' ratios, and by the test of Mann and
// Whitney how probable it is that two versions which are equally fast differ as much. It
// fails if a row has become slower: by more than 8 %, with p below 0.05.
func compare(b *bench) error {
	if b.Index() != 0 {
		return nil
	}
	self, rows, err := b.against("the other build of this program")
	if err != nil {
		return err
	}
	return compareBuilds(b.Context(), b.args[0], self, rows)
}

// against returns this program, and the rows that it is to run against what the first
// argument names.
func (b *bench) against(what string) (self string, rows []row, err error) {
	if len(b.args) == 0 {
		return "", nil, fmt.Errorf("%s: argument 1, %s, is missing", b.name, what)
	}
	if rows, err = chosen(b.args[1:]); err != nil {
		return "", nil, err
	}
	self, err = os.Executable()
	return self, rows, err
}

func compareBuilds(ctx context.Context, before, after string, rows []row) error {
	fmt.Print("| row | program | | to the other | least to most | p | |\n|---|---|---|---|---|---|---|\n")
	var slower []string
	for _, r := range rows {
		ranBefore, ranAfter, err := r.inTurn(ctx, before, after)
		if err != nil {
			return fmt.Errorf("%s: %w", r.command, err)
		}
		for _, t := range r.targets {
			if t.figure.time {
				c := compared(t.figure, ranBefore, ranAfter)
				fmt.Printf("| %s | `%s` | %s | %s\n", r.id, r.command, t.figure.name, c)
				if c.verdict() == worse {
					slower = append(slower, fmt.Sprintf("%s: %s", r.command, t.figure.name))
				}
			}
		}
	}
	if slower != nil {
		return fmt.Errorf("slower than %s: %s", before, strings.Join(slower, "; "))
	}
	return nil
}

// inTurn runs a row with two builds as often as --turns says. Who is first changes, as
// the second may find the machine warm, or hot.
func (r row) inTurn(ctx context.Context, before, after string) (ranBefore, ranAfter []result, err error) {
	builds := []string{before, after}
	for n := range *turns {
		var pair [2]result
		for k := range builds {
			which := (k + n) % 2
			if pair[which], err = measureOf[result](ctx, builds[which], strings.Fields(r.command)...); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", builds[which], err)
			}
		}
		ranBefore, ranAfter = append(ranBefore, pair[0]), append(ranAfter, pair[1])
	}
	return ranBefore, ranAfter, nil
}

// comparison is what two versions differ by in one figure.
type comparison struct {
	ratios []float64 // of the pairs, sorted: below 1 the second is faster
	p      float64
}

func compared(f figure, before, after []result) (c comparison) {
	var xs, ys []float64
	for i := range before {
		x, y := f.of(before[i]), f.of(after[i])
		xs, ys, c.ratios = append(xs, x), append(ys, y), append(c.ratios, y/x)
	}
	slices.Sort(c.ratios)
	c.p = mannWhitney(xs, ys)
	return c
}

const (
	better = "faster"
	worse  = "**slower**"
)

// verdict is empty if what was found may be chance, or is too little to matter.
func (c comparison) verdict() string {
	const matters, chance = 1.08, 0.05
	switch m := c.median(); {
	case c.p >= chance:
		return ""
	case m > matters:
		return worse
	case m < 1/matters:
		return better
	}
	return ""
}

func (c comparison) median() float64 {
	half := len(c.ratios) / 2
	if len(c.ratios)%2 == 1 {
		return c.ratios[half]
	}
	return (c.ratios[half-1] + c.ratios[half]) / 2
}

// String returns the end of a line of the table.
func (c comparison) String() string {
	last := len(c.ratios) - 1
	return fmt.Sprintf("%.2f | %.2f to %.2f | %.2g | %s |", c.median(), c.ratios[0], c.ratios[last], c.p, c.verdict())
}

// mannWhitney returns how probable it is that two samples of one distribution differ in
// their ranks at least as much as these do, in either direction: H. B. Mann and D. R.
// Whitney, On a test of whether one of two random variables is stochastically larger
// than the other, 1947. Numbers that are equal count as half greater. Where the samples
// are small and no numbers equal it counts all orders, otherwise it takes them to be
// distributed normally.
func mannWhitney(xs, ys []float64) (p float64) {
	n, m := len(xs), len(ys)
	u, ties := 0.0, false // u counts the pairs in which x is greater
	for _, x := range xs {
		for _, y := range ys {
			switch cmp.Compare(x, y) {
			case 1:
				u++
			case 0:
				u, ties = u+0.5, true
			}
		}
	}
	u = min(u, float64(n*m)-u)
	if !ties && n+m <= 50 {
		return min(1, 2*orders(int(u), n, m))
	}
	if far := float64(n*m)/2 - u - 0.5; far > 0 {
		return math.Erfc(far / deviation(xs, ys) / math.Sqrt2)
	}
	return 1
}

// orders returns the part of all orders of n and m numbers in which one of the n is
// greater than one of the m at most u times.
func orders(u, n, m int) float64 {
	// ways[j][k] are those of i and j numbers in which that is so k times. The greatest of
	// all is one of the i, and greater than j, or one of the others.
	ways := make([][]float64, m+1)
	for j := range ways {
		ways[j] = make([]float64, n*m+1)
		ways[j][0] = 1
	}
	for range n {
		for j := range ways {
			next := make([]float64, n*m+1)
			copy(next[j:], ways[j])
			if j > 0 {
				for k, w := range ways[j-1] {
					next[k] += w
				}
			}
			ways[j] = next
		}
	}
	few, all := 0.0, 0.0
	for k, w := range ways[m] {
		if all += w; k <= u {
			few += w
		}
	}
	return few / all
}

// deviation returns by how much the number of pairs varies in which one is greater.
func deviation(xs, ys []float64) float64 {
	all := slices.Sorted(slices.Values(slices.Concat(xs, ys)))
	n, m, size, ties := float64(len(xs)), float64(len(ys)), float64(len(all)), 0.0
	for i := 0; i < len(all); {
		t := 1
		for i+t < len(all) && all[i+t] == all[i] {
			t++
		}
		ties += float64(t*t*t - t)
		i += t
	}
	return math.Sqrt(n * m / 12 * (size + 1 - ties/(size*(size-1))))
}
