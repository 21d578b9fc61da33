package sim

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/timely-go/timely"
)

// Record is what generated programs compute with: a value, and for each level of
// loops how many more rounds it goes round.
type Record struct {
	V    uint16
	Fuel [maxDepth]uint8
}

const (
	maxDepth = 2  // loops in loops
	values   = 97 // records' values are below
)

// Kind is what a plan's node does.
type Kind int

// The kinds of nodes. All of them compute a function of the records of each time.
const (
	kindMap      Kind = iota
	kindInPlace       // a MapInPlace
	kindFilter        //
	kindFlatMap       //
	kindExchange      //
	kindCopy          // a Unary that sends each record again, in its turn
	kindStash         // a Unary that holds the records of a time until it is complete
	kindCount         // an Aggregate
	kindDistinct      //
	kindBranch        // the stream goes two ways, which meet again
	kindSplit         // half of the stream goes each of two ways, which meet again
	kindLoop          // a loop with a body
	kindDelay         // to a later time; only outside loops
	kinds
)

var kindNames = [kinds]string{"map", "in place", "filter", "flat map", "exchange", "copy", "stash", "count", "distinct", "branch", "split", "loop", "delay"}

// Plan is a program: nodes one after the other.
type Plan struct {
	Kind  Kind
	Arg   uint16
	Left  *Plan // of a branch or split; the body of a loop
	Right *Plan
	Next  *Plan // nil: the end
}

// String writes the plan in one line.
func (p *Plan) String() string {
	var b strings.Builder
	for ; p != nil; p = p.Next {
		fmt.Fprintf(&b, " %s %d", kindNames[p.Kind], p.Arg)
		switch p.Kind {
		case kindBranch, kindSplit:
			fmt.Fprintf(&b, " (%v |%v)", p.Left, p.Right)
		case kindLoop:
			fmt.Fprintf(&b, " (%v)", p.Left)
		}
	}
	return b.String()
}

// draw makes a plan of so many nodes at most, at a depth of loops. Delays are only
// at the top: the naive evaluation of anything else is of one time.
func draw(r *rand.Rand, size, depth int, top bool) *Plan {
	if size <= 0 {
		return nil
	}
	p := &Plan{Kind: Kind(r.IntN(int(kinds))), Arg: uint16(1 + r.IntN(30))}
	if p.Kind == kindLoop && depth == maxDepth || p.Kind == kindDelay && !top {
		p.Kind = kindExchange
	}
	size--
	switch p.Kind {
	case kindBranch, kindSplit:
		p.Left, p.Right = draw(r, size/3, depth, false), draw(r, size/3, depth, false)
		size -= 2 * (size / 3)
	case kindLoop:
		p.Left = draw(r, size/2, depth+1, false)
		size -= size / 2
	}
	p.Next = draw(r, size, depth, top)
	return p
}

// What nodes compute, for both the engine and the naive evaluation.

func mapped(arg uint16, x Record) Record {
	x.V = (x.V*3 + arg) % values
	return x
}

func kept(arg uint16, x Record) bool { return (x.V+arg)%5 != 0 }

func several(arg uint16, x Record) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := range (x.V + arg) % 4 {
			y := x
			y.V = (x.V + i*arg) % values
			if !yield(y) {
				return
			}
		}
	}
}

func owner(arg uint16) func(Record) uint64 {
	return func(x Record) uint64 { return timely.HashUint64(uint64(x.V) * uint64(arg)) }
}

func hash(x Record) uint64 { return timely.HashUint64(uint64(x.V)) }

func group(arg uint16) func(Record) uint16 { return func(x Record) uint16 { return x.V % (arg%7 + 1) } }

func counted(arg uint16, key uint16, n int) Record {
	return Record{V: (key*arg + uint16(n)) % values}
}

func splits(arg uint16, x Record) bool { return (x.V^arg)&1 == 0 }

func enters(depth int, arg uint16) func(Record) Record {
	return func(x Record) Record {
		x.Fuel[depth] = uint8((x.V + arg) % 6)
		return x
	}
}

func goesRound(depth int) func(Record) bool {
	return func(x Record) bool { return x.Fuel[depth] > 0 }
}

func round(depth int) func(Record) Record {
	return func(x Record) Record {
		if x.Fuel[depth] > 0 {
			x.Fuel[depth]--
		}
		return x
	}
}

// builder builds plans in scopes with time T.
type builder[T timely.Timestamp[T]] struct {
	depth int
	saw   *Sometimes
	loop  func(timely.Stream[T, Record], *Plan) timely.Stream[T, Record]
	delay func(T, uint16) T
	round func(T) timely.Epoch // the greatest round
}

func (b builder[T]) build(s timely.Stream[T, Record], p *Plan) timely.Stream[T, Record] {
	for ; p != nil; p = p.Next {
		s = b.node(s, p)
	}
	return s
}

func (b builder[T]) node(s timely.Stream[T, Record], p *Plan) timely.Stream[T, Record] {
	arg := p.Arg
	switch p.Kind {
	case kindMap:
		return timely.Map(s, func(x Record) Record { return mapped(arg, x) })
	case kindInPlace:
		return timely.MapInPlace(s, func(x *Record) { *x = mapped(arg, *x) })
	case kindFilter:
		return timely.Filter(s, func(x Record) bool { return kept(arg, x) })
	case kindFlatMap:
		return timely.FlatMap(s, func(x Record) iter.Seq[Record] { return several(arg, x) })
	case kindExchange:
		return timely.Exchange(s, owner(arg))
	case kindCopy:
		return b.copied(s, arg)
	case kindStash:
		return b.stashed(s, arg)
	case kindCount:
		return timely.Aggregate(s, group(arg), func(k uint16) uint64 { return timely.HashUint64(uint64(k)) },
			func(n *int, _ Record) { *n++ }, func(k uint16, n int) Record { return counted(arg, k, n) })
	case kindDistinct:
		return timely.Distinct(s, hash)
	case kindBranch:
		return timely.Concat(b.build(s, p.Left), b.build(s, p.Right))
	case kindSplit:
		yes, no := timely.Split(s, func(x Record) bool { return splits(arg, x) })
		return timely.Concat(b.build(yes, p.Left), b.build(no, p.Right))
	case kindLoop:
		return b.loop(s, p)
	case kindDelay:
		return timely.Delay(s, func(t T, x Record) T { return b.delay(t, x.V%3) })
	}
	panic(fmt.Sprintf("no kind %d", p.Kind))
}

// copied sends records again from an operator that keeps its session open over
// many sends, and for some of them a capability beyond its turn.
func (b builder[T]) copied(s timely.Stream[T, Record], arg uint16) timely.Stream[T, Record] {
	type late struct {
		at timely.Capability[T]
		x  Record
	}
	var kept []late
	return timely.Unary(s, timely.ExchangeBy(owner(arg)), "Copy", func(in *timely.InPort[T, Record], out *timely.OutPort[T, Record]) {
		for _, l := range kept {
			b.saw.Retained++
			out.Session(l.at).Send(l.x)
			l.at.Drop()
		}
		kept = kept[:0]
		for at, batch := range in.Batches() {
			session := out.Session(at)
			for i, x := range batch {
				if i == 0 && x.V%4 == 0 {
					kept = append(kept, late{at.Retain(), x})
					continue
				}
				session.Send(x)
			}
		}
		in.Frontier() // so that it runs again when the frontier moves, and sends what it kept
	})
}

// stashed holds the records of a time until it is complete, and checks that none
// comes afterwards.
func (b builder[T]) stashed(s timely.Stream[T, Record], arg uint16) timely.Stream[T, Record] {
	held := make(map[T][]Record)
	ended := make(map[T]bool)
	complete := timely.NewNotificator[T]()
	return timely.Unary(s, timely.ExchangeBy(owner(arg)), "Stash", func(in *timely.InPort[T, Record], out *timely.OutPort[T, Record]) {
		for at, batch := range in.Batches() {
			t := at.Time()
			if ended[t] {
				panic(fmt.Errorf("a record at %v arrived after that time was complete", t))
			}
			held[t] = append(held[t], batch...)
			complete.NotifyAt(at)
		}
		for at := range complete.Ready(in.Frontier()) {
			t := at.Time()
			ended[t] = true
			b.saw.Notified++
			if b.round(t) > 3 {
				b.saw.Deep++
			}
			session := out.Session(at)
			for _, x := range held[t] {
				session.Send(mapped(arg, x))
			}
			delete(held, t)
		}
	})
}

type (
	epoch = timely.Epoch
	once  = timely.Loop[epoch]
	twice = timely.Loop[once]
)

// buildPlan builds a plan in an outermost scope.
func buildPlan(s timely.Stream[epoch, Record], p *Plan, saw *Sometimes) timely.Stream[epoch, Record] {
	inner := builder[twice]{depth: 2, saw: saw, round: func(t twice) timely.Epoch { return max(t.Inner, t.Outer.Inner) }}
	middle := builder[once]{depth: 1, saw: saw, round: func(t once) timely.Epoch { return t.Inner }, loop: func(s timely.Stream[once, Record], p *Plan) timely.Stream[once, Record] {
		return looped(s, 1, p, inner.build)
	}}
	outer := builder[epoch]{
		saw: saw, round: func(epoch) timely.Epoch { return 0 },
		loop: func(s timely.Stream[epoch, Record], p *Plan) timely.Stream[epoch, Record] {
			return looped(s, 0, p, middle.build)
		},
		delay: func(t epoch, by uint16) epoch { return t + epoch(by) },
	}
	return outer.build(s, p)
}

// looped runs the body of a plan round a loop, with as many rounds as fuel.
func looped[T timely.Timestamp[T]](s timely.Stream[T, Record], depth int, p *Plan, body func(timely.Stream[timely.Loop[T], Record], *Plan) timely.Stream[timely.Loop[T], Record]) timely.Stream[T, Record] {
	entering := timely.Map(s, enters(depth, p.Arg))
	return timely.Iterate(entering, func(xs timely.Stream[timely.Loop[T], Record]) (again, done timely.Stream[timely.Loop[T], Record]) {
		return timely.Split(timely.Map(body(xs, p.Left), round(depth)), goesRound(depth))
	})
}
