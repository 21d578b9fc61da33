//go:build !unix

package launch

import (
	"fmt"
	"net"
	"os"
	"os/exec"
)

// portFile is a listener that holds a port until its process is about to start:
// files are not inherited here, and another program may come between.
type portFile = *net.TCPListener

func keep(listener *net.TCPListener) (portFile, error) { return listener, nil }

func release(l portFile) { _ = l.Close() } // it accepted nothing

func bequeath(_ *exec.Cmd, port portFile) (control, inherited *os.File, err error) {
	release(port)
	return nil, nil, nil
}

func (m *Member) takeOver() error {
	listener, err := net.Listen("tcp", m.Hosts[m.Index])
	if err != nil {
		return fmt.Errorf("%w; it was free a moment ago, so start the program again", err)
	}
	m.Listener = listener
	return nil
}

// awaitParent returns when the launcher is gone. Signals are not passed on here:
// those of a console reach all its processes.
func (m *Member) awaitParent() {
	parent, err := os.FindProcess(os.Getppid())
	if err != nil {
		return // it is gone already
	}
	_, _ = parent.Wait() // however it ended
}

func encode(os.Signal) (b byte, ok bool) { return 0, false }
