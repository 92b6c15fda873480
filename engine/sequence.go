package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/dynapipe/dynapipe/transforms"
)

// sequence is a stage whose transform takes one unit after the other, and may
// hold units back.
type sequence struct {
	*transformStage
	transform transforms.Sequential
	waiting   []*answer // oldest first: the first is held, or about to go
}

// answer is a unit's task and what the transform has said of it so far.
type answer struct {
	task
	out transforms.Out
}

func (q *sequence) move(ctx context.Context) (stopped bool, err error) {
	defer q.drop()
	stopped, err = newUnion(q.stage).each(ctx, func(u unit) error {
		a := &answer{task: *newTask(u)}
		if err := q.remember(a); err != nil {
			return err
		}
		q.waiting = append(q.waiting, a)
		if err := q.apply(ctx, u, a); err != nil {
			return err
		}
		return q.advance(ctx)
	})
	if err != nil || stopped {
		return stopped, err
	}
	return false, q.flush(ctx)
}

// remember asks the transform, at a barrier, for what it needs to go on from it.
func (q *sequence) remember(a *answer) (err error) {
	c, saves := q.transform.(transforms.Checkpointer)
	if a.unit.barrier == nil || !saves {
		return nil
	}
	a.state, err = c.Checkpoint()
	return err
}

// apply runs the transform on a unit and releases its batch.
func (q *sequence) apply(ctx context.Context, u unit, a *answer) error {
	defer u.release()
	if u.batch == nil {
		return nil
	}
	return q.guard(func() error { return q.transform.Apply(ctx, u.batch, &a.out) })
}

// advance settles the units that are complete and have none before them.
func (q *sequence) advance(ctx context.Context) error {
	for len(q.waiting) > 0 && !q.waiting[0].out.Held() {
		a := q.waiting[0]
		if a.unit.barrier != nil {
			q.waiting = q.waiting[1:]
			if err := q.passed(ctx, a.unit.barrier, a.state); err != nil {
				return err
			}
			continue
		}
		if _, holds := q.transform.(transforms.Flusher); !holds {
			if err := q.check(&a.task, a.out); err != nil {
				return err
			}
		}
		q.waiting = q.waiting[1:]
		if err := q.settle(ctx, &a.task, a.out, true); err != nil {
			return err
		}
	}
	return nil
}

// flush sends on what the transform held until the end of its input.
func (q *sequence) flush(ctx context.Context) error {
	holder, ok := q.transform.(transforms.Flusher)
	if !ok {
		return nil
	}
	end := &task{unit: unit{tail: true, last: true}}
	out := transforms.NewOut(func(piece transforms.Out) error { return q.settle(ctx, end, piece, false) })
	err := q.guard(func() error { return errors.Join(holder.Flush(ctx, out), ctx.Err()) })
	if err == nil {
		err = q.advance(ctx)
	}
	if err == nil && len(q.waiting) > 0 {
		err = fmt.Errorf("%d units are held at the end: this is a defect in dynapipe, please report it", len(q.waiting))
	}
	if err != nil {
		q.tally.Unsettled.Add(out.Ended())
		out.Release()
		return err
	}
	return out.Send()
}

// drop counts what is held by a run that does not flush, or failed (promise 9).
func (q *sequence) drop() {
	for _, a := range q.waiting {
		a.out.Release()
		q.leave(&a.task)
	}
	q.waiting = nil
	if holder, ok := q.transform.(transforms.Flusher); ok {
		q.tally.Unsettled.Add(holder.Drop())
	}
}
