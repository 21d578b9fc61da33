//go:build race

package examples_test

// raceEnabled says that the tests run under the race detector: the examples do, too.
const raceEnabled = true
