package launch

import "syscall"

// deathSignal is what the kernel sends to a process when its launcher is gone:
// then also those end that are stopped, or stuck before they watch it.
var deathSignal = syscall.SIGKILL

// attributes are those of a process to start. The kernel takes the end of the thread
// that starts it for the end of the launcher: that thread must stay.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: deathSignal} }
