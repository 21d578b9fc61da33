package main

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/timely-go/timely"
)

// openloop offers records at a rate, whether or not earlier ones are done with, and
// measures how long each takes from the moment when it was due to that when the
// probe has passed it. Times are nanoseconds since the start. The more of them are
// under way, the larger are the steps in which the input advances.
func openloop(b *bench) error {
	rate, seconds := b.int(0, "records a second"), b.int(1, "seconds")
	input := timely.NewInput[timely.Epoch, int]()
	probe := timely.NewProbe[timely.Epoch]()
	seen := 0
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		none := timely.Filter(input.Stream(s), func(int) bool { seen++; return false })
		timely.ProbeWith(none, probe)
	})
	b.sum(0) // all workers are there
	due := func(n int) timely.Epoch { return timely.Epoch(n * int(time.Second) / rate) }
	limit := rate * seconds
	next, done := b.Index(), b.Index() // records to insert and to retire
	var took histogram

	b.begin()
	for done < limit {
		now := timely.Epoch(time.Since(b.begun))
		complete := least(probe)
		for ; due(done) < complete && done < limit; done += b.Peers() {
			took.add(uint64(now - due(done)))
		}
		if to := inSteps(now, input.Time()-complete); input.Time() < to {
			for ; due(next) < to; next += b.Peers() {
				input.Send(next)
			}
			input.AdvanceTo(to)
		}
		b.Poll()
	}
	b.endWith(limit, b.share(limit), &took)

	input.Close()
	b.await(probe)
	if sent := (next - b.Index()) / b.Peers(); seen != sent {
		return fmt.Errorf("%d of %d records arrived", seen, sent)
	}
	return nil
}

// least returns the time that a probe has reached.
func least(p *timely.Probe[timely.Epoch]) (t timely.Epoch) {
	for t = range p.Frontier().All() {
	}
	return t
}

// inSteps rounds a time down to a step that grows with what is under way.
func inSteps(now, underWay timely.Epoch) timely.Epoch {
	step := max(timely.Epoch(1)<<bits.Len64(uint64(underWay))/4, 1024)
	return now &^ (step - 1)
}

// histogram counts numbers by their size, in steps of three percent.
type histogram struct {
	counts [64 << stepBits]int
	all    int
}

const stepBits = 5

func (h *histogram) add(n uint64) {
	shift := max(0, bits.Len64(n)-stepBits-1)
	h.counts[shift<<stepBits+int(n>>shift)]++
	h.all++
}

// micros returns the thousandth of a number that the given part of all is not above.
func (h *histogram) micros(part float64) float64 {
	left := int(part * float64(h.all))
	for i, n := range h.counts {
		if left -= n; left < 0 {
			shift := max(0, i>>stepBits-1)
			return (math.Ldexp(float64(i-shift<<stepBits+1), shift) - 1) / 1000
		}
	}
	return 0
}
