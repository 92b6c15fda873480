package estimate

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/sources"
)

// fleeting is why a source is not to be read before a run; empty when it may be.
func fleeting(n *plan.Node) string {
	if n.Reads(plan.StandardStream) {
		return "standard input is not sampled: it gives what it has only once"
	}
	if f, ok := n.Source.(sources.Fleeting); ok {
		return f.Fleeting()
	}
	return ""
}

// source takes the place of a source, and gives a part of its rows.
type source struct {
	sources.Config
	rows int64

	// What is known when the sample has ended.
	failed error // why there are no rows, or no more
	share  sources.Share
	meter  progress.Snapshot
	taken  atomic.Int64
	cut    atomic.Bool // there are rows that were not read
}

// Open opens the source. One that can't be opened gives no rows, so that the
// others can be looked at.
func (s *source) Open(ctx context.Context, env sources.Env) (sources.Source, error) {
	config := s.Config
	if c, ok := config.(sources.Sampler); ok {
		config = c.Sample(s.rows)
	}
	most := int64(env.Limits.Rows)
	batches := (s.rows + most - 1) / most
	env.Limits.Rows = int((s.rows + batches - 1) / batches) // whole batches then are the sample, but for less than a row of each
	soon, cancel := context.WithTimeout(ctx, opening)
	defer cancel()
	open, err := config.Open(soon, env)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		s.failed = err
		return closed{}, nil
	}
	return &part{Source: open, of: s, meter: env.Meter}, nil
}

// part is an open source of which a part is read.
type part struct {
	sources.Source
	of    *source
	meter *progress.Meter
}

// Partitions are those of the source, each ended when there are enough rows.
func (p *part) Partitions() []sources.Partition {
	all := p.Source.Partitions()
	out := make([]sources.Partition, len(all))
	for i, of := range all {
		out[i] = &bounded{Partition: of, part: p}
	}
	return out
}

// Close notes how large the part was.
func (p *part) Close() error {
	if s, ok := p.Source.(sources.Sampled); ok {
		p.of.share = s.Share()
	} else {
		p.of.share.By = "how long the source is can't be told"
	}
	p.of.meter = p.meter.Snapshot()
	return p.Source.Close()
}

// bounded is a partition that ends early.
type bounded struct {
	sources.Partition
	part *part
}

// Next gives the next chunk as long as more rows are wanted. An error of the
// source ends its rows, and is kept.
func (b *bounded) Next(ctx context.Context) (sources.Chunk, error) {
	s := b.part.of
	if s.taken.Load() >= s.rows || b.part.meter.Snapshot().BytesRead >= maxBytes {
		s.cut.Store(true)
		return sources.Chunk{}, io.EOF
	}
	chunk, err := b.Partition.Next(ctx)
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		s.failed = err
		return sources.Chunk{}, io.EOF
	}
	rows := int64(len(chunk.Rejects))
	if chunk.Batch != nil {
		rows += int64(chunk.Batch.Rows())
	}
	s.taken.Add(rows)
	return chunk, err
}

// closed is a source without rows.
type closed struct{}

func (closed) Partitions() []sources.Partition { return nil }

func (closed) Close() error { return nil }
