package sim

// Shrink returns a smaller case that still fails, if there is one: with less of its
// plan, fewer records, epochs and workers.
func Shrink(c *Case) *Case {
	for smaller := true; smaller; {
		smaller = false
		for _, try := range c.smaller() {
			if try.evaluate() && try.Run().Err != nil {
				c, smaller = try, true
				break
			}
		}
	}
	return c
}

// smaller returns cases that are a step smaller.
func (c *Case) smaller() (all []*Case) {
	with := func(change func(*Case)) {
		try := *c
		change(&try)
		all = append(all, &try)
	}
	for _, p := range c.Plan.smaller() {
		with(func(try *Case) { try.Plan = p })
	}
	if c.Workers > 1 && c.Policy != "starve one" && c.Policy != "freeze a pair" {
		with(func(try *Case) { try.Workers-- })
	}
	for t, xs := range c.Input {
		for _, kept := range [][]Record{nil, xs[:len(xs)/2], xs[len(xs)/2:], xs[:max(0, len(xs)-1)]} {
			if len(kept) == len(xs) {
				continue
			}
			with(func(try *Case) {
				try.Input = make(times)
				for u, ys := range c.Input {
					try.Input[u] = ys
				}
				try.Input[t] = kept
			})
		}
	}
	return all
}

// smaller returns plans with one node less.
func (p *Plan) smaller() (all []*Plan) {
	if p == nil {
		return nil
	}
	all = append(all, p.Next)
	with := func(change func(*Plan)) {
		try := *p
		change(&try)
		all = append(all, &try)
	}
	for _, q := range p.Next.smaller() {
		with(func(try *Plan) { try.Next = q })
	}
	for _, q := range p.Left.smaller() {
		with(func(try *Plan) { try.Left = q })
	}
	for _, q := range p.Right.smaller() {
		with(func(try *Plan) { try.Right = q })
	}
	return all
}
