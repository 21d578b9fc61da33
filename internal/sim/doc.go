// Package sim runs programs on the production engine in a world of its own: one
// worker at a time, with a clock that stands still unless it is moved, and links
// between workers that deliver when they are told to. What happens next is chosen
// by a seeded adversary, so a run can be repeated exactly.
//
// A worker can be held up wherever it takes in what has arrived, and wherever it
// parks. Between such points it runs alone. Every message between two workers, of
// data or of progress, waits in the link from the one to the other; links may be
// read in any order, but one channel of one link is first in, first out.
//
// Programs are generated, too, and evaluated naively on one goroutine. An operator
// that waits for a time to be complete checks that nothing of that time comes
// later; the sink checks that what it has when a time is complete is what the naive
// evaluation says. After each settlement of any worker the engine itself is looked
// at: the frontiers of every worker cover all records and capabilities that there
// are, anywhere, and the other invariants of the protocol hold (see the engine's
// audit.go). It is counted how often what a simulation is for has happened, pauses
// inside fused stages for instance; a suite in which something never did fails. In another
// suite a sink panics, and the workers must not tell each other anything after that.
//
//	world.go    World: workers, links and clock; one step at a time
//	policy.go   the adversaries that choose the next step
//	program.go  random programs, built on the engine
//	naive.go    their naive evaluation
//	run.go      one seed: generate, simulate, compare
//	shrink.go   a smaller case that fails, too
//
// Flow control has graphs of its own, whose operators make many records of one, take
// what waits only when they like, or have it go round until a token comes. What
// arrives must be the same whatever the budget of an edge; and all of them must end.
//
//	flow.go       random graphs, and their naive evaluation
//	flowbuild.go  the same, built on the engine
//	flowcase.go   one seed: a graph, budgets, and who is slow
//	flowrun.go    simulate it, compare
//	flowshrink.go a smaller case that fails in the same way
package sim
