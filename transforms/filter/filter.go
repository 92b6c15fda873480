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
}

// Apply emits the rows that pass and counts the others as filtered.
func (f *filter) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	keep := make([]int, 0, in.Rows())
	for row := range in.Rows() {
		ok, err := f.where.Condition(in, row)
		switch {
		case err != nil:
			out.Rejects = append(out.Rejects, transforms.RejectExpression(in, row, "where", err))
		case ok:
			keep = append(keep, row)
		default:
			out.Filtered++
		}
	}
	out.Emit(transforms.Keep(f.mem, in, keep))
	return nil
}
