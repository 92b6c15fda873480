package estimate

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dryrun"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// opening is how long a source or sink may take to open, as long as its facts may:
// credentials come from other programs.
const opening = 10 * time.Second

// rehearser is a sink that makes a sink of its own that writes nothing, weighed an
// open one that says how many bytes it would have written, shrinker one that then
// compresses them.
type (
	rehearser interface{ Rehearse() sinks.Config }
	weighed   interface{ Bytes() int64 }
	shrinker  interface{ Shrinks() bool }
)

// expecter is a sink that can say what its rows would make of tables; planner one
// that may create them.
type (
	expecter interface {
		Expect(ctx context.Context, mem memory.Allocator, noRejects bool) (*delivery.Expectation, error)
	}
	planner interface {
		ExpectToBe(ctx context.Context) (*delivery.Expectation, error)
	}
	// budgeted is a sink with a write_capacity, which may be a share of a table's.
	budgeted interface {
		Budget(ctx context.Context, client *dynamo.Client, table string) (float64, error)
	}
)

// sink takes the place of a sink, and reckons what its rows would take.
type sink struct {
	sinks.Config

	// What is known when the sample has ended.
	failed  error // why rows were counted and no more
	notes   []string
	x       *delivery.Expectation
	budget  float64
	packing *deliver.Packing
	use     use
	asked   asked
	bytes   *plan.Figure // of files; nil when they are not known
}

// newSink stands in for a node's sink, of which it may be known that it fails.
func newSink(n *plan.Node, fails error) *sink { return &sink{Config: n.Sink, failed: fails} }

// Open finds the tables, and creates none. Where that fails the rows are counted.
func (s *sink) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	if s.failed != nil {
		return dryrun.Counting{Config: s.Config}.Open(ctx, env)
	}
	if r, ok := s.Config.(rehearser); ok {
		open, err := r.Rehearse().Open(ctx, env)
		if w, ok := open.(weighed); err == nil && ok {
			return &weighing{Sink: open, of: s, weighed: w}, nil
		} else if err == nil {
			return open, nil
		}
		s.failed = err
	} else if e, ok := s.Config.(expecter); ok {
		s.failed = s.expect(ctx, e, env.Mem)
	}
	if s.failed != nil && ctx.Err() != nil {
		return nil, s.failed
	}
	if s.x == nil || s.failed != nil {
		return dryrun.Counting{Config: s.Config}.Open(ctx, env)
	}
	return &reckoning{s}, nil
}

func (s *sink) expect(ctx context.Context, e expecter, mem memory.Allocator) (err error) {
	ctx, cancel := context.WithTimeout(ctx, opening)
	defer cancel()
	if p, ok := s.Config.(planner); ok {
		s.x, err = p.ExpectToBe(ctx)
	} else {
		s.x, err = e.Expect(ctx, mem, false)
	}
	if err != nil {
		return err
	}
	table := ""
	if len(s.x.Tables) > 0 {
		table = s.x.Tables[0].Name
	}
	if b, ok := s.Config.(budgeted); ok {
		if s.budget, err = b.Budget(ctx, s.x.Client, table); err != nil {
			s.notes = append(s.notes, "write_capacity: "+err.Error())
		}
	}
	s.use.times, s.use.shared = s.x.Cost.Times, !s.x.Cost.Caps.Single
	s.packing = deliver.NewPacking(s.x.Cost.Caps, s.budget)
	watched, ok := s.x.Rows.(delivery.Watched)
	if !ok {
		s.x.Close()
		return fmt.Errorf("%T says nothing of its requests", s.x.Rows)
	}
	watched.Watch(func(one *delivery.Sending) error {
		s.packing.Add(one.Row)
		s.use.add(one)
		return nil
	})
	return nil
}

// weighing is an open sink whose bytes are counted.
type weighing struct {
	sinks.Sink
	of      *sink
	weighed weighed
}

// Flush takes down what the rows have come to.
func (w *weighing) Flush(ctx context.Context, how sinks.Ending) error {
	err := w.Sink.Flush(ctx, how)
	shrinks, ok := w.of.Config.(shrinker)
	w.of.bytes = &plan.Figure{Value: float64(w.weighed.Bytes()), AtMost: ok && shrinks.Shrinks()}
	return err
}

// reckoning is an open sink that writes nothing.
type reckoning struct{ *sink }

func forget(delivery.Change) error { return nil }

// Write reckons with the rows, and refuses those of which no item can be made.
func (r *reckoning) Write(ctx context.Context, b *record.Batch, receipt *record.Receipt) error {
	return r.x.Rows.Expect(ctx, b, receipt, forget)
}

// Flush reckons with what was held, and asks what is stored.
func (r *reckoning) Flush(ctx context.Context, _ sinks.Ending) error {
	if err := r.x.Rows.Flush(ctx, forget); err != nil {
		return err
	}
	if n := r.use.repeats; n > 0 {
		r.notes = append(r.notes, count(n, "row")+" looked at with a key that came before: of those that wait together one is sent, so that figures are the most")
	}
	r.look(ctx)
	return nil
}

// Close gives back what the sink's own code holds.
func (r *reckoning) Close() error {
	r.x.Close()
	return nil
}
