package timely

import (
	"context"
	"net"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/callsite"
	"github.com/timely-go/timely/internal/engine"
	"github.com/timely-go/timely/internal/launch"
)

// Parse is what Main reads the command line with: tests of it cannot go through
// Main, which ends the process.
var Parse = parse

// ExitStatus is what Main exits with after a failure.
var ExitStatus = exitStatus

// ExecutableHash is by what processes tell two builds apart.
var ExecutableHash = executableHash

// InCluster returns the failure as it is if there are several processes.
func InCluster(f Failure) *Failure {
	f.cluster = true
	return &f
}

// ExecuteMember is Execute of a process for which somebody else listens, as for one that
// a launcher started: others may have to go through a relay.
func ExecuteMember(ctx context.Context, c Config, l net.Listener, program func(*Worker) error) error {
	return execute(ctx, c, &launch.Member{Index: c.Process, Hosts: c.Hosts, Listener: l, Secret: c.Network.Secret}, nil, program)
}

// Wired is how an exchange's batches cross processes, without any.
type Wired[T Timestamp[T], D any] struct {
	wire   *wire[T, D]
	pools  batch.Pools
	decode func(from int, bytes []byte, take func(entry[T, D])) error
}

// Parcel is a batch as it crosses.
type Parcel[T Timestamp[T], D any] struct {
	At      T
	Records []D
	Held    uint32 // bytes that it counts for
	FedBack bool   // it came round a loop
	From    int    // worker; what is fed back does not tell
}

// NewWired returns how the records of an exchange called Wired cross.
func NewWired[T Timestamp[T], D any]() *Wired[T, D] {
	w := &Wired[T, D]{wire: newWire[T, D](&engine.Element{Name: "Wired", Site: callsite.Site{File: "wired.go", Line: 1}})}
	w.decode = w.wire.Decoder(&w.pools)
	return w
}

// Encode returns the bytes of a message.
func (w *Wired[T, D]) Encode(p Parcel[T, D]) []byte {
	b := batch.Of[D](&w.pools).Get(len(p.Records))
	b.Records = append(b.Records, p.Records...)
	b.SendAway()
	e := entry[T, D]{p.At, b, p.Held, int32(p.From)}
	if p.FedBack {
		e.by = engine.FedBack
	}
	head, body, owner := w.wire.Encode(e)
	bytes := append(append([]byte(nil), head...), body...)
	if owner != nil {
		owner.Release()
	}
	return bytes
}

// Counted returns what the last message counts for, in bytes: what the batch does, or
// its length if that is more.
func (w *Wired[T, D]) Counted() uint32 { return w.wire.counted }

// Decode returns all batches that are made of bytes that a worker has sent.
func (w *Wired[T, D]) Decode(from int, bytes []byte) (parcels []Parcel[T, D], err error) {
	err = w.decode(from, bytes, func(e entry[T, D]) {
		p := Parcel[T, D]{At: e.time, Records: append([]D(nil), e.batch.Records...), Held: e.held, FedBack: e.by == engine.FedBack}
		if !p.FedBack {
			p.From = int(e.by)
		}
		parcels = append(parcels, p)
		e.batch.Release()
	})
	return parcels, err
}
