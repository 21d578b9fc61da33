// Package order is what time is. It is pure mathematics: no clocks, no
// goroutines, no I/O.
//
// # A time is a label
//
// Every record in a dataflow carries a time. It is no reading of a clock: it
// says to which piece of work the record belongs, as in "the third batch of
// input", or "the third batch of input, fifth round of the loop". Records with
// different times may be handled in any order, by any worker, and still never
// be mixed up.
//
// What a computation needs to know about times is which may still follow which.
// If work at time s can lead to work at time t, then s <= t, and t is
// complete only when nothing at or before it is left. Two times need not be
// related at all: round 5 of batch 1 and round 2 of batch 3 do not wait for one
// another. So times are partially ordered, and t.LessEqual(u) and
// u.LessEqual(t) may both be false.
//
//	(1, 5)   (3, 5)        (1, 2) <= (1, 5) <= (3, 5)
//	                       (1, 2) <= (3, 2) <= (3, 5)
//	(1, 2)   (3, 2)        (1, 5) and (3, 2) are incomparable
//
// Two times always have a least time above both, their Join, and a greatest
// time below both, their Meet: above, (3, 5) and (1, 2). There is a least time,
// the zero value, at which everything starts. All of this is [Timestamp].
//
// # Frontiers
//
// The times that may still appear at some place can be many, but their least
// ones tell everything: t may still appear only if one of the least is at or
// before t. Least times are mutually incomparable, for of two comparable ones
// the greater is not least. Such a set is an [Antichain], and one that says what
// may still appear is a frontier. As work completes a frontier only rises; the
// empty one means that nothing more will come.
//
// # Paths
//
// A record that walks a path through the graph, say once round a loop, comes out
// at a later time. The least its time grows by is the path's summary. It is a
// time too, added by Plus: the summary of a loop's way back is "no batch
// later, one round later", (0, 1). A sum too great to be written down never
// arrives, and nothing has to wait for it.
//
// # Scopes within scopes
//
// Inside a loop time has a coordinate more than outside: the round. A
// [Refinement] says how an inner time extends an outer one, what time a record
// gets as it enters, and what time it has again as it leaves.
//
// # Times of your own
//
// Any comparable type with the methods of [Timestamp] is a time, if it keeps the
// laws stated there. The sister package ordertest checks them.
//
// # Files
//
//	timestamp.go      Timestamp: the methods and laws of a time
//	epoch.go          Epoch: a counter
//	product.go        Product, Loop: two coordinates, each counting for itself
//	lexicographic.go  Lexicographic: two coordinates, the first deciding
//	antichain.go      Antichain: least times, and so frontiers
//	refinement.go     Refinement: how an inner scope's time extends an outer one's
//	ordertest         the laws as a test suite
package order
