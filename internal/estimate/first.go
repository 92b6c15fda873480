package estimate

import (
	"context"
	"sync/atomic"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// first stands before a transform that asks a service about rows, and lets only
// the first through: what is asked costs something.
type first struct {
	rows    int
	dropped atomic.Int64
}

var _ transforms.Config = (*first)(nil)

// Schema declares nothing: no file has it.
func (*first) Schema() schema.Block { return schema.Block{} }

// Shape is that of the rows that come.
func (*first) Shape(in expr.Shape) expr.Shape { return in }

// Open makes the transform ready.
func (f *first) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	return &onlyFirst{of: f, left: f.rows, mem: env.Mem}, nil
}

type onlyFirst struct {
	of   *first
	left int
	mem  memory.Allocator
}

// Sequential declares that batches come one at a time and in order.
func (*onlyFirst) Sequential() {}

// Apply emits rows until there were so many.
func (r *onlyFirst) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	keep := make([]int, min(r.left, in.Rows()))
	for i := range keep {
		keep[i] = i
	}
	r.left -= len(keep)
	dropped := int64(in.Rows() - len(keep))
	r.of.dropped.Add(dropped)
	out.Filtered += dropped
	out.Emit(transforms.Keep(r.mem, in, keep))
	return nil
}
