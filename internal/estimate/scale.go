package estimate

import (
	"fmt"
	"math"

	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/transforms"
)

func unknown(why string) plan.Figure { return plan.Figure{Unknown: why} }

// times is a figure of the sample for all rows.
func (s *sample) times(x *node, n float64) plan.Figure {
	came := x.came()
	switch {
	case !x.in.Known():
		return unknown(x.in.Unknown)
	case x.in.Exact && !x.partly():
		return plan.Figure{Value: n, Exact: true}
	case came == 0 && x.in.Value > 0:
		return unknown("none of the rows that were looked at came to " + x.Address)
	case came == 0:
		return plan.Figure{}
	}
	return plan.Figure{Value: n * x.in.Value / came}
}

// came is how many rows of the sample a node read, or got.
func (x *node) came() float64 {
	return float64(x.report.Read + x.report.In)
}

// scale finds how many rows come to a node in a run, and how many leave it. The
// nodes before it have been scaled.
func (x *node) scale(s *sample) {
	x.byOutput = map[string]plan.Figure{}
	if x.Kind == plan.Source {
		x.in = x.all(s)
	} else {
		x.in = x.come(s)
	}
	if x.Kind == plan.Sink {
		x.out = s.times(x, float64(x.report.Written))
		return
	}
	outputs := x.Outputs()
	if outputs == nil {
		outputs = []string{""}
	}
	for i, o := range outputs {
		f := x.leave(s, o)
		x.byOutput[o] = f
		switch {
		case i == 0:
			x.out = f
		case x.out.Known() && f.Known():
			x.out.Value += f.Value
		case x.out.Known():
			x.out = f
		}
	}
}

// all is how many rows a source has.
func (x *node) all(s *sample) plan.Figure {
	switch {
	case x.why != "":
		return unknown(x.Address + " was not looked at")
	case s.err != nil:
		return unknown("the sample ended with an error")
	case x.source.failed != nil:
		return unknown(x.Address + " can't be read, or not to its end")
	}
	n, share := x.came(), x.source.share
	switch {
	case share.Ended && !s.cut:
		return plan.Figure{Value: n, Exact: true}
	case share.Whole == 0 || share.Part == 0:
		return unknown(share.By)
	}
	f := plan.Figure{Value: n * share.Whole / share.Part}
	if share.Most > 0 {
		f.Value = min(f.Value, float64(share.Most))
	}
	return f
}

// come is how many rows come to a node from those that it reads.
func (x *node) come(s *sample) plan.Figure {
	sum := plan.Figure{Exact: true}
	for _, in := range x.Inputs {
		f := s.nodes[in.From].byOutput[in.Output]
		if !f.Known() {
			return f
		}
		sum.Value += f.Value
		sum.Exact = sum.Exact && f.Exact
	}
	return sum
}

// leave is how many rows leave a node by an output.
func (x *node) leave(s *sample, output string) plan.Figure {
	if x.copied == nil && x.Kind == plan.Transform {
		return unknown(x.why)
	}
	left := s.passing.left(x.copied, output)
	scaler, own := x.Transform.(transforms.Scaler)
	if !own || !x.in.Known() || x.in.Exact && !x.partly() {
		return s.times(x, left)
	}
	all, why := scaler.Scale(x.came(), left, x.in.Value)
	if why != "" {
		return unknown(why)
	}
	return plan.Figure{Value: all}
}

// estimate is what a run would do at a node.
func (s *sample) estimate(x *node) *plan.NodeEstimate {
	e := &plan.NodeEstimate{In: x.in, Out: x.out, Rejected: s.times(x, float64(x.report.Rejected))}
	defer round(e)
	switch {
	case x.copied == nil:
	case x.Kind == plan.Source:
		s.reading(x, e)
	case x.Kind == plan.Transform && x.report.Requests > 0:
		s.asking(x, e)
	case x.Kind == plan.Sink && x.sink.packing != nil:
		s.writing(x, e)
	case x.Kind == plan.Sink && x.sink.bytes != nil:
		bytes := s.times(x, x.sink.bytes.Value)
		bytes.AtMost = x.sink.bytes.AtMost && bytes.Known()
		e.Bytes = &bytes
	}
	return e
}

// round makes figures whole that have no parts; read units have halves.
func round(e *plan.NodeEstimate) {
	for _, f := range []*plan.Figure{&e.In, &e.Out, &e.Rejected, e.Bytes, e.Requests} {
		if f != nil {
			f.Value = math.Round(f.Value)
		}
	}
	for i := range e.Capacity {
		u := &e.Capacity[i].Units
		u.Value = math.Round(u.Value*2) / 2
	}
}

// reading is what a source takes.
func (s *sample) reading(x *node, e *plan.NodeEstimate) {
	share := x.source.share
	if !x.in.Known() {
		return
	}
	e.Basis = share.By
	if x.in.Exact {
		e.Basis = "all was looked at"
	}
	if bytes := x.source.meter.BytesTotal; bytes > 0 {
		e.Bytes = &plan.Figure{Value: float64(bytes), Exact: true}
	}
	if share.Requests > 0 {
		e.Requests = &plan.Figure{Value: share.Requests}
		for _, c := range x.source.meter.Capacity {
			units := c.Units * share.Units / max(x.units(), 0.5)
			e.Capacity = append(e.Capacity, plan.Capacity{Table: c.Table, Index: c.Index, Kind: "read", Units: plan.Figure{Value: units}})
		}
	}
	if share.Budget > 0 && share.Units > 0 {
		e.Seconds = &plan.Figure{Value: share.Units / share.Budget, AtLeast: true}
		e.SecondsBy = fmt.Sprintf("read_capacity = %g RCU per second", share.Budget)
	}
}

// asking is what a transform asks of a service. Among more rows more keys are
// equal, which are asked for once in a batch.
func (s *sample) asking(x *node, e *plan.NodeEstimate) {
	most := func(n float64) plan.Figure {
		f := s.times(x, n)
		f.AtMost = !f.Exact && f.Known()
		return f
	}
	requests := most(float64(x.report.Requests))
	requests.Exact = false // as they are cut
	e.Requests = &requests
	for _, c := range x.report.Capacity {
		e.Capacity = append(e.Capacity, plan.Capacity{Table: c.Table, Index: c.Index, Kind: "read", Units: most(c.Units)})
	}
}

// partly reports that not all rows of the sample that could come to a node did.
func (x *node) partly() bool { return x.first != nil && x.first.dropped.Load() > 0 }

// units is what the sample of a source took.
func (x *node) units() (sum float64) {
	for _, c := range x.source.meter.Capacity {
		sum += c.Units
	}
	return sum
}

// writing is what a sink takes.
func (s *sample) writing(x *node, e *plan.NodeEstimate) {
	k, u := x.sink, &x.sink.use
	least := u.verbs["Update"]+u.verbs["Delete"]+u.verbs["ConditionCheck"] > 0 || k.replaces()
	bytes := s.times(x, float64(u.bytes))
	if u.items > 0 {
		e.Bytes = &bytes
		e.Items = &plan.ItemSizes{Average: float64(u.bytes) / float64(u.items), Largest: u.largest}
	}
	requests := s.times(x, float64(k.packing.Requests()))
	if requests.Known() && !requests.Exact && x.came() > 0 {
		requests.Value = math.Ceil(k.packing.Scaled(x.in.Value / x.came()))
	}
	if !k.x.Cost.Caps.Single {
		requests.Exact = false // a run cuts one short when the next rows are slow to come
	}
	e.Requests = &requests
	for _, t := range u.tables {
		units := s.times(x, t.units)
		units.AtLeast = least
		e.Capacity = append(e.Capacity, plan.Capacity{Table: t.table.Name, Kind: "write", Units: units})
		for _, i := range t.indexes {
			units := s.times(x, i.units)
			units.AtLeast = least
			e.Capacity = append(e.Capacity, plan.Capacity{Table: t.table.Name, Index: i.Name, Kind: "write", Units: units})
		}
	}
	if m := k.x.Cost.Marker; m != "" {
		units := requests
		units.Value *= markerUnits
		e.Capacity = append(e.Capacity, plan.Capacity{Table: m, Kind: "write", Units: units})
	}
	s.lasting(x, e)
	if u.repeats > 0 {
		coalescing(e, least)
	}
}

// coalescing makes bounds of figures where a run may send one row for several of a
// key; with items that are replaced, units are bound on neither side.
func coalescing(e *plan.NodeEstimate, least bool) {
	bound := func(f *plan.Figure) {
		f.AtMost, f.Exact = f.Known(), false
	}
	bound(&e.Out)
	bound(e.Requests)
	if e.Bytes != nil {
		bound(e.Bytes)
	}
	for i := range e.Capacity {
		f := &e.Capacity[i].Units
		if bound(f); least {
			f.AtLeast, f.AtMost = false, false
		}
	}
}

// markerUnits is what the marker of a transaction takes: less than a KB, twice.
const markerUnits = 2
