package replay

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sources"
)

// config is the source of the rows that one node refused.
type config struct{ path, node string }

var _ sources.Config = (*config)(nil)

// Schema declares nothing: no pipeline has this block.
func (c *config) Schema() schema.Block { return schema.Block{} }

// Shape is not known.
func (c *config) Shape() expr.Shape { return expr.Shape{} }

// Facts is the file.
func (c *config) Facts(context.Context) (schema.Facts, error) {
	return schema.Facts{Files: []string{c.path}}, nil
}

// Open begins to walk the file.
func (c *config) Open(_ context.Context, env sources.Env) (sources.Source, error) {
	s := &source{config: c, env: env, rows: attr.NewBuilder(env.Mem)}
	s.next, s.stop = iter.Pull2(engine.DeadLetterLines(c.path))
	return s, nil
}

// source is one partition, in the order of the file.
type source struct {
	*config
	env  sources.Env
	rows *attr.Builder
	next func() (engine.DeadLetterLine, error, bool)
	stop func()

	first *engine.DeadLetterLine // of the next batch
	place *record.Place          // of the batch under way
	files map[string]int32
	ended error // io.EOF, or what failed the run; comes after the rows before it
}

// Partitions is the one there is.
func (s *source) Partitions() []sources.Partition { return []sources.Partition{s} }

// Close ends the walk.
func (s *source) Close() error {
	s.stop()
	s.rows.Release()
	return nil
}

// Next reads rows of one source and segment, whose places a batch can hold.
func (s *source) Next(ctx context.Context) (sources.Chunk, error) {
	if s.ended != nil {
		return sources.Chunk{}, s.ended
	}
	for ctx.Err() == nil {
		line, err := s.line()
		if err != nil || line == nil {
			if s.ended = err; err == nil {
				s.ended = io.EOF
			}
			if s.rows.Rows() == 0 {
				return sources.Chunk{}, s.ended
			}
			return sources.Chunk{Batch: s.cut()}, nil
		}
		if s.rows.Rows() > 0 && !s.fits(line) {
			s.first = line
			return sources.Chunk{Batch: s.cut()}, nil
		}
		if err := s.add(line); err != nil {
			return sources.Chunk{}, err
		}
		if s.rows.Rows() >= s.env.Limits.Rows || int64(s.rows.Bytes()) >= s.env.Limits.Bytes {
			return sources.Chunk{Batch: s.cut()}, nil
		}
	}
	return sources.Chunk{}, context.Cause(ctx)
}

// line is the next line of the node; nil at the end.
func (s *source) line() (*engine.DeadLetterLine, error) {
	if line := s.first; line != nil {
		s.first = nil
		return line, nil
	}
	for {
		line, err, ok := s.next()
		switch {
		case !ok:
			return nil, nil
		case err != nil:
			return nil, err
		case line.Node == s.node && len(line.Item) > 0:
			return &line, nil
		}
	}
}

func (s *source) fits(line *engine.DeadLetterLine) bool {
	return s.place.Source == line.Origin.Source && s.place.Segment == segment(line)
}

func segment(line *engine.DeadLetterLine) int {
	if line.Origin.Segment == nil {
		return -1
	}
	return *line.Origin.Segment
}

// add adds a row, with the place that it had when it was refused: what is made of
// that, as a token, is the same again.
func (s *source) add(line *engine.DeadLetterLine) error {
	if s.rows.Rows() == 0 {
		s.place, s.files = &record.Place{Source: line.Origin.Source, Segment: segment(line)}, map[string]int32{}
	}
	if err := s.rows.AddItem(line.Item); err != nil {
		return fmt.Errorf("the row in line %d of %s is damaged: %w", line.Number, s.path, err)
	}
	pos := record.Pos{File: -1, Line: line.Origin.Line, Seq: line.Origin.Seq, Sub: line.Origin.Sub}
	if name := line.Origin.File; name != "" {
		i, known := s.files[name]
		if !known {
			i = int32(len(s.place.Files))
			s.files[name] = i
			s.place.Files = append(s.place.Files, name)
		}
		pos.File = i
	}
	s.rows.EndRow(pos)
	return nil
}

func (s *source) cut() *record.Batch { return s.rows.Batch(s.place) }
