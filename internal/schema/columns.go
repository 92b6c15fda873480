package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// Columns is the columns of a file in their order: a list of names, whose
// types are any, or name = type. A name twice is an error.
func Columns(name string, target *[]TypedName, doc string) Arg {
	types := Types(name, target, doc)
	const kind = "a list of names, or { name = type, ... }"
	return Arg{name: name, doc: doc, kind: kind, shape: AnyOf(typesJSON(), textsJSON()), decode: func(d *decoding, a *argument) {
		if _, pairs := a.expr.(*hclsyntax.ObjectConsExpr); pairs {
			types.decode(d, a)
			return
		}
		v, ok := d.static(a, a.expr, cty.DynamicPseudoType, kind)
		if !ok {
			return
		}
		names, err := stringList(v)
		if err != nil {
			d.wrong(a, a.expr.Range(), kind, err.Error())
			return
		}
		*target = d.columns(a, d.allWritten(a.expr, names))
	}}
}

func (d *decoding) columns(a *argument, names []string) []TypedName {
	ranges := make([]hcl.Range, len(names))
	elems, diags := hcl.ExprList(a.expr)
	for i := range ranges {
		ranges[i] = a.expr.Range()
		if !diags.HasErrors() && i < len(elems) {
			ranges[i] = elems[i].Range()
		}
	}
	seen := map[string]bool{}
	out := make([]TypedName, 0, len(names))
	for i, n := range names {
		switch {
		case n == "":
			d.report(diag.Error(ranges[i], "Not a name", "A name can't be empty."))
		case seen[n]:
			d.report(diag.Error(ranges[i], "Name used twice", "%q stands in %q more than once.", n, a.name))
		default:
			out = append(out, TypedName{Name: n, Range: ranges[i]})
		}
		seen[n] = true
	}
	return out
}
