// Package timely runs dataflows: programs of operators and the streams between
// them, on one goroutine or on many, where every operator always knows what may
// still arrive.
//
// # The ladder
//
// A [Worker] is one goroutine. A program is a function that every worker runs. It
// builds a [Dataflow]: inside it, a [Scope] in which functions such as [Map],
// [Exchange] and [Unary] make a [Stream] of another. A stream carries batches of
// records, each with a [Timestamp]; an operator that holds a [Capability] may send
// at its time and later. From all records and capabilities everywhere follows the
// frontier at each place, the least times that may still appear there, and an
// operator that waits for a time to be complete uses it, mostly through a
// [Notificator]. The program feeds an [Input], calls [Worker.Step], and watches a
// [Probe]:
//
//	input := timely.NewInput[timely.Epoch, int]()
//	probe := timely.NewProbe[timely.Epoch]()
//	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
//		owned := timely.Exchange(input.Stream(s), func(n int) uint64 { return uint64(n) })
//		timely.ProbeWith(timely.Inspect(owned, show), probe)
//	})
//	input.Send(7)
//	input.AdvanceTo(1)
//	for probe.LessThan(1) {
//		w.Step()
//	}
//
// Loops are part of it: [Iterate], or [Feedback] for those who want the wires in
// their hands. Records in a loop have a time with a round, so an operator in the
// loop can tell when a round is complete.
//
// Functions build, methods ask: whatever adds an operator is a function that takes
// streams and returns streams, so an operator of your own looks like a built-in.
//
// # Guarantees
//
//   - A frontier never passes a record: while a record at a time is anywhere, no
//     frontier that it can still reach has left that time, at any worker.
//   - Between two operators, batches of one worker arrive in the order in which it
//     sent them; what comes round a loop may overtake what is of another time.
//   - A batch may be used by any number of operators and is not copied for them.
//   - A failure anywhere ends the execution, with one error that says where. It is
//     never mistaken for completion: what the failing worker held stays held.
//   - What waits at an operator's input, or at an [Input], is bounded by a budget
//     (Config.EdgeBudget), whatever operators produce: who sends more is paused
//     inside Send, and goes on when there is room. No program hangs for want of room.
//   - Steady state allocates nothing per batch.
//
// # Duties
//
//   - Every worker builds the same dataflows in the same order.
//   - What an operator is lent (records, capabilities, frontiers) is good for that
//     turn of its loop: copy, Retain or Clone it to keep it. What a record points
//     to does not change once it is sent.
//   - An operator, and the program's closures, belong to one worker's goroutine;
//     what they share with others needs locks. Other operators of the worker run
//     while one is paused in Send, and in Input.Send when it is full, as in Step:
//     hold no lock across these, do not call them from C, and do not lock the
//     goroutine to its thread. [Builder.Atomic] makes turns that are never paused.
//   - Operators that keep something for each open time bound how many there are:
//     [Throttle] and [Input.Coarsen] do it for them.
//   - A retained capability that is never dropped holds its time for ever. Report
//     says who holds what.
//
// # How it works
//
// Map, Filter and their like are stages: they run inside their producer's push, a
// batch at a time, and cost no queue, scheduling or progress. Operators with a
// queue are nodes. Each worker has one list of nodes over all its dataflows, and a
// pass runs those that are awake, once each, in topological order, on a coroutine:
// so an operator can be paused in the middle of a Send, wherever its code stands,
// to let others run. Between passes the worker tells its peers what it did, as one
// message per dataflow, and turns counts into frontiers.
//
// An Exchange, unlike other operators with a queue, cannot hold capabilities. Its
// input is therefore also where its stream comes from in the progress graph: one
// location, not two, to settle in each epoch.
//
// docs/design.md explains this at length, docs/glossary.md each word.
//
// # File map
//
// The engine:
//
//	doc.go           this
//	main.go          Main: a program as a command
//	execute.go       Execute: a program anywhere else
//	config.go        Config and its flags
//	network.go       Network, and how a process joins the others
//	failure.go       Failure: what Execute returns
//	worker.go        Worker, Waker
//	scope.go         Dataflow, Region, Nested, Enter, Leave
//	stream.go        Stream: where it comes from, and the tee to its receivers
//	stage.go         stages and the lines that they form
//	edge.go          queues where batches wait, also for a relay
//	pact.go          Pact and Routes: which worker a record belongs to
//	wire.go          how batches cross processes
//	loop.go          Feedback, LoopVariable, Iterate
//	input.go         Input
//	probe.go         Probe
//	operator.go      Unary, Binary, Sink
//	builder.go       Builder: operators of any shape
//	port.go          InPort, OutPort, Session
//	capability.go    Capability
//	notificator.go   Notificator
//
// Operators:
//
//	source.go        Source, ToStream
//	map.go           Map, MapBatch, MapInPlace
//	flatmap.go       FlatMap
//	filter.go        Filter
//	inspect.go       Inspect, InspectTime, InspectBatch
//	concat.go        Concat
//	throttle.go      Throttle
//	split.go         Split
//	partition.go     Partition
//	exchange.go      Exchange, Route
//	broadcast.go     Broadcast
//	delay.go         Delay
//	aggregate.go     Aggregate, Count, Accumulate
//	distinct.go      Distinct
//	hash.go          HashString, HashBytes, HashUint64
package timely
