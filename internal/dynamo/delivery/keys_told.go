package delivery

import (
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// KeyUse is what the write makes keys of; false when its table is another for each
// row.
func (w *Write) KeyUse(rows expr.Shape) (schema.KeyUse, bool) {
	table, fixed := w.FixedTable()
	use := schema.KeyUse{Table: table, From: rows}
	switch {
	case w.Put && w.Whole != nil:
		use.From = expr.Shape{} // nothing is known of what it gives
	case w.Put && w.Fields != nil:
		use.From, use.At = schema.KeyFrom(w.Fields)
	case !w.Put && w.Key != nil:
		use.From, use.At = schema.KeyFrom(w.Key)
		use.Exact = true
	}
	return use, fixed
}
