// Package dryrun makes of a plan one that writes nothing: sources, transforms and
// checks are those of a run, and sinks end each row where it would be sent.
package dryrun

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// Plan is a copy of a plan with sinks that write nothing and no dead letter.
// counted is the sinks whose rows are counted and no more.
func Plan(p *plan.Plan) (dry *plan.Plan, counted []string) {
	out := *p
	out.Settings.DeadLetter = ""
	out.Nodes = slices.Clone(p.Nodes)
	copies := map[*plan.Node]*plan.Node{}
	for i, n := range p.Nodes { // upstream first
		copied := *n
		copied.Inputs = slices.Clone(n.Inputs)
		for j, in := range copied.Inputs {
			copied.Inputs[j].From = copies[in.From]
		}
		if n.Kind == plan.Sink {
			var checked bool
			if copied.Sink, checked = dryOf(n.Sink); !checked {
				counted = append(counted, n.Address)
			}
		}
		copies[n], out.Nodes[i] = &copied, &copied
	}
	return &out, counted
}

// rehearser is a sink that makes a sink of its own that writes nothing.
type rehearser interface {
	sinks.Config
	Rehearse() sinks.Config
}

// expecter is a sink that can say what its rows would make of tables.
type expecter interface {
	sinks.Config
	Expect(ctx context.Context, mem memory.Allocator, noRejects bool) (*delivery.Expectation, error)
}

// planner is an expecter that may create tables, and can say what its rows would
// make of those that are not there yet.
type planner interface {
	ExpectToBe(ctx context.Context) (*delivery.Expectation, error)
}

// dryOf is the sink that takes the place of one. checked says that it refuses the
// rows that the other would refuse by itself.
func dryOf(c sinks.Config) (dry sinks.Config, checked bool) {
	switch c := c.(type) {
	case rehearser:
		return c.Rehearse(), true
	case expecter:
		return checking{c}, true
	}
	return Counting{c}, false
}

// checking takes the place of a sink that writes to tables. Tables are described
// and none is created.
type checking struct{ expecter }

// Open finds the tables.
func (c checking) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	var x *delivery.Expectation
	var err error
	if p, ok := c.expecter.(planner); ok {
		x, err = p.ExpectToBe(ctx)
	} else {
		x, err = c.Expect(ctx, env.Mem, false)
	}
	if err != nil {
		return nil, err
	}
	return &checkSink{x}, nil
}

type checkSink struct{ x *delivery.Expectation }

func forget(delivery.Change) error { return nil }

// Write makes items of rows, and refuses those of which it can't.
func (s *checkSink) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	return s.x.Rows.Expect(ctx, b, r, forget)
}

// Flush ends what the sink had held.
func (s *checkSink) Flush(ctx context.Context, how sinks.Ending) error {
	if how == sinks.Stopped {
		return nil
	}
	return s.x.Rows.Flush(ctx, forget)
}

// Close gives back what the sink's own code holds.
func (s *checkSink) Close() error {
	s.x.Close()
	return nil
}

// Counting takes the place of any other sink: it ends every row.
type Counting struct{ sinks.Config }

// Open opens nothing of the sink.
func (Counting) Open(context.Context, sinks.Env) (sinks.Sink, error) { return countSink{}, nil }

type countSink struct{}

func (countSink) Write(_ context.Context, _ *record.Batch, r *record.Receipt) error {
	r.EndAll(record.Written)
	return nil
}

func (countSink) Flush(context.Context, sinks.Ending) error { return nil }

func (countSink) Close() error { return nil }
