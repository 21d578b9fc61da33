// Package timelytest runs dataflow programs in tests.
//
// A dataflow gives the same answer however many workers run it, wherever its
// operators are paused, and whatever the size of its buffers. So the test of a
// program is to run it in many ways and to compare, which [SameAnswer] does: it
// runs a program with each of several numbers of workers and under each of the
// [Settings], and compares what came out as multisets of records per time. The
// program says what its answer is by [Collect], at any stream of any worker:
//
//	func TestSquares(t *testing.T) {
//		answer := timelytest.SameAnswer(t, func(w *timely.Worker, out *timelytest.Collected[int]) error {
//			timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
//				timelytest.Collect(squares(share(s)), out)
//			})
//			return nil
//		}, timelytest.Workers(1, 2, 4))
//		if got := answer.String(); got != "0: 0 1 4 9" {
//			t.Error(got)
//		}
//	}
//
// Most settings are adversarial: operators are paused after every record, or at
// random; buffers hold one record, or three; and the memory of what an operator was
// lent is overwritten when its turn ends. A program that keeps what it was only
// lent, or that relies on how records are batched, gives a wrong answer under one
// of them, and the failure names it.
//
// [Run] runs a program once, [Setting.Run] under one setting, and [SameLines]
// compares what a whole command prints.
//
//	same.go       SameAnswer, and how answers are compared
//	collected.go  Collected and Collect: what came out of streams
//	run.go        Run, Setting and the settings there are
//	lines.go      SameLines: commands as processes
package timelytest
