// Package model is a model of the protocol by which workers tell each other how
// far time has moved. It holds tests only: random workers on random dataflows, in
// which everything that the protocol promises is looked at after every step.
//
// # What is modelled
//
// A dataflow is a graph of places. Think of an operator: records wait there, and
// capabilities to send are held there. Places lie in nested scopes, whose times
// have a coordinate more at each level; an edge may cross the boundaries of any
// number of scopes, and costs nothing where it does. A time at a place is a
// pointstamp. One pointstamp could result in another if some path leads from its
// place to the other's, and the time, changed by the path, is at or before the
// other's. Every cycle advances time, so this is a partial order.
//
// Each worker
//
//   - owns capabilities, and the record that it is just handling;
//   - sends records to any worker, in sessions: a session owns a capability, and
//     what is buffered in it is counted when it is flushed;
//   - notes what it mints, sends, consumes and drops as changes of the counts of
//     pointstamps, which nobody else knows yet;
//   - publishes these changes as one message for all scopes, at the end of a turn
//     or at a pause in the middle of it, and applies them to its own view at once;
//   - has a view: its counts, from its own changes and from the messages that it
//     has received. From these it concludes what may still appear where.
//
// Records travel in no order at all. Progress from one worker to another arrives
// in order, and nothing else is certain about it: messages wait as long as an
// adversary likes, are added up while they wait, over several senders, and travel
// between processes as combined messages. Only whole messages are added up.
//
// The truth is what all workers own and what is on its way to them. Nobody knows
// it but the tests. In the terms of Brun, Decova, Lattuada and Traytel ("Verified
// Progress Tracking for Timely Dataflow", ITP 2021): c_caps is caps, c_data is
// data, c_temp is temp, c_msg is pending (the queue of a worker to itself is read
// at once), c_glob is view.
//
// # The rules
//
//	R1  what is dropped is owned; what a view says gives no right to anything
//	R2  a capability is minted at or after an owned one, a record strictly after
//	R3  a record is counted by its sender, with what gives the right to send it
//	R4  all changes are published, or a part such that the rest is justified
//	R5  messages from one worker to another arrive in order
//	R6  no message is lost or comes twice
//	R7  every cycle advances time
//
// # What is looked at after every step
//
//	I1  whatever is alive, each view has a positive count of what could result in it
//	I2  wherever that may lead, the view's frontiers allow for it
//	I3  what could not appear any more never can again: in a view, and in truth
//	I4  what a message speaks of could result from something in the receiver's view
//	I5  a view and what is on its way to it add up to the truth
//	I6  nobody owns less than nothing; the least counts of a view are positive
//	I7  what a worker has still to tell each other is justified by what it owns
//	    or gives up
//	I9  frontiers passed on edge by edge are those that all paths together imply
//
// At the end everything is dropped and told, and then (I10) all frontiers are empty.
//
// What could result in what is found by brute force, from each pointstamp along
// all paths. This is possible because there are at most 126 pointstamps: times
// have few values, and what would go beyond is lost. So a set of pointstamps is
// two words, and tens of thousands of schedules can be played a second.
//
// # Mutants
//
// A mutant is the protocol with one rule broken, where the rule is followed. All
// of them must be killed: some schedule breaks an invariant. The table that the
// test prints also says how long it takes until somebody believes a frontier that
// is wrong, if nothing but that is looked at.
//
// # Running it
//
//	go test -v ./internal/progress/model                      for a second
//	go test -v ./internal/progress/model -schedules 1000000   so many schedules
//	go test -v ./internal/progress/model -seed 17             one of them
//
// A failure names its seed, and shows what happened last.
//
// # Files
//
//	points_test.go       pointstamps and sets of them
//	topology_test.go     graphs, what could result in what
//	world_test.go        what is true and what each worker believes
//	turns_test.go        what workers do
//	messages_test.go     how they tell each other
//	invariants_test.go   what is looked at
//	schedule_test.go     who does what when
//	mutants_test.go      the mutants
//	model_test.go        the protocol keeps all invariants
//	selftest_test.go     the model itself
package model
