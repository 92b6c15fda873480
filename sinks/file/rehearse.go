package file

import (
	"context"
	"os"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// Rehearse is a sink that makes the bytes that this one would write, keeps none of
// them, and creates nothing. With one file per value it looks at the paths alone:
// what would be in each file is not made.
func (c *Config) Rehearse() sinks.Config {
	if c.where.Parts != nil {
		return rehearsal{c}
	}
	out := *c
	out.format, out.path = c.formatName(), os.DevNull
	out.maxRows, out.maxBytes = 0, 0
	if !c.columnar() {
		out.compression = compressionNone
	}
	return &out
}

// Shrinks reports that what a rehearsal makes is not yet compressed.
func (c *Config) Shrinks() bool {
	how := c.compressionName()
	return !c.columnar() && (how == compressionGzip || how == compressionZstd)
}

// Bytes is how many have been handed on, once the sink has been flushed.
func (s *sink) Bytes() int64 { return s.out.written }

// rehearsal takes the place of a sink with one file per value.
type rehearsal struct{ *Config }

// Open opens no file.
func (c rehearsal) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	s := newSplit(c.Config, env, env.Run.ID)
	return &pathSink{s}, s.start(ctx)
}

type pathSink struct{ split *split }

// Write refuses rows whose path is none.
func (s *pathSink) Write(_ context.Context, b *record.Batch, r *record.Receipt) error {
	for row := range b.Rows() {
		path, err := s.split.pathOf(b, row)
		if err == nil {
			err = s.split.claim(path)
		}
		if err == nil {
			r.End(row, record.Written)
		} else if err := r.Reject(row, pathRejection(b, row, err)); err != nil {
			return err
		}
	}
	return nil
}

func (*pathSink) Flush(context.Context, sinks.Ending) error { return nil }

func (*pathSink) Close() error { return nil }
