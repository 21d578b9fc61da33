// Package comm is how messages cross workers. It knows nothing of time: a message
// is whatever its channel's type says.
//
// Workers are joined by a fabric. They open numbered channels in it, every worker
// the same ones with the same numbers. A channel has an inbox at each worker and
// a [Sender] to each. There are two kinds of inbox. In a queue messages wait in
// order. In a sum they are added up while they wait, so that what a worker has not
// looked at for an hour is still one message; the channel is opened with the
// function that adds.
//
// What any fabric promises:
//
//   - A Send never blocks and never loses a message.
//   - Queued messages of one sender are taken in the order in which they were sent.
//     Nothing is said about the order of messages of different senders, or in
//     different channels.
//   - A worker hears of a channel (Ready) after a message came into its empty inbox.
//     A message sent before the receiver opened the channel is there when it does.
//   - A channel of queues may have windows (Window, Credits). Credit, and that somebody
//     waits for it, arrive in any order with respect to messages; who is told that
//     credit has come looks whether it is enough, and asks again if not.
//   - A parked worker wakes when it hears of something. What was sent before it
//     parked keeps it from parking.
//
// The folder local joins workers of one process; commtest checks these promises of
// any fabric.
package comm

// Sender is the way to one worker's inbox of one channel. The receiver may see
// the message from another goroutine as soon as Send is called.
type Sender[M any] interface {
	Send(m M)
}
