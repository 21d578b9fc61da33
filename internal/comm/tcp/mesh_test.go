package tcp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// to returns a message from one process's worker to another's.
func to(kind Kind, channel, from, to int, payload []byte) Message {
	return Message{Kind: kind, Channel: uint32(channel), From: uint32(from), To: uint32(to), Body: payload}
}

func TestOrderIsKeptFromEachWorkerToEachInEachChannel(t *testing.T) {
	const processes, workers, channels, each = 3, 2, 3, 300
	meshes := cluster(t, processes, func(_ int, c *Config) { c.Workers = workers })
	var left sync.WaitGroup
	for i, m := range meshes {
		type key struct{ from, to, channel uint32 }
		expected := make([]map[key]int, processes)
		for p := range expected {
			expected[p] = map[key]int{}
		}
		left.Add((processes - 1) * workers * workers * channels * each)
		m.Start(func(f Frame) {
			k := key{f.From, f.To, f.Channel}
			n, _ := strconv.Atoi(strings.TrimRight(string(f.Payload), " "))
			if n != expected[f.Peer][k] || int(f.From)/workers != f.Peer || int(f.To)/workers != i {
				t.Errorf("process %d took message %d of %v, not %d", i, n, k, expected[f.Peer][k])
			}
			expected[f.Peer][k]++
			f.Release()
			left.Done()
		}, nothing)
	}
	for from := range processes * workers {
		go func() {
			r := rand.New(rand.NewPCG(uint64(from), 7))
			for n := range each {
				for to := range processes * workers {
					for channel := range channels {
						if from/workers == to/workers {
							continue
						}
						head := append(number(n), bytes.Repeat([]byte(" "), r.IntN(100))...)
						m := Message{Kind: Data, Channel: uint32(channel), From: uint32(from), To: uint32(to), Head: head}
						if r.IntN(20) == 0 {
							m.Body = bytes.Repeat([]byte(" "), r.IntN(5000))
						}
						send(meshes[from/workers], to/workers, m)
					}
				}
			}
		}()
	}
	await(t, &left)
	closeInOrder(t, meshes)
}

func TestMessageOfAnySizeArrivesWholeAndAligned(t *testing.T) {
	meshes := cluster(t, 2, nil)
	take := make(chan bool, 1)
	r := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	var want []byte
	meshes[0].Start(discard, nothing)
	meshes[1].Start(func(f Frame) {
		mu.Lock()
		defer mu.Unlock()
		if len(f.Payload) > 0 && uintptr(unsafe.Pointer(&f.Payload[0]))%align != 0 {
			t.Error("a payload is not aligned")
		}
		same := bytes.Equal(f.Payload, want)
		f.Release()
		take <- same
	}, nothing)
	for _, size := range []int{0, 1, 7, 8, 100, copyBelow - 1, copyBelow, 65_536, maxPiece - 1, maxPiece, maxPiece + 1, 3 * maxPiece, 5_000_001} {
		for _, head := range []int{0, 1, 24, copyBelow, maxPiece, maxPiece + 3} {
			sent := make([]byte, size)
			for i := range sent {
				sent[i] = byte(r.Uint32())
			}
			mu.Lock()
			want = sent
			mu.Unlock()
			head = min(head, size)
			o := newOwner()
			send(meshes[0], 1, Message{Kind: Data, From: 0, To: 1, Head: sent[:head], Body: sent[head:], Owner: o})
			receive(t, o.done)
			if !receive(t, take) {
				t.Fatalf("%d bytes, %d of them in the head, arrive changed", size, head)
			}
		}
	}
	if n := meshes[0].Queued(1); n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
	closeInOrder(t, meshes)
}

func TestMessageLargerThanTheLimitIsAFailure(t *testing.T) {
	meshes := cluster(t, 2, func(_ int, c *Config) { c.MaxMessage = 1000 })
	o := newOwner()
	send(meshes[0], 1, Message{Kind: Data, From: 0, To: 1, Body: make([]byte, 1001), Owner: o})
	receive(t, o.done)
	receive(t, meshes[1].Done())
	errs := closeAll(t, meshes)
	expect(t, errs[0], "a message of 1001 bytes from worker 0 to worker 1; at most 1000")
	expect(t, errs[1], "process 0 failed: a message of 1001 bytes")
}

func TestProgressLargerThanTheLimitIsAFailure(t *testing.T) {
	meshes := cluster(t, 2, func(_ int, c *Config) { c.MaxMessage = 1000 })
	meshes[0].Start(discard, func(_ int, into []byte) []byte { return append(into, make([]byte, 1001)...) })
	meshes[1].Start(discard, nothing)
	meshes[0].Ready(1)
	meshes[0].Flush(1)
	receive(t, meshes[1].Done())
	errs := closeAll(t, meshes)
	expect(t, errs[0], "1001 bytes of progress for process 1; at most 1000")
	expect(t, errs[1], "process 0 failed: 1001 bytes of progress")
}

// TestProgressOvertakesData has a receiver that takes nothing until 100 MB are sent to it.
func TestProgressOvertakesData(t *testing.T) {
	meshes := cluster(t, 2, nil)
	const batches, size = 1600, 64 << 10
	var before atomic.Int64
	came := make(chan int64, 2)
	payload := make([]byte, size)
	var all sync.WaitGroup
	all.Add(batches)
	meshes[0].Start(discard, func(peer int, into []byte) []byte { return append(into, "pulled"...) })
	for range batches {
		send(meshes[0], 1, to(Data, 0, 0, 1, payload))
	}
	send(meshes[0], 1, to(Credit, 0, 0, 1, nil))
	meshes[0].Ready(1)
	meshes[0].Flush(1)
	meshes[1].Start(func(f Frame) {
		if f.Kind == Data {
			before.Add(1)
			all.Done()
		} else {
			came <- before.Load()
		}
		f.Release()
	}, nothing)
	for range 2 {
		if n := receive(t, came); n*size > 20<<20 {
			t.Errorf("%d MB of data arrive before what was sent in the other lane", n*size>>20)
		}
	}
	await(t, &all)
	closeInOrder(t, meshes)
}

// TestPulledProgressIsOneMessageHoweverSlowThePeer adds up while the peer takes nothing.
func TestPulledProgressIsOneMessageHoweverSlowThePeer(t *testing.T) {
	meshes := cluster(t, 2, nil)
	var sum, pulls atomic.Int64
	meshes[0].Start(discard, func(peer int, into []byte) []byte {
		n := sum.Swap(0)
		if peer != 1 || n == 0 {
			return into
		}
		pulls.Add(1)
		return append(into, number(int(n))...)
	})
	o := newOwner()
	send(meshes[0], 1, Message{Kind: Data, From: 0, To: 1, Body: make([]byte, 64<<20), Owner: o})
	const changes = 10_000
	for range changes {
		sum.Add(1)
		meshes[0].Ready(1)
		meshes[0].Flush(1)
	}
	total, messages := 0, 0
	done := make(chan struct{})
	meshes[1].Start(func(f Frame) {
		if f.Kind == Progress {
			n, _ := strconv.Atoi(string(f.Payload))
			total, messages = total+n, messages+1
			if total == changes {
				close(done)
			}
		}
		f.Release()
	}, nothing)
	receive(t, done)
	if messages > changes/10 {
		t.Errorf("%d changes came in %d messages", changes, messages)
	}
	closeInOrder(t, meshes)
}

func TestPulledProgressLargerThanAFrameComesWhole(t *testing.T) {
	meshes := cluster(t, 2, nil)
	want := strings.Repeat("progress", 100_000)
	meshes[0].Start(discard, func(_ int, into []byte) []byte { return append(into, want...) })
	take, came := keep()
	meshes[1].Start(take, nothing)
	for range 3 {
		send(meshes[0], 1, to(Data, 0, 0, 1, make([]byte, 1<<20)))
		meshes[0].Ready(1)
		meshes[0].Flush(1)
		for pulled := false; !pulled; {
			f := receive(t, came)
			if pulled = f.Kind == Progress; pulled && (f.text != want || f.From != 0 || f.To != 1) {
				t.Fatalf("%d bytes of progress from %d to %d", len(f.text), f.From, f.To)
			}
		}
	}
	closeInOrder(t, meshes)
}

// TestWhatWaitsForAStoppedReaderIsOnlyWhatWasSent has a peer that takes nothing.
func TestWhatWaitsForAStoppedReaderIsOnlyWhatWasSent(t *testing.T) {
	meshes := cluster(t, 2, nil)
	meshes[0].Start(discard, nothing)
	payload := make([]byte, 64<<10)
	const batches = 1000
	allocations := testing.AllocsPerRun(1, func() {
		for range batches / 2 {
			send(meshes[0], 1, to(Data, 0, 0, 1, payload))
		}
	})
	if allocations > batches {
		t.Errorf("%v allocations for %d messages", allocations, batches)
	}
	const hasJoined = headerSize // it is said first, and may wait, too
	if n := meshes[0].Queued(1); n > batches*(len(payload)+headerSize)+hasJoined || n < batches*len(payload)/2 {
		t.Errorf("%d bytes wait of the %d that were sent", n, batches*len(payload))
	}
	var all sync.WaitGroup
	all.Add(batches)
	meshes[1].Start(func(f Frame) { f.Release(); all.Done() }, nothing)
	await(t, &all)
	closeInOrder(t, meshes)
}

func TestKeptFrameStaysAsItIsUntilReleased(t *testing.T) {
	meshes := cluster(t, 2, nil)
	frames := make(chan Frame, 5000)
	meshes[0].Start(discard, nothing)
	meshes[1].Start(func(f Frame) { frames <- f }, nothing)
	const n = 4000
	for i := range n {
		send(meshes[0], 1, to(Data, 0, 0, 1, bytes.Repeat(fmt.Appendf(nil, "%04d", i), 50)))
	}
	kept := map[int]Frame{}
	check := func(i int, f Frame) {
		if string(f.Payload) != strings.Repeat(fmt.Sprintf("%04d", i), 50) {
			t.Errorf("frame %d has changed", i)
		}
		f.Release()
	}
	for i := range n {
		f := receive(t, frames)
		if i%7 == 0 {
			kept[i] = f
		} else {
			check(i, f)
		}
		if old, ok := kept[i-700]; ok {
			check(i-700, old)
			delete(kept, i-700)
		}
	}
	for i, f := range kept {
		check(i, f)
	}
	closeInOrder(t, meshes)
}

func TestFrameReleasedTwicePanics(t *testing.T) {
	s := new(slab)
	s.refs.Store(1)
	f := Frame{slab: s}
	f.Release()
	defer func() {
		if recover() == nil {
			t.Error("it does not")
		}
	}()
	f.Release()
}

func TestSendToWhereThereIsNobodyPanics(t *testing.T) {
	meshes := cluster(t, 2, nil)
	for _, test := range []struct {
		peer    int
		message Message
	}{
		{1, to(Data, 0, 1, 1, nil)},
		{1, to(Data, 0, 0, 2, nil)},
		{0, to(Data, 0, 0, 0, nil)},
		{1, to(abort, 0, 0, 1, nil)},
		{1, to(0, 0, 0, 1, nil)},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v to process %d does not", test.message, test.peer)
				}
			}()
			send(meshes[0], test.peer, test.message)
		}()
	}
	closeInOrder(t, meshes)
}

// TestNoFlushIsLost has several goroutines flush at once; what one forgot would wait a heartbeat.
func TestNoFlushIsLost(t *testing.T) {
	for _, change := range []func(int, *Config){nil, sealed(t, 2)} {
		meshes := cluster(t, 2, func(i int, c *Config) {
			c.Heartbeat, c.DeadAfter = patience, 2*patience
			if change != nil {
				change(i, c)
			}
		})
		const senders, trips = 3, 500
		var left [senders]atomic.Int64
		var all sync.WaitGroup
		all.Add(senders)
		pull := func(_ int, into []byte) []byte { return append(into, "pulled"...) }
		meshes[0].Start(func(f Frame) {
			f.Release()
			channel := f.Channel
			if f.Kind == Progress {
				return
			}
			switch n := left[channel].Add(-1); {
			case n == 0:
				all.Done()
			case n > 0:
				go func() {
					if channel == 0 {
						meshes[0].Ready(1)
					}
					send(meshes[0], 1, to(Data, int(channel), 0, 1, make([]byte, 100*n)))
				}()
			}
		}, pull)
		meshes[1].Start(func(f Frame) {
			if f.Kind == Data {
				send(meshes[1], 0, to(Data, int(f.Channel), 1, 0, nil))
			}
			f.Release()
		}, pull)
		for i := range left {
			left[i].Store(trips)
			send(meshes[0], 1, to(Data, i, 0, 1, nil))
		}
		await(t, &all)
		closeInOrder(t, meshes)
	}
}

func TestWhatIsNotFlushedIsWrittenWithinAHeartbeat(t *testing.T) {
	meshes := cluster(t, 2, func(_ int, c *Config) { c.Heartbeat = 10 * time.Millisecond })
	take, came := keep()
	meshes[0].Start(discard, func(_ int, into []byte) []byte { return append(into, "pulled"...) })
	meshes[1].Start(take, nothing)
	meshes[0].Send(1, to(Data, 0, 0, 1, []byte("sent")))
	meshes[0].Ready(1)
	for range 2 {
		receive(t, came)
	}
	closeInOrder(t, meshes)
}

func TestLoneProcessIsACluster(t *testing.T) {
	meshes := cluster(t, 1, nil)
	meshes[0].Start(discard, nothing)
	closeInOrder(t, meshes)
}

// TestWhatIsToldBeforeProgressComesBeforeIt, also if the writer was about to pull that
// already: a notice is sent, and then something is done.
func TestWhatIsToldBeforeProgressComesBeforeIt(t *testing.T) {
	meshes := cluster(t, 2, nil)
	pulls, goOn := make(chan bool), make(chan string)
	var once sync.Once
	meshes[0].Start(discard, func(_ int, into []byte) []byte {
		once.Do(func() {
			pulls <- true
			into = append(into, <-goOn...)
		})
		return into
	})
	got := make(chan string, 10)
	meshes[1].Start(func(f Frame) {
		got <- string(f.Payload)
		f.Release()
	}, nothing)
	go func() { // another worker flushes
		meshes[0].Ready(1)
		meshes[0].Flush(1)
	}()
	<-pulls
	send(meshes[0], 1, to(Plan, 0, 0, 1, []byte("a notice")))
	goOn <- "what was done after it"
	if first, second := <-got, <-got; first != "a notice" || second != "what was done after it" {
		t.Errorf("%q came first, and then %q", first, second)
	}
	closeInOrder(t, meshes)
}

// TestWhatIsThereToPullBeforeTheEndIsPulled, and nothing follows bye: both processes have
// something to say, and close at once, whatever their writers do meanwhile.
func TestWhatIsThereToPullBeforeTheEndIsPulled(t *testing.T) {
	for range 100 {
		meshes := cluster(t, 2, nil)
		var pulled, got [2]atomic.Int64
		for i, m := range meshes {
			m.Start(func(f Frame) {
				got[i].Add(1)
				f.Release()
			}, func(_ int, into []byte) []byte {
				pulled[i].Add(1)
				return append(into, "something"...)
			})
		}
		var all sync.WaitGroup
		for i, m := range meshes {
			all.Go(func() {
				for range 20 {
					m.Ready(1 - i)
					m.Flush(1 - i)
				}
				m.Ready(1 - i)
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		if all.Wait(); t.Failed() || pulled[0].Load() != got[1].Load() || pulled[1].Load() != got[0].Load() || got[0].Load() == 0 || got[1].Load() == 0 {
			t.Fatalf("%d and %d were pulled, %d and %d have arrived", pulled[0].Load(), pulled[1].Load(), got[1].Load(), got[0].Load())
		}
	}
}
