// Package limit lets through the first rows and no more.
package limit

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// Config is a transform "limit" block.
type Config struct {
	rows int64
}

var _ transforms.Config = (*Config)(nil)

// New is an empty block.
func New() transforms.Config { return &Config{} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Lets through the first rows, and filters the rest.",
		Doc:     "The input is read to its end all the same, so that the ledger counts every row. A dynamodb source has a limit of its own, which reads no more than it must.",
		Args: []schema.Arg{
			schema.Int64("rows", &c.rows, "How many rows to let through.").Require().AtLeast(0),
		},
	}
}

// Shape is that of the rows that come.
func (c *Config) Shape(in expr.Shape) expr.Shape { return in }

// Uses is what the rows that pass are used for.
func (c *Config) Uses(out expr.Use) expr.Use { return out }

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	return &limit{left: c.rows, mem: env.Mem}, nil
}

type limit struct {
	left int64
	mem  memory.Allocator
}

var _ transforms.Sequential = (*limit)(nil)

// Sequential declares that batches come one at a time and in order.
func (*limit) Sequential() {}

// Apply emits rows until the limit is reached.
func (l *limit) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	n := min(l.left, int64(in.Rows()))
	l.left -= n
	out.Filtered += int64(in.Rows()) - n
	keep := make([]int, n)
	for i := range keep {
		keep[i] = i
	}
	out.Emit(transforms.Keep(l.mem, in, keep))
	return nil
}
