// Package schedule says which operators of a worker run, and stops one in the
// middle. It knows nothing of times or records.
//
// # Tasks and passes
//
// A [Task] is an operator as the scheduler sees it: a function that is one turn.
// A worker has one flat list of tasks over all its dataflows and scopes, in
// topological order, with a dense bitmap of those that are awake. A pass runs each
// awake task at most once, in order: a task that is woken by one before it in the
// list still runs in the same pass, one that is woken by itself or by one after it
// in the next. So a heavy operator cannot starve the others, and what was sent is
// consumed downstream while it is hot.
//
// # Pausing
//
// Tasks run on a coroutine, the [strand], not on the program's stack. A task can
// be paused anywhere inside its turn: the strand, with the frames of the loop and
// of the operator, becomes the task's continuation, and the driver goes on with the
// pass on another strand from a pool. When the task is resumed it finishes its turn
// on its own strand; the loop under it sees that it was displaced, does nothing
// more, and the strand goes back to the pool. The loop is the only frame of the
// engine under a paused operator.
//
// A task that is woken while it is paused, or in the rest of its turn, runs again
// after that turn, in the same pass if it comes to it; never beside itself.
//
// # Leaving
//
// What panics in a task is caught at the bottom of its strand, where the stack can
// still be read, and reported once; the loop then runs nothing more. A paused task
// that is not to go on is unwound: runtime.Goexit on its own stack runs the
// deferred functions of the operator (a sentinel panic could be swallowed by a
// recover). As iter.Pull hands Goexit on to whoever waits for the coroutine, that
// is a goroutine made for it. Deferred functions are part of the turn: one that
// pauses ends there, and one that panics is reported as above.
//
//	loop.go    Loop, Task, passes
//	strand.go  the coroutines; pausing, resuming, unwinding
package schedule
