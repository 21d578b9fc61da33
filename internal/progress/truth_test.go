package progress

import (
	"strings"
	"testing"

	"github.com/timely-go/timely/order"
)

// audits is a worker's view of a place from which an edge leads to another, one
// later. At first something is held at 0, where it begins.
type audits struct {
	*Tracker[order.Epoch]
	levels []Level
	truth  *Truth
	view   *View
}

func newAudits(t *testing.T) *audits {
	t.Helper()
	k := NewTracker[order.Epoch](func() {})
	from, to := k.AddPort(), k.AddPort()
	k.Connect(from, to, 1)
	k.Assume(from, 0, 1)
	if err := k.Seal(); err != nil {
		t.Fatal(err)
	}
	a := &audits{Tracker: k, levels: []Level{Root[order.Epoch]{k}}}
	a.truth, a.view = NewTruth(a.levels), NewView(a.levels)
	Settle(a.levels)
	a.must(t, a.view.Settled())
	a.must(t, a.view.Covers(a.truth, a.truth.Now(nil)))
	return a
}

func (a *audits) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (a *audits) said(at Location, e order.Epoch, d int64) *Message {
	m := NewMessage(a.levels)
	m.Parts[0].(*Changes[order.Epoch]).Update(at, e, d)
	return m
}

// takes has the worker take something in, whether or not it is known.
func (a *audits) takes(m *Message) {
	a.Accept(m.Parts[0])
	Settle(a.levels)
}

func TestAuditNamesTheInvariantThatIsBroken(t *testing.T) {
	for _, test := range []struct {
		what string
		do   func(a *audits) error
		want string // "": nothing is wrong
	}{
		{"a record is sent and the capability is dropped, which the worker hears in this order", func(a *audits) error {
			for _, m := range []*Message{a.said(1, 1, +1), a.said(0, 0, -1)} {
				if err := a.truth.Add(m); err != nil {
					return err
				}
				if err := a.view.Covers(a.truth, a.truth.Now(nil)); err != nil {
					return err
				}
				if err := a.view.Hear(m); err != nil {
					return err
				}
				a.takes(m)
				if err := a.view.Settled(); err != nil {
					return err
				}
			}
			return a.view.Covers(a.truth, a.truth.Now(nil))
		}, ""},
		{"the worker forgets what is held", func(a *audits) error {
			a.takes(a.said(0, 0, -1))
			return a.view.Covers(a.truth, a.truth.Now(nil))
		}, "I1"},
		{"the worker does not see where that leads", func(a *audits) error {
			a.ports[1].implied.Update(1, -1, nil)
			return a.view.Covers(a.truth, a.truth.Now(nil))
		}, "I2"},
		{"what was dropped comes back", func(a *audits) error {
			gone, back := a.said(0, 0, -1), a.said(0, 0, +1)
			for _, m := range []*Message{gone, back} {
				a.view.Did(m)
				a.takes(m)
				if err := a.view.Settled(); err != nil {
					return err
				}
			}
			return nil
		}, "I3"},
		{"a message comes out of nothing", func(a *audits) error { return a.view.Hear(a.said(1, 0, +1)) }, "I4"},
		{"a worker does what nobody could", func(a *audits) error { return a.truth.Add(a.said(1, 0, +1)) }, "I4"},
		{"a change is taken in twice", func(a *audits) error {
			m := a.said(1, 1, +1)
			a.view.Did(m)
			a.takes(m)
			a.takes(m)
			return a.view.Settled()
		}, "I5"},
		{"a change is taken in that nobody told", func(a *audits) error {
			a.takes(a.said(1, 1, +1))
			return a.view.Settled()
		}, "I5"},
		{"a worker consumes what could never arrive", func(a *audits) error {
			m := a.said(1, 0, -1)
			a.view.Did(m)
			a.takes(m)
			return a.view.Settled()
		}, "I6"},
		{"more is dropped than is there, in truth", func(a *audits) error {
			return a.view.Covers(a.truth, a.truth.Now([]*Message{a.said(0, 0, -2)}))
		}, "I6"},
	} {
		err := test.do(newAudits(t))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), "("+test.want+")")) {
			t.Errorf("%s: %v, want %s", test.what, err, test.want)
		}
	}
}
