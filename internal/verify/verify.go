// Package verify compares the targets of a pipeline with what its rows should
// have made of them, both ways, in bounded memory.
//
//	verify.go   the three steps, one after the other
//	target.go   tables and files, and where rows came from
//	expect.go   step 1: the pipeline runs up to its sinks, which write nothing
//	found.go    step 2: the targets are read
//	files.go    files: what the sink writes elsewhere, and what is there, row by row
//	compare.go  step 3: what was found meets what was expected, bucket by bucket
//	detail.go   what differs is looked at again
//	digest.go   an item as 128 bits
//	spill.go    keys and digests on disk, in buckets by key
//	sample.go   which keys are compared
//	varies.go   attributes that are different in every run
//	report.go   what was found
//
// Nothing of an item but its key and its digest is kept, on disk, and in memory
// the keys of one bucket (promise 6). The ADR of 2026-11-27, "Verify by digests
// in buckets", says why.
package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/dryrun"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/sinks/file"
	"github.com/dynapipe/dynapipe/sources/dynamodb"
)

// Options are what is verified, and how.
type Options struct {
	Plan *plan.Plan
	Run  *expr.Run
	// Varying are the attributes, by node, that are different in every run.
	Varying *Varying
	Sample  Sample
	// Catalog is what files are read with.
	Catalog plan.Catalog
	// MaxDifferences are listed at most; all are counted.
	MaxDifferences int
	AllowExtra     bool
	ReadCapacity   float64 // for the reading of targets; 0 for none
	Consistent     bool
	// Watch is told of each step that begins, and gives what ends the watching.
	Watch    func(e *engine.Engine, step string) (end func())
	Requests func(progress.Request)
}

// Run verifies. What fails is in the report, too.
func Run(ctx context.Context, o Options) (*Report, error) {
	v := &verifier{
		Options: o, sampler: newSampler(o.Sample), began: time.Now(),
		report: &Report{
			Pipeline: o.Plan.Name, Started: time.Now(), Targets: []TargetReport{}, Differences: []Difference{},
			NotVerified: []NotVerified{}, Warnings: []string{},
		},
	}
	if o.Varying != nil {
		v.report.Warnings = append(v.report.Warnings, o.Varying.Why...)
	}
	v.notVerified()
	err := v.run(ctx)
	v.finish(ctx, err)
	return v.report, err
}

// verifier is one verification.
type verifier struct {
	Options
	dir     string
	began   time.Time
	targets targets
	places  places
	sampler *sampler
	report  *Report
	rejects *engine.Report // of the first step
}

func (v *verifier) run(ctx context.Context) (err error) {
	if v.dir, err = newTemp(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(v.dir)) }()
	want, found := newSpill(v.dir, "expected", 0), newSpill(v.dir, "found", 0)
	err = v.expect(ctx, want)
	if err == nil {
		err = v.readFiles(ctx, want, true)
	}
	if err := errors.Join(err, want.close()); err != nil {
		return err
	}
	err = v.find(ctx, found)
	if err == nil {
		err = v.readFiles(ctx, found, false)
	}
	if err := errors.Join(err, found.close()); err != nil {
		return err
	}
	c := &comparison{
		dir: v.dir, targets: v.targets.all, places: &v.places, sampler: v.sampler, most: v.MaxDifferences, held: maxHeld,
	}
	if err := c.run(ctx, want, found); err != nil {
		return err
	}
	v.report.Differences = append(v.report.Differences, c.differences()...)
	if err := v.rows(ctx); err != nil {
		return err
	}
	return v.detail(ctx)
}

// expect runs the pipeline with sinks that write nothing.
func (v *verifier) expect(ctx context.Context, into *spill) error {
	x := &expected{
		targets: &v.targets, places: &v.places, sampler: v.sampler, spill: into,
		doubts: func(sink string, why []string) {
			for _, w := range why {
				v.report.NotVerified = append(v.report.NotVerified, NotVerified{sink, w})
			}
		},
	}
	r, err := v.engine(ctx, v.withSinks(x), "expected", nil)
	v.report.Read, v.rejects = 0, r
	for _, n := range r.Nodes {
		v.report.Read += n.Read
	}
	v.report.Rejected, v.report.FirstReject = r.Rejects, r.FirstReject
	return err
}

// withSinks is the plan with sinks that tell what would become of their rows.
// What is rejected is counted, however much: whether it is too much is said at
// the end.
func (v *verifier) withSinks(x *expected) *plan.Plan {
	p := *v.Plan
	p.Settings.MaxRejects = plan.Limit{Count: math.MaxInt64}
	p.Settings.DeadLetter = filepath.Join(v.dir, "rejects.jsonl")
	p.Nodes = slices.Clone(p.Nodes)
	for i, n := range p.Nodes {
		if n.Kind != plan.Sink {
			continue
		}
		copied := *n
		p.Nodes[i] = &copied
		if s, ok := n.Sink.(tableSink); ok {
			copied.Sink = &expecting{tableSink: s, node: uint64(i), address: n.Address, ignored: v.Varying.At(n), noRejects: noRejects(v.Plan), into: x}
			continue
		}
		copied.Sink = dryrun.Counting{Config: n.Sink}
		if s, ok := n.Sink.(*file.Config); ok && s.Unreadable() == "" && x.wanted == nil {
			copied.Sink = v.targets.ofFiles(n.Address, s, filepath.Join(v.dir, fmt.Sprintf("files-%d", i)), v.Varying.At(n))
		}
	}
	return &p
}

// noRejects reports that a run fails with the first rejected row.
func noRejects(p *plan.Plan) bool {
	limit := p.Settings.MaxRejects
	return limit.Count == 0 && limit.Percent == 0
}

// engine runs a plan.
func (v *verifier) engine(ctx context.Context, p *plan.Plan, step string, stop <-chan struct{}) (*engine.Report, error) {
	e := engine.New(p, engine.Options{Run: v.Run, Requests: v.Requests, Stop: stop})
	if v.Watch != nil {
		defer v.Watch(e, step)()
	}
	return e.Run(ctx)
}

// find reads the targets, one after the other: so the read budget is that of
// all of them.
func (v *verifier) find(ctx context.Context, into *spill) error {
	for _, t := range v.targets.all {
		if !t.known || t.files != nil {
			continue // there is nothing to hold it against
		}
		if err := v.scan(ctx, t, into); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) scan(ctx context.Context, t *target, into *spill) error {
	source := &plan.Node{
		Address: "the scan of " + t.report.Target, Kind: plan.Source, Type: "dynamodb",
		Source: dynamodb.Whole(t.connection, t.table.Name, v.ReadCapacity, v.Consistent),
	}
	sink := &plan.Node{
		Address: "the items of " + t.report.Target, Kind: plan.Sink, Inputs: []plan.Input{{From: source}},
		Sink: &finding{target: t, sampler: v.sampler, spill: into},
	}
	p := &plan.Plan{Name: v.Plan.Name, Settings: v.Plan.Settings, Nodes: []*plan.Node{source, sink}, Secrets: v.Plan.Secrets}
	p.Settings.MaxRejects = plan.Limit{}
	p.Settings.DeadLetter = filepath.Join(v.dir, fmt.Sprintf("found-%d.jsonl", t.number))
	r, err := v.engine(ctx, p, t.report.Target, nil)
	for _, n := range r.Nodes {
		for _, c := range n.Capacity {
			v.report.Capacity += c.Units
		}
		for _, w := range n.Warnings {
			v.report.Warnings = append(v.report.Warnings, n.Node+": "+w.Message)
		}
	}
	if t.report.ExtraAllowed == "" {
		t.report.ExtraAllowed = v.extraAllowed(t)
	}
	return err
}

// extraAllowed is why items that no row put are no difference, if they aren't.
func (v *verifier) extraAllowed(t *target) string {
	switch {
	case v.AllowExtra:
		return "--allow-extra"
	case !t.puts && t.files == nil:
		return "the pipeline puts no item here: the others are none of its own"
	}
	return ""
}

// finish says how it ended.
func (v *verifier) finish(ctx context.Context, err error) {
	r := v.report
	r.Seconds = time.Since(v.began).Seconds()
	differs := false
	for _, t := range v.targets.all {
		differs = differs || t.report.differs()
		r.Targets = append(r.Targets, t.report)
	}
	switch limit := v.Plan.Settings.MaxRejects; {
	case err != nil && ctx.Err() != nil:
		r.Status, r.Error = Interrupted, ""
	case err != nil:
		r.Status, r.Error = Failed, err.Error()
	case differs:
		r.Status = Different
	case tooMany(limit, r.Rejected, r.Read):
		r.Status = Failed
		r.Error = fmt.Sprintf("what was compared is equal, but the pipeline rejects %d rows, more than max_rejects = %s allows: a run of it fails. The first: %s",
			r.Rejected, limit, r.FirstReject)
	case r.Rejected > 0:
		r.Status = EqualWithRejects
	default:
		r.Status = Equal
	}
}

// tooMany is how a run looks at its rejects at the end.
func tooMany(limit plan.Limit, rejects, read int64) bool {
	if limit.IsPercent {
		return float64(rejects)*100 > limit.Percent*float64(read)
	}
	return rejects > limit.Count
}
