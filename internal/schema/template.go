package schema

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/expr"
)

// Template is a text that is fixed, or made of parts for each row.
type Template struct {
	Text   string       // when it is fixed
	Parts  []*expr.Expr // one after the other, fixed ones among them; nil when all is fixed
	Source string       // as it was written; empty when it is fixed
}

// Text is a string that may use the row.
func Text(name string, target *Template, doc string) Arg {
	fixed := String(name, &target.Text, doc)
	return Arg{name: name, doc: doc, kind: "a string, which may use `row`", def: fixed.def, shape: textJSON(), decode: func(d *decoding, a *argument) {
		if d.Scope == nil || !usesRow(a.expr) {
			fixed.decode(d, a)
			return
		}
		parts := []hcl.Expression{a.expr}
		if t, ok := a.expr.(*hclsyntax.TemplateExpr); ok {
			parts = parts[:0]
			for _, p := range t.Parts {
				parts = append(parts, p)
			}
		}
		compiled := make([]*expr.Expr, 0, len(parts))
		for _, p := range parts {
			if x := d.compile(a, p, expr.Scalars); x != nil {
				compiled = append(compiled, x)
			}
		}
		if len(compiled) == len(parts) {
			*target = Template{Parts: compiled, Source: d.source(a.expr)}
		}
		a.show(d.source(a.expr))
	}}
}

// usesRow reports that an expression reads the row, or where it came from.
func usesRow(e hcl.Expression) bool {
	return slices.ContainsFunc(e.Variables(), func(t hcl.Traversal) bool {
		return t.RootName() == "row" || t.RootName() == "meta"
	})
}

// Literal is the text of a part that is the same for every row.
func Literal(part *expr.Expr) (string, bool) {
	v, ok := part.Constant()
	if !ok || v.IsNull() {
		return "", false
	}
	return v.Text(), true
}
