package local_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/comm"
	"github.com/timely-go/timely/internal/comm/commtest"
	"github.com/timely-go/timely/internal/comm/local"
	"github.com/timely-go/timely/internal/host"
)

// member lets the suite use a fabric of this package.
type member struct {
	*local.End
	fabric *local.Fabric
	index  int
}

func (m member) OpenQueue(channel int) (commtest.Queue, []comm.Sender[int]) {
	return local.OpenQueue[int](m.fabric, m.index, channel)
}

func (m member) OpenSum(channel int) (commtest.Sum, []comm.Sender[*commtest.Tally]) {
	return local.OpenSum(m.fabric, m.index, channel, commtest.NewTally, (*commtest.Tally).Add)
}

func (m member) OpenWithCredit(channel int, bytes int64) (commtest.Queue, []comm.Sender[int], comm.Credits, []*comm.Window) {
	in, to := local.OpenQueue[int](m.fabric, m.index, channel)
	credits, windows := local.OpenCredits(m.fabric, m.index, channel, bytes)
	return in, to, credits, windows
}

func (m member) Park(limit time.Duration) { m.End.Park(limit, false) }

func TestFabric(t *testing.T) {
	for _, spin := range []bool{false, true} {
		t.Run(fmt.Sprint("spin ", spin), func(t *testing.T) {
			commtest.Run(t, func(_ *testing.T, peers int) (members []commtest.Member) {
				h := host.Real()
				h.Spin = spin
				f := local.NewFabric(peers, h)
				if f.Peers() != peers {
					t.Fatal("Peers: ", f.Peers())
				}
				for i := range peers {
					members = append(members, member{f.End(i), f, i})
				}
				return members
			})
		})
	}
}
