package mutants

// Counts become frontiers.
var progressMutants = []mutant{
	{
		name: "frontiers are not mended when a time vanishes",
		file: "internal/progress/tracker.go",
		old:  `			k.moved = p.points.Mend(k.moved[:0])`,
		new:  `			k.moved = k.moved[:0]`,
		by:   sim,
	},
	{
		name: "what arrives from elsewhere is not mended when a time vanishes",
		file: "internal/progress/tracker.go",
		old:  `	k.moved = p.implied.Mend(moved)`,
		new:  `	k.moved = moved`,
		by:   sim,
	},
	{
		name: "a search for the next frontier passes over too many times",
		file: "internal/progress/index.go",
		old:  `		if covers(frontier, c.meet) {`,
		new:  `		if covers(frontier, c.low) {`,
		by:   suite{"./internal/progress", "TestIndexAgreesWithMap|CountsAgreeWithMap"},
	},
	{
		name: "a search begins after the first time that vanished",
		file: "internal/progress/counts.go",
		old:  `	if !c.torn || t.Compare(c.from) < 0 {`,
		new:  `	if !c.torn || t.Compare(c.from) > 0 {`,
		by:   suite{"./internal/progress", "CountsAgreeWithMap"},
	},
	{
		name: "a time that is counted twice moves at once",
		file: "internal/progress/counts.go",
		old:  `only[0] != (item[T, int64]{from.Time, 1}) {`,
		new:  `only[0].time != from.Time {`,
		by:   suite{"./internal/progress", "AdvanceIsTwoUpdates"},
	},
	{
		name: "what is counted less than never comes into a torn frontier",
		file: "internal/progress/counts.go",
		old:  `			if few[i].value > 0 {`,
		new:  `			if few[i].value != 0 {`,
		by:   suite{"./internal/progress", "CountsAgreeWithMap"},
	},
	{
		name: "scopes tell their parents before what is inside them told them",
		file: "internal/progress/level.go",
		old: `	for i := len(levels) - 1; i >= 0; i-- {
		levels[i].Apply()
	}
`,
		new: `	for _, l := range levels {
		l.Apply()
	}
`,
		by: sim,
	},
	{
		name: "frontiers enter scopes from the inside out",
		file: "internal/progress/level.go",
		old: `	for _, l := range levels {
		l.Propagate()
	}
`,
		new: `	for i := len(levels) - 1; i >= 0; i-- {
		levels[i].Propagate()
	}
`,
		by: sim,
	},
	{
		name: "what a scope holds is not told to its parent",
		file: "internal/progress/link.go",
		old:  `	l.parent.apply(l.told)`,
		new:  ``,
		by:   sim,
	},
	{
		name: "the frontier around a scope does not enter it",
		file: "internal/progress/link.go",
		old:  `		l.imply(in.inner, l.frame)`,
		new:  ``,
		by:   sim,
	},
	{
		name: "what is held around a scope is not seen at its entrance",
		file: "internal/progress/link.go",
		old: `	l.ports[inner].fed = true
`,
		new: ``,
		by:  suite{".", "TestProbeAtTheEntranceOfAScopeSeesWhatMayEnter"},
	},
	{
		name: "components are settled against their order",
		file: "internal/progress/tracker.go",
		old:  `{ return *a < *b }`,
		new:  `{ return *a > *b }`,
		by:   suite{"./internal/progress", "TestTracker$|TestTrackerAgreesWithOracle|TestChangeCostsWhatItReaches"},
	},
	{
		name:  "changes go round a cycle in no order of time",
		file:  "internal/progress/cycle.go",
		old:   `	return a.Time.Compare(b.Time) < 0`,
		new:   `	return a.Time.Compare(b.Time) > 0`,
		by:    suite{"./internal/progress", "TestTracker$|TestCycleCostsTheSameInEitherOrder"},
		hangs: true,
	},
	{
		name: "what leaves a cycle waits until something else goes the same way",
		file: "internal/progress/cycle.go",
		old: `			if !inside {
				k.enlist(to.place)
			}
`,
		new: ``,
		by:  suite{"./internal/progress", "TestTracker$|TestTrackerAgreesWithOracle"},
	},
	{
		name: "what appears at one member of a small cycle is not seen at the others",
		file: "internal/progress/paths.go",
		old:  `		for _, from := range p.paths {`,
		new:  `		for _, from := range p.paths[:1] {`,
		by:   sim,
	},
	{
		name: "paths within a small cycle take no time",
		file: "internal/progress/paths.go",
		old:  `u.Time.Plus(from.summary); ok {`,
		new:  `u.Time.Plus(p.paths[0].summary); ok {`,
		by:   suite{"./internal/progress", "TestTracker$|TestTrackerAgreesWithOracle"},
	},
	{
		name: "what comes round a small cycle is not expected back",
		file: "internal/progress/tracker.go",
		old:  `	return may || p.comesBack(t)`,
		new:  `	return may`,
		by:   suite{"./internal/progress", "TestTrackerAgreesWithOracle"},
	},
	{
		name: "of two paths within a small cycle the longer one is taken",
		file: "internal/progress/paths.go",
		old:  `x.to == more.to && x.summary.LessEqual(more.summary) {`,
		new:  `x.to == more.to && more.summary.LessEqual(x.summary) {`,
		by:   suite{"./internal/progress", "TestTracker$|TestTrackerAgreesWithOracle"},
	},
	{
		name: "of what moves around a scope in one settlement only the first is seen inside",
		file: "internal/progress/tracker.go",
		old: `	if p.kept {
`,
		new: `	if p.kept && len(p.moved) == 0 {
`,
		by: suite{"./internal/progress", "TestTracker$|TestTrackerAgreesWithOracle"},
	},
	{
		name: "changes leave a cycle without the delay of their way",
		file: "internal/progress/cycle.go",
		old: `				t, ok := u.Time.Plus(w.summary)
				switch {`,
		new: `				t, ok := u.Time.Plus(w.summary)
				if !inside {
					t = u.Time
				}
				switch {`,
		by: suite{"./internal/progress", "TestTracker$|TestTrackerAgreesWithOracle"},
	},
	{
		name: "a feedback's delay is not in the graph",
		file: "loop.go",
		old:  `	summary, ok := r.summary.Plus(l.delay)`,
		new:  `	summary, ok := r.summary, true`,
		by:   sim,
	},
	{
		name: "records go round a loop without its delay",
		file: "loop.go",
		old:  `	later, ok := at.Plus(l.delay)`,
		new:  `	later, ok := at, true`,
		by:   sim,
	},
	{
		name: "a stream that enters a scope is not in the graph",
		file: "scope.go",
		old:  `	s.feeds(e, outer)`,
		new:  ``,
		by:   sim,
	},
	{
		name: "of streams that are brought together only one is in the graph",
		file: "concat.go",
		old:  `		roots.add(s.roots)`,
		new:  `		roots.all = s.roots`,
		by:   sim,
	},
	{
		name: "a probe where streams meet looks at one of them",
		file: "probe.go",
		old:  `len(s.roots) == 1 && `,
		new:  ``,
		by:   suite{".", "TestProbeWhereStreamsMeetWaitsForAllOfThem"},
	},
	{
		name: "a path that takes time is in the graph without it",
		file: "operator.go",
		old:  `			op.graph.Connect(at, op.outputs[o].at, s)`,
		new:  `			op.graph.Connect(at, op.outputs[o].at, op.zero[0])`,
		by:   suite{".", "TestPathsTakeTheirTime"},
	},
}
