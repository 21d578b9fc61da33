package launch

import "syscall"

// SetDeathSignal says what the kernel sends when a launcher is gone; 0: nothing.
func SetDeathSignal(s syscall.Signal) { deathSignal = s }
