package pipetest

import (
	"context"
	"fmt"
	"io"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// given takes the place of a source: it gives the rows of a test.
type given struct {
	sources.Config
	rows []written
}

// Open opens nothing of the source.
func (c *given) Open(_ context.Context, env sources.Env) (sources.Source, error) {
	return &givenRows{given: c, env: env, builder: attr.NewBuilder(env.Mem)}, nil
}

// givenRows is one partition.
type givenRows struct {
	*given
	env     sources.Env
	builder *attr.Builder
	next    int
}

func (s *givenRows) Partitions() []sources.Partition { return []sources.Partition{s} }

func (s *givenRows) Close() error {
	s.builder.Release()
	return nil
}

// Next gives the next rows.
func (s *givenRows) Next(ctx context.Context) (sources.Chunk, error) {
	if ctx.Err() != nil {
		return sources.Chunk{}, context.Cause(ctx)
	}
	for s.next < len(s.rows) && s.builder.Rows() < s.env.Limits.Rows && int64(s.builder.Bytes()) < s.env.Limits.Bytes {
		cell := attr.AppendDynamoJSON(nil, s.rows[s.next].Value)
		if err := s.builder.AddItem(attr.ItemOf(cell)); err != nil {
			return sources.Chunk{}, fmt.Errorf("row %d: %w", s.next+1, err)
		}
		s.builder.EndRow(record.Pos{File: -1, Seq: int64(s.next)})
		s.next++
	}
	if s.builder.Rows() == 0 {
		return sources.Chunk{}, io.EOF
	}
	return sources.Chunk{Batch: s.builder.Batch(&record.Place{Source: s.env.Node, Segment: -1})}, nil
}
