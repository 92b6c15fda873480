package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/sourcegraph/conc/pool"

	"github.com/dynapipe/dynapipe/internal/checkpoint"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// sourceStage pulls from every partition of a source, each in a goroutine of
// its own, and numbers the units.
type sourceStage struct {
	*stage
	env         sources.Env
	dead        *deadLetter
	source      sources.Source
	checkpoints *checkpoints // nil when none are taken

	partitions, done atomic.Int64

	identity json.RawMessage
	resume   []checkpoint.Partition // where an earlier run had got to
	ended    bool                   // everything has been read; guarded by the gate
	readers  []*reader              // guarded by the gate
}

// reader is how far a partition has been read.
type reader struct {
	partition sources.Partition
	number    int
	checkpoint.Partition
}

func (s *sourceStage) open(ctx context.Context) (err error) {
	s.source, err = s.node.Source.Open(ctx, s.env)
	return err
}

// ready takes up the partitions, where they were left.
func (s *sourceStage) ready() error {
	all := s.source.Partitions()
	if s.resume != nil && len(s.resume) != len(all) {
		return fmt.Errorf("%s has %d partitions, and had %d when its state was saved", s.node.Address, len(all), len(s.resume))
	}
	s.partitions.Store(int64(len(all)))
	s.readers = make([]*reader, len(all))
	for i, p := range all {
		s.readers[i] = &reader{partition: p, number: i, Partition: checkpoint.Partition{Position: nothing}}
		if s.resume != nil {
			s.readers[i].Partition = s.resume[i]
		}
	}
	return nil
}

// progress is how far the source has been read. The gate is held.
func (s *sourceStage) progress() checkpoint.Source {
	of := checkpoint.Source{Identity: s.identity}
	for _, r := range s.readers {
		of.Partitions = append(of.Partitions, r.Partition)
	}
	return of
}

func (s *sourceStage) move(ctx, reading context.Context) (bool, error) {
	var stopped atomic.Bool
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	for _, r := range s.readers {
		if r.Done {
			s.done.Add(1)
			continue
		}
		p.Go(func(ctx context.Context) error {
			early, err := s.read(ctx, reading, r)
			if early {
				stopped.Store(true)
			} else if err == nil {
				s.done.Add(1)
			}
			return err
		})
	}
	err := p.Wait()
	if err != nil {
		s.checkpoints.giveUp()
		return false, err
	}
	err = s.checkpoints.leave(ctx, s, stopped.Load())
	return stopped.Load(), err
}

// read moves one partition. It reports whether it was stopped before its end.
func (s *sourceStage) read(ctx, reading context.Context, r *reader) (stopped bool, err error) {
	// A read ends with the stage, and also when the run is to stop reading.
	next, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(reading, func() { cancel(context.Cause(reading)) })()
	for n := int64(0); ; n++ {
		if errors.Is(context.Cause(next), errStopped) {
			return true, nil
		}
		chunk, err := r.partition.Next(next)
		switch {
		case errors.Is(err, io.EOF):
			s.checkpoints.passing(func() { r.Done = true })
			return false, nil
		case err != nil && errors.Is(context.Cause(next), errStopped):
			return true, nil
		case err != nil && next.Err() != nil:
			return false, context.Cause(next)
		case err != nil:
			return false, err
		}
		u := unit{source: s.stage, partition: r.number, number: n, last: true, batch: chunk.Batch}
		if err := s.hand(ctx, r, u, chunk.Rejects); err != nil {
			return false, err
		}
	}
}

// hand counts a unit and sends it on, and notes that it is behind.
func (s *sourceStage) hand(ctx context.Context, r *reader, u unit, rejects []record.Rejection) (err error) {
	after := r.Partition
	if s.checkpoints != nil {
		if after.Position, err = r.partition.(sources.Positioned).Position(); err != nil {
			u.release()
			return err
		}
		after.Last = furthest(after.Last, u.batch)
	}
	s.checkpoints.passing(func() {
		s.tally.Read.Add(u.rows() + int64(len(rejects)))
		if err = s.reject(s.dead, rejects); err != nil {
			abandon(s.stage, u)
			return
		}
		if err = s.emit(ctx, u); err == nil {
			r.Partition = after
		}
	})
	return err
}

// furthest is the last row of a batch, or the one before where that was further.
func furthest(before *record.Pos, b *record.Batch) *record.Pos {
	if b == nil {
		return before
	}
	pos := b.Origins().Pos
	last := pos[len(pos)-1]
	if before != nil && last.Compare(*before) <= 0 {
		return before
	}
	return &last
}

// conclude has nothing to say: what a source did is noted with its position.
func (s *sourceStage) conclude(*barrier) {}

func (s *sourceStage) close() error { return s.source.Close() }
