//go:build !race

package sim

// raceEnabled says that the tests run under the race detector.
const raceEnabled = false
