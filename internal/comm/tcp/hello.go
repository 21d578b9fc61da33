package tcp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Version of what is said on a connection. Processes of different versions refuse
// each other.
const Version = 1

var magic = [8]byte{0x89, 't', 'i', 'm', 'e', 'l', 'y', '\n'}

const (
	prefixSize = 24   // magic, version, index, length of the rest, 0: alike in all versions
	maxHello   = 4072 // bytes after the prefix
	helloFixed = 128  // of them before the build id
)

// hello is what each side of a connection says first.
type hello struct {
	version     uint32
	index       uint32 // who speaks
	to          uint32 // to whom
	processes   uint32
	workers     uint32 // a process
	secret      bool   // who speaks knows a secret, and wants to hear that the other does
	wide        bool   // machine words have 64 bits
	big         bool   // and begin with the high byte
	cluster     [16]byte
	hosts       [16]byte
	incarnation [16]byte // this run of the cluster; zeros: not known yet
	nonce       [32]byte
	build       string
}

// newHello returns what this process says to the other, but for the nonce.
func (c *Config) newHello(to int) hello {
	name := sha256.Sum256([]byte(c.Cluster))
	hosts := sha256.Sum256([]byte(strings.Join(c.Hosts, "\n")))
	return hello{
		version:   Version,
		index:     uint32(c.Index),
		to:        uint32(to),
		processes: uint32(len(c.Hosts)),
		workers:   uint32(c.Workers),
		secret:    c.Secret != nil,
		wide:      strconv.IntSize == 64,
		big:       binary.NativeEndian.Uint16([]byte{1, 0}) != 1,
		cluster:   [16]byte(name[:16]),
		hosts:     [16]byte(hosts[:16]),
		build:     c.Build,
	}
}

func (h *hello) encode() []byte {
	b := append(make([]byte, 0, prefixSize+helloFixed+len(h.build)), magic[:]...)
	b = binary.LittleEndian.AppendUint32(b, h.version)
	b = binary.LittleEndian.AppendUint32(b, h.index)
	b = binary.LittleEndian.AppendUint32(b, uint32(helloFixed+len(h.build)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, h.to)
	b = binary.LittleEndian.AppendUint32(b, h.processes)
	b = binary.LittleEndian.AppendUint32(b, h.workers)
	b = append(b, bit(h.secret), bit(h.wide), bit(h.big), 0)
	b = append(b, h.cluster[:]...)
	b = append(b, h.hosts[:]...)
	b = append(b, h.incarnation[:]...)
	b = append(b, h.nonce[:]...)
	b = append(b, make([]byte, prefixSize+helloFixed-len(b))...)
	return append(b, h.build...)
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// A versionError says that the other side speaks another version.
type versionError struct{ index, version uint32 }

func (e *versionError) Error() string {
	return fmt.Sprintf("peer %d speaks v%d, I speak v%d", e.index, e.version, Version)
}

// parsePrefix returns how many bytes follow the prefix. Of another version's hello
// it returns that, too.
func parsePrefix(b []byte) (version, index uint32, length int, err error) {
	if !bytes.Equal(b[:len(magic)], magic[:]) {
		return 0, 0, 0, errors.New(describe(b))
	}
	version = binary.LittleEndian.Uint32(b[8:])
	index = binary.LittleEndian.Uint32(b[12:])
	n := binary.LittleEndian.Uint32(b[16:])
	if n > maxHello {
		return 0, 0, 0, fmt.Errorf("its hello claims %d bytes; at most %d", n, maxHello)
	}
	return version, index, int(n), nil
}

// describe says what begins with the bytes, which is no hello.
func describe(b []byte) string {
	for _, word := range []string{"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "CONNECT ", "PRI ", "HTTP/"} {
		if bytes.HasPrefix(b, []byte(word)) {
			return "it speaks HTTP"
		}
	}
	if bytes.HasPrefix(b, []byte{0x16, 3}) {
		return "it speaks TLS, and this process does not"
	}
	return fmt.Sprintf("it is no process of a cluster: it begins with %q", b[:min(len(b), 16)])
}

// parseHello reads what follows the prefix.
func parseHello(index uint32, b []byte) (h hello, err error) {
	if len(b) < helloFixed || len(b) > helloFixed+maxBuild {
		return h, fmt.Errorf("its hello has %d bytes", len(b))
	}
	for _, flag := range b[12:16] {
		if flag > 1 {
			return h, errors.New("its hello has unknown flags")
		}
	}
	if b[15] != 0 || !bytes.Equal(b[96:helloFixed], make([]byte, helloFixed-96)) {
		return h, errors.New("its hello says what this version does not know")
	}
	h = hello{
		version:     Version,
		index:       index,
		to:          binary.LittleEndian.Uint32(b),
		processes:   binary.LittleEndian.Uint32(b[4:]),
		workers:     binary.LittleEndian.Uint32(b[8:]),
		secret:      b[12] == 1,
		wide:        b[13] == 1,
		big:         b[14] == 1,
		cluster:     [16]byte(b[16:32]),
		hosts:       [16]byte(b[32:48]),
		incarnation: [16]byte(b[48:64]),
		nonce:       [32]byte(b[64:96]),
		build:       string(b[helloFixed:]),
	}
	return h, nil
}

// readHello reads a hello, and returns its bytes, too. It takes no more memory
// than the longest needs.
func readHello(r io.Reader) (h hello, raw []byte, err error) {
	raw = make([]byte, prefixSize, prefixSize+helloFixed+maxBuild)
	if n, err := io.ReadFull(r, raw); err != nil {
		if n > 0 && !bytes.HasPrefix(magic[:], raw[:min(n, len(magic))]) {
			return h, nil, errors.New(describe(raw[:n]))
		}
		return h, nil, fmt.Errorf("it said no hello: %w", err)
	}
	version, index, length, err := parsePrefix(raw)
	if err != nil {
		return h, nil, err
	}
	raw = append(raw, make([]byte, length)...)
	if _, err := io.ReadFull(r, raw[prefixSize:]); err != nil {
		return h, nil, fmt.Errorf("its hello is not whole: %w", err)
	}
	if version != Version {
		return hello{version: version, index: index}, raw, &versionError{index, version}
	}
	h, err = parseHello(index, raw[prefixSize:])
	return h, raw, err
}

// isStranger says that the two belong to different clusters, and why; or returns "".
func isStranger(mine, theirs *hello) string {
	switch {
	case theirs.cluster != mine.cluster:
		return fmt.Sprintf("process %d belongs to a cluster of another name than process %d", theirs.index, mine.index)
	case theirs.processes != mine.processes:
		return fmt.Sprintf("process %d counts %s, process %d counts %d", theirs.index, count(theirs.processes, "process", "processes"), mine.index, mine.processes)
	case theirs.hosts != mine.hosts:
		return fmt.Sprintf("process %d has another list of hosts than process %d", theirs.index, mine.index)
	case theirs.index >= theirs.processes:
		return fmt.Sprintf("it claims to be process %d of %d", theirs.index, theirs.processes)
	case theirs.index != mine.to:
		return fmt.Sprintf("process %d looks for process %d, and this is process %d", mine.index, mine.to, theirs.index)
	case theirs.to != mine.index:
		return fmt.Sprintf("process %d looks for process %d, and this is process %d", theirs.index, theirs.to, mine.index)
	}
	return ""
}

// difference says what keeps two processes of one cluster from working together,
// or returns "".
func difference(mine, theirs *hello) string {
	switch {
	case theirs.secret != mine.secret:
		with, without := theirs.index, mine.index
		if mine.secret {
			with, without = without, with
		}
		return fmt.Sprintf("process %d has a secret, process %d has none", with, without)
	case theirs.workers != mine.workers:
		return fmt.Sprintf("process %d has %s, process %d has %d", theirs.index, count(theirs.workers, "worker", "workers"), mine.index, mine.workers)
	case theirs.layout() != mine.layout():
		return fmt.Sprintf("process %d runs on a machine that is %s, process %d on one that is %s", theirs.index, theirs.layout(), mine.index, mine.layout())
	case theirs.build != mine.build:
		return fmt.Sprintf("process %d is of build %q, process %d of build %q", theirs.index, theirs.build, mine.index, mine.build)
	}
	return ""
}

func count(n uint32, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (h *hello) layout() string {
	bits, order := "32 bit", "little-endian"
	if h.wide {
		bits = "64 bit"
	}
	if h.big {
		order = "big-endian"
	}
	return bits + " " + order
}
