// Package transforms is the contract between the engine and what turns rows
// into other rows. Each kind of transform lives in a folder of its own beside
// this file.
package transforms

import (
	"context"
	"encoding/json"

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

// Explainer is a Config of which the plan says more than its arguments.
type Explainer interface {
	Config
	// Facts is what the plan says of the transform: the API calls it uses,
	// tables and their keys. It may ask a table's description; it reads no item.
	Facts(ctx context.Context) (schema.Facts, error)
}

// User is a Config that knows which attributes of its rows are of use. Of one
// that is no User all are, and they are read from where the rows come.
type User interface {
	Config
	// Uses is the attributes of the rows that come which the transform reads,
	// rejects rows by, or lets through to those that use out.
	Uses(out expr.Use) expr.Use
}

// Transform turns each batch into its rows' successors. It never holds rows
// back unless it is a Flusher. Apply is called from several goroutines at once
// for different batches, unless the transform is Sequential.
type Transform interface {
	// Apply reads in, which it neither changes nor releases, and says on out
	// what became of each row: emitted, filtered, coalesced or rejected. Rows
	// leave in the order they came. An error fails the run; a row that can't be
	// transformed is a reject.
	Apply(ctx context.Context, in *record.Batch, out *Out) error
}

// Sequential is a transform whose batches must come one at a time and in
// order, because it remembers something from one to the next.
type Sequential interface {
	Transform
	// Sequential does nothing; having it is the declaration.
	Sequential()
}

// Rememberer is a Config whose transform remembers something of earlier batches:
// what it makes of a row depends on the rows before it.
type Rememberer interface {
	Config
	// Remembers reports whether a checkpoint saves what is remembered (the transform
	// is a Checkpointer). If not, a run that goes on feeds it again from the start.
	Remembers() (saved bool)
}

// Checkpointer is a transform that saves what it remembers.
type Checkpointer interface {
	Sequential
	// Checkpoint is what a later Open needs to go on behind the batches so far, as
	// JSON that a person can read; it gets it as Env.Resume. It is called between
	// two calls of Apply.
	Checkpoint() (json.RawMessage, error)
}

// Scaler is a Config that knows how many rows leave of more than it has seen. Of
// one that is none it is the same share of them.
type Scaler interface {
	Config
	// Scale says how many rows leave when come come, of which seen gave left. why,
	// when it is not empty, is why that can't be told.
	Scale(seen, left, come float64) (leave float64, why string)
}

// Waiter is a transform whose time goes into waiting for a service.
type Waiter interface {
	Transform
	// Units is how many batches it is given at once at most, in place of what
	// parallelism says.
	Units() int
}

// Closer is a transform that holds what has to be given back: connections,
// goroutines.
type Closer interface {
	Transform
	// Close is called once, when no batch is being worked on any more, whatever
	// happened.
	Close() error
}

// Flusher is a transform that holds rows back.
//
// One that holds a unit back calls Hold on the Out that came with its batch,
// and completes that Out in a later Apply, or in Flush: the unit goes on when
// all before it have gone. One whose units must not wait says nothing of the
// rows that it holds; it emits in Flush what became of them, and accounts for
// them there.
type Flusher interface {
	Sequential
	// Flush is called once at the end of input, and never in a run that is
	// stopped or fails (promise 9). It completes every Out that is held, and
	// says on out what became of the other rows that are.
	Flush(ctx context.Context, out *Out) error
	// Drop forgets what is held, and gives its memory back. It says how many
	// rows no Out has accounted for, those of an Out that is held left out. It
	// is called last, and always; after a Flush it finds nothing. A batch whose
	// Apply failed is not counted.
	Drop() (rows int64)
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

	take func(Out) error
	held bool
}

// Part is a batch for one of the node's outputs.
type Part struct {
	Output string // empty for a transform with a single output
	Batch  *record.Batch
}

// NewOut is an Out that Send empties into take, which owns what it is given.
func NewOut(take func(Out) error) *Out { return &Out{take: take} }

// Emit adds a batch to the node's single output. An empty batch is released.
func (o *Out) Emit(b *record.Batch) { o.EmitTo("", b) }

// EmitTo adds a batch to one of the node's outputs. An empty batch is released.
func (o *Out) EmitTo(output string, b *record.Batch) {
	if b.Rows() == 0 {
		b.Release()
		return
	}
	o.Parts = append(o.Parts, Part{Output: output, Batch: b})
}

// Send hands on what has been gathered, and waits until there is room for it.
// A transform that makes many rows of few calls it each time it has made about
// a batch, so that memory does not grow with what it makes (promise 6). Its
// error is one to return. Where the engine takes nothing early, for a
// Sequential transform but in Flush, it does nothing.
func (o *Out) Send() error {
	if o.take == nil {
		return nil
	}
	piece := *o
	piece.take = nil
	*o = Out{take: o.take}
	return o.take(piece)
}

// Hold keeps the Out from being complete when Apply returns. The transform, a
// Flusher, keeps the Out and calls Complete when all of its rows are accounted
// for.
func (o *Out) Hold() { o.held = true }

// Complete lets an Out go on that was held.
func (o *Out) Complete() { o.held = false }

// Held reports that the Out is not complete.
func (o *Out) Held() bool { return o.held }

// Ended is how many of the rows that came in are accounted for.
func (o *Out) Ended() int64 {
	ended := o.Filtered + o.Coalesced + int64(len(o.Rejects)) - o.Made
	for _, p := range o.Parts {
		ended += int64(p.Batch.Rows())
	}
	return ended
}

// Release gives back the memory of what was gathered and goes nowhere.
func (o *Out) Release() {
	for _, p := range o.Parts {
		p.Batch.Release()
	}
	o.Parts = nil
}

// Env is what the engine lends an open transform.
type Env struct {
	Node string // the node's address: transform.map.items
	// Limits are where a transform that makes rows cuts a batch.
	Limits record.Limits
	Mem    memory.Allocator
	Run    *expr.Run
	Meter  *progress.Meter
	// Resume is what Checkpoint had given in the run that this one goes on with;
	// nil otherwise.
	Resume json.RawMessage
}
