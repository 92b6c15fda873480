// Package filter lets through the rows for which a condition holds.
package filter

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// Config is a transform "filter" block.
type Config struct {
	where *expr.Expr
}

var _ transforms.Config = (*Config)(nil)

// New is an empty block.
func New() transforms.Config { return &Config{} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Lets through the rows for which a condition holds.",
		Example: examples,
		Args: []schema.Arg{
			schema.Condition("where", &c.where,
				"The condition. A row for which it is null is filtered, as one for which it is false; a row on which it fails is rejected.").Require(),
		},
	}
}

// Shape is that of the rows that come.
func (c *Config) Shape(in expr.Shape) expr.Shape { return in }

// Uses is the condition's and what the rows that pass are used for.
func (c *Config) Uses(out expr.Use) expr.Use { return out.Reading(c.where) }

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	return &filter{where: c.where, mem: env.Mem}, nil
}

type filter struct {
	where *expr.Expr
	mem   memory.Allocator
	rows  transforms.Rows
}

// Apply emits the rows that pass and counts the others as filtered.
func (f *filter) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	rows := f.rows.All(in.Rows())
	defer f.rows.Done(rows)
	keep := f.where.Where(in, *rows, (*rows)[:0], func(row int, err error) {
		if err == nil {
			out.Filtered++
			return
		}
		out.Rejects = append(out.Rejects, transforms.RejectExpression(in, row, "where", err))
	})
	out.Emit(transforms.Keep(f.mem, in, keep))
	return nil
}
