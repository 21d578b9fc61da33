package launch_test

import "github.com/timely-go/timely/internal/launch"

// withoutTheKernelsHelp makes processes depend on the pipe alone.
func withoutTheKernelsHelp() { launch.SetDeathSignal(0) }
