// Package engine is what a worker does that names neither record nor time: the
// workers of an execution, their dataflows, when they run, park, fail and end.
//
// The typed package above it (timely) builds operators; here they are nodes with
// a function that is one turn. Typed progress is a list of progress.Level here,
// typed channels are functions that take in what has arrived.
//
//	execution.go    Execution: the workers of one Execute; the first failure
//	worker.go       Worker: steps, parking, what arrives
//	channel.go      the channels of a dataflow, as long as it lasts
//	edge.go         Edge: what waits at a receiving port, and how much may; credit
//	loop.go         Loop: how much may enter one
//	cycles.go       where the loops are
//	rest.go         whether a dataflow has come to rest; grants
//	turn.go         a turn of a node: pause points, yielding, what must be shipped first
//	dataflow.go     Dataflow: its nodes and levels; sealing, settling, completing, dropping
//	node.go         Node and Element: operators and stages as the engine sees them
//	fingerprint.go  whether all workers build the same dataflows
//	waker.go        Waker, timers
//	audit.go        in simulations: the invariants of the protocol
//	failure.go      Failure: what Execute returns
//	report.go       what holds which frontier, in words; who is stuck
//	stall.go        telling that nothing has happened for long
//	peers.go        what processes tell each other
package engine
