//go:build !unix

package main

// maxRSS is not known here.
func maxRSS() uint64 { return 0 }
