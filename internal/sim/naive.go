package sim

// times are records by epoch.
type times map[epoch][]Record

// naive evaluates plans. It gives up on programs that make too many records.
type naive struct{ work int } // records made

const maxWork = 20_000

func (n *naive) tooMuch() bool { return n.work > maxWork }

// evaluate computes what a plan makes of records, epoch by epoch.
func (n *naive) evaluate(p *Plan, in times) times {
	for ; p != nil; p = p.Next {
		out := make(times)
		for t, xs := range in {
			if p.Kind != kindDelay {
				out[t] = append(out[t], n.evaluateNode(p, xs, 0)...)
				continue
			}
			for _, x := range xs {
				later := t + epoch(x.V%3)
				out[later] = append(out[later], x)
			}
		}
		in = out
	}
	return in
}

// evaluateAll computes what nodes make of the records of one time.
func (n *naive) evaluateAll(p *Plan, xs []Record, depth int) []Record {
	for ; p != nil; p = p.Next {
		xs = n.evaluateNode(p, xs, depth)
	}
	return xs
}

func (n *naive) evaluateNode(p *Plan, xs []Record, depth int) (out []Record) {
	switch p.Kind {
	case kindMap, kindInPlace, kindStash:
		for _, x := range xs {
			out = append(out, mapped(p.Arg, x))
		}
	case kindFilter:
		for _, x := range xs {
			if kept(p.Arg, x) {
				out = append(out, x)
			}
		}
	case kindFlatMap:
		for _, x := range xs {
			for y := range several(p.Arg, x) {
				out = append(out, y)
			}
		}
	case kindExchange, kindCopy:
		out = xs
	case kindCount:
		counts := make(map[uint16]int)
		for _, x := range xs {
			counts[group(p.Arg)(x)]++
		}
		for k, c := range counts {
			out = append(out, counted(p.Arg, k, c))
		}
	case kindDistinct:
		seen := make(map[Record]bool)
		for _, x := range xs {
			if !seen[x] {
				seen[x] = true
				out = append(out, x)
			}
		}
	case kindBranch:
		out = append(out, n.evaluateAll(p.Left, xs, depth)...)
		out = append(out, n.evaluateAll(p.Right, xs, depth)...)
	case kindSplit:
		var yes, no []Record
		for _, x := range xs {
			if splits(p.Arg, x) {
				yes = append(yes, x)
			} else {
				no = append(no, x)
			}
		}
		out = append(n.evaluateAll(p.Left, yes, depth), n.evaluateAll(p.Right, no, depth)...)
	case kindLoop:
		out = n.evaluateLoop(p, xs, depth)
	}
	n.work += 1 + len(out)
	return out
}

// evaluateLoop goes round until nothing is left, a round at a time.
func (n *naive) evaluateLoop(p *Plan, xs []Record, depth int) (out []Record) {
	var going []Record
	for _, x := range xs {
		going = append(going, enters(depth, p.Arg)(x))
	}
	for len(going) > 0 && !n.tooMuch() {
		var again []Record
		for _, x := range n.evaluateAll(p.Left, going, depth+1) {
			if x = round(depth)(x); goesRound(depth)(x) {
				again = append(again, x)
			} else {
				out = append(out, x)
			}
		}
		going = again
	}
	return out
}
