// Package sinks is the contract between the engine and what takes rows out of
// the pipeline. Each kind of sink lives in a folder of its own beside this
// file.
package sinks

import (
	"context"
	"encoding/json"
	"errors"

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

// Checkpointer is a sink that needs more than its rows from where they have not
// settled to go on in a later run: how long a file was, how much was counted.
// A sink without it goes on by being given those rows.
type Checkpointer interface {
	Sink
	// Checkpoint is called between Writes, from the goroutine that calls them. It
	// puts on disk what has been written so far and gives, as JSON that a person
	// can read, what a later Open needs to go on from here, which gets it as
	// Env.Resume. Rows that have come and whose end does not depend on this sink's
	// own files, as those in requests under way, are the engine's to wait for.
	// ErrNotNow says that it can't be done at this point and can later; what it
	// costs is a checkpoint.
	Checkpoint(ctx context.Context) (json.RawMessage, error)
	// Keep is called before Close in a run that ends unfinished when a saved
	// checkpoint counts on what has been written: Close then leaves it there.
	Keep()
}

// Discarder is a Config that can remove what a sink has left for a later run, when
// there will be none.
type Discarder interface {
	Config
	// Discard removes unfinished files and the like, by what Checkpoint had given.
	// What is gone already is no error.
	Discard(state json.RawMessage) error
	// Sweep removes what a run of this block has left that was killed before a
	// checkpoint knew of it, as far as it finds it.
	Sweep(run string) error
}

// ErrNotNow is Checkpoint's error when the sink is at a point from which a later
// run could not go on.
var ErrNotNow = errors.New("no checkpoint can be taken at this point")

// Holder is a sink that holds rows back until others come: an open group. What
// is held is part of a checkpoint, and is written to the sink first in a run that
// goes on.
type Holder interface {
	Sink
	// Held is the rows that have come and that the sink does not act on before
	// others do, in the order in which they came. It is called between Writes,
	// from the goroutine that calls them.
	Held() []Held
}

// Held is a row that a sink holds back.
type Held struct {
	Receipt *record.Receipt
	Row     int
	Item    []byte // the row as a DynamoDB JSON map, {"id":{"S":"1"}}
}

// Env is what the engine lends an open sink.
type Env struct {
	Node   string // the node's address: sink.file.copy
	Limits record.Limits
	Mem    memory.Allocator
	Run    *expr.Run
	Meter  *progress.Meter
	// Resume is what Checkpoint had given in the run that this one goes on with;
	// nil for a run that starts from the beginning.
	Resume json.RawMessage
	// Done says, with Resume, that the earlier run had written everything and may
	// have published some of it: all that is left is to Publish, which is
	// repeatable.
	Done bool
}
