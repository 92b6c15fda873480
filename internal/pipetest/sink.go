package pipetest

import (
	"context"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// keeping takes the place of a sink: it keeps the rows that reach it, and writes
// nothing.
type keeping struct {
	sinks.Config
	rows []attr.Value
}

// Open opens nothing of the sink.
func (c *keeping) Open(context.Context, sinks.Env) (sinks.Sink, error) { return keepingSink{c}, nil }

type keepingSink struct{ *keeping }

// Write keeps copies of the rows.
func (s keepingSink) Write(_ context.Context, b *record.Batch, r *record.Receipt) error {
	for row := range b.Rows() {
		fields := slices.Clone(attr.Fields(b, row))
		s.keeping.rows = append(s.rows, attr.MapValue(fields).Clone())
	}
	r.EndAll(record.Written)
	return nil
}

func (keepingSink) Flush(context.Context, sinks.Ending) error { return nil }

func (keepingSink) Close() error { return nil }
