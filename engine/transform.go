package engine

import (
	"context"
	"fmt"

	"github.com/sourcegraph/conc/stream"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// transformStage applies a transform to several units at once and sends the
// results on in the order the units came.
type transformStage struct {
	*stage
	env       transforms.Env
	dead      record.Rejecter
	workers   int
	transform transforms.Transform
}

func (t *transformStage) open(ctx context.Context) (err error) {
	t.transform, err = t.node.Transform.Open(ctx, t.env)
	if _, sequential := t.transform.(transforms.Sequential); sequential {
		t.workers = 1
	}
	return err
}

func (t *transformStage) move(ctx, _ context.Context) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := stream.New().WithMaxGoroutines(t.workers)
	stopped, err := newUnion(t.inputs).each(ctx, func(u unit) error {
		came := u.rows()
		work.Go(func() stream.Callback {
			out, err := t.apply(ctx, u)
			// Callbacks run one after the other, in the order of the units.
			return func() {
				if err := t.settle(ctx, u, came, out, err); err != nil {
					cancel(err)
				}
			}
		})
		return nil
	})
	work.Wait()
	if failure := context.Cause(ctx); failure != nil {
		return false, failure
	}
	if err != nil || stopped {
		return stopped, err
	}
	return false, t.flush(ctx)
}

// apply runs the transform on a unit and releases its batch.
func (t *transformStage) apply(ctx context.Context, u unit) (*transforms.Out, error) {
	defer u.release()
	out := &transforms.Out{}
	if u.batch == nil {
		return out, nil
	}
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	err := t.guard(func() error { return t.transform.Apply(ctx, u.batch, out) })
	return out, err
}

// settle counts what became of a unit's rows and sends the rest on.
func (t *transformStage) settle(ctx context.Context, u unit, came int64, out *transforms.Out, err error) error {
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = t.check(came, out)
	}
	if err != nil {
		t.tally.Unsettled.Add(came)
		dropParts(out.Parts)
		return err
	}
	t.tally.Made.Add(out.Made)
	t.tally.Filtered.Add(out.Filtered)
	t.tally.Coalesced.Add(out.Coalesced)
	if err := t.reject(t.dead, out.Rejects); err != nil {
		t.abandonParts(out.Parts)
		return err
	}
	return t.forward(ctx, u, out.Parts)
}

// check holds the transform to its contract: each row that came in is
// accounted for (promise 1). For one that holds rows the ledger does, at the
// end.
func (t *transformStage) check(came int64, out *transforms.Out) error {
	if _, holds := t.transform.(transforms.Flusher); holds {
		return nil
	}
	ended := out.Filtered + out.Coalesced + int64(len(out.Rejects)) - out.Made
	for _, p := range out.Parts {
		ended += int64(p.Batch.Rows())
	}
	if ended != came {
		return fmt.Errorf("%d rows went in and %d are accounted for: this is a defect in dynapipe, please report it", came, ended)
	}
	return nil
}

// forward sends a unit's parts on every output, in order and the last one
// marked. Where nothing is left of the unit it goes on empty, so that every
// branch and every sink sees it. Rows for an output that nobody reads end here.
func (t *transformStage) forward(ctx context.Context, u unit, parts []transforms.Part) error {
	for _, o := range t.outputGroups() {
		var mine []transforms.Part
		mine, parts = split(parts, o.name)
		if err := t.sendParts(ctx, u, mine, o.edges); err != nil {
			t.abandonParts(parts)
			return err
		}
	}
	for _, p := range parts {
		t.tally.Filtered.Add(int64(p.Batch.Rows()))
	}
	dropParts(parts)
	return nil
}

func (t *transformStage) sendParts(ctx context.Context, u unit, parts []transforms.Part, edges []*edge) error {
	if len(parts) == 0 {
		u.batch = nil
		return t.emitTo(ctx, u, edges)
	}
	last := u.last
	for i, p := range parts {
		u.batch, u.last = p.Batch, last && i == len(parts)-1
		if err := t.emitTo(ctx, u, edges); err != nil {
			t.abandonParts(parts[i+1:])
			return err
		}
	}
	return nil
}

// flush sends on what the transform held until the end of its input.
func (t *transformStage) flush(ctx context.Context) error {
	holder, ok := t.transform.(transforms.Flusher)
	if !ok {
		return nil
	}
	out := &transforms.Out{}
	err := t.guard(func() error { return holder.Flush(ctx, out) })
	return t.settle(ctx, unit{tail: true, last: true}, 0, out, err)
}

// output is the readers of one of a stage's outputs.
type output struct {
	name  string
	edges []*edge
}

// outputGroups is the outputs that somebody reads.
func (s *stage) outputGroups() []output {
	var groups []output
next:
	for _, e := range s.outputs {
		for i := range groups {
			if groups[i].name == e.output {
				groups[i].edges = append(groups[i].edges, e)
				continue next
			}
		}
		groups = append(groups, output{name: e.output, edges: []*edge{e}})
	}
	return groups
}

// split parts those for the named output from the rest.
func split(parts []transforms.Part, name string) (mine, rest []transforms.Part) {
	for _, p := range parts {
		if p.Output == name {
			mine = append(mine, p)
		} else {
			rest = append(rest, p)
		}
	}
	return mine, rest
}

// abandonParts counts rows that came out of the transform and can't go on.
func (t *transformStage) abandonParts(parts []transforms.Part) {
	for _, p := range parts {
		t.tally.Unsettled.Add(int64(p.Batch.Rows()))
	}
	dropParts(parts)
}

func (t *transformStage) close() error { return nil }

func dropParts(parts []transforms.Part) {
	for _, p := range parts {
		p.Batch.Release()
	}
}
