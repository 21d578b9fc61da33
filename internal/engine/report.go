package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/timely-go/timely/internal/progress"
)

// reportLines bounds what is said about one dataflow.
const reportLines = 40

// Report says, in words, for each dataflow what holds its frontiers back: which
// input, capability or queue, and at which times; and how much waits where, who is
// paused, and for whom.
func (w *Worker) Report() string {
	var b strings.Builder
	for _, f := range w.flows {
		if f.gone() {
			continue
		}
		fmt.Fprintf(&b, "worker %d, %v:\n", w.index, f)
		lines := f.holders()
		say(&b, lines)
		say(&b, f.flow())
		for _, i := range w.x.droppers(f) {
			fmt.Fprintf(&b, "  worker %d has dropped it, and what it held stays\n", i)
		}
		if len(lines) == 0 {
			fmt.Fprintf(&b, "  nothing is counted; an operator says that it is busy: %s\n", strings.Join(f.busy(), ", "))
		}
	}
	if b.Len() == 0 {
		return "no dataflow is running"
	}
	if w.peak > 0 {
		fmt.Fprintf(&b, "worker %d: %s wait at its inputs, %s at most so far; operators were paused %s, %s raised\n",
			w.index, size(w.queued), size(w.peak), count(int64(w.pauses), "time"), count(int64(w.grants), "budget"))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// say writes lines, up to a bound.
func say(b *strings.Builder, lines []string) {
	for i, l := range lines {
		if i == reportLines {
			fmt.Fprintf(b, "  and %d more\n", len(lines)-i)
			break
		}
		fmt.Fprintf(b, "  %s\n", l)
	}
}

// flow says how much waits where, and who is paused for what.
func (f *Dataflow) flow() (lines []string) {
	for _, e := range f.edges {
		if e.entries > 0 {
			lines = append(lines, e.describe())
		}
	}
	for _, n := range f.nodes {
		if in, ok := n.body.(Entrance); ok {
			if bytes, full := in.Held(); bytes > 0 {
				s := fmt.Sprintf("%v: %s wait to enter, of a budget of %s", n, size(bytes), size(f.worker.budget))
				if full {
					s += ", and the program waits in Send until half of it is free"
				}
				lines = append(lines, s)
			}
		}
		if n.task.Paused() && n.waits > 0 {
			var on []string
			for _, g := range n.gates {
				on = append(on, g.String())
			}
			now := f.worker.clock.Now() - n.since
			lines = append(lines, fmt.Sprintf("%v is paused since %v (%v in all): it waits for room at %s", n, now, n.held+now, strings.Join(on, ", ")))
		} else if n.held > 0 {
			lines = append(lines, fmt.Sprintf("%v was paused for %v in all", n, n.held))
		}
	}
	return lines
}

// Entrance is a body to which a program sends.
type Entrance interface {
	// Held returns the bytes that wait there, and whether the program waits until they are fewer.
	Held() (bytes int64, full bool)
}

// describe says what waits at an edge.
func (e *Edge) describe() string {
	held := e.own.held
	for _, a := range e.others {
		held += a.held
	}
	s := fmt.Sprintf("%v: %s in %s wait at its %s, of a budget of %s", e.Node, size(held), count(int64(e.entries), "batch"), e.port, size(e.worker.budget))
	if e.declined() {
		s += ", and it does not take them"
	}
	return s
}

// String implements gate.
func (e *Edge) String() string { return fmt.Sprintf("%s of %v", e.port, e.Node) }

// String implements gate.
func (o *Outlet) String() string {
	return fmt.Sprintf("%v at worker %d", o.edge, slices.Index(o.edge.outlets, o))
}

// String implements gate.
func (l *Loop) String() string { return fmt.Sprintf("the loop round %v", l.fed[0]) }

// size says a number of bytes.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return count(bytes, "byte")
}

// holders says each counted pointstamp in words.
func (f *Dataflow) holders() (lines []string) {
	for i, l := range f.levels {
		l.Describe(func(at progress.Location, time string, n int64) {
			p := place{}
			if int(at) < len(f.places[i]) {
				p = f.places[i][at]
			}
			switch {
			case p.element == nil: // the end of a scope: told of by what is inside
			case strings.HasPrefix(p.port, "input"):
				lines = append(lines, fmt.Sprintf("%v: %s at time %s before its %s%s", p.element, waiting(n), time, p.port, f.state(p.element)))
			default:
				lines = append(lines, fmt.Sprintf("%v holds %s at time %s for its %s%s", p.element, count(n, "capability"), time, p.port, f.state(p.element)))
			}
		})
	}
	return lines
}

// state says what is worth knowing of an operator here.
func (f *Dataflow) state(e *Element) string {
	i := slices.IndexFunc(f.nodes, func(n *Node) bool { return n.Element == e })
	if i >= 0 && f.nodes[i].task.Paused() {
		return " (paused in the middle of a turn)"
	}
	return ""
}

func (f *Dataflow) busy() (names []string) {
	for _, n := range f.nodes {
		if !n.idle() {
			names = append(names, n.String())
		}
	}
	return names
}

func waiting(n int64) string {
	if n == 1 {
		return "1 record waits"
	}
	return count(n, "record") + " wait"
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "ch") {
		what += "e"
	}
	if strings.HasSuffix(what, "y") {
		what = strings.TrimSuffix(what, "y") + "ie"
	}
	return fmt.Sprintf("%d %ss", n, what)
}
