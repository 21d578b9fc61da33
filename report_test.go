package timely_test

import (
	"context"
	"regexp"
	"testing"

	"github.com/timely-go/timely"
)

func TestReportSaysWhatWaitsWhereAndWhoIsPausedForIt(t *testing.T) {
	report := ""
	err := timely.Execute(context.Background(), timely.Config{EdgeBudget: 10_000}, func(w *timely.Worker) error {
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			numbers := timely.ToStream(s, func(yield func(int) bool) {
				for i := 0; i < 100_000 && yield(i); i++ {
				}
			})
			taken := 0
			timely.Sink(numbers, timely.Pipeline, "Slow", func(in *timely.InPort[timely.Epoch, int]) {
				if taken++; taken < 5 {
					return // it declines
				}
				if report == "" {
					report = w.Report()
				}
				for range in.Batches() {
				}
			})
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`Slow@report_test\.go:\d+: [\d.]+ KiB in \d+ batch(es)? wait at its input 0, of a budget of 9\.8 KiB, and it does not take them`,
		`ToStream@report_test\.go:\d+ is paused since .*s \(.*s in all\): it waits for room at input 0 of Slow@report_test\.go:\d+`,
		`worker 0: [\d.]+ KiB wait at its inputs, [\d.]+ KiB at most so far; operators were paused \d+ times?, \d+ budgets? raised`,
	} {
		if !regexp.MustCompile(want).MatchString(report) {
			t.Errorf("not said: %s\n%s", want, report)
		}
	}
}

func TestReportSaysWhatWaitsAtAnInputAndThatSendWaitsForIt(t *testing.T) {
	report := ""
	err := timely.Execute(context.Background(), timely.Config{EdgeBudget: 100_000}, func(w *timely.Worker) error {
		input := timely.NewInput[timely.Epoch, int]()
		timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
			turns := 0
			timely.Sink(input.Stream(s), timely.Pipeline, "Slow", func(in *timely.InPort[timely.Epoch, int]) {
				if turns++; turns == 5 {
					report = w.Report()
				}
				if turns > 5 { // before, it declines, and its budget is raised
					for range in.Batches() {
					}
				}
			})
		})
		for i := range 100_000 {
			input.Send(i)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `Input@report_test\.go:\d+: [\d.]+ KiB wait to enter, of a budget of 97\.7 KiB, and the program waits in Send until half of it is free`
	if !regexp.MustCompile(want).MatchString(report) {
		t.Errorf("not said: %s\n%s", want, report)
	}
}
