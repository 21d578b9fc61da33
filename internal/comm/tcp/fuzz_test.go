package tcp

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// FuzzHello has a stranger say anything in place of a hello.
func FuzzHello(f *testing.F) {
	c := Config{Hosts: []string{"a:1", "b:2"}, Workers: 2, Build: "build"}
	h := c.newHello(1)
	f.Add(h.encode())
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(magic[:])
	f.Add((&hello{version: 7, index: 3}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, raw, err := readHello(bytes.NewReader(b))
		if len(raw) > prefixSize+maxHello {
			t.Fatalf("%d bytes are kept", len(raw))
		}
		if err != nil {
			return
		}
		if !bytes.Equal(raw, b[:len(raw)]) {
			t.Fatal("the hello is not what was said")
		}
		got.version = Version
		again := got.encode()
		clear(again[20:24])
		if want := slices.Clone(raw); !bytes.Equal(again, append(append(want[:20:20], 0, 0, 0, 0), want[24:]...)) {
			t.Fatalf("% x is read as % x", raw, again)
		}
		isStranger(&h, &got)
		difference(&h, &got)
	})
}

// FuzzVerdict has a stranger say anything in place of a verdict.
func FuzzVerdict(f *testing.F) {
	f.Add(verdict{refused, "why"}.encode())
	f.Add(verdict{code: welcome}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := readVerdict(bytes.NewReader(b))
		if err == nil && !bytes.HasPrefix(b, v.encode()) && printable(string(b)) == string(b) {
			t.Fatalf("%q is read as %+v", b, v)
		}
	})
}

// FuzzFrames has a peer say anything after the handshake, cut at any places.
func FuzzFrames(f *testing.F) {
	ok := next(header{kind: Data, from: 1}, "payload")
	more := next(header{kind: Data, flags: flagMore, from: 1}, string(make([]byte, maxPiece)))
	f.Add(ok, uint8(5))
	f.Add(append(slices.Clone(ok), next(header{kind: Credit, from: 1, seq: 1}, "12345678")...), uint8(40))
	f.Add(more[:100], uint8(0))
	f.Add(next(header{kind: abort}, "\x01\x00\x00\x00why"), uint8(1))
	f.Add(next(header{kind: bye}, ""), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		got := framesOf(b, max(int(cut), 1))
		for i, frame := range got {
			if len(frame) > len(b) {
				t.Fatalf("frame %d has %d bytes, of %d that came", i, len(frame), len(b))
			}
		}
		if again := framesOf(b, len(b)+1); !slices.EqualFunc(got, again, bytes.Equal) {
			t.Fatalf("cut into pieces of %d, it is read as % x, and whole as % x", cut, got, again)
		}
	})
}

// FuzzSealedFrames has a peer whose checksums and numbers are always right.
func FuzzSealedFrames(f *testing.F) {
	for _, kind := range []Kind{Data, Progress, heartbeat, joined, bye, abort} {
		f.Add(slices.Concat(next(header{kind: kind, from: 1}, "payload"), next(header{kind: Plan, from: 1}, "")), uint8(50))
	}
	more := next(header{kind: Data, flags: flagMore, from: 1}, string(make([]byte, maxPiece)))
	f.Add(slices.Concat(more, next(header{kind: Credit, from: 1}, "credit"), more, next(header{kind: Data, from: 1}, "end")), uint8(255))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		b = seal(bytes.Clone(b))
		got := framesOf(b, 16*max(int(cut), 1))
		if again := framesOf(b, len(b)+1); !slices.EqualFunc(got, again, bytes.Equal) {
			t.Fatalf("cut into pieces of %d, it is read as % x, and whole as % x", cut, got, again)
		}
		total := 0
		for _, payload := range got {
			total += len(payload)
		}
		if total > len(b) {
			t.Fatalf("%d bytes come out of %d", total, len(b))
		}
	})
}

// seal makes the checksums and the numbers of all frames right.
func seal(b []byte) []byte {
	rest := b
	for seq := uint32(1); len(rest) >= headerSize; seq++ {
		length := int64(binary.LittleEndian.Uint32(rest))
		size := headerSize + length + int64(padding(int(length)))
		if length <= maxPiece && size <= int64(len(rest)) {
			binary.LittleEndian.PutUint32(rest[20:], checksum(rest[headerSize:size]))
		}
		binary.LittleEndian.PutUint32(rest[24:], seq)
		reseal(rest[:headerSize])
		rest = rest[min(size, int64(len(rest))):]
	}
	return b
}

// framesOf returns the payloads that a reader hands out, of bytes that come in pieces.
func framesOf(b []byte, piece int) (payloads [][]byte) {
	c, err := Config{Hosts: []string{"a:1", "b:2"}}.complete()
	if err != nil {
		panic(err)
	}
	m := newMesh(c)
	m.cancel = func() {}
	m.Start(func(f Frame) {
		payloads = append(payloads, bytes.Clone(f.Payload))
		f.Release()
	}, nothing)
	conn := &script{rest: b, piece: piece}
	l := newLink(m, 1, conn, conn)
	r := newReader(l, func() {})
	r.seq = 1 // as after joined
	r.run()
	return payloads
}

// script is a connection through which bytes come in pieces.
type script struct {
	net.Conn
	rest  []byte
	piece int
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.rest[:min(s.piece, len(s.rest))])
	s.rest = s.rest[n:]
	return n, nil
}

func (s *script) SetReadDeadline(time.Time) error { return nil }
func (s *script) RemoteAddr() net.Addr            { return &net.TCPAddr{} }
