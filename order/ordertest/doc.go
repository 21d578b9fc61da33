// Package ordertest checks that a time keeps the laws of [order.Timestamp], and a
// refinement those of [order.Refinement], on many random times.
//
// Whoever makes a time of their own writes one test, which says how to draw one
// at random:
//
//	func TestVersionIsATime(t *testing.T) {
//		ordertest.Laws(t, func(r *rand.Rand) Version {
//			return Version{Major: r.Uint32N(4), Minor: r.Uint32N(4)}
//		})
//	}
//
// Draw mostly few and small times, so that equal and comparable ones come up
// often; and some close to where sums overflow, or the laws of overflow go
// untested. The suite mixes in the zero value, repetitions, joins and meets by
// itself. For a time whose Plus panics, as that of [order.Lexicographic] may,
// draw times of which any three can be added.
//
// A law that is broken is reported with the first times found to break it, and
// with the seed. Set ORDERTEST_SEED to that number to draw the same times again.
//
// # Files
//
//	timestamp.go   Laws: the laws of a time
//	refinement.go  Refines: the laws of a refinement
//	suite.go       drawing cases, trying laws, reporting
package ordertest
