package tcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxGuests is how many may be at their handshake at once.
const maxGuests = 64

// door is where strangers are let in one by one. It bounds how many there are: if there
// are too many, who has waited longest without saying hello has to go.
type door struct {
	log *slog.Logger

	mu       sync.Mutex
	guests   []*guest // in the order in which they came
	logged   time.Time
	unlogged int // since then
}

// guest is a connection before it is known whose it is.
type guest struct {
	conn  net.Conn
	spoke atomic.Bool // it has said hello
}

func newDoor(log *slog.Logger) *door { return &door{log: log} }

// admit lets a connection in, or returns nil.
func (d *door) admit(conn net.Conn) *guest {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.guests) == maxGuests && !d.evict() {
		return nil
	}
	g := &guest{conn: conn}
	d.guests = append(d.guests, g)
	return g
}

// evict closes the oldest silent connection.
func (d *door) evict() bool {
	for i, g := range d.guests {
		if !g.spoke.Load() {
			g.conn.Close()
			d.remove(i)
			return true
		}
	}
	return false
}

func (d *door) leave(g *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.guests {
		if d.guests[i] == g {
			d.remove(i)
			return
		}
	}
}

func (d *door) remove(i int) {
	last := copy(d.guests[i:], d.guests[i+1:]) + i
	d.guests[last] = nil
	d.guests = d.guests[:last]
}

// refuse logs who was refused, once a second at most.
func (d *door) refuse(addr net.Addr, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if now.Sub(d.logged) < time.Second {
		d.unlogged++
		return
	}
	d.log.Warn("connection refused", "from", addr.String(), "because", why, "unlogged", d.unlogged)
	d.logged, d.unlogged = now, 0
}

var errCrowd = errors.New("too many connections are at their handshake")

// receive takes connections until the listener is closed.
func (g *gathering) receive(ctx context.Context) {
	m := g.mesh
	for {
		conn, err := m.listener.Accept()
		if m.isOver() || errors.Is(err, net.ErrClosed) {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil { // out of files, perhaps: others may close some
			m.config.Log.Warn("no connection can be taken", "error", err)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		visitor := g.door.admit(conn)
		if visitor == nil {
			g.door.refuse(conn.RemoteAddr(), errCrowd)
			conn.Close()
			continue
		}
		m.all.Go(func() {
			defer g.door.leave(visitor)
			g.greet(ctx, visitor)
		})
	}
}

// greet finds out who has connected.
func (g *gathering) greet(ctx context.Context, visitor *guest) {
	c := &g.mesh.config
	tune(visitor.conn, c.DeadAfter)
	s := &greeting{config: c, mine: c.newHello(0), spoke: func() { visitor.spoke.Store(true) }}
	s.mine.incarnation = g.run()
	var claimed *claim
	s.judge = func(theirs *hello) (no *refusal) {
		claimed, no = g.judgeDialer(theirs, visitor.conn.RemoteAddr())
		return no
	}
	err := c.within(ctx, visitor.conn, func(ctx context.Context) (err error) {
		if s.conn, err = c.secure(ctx, visitor.conn, -1); err != nil {
			return err
		}
		return s.listened()
	})
	peer := int(s.theirs.index)
	if err == nil {
		g.settle(claimed)
		g.link(newLink(g.mesh, peer, s.conn, visitor.conn))
		return
	}
	g.withdraw(peer, claimed)
	g.turnedAway(visitor, s, err)
	visitor.conn.Close()
}

// turnedAway notes why a handshake came to nothing.
func (g *gathering) turnedAway(visitor *guest, s *greeting, err error) {
	no := (*refusal)(nil)
	isRefusal := errors.As(err, &no)
	if isRefusal && no.code == later || g.mesh.isOver() {
		return
	}
	if hasLeft(err) { // it has died, perhaps, or only looked whether somebody listens
		g.mesh.config.Log.Debug("connection left in its handshake", "from", visitor.conn.RemoteAddr().String(), "error", err)
	} else {
		g.door.refuse(visitor.conn.RemoteAddr(), err)
	}
	peer := int(s.theirs.index)
	if s.rawTheirs == nil || peer <= g.mesh.config.Index || peer >= len(g.mesh.config.Hosts) || g.isTaken(peer) {
		return
	}
	g.note(peer, err, true)
	if isRefusal && no.unequal {
		g.mesh.fail(fmt.Errorf("comm/tcp: process %d at %s cannot join: %w", peer, visitor.conn.RemoteAddr(), err))
	}
}

// judgeDialer lets somebody have an index, until the claim is withdrawn.
func (g *gathering) judgeDialer(theirs *hello, addr net.Addr) (*claim, *refusal) {
	own, peer := g.mesh.config.Index, int(theirs.index)
	no := func(format string, values ...any) (*claim, *refusal) {
		return nil, &refusal{verdict: verdict{refused, fmt.Sprintf(format, values...)}}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	unknown := [16]byte{}
	switch owner := g.claims[peer]; {
	case peer == own:
		return no("process %d is this one, at %s", own, g.mesh.listener.Addr())
	case peer < own:
		return no("process %d dials process %d, which would have to dial it", peer, own)
	case g.incarnation == unknown:
		return nil, &refusal{verdict: verdict{later, fmt.Sprintf("process %d has not joined process 0 yet", own)}}
	case theirs.incarnation != g.incarnation && (own != 0 || theirs.incarnation != unknown):
		return no("process %d belongs to another run of the cluster than process %d", peer, own)
	case owner != nil && owner.settled:
		return no("process %d is here already, from %s", peer, owner.addr)
	case owner != nil:
		return nil, &refusal{verdict: verdict{later, fmt.Sprintf("somebody else, from %s, is about to be process %d", owner.addr, peer)}}
	}
	claimed := &claim{addr: addr.String()}
	g.claims[peer] = claimed
	return claimed, nil
}

func (g *gathering) settle(c *claim) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.settled = true
}

func (g *gathering) withdraw(peer int, c *claim) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c != nil && g.claims[peer] == c {
		delete(g.claims, peer)
	}
}

func (g *gathering) isTaken(peer int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.claims[peer] != nil
}

// judgeListener says whether who was dialed is of this run of the cluster.
func (g *gathering) judgeListener(theirs *hello) *refusal {
	mine, unknown := g.run(), [16]byte{}
	switch {
	case theirs.incarnation == unknown:
		return &refusal{verdict: verdict{later, fmt.Sprintf("process %d has not joined process 0 yet", theirs.index)}}
	case mine != unknown && theirs.incarnation != mine:
		return &refusal{verdict: verdict{refused, fmt.Sprintf("process %d belongs to another run of the cluster than process %d", theirs.index, g.mesh.config.Index)}}
	}
	return nil
}
