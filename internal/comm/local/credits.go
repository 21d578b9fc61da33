package local

import (
	"sync"

	"github.com/timely-go/timely/internal/comm"
)

// credits is a worker's end of the windows of a channel through which it receives.
type credits struct {
	fabric  *Fabric
	end     *End
	channel int
	windows []*comm.Window // by sender

	mu     sync.Mutex
	asking []int // senders
	bell   Bell  // somebody asks
	spare  []int
}

// OpenCredits opens the windows of a channel of queues, each for so many bytes. It
// returns the worker's way to give credit, and its window at each worker. A worker
// hears of the channel when a sender waits for its credit, and when credit has come
// for which it waits itself.
func OpenCredits(f *Fabric, worker, channel int, bytes int64) (comm.Credits, []*comm.Window) {
	all := open(f, f.lent, channel, func(e *End) *credits { return newCredits(f, e, channel, bytes) })
	windows := make([]*comm.Window, len(all))
	for i, c := range all {
		windows[i] = c.windows[worker]
	}
	all[worker].hear()
	return all[worker], windows
}

func newCredits(f *Fabric, e *End, channel int, bytes int64) *credits {
	c := &credits{fabric: f, end: e, channel: channel, bell: Bell{end: e, channel: channel}}
	for from, sender := range f.ends {
		ask := func() { f.carry(from, e.index, channel, func() { c.ask(from) }) }
		c.windows = append(c.windows, comm.NewWindow(bytes, ask, sender.NewBell(channel).Ring))
	}
	return c
}

// Give implements comm.Credits.
func (c *credits) Give(sender int, bytes int64) {
	w := c.windows[sender]
	if c.fabric.transport == nil {
		w.Give(bytes)
		return
	}
	c.fabric.carry(c.end.index, sender, c.channel, func() { w.Give(bytes) })
}

func (c *credits) ask(sender int) {
	c.mu.Lock()
	first := len(c.asking) == 0
	c.asking = append(c.asking, sender)
	c.mu.Unlock()
	if first {
		c.bell.Ring()
	}
}

// hear makes the owner look at who asked before it opened the channel.
func (c *credits) hear() {
	c.mu.Lock()
	some := len(c.asking) > 0
	c.mu.Unlock()
	if some {
		c.bell.Ring()
	}
}

// Asking implements comm.Credits.
func (c *credits) Asking() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking, c.spare = c.spare[:0], c.asking
	return c.spare
}
