package model

import (
	"fmt"
	"testing"
)

// This file holds the mutants: the protocol with one rule broken. If no schedule
// kills one, the invariants or the schedules are too weak.

// mutant is a way to break the protocol.
type mutant int

const (
	intact mutant = iota
	notInOrder
	negativesFirst
	anyPart
	countAtReceive
	mintFromView
	duplicate
	lose
	zeroCycle
	channelPerScope
	innerThenOuter
	unflushedPause
	ownTwice
	mutants
)

var mutantNames = [mutants]string{
	intact:          "the protocol",
	notInOrder:      "R5 messages not in order",
	negativesFirst:  "R3 negatives leave first",
	anyPart:         "R4 any part is published",
	countAtReceive:  "R3 counted at receive",
	mintFromView:    "R1 minted from the view",
	duplicate:       "R6 a message twice (5 %)",
	lose:            "R6 a message lost (5 %)",
	zeroCycle:       "R7 zero-weight cycle",
	channelPerScope: "one channel per scope",
	innerThenOuter:  "inner and outer as two messages",
	unflushedPause:  "pause gives up an open session",
	ownTwice:        "own changes applied twice",
}

// enough is the number of schedules within which a mutant must be killed.
func (m mutant) enough() int {
	if m == zeroCycle {
		return 100_000
	}
	return 10_000
}

// kill returns how many schedules it takes to kill a mutant, and what kills it.
func (m mutant) kill(w *world, checked invariants) (schedules int, by invariant) {
	for n := 1; n <= m.enough(); n++ {
		if by := w.play(uint64(n), m, checked); by != 0 {
			return n, by
		}
	}
	return 0, 0
}

func TestMutantsAreKilled(t *testing.T) {
	w := &world{}
	killed := 0
	fmt.Printf("%-32s %-10s %-16s %s\n", "mutant", "killed at", "by", "wrong frontier at")
	for m := intact + 1; m < mutants; m++ {
		n, by := m.kill(w, allInvariants)
		harmed, _ := m.kill(w, harm)
		if by == 0 {
			t.Errorf("not killed within %d schedules: %s", m.enough(), mutantNames[m])
			continue
		}
		killed++
		wrong := "never"
		if harmed > 0 {
			wrong = fmt.Sprint(harmed)
		}
		fmt.Printf("%-32s %-10d %-16s %s\n", mutantNames[m], n, invariantNames[by], wrong)
	}
	fmt.Printf("count: %d of %d protocol mutants killed\n", killed, mutants-1)
}
