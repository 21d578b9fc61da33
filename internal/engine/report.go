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
// input, capability or queue, and at which times.
func (w *Worker) Report() string {
	var b strings.Builder
	for _, f := range w.flows {
		if f.gone() {
			continue
		}
		fmt.Fprintf(&b, "worker %d, %v:\n", w.index, f)
		lines := f.holders()
		for i, l := range lines {
			if i == reportLines {
				fmt.Fprintf(&b, "  and %d more\n", len(lines)-i)
				break
			}
			fmt.Fprintf(&b, "  %s\n", l)
		}
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
	return strings.TrimSuffix(b.String(), "\n")
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
	if strings.HasSuffix(what, "y") {
		what = strings.TrimSuffix(what, "y") + "ie"
	}
	return fmt.Sprintf("%d %ss", n, what)
}
