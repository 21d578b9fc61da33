package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/timely-go/timely/codec"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/comm/cluster"
	"github.com/timely-go/timely/internal/comm/tcp"
)

// What processes tell each other beside data, progress and credit.
const (
	tellsPlan     = iota // of a dataflow that a process has begun to build
	tellsReturned        // a worker's program
	tellsDropped         // a worker has dropped a dataflow
	tellsEnded           // a dataflow is complete or dropped at all workers of the process
	tellsStop            // the execution is to end in good order
	tellsSlot            // see rest
	tellsLaps            // see laps
	asksRest             // see rest.ask
	answersRest
)

// notice is one such thing.
type notice struct {
	What     uint8
	Dataflow int64
	Worker   int64
	Number   int64    // tellsReturned: dataflows that it had built; tellsLaps: the loop; asksRest: the question
	Site     siteText // tellsPlan: of the dataflow
	Parts    []partText
	Slot     slotText
	Counts   countsText
	Waiting  bool
}

type siteText struct {
	Path, File string
	Line       int64
}

type partText struct {
	Name string
	Site siteText
	Sum  uint64
}

type slotText struct {
	Active, Wants, Gone bool
	Sent, Received      int64
	Round               int64
}

type countsText struct{ Held, Live, Taken, Entered, Lent int64 }

func textOf(s callsite.Site) siteText { return siteText{s.Path, s.File, int64(s.Line)} }

func (t siteText) site() callsite.Site {
	return callsite.Site{Path: t.Path, File: t.File, Line: int(t.Line)}
}

// notices is the way they travel.
func notices() *codec.Codec[notice] {
	c, err := codec.For[notice]()
	if err != nil {
		panic(err) // it has nothing that cannot
	}
	return c
}

// tell tells all other processes.
func (x *Execution) tell(n notice) {
	if x.fabric.Processes() == 1 {
		return
	}
	bytes, err := notices().Append(nil, []notice{n})
	if err != nil {
		panic(err)
	}
	switch n.What {
	case tellsSlot, tellsLaps, asksRest, answersRest: // often, and what was told before is of no interest any more
		x.fabric.Post(cluster.Subject{What: n.What, Dataflow: n.Dataflow, Worker: n.Worker, Number: n.Number}, bytes)
	default:
		x.fabric.Tell(bytes)
	}
}

// hear takes in what another process tells. It is called by the goroutine that reads
// from it.
func (x *Execution) hear(process int, bytes []byte) {
	got, err := notices().Decode(bytes, nil)
	if err == nil && len(got) != 1 {
		err = fmt.Errorf("%d notices", len(got))
	}
	if err != nil {
		x.peerFailed(fmt.Errorf("process %d sent what cannot be read: %w", process, err))
		return
	}
	n := got[0]
	if n.Worker < 0 || int(n.Worker)/x.fabric.Here() != process {
		err = fmt.Errorf("process %d speaks for worker %d, which is not its own", process, n.Worker)
	} else {
		err = x.obey(process, n)
	}
	if err != nil {
		x.peerFailed(err)
	}
}

func (x *Execution) obey(process int, n notice) error {
	switch n.What {
	case tellsPlan:
		return x.agreeWith(process, n)
	case tellsReturned:
		return x.peerReturned(int(n.Worker), int(n.Number))
	case tellsDropped:
		x.peerDropped(int(n.Dataflow), int(n.Worker))
	case tellsEnded:
		x.peerEnded(int(n.Dataflow))
	case tellsStop:
		x.stop()
	case tellsSlot:
		if r := x.restOf(int(n.Dataflow)); r != nil {
			r.hear(x, int(n.Worker), n.Slot)
		}
	case tellsLaps:
		if r := x.restOf(int(n.Dataflow)); r != nil {
			r.hearLaps(x, int(n.Worker), int(n.Number), n.Counts, n.Waiting)
		}
	case asksRest:
		if r := x.restOf(int(n.Dataflow)); r != nil {
			r.answer(x, int(n.Number))
		}
	case answersRest:
		if r := x.restOf(int(n.Dataflow)); r != nil {
			r.answered(x, int(n.Number))
		}
	default:
		return fmt.Errorf("process %d tells something that no process of this version does", process)
	}
	return nil
}

// restOf returns how the workers find out whether a dataflow is at rest, if it runs.
func (x *Execution) restOf(dataflow int) *rest {
	x.mu.Lock()
	defer x.mu.Unlock()
	if plan := x.plans[dataflow]; plan != nil {
		return plan.rest
	}
	return nil
}

// peerFailed notes a failure that is not a worker's of this process.
func (x *Execution) peerFailed(err error) {
	x.Fail(&Failure{Process: x.fabric.Process(), Worker: -1, Err: err})
}

// watchMesh fails the execution when the mesh does, until that is closed.
func (x *Execution) watchMesh(m *tcp.Mesh) {
	<-m.Done()
	if err := m.Err(); err != nil {
		x.peerFailed(err)
	}
}

// leaveMesh ends the mesh in order, when all workers have left: other processes may
// still run, and fail.
func (x *Execution) leaveMesh(m *tcp.Mesh) {
	x.fabric.Leave()
	closed := make(chan error, 1)
	go func() { closed <- m.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			x.peerFailed(err)
		}
	case <-x.ctx.Done():
		x.Fail(x.contextEnded())
		m.Abort(context.Cause(x.ctx))
		<-closed
	}
}

// abortMesh has the other processes told of a failure.
func (x *Execution) abortMesh(m *tcp.Mesh, f *Failure) {
	if own := (*tcp.AbortError)(nil); !errors.As(f.Err, &own) {
		m.Abort(errors.New(strings.TrimPrefix(f.Error(), "timely: ")))
		return
	}
	m.Abort(f.Err)
}
