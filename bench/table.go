package main

// table is what "all" runs: each line with the figures of timely dataflow 0.29 in
// Rust and the goals for this engine, both as of a machine like reference. Where
// Rust's figure was a range this is its middle; zero is not known, or no goal.
var table = []row{
	{"B1", "exchange 100000 1000 -w1", byCopy, []target{{seconds, 0.095, 0.095}}},
	{"B1", "exchange 100000 1000 -w1 --batch", byCopy, []target{{seconds, 0, 0.03}}},
	{"B2", "exchange 100000 1000 -w2", byCopy, []target{{seconds, 0.352, 0.30}}},
	{"B2", "exchange 100000 1000 -w2 --batch", byCopy, []target{{seconds, 0, 0.18}}},
	{"B3", "exchange 1 1000000 -w1", byALU, []target{{perOp, 2.24, 0.5}}},
	{"B4", "exchange 1 200000 -w2", byHop, []target{{perOp, 6.5, 1.5}}},
	{"B5", "barrier 1000000 -w1", byALU, []target{{perOp, 0.93, 0.25}}},
	{"B6", "barrier 200000 -w2", byHop, []target{{perOp, 13.5, 2}}},
	{"B7", "pingpong 1000000 1 -w1", byALU, []target{{perOp, 3.0, 0.6}}},
	{"B8", "pingpong 200000 1 -w2", byHop, []target{{perOp, 25.5, 3}}},
	{"B9", "pingpong 100 1000000 -w2", byCopy, []target{{seconds, 0.15, 0.12}}},
	{"B9", "pingpong 100 1000000 -w2 --batch", byCopy, []target{{seconds, 0.15, 0.12}}},
	{"B10", "event_driven 1 1000 record", byALU, []target{{perOp, 600, 10}}},
	{"B11", "event_driven 1000 10", byALU, []target{{perOp, 3.0, 1}}},
	{"B11", "event_driven 1000 10 record", byALU, []target{{perOp, 37, 2}}},
	{"B12", "hashjoin 1000000 4000000 100000 -w1", byCopy, []target{{seconds, 3.8, 3.0}, {memory, 283, 283}}},
	{"B12", "hashjoin 1000000 4000000 100000 -w2", byCopy, []target{{seconds, 1.9, 1.5}, {memory, 296, 296}}},
	{"B13", "pagerank 100000 1000000 -w1", byALU, []target{{seconds, 2.5, 2.0}, {memory, 288, 0}}},
	{"B13", "pagerank 100000 1000000 -w2", byALU, []target{{seconds, 1.7, 1.3}, {memory, 288, 0}}},
	{"B14", "unionfind 10000000 20000000 1000000 -w1", byCopy, []target{{seconds, 3.05, 2.5}}},
	{"B15", "flow 20000", byALU, []target{{seconds, 0.9, 0.45}, {memory, 1584, 32}}},
	{"B15", "flow 20000 --exchange", byALU, []target{{seconds, 0, 0}, {memory, 0, 32}}},
	{"B15", "flow 20000 --exchange -w2", byALU, []target{{seconds, 0, 0}, {memory, 0, 32}}},
	{"B15", "flow 40000", byALU, []target{{seconds, 16, 0}, {memory, 6300, 32}}},
	{"B15", "flow 100000", byALU, []target{{seconds, 0, 12}, {memory, 0, 32}}},
	{"B16", "exchange 100000 200 -n2", byCopy, []target{{seconds, 1.45, 0.25}}},
	{"B17", "exchange 1 100000 -n2", byTrip, []target{{perOp, 323, 1.3 * reference.Trip}}},
	{"B18", "barrier 50000 -n2", byTrip, []target{{perOp, 66, 40}}},
	{"B19", "openloop 1000000 5 -w1", byALU, []target{{p50, 4, 3}, {p99, 7, 7}, {p999, 0, 100}}},
	{"B19", "openloop 1000000 5 -w2", byHop, []target{{p50, 0, 3}, {p99, 4000, 7}, {p999, 0, 100}}},
	{"B20", "build operators 10000", byALU, []target{{seconds, 0, 0.2}}},
	{"B20", "build inputs 100000", byALU, []target{{seconds, 0, 1}}},
	{"", "wordcount 1000000 10000 -w1", byALU, []target{{seconds, 0, 0}}},
	{"", "wordcount 1000000 10000 -w2", byALU, []target{{seconds, 0, 0}}},
	{"", "windows 10000000 10000 -w1", byALU, []target{{seconds, 0, 0}}},
	{"", "windows 10000000 10000 -w2", byALU, []target{{seconds, 0, 0}}},
}

// reference is how fast the machine was on which Rust was measured.
var reference = calibration{ALU: 1.47, Copy: 13, Hop: 104, Trip: 58}

type row struct {
	id      string // of the list of goals
	command string
	bound   bound
	targets []target
}

// target is what one figure of a run should be.
type target struct {
	figure     figure
	rust, goal float64
}

// bound says by which figure of the machine a row's times move.
type bound func(calibration) float64

var (
	byALU  bound = func(c calibration) float64 { return c.ALU }
	byCopy bound = func(c calibration) float64 { return c.Copy }
	byHop  bound = func(c calibration) float64 { return c.Hop }
	byTrip bound = func(c calibration) float64 { return c.Trip }
)

// figure is what is read from a result.
type figure struct {
	name, unit string
	of         func(result) float64
	time       bool // it depends on how fast the machine is
}

var (
	seconds = figure{"time", "s", func(r result) float64 { return r.Seconds }, true}
	perOp   = figure{"an op", "µs", func(r result) float64 { return r.NsPerOp / 1000 }, true}
	memory  = figure{"memory", "MB", func(r result) float64 { return r.MaxRSS }, false}
	p50     = figure{"p50", "µs", func(r result) float64 { return r.P50 }, true}
	p99     = figure{"p99", "µs", func(r result) float64 { return r.P99 }, true}
	p999    = figure{"p99.9", "µs", func(r result) float64 { return r.P999 }, true}
)
