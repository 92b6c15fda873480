package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dynapipe/dynapipe/transforms"
)

// transformStage applies a transform to the units that come, several at once
// (workers.go) or one after the other (sequence.go), and sends on the results in
// the order in which the units came.
type transformStage struct {
	*stage
	env       transforms.Env
	dead      *deadLetter
	workers   int
	transform transforms.Transform
	outputs   []output
	in        int64 // rows of the units that have been settled
}

func (t *transformStage) open(ctx context.Context) (err error) {
	t.outputs = t.outputGroups()
	t.transform, err = t.node.Transform.Open(ctx, t.env)
	if w, waits := t.transform.(transforms.Waiter); waits {
		t.workers = w.Units()
	}
	return err
}

func (t *transformStage) move(ctx, _ context.Context) (bool, error) {
	if s, ok := t.transform.(transforms.Sequential); ok {
		return (&sequence{transformStage: t, transform: s}).move(ctx)
	}
	return t.moveAtOnce(ctx)
}

// passed tells a barrier what the stage is like, now that the units before it
// have been settled, and sends it on.
func (t *transformStage) passed(ctx context.Context, b *barrier, state json.RawMessage) error {
	n := ledgerOf(&t.tally)
	n.In, n.State = t.in, state
	b.node(t.stage, n)
	t.barriers = b.number
	return t.emit(ctx, unit{barrier: b})
}

// conclude tells a barrier what the stage is like after its last unit.
func (t *transformStage) conclude(b *barrier) {
	n := ledgerOf(&t.tally)
	if c, saves := t.transform.(transforms.Checkpointer); saves {
		state, err := c.Checkpoint()
		if err != nil {
			b.giveUp(err.Error())
			return
		}
		n.State = state
	}
	b.node(t.stage, n)
}

// task is a unit on its way through the transform.
type task struct {
	unit  unit
	state json.RawMessage // of a barrier: what the transform remembered as it came
	came  int64           // rows
	ended int64           // of them, as far as the transform's answers have been settled
}

func newTask(u unit) *task { return &task{unit: u, came: u.rows()} }

// settle counts what an answer of the transform says became of a unit's rows
// and sends the rest on. The last answer completes the unit.
func (t *transformStage) settle(ctx context.Context, k *task, out transforms.Out, last bool) error {
	if last {
		t.in += k.came
	}
	k.ended += out.Ended()
	t.tally.Made.Add(out.Made)
	t.tally.Filtered.Add(out.Filtered)
	t.tally.Coalesced.Add(out.Coalesced)
	if err := t.reject(t.dead, out.Rejects); err != nil {
		t.abandonParts(out.Parts)
		return err
	}
	u := k.unit.empty()
	u.last = u.last && last
	return t.forward(ctx, u, out.Parts)
}

// check holds the transform to its contract before the last answer is settled:
// each row that came in is accounted for (promise 1).
func (t *transformStage) check(k *task, last transforms.Out) error {
	if ended := k.ended + last.Ended(); ended != k.came {
		return fmt.Errorf("%d rows went in and %d are accounted for: this is a defect in dynapipe, please report it", k.came, ended)
	}
	return nil
}

// leave counts the rows of a unit that the transform, or the run, failed on.
func (t *transformStage) leave(k *task) {
	t.tally.Unsettled.Add(k.came - k.ended)
	k.ended = k.came
}

// forward sends a unit's parts on every output, in order and the last one
// marked. Where nothing is left of the unit it goes on empty, so that every
// branch and every sink sees it. Rows for an output that nobody reads end here.
func (t *transformStage) forward(ctx context.Context, u unit, parts []transforms.Part) error {
	for _, o := range t.outputs {
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
		if !u.last {
			return nil
		}
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

func (t *transformStage) close() error {
	if c, holds := t.transform.(transforms.Closer); holds {
		return c.Close()
	}
	return nil
}

func dropParts(parts []transforms.Part) {
	for _, p := range parts {
		p.Batch.Release()
	}
}
