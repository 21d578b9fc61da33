package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/timely-go/timely"
)

// windows sums up the bids of an auction house, by auction and window of time. Its
// epochs are milliseconds, in which each worker sends some bids; it waits for each
// window.
func windows(b *bench) error {
	bids, auctions := b.int(0, "bids"), b.int(1, "auctions")
	const inMillisecond, inWindow = 1000, timely.Epoch(100)
	input := timely.NewInput[timely.Epoch, bid]()
	probe := timely.NewProbe[timely.Epoch]()
	var seen takings
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		sums := byWindow(input.Stream(s), inWindow)
		added := timely.Inspect(sums, func(t takings) { seen.add(t.bids, t.sum) })
		timely.ProbeWith(added, probe)
	})
	mine := b.share(bids)

	b.begin()
	random := rand.New(rand.NewPCG(3, uint64(b.Index())))
	var sent takings
	for sent.bids < mine {
		for range min(inMillisecond, mine-sent.bids) {
			x := bid{random.Uint32N(uint32(auctions)), random.Uint32N(10_000)}
			input.Send(x)
			sent.add(1, uint64(x.price))
		}
		input.AdvanceTo(input.Time() + 1)
		for ended := input.Time() / inWindow * inWindow; probe.LessThan(ended); {
			b.Step()
		}
	}
	input.Close()
	b.await(probe)
	b.end(bids, mine)

	if n := b.sum(uint64(seen.bids)); n != uint64(bids) {
		return fmt.Errorf("the windows hold %d bids, there are %d", n, bids)
	}
	if got, want := b.sum(seen.sum), b.sum(sent.sum); got != want {
		return fmt.Errorf("the windows add up to %d, it should be %d", got, want)
	}
	return nil
}

type bid struct{ auction, price uint32 }

// takings are what the bids of an auction in one window come to.
type takings struct {
	auction uint32
	bids    int
	sum     uint64
}

func (t *takings) add(bids int, sum uint64) {
	t.bids += bids
	t.sum += sum
}

// byWindow sends the takings of each auction in each window, once it is over.
func byWindow(bids timely.Stream[timely.Epoch, bid], size timely.Epoch) timely.Stream[timely.Epoch, takings] {
	open := make(map[timely.Epoch]map[uint32]takings) // by the last epoch of the window, and auction
	over := timely.NewNotificator[timely.Epoch]()

	return timely.Unary(bids, timely.ExchangeBy(func(x bid) uint64 { return uint64(x.auction) }), "ByWindow",
		func(in *timely.InPort[timely.Epoch, bid], out *timely.OutPort[timely.Epoch, takings]) {
			for at, batch := range in.Batches() {
				last := at.Time() - at.Time()%size + size - 1
				if open[last] == nil {
					open[last] = make(map[uint32]takings)
					over.NotifyAt(at.Delay(last))
				}
				auctions := open[last]
				for _, x := range batch {
					t := auctions[x.auction]
					t.add(1, uint64(x.price))
					auctions[x.auction] = t
				}
			}
			for at := range over.Ready(in.Frontier()) {
				session := out.Session(at)
				for auction, t := range open[at.Time()] {
					t.auction = auction
					session.Send(t)
				}
				delete(open, at.Time())
			}
		})
}
