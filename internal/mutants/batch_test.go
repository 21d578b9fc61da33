package mutants

// Batches keep their time, and belong to whoever refers to them.
var batchMutants = []mutant{
	{
		name: "a buffer goes back while somebody still refers to it",
		file: "internal/batch/batch.go",
		old:  `	case left > 0:`,
		new:  `	case left > 1:`,
		by:   sim,
	},
	{
		name: "a stream's readers do not know of each other",
		file: "stream.go",
		old: `		b.Share(len(t.to) - 1)
		for`,
		new: `		for`,
		by:  sim,
	},
	{
		name: "a FlatMap releases a batch before it has read it",
		file: "flatmap.go",
		old: `	for _, r := range b.Records {
		m.f(r)(f.yield)
	}
	b.Release()
`,
		new: `	records := b.Records
	b.Release()
	for _, r := range records {
		m.f(r)(f.yield)
	}
`,
		by: sim,
	},
	{
		name: "an exchange releases a batch before it has sorted it",
		file: "pact.go",
		old: `	if x.twoWays {
		x.sortTwo(records, keys)
	} else {
		x.sort(records, keys)
	}
	b.Release()
`,
		new: `	b.Release()
	if x.twoWays {
		x.sortTwo(records, keys)
	} else {
		x.sort(records, keys)
	}
`,
		by: sim,
	},
	{
		name: "a Filter works in place although others read the batch",
		file: "filter.go",
		old:  `	if !b.Exclusive() {`,
		new:  `	if b == nil {`,
		by:   sim,
	},
	{
		name: "a MapInPlace works in place although others read the batch",
		file: "map.go",
		old:  `	if !b.Exclusive() {`,
		new:  `	if b == nil {`,
		by:   sim,
	},
	{
		name: "a Map works in place although others read the batch",
		file: "map.go",
		old:  `return m.same && b.Exclusive()`,
		new:  `return m.same`,
		by:   sim,
	},
	{
		name: "records are added to a waiting batch of another time",
		file: "edge.go",
		old:  `tail.time != at || `,
		new:  ``,
		by:   sim,
	},
	{
		name: "records are added to a waiting batch that others read",
		file: "edge.go",
		old:  ` || !tail.batch.Exclusive() {`,
		new:  ` {`,
		by:   sim,
	},
	{
		name: "an exchange does not ship what waits when the time changes",
		file: "pact.go",
		old: `		x.shipAll()
		x.time, x.fed = at, x.engine.Feeding
`,
		new: `		x.time, x.fed = at, x.engine.Feeding
`,
		by: sim,
	},
	{
		name: "a session goes on at its time when one at another is opened",
		file: "port.go",
		old:  `	if out.open && out.time != t {`,
		new:  `	if out.open && out.time != t && out.number < 0 {`,
		by:   sim,
	},
	{
		name: "a broadcast counts a reader too few",
		file: "pact.go",
		old:  `	b.ShareAway(len(x.to))`,
		new:  `	b.ShareAway(len(x.to) - 1)`,
		by:   suite{".", "TestBroadcast"},
	},
}
