package batchwrite

import (
	"context"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
)

const (
	putHead    = `{"PutRequest":{"Item":`
	deleteHead = `{"DeleteRequest":{"Key":`
	tail       = `}}`

	tableHead = `{"TableName":`
	itemHead  = `,"Item":`
	keyHead   = `,"Key":`
)

// encoder makes rows of batches into rows of the core.
type encoder struct {
	table     *expr.Expr
	operation *expr.Expr
	tables    *delivery.Tables
	fixed     *delivery.Table   // when every row goes to one table
	fixedOp   deliver.Operation // when every row asks the same; else 0

	writes *dynamo.WriteProgram // of the condition, when there is one

	arena   delivery.Arena
	scratch []byte
	key     delivery.Key
}

// row encodes one row into out, which has nothing yet but its receipt. A row that
// can't be written is refused; an error fails the run.
func (e *encoder) row(ctx context.Context, p *delivery.Page, row int, out *deliver.Row) (no delivery.Refusal, err error) {
	out.Operation = e.single(deliver.Put)
	op, no := e.operationOf(p.Batch, row)
	if no.Refused() {
		return no, nil
	}
	out.Operation = e.single(op)
	t := e.fixed
	if t == nil {
		if t, no, err = e.tables.Of(ctx, e.table, p.Batch, row); no.Refused() || err != nil {
			return no, err
		}
	}
	view := p.View(t)
	if no := view.Key(&e.key, row); no.Refused() {
		return no, nil
	}
	out.Table, out.Key, out.Index = t.Name, e.arena.KeepText(e.key.Bytes()), row
	out.Mark = deliver.MarkOf(t.Name, e.key.Bytes())
	if e.writes != nil {
		no = e.conditional(p, view, row, op, out)
		return no, nil
	}
	if op == deliver.Delete {
		e.deletion(p, t, row, out)
		return delivery.Refusal{}, nil
	}
	no = e.put(p, view, row, out)
	return no, nil
}

func (e *encoder) operationOf(b *record.Batch, row int) (deliver.Operation, delivery.Refusal) {
	if e.fixedOp != 0 {
		return e.fixedOp, delivery.Refusal{}
	}
	v, err := e.operation.Eval(b, row)
	switch {
	case err != nil:
		return 0, delivery.Failed(err)
	case v.Kind() == attr.String && v.Text() == operationPut:
		return deliver.Put, delivery.Refusal{}
	case v.Kind() == attr.String && v.Text() == operationDelete:
		return deliver.Delete, delivery.Refusal{}
	case v.Kind() == attr.String:
		return 0, delivery.Refuse(delivery.CodeOperation, "operation is \"put\" or \"delete\", and for this row it is %q", delivery.Shorten(v.Text()))
	}
	return 0, delivery.Refuse(delivery.CodeOperation, "operation is \"put\" or \"delete\", and for this row it is %s", v.Kind())
}

// single is the operation that a row with a condition asks instead.
func (e *encoder) single(op deliver.Operation) deliver.Operation {
	switch {
	case e.writes == nil:
		return op
	case op == deliver.Delete:
		return deliver.DeleteItem
	}
	return deliver.PutItem
}

// conditional makes the body of a PutItem or DeleteItem, but for its last brace.
func (e *encoder) conditional(p *delivery.Page, v *delivery.View, row int, op deliver.Operation, out *deliver.Row) delivery.Refusal {
	e.scratch = attr.AppendJSONString(append(e.scratch[:0], tableHead...), v.Table.Name)
	if op == deliver.Delete {
		e.scratch = e.key.Append(append(e.scratch, keyHead...))
		out.Units = 1 + v.Table.Count
	} else {
		e.scratch = append(e.scratch, itemHead...)
		from := len(e.scratch)
		e.scratch = p.Items.AppendRow(e.scratch, row)
		units, no := v.Item(row, len(e.scratch)-from)
		if no.Refused() {
			return no
		}
		out.Units = units
	}
	var err error
	if e.scratch, err = e.writes.Append(e.scratch, row); err != nil {
		return delivery.Failed(err)
	}
	out.Body = e.arena.Keep(append(e.scratch, delivery.SingleTail...))
	out.Kept = p.Bytes(row)
	return delivery.Refusal{}
}

// put leaves it to the sender to encode the row: until then its columns are all
// there is of it.
func (e *encoder) put(p *delivery.Page, v *delivery.View, row int, out *deliver.Row) delivery.Refusal {
	n := p.Bytes(row)
	units, no := v.Item(row, n)
	if no.Refused() {
		return no
	}
	if n > mayGrow {
		e.scratch = p.Items.AppendRow(e.scratch[:0], row)
		n = len(e.scratch)
	}
	out.Bytes = len(putHead) + n + len(tail)
	out.Units = units
	return delivery.Refusal{}
}

// mayGrow is how long a row may be for which it makes no difference whether
// escapes make it up to six times as long: a whole request of them is still far
// from too long.
const mayGrow = 64 << 10

// deletion sends the key alone: the receipt knows the row. What it costs depends
// on the item that is deleted, which is not known.
func (e *encoder) deletion(p *delivery.Page, t *delivery.Table, row int, out *deliver.Row) {
	e.scratch = append(e.key.Append(append(e.scratch[:0], deleteHead...)), tail...)
	out.Body = e.arena.Keep(e.scratch)
	out.Units, out.Kept = 1+t.Count, p.Bytes(row)
}
