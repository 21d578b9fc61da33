// Package local joins the workers of one process, by shared memory. It is where
// goroutines meet: everything else that a worker owns is its own.
//
//	fabric.go  Fabric, opening channels
//	inbox.go   Queue and Sum
//	credits.go the windows of a queue
//	end.go     End: what a worker hears (Bell), and how it sleeps
package local
