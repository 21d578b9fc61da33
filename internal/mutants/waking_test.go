package mutants

// Whoever has something to do is woken.
var wakingMutants = []mutant{
	{
		name: "a batch that arrives wakes nobody",
		file: "edge.go",
		old: `	q.entries = append(q.entries, e)
	q.node.Wake()
`,
		new: `	q.entries = append(q.entries, e)
`,
		by: sim,
	},
	{
		name: "an operator that leaves batches for later is not woken",
		file: "operator.go",
		old:  `		if op.inputs[i].waiting() > 0 {`,
		new:  `		if op.inputs[i].waiting() > 1<<20 {`,
		by:   sim,
	},
	{
		name: "a notificator that was given something late is not looked at again",
		file: "operator.go",
		old:  `		if n.unread() {`,
		new:  `		if n.unread() && op.turn == 0 {`,
		by:   suite{".", "TestNotifyAtATimeAlreadyComplete|TestReadyLoopThatBreaksKeepsTheRest|TestBarrier"},
	},
	{
		name: "an operator that holds a capability does not hear of its frontier",
		file: "port.go",
		old:  `		if in.op.holds == 0 && in.asked != in.op.turn {`,
		new:  `		if in.asked != in.op.turn {`,
		by:   suite{".", "TestFrontierInterest"},
	},
	{
		name: "a probe that was read in a turn wakes nobody",
		file: "probe.go",
		old:  `		n.Wake()`,
		new:  `		_ = n`,
		by:   suite{".", "TestProbeReadInATurnWakesTheOperator"},
	},
	{
		name: "a message in an empty inbox is not announced",
		file: "internal/comm/local/inbox.go",
		old: `	q.waiting = append(q.waiting, m)
	q.mu.Unlock()
	if first {`,
		new: `	q.waiting = append(q.waiting, m)
	q.mu.Unlock()
	if first && q.bell.channel < 0 {`,
		by: sim,
	},
	{
		name: "an announced message does not wake who is parked",
		file: "internal/comm/local/end.go",
		old:  `	if (s == napping || s == asleep) && e.state`,
		new:  `	if (s == napping || s == asleep) && b.channel < 0 && e.state`,
		by:   sim,
	},
	{
		name: "a channel is heard of once",
		file: "internal/comm/local/end.go",
		old: `		b.rung.Store(false) // from here on it may ring again
`,
		new: ``,
		by:  sim,
	},
	{
		name: "of channels that something comes to only the last is heard of",
		file: "internal/comm/local/end.go",
		old:  `e.rung.CompareAndSwap(b.next, b)`,
		new:  `e.rung.CompareAndSwap(e.rung.Load(), b)`,
		by:   sim,
	},
	{
		name: "what peers did is applied but not settled",
		file: "internal/progress/level.go",
		old: `		k.apply(c.List())
		k.touch()
`,
		new: `		k.apply(c.List())
`,
		by: sim,
	},
	{
		name: "a message under way does not count as able to wake somebody",
		file: "internal/comm/local/fabric.go",
		old:  `	f.carrying.Add(1)`,
		new:  `	f.carrying.Add(0)`,
		by:   sim,
	},
	{
		name: "a signal that a sleeper has not seen does not count as waking it",
		file: "internal/comm/local/end.go",
		old:  `	return s == gone || s == asleep && !signal`,
		new:  `	return s == gone || s == asleep && (!signal || signal)`,
		by:   suite{"./internal/comm/local", "TestSignalNotLookedAt|TestStuck"},
	},
	{
		name: "a waker does not wake a worker that is parked",
		file: "internal/engine/waker.go",
		old: `		k.worker.wakers.use(k)
	}
	k.worker.end.Signal()
`,
		new: `		k.worker.wakers.use(k)
	}
`,
		by: suite{"./internal/engine", "TestWakerIsSticky|TestManyGoroutinesWake|TestNoWakeIsLost"},
	},
	{
		name: "a worker's wake is forgotten between passes",
		file: "internal/engine/waker.go",
		old: `	if k.used.Load() && k.take() {
		k.useWorker()
	}
`,
		new: `	k.take()
`,
		by:    suite{"./internal/engine", "TestWorkerIsWokenDuringPasses"},
		hangs: true,
	},
	{
		name: "an operator's waker can be used once",
		file: "internal/engine/waker.go",
		old: `		w.listed.Store(false)
`,
		new:   ``,
		by:    suite{"./internal/engine", "TestManyGoroutinesWake"},
		hangs: true,
	},
	{
		name: "a dataflow ends although an operator says that it is busy",
		file: "internal/engine/node.go",
		old:  `	return !n.busy && `,
		new:  `	return `,
		by:   suite{".", "TestActivateAfter"},
	},
}
