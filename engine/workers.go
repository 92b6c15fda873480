package engine

import (
	"context"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/pool"

	"github.com/dynapipe/dynapipe/transforms"
)

// job is a task that a worker is at. It answers in pieces: one, or more when a
// few rows become many. A worker that is ahead of its turn has made two of them
// at most (promise 6).
type job struct {
	task
	pieces chan transforms.Out
	err    error // set before pieces is closed
}

// moveAtOnce works on several units at once. One goroutine settles them in the
// order they came.
func (t *transformStage) moveAtOnce(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan *job, t.workers)
	var settling conc.WaitGroup
	settling.Go(func() {
		for j := range jobs {
			if err := t.guard(func() error { return t.finish(ctx, j) }); err != nil {
				cancel(err)
			}
			for piece := range j.pieces {
				piece.Release()
			}
			t.leave(&j.task)
		}
	})
	workers := pool.New().WithMaxGoroutines(t.workers)
	stopped, err := newUnion(t.stage).each(ctx, func(u unit) error {
		j := &job{task: *newTask(u), pieces: make(chan transforms.Out, 1)}
		jobs <- j // the settling goroutine takes every job
		workers.Go(func() { t.work(ctx, j) })
		return nil
	})
	workers.Wait()
	close(jobs)
	settling.Wait()
	if failure := context.Cause(ctx); failure != nil {
		return false, failure
	}
	return stopped, err
}

// work runs the transform on a unit and releases its batch.
func (t *transformStage) work(ctx context.Context, j *job) {
	defer close(j.pieces)
	defer j.unit.release()
	if ctx.Err() != nil {
		j.err = context.Cause(ctx)
		return
	}
	if j.unit.batch == nil {
		return
	}
	out := transforms.NewOut(func(piece transforms.Out) error {
		select {
		case j.pieces <- piece:
			return nil
		case <-ctx.Done():
			piece.Release()
			return context.Cause(ctx)
		}
	})
	defer out.Release()
	if j.err = t.guard(func() error { return t.transform.Apply(ctx, j.unit.batch, out) }); j.err == nil {
		j.err = out.Send()
	}
}

// finish settles a unit's answers as they come. Each is settled when the next
// one is there, so that the last one is known.
func (t *transformStage) finish(ctx context.Context, j *job) error {
	if j.unit.barrier != nil {
		return t.passed(ctx, j.unit.barrier, nil)
	}
	var next transforms.Out
	more := false
	for piece := range j.pieces {
		if more {
			if err := t.settle(ctx, &j.task, next, false); err != nil {
				piece.Release()
				return err
			}
		}
		next, more = piece, true
	}
	err := j.err
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = t.check(&j.task, next)
	}
	if err != nil {
		next.Release()
		return err
	}
	return t.settle(ctx, &j.task, next, true)
}
