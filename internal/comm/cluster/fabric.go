package cluster

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/comm/local"
	"github.com/timely-go/timely/internal/comm/tcp"
	"github.com/timely-go/timely/internal/host"
)

// Fabric joins the workers of all processes.
type Fabric struct {
	near  *local.Fabric
	mesh  *tcp.Mesh // nil: there is one process
	first int       // number of this process's first worker
	here  int       // workers of this process, and of each
	peers int       // workers of all processes

	readers []reader    // by process
	out     []outbox    // by process
	unsaid  [][]bool    // by worker of this process, and process: it has sent what is not flushed
	over    atomic.Bool // what arrives is of no interest any more

	fail   func(error)
	notice func(process int, bytes []byte)

	mu       sync.RWMutex
	channels map[int]*channel // open ones
	opened   int              // channels, so far
	early    map[int][]parcel // what arrived for others
	kept     int              // bytes that that takes
	mostKept int              // bytes that it may take
}

// mostKept is how many bytes what arrives for channels that are not open yet may take. Who
// keeps to the credit that channels begin with sends far less before others have built the
// same.
const mostKept = 1 << 30

// reader is what the goroutine has that reads from one process.
type reader struct{ pools batch.Pools }

// parcel is what has arrived for a channel.
type parcel struct {
	kind     tcp.Kind
	process  int
	from, to int // workers, counted through all processes
	bytes    []byte
}

// size returns the bytes that a parcel takes, about.
func (p parcel) size() int { return len(p.bytes) + 64 }

// channel is what a process does with what arrives for a channel.
type channel struct {
	open    int // workers of this process that have not closed it
	arrived func(parcel) error
	lent    *lending // of a queue
	far     any      // of a sum: []*outgoing[M]
}

// New returns a fabric of the workers of a mesh's processes, so many of each; without
// a mesh, of this process alone. What another process tells by Tell goes to notice, and
// fail is called when something arrives that cannot be. Both are called by goroutines
// of the mesh, once it is started.
func New(workers int, h *host.Host, mesh *tcp.Mesh, notice func(process int, bytes []byte), fail func(error)) *Fabric {
	if mesh != nil { // whoever reads from the others needs the processor, and they may need it, too
		quiet, sleeper := *h, h.NewParker
		quiet.Spin = false
		quiet.NewParker = func(worker int) host.Parker { return parker{sleeper(worker), mesh.Idle} }
		h = &quiet
	}
	f := &Fabric{
		near: local.NewFabric(workers, h), mesh: mesh, here: workers, peers: workers,
		notice: notice, fail: fail,
		channels: make(map[int]*channel), early: make(map[int][]parcel), mostKept: mostKept,
	}
	if mesh == nil {
		return f
	}
	f.first, f.peers = mesh.Index()*workers, mesh.Processes()*workers
	f.readers, f.out = make([]reader, mesh.Processes()), make([]outbox, mesh.Processes())
	for i := range f.readers {
		f.readers[i].pools = batch.Pools{Poison: h.Poison, MaxRecords: h.MaxRecords}
	}
	for range workers {
		f.unsaid = append(f.unsaid, make([]bool, mesh.Processes()))
	}
	return f
}

// parker tells the mesh while a worker sleeps: its processor is free for who reads.
type parker struct {
	host.Parker
	idle func(workers int) // so many more
}

// Park implements host.Parker.
func (p parker) Park(limit time.Duration) {
	p.idle(1)
	defer p.idle(-1)
	p.Parker.Park(limit)
}

// Start lets other processes be heard.
func (f *Fabric) Start() {
	if f.mesh != nil {
		f.mesh.Start(f.receive, f.pull)
	}
}

// Peers returns the number of workers of all processes, Here how many this process
// has, and First the number of the first of those.
func (f *Fabric) Peers() int { return f.peers }

// Here returns how many workers each process has.
func (f *Fabric) Here() int { return f.here }

// First returns the number of this process's first worker.
func (f *Fabric) First() int { return f.first }

// Process returns the number of this process, and Processes how many there are.
func (f *Fabric) Process() int { return f.first / f.here }

// Processes returns how many processes there are.
func (f *Fabric) Processes() int { return f.peers / f.here }

// Has reports whether a worker is one of this process.
func (f *Fabric) Has(worker int) bool { return worker >= f.first && worker < f.first+f.here }

// End returns what a worker of this process holds of the fabric.
func (f *Fabric) End(worker int) *local.End { return f.near.End(worker - f.first) }

// Flush has what a worker of this process has sent to others written now.
func (f *Fabric) Flush(worker int) {
	if f.mesh == nil {
		return
	}
	unsaid := f.unsaid[worker-f.first]
	for process, some := range unsaid {
		if some {
			unsaid[process] = false
			f.mesh.Flush(process)
		}
	}
}

// Tell sends bytes to all other processes, which get them before anything that this
// process sends on channels afterwards. It may be called by any goroutine.
func (f *Fabric) Tell(bytes []byte) {
	for process := range f.Processes() {
		if process != f.Process() {
			f.send(process, tcp.Plan, 0, f.first, process*f.here, bytes)
			f.mesh.Flush(process)
		}
	}
}

// Post tells bytes to all other processes, too, but of those about one subject only the last
// matter: they take the place of what still waits to be written. Others get them in the
// order in which their subjects were first posted about, before anything that this
// process sends on channels afterwards, but for credit; and not after Leave. It may be
// called by any goroutine.
func (f *Fabric) Post(about Subject, bytes []byte) {
	for process := range f.Processes() {
		if process != f.Process() {
			f.out[process].post(about, bytes)
			f.mesh.Ready(process)
			f.mesh.Flush(process)
		}
	}
}

// Leave says that nothing is to be done any more with what arrives on channels. Notices
// are still told: what another process has built is compared with what was built here,
// also if nothing of it had to arrive.
func (f *Fabric) Leave() { f.over.Store(true) }

func (f *Fabric) send(process int, kind tcp.Kind, channel, from, to int, body []byte) {
	f.mesh.Send(process, tcp.Message{Kind: kind, Channel: uint32(channel), From: uint32(from), To: uint32(to), Body: body})
}

// sent notes that a worker of this process has sent something.
func (f *Fabric) sent(worker, process int) { f.unsaid[worker-f.first][process] = true }

// receive takes in a frame, on the goroutine that reads from its process.
func (f *Fabric) receive(frame tcp.Frame) {
	defer frame.Release()
	if f.over.Load() && frame.Kind != tcp.Plan {
		return
	}
	p := parcel{frame.Kind, frame.Peer, int(frame.From), int(frame.To), frame.Payload}
	var err error
	switch frame.Kind {
	case tcp.Plan:
		f.notice(p.process, p.bytes)
	case tcp.Progress:
		err = f.receiveSums(p)
	default:
		err = f.arrive(int(frame.Channel), p)
	}
	if err != nil {
		f.fail(err)
	}
}

// arrive hands a parcel to its channel, or keeps it until that is open. What is for a
// channel that was closed is nobody's.
func (f *Fabric) arrive(number int, p parcel) error {
	f.mu.RLock()
	c, is := f.channels[number]
	early := !is && number >= f.opened
	if is {
		defer f.mu.RUnlock()
		return c.take(p)
	}
	f.mu.RUnlock()
	if early {
		return f.keep(number, p)
	}
	return nil
}

// keep keeps a parcel until its channel is open.
func (f *Fabric) keep(number int, p parcel) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, is := f.channels[number]; is { // now it is
		return c.take(p)
	}
	if number >= f.opened {
		if f.kept += p.size(); f.kept > f.mostKept {
			return fmt.Errorf("what others sent for dataflows that this process has not built takes more than %d bytes; process %d sent the last of it", f.mostKept, p.process)
		}
		p.bytes = append([]byte(nil), p.bytes...)
		f.early[number] = append(f.early[number], p)
	}
	return nil
}

// take hands a parcel over. What the program's own functions panic with, where bytes
// become records, is an error.
func (c *channel) take(p parcel) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("what process %d sent makes its decoding panic: %v", p.process, value)
		}
	}()
	return c.arrived(p)
}

// open opens a channel at one worker. The first of this process says what happens to
// what arrives, and gets what was too early. Channels are opened in the order of their
// numbers.
func (f *Fabric) open(number int, begin func() *channel) {
	if f.mesh == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < f.opened { // the first did it
		return
	}
	c := begin()
	c.open = f.here
	f.channels[number], f.opened = c, number+1
	early := f.early[number]
	delete(f.early, number)
	for _, p := range early {
		f.kept -= p.size()
		if err := c.take(p); err != nil {
			f.fail(err)
			return
		}
	}
}

// Close says that a worker of this process has no use any more for what arrives on a
// channel.
func (f *Fabric) Close(number int) {
	if f.mesh == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.channels[number]; c != nil {
		if c.open--; c.open == 0 {
			delete(f.channels, number)
		}
	}
}
