package update

import (
	"context"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// encoder makes rows of batches into rows of the core.
type encoder struct {
	operation deliver.Operation
	writer    *delivery.Writer
	once      once
	arena     delivery.Arena
	shelf     delivery.Shelf
	rows      *delivery.Rows // of the batch
	scratch   []byte
	page      *delivery.Page
}

func (e *encoder) begin(b *record.Batch, r *record.Receipt) {
	e.page = delivery.NewPage(b)
	e.rows = e.shelf.Add(e.page, r)
	e.writer.Begin(e.page)
}

func (e *encoder) end() {
	e.page, e.rows = nil, nil
	e.writer.End()
}

// row encodes one row. A row that can't be written is refused; an error fails
// the run.
func (e *encoder) row(ctx context.Context, row int) (out deliver.Row, no delivery.Refusal, err error) {
	out = deliver.Row{Operation: e.operation, Index: row, Receipt: e.rows}
	transaction := e.operation == deliver.TransactWrite
	e.scratch = append(e.scratch[:0], '{')
	if transaction {
		e.scratch = append(append(e.scratch[:0], delivery.TransactionHead...), `{"Update":{`...)
	}
	var target delivery.Target
	e.scratch, target, no, err = e.writer.Append(ctx, e.scratch, row)
	if no.Refused() || err != nil {
		return out, no, err
	}
	out.Table, out.Key, out.Units = target.Table.Name, string(target.Key), target.Units
	if transaction {
		if e.scratch, no = e.once.end(append(e.scratch, "}}"...), e.page.Batch, &out); no.Refused() {
			return out, no, nil
		}
	} else {
		e.scratch = append(e.scratch, delivery.SingleTail...)
	}
	out.Body = e.arena.Keep(e.scratch)
	out.Kept = e.page.Bytes(row)
	return out, delivery.Refusal{}, nil
}

func (e *encoder) refuse(row int, no delivery.Refusal) error {
	return e.rows.Reject(row, record.Rejection{Operation: e.operation.String(), Code: no.Code, Message: no.Message})
}
