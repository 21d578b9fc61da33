package mutants

// Operators are paused by what they send into, and let go on before a dataflow comes
// to its end by that.
var flowMutants = []mutant{
	{
		name: "nothing is granted when a dataflow is at rest",
		file: "internal/engine/rest.go",
		old:  `	return dropped || sent == received //`,
		new:  `	return dropped && sent == received && false //`,
		by:   flowRest,
	},
	{
		name: "nothing is granted by the timer",
		file: "internal/engine/rest.go",
		old:  `	return *due <= now`,
		new:  `	return *due <= now && false`,
		by:   flowShapes,
	},
	{
		name: "a dataflow is at rest only if all dataflows are",
		file: "internal/engine/rest.go",
		old:  `	return w.loop.Stirring(f.nodes[0].task, f.nodes[n-1].task) ||`,
		new:  `	return w.loop.Busy() ||`,
		by:   flowRest,
	},
	{
		name: "a Throttle lets through first what came first",
		file: "throttle.go",
		old: `	case t.isAwaited(u):
		t.open = append(t.open, u)
	default:
		t.next = append(t.next, u)
		slices.SortFunc(t.next, T.Compare)
`,
		new: `	default:
		t.next = append(t.next, u)
`,
		by:    suite{".", "TestThrottleLetsThrough"},
		hangs: true,
	},
	{
		name: "no credit is given for batches that were added to others",
		file: "internal/engine/edge.go",
		old:  `	a.taken += spent - held`,
		new:  `	a.taken += 0 * (spent - held)`,
		by:   flowSim,
	},
	{
		name: "who waits for credit goes on without",
		file: "internal/engine/edge.go",
		old:  `	if len(o.waiting) > 0 && (!o.window.Full() || !o.window.Ask()) {`,
		new:  `	if len(o.waiting) > 0 && (true || !o.window.Ask()) {`,
		by:   flowBounds,
	},
	{
		name: "grants to operators of the same worker are not taken back",
		file: "internal/engine/edge.go",
		old:  `		a.raised -= min(a.raised, bytes)`,
		new:  `		a.raised -= 0 * min(a.raised, bytes)`,
		by:   flowBounds,
	},
	{
		name: "grants to other workers are not taken back",
		file: "internal/engine/edge.go",
		old:  `		back := min(a.raised, bytes)`,
		new:  `		back := 0 * min(a.raised, bytes)`,
		by:   flowBounds,
	},
	{
		name: "more is granted for a consumer that takes what it gets",
		file: "internal/engine/edge.go",
		old:  `func (e *Edge) declined() bool {`,
		new: `func (e *Edge) declined() bool {
	if e.entries > 0 {
		return true
	}`,
		by: flowBounds,
	},
	{
		name: "what comes round a loop is counted against the share",
		file: "internal/engine/edge.go",
		old:  `	if e.worker.Feeding && e.isFed() {`,
		new:  `	if e.worker.Feeding && e.isFed() && e.worker == nil {`,
		by:   flowSim,
	},
	{
		name: "a lap never ends",
		file: "internal/engine/loop.go",
		old:  `	case full && s.sum.taken >= s.until:`,
		new:  `	case full && s.sum.taken >= s.until+1<<40:`,
		by:   flowLaps,
	},
	{
		name: "laps in which nothing changes let no more in",
		file: "internal/engine/loop.go",
		old:  `min(2*s.step, `,
		new:  `min(1*s.step, `,
		by:   flowLaps,
	},
	{
		name: "a loop is entered without regard to what goes round",
		file: "internal/engine/loop.go",
		old:  `	case !full && s.sum.held > s.budget:`,
		new:  `	case !full && s.sum.held > s.budget+1<<40:`,
		by:   flowLaps,
	},
	{
		name: "an entrance waits for any feedback",
		file: "internal/engine/cycles.go",
		old:  `	l.budget = len(l.fed) * int(l.worker.budget)`,
		new:  `	l.budget = 0`,
		by:   flowLaps,
	},
	{
		name: "an entrance waits for what goes round another loop",
		file: "internal/engine/loop.go",
		old: `	c := l.own
	for _, i := range l.inner {`,
		new: `	c := l.own
	for _, o := range l.fed[0].Node.Flow.loops {
		if o != l {
			c.held += o.own.held
			c.live += o.own.live
		}
	}
	for _, i := range l.inner {`,
		by: suite{"./internal/sim", "TestEntranceOfALoopThatIsNotFull"},
	},
	{
		name: "a dataflow is at rest again before all have looked",
		file: "internal/engine/rest.go",
		old:  `	r.forget(noWorker, func(int) bool { return true })`,
		new:  `	r.forget(noWorker, func(i int) bool { return r.slots[i].may })`,
		by:   suite{"./internal/engine", "TestADataflowIsAtRestAgain"},
	},
	{
		name: "who has dropped a dataflow gives no credit",
		file: "internal/engine/channel.go",
		old: `	q.edge.abandon()
`,
		new: ``,
		by:  flowBounds,
	},
	{
		name: "credit does not wake who waits for it",
		file: "internal/comm/credit.go",
		old: `CompareAndSwap(true, false) {
		w.notify()`,
		new: `CompareAndSwap(true, false) && bytes < 0 {
		w.notify()`,
		by: flowSim,
	},
	{
		name: "an operator does not wait at the end of its turn",
		file: "internal/engine/turn.go",
		old: `		n.lent = 0 // all that came of it is sent
		w.pause()
`,
		new: `		w.full = w.full[:0]
`,
		by: flowBounds,
	},
}

var (
	flowSim    = suite{"./internal/sim", "TestFlow"}
	flowRest   = suite{"./internal/sim", "TestRestIsSeenAtOnce|TestFlowShapes"}
	flowBounds = suite{"./internal/sim", "TestSlowConsumer|TestGrantsAreTakenBack|TestWhoHasDropped|TestOperatorWaitsAtTheEnd"}
	flowLaps   = suite{"./internal/sim", "TestFullLoop"}
	flowShapes = suite{"./internal/sim", "TestFlowShapes"}
)
