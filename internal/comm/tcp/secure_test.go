package tcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestClusterWithCertificatesWorks(t *testing.T) {
	meshes := cluster(t, 3, sealed(t, 3))
	take, came := keep()
	meshes[0].Start(discard, nothing)
	meshes[1].Start(take, nothing)
	meshes[2].Start(discard, nothing)
	large := bytes.Repeat([]byte("0123456789"), 100_000)
	send(meshes[0], 1, to(Data, 0, 0, 1, large))
	send(meshes[2], 1, to(Credit, 5, 2, 1, []byte("x")))
	for range 2 {
		switch f := receive(t, came); {
		case f.Peer == 0 && f.text != string(large), f.Peer == 2 && (f.text != "x" || f.Channel != 5):
			t.Errorf("process 1 took %d bytes of process %d", len(f.text), f.Peer)
		}
	}
	closeInOrder(t, meshes)
}

// TestWrongCertificatesAreRefusedAndTheJoiningGoesOn has somebody come by with each.
func TestWrongCertificatesAreRefusedAndTheJoiningGoesOn(t *testing.T) {
	give := sealed(t, 2)
	other := sealed(t, 2)
	load := func(give func(int, *Config), i int) *tls.Config {
		var c Config
		give(i, &c)
		own := c.TLS
		own.ServerName = certificateName(0)
		return own
	}
	mixed := load(other, 1)
	mixed.RootCAs = load(give, 1).RootCAs // it trusts us, and we do not trust it
	bare := load(give, 1)
	bare.Certificates = nil
	old := load(give, 1)
	old.MaxVersion = tls.VersionTLS12
	late := load(give, 1)
	late.Time = func() time.Time { return time.Now().AddDate(50, 0, 0) }
	for _, test := range []struct {
		name   string
		config *tls.Config // nil: no TLS
		says   string
	}{
		{"of another authority", mixed, "certificate"},
		{"that trusts another authority", load(other, 1), "certificate signed by unknown authority"},
		{"of another process", load(give, 0), `process 1 shows a certificate for ["process-0.timely"]`},
		{"none", bare, "certificate required"},
		{"of an old protocol", old, "protocol version not supported"},
		{"that has expired", late, "expired"},
		{"no TLS", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := configs(t, 2, give)
			came := make(chan joining, 1)
			go func() { came <- joinAll(t, all[:1]) }()
			s := visit(t, all[0].Hosts[0])
			c := all[1]
			c.TLS = nil
			if test.config != nil {
				s.Conn = tls.Client(s.Conn, test.config)
			}
			expect(t, s.greets(c, 0, func(*hello) {}), test.says)
			one, err := Join(context.Background(), all[1])
			if err != nil {
				t.Fatal(err)
			}
			j := receive(t, came)
			closeInOrder(t, []*Mesh{j.meshes[0], one})
		})
	}
}

func TestExpiredCertificateIsRefused(t *testing.T) {
	give := sealed(t, 2)
	j := joinAll(t, configs(t, 2, func(i int, c *Config) {
		give(i, c)
		c.JoinTimeout = 500 * time.Millisecond
		c.TLS.Time = func() time.Time { return time.Now().AddDate(3, 0, 0) }
	}))
	expect(t, j.errs[1], "process 0 (", "expired")
	expect(t, j.errs[0], "process 1 (")
}

func TestCertificatesAreKeptFromOthersAndNotOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	if err := MakeCertificates(dir, 2); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca", "process-0", "process-1"} {
		info, err := os.Stat(filepath.Join(dir, name+"-key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", info.Name(), info.Mode())
		}
	}
	expect(t, MakeCertificates(dir, 2), "exists")
	_, err := LoadTLS(dir, 2)
	expect(t, err, "certificate of process 2", "process-2.pem")
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = LoadTLS(dir, 1)
	expect(t, err, "ca.pem has no certificate")
	_, err = Join(context.Background(), Config{Hosts: []string{"a:1"}, TLS: &tls.Config{RootCAs: x509.NewCertPool()}})
	expect(t, err, "TLS needs a certificate")
}

// listening runs the listener's side of a handshake on one end of a connection, with a
// judge that lets everybody in, and returns the other end.
func listening(t *testing.T, c Config) (conn *stranger, result <-chan error) {
	t.Helper()
	here, there := pair(t)
	c, err := c.complete()
	if err != nil {
		t.Fatal(err)
	}
	g := &greeting{config: &c, conn: there, mine: c.newHello(0), judge: func(*hello) *refusal { return nil }, spoke: func() {}}
	came := make(chan error, 1)
	go func() {
		err := g.listened()
		there.Close()
		came <- err
	}()
	here.SetDeadline(time.Now().Add(patience))
	return &stranger{here, t}, came
}

// tap records what is said through a connection.
type tap struct {
	net.Conn
	said bytes.Buffer
}

func (c *tap) Write(b []byte) (int, error) {
	c.said.Write(b)
	return c.Conn.Write(b)
}

// TestRecordedProofIsWorthNothing replays all that a process said, reflects what it
// hears, and changes each bit of a proof.
func TestRecordedProofIsWorthNothing(t *testing.T) {
	all := configs(t, 2, func(_ int, c *Config) { c.Secret = []byte("only the cluster knows it") })
	s, result := listening(t, all[0])
	record := &tap{Conn: s.Conn}
	if err := (&stranger{record, t}).greets(all[1], 0, func(*hello) {}); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, result); err != nil {
		t.Fatal(err)
	}
	t.Run("replay", func(t *testing.T) {
		s, result := listening(t, all[0])
		s.say(record.said.Bytes())
		expect(t, receive(t, result), "process 1 does not know the secret")
	})
	t.Run("reflection", func(t *testing.T) {
		s, result := listening(t, all[0])
		h := all[1].newHello(0)
		s.say(h.encode())
		if _, _, err := readHello(s); err != nil {
			t.Fatal(err)
		}
		s.say(make([]byte, 32))
		s.say(verdict{code: welcome}.encode())
		var proof [32]byte
		if _, err := io.ReadFull(s, proof[:]); err != nil || proof != [32]byte{} {
			t.Errorf("who has shown nothing is shown % x, %v", proof, err)
		}
		expect(t, receive(t, result), "process 1 does not know the secret")
	})
	t.Run("bit flip", func(t *testing.T) {
		for bit := 0; bit < 256; bit += 5 {
			s, result := listening(t, all[0])
			flip := flipped{Conn: s.Conn, at: len(record.said.Bytes()) - 36 + bit/8, bit: byte(1) << (bit % 8)}
			expect(t, (&stranger{&flip, t}).greets(all[1], 0, func(*hello) {}), "does not know the secret")
			expect(t, receive(t, result), "process 1 does not know the secret")
		}
	})
}

// flipped changes one bit of what is written.
type flipped struct {
	net.Conn
	at   int
	bit  byte
	sent int
}

func (c *flipped) Write(b []byte) (int, error) {
	b = bytes.Clone(b)
	if i := c.at - c.sent; i >= 0 && i < len(b) {
		b[i] ^= c.bit
	}
	c.sent += len(b)
	return c.Conn.Write(b)
}

func TestWordsOfStrangersCannotDrawOnTheTerminal(t *testing.T) {
	if got := printable("a\x1b[2Jb\nc\u202ed"); strings.ContainsAny(got, "\x1b\n\u202e") {
		t.Errorf("%q", got)
	}
}
