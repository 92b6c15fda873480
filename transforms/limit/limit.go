// Package limit lets through the first rows and no more.
package limit

import (
	"context"
	"encoding/json"
	"fmt"

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

var _ transforms.Scaler = (*Config)(nil)

// New is an empty block.
func New() transforms.Config { return &Config{} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Lets through the first rows, and filters the rest.",
		Example: examples,
		Doc:     "The input is read to its end all the same, so that the ledger counts every row. A dynamodb source has a limit of its own, which reads no more than it must.",
		Args: []schema.Arg{
			schema.Int64("rows", &c.rows, "How many rows to let through.").Require().AtLeast(0),
		},
	}
}

// Shape is that of the rows that come.
func (c *Config) Shape(in expr.Shape) expr.Shape { return in }

// Scale implements transforms.Scaler: all rows leave until there are so many.
func (c *Config) Scale(_, _, come float64) (float64, string) { return min(come, float64(c.rows)), "" }

// Uses is what the rows that pass are used for.
func (c *Config) Uses(out expr.Use) expr.Use { return out }

// Remembers declares that the rows that passed are counted.
func (*Config) Remembers() (saved bool) { return true }

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	l := &limit{left: c.rows, mem: env.Mem}
	if env.Resume == nil {
		return l, nil
	}
	var saved position
	if err := json.Unmarshal(env.Resume, &saved); err != nil || saved.Passed < 0 {
		return nil, fmt.Errorf("the saved state of limit is damaged: %s", env.Resume)
	}
	l.passed, l.left = saved.Passed, max(l.left-saved.Passed, 0)
	return l, nil
}

type limit struct {
	left, passed int64
	mem          memory.Allocator
}

// position is what a checkpoint saves.
type position struct {
	Passed int64 `json:"passed"`
}

var _ transforms.Checkpointer = (*limit)(nil)

// Checkpoint saves how many rows have passed.
func (l *limit) Checkpoint() (json.RawMessage, error) { return json.Marshal(position{l.passed}) }

// Sequential declares that batches come one at a time and in order.
func (*limit) Sequential() {}

// Apply emits rows until the limit is reached.
func (l *limit) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	n := min(l.left, int64(in.Rows()))
	l.left -= n
	l.passed += n
	out.Filtered += int64(in.Rows()) - n
	keep := make([]int, n)
	for i := range keep {
		keep[i] = i
	}
	out.Emit(transforms.Keep(l.mem, in, keep))
	return nil
}
