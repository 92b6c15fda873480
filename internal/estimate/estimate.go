// Package estimate looks at a sample of a pipeline's rows and reckons with it what
// a run would do. Nothing is written, and no state is touched: sources give a
// bounded part of their rows, transforms are those of a run, and sinks make their
// requests and send none.
//
//	estimate.go  the sample as a run of its own
//	source.go    sources that give a part of their rows
//	first.go     the first rows, for a transform that asks a service
//	passing.go   the rows that pass each node: the first, and what attributes they have
//	sink.go      sinks that reckon in place of writing
//	units.go     what writes take of tables and indexes
//	keys.go      which partitions writes go to
//	stored.go    what is asked of tables that writes go to
//	scale.go     from the sample to all rows
//	time.go      how long that takes
//	warn.go      what is worth a warning
//	compare.go   how far a plan was off
package estimate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/dryrun"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
)

const (
	// DefaultRows is how many rows of a source are looked at.
	DefaultRows = 50_000
	// mostAsked rows come to a transform that asks a service about them.
	mostAsked = 100
	// maxBytes of a file are read at most.
	maxBytes = 32 << 20
	// patience is how long a sample may take; then it is what there is.
	patience = 20 * time.Second
	// maxFirst rejects are told.
	maxFirst = 3
)

// Options are what a sample needs.
type Options struct {
	Run  *expr.Run
	Rows int64 // of each source at most; 0 for the default
}

// Fill looks at a sample and adds to the view what it shows. It returns what is
// worth a warning.
func Fill(ctx context.Context, p *plan.Plan, v *plan.View, o Options) hcl.Diagnostics {
	s := newSample(p, v, o)
	s.run(ctx)
	s.conclude()
	return s.warnings()
}

// sample is one look at a pipeline's rows.
type sample struct {
	plan    *plan.Plan
	view    *plan.View
	options Options
	rows    int64

	nodes   map[*plan.Node]*node
	copy    plan.Plan
	passing *passing
	rejects []string // the first
	notes   []string
	report  *engine.Report
	cut     bool // it took too long
	err     error
}

// node is what a sample has of one node.
type node struct {
	*plan.Node
	why    string // no row comes here, or not all: why
	copied *plan.Node
	source *source
	sink   *sink
	first  *first // before a transform that asks a service
	fails  error  // why a transform can't be used
	report engine.NodeReport
	view   *plan.NodeView

	in, out  plan.Figure
	byOutput map[string]plan.Figure
}

func newSample(p *plan.Plan, v *plan.View, o Options) *sample {
	s := &sample{plan: p, view: v, options: o, rows: o.Rows, nodes: map[*plan.Node]*node{}, passing: newPassing(p.Secrets)}
	if s.rows == 0 {
		s.rows = DefaultRows
	}
	s.copy = *p
	s.copy.Nodes = nil
	s.copy.Settings.DeadLetter = ""
	s.copy.Settings.MaxRejects = plan.Limit{Count: math.MaxInt64} // all of the sample is of interest
	for i, n := range p.Nodes {
		x := &node{Node: n, view: &v.Nodes[i]}
		s.nodes[n] = x
		s.add(x)
	}
	return s
}

// asks reports a transform that asks a service about rows.
func asks(n plan.NodeView) bool { return n.Kind == plan.Transform.String() && len(n.Facts.Calls) > 0 }

// add copies a node into the plan of the sample, unless no row comes to it.
func (s *sample) add(x *node) {
	copied := *x.Node
	copied.Inputs = nil
	for _, in := range x.Inputs {
		from := s.nodes[in.From]
		if from.why != "" && x.why == "" {
			x.why = from.why
		}
		if from.copied != nil {
			copied.Inputs = append(copied.Inputs, plan.Input{From: from.copied, Output: in.Output})
		}
	}
	switch {
	case x.Kind == plan.Source:
		if x.why = fleeting(x.Node); x.why != "" {
			s.note(x.Node, x.why)
			return
		}
		x.source = &source{Config: x.Source, rows: s.rows}
		copied.Source = x.source
	case len(copied.Inputs) == 0:
		return
	case x.Kind == plan.Sink:
		x.sink = newSink(x.Node, x.unusable())
		copied.Sink = x.sink
	case x.unusable() != nil:
		x.fails = x.unusable()
		x.why = x.Address + " was left out"
		s.note(x.Node, x.fails.Error())
		end := &plan.Node{Address: x.Address, Kind: plan.Sink, Sink: dryrun.Counting{}, Inputs: copied.Inputs}
		s.copy.Nodes = append(s.copy.Nodes, end)
		return
	}
	if asks(*x.view) {
		x.first = &first{rows: mostAsked}
		before := &plan.Node{Address: x.Address + ", sample", Kind: plan.Transform, Transform: x.first, Inputs: copied.Inputs}
		copied.Inputs = []plan.Input{{From: before}}
		s.passing.expect(before)
		s.copy.Nodes = append(s.copy.Nodes, before)
	}
	x.copied = &copied
	s.passing.expect(x.copied)
	s.copy.Nodes = append(s.copy.Nodes, x.copied)
}

func (s *sample) note(n *plan.Node, what string) {
	s.notes = append(s.notes, s.plan.Secrets.Mask(n.Address+": "+what))
}

// run moves the rows of the sample.
func (s *sample) run(ctx context.Context) {
	if len(s.copy.Nodes) == 0 {
		return
	}
	stop := make(chan struct{})
	timer := time.AfterFunc(patience, func() { close(stop) })
	defer timer.Stop()
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(2*patience, cancel) // something is asked again and again
	defer late.Stop()
	e := engine.New(&s.copy, engine.Options{
		Run: s.options.Run, Stop: stop, Passed: s.passing.passed,
		Rejected: func(what string) {
			if len(s.rejects) < maxFirst {
				s.rejects = append(s.rejects, what)
			}
		},
	})
	s.report, s.err = e.Run(ctx)
	if ctx.Err() != nil && whole.Err() == nil {
		s.report.Status, s.err = engine.Interrupted, nil
	}
	s.cut = s.report.Status == engine.Interrupted && errors.Is(s.err, nil)
	for i, copied := range s.copy.Nodes {
		for _, x := range s.nodes {
			if x.copied == copied {
				x.report = s.report.Nodes[i]
			}
		}
	}
	if s.cut {
		s.notes = append(s.notes, fmt.Sprintf("the sample was ended after %v", patience))
	}
	s.told()
}

// told notes what sources and sinks met.
func (s *sample) told() {
	for _, n := range s.plan.Nodes {
		x := s.nodes[n]
		if x.source != nil && x.source.failed != nil {
			s.note(n, x.source.failed.Error())
		}
		if x.sink != nil {
			if x.sink.failed != nil {
				s.note(n, x.sink.failed.Error())
			}
			for _, note := range x.sink.notes {
				s.note(n, note)
			}
		}
	}
}

// failed is why the node can't be used, if it can't.
func (x *node) failed() error {
	switch {
	case x.source != nil:
		return x.source.failed
	case x.sink != nil:
		return x.sink.failed
	}
	return x.fails
}

// unusable is why the tables of a node can't be used, by what was asked of them for
// the plan: a run would not find them either, and asking again takes time.
func (x *node) unusable() error {
	for _, t := range x.view.Facts.Tables {
		if len(t.Keys) == 0 {
			return fmt.Errorf("table %s: %s", t.Name, t.Note)
		}
	}
	return nil
}

// took is the capacity that the sample took.
func (s *sample) took() []progress.Consumed {
	sums := progress.NewMeter("", nil)
	for _, n := range s.plan.Nodes {
		x := s.nodes[n]
		for _, c := range x.report.Capacity {
			sums.Capacity(c.Table, c.Index, c.Units)
		}
		if x.sink != nil && x.sink.asked.units > 0 {
			sums.Capacity(x.sink.asked.table, "", x.sink.asked.units)
		}
	}
	took := append([]progress.Consumed{}, sums.Snapshot().Capacity...)
	for i := range took {
		took[i].Table, took[i].Index = s.plan.Secrets.Mask(took[i].Table), s.plan.Secrets.Mask(took[i].Index)
	}
	return took
}

// conclude puts what the sample has shown into the view.
func (s *sample) conclude() {
	v := s.view
	v.Sampling = &plan.Sampling{Rows: s.rows, Took: s.took(), Notes: append([]string{}, s.notes...)}
	if s.err != nil {
		v.Sampling.Error = s.plan.Secrets.Mask(s.err.Error())
		v.Sampling.Fails = v.Sampling.Error
	}
	for _, n := range s.plan.Nodes { // upstream first
		x := s.nodes[n]
		x.scale(s)
		x.view.Estimate = s.estimate(x)
		if err := x.failed(); err != nil {
			x.view.Estimate.Fails = err.Error()
		}
		x.view.Estimate.Mask(s.plan.Secrets.Mask)
		if x.copied != nil {
			x.view.Sample = s.passing.sampleOf(x)
		}
	}
}
