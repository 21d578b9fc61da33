// Package cluster joins the workers of all processes of a cluster: those of one
// process by shared memory, as package local does it, and those of others by a mesh of
// connections, package tcp. It keeps the promises of package comm between any two
// workers, and is what a lone process uses, too: then there is no mesh, and nothing is
// added to what package local does.
//
// Workers are numbered through all processes. A channel has its inbox at each worker;
// what is sent to one of another process is made bytes by the sending worker, and
// messages again by the goroutine that reads from the process, which then sends them on
// as a worker of this process would. So a worker finds what other processes sent in the
// same inbox as all else, and the memory of a connection is free again at once: that
// is worth more than the copy that a view of it would save.
//
// What is added up while it waits (a sum) is added up for each other process, too, over
// all workers here: the connection pulls it when it can write. A peer that is slow, or
// has not opened the channel yet, gets fewer and larger sums.
//
// Bytes for a channel that nobody here has opened are kept until somebody does, and
// those for one that all have closed are dropped. Each process opens channels in the
// order of their numbers, so the two can be told apart. Notices (Tell) come
// before all that their process sends afterwards: they say what a dataflow is before
// any of its records arrive. Of notices of how something stands at the moment (Post) only
// the last that waits is written: however often that changes, they are few.
//
//	fabric.go  Fabric: who is where; frames to channels
//	queue.go   OpenQueue: ways to other processes, credit
//	sum.go     OpenSum: what is pulled
package cluster
