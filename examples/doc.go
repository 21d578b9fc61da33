// Package examples holds programs to learn from, each in its own folder. Read
// them in this order:
//
//	simple       a dataflow on one worker
//	hello        an input, an exchange and a probe: the shape of most programs
//	distinct     records meet at the worker that owns them
//	wordcount    files, counted by all workers and printed by one
//	wordstream   an operator of the program's own: running counts of standard input
//	fromchannel  waiting for another goroutine
//	collatz      a loop
//	unionfind    an operator used twice, first at each worker, then at one
//	bfs          a loop that goes round by round, over a real graph
//	pagerank     a loop with sums of each round, over a real graph
//
// Run one with go run ./examples/hello, and with more workers by adding -w4.
package examples
