package launch

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// A process is one of the cluster, seen from the launcher.
type process struct {
	index   int
	cmd     *exec.Cmd
	control *os.File  // a pipe that closes with the launcher; nil where files are not inherited
	outputs []*stream // what it prints; read while copying runs
	copying sync.WaitGroup

	// These are the supervisor's.
	running bool // it was not seen to exit
	killed  bool // when it did not leave
}

// start starts a process, and copies what it prints until there is no more.
func start(cmd *exec.Cmd, index int, port portFile, out, err *sink) (*process, error) {
	p := &process{index: index, cmd: cmd, running: true}
	inherited, failed := p.connect(port, out, err)
	if failed == nil {
		failed = cmd.Start()
	}
	for _, f := range inherited {
		f.Close() // the process has its own
	}
	if failed != nil {
		p.disconnect()
		return nil, fmt.Errorf("process %d: %w", index, failed)
	}
	for _, s := range p.outputs {
		p.copying.Go(s.copy)
	}
	return p, nil
}

// connect makes all pipes. What it returns is to be closed once the process has
// started, also if there is an error.
func (p *process) connect(port portFile, out, errs *sink) (inherited []*os.File, err error) {
	p.cmd.SysProcAttr = attributes()
	control, theirs, err := bequeath(p.cmd, port)
	if err != nil {
		return nil, err
	}
	if control != nil {
		p.control, inherited = control, append(inherited, theirs)
	}
	for _, to := range []*sink{out, errs} {
		from, theirs, err := os.Pipe()
		if err != nil {
			return inherited, err
		}
		inherited = append(inherited, theirs)
		p.outputs = append(p.outputs, &stream{from: from, to: lines{to: to, prefix: fmt.Sprintf("p%d: ", p.index)}})
		if to == out {
			p.cmd.Stdout = theirs
		} else {
			p.cmd.Stderr = theirs
		}
	}
	return inherited, nil
}

// disconnect closes the pipes of a process that did not start.
func (p *process) disconnect() {
	p.release()
	for _, s := range p.outputs {
		s.from.Close()
	}
}

// release closes the pipe of a process that has ended.
func (p *process) release() {
	if p.control != nil {
		p.control.Close()
	}
}

// await returns when the process has ended.
func (p *process) await() {
	// The error repeats what ProcessState says: there is nothing to copy.
	_ = p.cmd.Wait()
	for _, s := range p.outputs {
		s.processEnded()
	}
}

// pass passes a signal on. A process that has just ended cannot be told any more.
func (p *process) pass(s os.Signal) {
	if b, ok := encode(s); ok && p.control != nil {
		_, _ = p.control.Write([]byte{b})
	}
}

// kill ends the process. One that has just ended cannot be killed any more.
func (p *process) kill() {
	p.killed = true
	_ = p.cmd.Process.Kill()
}

// status is the exit status of a process that has ended, as shells have it: 128 and
// the signal, if one ended it.
func (p *process) status() int {
	state := p.cmd.ProcessState
	if state == nil { // waiting for it failed
		return exitFailure
	}
	if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return state.ExitCode()
}

func (p *process) String() string {
	if p.cmd.ProcessState == nil {
		return fmt.Sprintf("process %d: nobody knows how it ended", p.index)
	}
	return fmt.Sprintf("process %d: %v", p.index, p.cmd.ProcessState) // exit status 3, signal: killed
}
