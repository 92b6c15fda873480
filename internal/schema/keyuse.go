package schema

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/expr"
)

// KeyUse is a place where a node makes the key of a table's item.
type KeyUse struct {
	Table string     // its name or ARN
	At    hcl.Range  // where the key is made; empty when the rows' own attributes are it
	From  expr.Shape // what the key's attributes are taken from
	// Exact says that From is the key, and not whole items with the key in them.
	Exact bool
}

// KeyFrom is a key that is written out, name by name, and where it stands.
func KeyFrom(fields []NamedExpr) (expr.Shape, hcl.Range) {
	s := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: expr.Null}
	for _, f := range fields {
		s.Attrs[f.Name] = f.Expr.Kinds()
	}
	if len(fields) == 0 {
		return s, hcl.Range{}
	}
	return s, hcl.RangeBetween(fields[0].Range, fields[len(fields)-1].Range)
}
