package launch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// linesTo returns lines with the prefix p3, and where they go.
func linesTo(w io.Writer) *lines {
	s := &sink{w: w, mu: new(sync.Mutex), broken: func(error) {}}
	return &lines{to: s, prefix: "p3: "}
}

func TestLinesArePrefixed(t *testing.T) {
	tests := []struct{ written, want string }{
		{"", ""},
		{"a\n", "p3: a\n"},
		{"a\nb\n", "p3: a\np3: b\n"},
		{"a\nb", "p3: a\np3: b\n"},
		{"\n\n", "p3: \np3: \n"},
		{"a\r\nb\x00\n", "p3: a\r\np3: b\x00\n"},
		{strings.Repeat("x", maxLine) + "\ny\n", "p3: " + strings.Repeat("x", maxLine) + "\np3: y\n"},
		{strings.Repeat("x", maxLine+1) + "\n", "p3: " + strings.Repeat("x", maxLine) + "\np3: x\n"},
		{strings.Repeat("x", 2*maxLine), strings.Repeat("p3: "+strings.Repeat("x", maxLine)+"\n", 2)},
		{strings.Repeat("x", maxLine-1) + "é\n", "p3: " + strings.Repeat("x", maxLine-1) + "\np3: é\n"},
		{strings.Repeat("\x80", maxLine+1), "p3: " + strings.Repeat("\x80", maxLine) + "\np3: \x80\n"},
	}
	for _, test := range tests {
		for _, step := range []int{1, 7, maxLine, len(test.written)} {
			var got bytes.Buffer
			l := linesTo(&got)
			for rest := test.written; rest != ""; {
				n := min(step, len(rest))
				l.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			l.end()
			if got.String() != test.want {
				t.Errorf("%.20q of %d bytes, %d at a time: got %.20q of %d bytes, want %d", test.written, len(test.written), step, got.String(), got.Len(), len(test.want))
			}
		}
	}
}

func TestALongLineIsNotKept(t *testing.T) {
	l := linesTo(io.Discard)
	for range 1000 {
		l.Write(make([]byte, atOnce))
	}
	if size := cap(l.partial) + cap(l.out); size > 8*maxLine {
		t.Errorf("%d bytes are kept", size)
	}
}

func TestWholeLinesAreOneWrite(t *testing.T) {
	var writes []string
	l := linesTo(writerFunc(func(p []byte) (int, error) { writes = append(writes, string(p)); return len(p), nil }))
	l.Write([]byte("a"))
	l.Write([]byte("b\nc\nd"))
	l.end()
	if strings.Join(writes, "|") != "p3: ab\np3: c\n|p3: d\n" {
		t.Errorf("%q", writes)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestABrokenSinkSaysSo(t *testing.T) {
	broken := errors.New("the disk is full")
	var got error
	out, errs := sinksOf(writerFunc(func([]byte) (int, error) { return 0, broken }), io.Discard, func(err error) { got = err })
	if errs.write([]byte("a")); got != nil {
		t.Error(got)
	}
	if out.write([]byte("a")); got != broken {
		t.Error(got)
	}
}

func TestSinksOfDifferentFilesDoNotWaitForEachOther(t *testing.T) {
	folder := t.TempDir()
	create := func(name string) *os.File {
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	a, again, b := create("a"), create("a"), create("b")
	tests := []struct {
		name        string
		out, err    io.Writer
		independent bool
	}{
		{"two files", a, b, true},
		{"one file", a, a, false},
		{"one file, opened twice", a, again, false},
		{"no file", a, new(bytes.Buffer), false},
	}
	for _, test := range tests {
		if out, err := sinksOf(test.out, test.err, nil); (out.mu != err.mu) != test.independent {
			t.Error(test.name)
		}
	}
}

// pipeOf returns a stream, the end of its pipe that is written to, and what comes out.
func pipeOf(t *testing.T) (s *stream, to *os.File, got *bytes.Buffer, copied chan struct{}) {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { to.Close() })
	got, copied = new(bytes.Buffer), make(chan struct{})
	s = &stream{from: from, to: *linesTo(got)}
	go func() { defer close(copied); s.copy() }()
	return s, to, got, copied
}

func TestWhatIsLeftInThePipeIsPassedOn(t *testing.T) {
	s, to, got, copied := pipeOf(t)
	s.processEnded()
	if _, err := to.WriteString("a\nb"); err != nil {
		t.Fatal(err)
	}
	to.Close()
	<-copied
	if got.String() != "p3: a\np3: b\n" {
		t.Errorf("%q", got)
	}
}

// Another process holds the pipe, and keeps writing or keeps silent.
func TestAPipeThatOthersHoldIsGivenUp(t *testing.T) {
	t.Run("silent", func(t *testing.T) {
		s, to, got, copied := pipeOf(t)
		if err := s.from.SetReadDeadline(time.Time{}); err != nil {
			t.Skip("pipes have no deadlines here")
		}
		if _, err := to.WriteString("a"); err != nil {
			t.Fatal(err)
		}
		s.processEnded()
		<-copied
		if got.String() != "p3: a\n" {
			t.Errorf("%q", got)
		}
	})
	t.Run("writing", func(t *testing.T) {
		s, to, got, copied := pipeOf(t)
		s.processEnded()
		for {
			if _, err := to.Write(make([]byte, atOnce)); err != nil { // nobody reads any more
				break
			}
		}
		<-copied
		if got.Len() < pipeSize {
			t.Errorf("only %d bytes were read", got.Len())
		}
	})
}
