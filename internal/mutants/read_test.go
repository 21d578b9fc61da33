package mutants

import (
	"strings"
	"testing"
)

func TestReadFindsOutHowASuiteEnded(t *testing.T) {
	const pkg = `"Package":"github.com/timely-go/timely/order"`
	tests := []struct {
		name, lines string
		end         ending
		by          string
	}{
		{"passed", `{"Action":"pass",` + pkg + `,"Test":"TestA"}
			{"Action":"pass",` + pkg + `}`, passed, ""},
		{"a test failed", `{"Action":"pass",` + pkg + `,"Test":"TestA"}
			{"Action":"fail",` + pkg + `,"Test":"TestB/some"}
			{"Action":"fail",` + pkg + `,"Test":"TestB"}
			{"Action":"fail",` + pkg + `}`, failed, "order TestB"},
		{"the binary failed", `{"Action":"output",` + pkg + `,"Output":"fatal error: out of luck\n"}
			{"Action":"fail",` + pkg + `}`, failed, "order"},
		{"a test did not end", `{"Action":"run",` + pkg + `,"Test":"TestA"}
			{"Action":"output",` + pkg + `,"Output":"panic: test timed out after 1m0s\n"}
			{"Action":"fail",` + pkg + `,"Test":"TestA"}
			{"Action":"fail",` + pkg + `}`, hung, "order TestA, which does not end"},
		{"does not compile", `{"ImportPath":"github.com/timely-go/timely/order","Action":"build-output","Output":"undefined: x\n"}
			{"ImportPath":"github.com/timely-go/timely/order","Action":"build-fail"}
			{"Action":"fail",` + pkg + `,"FailedBuild":"github.com/timely-go/timely/order"}`, broken, ""},
	}
	for _, test := range tests {
		o, err := read(strings.NewReader(test.lines))
		if err != nil || o.end != test.end || o.by != test.by {
			t.Errorf("%s: ending %d by %q, error %v, want %d by %q", test.name, o.end, o.by, err, test.end, test.by)
		}
	}
	if _, err := read(strings.NewReader("FAIL")); err == nil {
		t.Error("what is not JSON is read")
	}
}

func TestOnlyFailureKills(t *testing.T) {
	for end, want := range map[ending]string{passed: "has survived", failed: "", hung: "had not ended", broken: "does not compile"} {
		m := mutant{name: "a mutant"}
		err := m.killed(outcome{end: end})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("ending %d: %v, want %q", end, err, want)
		}
		m.hangs = true
		if err := m.killed(outcome{end: end}); end == hung && err != nil {
			t.Errorf("the mutant may hang: %v", err)
		}
	}
}
