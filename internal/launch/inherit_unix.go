//go:build unix

package launch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// What a process finds open beside its standard files.
const (
	parentFile   = 3 // a pipe: closed when the launcher is gone, and signals before
	listenerFile = 4
)

// portFile is a listener as it is inherited.
type portFile = *os.File

// keep returns the listener as a file, in its place.
func keep(listener *net.TCPListener) (portFile, error) {
	f, err := listener.File()
	return f, errors.Join(err, listener.Close())
}

// release leaves the port to the process that inherited it.
func release(f portFile) { _ = f.Close() } // nothing was written to it

// bequeath makes a process inherit the port, and a pipe. It returns the end of the
// pipe that is the launcher's, and the one to close once the process has started.
func bequeath(cmd *exec.Cmd, port portFile) (control, inherited *os.File, err error) {
	inherited, control, err = os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.ExtraFiles = []*os.File{parentFile - 3: inherited, listenerFile - 3: port}
	return control, inherited, nil
}

// takeOver makes the inherited files the member's own, and nobody's else.
func (m *Member) takeOver() error {
	for _, fd := range []int{parentFile, listenerFile} {
		syscall.CloseOnExec(fd)
	}
	m.parent = os.NewFile(parentFile, "launcher")
	if m.parent == nil {
		return errors.New("the pipe of the launcher was not inherited")
	}
	if info, err := m.parent.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return errors.New("the pipe of the launcher was not inherited")
	}
	port := os.NewFile(listenerFile, "listener")
	if port == nil {
		return errors.New("the listener was not inherited")
	}
	defer port.Close()
	listener, err := net.FileListener(port) // a copy
	if err != nil {
		return fmt.Errorf("the listener was not inherited: %w", err)
	}
	if at := listener.Addr().String(); at != m.Hosts[m.Index] {
		return errors.Join(fmt.Errorf("the listener that was inherited is at %s, and not at %s", at, m.Hosts[m.Index]), listener.Close())
	}
	m.Listener = listener
	return nil
}

// awaitParent returns when the launcher is gone. Each byte before is a signal.
func (m *Member) awaitParent() {
	buffer := make([]byte, 16)
	for {
		n, err := m.parent.Read(buffer)
		for _, b := range buffer[:n] {
			m.pass(syscall.Signal(b))
		}
		if err == io.EOF || err != nil && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// encode writes a signal as a byte for awaitParent.
func encode(s os.Signal) (b byte, ok bool) {
	number, ok := s.(syscall.Signal)
	return byte(number), ok && 0 < number && number < 256
}
