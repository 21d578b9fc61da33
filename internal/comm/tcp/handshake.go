package tcp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A handshake is, in both directions, a hello; then, if there is a secret, a proof
// of knowing it; then a verdict. The side that dialed goes first each time, so
// who only listens learns nothing that a stranger could use.

// verdict is what one side thinks of the other.
type verdict struct {
	code byte
	why  string
}

const (
	welcome byte = iota + 1
	later        // come again
	refused
)

const maxWhy = 1 << 10 // bytes

// refusal is a verdict that ended a handshake.
type refusal struct {
	verdict
	theirs  bool // the other side said it
	unequal bool // they are of one cluster, and it can never work
}

func (r *refusal) Error() string {
	if r.theirs {
		return "it refuses: " + r.why
	}
	return r.why
}

// judge says whether the one who said hello may join. accept calls it after he has
// shown that he is who he says he is.
type judge func(theirs *hello) *refusal

// greeting is one side of a handshake.
type greeting struct {
	config *Config
	conn   net.Conn
	dialer bool // this side has dialed
	mine   hello
	judge  judge
	spoke  func() // the other side has said hello

	theirs             hello
	rawMine, rawTheirs []byte
}

// dialed speaks with who was dialed.
func (g *greeting) dialed() error {
	if err := g.sendHello(); err != nil {
		return err
	}
	if err := g.readHello(); err != nil {
		return err
	}
	mine := g.examine(true)
	if mine == nil {
		mine = g.judge(&g.theirs)
	}
	if err := g.send(append(g.proof("dialer"), mine.verdictOr(welcome).encode()...)); err != nil {
		return err
	}
	proven, err := g.readProof("listener")
	if err != nil {
		return err
	}
	theirs, err := readVerdict(g.conn)
	switch {
	case err != nil:
		return err
	case mine != nil:
		return mine
	case theirs.code != welcome:
		return &refusal{verdict: theirs, theirs: true}
	case !proven:
		return g.ignorant()
	}
	return nil
}

// listened speaks with who has dialed.
func (g *greeting) listened() error {
	err := g.readHello()
	if other := (*versionError)(nil); errors.As(err, &other) {
		_ = g.sendHello() // so that he can say it, too: if he has left, no matter
		return err
	}
	if err != nil {
		return err
	}
	g.spoke()
	g.mine.to = g.theirs.index
	if err := g.sendHello(); err != nil {
		return err
	}
	proven, err := g.readProof("dialer")
	if err != nil {
		return err
	}
	theirs, err := readVerdict(g.conn)
	if err != nil {
		return err
	}
	mine := g.examine(proven)
	if mine == nil && theirs.code != welcome {
		return &refusal{verdict: theirs, theirs: true}
	}
	if mine == nil {
		mine = g.judge(&g.theirs)
	}
	reply := g.proof("listener")
	if !proven {
		clear(reply)
	}
	if err := g.send(append(reply, mine.verdictOr(welcome).encode()...)); err != nil {
		return err
	}
	if mine != nil {
		return mine
	}
	return nil
}

func (r *refusal) verdictOr(code byte) verdict {
	if r == nil {
		return verdict{code: code}
	}
	return r.verdict
}

func (g *greeting) ignorant() *refusal {
	return &refusal{verdict: verdict{refused, fmt.Sprintf("process %d does not know the secret", g.theirs.index)}}
}

// examine compares the two hellos, and the certificate with what they say.
func (g *greeting) examine(proven bool) *refusal {
	if why := isStranger(&g.mine, &g.theirs); why != "" {
		return &refusal{verdict: verdict{refused, why}}
	}
	if err := checkCertificate(g.conn, g.theirs.index); err != nil {
		return &refusal{verdict: verdict{refused, err.Error()}}
	}
	if !proven {
		return g.ignorant()
	}
	if why := difference(&g.mine, &g.theirs); why != "" {
		return &refusal{verdict: verdict{refused, why}, unequal: g.mine.secret == g.theirs.secret}
	}
	return nil
}

func (g *greeting) sendHello() error {
	if _, err := rand.Read(g.mine.nonce[:]); err != nil {
		return err
	}
	g.rawMine = g.mine.encode()
	return g.send(g.rawMine)
}

func (g *greeting) send(b []byte) error {
	if _, err := g.conn.Write(b); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return nil
}

func (g *greeting) readHello() (err error) {
	g.theirs, g.rawTheirs, err = readHello(g.conn)
	return err
}

// proof shows that a side knows the secret. It is over both hellos, in the order in
// which they were said, and over the side: so it fits no other handshake, and cannot be
// sent back to its sender. Without a secret at both sides it is nothing.
func (g *greeting) proof(side string) []byte {
	if !g.mine.secret || !g.theirs.secret {
		return nil
	}
	first, second := g.rawMine, g.rawTheirs
	if !g.dialer {
		first, second = second, first
	}
	mac := hmac.New(sha256.New, g.config.Secret)
	io.WriteString(mac, "timely "+side+" v"+strconv.Itoa(Version)+"\n")
	mac.Write(first)
	mac.Write(second)
	return mac.Sum(nil)
}

// readProof reads the other side's proof, and reports whether it is right.
func (g *greeting) readProof(side string) (ok bool, err error) {
	want := g.proof(side)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(g.conn, got); err != nil {
		return false, fmt.Errorf("handshake: %w", err)
	}
	return hmac.Equal(got, want), nil
}

func (v verdict) encode() []byte {
	why := v.why[:min(len(v.why), maxWhy)]
	b := binary.LittleEndian.AppendUint16([]byte{v.code, 0}, uint16(len(why)))
	return append(b, why...)
}

func readVerdict(r io.Reader) (v verdict, err error) {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return v, fmt.Errorf("it gave no verdict: %w", err)
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if b[0] < welcome || b[0] > refused || n > maxWhy {
		return v, fmt.Errorf("it gave no verdict: % x", b)
	}
	why := make([]byte, n)
	if _, err := io.ReadFull(r, why); err != nil {
		return v, fmt.Errorf("it gave no verdict: %w", err)
	}
	return verdict{b[0], printable(string(why))}, nil
}

// printable keeps what others said from drawing on a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// secure begins TLS, if the cluster has it.
func (c *Config) secure(ctx context.Context, conn net.Conn, peer int) (net.Conn, error) {
	if c.TLS == nil {
		return conn, nil
	}
	conn = &bundle{Conn: conn}
	var sealed *tls.Conn
	if peer < 0 {
		sealed = tls.Server(conn, c.tlsConfig(""))
	} else {
		sealed = tls.Client(conn, c.tlsConfig(certificateName(peer)))
	}
	if err := sealed.HandshakeContext(ctx); err != nil {
		if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) {
			return nil, fmt.Errorf("TLS: %w (begins with %q)", err, plain.RecordHeader[:])
		}
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return sealed, nil
}

// within runs a handshake with the deadline that it has.
func (c *Config) within(ctx context.Context, conn net.Conn, run func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.HandshakeTimeout)
	defer cancel()
	if err := conn.SetDeadline(time.Now().Add(c.HandshakeTimeout)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	if err := run(ctx); err != nil {
		stop()
		return err
	}
	if !stop() { // the deadline is set to the past, or will be
		return context.Cause(ctx)
	}
	return conn.SetDeadline(time.Time{})
}
