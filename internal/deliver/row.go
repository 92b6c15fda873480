package deliver

import (
	"context"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Operation is what a row asks of its table.
type Operation uint8

// The operations. Put and Delete are those of BatchWriteItem, and say the whole
// of what becomes of an item: rows of one key that wait together may be sent
// once. So may those of Get. Of the others each is sent, and rows of one key go
// one after the other.
const (
	Put Operation = iota + 1
	Delete
	Get
	PutItem
	DeleteItem
	UpdateItem
	TransactWrite
	TransactGet
)

// String is DynamoDB's name of the operation.
func (o Operation) String() string {
	return [...]string{
		"none", "PutRequest", "DeleteRequest", "GetItem", "PutItem", "DeleteItem", "UpdateItem", "TransactWriteItems", "TransactGetItems",
	}[o]
}

// done says what has become of a row that has ended well, for messages.
func (o Operation) done() string {
	switch o {
	case Get, TransactGet:
		return "looked up"
	case Delete, DeleteItem:
		return "deleted"
	}
	return "written"
}

// coalesces reports that of several rows of a key the last is enough.
func (o Operation) coalesces() bool { return o <= Get }

// Row is one row, encoded and checked by the component.
type Row struct {
	// Table is where the item is, or the first one of a transaction, whose limit
	// it keeps.
	Table string
	// Key is the item's key in a form that is equal when DynamoDB deems two keys
	// equal: the numbers 1 and 1.0 are one key.
	Key string
	// Mark is MarkOf Table and Key; 0: the core makes it.
	Mark Mark
	// Tables and Marks are the tables and items of a transaction over several,
	// which needs no Key; nil: Table and Key are all there is.
	Tables    []string
	Marks     []Mark
	Operation Operation
	// Actions are those of a transaction; of any other row 0, for one.
	Actions int
	// Body is the row's part of a request, as {"PutRequest":{"Item":{...}}}; nil
	// when the sender makes it from what the receipt keeps. Bytes is how long it
	// will be then, or a little more.
	Body  []byte
	Bytes int
	// Units is the capacity that the row is expected to take.
	Units float64
	// Receipt and Index say where the row ends. The receipt knows the row for the
	// dead letter.
	Receipt Receipt
	Index   int
	// Kept is about how much memory the receipt may keep until the row has ended,
	// beside Bytes.
	Kept int
}

// Receipt is where rows end, each once: those of a batch, or what a component
// whose rows are no batch's puts in its place. It is called from several
// goroutines.
type Receipt interface {
	// EndEach ends rows alike.
	EndEach(rows []int, o record.Outcome)
	// Reject ends a row in the dead letter; an error says that it could not be
	// kept there, and fails the run.
	Reject(row int, why record.Rejection) error
	Origin(row int) record.Origin
}

var _ Receipt = (*record.Receipt)(nil)

// footprint is roughly the memory that holding the row takes.
func (r *Row) footprint() int64 {
	const bookkeeping, perMark = 256, 64
	return int64(r.part() + len(r.Key) + bookkeeping + len(r.Marks)*perMark + r.Kept)
}

// part is how long the row's part of a request is.
func (r *Row) part() int { return len(r.Body) + r.Bytes }

// actions is how much of a request's count the row takes.
func (r *Row) actions() int { return max(r.Actions, 1) }

// Request is some rows on their way to the service. No two of them have the
// same table and key, and those of one table stand together.
type Request struct {
	Number  int64 // from 1; the same for each attempt
	Attempt int   // from 1
	Rows    []*Row
	// Bytes is the length of the request's body, or a little more. A sender that
	// knows better sets it.
	Bytes int
	// Doubtful says that an attempt at some row failed in a way that leaves open
	// whether it was carried out. A condition that fails then may fail because of
	// the row itself.
	Doubtful bool
}

// Answer is what the service did with a request that did not fail.
type Answer struct {
	// Unprocessed are the indexes of the request's rows that were given back.
	Unprocessed []int
	// Skipped are those whose condition did not hold, where that is no error: they
	// end as filtered.
	Skipped []int
	// Consumed is the capacity that the rest took.
	Consumed []Consumed
}

// took is the capacity that a table and its indexes took, if the answer says;
// with no table, that all of them did.
func (a *Answer) took(table string) (units float64, said bool) {
	for _, c := range a.Consumed {
		if c.Table == table || table == "" {
			units += c.Units
			said = true
		}
	}
	return units, said
}

// Consumed is capacity taken from a table, or from one of its indexes.
type Consumed struct {
	Table string
	Index string // empty for the table itself
	Units float64
}

// Sender makes one attempt at a request and does not retry. It is called from
// several goroutines. Its errors are Faults; any other error is Permanent.
type Sender interface {
	Send(ctx context.Context, r *Request) (Answer, error)
}

// Class is what the core does about an error.
type Class uint8

// The classes of errors.
const (
	// Permanent fails the run: no attempt will go better.
	Permanent Class = iota
	// Retryable is tried again, max_attempts times. Whether the request was
	// carried out may be unknown, so only requests that may be repeated use it.
	Retryable
	// Throttled is tried again until the table takes it.
	Throttled
	// Conflict is somebody else at the same item. It is tried again until that is
	// over, and no reason to send less.
	Conflict
	// Poison is the fault of at least one row of the request, which is found
	// and rejected while the others are sent.
	Poison
)

// Fault is an error of an attempt, with what the core needs to know of it.
type Fault struct {
	Class   Class
	Code    string // the service's, for the dead letter
	Message string // the service's, for the dead letter
	// Answered says that the service was reached, whatever it said.
	Answered bool
	Reasons  []Throttle // of Throttled, when the service gave some
	Err      error
}

// Error is the text of the error behind the fault.
func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap is the error behind the fault.
func (f *Fault) Unwrap() error { return f.Err }
