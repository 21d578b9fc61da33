package order

// This file holds what joins the times of two scopes, one inside the other.

// Refinement is how an inner time extends an outer one. Enter gives the time
// inside of what comes from outside, Leave the time outside of what comes from
// inside.
//
// The laws, for outer times s and t, and inner times a, b and d:
//
//   - both are monotone: if s <= t then Enter(s) <= Enter(t), and if a <= b then
//     Leave(a) <= Leave(b);
//   - going in and out changes nothing: Leave(Enter(t)) == t;
//   - nothing inside is nothing outside: Leave(0) == 0;
//   - Leave keeps sums: where a + d is defined, Leave(a) + Leave(d) is defined
//     and equal to Leave(a + d).
//
// From these follows the summary of a path that enters, grows by d inside, and
// leaves: seen from outside a time grows by Leave(d) along it.
//
// Both functions are pure, and are called while a scope is built as well as while
// it runs. Package ordertest checks the laws.
type Refinement[O Timestamp[O], I Timestamp[I]] struct {
	Enter func(O) I
	Leave func(I) O
}

// LoopRefinement is the refinement of T by rounds: what enters a loop does so in
// round zero, and what leaves it forgets its round.
func LoopRefinement[T Timestamp[T]]() Refinement[T, Loop[T]] {
	return Refinement[T, Loop[T]]{
		Enter: func(t T) Loop[T] { return Loop[T]{Outer: t} },
		Leave: func(t Loop[T]) T { return t.Outer },
	}
}

// Same is the refinement of T by nothing: the time inside is the time outside.
func Same[T Timestamp[T]]() Refinement[T, T] {
	same := func(t T) T { return t }
	return Refinement[T, T]{Enter: same, Leave: same}
}
