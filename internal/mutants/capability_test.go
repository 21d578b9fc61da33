package mutants

// Capabilities are counted from when they are there until they are dropped.
var capabilityMutants = []mutant{
	{
		name: "a capability that is retained is not counted",
		file: "capability.go",
		old: `	op.count(h, +1)
	return Capability[T]{`,
		new: `	return Capability[T]{`,
		by:  sim,
	},
	{
		name: "the drop of a capability is not counted",
		file: "capability.go",
		old:  `		op.count(h, -1)`,
		new:  ``,
		by:   sim,
	},
	{
		name: "a capability moves without its new time being counted",
		file: "capability.go",
		old:  "\top.count(h, +1)\n\top.count(&before, -1)\n",
		new:  "\top.count(&before, -1)\n",
		by:   suite{".", "TestInitialCapabilities"},
	},
	{
		name: "a capability moves without giving up its old time",
		file: "capability.go",
		old:  "\top.count(h, +1)\n\top.count(&before, -1)\n",
		new:  "\t_ = before\n\top.count(h, +1)\n",
		by:   suite{".", "TestInitialCapabilities"},
	},
	{
		name: "a capability for several outputs is counted at the first",
		file: "capability.go",
		old:  `		if least, ok := h.base.Plus(s); ok {`,
		new:  `		if least, ok := h.base.Plus(s); ok && o == 0 {`,
		by:   suite{".", "TestNotifyAtHoldsEachOutputAtItsTime"},
	},
	{
		name: "an operator begins with its own capability alone, without those of its peers",
		file: "builder.go",
		old:  `int64(op.engine.Peers()))`,
		new:  `1)`,
		by:   suite{".", "TestInitialCapabilities"},
	},
	{
		name: "an input begins with its own capability alone, without those of its peers",
		file: "input.go",
		old:  `int64(w.Peers()))`,
		new:  `1)`,
		by:   sim,
	},
	{
		name: "a session's time is not held over a pause",
		file: "port.go",
		old:  `	if !out.held {`,
		new:  `	if false {`,
		by:   sim,
	},
	{
		name: "a session's time is held for ever after a pause",
		file: "port.go",
		old:  `		out.op.graph.Update(out.at, out.time, -1)`,
		new:  ``,
		by:   sim,
	},
	{
		name: "an input that is paused moves to where its turn will end",
		file: "input.go",
		old: `	if l.head < len(l.entries) {
		l.moveTo(l.entries[l.head].time)`,
		new: `	if l.head < len(l.entries) {
		l.moveTo(l.last)`,
		by: sim,
	},
	{
		name: "an input that makes room for others moves to its last time",
		file: "input.go",
		old: `			l.moveTo(l.entries[l.head].time)
			l.node.Wake()`,
		new: `			l.moveTo(l.last)
			l.node.Wake()`,
		by: sim,
	},
}
