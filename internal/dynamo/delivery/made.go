package delivery

import (
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// itemArgument is what gives made items, for messages.
const itemArgument = "item"

// made is a batch of items that expressions give, one for each row of another
// batch: they are encoded and checked as the rows of any batch are.
type made struct {
	*Page
	failed map[int]error // of rows, the first expression that failed
}

// makeItems evaluates the fields of items.
func makeItems(mem memory.Allocator, fields []schema.NamedExpr, b *record.Batch) *made {
	m := &made{}
	columns := make([]record.Column, len(fields))
	for i, f := range fields {
		columns[i] = f.Expr.Column(mem, f.Name, b, func(row int, err error) {
			if m.failed == nil {
				m.failed = map[int]error{}
			}
			if m.failed[row] == nil {
				m.failed[row] = err
			}
		})
	}
	items := record.New(columns, nil, b.Origins())
	for _, c := range columns {
		c.Values.Release()
	}
	m.Page = NewPage(items)
	m.argument = itemArgument
	return m
}

// inColumns reports that the items of a write have a column for each field.
func (w *Write) inColumns() bool {
	return w.Put && w.Fields != nil && len(w.Fields) <= record.MaxColumns
}
