package engine

import (
	"github.com/timely-go/timely/internal/host"
	"github.com/timely-go/timely/internal/progress"
)

// tellFlow tells a simulation what flow control does.
func (w *Worker) tellFlow(what host.Flow, n int64) {
	if tell := w.x.host.Flow; tell != nil {
		tell(w.index, what, n)
	}
}

// tellWait tells of an operator that is paused at a gate.
func (w *Worker) tellWait(g gate) {
	switch g.(type) {
	case *Edge:
		w.tellFlow(host.WaitsForEdge, 1)
	case *Outlet:
		w.tellFlow(host.WaitsForCredit, 1)
	case *Loop:
		w.tellFlow(host.WaitsForLoop, 1)
	}
}

// tellGrant tells of a grant.
func (w *Worker) tellGrant(quiet bool) {
	if quiet {
		w.tellFlow(host.GrantsAtRest, 1)
	} else {
		w.tellFlow(host.GrantsInTime, 1)
	}
}

// tellTold tells of a message that a worker sends, or all of this process.
func (x *Execution) tellTold(by int, m *progress.Message) {
	tell := x.host.Told
	if tell == nil {
		return
	}
	bytes, err := m.Append(nil)
	if err != nil {
		bytes = nil
	}
	tell(host.Told{By: by, Sum: m.Sent, Changes: m.Len(), Bytes: len(bytes)})
}
