//go:build unix

package main

import (
	"runtime"
	"syscall"
)

// maxRSS returns the most memory that the process has held so far, in bytes. A
// process begins with what the one that started it held, so start it from a small
// one: "all" is, go run is not.
func maxRSS() uint64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return uint64(used.Maxrss)
	}
	return uint64(used.Maxrss) << 10
}
