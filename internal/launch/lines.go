package launch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const (
	maxLine = 64 << 10 // bytes of a line, without the prefix
	atOnce  = 32 << 10 // bytes that are read at once

	// A pipe holds no more than this, unless the system was told otherwise: so this
	// is what a process that has ended may have left in it.
	pipeSize = 1 << 20
	// How long a pipe may be silent, twice, before it is given up, when the process
	// has ended but another one, which it started, still holds it.
	linger = time.Second / 2
)

// A sink is where lines go: one output of the launcher's. It may be used by any
// goroutine.
type sink struct {
	w      io.Writer
	mu     *sync.Mutex // nobody else writes meanwhile; the sinks of one file share it
	broken func(error) // is told of each write that failed
}

func (s *sink) write(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.w.Write(p); err != nil {
		s.broken(err)
	}
}

// sinksOf returns the sinks for standard output and standard error, which share a
// lock unless they are known to be different files: one must not wait for who reads
// the other, but two writes to the same file may mix.
func sinksOf(stdout, stderr io.Writer, broken func(error)) (out, err *sink) {
	out = &sink{w: stdout, mu: new(sync.Mutex), broken: broken}
	err = &sink{w: stderr, mu: out.mu, broken: broken}
	if areDifferentFiles(stdout, stderr) {
		err.mu = new(sync.Mutex)
	}
	return out, err
}

func areDifferentFiles(a, b io.Writer) bool {
	x, isFile := a.(*os.File)
	y, areFiles := b.(*os.File)
	if !isFile || !areFiles {
		return false
	}
	is, err := x.Stat()
	if err != nil {
		return false
	}
	other, err := y.Stat()
	return err == nil && !os.SameFile(is, other)
}

// lines puts a prefix before each line of what is written to it, and passes whole
// lines on. A line that is longer than maxLine is cut into several.
type lines struct {
	to      *sink
	prefix  string
	partial []byte // the beginning of a line; at most maxLine
	out     []byte // reused
}

func (l *lines) Write(p []byte) {
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		l.partial = append(l.partial, line...)
		l.cut()
		if whole {
			l.emit(len(l.partial))
		}
		p = rest
	}
	l.flush()
}

// end passes on the last line, though nothing ends it.
func (l *lines) end() {
	if len(l.partial) > 0 {
		l.emit(len(l.partial))
	}
	l.flush()
}

// cut makes lines of a line that is too long, between characters if it has any.
func (l *lines) cut() {
	for len(l.partial) > maxLine {
		at := maxLine
		for at > maxLine-utf8.UTFMax && !utf8.RuneStart(l.partial[at]) {
			at--
		}
		if !utf8.RuneStart(l.partial[at]) {
			at = maxLine
		}
		l.emit(at)
	}
}

// emit makes a line of the first n bytes.
func (l *lines) emit(n int) {
	l.out = append(l.out, l.prefix...)
	l.out = append(l.out, l.partial[:n]...)
	l.out = append(l.out, '\n')
	l.partial = append(l.partial[:0], l.partial[n:]...)
}

func (l *lines) flush() {
	if len(l.out) > 0 {
		l.to.write(l.out)
		l.out = l.out[:0]
	}
}

// A stream is one output of a process on its way to a sink.
type stream struct {
	from  *os.File // the end of a pipe
	to    lines
	ended atomic.Bool // the process has: what is in the pipe is all that it said
}

// copy returns when nobody holds the other end of the pipe, or when the process has
// ended and what it left is passed on.
func (s *stream) copy() {
	defer s.from.Close()
	buffer := make([]byte, atOnce)
	silent := false // a deadline was missed: one alone may be because this process was stopped
	for left := pipeSize; left > 0; {
		ended := s.ended.Load()
		if ended {
			s.limit()
		}
		n, err := s.from.Read(buffer)
		s.to.Write(buffer[:n])
		if ended {
			left -= n
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !silent:
			silent = true
		case err != nil:
			left = 0
		default:
			silent = false
		}
	}
	s.to.end()
}

// processEnded says that the process has.
func (s *stream) processEnded() {
	s.ended.Store(true)
	s.limit()
}

// limit bounds how long a read may wait. Where pipes have no deadlines it does not,
// and whoever holds the other end is waited for.
func (s *stream) limit() { _ = s.from.SetReadDeadline(time.Now().Add(linger)) }
