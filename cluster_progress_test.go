package timely_test

import (
	"sync/atomic"
	"testing"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/host"
)

// What the workers of a process do is told to another process together: what waits to be
// written is added up, over all workers. However many there are, each message crosses
// once for each other process, alone or in a sum, and never in more bytes than alone.
func TestProgressBetweenProcessesIsAddedUp(t *testing.T) {
	epochs := 50
	if raceEnabled {
		epochs = 10
	}
	eachCluster(t, []cluster{twoByOne, {processes: 2, workers: 4}, {processes: 2, workers: 16}, {processes: 4, workers: 4}}, func(t *testing.T, c cluster) {
		var told, toldBytes, sums, summed, sumBytes atomic.Int64
		h := host.Real()
		h.Told = func(m host.Told) {
			if m.By == host.AllHere {
				sums.Add(1)
				summed.Add(int64(m.Sum))
				sumBytes.Add(int64(m.Bytes))
			} else {
				told.Add(1)
				toldBytes.Add(int64(m.Bytes))
			}
		}
		c.ctx = host.With(t.Context(), h)
		c.mustRun(t, func(w *timely.Worker) error {
			input := timely.NewInput[timely.Epoch, int]()
			probe := timely.NewProbe[timely.Epoch]()
			flowOf(w, func(s epochScope) {
				timely.ProbeWith(timely.Exchange(input.Stream(s), func(n int) uint64 { return uint64(n) }), probe)
			})
			for e := range epochs {
				input.Send(w.Index() + c.workers) // to another process
				input.AdvanceTo(timely.Epoch(e + 1))
				for probe.LessThan(input.Time()) {
					w.Step()
				}
			}
			return nil
		})
		others := int64(c.processes - 1)
		t.Logf("in an epoch %.2f messages told by each worker; %.2f sums, of %.2f messages and %.1f bytes, from each process to each other",
			float64(told.Load())/float64(epochs*c.processes*c.workers),
			float64(sums.Load())/float64(int64(epochs*c.processes)*others),
			float64(summed.Load())/float64(sums.Load()), float64(sumBytes.Load())/float64(sums.Load()))
		if got, want := summed.Load(), told.Load()*others; got != want {
			t.Errorf("%d messages have crossed, want %d", got, want)
		}
		if got, most := sumBytes.Load(), toldBytes.Load()*others; got > most {
			t.Errorf("%d bytes have crossed, one message at a time it would be %d", got, most)
		}
	})
}
