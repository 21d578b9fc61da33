package engine

import (
	"errors"
	"strings"
	"testing"
)

// FuzzNotices has process 0 of 2 hear anything of process 1, while it runs a dataflow
// with a loop. Either nothing comes of it, or a failure that says whose fault it is.
func FuzzNotices(f *testing.F) {
	for _, n := range []notice{
		{What: tellsPlan, Dataflow: 1, Site: siteText{"main", "main.go", 7}, Parts: []partText{{"a", siteText{}, 7}}},
		{What: tellsReturned, Number: 1},
		{What: tellsDropped},
		{What: tellsEnded},
		{What: tellsStop},
		{What: tellsSlot, Slot: slotText{Wants: true, Sent: 1, Received: 2, Round: 3}},
		{What: tellsSlot, Slot: slotText{Gone: true, Active: true}},
		{What: tellsLaps, Counts: countsText{Held: 1, Live: 2, Taken: 3, Entered: 4, Lent: 5}, Waiting: true},
		{What: asksRest, Number: 3},
		{What: answersRest, Number: 2},
	} {
		n.Worker = 1
		f.Add(encoded(f, n))
	}
	enough := errors.New("enough")
	f.Fuzz(func(t *testing.T, bytes []byte) {
		failures := executeCluster(t, 2, 1, func(w *Worker) error {
			flow, _ := nothingIn(w, "a")
			if w.index == 1 {
				return waits(w)
			}
			flow.rest.lapsOf(0).allow(1 << 10)
			for range 2 {
				w.x.hear(1, bytes)
			}
			return enough
		})
		if failures[0] == nil || failures[0].Err != enough && !strings.Contains(failures[0].Error(), "process 1") && !strings.Contains(failures[0].Error(), "worker 1") {
			t.Errorf("process 0: %v", failures[0])
		}
	})
}
