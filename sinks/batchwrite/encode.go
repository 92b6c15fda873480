package batchwrite

import (
	"context"
	"errors"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// chunkSize is how much memory encoded rows share. A row that waits long keeps
// its chunk alive, so it is small.
const chunkSize = 16 << 10

const (
	putHead    = `{"PutRequest":{"Item":`
	deleteHead = `{"DeleteRequest":{"Key":`
	tail       = `}}`
)

// encoder makes rows of batches into rows of the core.
type encoder struct {
	table     *expr.Expr
	operation *expr.Expr
	targets   *targets
	fixed     *target           // when every row goes to one table
	fixedOp   deliver.Operation // when every row asks the same; else 0

	chunk   []byte
	scratch []byte
	key     []byte
	values  []attr.Value
}

// page is a batch being encoded.
type page struct {
	batch *record.Batch
	items *attr.Encoder
	views map[*target]*view
	last  *view
}

// view is where a batch has the key attributes of a table and its indexes.
type view struct {
	target  *target
	keys    []attribute
	indexes []attribute
}

func newPage(b *record.Batch) *page {
	return &page{batch: b, items: attr.NewEncoder(b), views: map[*target]*view{}}
}

func (p *page) view(t *target) *view {
	if p.last != nil && p.last.target == t {
		return p.last
	}
	v := p.views[t]
	if v == nil {
		v = &view{target: t}
		for _, k := range t.keys {
			v.keys = append(v.keys, locate(p.batch, k.Name))
		}
		for _, x := range t.indexes {
			v.indexes = append(v.indexes, locate(p.batch, x.Name))
		}
		p.views[t] = v
	}
	p.last = v
	return v
}

// row encodes one row. A row that can't be written is refused; an error fails
// the run.
func (e *encoder) row(ctx context.Context, p *page, row int) (out deliver.Row, no refusal, err error) {
	out.Operation = deliver.Put
	op, no := e.operationOf(p.batch, row)
	if no.refused() {
		return out, no, nil
	}
	out.Operation = op
	t, no, err := e.targetOf(ctx, p.batch, row)
	if no.refused() || err != nil {
		return out, no, err
	}
	view := p.view(t)
	if no := e.keys(p.batch, view, row); no.refused() {
		return out, no, nil
	}
	out.Table, out.Key, out.Index = t.name, string(e.key), row
	if op == deliver.Delete {
		e.deletion(p, view, row, &out)
		return out, refusal{}, nil
	}
	return out, e.put(p, view, row, &out), nil
}

func (e *encoder) operationOf(b *record.Batch, row int) (deliver.Operation, refusal) {
	if e.fixedOp != 0 {
		return e.fixedOp, refusal{}
	}
	v, err := e.operation.Eval(b, row)
	switch {
	case err != nil:
		return 0, failed(err)
	case v.Kind() == attr.String && v.Text() == operationPut:
		return deliver.Put, refusal{}
	case v.Kind() == attr.String && v.Text() == operationDelete:
		return deliver.Delete, refusal{}
	case v.Kind() == attr.String:
		return 0, refusef(codeOperation, "operation is \"put\" or \"delete\", and for this row it is %q", shorten(v.Text()))
	}
	return 0, refusef(codeOperation, "operation is \"put\" or \"delete\", and for this row it is %s", v.Kind())
}

func (e *encoder) targetOf(ctx context.Context, b *record.Batch, row int) (*target, refusal, error) {
	if e.fixed != nil {
		return e.fixed, refusal{}, nil
	}
	v, err := e.table.Eval(b, row)
	switch {
	case err != nil:
		return nil, failed(err), nil
	case v.Kind() != attr.String:
		return nil, refusef(codeTable, "table is a name, and for this row it is %s", v.Kind()), nil
	case !validTable(v.Text()):
		return nil, refusef(codeTable, "table is %q for this row: %s", shorten(v.Text()), tableNames), nil
	}
	if t := e.targets.known[v.Text()]; t != nil {
		return t, refusal{}, nil
	}
	t, err := e.targets.find(ctx, v.Clone().Text())
	return t, refusal{}, err
}

// failed is the refusal of a row on which an expression failed. The message
// says where the expression stands.
func failed(err error) refusal {
	var why *expr.Error
	if errors.As(err, &why) && why.Range.Filename != "" {
		return refusal{codeExpression, why.Range.String() + ": " + why.Message}
	}
	return refusal{codeExpression, err.Error()}
}

// keys checks the table's key and sets e.values and e.key to it.
func (e *encoder) keys(b *record.Batch, v *view, row int) refusal {
	e.key, e.values = e.key[:0], e.values[:0]
	for i := range v.keys {
		value := v.keys[i].value(b, row)
		if no := v.target.checkKey(&v.target.keys[i], value); no.refused() {
			return no
		}
		e.values = append(e.values, value)
		e.key = attr.KeyBytes(e.key, value)
	}
	return refusal{}
}

func (e *encoder) put(p *page, v *view, row int, out *deliver.Row) refusal {
	within, outside := v.target.count, "" // of the indexes that the row is in, and the last it is not in
	for i := range v.indexes {
		x, value := &v.target.indexes[i], v.indexes[i].value(p.batch, row)
		if no := v.target.checkIndex(x, value); no.refused() {
			return no
		}
		if value.Kind() == attr.Absent && x.index != outside {
			within, outside = within-1, x.index
		}
	}
	size := attr.Size(p.batch, row)
	if size > maxItem {
		return refusef(codeTooLarge, "the item has %d bytes by DynamoDB's count, more than the %d (400 KB) that one may have", size, maxItem)
	}
	e.scratch = append(p.items.AppendRow(append(e.scratch[:0], putHead...), row), tail...)
	out.Body = e.keep(e.scratch)
	out.Item = out.Body[len(putHead) : len(out.Body)-len(tail)]
	out.Units = deliver.WriteUnits(size) * (1 + within)
	return refusal{}
}

// deletion sends the key alone. What it costs depends on the item that is
// deleted, which is not known.
func (e *encoder) deletion(p *page, v *view, row int, out *deliver.Row) {
	e.scratch = append(e.scratch[:0], deleteHead...)
	for i, k := range v.target.keys {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		e.scratch = attr.AppendJSONString(append(e.scratch, separator), k.Name)
		e.scratch = attr.AppendDynamoJSON(append(e.scratch, ':'), e.values[i])
	}
	e.scratch = append(append(e.scratch, '}'), tail...)
	out.Body = e.keep(e.scratch)
	e.scratch = p.items.AppendRow(e.scratch[:0], row)
	out.Item = e.keep(e.scratch)
	out.Units = 1 + v.target.count
}

// keep copies bytes to where they live as long as their row.
func (e *encoder) keep(b []byte) []byte {
	if len(b) > cap(e.chunk)-len(e.chunk) {
		e.chunk = make([]byte, 0, max(chunkSize, len(b)))
	}
	start := len(e.chunk)
	e.chunk = append(e.chunk, b...)
	return e.chunk[start:len(e.chunk):len(e.chunk)]
}

// shorten cuts a value for a message.
func shorten(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
