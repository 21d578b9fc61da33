// Package commtest checks what package comm promises of any fabric. A fabric's own
// test joins members, and calls [Run]. For what crosses a network it has a [Relay],
// which is the network at its worst.
//
//	member.go  Member: a worker's end of a fabric, with the messages that the suite sends
//	credit.go  the promises about windows
//	run.go     Run: the promises, one test each
//	relay.go   Relay: delays, chunks of a byte, and what ends a connection
package commtest

import (
	"time"

	"github.com/timely-go/timely/internal/comm"
)

// Member is one worker's end of a fabric under test. Signal may be called from any
// goroutine, the rest is for one at a time.
type Member interface {
	OpenQueue(channel int) (Queue, []comm.Sender[int])
	OpenSum(channel int) (Sum, []comm.Sender[*Tally]) // made by NewTally, added by Tally.Add

	// Ready returns the channels whose inboxes became non-empty since the last Ready.
	Ready() []int
	// Park sleeps until there may be something to do, or a time has passed; a
	// negative limit is for ever.
	Park(limit time.Duration)
	// Signal wakes the worker, or keeps it from parking once.
	Signal()
}

// Queue is an inbox in which messages wait in order.
type Queue interface {
	Take(empty []int) []int
}

// Sum is an inbox in which messages are added up.
type Sum interface {
	Take(empty *Tally) *Tally
}

// Tally is a message that can be added to another. The suite sends tallies whose
// two halves are equal: so is every sum of whole messages.
type Tally struct {
	Left, Right int
	Messages    int
}

// NewTally returns a tally that says nothing.
func NewTally() *Tally { return &Tally{} }

// Add adds all that from says.
func (t *Tally) Add(from *Tally) {
	t.Left += from.Left
	t.Messages += from.Messages
	t.Right += from.Right
}
