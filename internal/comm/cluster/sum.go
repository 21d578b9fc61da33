package cluster

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/comm/local"
	"github.com/timely-go/timely/internal/comm/tcp"
)

// Adder is messages that can be added up, and cross processes.
type Adder[M any] interface {
	Empty() M           // one that says nothing
	Merge(into, from M) // adds from, which is only read
	Reset(m M)          // makes it say nothing
	Append(dst []byte, m M) ([]byte, error)
	Decode(bytes []byte, into M) error // adds what the bytes say
}

// Ways is how a worker reaches all others: each of its process, and all of each other
// process at once.
type Ways[M any] struct {
	near []comm.Sender[M]
	far  []*outgoing[M]

	fabric *Fabric
	worker int
}

// Send sends a message to all other workers. It is only read, and not kept.
func (s *Ways[M]) Send(m M) {
	for _, to := range s.near {
		to.Send(m)
	}
	for _, to := range s.far {
		to.add(m)
		s.fabric.sent(s.worker, to.process)
	}
}

// OpenSum opens a channel whose messages are added up while they wait, also those for
// another process: all that its workers send to it meanwhile arrives as one. It returns
// the worker's inbox and its way to the others.
func OpenSum[M any](f *Fabric, worker, number int, add Adder[M]) (*local.Sum[M], *Ways[M]) {
	in, near := local.OpenSum(f.near, worker-f.first, number, add.Empty, add.Merge)
	ways := &Ways[M]{fabric: f, worker: worker}
	for i, to := range near {
		if f.first+i != worker {
			ways.near = append(ways.near, to)
		}
	}
	if f.mesh == nil {
		return in, ways
	}
	f.open(number, func() *channel {
		c := &channel{}
		var far []*outgoing[M]
		for process := range f.Processes() {
			if process != f.Process() {
				far = append(far, &outgoing[M]{fabric: f, number: number, process: process, wire: add, sum: add.Empty(), spare: add.Empty()})
			}
		}
		c.far = far
		got := make([]M, f.Processes()) // by process
		for i := range got {
			got[i] = add.Empty()
		}
		c.arrived = func(p parcel) error {
			if p.kind == tcp.Ask {
				return opened(far, p)
			}
			m := got[p.process]
			if err := add.Decode(p.bytes, m); err != nil {
				return fmt.Errorf("progress from process %d: %w", p.process, err)
			}
			for _, to := range near {
				to.Send(m)
			}
			add.Reset(m)
			return nil
		}
		f.askAll(number)
		return c
	})
	f.mu.RLock()
	ways.far = f.channels[number].far.([]*outgoing[M])
	f.mu.RUnlock()
	return in, ways
}

// askAll tells the other processes that this one has opened a sum, and wants to hear
// what there is.
func (f *Fabric) askAll(number int) {
	for process := range f.Processes() {
		if process != f.Process() {
			f.send(process, tcp.Ask, number, f.first, process*f.here, nil)
			f.mesh.Flush(process)
		}
	}
}

// opened notes that a process has opened a sum: it gets what has added up so far.
func opened[M any](far []*outgoing[M], p parcel) error {
	for _, o := range far {
		if o.process == p.process {
			o.open()
		}
	}
	return nil
}

// outgoing is what the workers of this process have to say on a channel to those of
// another. It adds up here until that has opened the channel, too.
type outgoing[M any] struct {
	fabric  *Fabric
	number  int
	process int
	wire    Adder[M]

	mu     sync.Mutex
	sum    M
	some   bool // sum says something
	wanted bool // the process has opened the channel
	spare  M    // the puller's
}

func (o *outgoing[M]) add(m M) {
	o.mu.Lock()
	o.wire.Merge(o.sum, m)
	first := !o.some && o.wanted
	o.some = true
	o.mu.Unlock()
	if first {
		o.offer()
	}
}

// open notes that the process wants to hear the sums.
func (o *outgoing[M]) open() {
	o.mu.Lock()
	some := o.some && !o.wanted
	o.wanted = true
	o.mu.Unlock()
	if some {
		o.offer()
		o.fabric.mesh.Flush(o.process)
	}
}

// offer has the sum pulled.
func (o *outgoing[M]) offer() {
	out := &o.fabric.out[o.process]
	out.mu.Lock()
	out.some = append(out.some, o)
	out.mu.Unlock()
	o.fabric.mesh.Ready(o.process)
}

// drain implements drainer.
func (o *outgoing[M]) drain(dst []byte) ([]byte, error) {
	o.mu.Lock()
	o.sum, o.spare, o.some = o.spare, o.sum, false
	o.mu.Unlock()
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(o.number))
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst, err := o.wire.Append(dst, o.spare)
	binary.LittleEndian.PutUint32(dst[start+4:], uint32(len(dst)-start-8))
	o.wire.Reset(o.spare)
	return dst, err
}

// Subject is what a posted notice is about.
type Subject struct {
	What                     uint8
	Dataflow, Worker, Number int64
}

// outbox is what there is to pull for a process: posted notices, and sums.
type outbox struct {
	mu     sync.Mutex
	posts  [][]byte
	posted map[Subject]int // index in posts
	some   []drainer
	pulled []drainer // scratch of who pulls
}

func (o *outbox) post(about Subject, bytes []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i, waits := o.posted[about]; waits {
		o.posts[i] = bytes
		return
	}
	if o.posted == nil {
		o.posted = make(map[Subject]int)
	}
	o.posted[about] = len(o.posts)
	o.posts = append(o.posts, bytes)
}

type drainer interface {
	drain(dst []byte) ([]byte, error)
}

// posts is the number of no channel: what is posted stands there.
const posts = math.MaxUint32

// pull appends what there is to say to a process: what was posted first, as sums may say
// what was done later. One goroutine at a time pulls.
func (f *Fabric) pull(process int, dst []byte) []byte {
	out := &f.out[process]
	out.mu.Lock()
	for _, post := range out.posts {
		dst = binary.LittleEndian.AppendUint32(dst, posts)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(post)))
		dst = append(dst, post...)
	}
	clear(out.posts)
	clear(out.posted)
	out.posts = out.posts[:0]
	out.some, out.pulled = out.pulled[:0], out.some
	out.mu.Unlock()
	for _, o := range out.pulled {
		var err error
		if dst, err = o.drain(dst); err != nil {
			go f.fail(fmt.Errorf("progress for process %d: %w", process, err)) // who pulls may hold what that needs
		}
	}
	clear(out.pulled)
	return dst
}

// receiveSums takes in what another process has pulled: for each channel its number,
// a length, and so many bytes; and what was posted.
func (f *Fabric) receiveSums(p parcel) error {
	for b := p.bytes; len(b) > 0; {
		if len(b) < 8 {
			return fmt.Errorf("progress from process %d ends in the middle", p.process)
		}
		number, n := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		b = b[8:]
		if uint64(n) > uint64(len(b)) {
			return fmt.Errorf("progress from process %d ends in the middle", p.process)
		}
		one := parcel{tcp.Progress, p.process, p.from, p.to, b[:n]}
		if number == posts {
			f.notice(p.process, one.bytes)
		} else if err := f.arrive(int(number), one); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
