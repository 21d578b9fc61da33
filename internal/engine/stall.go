package engine

import (
	"strings"
	"time"

	"github.com/timely-go/timely/internal/host"
)

// A stall is told in the log. One goroutine of an execution asks each worker now and
// then whether it is still there. A worker that is asked between two passes answers,
// and says so itself if its program waits and nothing has happened for long. One that
// does not answer is in the program's own code: if that is an operator's, it is told with
// the stacks of the worker. Nothing of this costs a worker more than a look at a flag
// in each pass.

// stallAfter is how long a worker may be in one turn, or wait for something and get no
// further, before somebody is told.
const stallAfter = 30 * time.Second

// stallLimit returns after how long a stall is told, or 0: never.
func stallLimit(h *host.Host) time.Duration {
	switch {
	case h.Turns != nil: // workers run one at a time, when somebody says so
		return 0
	case h.StallAfter > 0:
		return h.StallAfter
	}
	return stallAfter
}

// lookOut asks all workers until the execution is over.
func (x *Execution) lookOut(limit time.Duration, over <-chan struct{}) {
	tick := time.NewTicker(limit / 3)
	defer tick.Stop()
	asked := make([]time.Time, len(x.workers)) // since when each has not answered; zero: it has, or it was told
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		for i, w := range x.workers {
			switch now := time.Now(); {
			case w.left.Load():
			case !w.lookedFor.Swap(true): // it has answered
				asked[i] = now
				w.end.Signal()
			case !asked[i].IsZero() && now.Sub(asked[i]) >= limit:
				asked[i] = time.Time{}
				w.tellLongTurn(limit)
			}
		}
	}
}

// tellLongTurn tells that a worker has been in one turn for long, if it is in one.
func (w *Worker) tellLongTurn(limit time.Duration) {
	running, paused := turnsIn(w.stack())
	if running == "" {
		return // it is in the program, between two steps
	}
	w.x.settings.Log.Warn("a worker has been in one turn of an operator for long: the operator computes, or waits for something, perhaps for a lock that an operator holds which is paused in Send",
		"worker", w.index, "longer than", limit, "stack", running, "paused in Send", paused)
}

// answer answers who looks for the worker: it tells that nothing has happened for long,
// once, if the program waits for something.
func (w *Worker) answer() {
	w.lookedFor.Store(false)
	now := w.clock.Now()
	limit := stallLimit(w.x.host)
	switch {
	case w.stirred || len(w.asked) == 0 && !w.waits:
		w.stirred, w.stalled, w.quietSince = false, false, now
	case !w.stalled && now-w.quietSince >= limit:
		w.stalled = true
		w.x.settings.Log.Warn("nothing has happened for long, and the program waits", "worker", w.index, "longer than", limit, "report", w.Report())
	}
}

// turnsIn returns the stacks of a worker's goroutines on which an operator's turn
// stands: the one that runs, and those of operators that are paused.
func turnsIn(stacks string) (running, paused string) {
	var waiting []string
	for _, g := range strings.Split(stacks, "\n\n") {
		switch {
		case !strings.Contains(g, "engine.(*Node).turn"):
		case strings.Contains(g, "engine.(*Worker).pause"):
			waiting = append(waiting, g)
		default:
			running = g
		}
	}
	return running, strings.Join(waiting, "\n\n")
}
