package engine

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/sourcegraph/conc/pool"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// sourceStage pulls from every partition of a source, each in a goroutine of
// its own, and numbers the units.
type sourceStage struct {
	*stage
	env    sources.Env
	dead   record.Rejecter
	source sources.Source

	partitions, done atomic.Int64
}

func (s *sourceStage) open(ctx context.Context) (err error) {
	s.source, err = s.node.Source.Open(ctx, s.env)
	return err
}

func (s *sourceStage) move(ctx, reading context.Context) (bool, error) {
	var stopped atomic.Bool
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	all := s.source.Partitions()
	s.partitions.Store(int64(len(all)))
	for i, partition := range all {
		p.Go(func(ctx context.Context) error {
			early, err := s.read(ctx, reading, i, partition)
			if early {
				stopped.Store(true)
			} else if err == nil {
				s.done.Add(1)
			}
			return err
		})
	}
	err := p.Wait()
	return stopped.Load(), err
}

// read moves one partition. It reports whether it was stopped before its end.
func (s *sourceStage) read(ctx, reading context.Context, number int, p sources.Partition) (stopped bool, err error) {
	// A read ends with the stage, and also when the run is to stop reading.
	next, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(reading, func() { cancel(context.Cause(reading)) })()
	for n := int64(0); ; n++ {
		if errors.Is(context.Cause(next), errStopped) {
			return true, nil
		}
		chunk, err := p.Next(next)
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil && errors.Is(context.Cause(next), errStopped):
			return true, nil
		case err != nil && next.Err() != nil:
			return false, context.Cause(next)
		case err != nil:
			return false, err
		}
		u := unit{source: s.stage, partition: number, number: n, last: true, batch: chunk.Batch}
		s.tally.Read.Add(u.rows() + int64(len(chunk.Rejects)))
		if err := s.reject(s.dead, chunk.Rejects); err != nil {
			abandon(s.stage, u)
			return false, err
		}
		if err := s.emit(ctx, u); err != nil {
			return false, err
		}
	}
}

func (s *sourceStage) close() error { return s.source.Close() }
