package tcp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// Join connects this process to all others, and returns when all of them are
// connected to all. What keeps that from happening is returned as soon as it is known
// for good, and at the latest after the JoinTimeout, with who is missing and why. The
// context ends the wait, not what Join returns.
func Join(ctx context.Context, c Config) (mesh *Mesh, err error) {
	if c.Listener != nil {
		defer func() {
			if err != nil {
				c.Listener.Close()
			}
		}()
	}
	if c, err = c.complete(); err != nil {
		return nil, err
	}
	m := newMesh(c)
	var background context.Context
	background, m.cancel = context.WithCancel(context.Background())
	g := newGathering(m)
	if len(c.Hosts) > 1 {
		if m.listener, err = c.listen(ctx); err != nil {
			m.cancel()
			return nil, err
		}
		m.all.Go(func() { g.receive(background) })
		m.all.Go(func() { g.dialAll(background) })
	}
	if err := g.wait(ctx); err != nil {
		m.fail(err)
		return nil, m.end()
	}
	return m, nil
}

// gathering is a cluster that comes together. It stays, to refuse who comes later.
type gathering struct {
	mesh *Mesh
	door *door
	news chan struct{} // holds one token: something has changed

	mu          sync.Mutex
	incarnation [16]byte // of the run of the cluster; zeros: not known yet
	claims      map[int]*claim
	trouble     map[int]trouble
}

// trouble is what went wrong last with a process.
type trouble struct {
	silence error // since there was a reason: it was not reached, or left without a word
	reason  error // what it said, or what is wrong with what it said
}

func (t trouble) String() string {
	switch {
	case t.silence == nil:
		return t.reason.Error()
	case t.reason == nil:
		return t.silence.Error()
	}
	return fmt.Sprintf("%v; and before: %v", t.silence, t.reason)
}

// claim is an index that somebody has, or will have when his handshake is over.
type claim struct {
	addr    string
	settled bool
}

func newGathering(m *Mesh) *gathering {
	g := &gathering{
		mesh:    m,
		door:    newDoor(m.config.Log),
		news:    make(chan struct{}, 1),
		claims:  map[int]*claim{},
		trouble: map[int]trouble{},
	}
	if m.config.Index == 0 {
		// The nonce of this run. Everybody learns it from process 0, and shows it to the others:
		// who has it from an earlier run is told apart, whoever comes first.
		rand.Read(g.incarnation[:])
	}
	return g
}

func (g *gathering) tell() {
	select {
	case g.news <- struct{}{}:
	default:
	}
}

// wait returns when everybody is connected to everybody.
func (g *gathering) wait(ctx context.Context) error {
	limit := time.NewTimer(g.mesh.config.JoinTimeout)
	defer limit.Stop()
	said := false
	for {
		linked, complete := g.count()
		if others := len(g.mesh.config.Hosts) - 1; complete == others && said {
			return nil
		} else if linked == others && !said {
			said = true
			for _, l := range g.mesh.links {
				if l != nil {
					l.out.put(Message{Kind: joined})
					l.out.signal()
				}
			}
			continue
		}
		select {
		case <-g.news:
		case <-g.mesh.done:
			return g.mesh.Err()
		case <-ctx.Done():
			return fmt.Errorf("comm/tcp: process %d, while the cluster came together: %w", g.mesh.config.Index, context.Cause(ctx))
		case <-limit.C:
			return g.missing()
		}
	}
}

// count returns to how many this process is connected, and how many of them are
// connected to everybody.
func (g *gathering) count() (linked, complete int) {
	g.mesh.mu.Lock()
	defer g.mesh.mu.Unlock()
	for _, l := range g.mesh.links {
		if l != nil {
			linked++
			if l.complete.Load() {
				complete++
			}
		}
	}
	return linked, complete
}

// missing says who did not come.
func (g *gathering) missing() error {
	m := g.mesh
	var absent, waiting []string
	for i, address := range m.config.Hosts {
		m.mu.Lock()
		l := m.links[i]
		m.mu.Unlock()
		who := fmt.Sprintf("process %d (%s)", i, address)
		switch {
		case i == m.config.Index || l != nil && l.complete.Load():
		case l != nil:
			waiting = append(waiting, who+" is connected, and waits for others")
		default:
			absent = append(absent, who+": "+g.lastTrouble(i))
		}
	}
	return fmt.Errorf("comm/tcp: process %d: not everybody joined within %v: %s",
		m.config.Index, m.config.JoinTimeout, strings.Join(append(absent, waiting...), "; "))
}

func (g *gathering) lastTrouble(peer int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	last, ok := g.trouble[peer]
	switch {
	case ok:
		return last.String()
	case peer > g.mesh.config.Index:
		return "it has not connected"
	default:
		return "not reached yet"
	}
}

// note keeps what went wrong with a process. That it cannot be reached any more, or
// leaves in the middle of a word, as it has given up itself, does not hide why.
func (g *gathering) note(peer int, err error, reached bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if reached && !isSilence(err) {
		g.trouble[peer] = trouble{reason: err}
	} else {
		g.trouble[peer] = trouble{silence: err, reason: g.trouble[peer].reason}
	}
}

// isSilence reports whether a handshake ended for want of words, not for what was said.
func isSilence(err error) bool {
	return hasLeft(err) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// hasLeft reports whether a handshake ended as the other side closed the connection.
func hasLeft(err error) bool {
	var op *net.OpError // of a TLS alert, too, but that is a word
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &op) && !op.Timeout() && (op.Op == "read" || op.Op == "write")
}

// dialAll connects to all processes with lower indexes: first to process 0, which
// says what run of the cluster this is.
func (g *gathering) dialAll(ctx context.Context) {
	if g.mesh.config.Index == 0 || !g.dialUntilJoined(ctx, 0) {
		return
	}
	for peer := 1; peer < g.mesh.config.Index; peer++ {
		g.mesh.all.Go(func() { g.dialUntilJoined(ctx, peer) })
	}
}

const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = 500 * time.Millisecond
)

// dialUntilJoined dials a process until it is connected. It reports false if that is hopeless.
func (g *gathering) dialUntilJoined(ctx context.Context, peer int) bool {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		reached, err := g.dial(ctx, peer)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		g.note(peer, err, reached)
		no, version := (*refusal)(nil), (*versionError)(nil)
		if errors.As(err, &no) && no.code == refused || errors.As(err, &version) {
			g.mesh.fail(fmt.Errorf("comm/tcp: process %d cannot join process %d at %s: %w", g.mesh.config.Index, peer, g.mesh.config.Hosts[peer], err))
			return false
		}
		g.mesh.config.Log.Debug("process not joined yet", "process", peer, "address", g.mesh.config.Hosts[peer], "error", err)
		retry := time.NewTimer(pause)
		select {
		case <-retry.C:
		case <-ctx.Done():
			retry.Stop()
			return false
		}
	}
}

// dial tries once to connect to a process, and reports whether somebody was there.
func (g *gathering) dial(ctx context.Context, peer int) (reached bool, err error) {
	c := &g.mesh.config
	dialing, cancel := context.WithTimeout(ctx, c.HandshakeTimeout)
	socket, err := c.Dial(dialing, c.Hosts[peer])
	cancel()
	if err != nil {
		return false, err
	}
	tune(socket, c.DeadAfter)
	conn := socket
	err = c.within(ctx, socket, func(ctx context.Context) (err error) {
		if conn, err = c.secure(ctx, socket, peer); err != nil {
			return err
		}
		s := &greeting{config: c, conn: conn, dialer: true, mine: c.newHello(peer), judge: g.judgeListener}
		s.mine.incarnation = g.run()
		if err = s.dialed(); err == nil {
			g.adopt(s.theirs.incarnation)
		}
		return err
	})
	if err != nil {
		socket.Close()
		return true, err
	}
	g.link(newLink(g.mesh, peer, conn, socket))
	return true, nil
}

// link begins to work with a process.
func (g *gathering) link(l *link) {
	m := g.mesh
	m.mu.Lock()
	if m.over {
		m.mu.Unlock()
		l.socket.Close()
		return
	}
	m.links[l.peer] = l
	l.start(g.tell)
	m.mu.Unlock()
	g.tell()
}

func (g *gathering) run() [16]byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.incarnation
}

func (g *gathering) adopt(incarnation [16]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.incarnation = incarnation
}
