package timelytest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/timely-go/timely"
)

// Collected is what came out of streams, at all workers: records by time. Times
// are kept as text, so streams of any time can be collected. Its methods may be
// called from any goroutine. The zero value is empty and ready to use.
type Collected[D any] struct {
	mu     sync.Mutex
	byTime map[string][]D
}

// Collect adds what a stream carries at this worker to out, and returns the stream.
func Collect[T timely.Timestamp[T], D any](s timely.Stream[T, D], out *Collected[D]) timely.Stream[T, D] {
	return timely.InspectBatch(s, func(at T, records []D) { out.Add(at, records...) })
}

// Add adds records at a time. [Collect] does it for a stream; a program that finds
// its answer elsewhere, in an operator of its own say, does it itself.
func (c *Collected[D]) Add(time any, records ...D) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byTime == nil {
		c.byTime = make(map[string][]D)
	}
	at := fmt.Sprint(time)
	c.byTime[at] = append(c.byTime[at], records...)
}

// At returns the records at a time, in the order in which they were collected.
func (c *Collected[D]) At(time any) []D {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.byTime[fmt.Sprint(time)])
}

// Times returns the times at which there are records: shorter texts first, and
// those of one length in alphabetical order, so that numbers are in order.
func (c *Collected[D]) Times() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Keys(c.byTime), shortFirst)
}

// Len returns the number of records at all times.
func (c *Collected[D]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, records := range c.byTime {
		n += len(records)
	}
	return n
}

// String returns a line for each time, with its records sorted as Times are:
//
//	0: 1 4 9
//	1: 16
func (c *Collected[D]) String() string {
	var lines []string
	for _, at := range c.Times() {
		var words []string
		for _, r := range c.At(at) {
			words = append(words, fmt.Sprintf("%+v", r))
		}
		slices.SortFunc(words, shortFirst)
		lines = append(lines, at+": "+strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}

func shortFirst(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
