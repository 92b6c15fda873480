// Package transforms is the contract between the engine and what turns rows
// into other rows. Each kind of transform lives in a folder of its own beside
// this file.
package transforms

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Config is a decoded transform block. The front end makes an empty one,
// decodes into what Schema declares, and never shares it between nodes.
type Config interface {
	// Schema declares the block's arguments, bound to this Config.
	Schema() schema.Block
	// Shape is what is known of the rows that leave, given those that come.
	Shape(in expr.Shape) expr.Shape
	// Open makes the transform ready to run.
	Open(ctx context.Context, env Env) (Transform, error)
}

// Transform turns each batch into its rows' successors. It never holds rows
// back unless it is a Flusher. Apply is called from several goroutines at once
// for different batches, unless the transform is Sequential.
type Transform interface {
	// Apply reads in, which it neither changes nor releases, and says on out
	// what became of each row: emitted, filtered, coalesced or rejected. An
	// error fails the run; a row that can't be transformed is a reject.
	Apply(ctx context.Context, in *record.Batch, out *Out) error
}

// Sequential is a transform whose batches must come one at a time and in
// order, because it remembers something from one to the next.
type Sequential interface {
	Transform
	// Sequential does nothing; having it is the declaration.
	Sequential()
}

// Flusher is a transform that holds rows until it has seen all of them.
type Flusher interface {
	Sequential
	// Flush emits what is held, at the end of input only: a run that is
	// stopped never flushes.
	Flush(ctx context.Context, out *Out) error
}

// Out gathers what became of the rows of one batch. The zero Out is ready.
type Out struct {
	// Parts are the batches to send on, in order; the engine releases them.
	Parts []Part
	// Made counts rows emitted beyond one for each that came in.
	Made int64
	// Filtered and Coalesced count rows that ended here.
	Filtered, Coalesced int64
	// Rejects are rows that could not be transformed.
	Rejects []record.Rejection
}

// Part is a batch for one of the node's outputs.
type Part struct {
	Output string // empty for a transform with a single output
	Batch  *record.Batch
}

// Emit adds a batch to the node's single output. An empty batch is released.
func (o *Out) Emit(b *record.Batch) {
	if b.Rows() == 0 {
		b.Release()
		return
	}
	o.Parts = append(o.Parts, Part{Batch: b})
}

// Env is what the engine lends an open transform.
type Env struct {
	Node  string // the node's address: transform.map.items
	Mem   memory.Allocator
	Run   *expr.Run
	Meter *progress.Meter
}
