package order_test

import (
	"fmt"

	"github.com/timely-go/timely/order"
)

// What is true of all times needs nothing but the constraint. This counts how
// often a path can be walked from the beginning before the time limit.
func ExampleTimestamp() {
	fmt.Println(walks[order.Epoch](5, 20))
	fmt.Println(walks(
		order.Loop[order.Epoch]{Inner: 1},
		order.Loop[order.Epoch]{Outer: 0, Inner: 9},
	))
	// Output:
	// 4
	// 9
}

func walks[T order.Timestamp[T]](path, limit T) (n int) {
	var t T
	for {
		next, ok := t.Plus(path)
		if !ok || !next.LessEqual(limit) {
			return n
		}
		t = next
		n++
	}
}

func ExampleEpoch() {
	t, u := order.Epoch(3), order.Epoch(5)
	sum, ok := t.Plus(u)
	fmt.Println(t.LessEqual(u), t.Join(u), t.Meet(u), t.Compare(u))
	fmt.Println(sum.String(), ok)
	// Output:
	// true 5 3 -1
	// 8 true
}

func ExampleEpoch_Plus_overflow() {
	_, ok := (^order.Epoch(0)).Plus(1)
	fmt.Println("arrives:", ok)
	// Output: arrives: false
}

func ExampleProduct() {
	type time = order.Product[order.Epoch, order.Epoch]
	t, u := time{Outer: 1, Inner: 5}, time{Outer: 3, Inner: 2}
	sum, _ := t.Plus(time{Inner: 1})

	fmt.Println(t.LessEqual(u), u.LessEqual(t))
	fmt.Println(t.Join(u), t.Meet(u), t.Compare(u))
	fmt.Println(sum.String())
	// Output:
	// false false
	// (3, 5) (1, 2) -1
	// (1, 6)
}

// Once round a loop takes a record to the next round.
func ExampleLoop() {
	t := order.Loop[order.Epoch]{Outer: 3}
	round := order.Loop[order.Epoch]{Inner: 1}
	for range 3 {
		t, _ = t.Plus(round)
		fmt.Println(t)
	}
	// Output:
	// (3, 1)
	// (3, 2)
	// (3, 3)
}

// All rounds of a phase come before the next phase.
func ExampleLexicographic() {
	type time = order.Lexicographic[order.Epoch, order.Epoch]
	t, u := time{First: 1, Second: 5}, time{First: 3, Second: 2}
	sum, _ := t.Plus(time{Second: 1})

	fmt.Println(t.LessEqual(u), u.LessEqual(t))
	fmt.Println(t.Join(u), t.Meet(u), t.Compare(u))
	fmt.Println(sum.String())
	// Output:
	// true false
	// (3; 2) (1; 5) -1
	// (1; 6)
}

// A frontier: round 2 of epoch 1 is still going on, and so is round 0 of epoch 3.
func ExampleAntichain() {
	type time = order.Loop[order.Epoch]
	var frontier order.Antichain[time]
	fmt.Println(frontier.Insert(time{Outer: 1, Inner: 2}))
	fmt.Println(frontier.Insert(time{Outer: 3, Inner: 0}))
	fmt.Println(frontier.Insert(time{Outer: 3, Inner: 1})) // follows what is there

	fmt.Println(frontier.String(), frontier.Len(), frontier.Empty())
	fmt.Println(frontier.LessEqual(time{Outer: 1, Inner: 2})) // may still appear
	fmt.Println(frontier.LessThan(time{Outer: 1, Inner: 2}))  // nothing before it may
	for t := range frontier.All() {
		fmt.Println(t)
	}
	// Output:
	// true
	// true
	// false
	// {(1, 2), (3, 0)} 2 false
	// true
	// false
	// (1, 2)
	// (3, 0)
}

func ExampleAntichainOf() {
	a := order.AntichainOf[order.Epoch](5, 3, 4)
	b := order.AntichainOf[order.Epoch](3)
	fmt.Println(a, a.Equal(b))
	// Output: {3} true
}

// A frontier may only move to one that it precedes.
func ExampleAntichain_Precedes() {
	before, after := order.AntichainOf[order.Epoch](3), order.AntichainOf[order.Epoch](5)
	var done order.Antichain[order.Epoch]
	fmt.Println(before.Precedes(after), after.Precedes(before), after.Precedes(done))
	// Output: true false true
}

// What is lent must be cloned to be kept.
func ExampleLend() {
	least := []order.Epoch{3}
	lent := order.Lend(least)
	kept := lent.Clone()
	least[0] = 4
	fmt.Println(lent, kept)
	// Output: {4} {3}
}

func ExampleRefinement() {
	type phase = order.Lexicographic[order.Epoch, order.Epoch]
	phases := order.Refinement[order.Epoch, phase]{
		Enter: func(t order.Epoch) phase { return phase{First: t} },
		Leave: func(t phase) order.Epoch { return t.First },
	}
	fmt.Println(phases.Enter(3), phases.Leave(phase{First: 3, Second: 7}))
	// Output: (3; 0) 3
}

func ExampleLoopRefinement() {
	rounds := order.LoopRefinement[order.Epoch]()
	t := rounds.Enter(3)
	t.Inner = 7
	fmt.Println(t, rounds.Leave(t))
	// Output: (3, 7) 3
}

func ExampleSame() {
	region := order.Same[order.Epoch]()
	fmt.Println(region.Enter(3), region.Leave(3))
	// Output: 3 3
}
