package sim

import "math/rand/v2"

// Policy chooses what happens next.
type Policy interface {
	Choose(r *rand.Rand, among []Choice) int
}

// PolicyFunc is a function as a Policy.
type PolicyFunc func(r *rand.Rand, among []Choice) int

// Choose implements Policy.
func (f PolicyFunc) Choose(r *rand.Rand, among []Choice) int { return f(r, among) }

// Uniform chooses anything.
var Uniform = PolicyFunc(func(r *rand.Rand, among []Choice) int { return r.IntN(len(among)) })

// Starve lets a worker run, and what is sent to it arrive, only if nothing else can happen.
func Starve(worker int) Policy {
	return avoid(func(c Choice) bool { return c.Worker == worker || c.To == worker })
}

// Freeze lets the messages of one link arrive only if nothing else can happen.
func Freeze(from, to int) Policy {
	return avoid(func(c Choice) bool { return c.From == from && c.To == to })
}

// Lazy lets messages arrive only if no worker can run.
func Lazy() Policy { return avoid(func(c Choice) bool { return c.Worker < 0 }) }

// avoid chooses what is not avoided, if there is anything else.
func avoid(avoided func(Choice) bool) Policy {
	return PolicyFunc(func(r *rand.Rand, among []Choice) int {
		var good []int
		for i, c := range among {
			if !avoided(c) {
				good = append(good, i)
			}
		}
		if len(good) == 0 || r.IntN(200) == 0 {
			return r.IntN(len(among))
		}
		return good[r.IntN(len(good))]
	})
}

// Newest delivers from the link that was sent to last, so that others grow old.
var Newest = PolicyFunc(func(r *rand.Rand, among []Choice) int {
	best := r.IntN(len(among))
	if r.IntN(3) == 0 {
		return best
	}
	for i, c := range among {
		if c.Worker < 0 && (among[best].Worker >= 0 || c.Newest > among[best].Newest) {
			best = i
		}
	}
	return best
})

// Bursts goes on with what it chose before, for a while.
func Bursts() Policy {
	var last Choice
	left := 0
	return PolicyFunc(func(r *rand.Rand, among []Choice) int {
		if left--; left > 0 {
			for i, c := range among {
				if c.Worker == last.Worker && c.From == last.From && c.To == last.To {
					return i
				}
			}
		}
		left = r.IntN(40)
		i := r.IntN(len(among))
		last = among[i]
		return i
	})
}

// anyPolicy draws an adversary for so many workers: a function that makes it, as
// some remember what they did.
func anyPolicy(r *rand.Rand, workers int) (name string, begin func() Policy) {
	a, b := r.IntN(workers), r.IntN(workers)
	switch r.IntN(6) {
	case 0:
		return "starve one", func() Policy { return Starve(a) }
	case 1:
		return "freeze a pair", func() Policy { return Freeze(a, b) }
	case 2:
		return "newest link first", func() Policy { return Newest }
	case 3:
		return "bursts", Bursts
	case 4:
		return "messages last", Lazy
	}
	return "uniform", func() Policy { return Uniform }
}
