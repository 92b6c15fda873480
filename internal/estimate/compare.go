package estimate

import (
	"math"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// Compare says how far a plan was off what a run did. It is nil for a run that did
// not come to its end: of that there is nothing to compare.
func Compare(v *plan.View, r *engine.Report) *engine.PlanReport {
	if v.Sampling == nil || r.Status != engine.Done && r.Status != engine.DoneWithRejects {
		return nil
	}
	c := comparison{PlanReport: engine.PlanReport{Made: v.Made, Sampled: v.Sampling.Rows, Figures: []engine.PlannedFigure{}}}
	// What a resumed run asked of services before is not in its report, and a dry
	// run asks for nothing.
	c.services = !r.DryRun && (r.Checkpoint == nil || !r.Checkpoint.Resumed)
	byNode := map[string]engine.NodeReport{}
	for _, n := range r.Nodes {
		byNode[n.Node] = n
	}
	for _, n := range v.Nodes {
		was, there := byNode[n.Address]
		if n.Estimate == nil || !there {
			continue
		}
		c.node(n, was)
	}
	if slowest := v.Slowest(); slowest != nil && c.services {
		c.add(engine.PlannedFigure{What: "seconds", Bound: "at_least"}, *slowest, r.Seconds)
	}
	return &c.PlanReport
}

// comparison is one Compare under way.
type comparison struct {
	engine.PlanReport
	services bool
}

func (c *comparison) node(n plan.NodeView, was engine.NodeReport) {
	e := n.Estimate
	of := func(what string) engine.PlannedFigure { return engine.PlannedFigure{Node: n.Address, What: what} }
	c.add(of("rows_in"), e.In, float64(was.Read+was.In))
	c.add(of("rows_out"), e.Out, float64(was.Out+was.Written+was.WouldWrite))
	if e.Rejected.Value > 0 || was.Rejected > 0 {
		c.add(of("rejected"), e.Rejected, float64(was.Rejected))
	}
	if !c.services {
		return
	}
	if n.Kind == plan.Source.String() && e.Bytes != nil {
		c.add(of("bytes_read"), *e.Bytes, float64(was.BytesRead))
	}
	if e.Requests != nil {
		c.add(of("requests"), *e.Requests, float64(was.Requests-was.Retries)) // a plan counts no repetition
	}
	for _, planned := range e.Capacity {
		f := of(planned.Kind + "_units")
		f.Table, f.Index = planned.Table, planned.Index
		c.add(f, planned.Units, taken(was.Capacity, planned.Table, planned.Index))
	}
}

func taken(of []progress.Consumed, table, index string) float64 {
	for _, c := range of {
		if c.Table == table && c.Index == index {
			return c.Units
		}
	}
	return 0
}

func (c *comparison) add(f engine.PlannedFigure, planned plan.Figure, actual float64) {
	f.Planned, f.Unknown, f.Actual = planned.Value, planned.Unknown, actual
	switch {
	case planned.AtLeast:
		f.Bound = "at_least"
	case planned.AtMost:
		f.Bound = "at_most"
	}
	if planned.Known() && planned.Value > 0 {
		off := math.Round((actual-planned.Value)/planned.Value*100_000) / 1000
		f.Off = &off
	}
	c.Figures = append(c.Figures, f)
}
