package cluster_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/batch"
	"github.com/timely-go/timely/internal/comm/cluster"
	"github.com/timely-go/timely/internal/comm/commtest"
	"github.com/timely-go/timely/internal/comm/tcp"
	"github.com/timely-go/timely/internal/host"
)

// This file is about a process that sends what no process of this version does.

// besideAStranger returns a fabric of process 0 of 2, with two workers each, what it
// fails with, what it is told, and process 1 as a bare mesh.
func besideAStranger(t testing.TB) (f *cluster.Fabric, failed chan error, told chan string, stranger *tcp.Mesh) {
	t.Helper()
	var hosts []string
	var listeners []net.Listener
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners, hosts = append(listeners, l), append(hosts, l.Addr().String())
	}
	meshes, errs := make([]*tcp.Mesh, 2), make([]error, 2)
	var all sync.WaitGroup
	for i := range meshes {
		all.Go(func() {
			meshes[i], errs[i] = tcp.Join(context.Background(), tcp.Config{Hosts: hosts, Index: i, Workers: 2, Listener: listeners[i]})
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	failed, told = make(chan error, 100), make(chan string, 100)
	f = cluster.New(2, host.Real(), meshes[0], func(process int, bytes []byte) { told <- fmt.Sprint(process, " ", string(bytes)) }, func(err error) { failed <- err })
	f.Start()
	meshes[1].Start(tcp.Frame.Release, func(_ int, into []byte) []byte { return into })
	t.Cleanup(func() {
		var all sync.WaitGroup
		for _, m := range meshes {
			all.Go(func() { _ = m.Close() })
		}
		all.Wait()
	})
	return f, failed, told, meshes[1]
}

// send sends a message from worker 2 to worker 0, and another that is told.
func send(stranger *tcp.Mesh, kind tcp.Kind, channel int, body []byte) {
	stranger.Send(0, tcp.Message{Kind: kind, Channel: uint32(channel), From: 2, To: 0, Body: body})
	stranger.Send(0, tcp.Message{Kind: tcp.Plan, From: 2, Body: []byte("after")})
	stranger.Flush(0)
}

// sums returns what a process pulls: for each channel its number and bytes.
func sums(number, length uint32, bytes []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, number)
	b = binary.LittleEndian.AppendUint32(b, length)
	return append(b, bytes...)
}

// panicking panics when it makes numbers of bytes.
type panicking struct{ numbers }

func (panicking) Decoder(*batch.Pools) func(int, []byte, func(int)) error {
	return func(int, []byte, func(int)) error { panic("not mine") }
}

// TestWhatNoProcessSendsIsAFailure opens a queue as channel 0, a sum as 1, and a queue
// that panics as 2: before such bytes come, or after.
func TestWhatNoProcessSendsIsAFailure(t *testing.T) {
	tests := []struct {
		name    string
		kind    tcp.Kind
		channel int
		bytes   []byte
		want    string // "": it is overlooked
	}{
		{"data", tcp.Data, 0, make([]byte, 7), "7 bytes"},
		{"data for a sum", tcp.Data, 1, make([]byte, 7), "progress from process 1: 7 bytes"},
		{"data that makes the program panic", tcp.Data, 2, make([]byte, 8), "what process 1 sent makes its decoding panic: not mine"},
		{"credit", tcp.Credit, 0, make([]byte, 3), "process 1 sent 3 bytes of "},
		{"asking", tcp.Ask, 0, make([]byte, 3), "process 1 sent 3 bytes of "},
		{"progress for a queue", tcp.Progress, 0, sums(0, 8, make([]byte, 8)), "process 1 sent 8 bytes of "},
		{"progress", tcp.Progress, 0, sums(1, 2, make([]byte, 2)), "progress from process 1: 2 bytes"},
		{"half a head", tcp.Progress, 0, make([]byte, 7), "progress from process 1 ends in the middle"},
		{"a length beyond the end", tcp.Progress, 0, sums(1, 25, make([]byte, 24)), "progress from process 1 ends in the middle"},
		{"a length beyond everything", tcp.Progress, 0, sums(1, 1<<32-1, nil), "progress from process 1 ends in the middle"},
		{"a post beyond the end", tcp.Progress, 0, sums(1<<32-1, 25, make([]byte, 24)), "progress from process 1 ends in the middle"},
		{"good data", tcp.Data, 0, make([]byte, 8), ""},
		{"good credit", tcp.Credit, 0, make([]byte, 8), ""},
		{"good asking", tcp.Ask, 0, nil, ""},
		{"good progress", tcp.Progress, 0, sums(1, 24, make([]byte, 24)), ""},
		{"no progress", tcp.Progress, 0, nil, ""},
	}
	for _, test := range tests {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/early %v", test.name, early), func(t *testing.T) {
				f, failed, told, stranger := besideAStranger(t)
				open := func() {
					for worker := range 2 {
						cluster.OpenQueue(f, worker, 0, 100, numbers{})
						cluster.OpenSum(f, worker, 1, tallies{})
						cluster.OpenQueue(f, worker, 2, 100, panicking{})
					}
				}
				if !early {
					open()
				}
				send(stranger, test.kind, test.channel, test.bytes)
				if said := <-told; said != "1 after" {
					t.Errorf("told %q", said)
				}
				if early {
					// What is told is not in order with progress: that may come later.
					open()
				}
				if test.want == "" {
					select {
					case err := <-failed:
						t.Error(err)
					default:
					}
					return
				}
				select {
				case err := <-failed:
					if !strings.Contains(err.Error(), test.want) {
						t.Errorf("%q, want %q", err, test.want)
					}
				case <-time.After(20 * time.Second):
					t.Error("it has not failed")
				}
			})
		}
	}
}

// TestTooMuchForWhatIsNotBuiltIsAFailure: what came before and was taken does not count, and
// what is empty does.
func TestTooMuchForWhatIsNotBuiltIsAFailure(t *testing.T) {
	for _, body := range [][]byte{make([]byte, 8), nil} {
		f, failed, told, stranger := besideAStranger(t)
		f.KeepAtMost(100) // one message may wait
		for channel := range 3 {
			send(stranger, tcp.Data, channel, make([]byte, 8))
			<-told
			for worker := range 2 {
				cluster.OpenQueue(f, worker, channel, 100, numbers{})
			}
		}
		send(stranger, tcp.Data, 7, body)
		<-told
		select {
		case err := <-failed:
			t.Fatal(err)
		default:
		}
		send(stranger, tcp.Data, 8, body)
		select {
		case err := <-failed:
			if want := "what others sent for dataflows that this process has not built takes more than 100 bytes; process 1 sent the last of it"; err.Error() != want {
				t.Errorf("%q, want %q", err, want)
			}
		case <-time.After(20 * time.Second):
			t.Error("it has not failed")
		}
	}
}

// TestWhatComesAfterTheEndIsNobodys sends to channels that are closed, at one worker or at
// all, and to a fabric that has been left.
func TestWhatComesAfterTheEndIsNobodys(t *testing.T) {
	f, failed, told, stranger := besideAStranger(t)
	for worker := range 2 {
		cluster.OpenQueue(f, worker, 0, 100, numbers{})
	}
	f.Close(0)
	f.Close(0)
	f.Close(0) // one more than there are workers
	wrong := make([]byte, 3)
	for _, kind := range []tcp.Kind{tcp.Data, tcp.Credit, tcp.Ask} {
		send(stranger, kind, 0, wrong)
		<-told
	}
	if f.Early() > 0 || f.Open() > 0 {
		t.Errorf("%d channels are open, and %d parcels wait", f.Open(), f.Early())
	}
	f.Leave()
	send(stranger, tcp.Progress, 0, wrong)
	stranger.Send(0, tcp.Message{Kind: tcp.Data, Channel: 5, From: 3, To: 1, Body: wrong})
	stranger.Flush(0)
	if said := <-told; said != "1 after" {
		t.Errorf("told %q", said)
	}
	stranger.Send(0, tcp.Message{Kind: tcp.Plan, From: 2, Body: []byte("last")})
	stranger.Flush(0)
	if said := <-told; said != "1 last" {
		t.Errorf("told %q", said)
	}
	select {
	case err := <-failed:
		t.Error(err)
	default:
	}
}

// TestEarlyParcelsComeInOrder keeps messages of several channels until they are opened.
func TestEarlyParcelsComeInOrder(t *testing.T) {
	const channels, each = 4, 50
	members := join(t, 2, 1)
	for c := range channels {
		_, to := members[0].OpenQueue(c)
		for n := range each {
			to[1].Send(c*each + n)
		}
	}
	late := members[1]
	for late.fabric.Early() < channels*each {
		runtime.Gosched()
	}
	for c := range channels {
		in, _ := late.OpenQueue(c)
		got := in.Take(nil)
		for n, x := range got {
			if x != c*each+n {
				t.Fatalf("channel %d: %v", c, got)
			}
		}
		if len(got) != each || late.fabric.Early() != (channels-1-c)*each {
			t.Errorf("channel %d: %d messages, and %d parcels wait", c, len(got), late.fabric.Early())
		}
	}
}

// TestALoneProcessNeedsNoMesh nor a way to make bytes of messages.
func TestALoneProcessNeedsNoMesh(t *testing.T) {
	f := cluster.New(2, host.Real(), nil, nil, nil)
	f.Start()
	in, to, _, _ := cluster.OpenQueue[int](f, 0, 0, 100, nil)
	to[0].Send(5)
	if got := in.Take(nil); len(got) != 1 || got[0] != 5 {
		t.Error(got)
	}
	sum, ways := cluster.OpenSum(f, 0, 1, tallies{})
	ways.Send(&commtest.Tally{Messages: 1})
	if got := sum.Take(commtest.NewTally()); got.Messages != 0 {
		t.Errorf("the sender hears itself: %+v", got)
	}
	f.Flush(0)
	f.Close(0)
	f.Leave()
	if f.Processes() != 1 || f.Process() != 0 || f.Peers() != 2 || !f.Has(1) || f.Has(2) {
		t.Errorf("%+v", f)
	}
}
