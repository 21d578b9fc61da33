package mutants

// clusterMutants break what joins processes.
var clusterMutants = []mutant{
	{
		name: "what arrives before its channel is open is lost",
		file: "internal/comm/cluster/fabric.go",
		old:  `		f.early[number] = append(f.early[number], p)`,
		new:  `		_ = p`,
		by:   clusterQueues,
	},
	{
		name: "what is kept for later is not copied",
		file: "internal/comm/cluster/fabric.go",
		old: `		p.bytes = append([]byte(nil), p.bytes...)
`,
		new: ``,
		by:  clusterQueues,
	},
	{
		name: "what was told to a process is told again",
		file: "internal/comm/cluster/sum.go",
		old:  `	o.wire.Reset(o.spare)`,
		new:  ``,
		by:   clusterSums,
	},
	{
		name: "progress is told to who has not opened the channel",
		file: "internal/comm/cluster/sum.go",
		old:  `	first := !o.some && o.wanted`,
		new:  `	first := !o.some`,
		by:   clusterSums,
	},
	{
		name: "a channel that all have closed is kept",
		file: "internal/comm/cluster/fabric.go",
		old:  `		if c.open--; c.open == 0 {`,
		new:  `		if c.open--; c.open < 0 {`,
		by:   clusterSums,
	},
	{
		name: "a dataflow is at rest as soon as all were asked once",
		file: "internal/engine/rest.go",
		old:  `	if r.changed {`,
		new:  `	if false {`,
		by:   clusterRest,
	},
	{
		name: "what three processes told is believed unasked",
		file: "internal/engine/rest.go",
		old:  `	return len(r.slots) > 2*r.here && !`,
		new:  `	return false && !`,
		by:   clusterRest,
	},
}

var (
	clusterQueues = suite{"./internal/comm/cluster", "TestEarly"}
	clusterSums   = suite{"./internal/comm/cluster", "TestSums|TestClosed"}
	clusterRest   = suite{"./internal/engine", "TestRest"}
)
