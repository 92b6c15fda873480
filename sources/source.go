// Package sources is the contract between the engine and what reads rows: a
// Config, decoded from a source block, opens a Source, whose partitions the
// engine pulls from, in parallel, a chunk at a time. Each kind of source lives
// in a folder of its own beside this file.
package sources

import (
	"context"
	"encoding/json"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Config is a decoded source block. The front end makes an empty one, decodes
// into what Schema declares, and never shares it between nodes.
type Config interface {
	// Schema declares the block's arguments, bound to this Config.
	Schema() schema.Block
	// Shape is what is known of the rows before any is read.
	Shape() expr.Shape
	// Facts is what the plan says of the source. It may ask a table's
	// description or look at which files are there, and reads no row.
	Facts(ctx context.Context) (schema.Facts, error)
	// Open checks that the source can be read and prepares to. An error is one
	// that fails the run before any row moves.
	Open(ctx context.Context, env Env) (Source, error)
}

// Narrower is a Config that can do with reading less.
type Narrower interface {
	Config
	// Narrow says which attributes anything downstream uses. The front end calls
	// it once, when the pipeline is decoded and before Facts and Open. What the
	// others hold never changes what becomes of a row.
	Narrow(use expr.Use)
}

// Source is an open source.
type Source interface {
	// Partitions is what can be read in parallel: one for a list of files, one
	// for each segment of a scan. It is called once.
	Partitions() []Partition
	// Close frees what the source holds. It is called once, when no partition
	// is being read any more, whatever happened.
	Close() error
}

// Partition is one ordered stream of rows. The engine calls its methods from
// one goroutine at a time.
type Partition interface {
	// Next reads the next chunk: at least one row or reject, at most what
	// Env.Limits say. After the last it returns io.EOF with an empty chunk.
	// Any other error fails the run. It returns soon after ctx is done, with
	// ctx's error.
	Next(ctx context.Context) (Chunk, error)
}

// Sampler is a Config that makes one of a bounded part of its rows, where reading
// them costs something.
type Sampler interface {
	Config
	// Sample reads at most that many rows, and no more than a few units of read
	// capacity, if a single page does not take more.
	Sample(rows int64) Config
}

// Fleeting is a Config whose rows may be gone once they are read.
type Fleeting interface {
	Config
	// Fleeting says why they are; it is empty when they can be read again.
	Fleeting() string
}

// Sampled is a Source that can say how large a part of all it has read.
type Sampled interface {
	Source
	// Share is called when no partition is being read, before Close.
	Share() Share
}

// Share is the part of a source that the rows given so far stand in.
type Share struct {
	// Part and Whole are in the unit that By names. Whole is 0 when it can't be
	// known, for the reason that By gives then.
	Part, Whole float64
	By          string
	// Most is the number of rows that there are at most, whatever Whole says; 0
	// for no bound.
	Most int64
	// Ended says that there are no further rows.
	Ended bool
	// Requests and Units are what reading all takes of a service, and Budget the
	// units that may be spent in a second; 0 for what is not known, or none.
	Requests, Units, Budget float64
}

// Resumable is a Source whose reading can go on in a later run (promise 5). A
// source that can't, as one of standard input, does not implement it or says
// why by an error of Identity.
type Resumable interface {
	Source
	// Identity is what is being read, as JSON that a person can read: the files
	// with sizes, times and a hash of their beginnings, or the table with its
	// number of segments. It is saved with positions and comes back as
	// Env.Resume, whose Open reads the same, in as many partitions, or says what
	// has changed. It is called after Open and before anything is read.
	Identity() (json.RawMessage, error)
}

// Positioned is a Partition of a Resumable source.
type Positioned interface {
	Partition
	// Position is where reading goes on after the last chunk that Next gave, as
	// JSON that a person can read. Rows read from there on have the origins that
	// they would have had in this run. The engine calls it from the goroutine
	// that calls Next, after each chunk: it is cheap. Before the first it is
	// where reading begins.
	Position() (json.RawMessage, error)
}

// Resume is where an earlier run had got to.
type Resume struct {
	Identity json.RawMessage // that Identity gave
	// Positions has one entry for each partition; null for one from which
	// nothing had been read.
	Positions []json.RawMessage
}

// Chunk is what one Next gave.
type Chunk struct {
	// Batch is the rows, which the caller releases; nil when there are none.
	Batch *record.Batch
	// Rejects are pieces of input that are not rows. They count as read.
	Rejects []record.Rejection
}

// Env is what the engine lends an open source.
type Env struct {
	Node   string // the node's address, for origins: source.csv.users
	Limits record.Limits
	Mem    memory.Allocator
	Run    *expr.Run
	Meter  *progress.Meter
	Resume *Resume // nil for a run that starts from the beginning
}
