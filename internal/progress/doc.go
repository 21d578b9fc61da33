// Package progress is how time moves. It has no goroutines, clocks or I/O:
// counts of pointstamps go in, frontiers come out.
//
// # The idea
//
// A pointstamp is a time at a location of the dataflow graph. Two kinds of
// thing keep a time alive at a location: records that wait there, and
// capabilities, the right of an operator to send there. Everybody counts them:
// a worker that sends n records to a target adds n there, one that consumes
// them takes n away, and so for capabilities at sources. From the counts
// everywhere, and from the least that times grow along each edge (its path
// summary), follows what may still appear at each location: its frontier.
//
// Several workers run one dataflow. Each keeps a view of all counts. What a
// worker did in a pass is one message, to be added to every view as a whole.
// A view lags behind, but it never says that something cannot arrive that can:
// increments are told together with the consumption or the capability that
// justifies them (Naiad's protocol: Abadi, McSherry, Murray and Rodeheffer,
// "Formal Analysis of a Distributed Algorithm for Tracking Progress", FORTE
// 2013; with capabilities as counted pointstamps: Brun, Decova, Lattuada and
// Traytel, "Verified Progress Tracking for Timely Dataflow", ITP 2021).
//
// # Scopes
//
// A scope has times of its own. Each scope of a dataflow is a [Tracker], and a
// [Link] stands between a scope and its parent: the only type that knows two
// times. Scopes are not parties to the protocol. A message says what was done
// in all of them; it is applied whole, then trackers run from the inside out
// (from counts to what a scope still holds at its outputs) and from the outside
// in (from the frontiers at its inputs to those inside). One sweep each way is
// enough, because what leaves a scope is told to its parent as counts, and what
// enters it is not counted at all: records are counted where they wait, and
// they wait behind the boundary or in front of it.
//
// # How a frontier is computed
//
// A tracker's locations are cut into strongly connected components, once. Between
// components, changes of frontiers travel in topological order, so that each
// location is visited once a settlement, with all its changes at hand.
//
// Within a component that is small, as most loops are, each location knows the
// least summaries of the paths to it from all members, as in Naiad (section 2.3 of
// "Naiad: A Timely Dataflow System", SOSP 2013), which keeps them for all pairs of
// locations. A change is added to all members at once, so each of them is visited
// once here, too. Within a larger one, where that would cost the square of its
// members, changes travel in the order of time, as in Rust's timely dataflow:
// there, a retraction must overtake the times that it has caused, or it would
// chase them round the loop for ever. (If what is counted goes all the way round a
// cycle of 2 to 8 locations in one settlement, it takes 0.3 to 0.5 of what it takes in
// the order of time; if each step is a settlement of its own, as much or, with 8
// locations, up to 1.7 times as much.)
//
// # Files
//
//	index.go       values by time, where a search passes over what a frontier covers
//	counts.go      counted times and the frontier they imply
//	changes.go     pointstamps with changes of their counts, added up lazily
//	graph.go       locations, edges, components, summaries: what is known once built
//	tracker.go     from counts everywhere, the frontier at each location
//	paths.go       the same within a small cycle, by its paths
//	cycle.go       and within a larger one, in the order of time
//	link.go        a scope inside another
//	heap.go        the work lists
//	truth.go       what all workers did together, to check the invariants in simulations
//	level.go       a scope whatever its time; messages over all scopes
//	wire.go        messages as bytes, for other processes
package progress
