//go:build race

package batch

// raceEnabled says that the race detector watches: returned buffers are poisoned.
const raceEnabled = true
