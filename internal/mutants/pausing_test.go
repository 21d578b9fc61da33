package mutants

// An operator that is paused has shipped what it has finished, goes on later, and
// never runs beside itself.
var pausingMutants = []mutant{
	{
		name: "what waits in exchanges is not shipped before a pause",
		file: "internal/engine/turn.go",
		old: `	n.body.Pausing()
	w.ship()
`,
		new: `	n.body.Pausing()
`,
		by: sim,
	},
	{
		name: "an operator is not told that it will be paused",
		file: "internal/engine/turn.go",
		old: `	n.body.Pausing()
	w.ship()
`,
		new: `	_ = n
	w.ship()
`,
		by: sim,
	},
	{
		name: "what waits in exchanges is not shipped at the end of a turn",
		file: "internal/engine/turn.go",
		old: `	n.body.Turn()
	w.ship()
`,
		new: `	n.body.Turn()
`,
		by: sim,
	},
	{
		name: "a paused operator goes on in the same pass",
		file: "internal/schedule/loop.go",
		old: `	for l.failure == nil && l.enter(l.idle()) == paused {
`,
		new: `	for l.failure == nil && l.enter(l.idle()) == paused {
		for _, t := range l.ready {
			t.ready = false
			l.resume(t)
		}
		l.ready = l.ready[:0]
`,
		by: suite{"./internal/schedule", "TestLoopAgreesWithModel"},
	},
	{
		name: "a paused operator that is woken runs beside itself",
		file: "internal/schedule/loop.go",
		old: `	case t.strand != nil:
		t.again = true
`,
		new: ``,
		by:  sim,
	},
	{
		name: "the waking of a paused operator is forgotten",
		file: "internal/schedule/loop.go",
		old: `	case t.strand != nil:
		t.again = true
`,
		new: `	case t.strand != nil:
`,
		by: sim,
	},
	{
		name: "an operator that was awake when it was paused runs beside itself",
		file: "internal/schedule/strand.go",
		old:  `	if l.isAwake(t.index) { // it must not run beside itself`,
		new:  `	if t.index < 0 {`,
		by:   suite{"./internal/schedule", "TestAwakeWhenItPauses|TestLoopAgreesWithModel"},
	},
	{
		name: "a paused operator that has ended its turn does not run again",
		file: "internal/schedule/loop.go",
		old: `					t.again = false
					t.Wake()
`,
		new: `					t.again = false
`,
		by: sim,
	},
	{
		name: "a FlatMap where several producers meet has no queue",
		file: "flatmap.go",
		old:  `	if s.by.several() {`,
		new:  `	if s.by.several() && f == nil {`,
		by:   suite{".", "TestFlatMapIsNeverEnteredWhileSuspended"},
	},
	{
		name: "a FlatMap is not paused in the middle of a sequence",
		file: "flatmap.go",
		old: `		f.named.engine.PausePoint(n)
`,
		new: ``,
		by:  sim,
	},
	{
		name: "a panicking operator is paused while it unwinds",
		file: "internal/engine/turn.go",
		old:  ` && !w.panicking && !w.running.atomic {`,
		new:  ` && !w.running.atomic {`,
		by:   suite{".", "TestPanickingOperatorIsNotPausedAgain"},
	},
}
