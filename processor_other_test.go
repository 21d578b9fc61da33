//go:build !unix

package timely_test

import "time"

var testsBegan = time.Now()

// processorTime returns how long this process has been there: how much of that it had
// processors is not known here.
func processorTime() time.Duration { return time.Since(testsBegan) }
