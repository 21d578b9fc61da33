// Package mutants tests the engine's tests. A mutant is the production code with one
// edit that makes it wrong: a count that is left out, a wake-up that is swallowed, an
// order that is reversed. Some test must fail then. If none does, a mistake like that
// could be made tomorrow, and nobody would see it.
//
// There is no switch in production code. A mutant is a text that a file has exactly
// once, and the text that replaces it; the tests are built and run with
// go test -overlay, so the working tree stays as it is. A mutant counts as killed if
// a test fails or panics. One that does not compile is a mistake in the table, and so
// is one whose tests do not end in time, unless it says that it may show like that.
//
// # Running them
//
//	go test ./internal/mutants                                  all texts are looked for, three quick mutants run
//	go test -v ./internal/mutants -only 'twice|beside itself'   those with such names
//	go test ./internal/mutants -seed 17                         again in the order of that seed
//	go test -timeout 1h ./internal/mutants -all -results        all; writes RESULTS.md
//
// With TIMELY_SUITE_SECONDS set as many run as fit into three times that, at least
// six. With -all the suites are run first without a mutant, and must pass. With -v
// each mutant is printed with the test that killed it, and the seconds that took.
//
// # When a line is gone
//
// Who edits a line that a mutant looks for is told so by a test. Make the same mistake
// in the new text: the mutant's name says which. If it cannot be made any more, take
// the mutant out. Then run all with -results.
//
// # Adding one
//
// Make the mistake by hand, and find the quickest tests that notice: the simulation
// (package sim) most often does, within a second. Name the mutant by what the engine
// does then. The old text must be there once: take a line more if needed. The new text
// must use what the old one used, or the compiler objects. If all tests pass, think
// about what the program would be that gives a wrong answer, or never ends, and make
// it a test; if there is none, the code is not needed or the mutant is none.
//
// # Files
//
//	runner_test.go      applying a mutant; what became of it
//	mutants_test.go     which of them run; the results
//	counting_test.go    mutants: records are counted, and what was done is told
//	capability_test.go  mutants: capabilities, sessions and inputs hold their times
//	waking_test.go      mutants: whoever has something to do is woken
//	pausing_test.go     mutants: operators are paused and go on
//	flow_test.go        mutants: operators are paused by what is full, and not for ever
//	cluster_test.go  what joins processes
//	progress_test.go    mutants: counts become frontiers
//	batch_test.go       mutants: batches keep their time, and belong to who refers to them
//	read_test.go        what go test prints is understood
//	RESULTS.md          what became of all of them
package mutants
