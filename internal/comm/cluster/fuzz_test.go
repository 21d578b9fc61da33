package cluster_test

import (
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/timely-go/timely/internal/comm/cluster"
	"github.com/timely-go/timely/internal/comm/local"
	"github.com/timely-go/timely/internal/comm/tcp"
)

// FuzzArrivals has a process send anything for a queue, a sum, a queue whose decoding
// panics, and channels that are not open. A letter is its kind, its channel, its length
// and its bytes. What is right arrives, in its order; what is wrong is a failure that
// names the process; and nothing else happens.
func FuzzArrivals(f *testing.F) {
	letter := func(kind tcp.Kind, channel byte, body []byte) []byte {
		return append([]byte{byte(kind), channel, byte(len(body))}, body...)
	}
	number := binary.LittleEndian.AppendUint64(nil, 7)
	f.Add(slices.Concat(letter(tcp.Data, 0, number), letter(tcp.Data, 0, number[:7]), letter(tcp.Data, 0, number)))
	f.Add(letter(tcp.Credit, 0, number))
	f.Add(letter(tcp.Ask, 0, nil))
	f.Add(letter(tcp.Ask, 1, nil))
	f.Add(letter(tcp.Data, 2, number))
	f.Add(letter(tcp.Data, 9, number))
	f.Add(letter(tcp.Progress, 0, slices.Concat(sums(1, 24, make([]byte, 24)), sums(9, 3, make([]byte, 3)), sums(1<<32-1, 5, make([]byte, 5)))))
	f.Add(letter(tcp.Progress, 0, sums(1, 1<<31, nil)))

	fabric, failed, told, stranger := besideAStranger(f)
	fabric.KeepAtMost(1 << 16)
	var queue *local.Queue[int] // of worker 0
	for worker := range 2 {
		q, _, _, _ := cluster.OpenQueue(fabric, worker, 0, 100, numbers{})
		cluster.OpenSum(fabric, worker, 1, tallies{})
		cluster.OpenQueue(fabric, worker, 2, 100, panicking{})
		if worker == 0 {
			queue = q
		}
	}
	marks := 0
	f.Fuzz(func(t *testing.T, b []byte) {
		var want []int
		for len(b) >= 3 {
			kind, channel, n := tcp.Kind(b[0]), int(b[1]), min(int(b[2]), len(b)-3)
			body := b[3 : 3+n]
			b = b[3+n:]
			if kind < tcp.Data || kind > tcp.Ask {
				kind = tcp.Data // no mesh takes others, and what is told is another's
			}
			if kind == tcp.Data && channel == 0 && len(body) == 8 {
				want = append(want, int(binary.LittleEndian.Uint64(body)))
			}
			send(stranger, kind, channel, slices.Clone(body))
			for said := ""; said != "1 after"; { // posts are told, too
				said = <-told
			}
			for more := true; more; {
				select {
				case err := <-failed:
					if what := err.Error(); !strings.Contains(what, "process 1") && !strings.HasSuffix(what, " bytes") { // as numbers say it themselves
						t.Errorf("%v for channel %d, % x: %q does not say who sent it", kind, channel, body, err)
					}
				default:
					more = false
				}
			}
		}
		marks++ // data may come later than what is told
		want = append(want, -marks)
		send(stranger, tcp.Data, 0, binary.LittleEndian.AppendUint64(nil, uint64(-marks)))
		var got []int
		for !slices.Contains(got, -marks) {
			got = append(got, queue.Take(nil)...)
			runtime.Gosched()
		}
		if <-told; !slices.Equal(got, want) {
			t.Errorf("%d arrived; sent were %d", got, want)
		}
	})
}
