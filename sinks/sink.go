// Package sinks is the contract between the engine and what takes rows out of
// the pipeline. Each kind of sink lives in a folder of its own beside this
// file.
package sinks

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Config is a decoded sink block. The front end makes an empty one, decodes
// into what Schema declares, and never shares it between nodes.
type Config interface {
	// Schema declares the block's arguments, bound to this Config.
	Schema() schema.Block
	// Facts is what the plan says of the sink: the API calls it uses, tables
	// and their keys, files. It may ask a table's description; it changes
	// nothing.
	Facts(ctx context.Context) (schema.Facts, error)
	// Open checks that the sink can be written and prepares to. Every sink is
	// open before the first row is read; an error fails the run by then.
	Open(ctx context.Context, env Env) (Sink, error)
}

// User is a Config that knows which attributes of its rows it uses. One that is
// no User uses all of them.
type User interface {
	Config
	Uses() expr.Use
}

// Sink takes batches and ends each of their rows exactly once on the receipt
// that came with it, at once or later, from any goroutine. The engine calls
// Write, Flush and Close from one goroutine.
type Sink interface {
	// Write takes a batch. It blocks while the sink has all it may hold: that
	// is the backpressure. When it returns the sink no longer reads the batch.
	// An error fails the run; a row that can't be written is a reject.
	Write(ctx context.Context, b *record.Batch, r *record.Receipt) error
	// Flush is called once when no more batches come and returns when every
	// row taken has ended, or with the reason why that can't be. After
	// Stopped, what would need more rows to be whole stays unsettled.
	Flush(ctx context.Context, how Ending) error
	// Close frees what the sink holds and removes what was not published. It
	// is always called, once, and last; no row ends after it.
	Close() error
}

// Ending is why no more batches come.
type Ending uint8

const (
	// EndOfInput: every row there is has been written.
	EndOfInput Ending = iota
	// Stopped: the run was interrupted and drains what is under way.
	Stopped
)

// Publisher is a sink whose result appears at once at the end, as a file under
// its name. Publish is called after Flush when the whole run went well, within
// max_rejects and with a ledger that balances; without it the rows the sink
// had written are unsettled again.
type Publisher interface {
	Sink
	Publish(ctx context.Context) error
}

// Env is what the engine lends an open sink.
type Env struct {
	Node   string // the node's address: sink.file.copy
	Limits record.Limits
	Mem    memory.Allocator
	Run    *expr.Run
	Meter  *progress.Meter
}
