package mutants

// Records are counted where they are sent, and until they are consumed.
var countingMutants = []mutant{
	{
		name: "records sent to another worker are not counted",
		file: "edge.go",
		old:  `	q.graph.Update(q.at, at, n)`,
		new:  ``,
		by:   sim,
	},
	{
		name: "records that stay at their worker are not counted",
		file: "edge.go",
		old:  `	q.graph.Update(q.at, at, int64(n))`,
		new:  ``,
		by:   sim,
	},
	{
		name: "consumption is not counted",
		file: "edge.go",
		old:  `{ q.graph.Update(q.at, at, -int64(records)) }`,
		new:  `{}`,
		by:   sim,
	},
	{
		name: "a batch is consumed before its loop turn",
		file: "port.go",
		old: `		in.queue.consumed(e.time, records)
		e.batch.Release()
		if in.left > 0 && op.engine.Exhausted(records) {
			in.left = 0
		}
	}()
`,
		new: `		e.batch.Release()
		if in.left > 0 && op.engine.Exhausted(records) {
			in.left = 0
		}
	}()
	in.queue.consumed(e.time, records)
`,
		by: sim,
	},
	{
		name: "a relay consumes a batch before it is pushed",
		file: "edge.go",
		old: `		r.out.push(e.time, e.batch)
		r.queue.consumed(e.time, records)
`,
		new: `		r.queue.consumed(e.time, records)
		r.out.push(e.time, e.batch)
`,
		by: sim,
	},
	{
		name: "of several changes of a pointstamp the last one counts",
		file: "internal/progress/changes.go",
		old:  `			c.list[n-1].Delta += c.list[i].Delta`,
		new:  `			c.list[n-1].Delta = c.list[i].Delta`,
		by:   sim,
	},
	{
		name: "own changes are applied twice",
		file: "internal/progress/tracker.go",
		old: `	k.apply(k.own.List())
`,
		new: `	k.apply(k.own.List())
	k.apply(k.own.List())
`,
		by: sim,
	},
	{
		name: "what a worker did is told to some of its peers only",
		file: "internal/comm/cluster/sum.go",
		old:  `		if f.first+i != worker {`,
		new:  `		if f.first+i > worker {`,
		by:   sim,
	},
	{
		name: "what a worker did in nested scopes is not told",
		file: "internal/engine/dataflow.go",
		old:  `		f.to.Send(f.own)`,
		new:  `		f.to.Send(&progress.Message{Sent: f.own.Sent, Parts: f.own.Parts[:1]})`,
		by:   sim,
	},
	{
		name: "a message is told scope by scope, the outermost first",
		file: "internal/engine/dataflow.go",
		old:  `		f.to.Send(f.own)`,
		new: `		for level, part := range f.own.Parts {
			m := progress.NewMessage(f.levels)
			m.Parts[level].Merge(part)
			f.to.Send(m)
		}`,
		by: sim,
	},
	{
		name: "what waits in a sum is told twice",
		file: "internal/comm/local/inbox.go",
		old:  `	s.sum, s.some = empty, false`,
		new: `	s.merge(empty, taken)
	s.sum, s.some = empty, false`,
		by: sim,
	},
	{
		name: "a message that finds another waiting is lost",
		file: "internal/comm/local/inbox.go",
		old: `	s.merge(s.sum, m)
	first := !s.some
`,
		new: `	first := !s.some
	if first {
		s.merge(s.sum, m)
	}
`,
		by: sim,
	},
	{
		name: "what waits in a sum is lost when it is taken",
		file: "internal/comm/local/inbox.go",
		old: `	taken := s.sum
	s.sum, s.some = empty, false
	return taken
`,
		new: `	s.sum, s.some = empty, false
	return empty
`,
		by: sim,
	},
	{
		name: "a program goes on to send after a failure",
		file: "internal/engine/worker.go",
		old: `	if w.x.failing.Load() {
		w.leave()
	}
	if w.loop.Unwinding() {`,
		new: `	if w.loop.Unwinding() {`,
		by:  suite{".", "TestDeferredFunctionsLeaveAgainAfterAFailure"},
	},
	{
		name: "what a worker did is told after a failure",
		file: "internal/engine/dataflow.go",
		old:  ` && !f.own.Empty() && !w.x.failing.Load() {`,
		new:  ` && !f.own.Empty() {`,
		by:   suite{"./internal/sim", "TestSimulatedProgramsThatFailTellNothingMore"},
	},
	{
		name: "workers tell each other that nothing has happened",
		file: "internal/engine/dataflow.go",
		old:  ` && !f.own.Empty() && !w.x.failing.Load() {`,
		new:  ` && !w.x.failing.Load() {`,
		by:   suite{"./internal/sim", "TestProgress"},
	},
}
