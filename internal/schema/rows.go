package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
)

// NamedExpr is one name = expression of an argument like set.
type NamedExpr struct {
	Name  string
	Expr  *expr.Expr
	Range hcl.Range // of the name
}

// ItemExpr is an expression that DynamoDB will evaluate, with what is needed
// to compile it. A component compiles it in its block's Check.
type ItemExpr struct {
	Expr  hcl.Expression
	Scope *expr.Scope
}

// Expr is one expression over a row that gives one of the wanted kinds, null
// aside. It stays nil when the argument is left out or null.
func Expr(name string, target **expr.Expr, want expr.Kinds, doc string) Arg {
	return Arg{name: name, doc: doc, kind: "expression", shape: JSON{}, decode: func(d *decoding, a *argument) {
		x := d.compile(a, a.expr, want)
		if x == nil {
			return
		}
		if v, ok := x.Constant(); ok && v.IsNull() {
			a.null = true
			return
		}
		*target = x
		a.show(x.Source())
		a.evaluates(name, x)
	}}
}

// Condition is an expression over a row that is read as a condition: a bool,
// or a text that says true or false. One that is the same for every row and
// neither of them is an error.
func Condition(name string, target **expr.Expr, doc string) Arg {
	a := Expr(name, target, expr.Bool|expr.String, doc).As(conditionJSON())
	decode := a.decode
	a.decode = func(d *decoding, a *argument) {
		decode(d, a)
		x := *target
		if x == nil {
			return
		}
		if _, ok := x.Constant(); ok {
			if _, err := x.Condition(nil, 0); err != nil {
				*target = nil
				d.report(diag.Error(a.expr.Range(), "Not a condition", "%q would fail for every row: %v.", name, err))
			}
		}
	}
	return a
}

// Exprs is name = expression, in order. A name twice is an error.
func Exprs(name string, target *[]NamedExpr, doc string) Arg {
	return Arg{name: name, doc: doc, kind: "{ name = expression, ... }", shape: namedJSON(JSON{}), decode: func(d *decoding, a *argument) {
		pairs, ok := d.pairs(a, "expression")
		if !ok {
			return
		}
		out := make([]NamedExpr, 0, len(pairs))
		for _, p := range pairs {
			if x := d.compile(a, p.value, expr.Unknown); x != nil {
				out = append(out, NamedExpr{Name: p.name, Expr: x, Range: p.at})
				a.evaluates(name+"."+p.name, x)
			}
		}
		*target = out
		a.show(d.source(a.expr))
	}}
}

// Object is a map of attributes: written out, { name = expression }, which fields
// gets, or an expression that gives one, which whole gets. Both stay nil when it
// is left out.
func Object(name string, fields *[]NamedExpr, whole **expr.Expr, doc string) Arg {
	written := Exprs(name, fields, doc)
	computed := Expr(name, whole, expr.Map, doc)
	return Arg{name: name, doc: doc, kind: "{ name = expression, ... } or expression", shape: or(namedJSON(JSON{})), decode: func(d *decoding, a *argument) {
		if _, ok := a.expr.(*hclsyntax.ObjectConsExpr); ok {
			written.decode(d, a)
		} else {
			computed.decode(d, a)
		}
	}}
}

// Item is an expression over the stored item, which DynamoDB evaluates.
func Item(name string, target **ItemExpr, doc string) Arg {
	return Arg{name: name, doc: doc, kind: "item expression", shape: conditionJSON(), decode: func(d *decoding, a *argument) {
		if isNull(a.expr) || !d.known(a.expr) {
			return
		}
		*target = &ItemExpr{Expr: a.expr, Scope: d.Scope}
		a.show(d.source(a.expr))
	}}
}

// NamedItem is one name = expression over the stored item.
type NamedItem struct {
	Name string
	ItemExpr
	Range hcl.Range // of the name
}

// Items is name = expression over the stored item and the row, in order. A name
// twice is an error.
func Items(name string, target *[]NamedItem, doc string) Arg {
	return Arg{name: name, doc: doc, kind: "{ name = item expression, ... }", shape: namedJSON(JSON{}), decode: func(d *decoding, a *argument) {
		pairs, ok := d.pairs(a, "expression")
		if !ok {
			return
		}
		out := make([]NamedItem, 0, len(pairs))
		for _, p := range pairs {
			if d.known(p.value) {
				out = append(out, NamedItem{Name: p.name, ItemExpr: ItemExpr{Expr: p.value, Scope: d.Scope}, Range: p.at})
			}
		}
		*target = out
		a.show(d.source(a.expr))
	}}
}

// Raw is an expression that whoever declares it reads by itself. Its JSON form is
// given with As.
func Raw(name string, target *hcl.Expression, kind, doc string) Arg {
	return Arg{name: name, doc: doc, kind: kind, decode: func(_ *decoding, a *argument) { *target = a.expr }}
}

// compile compiles a row expression; nil when that failed or it is null.
func (d *decoding) compile(a *argument, e hcl.Expression, want expr.Kinds) *expr.Expr {
	if isNull(e) && a.expr == e {
		return nil
	}
	x, diags := expr.Compile(e, d.Scope)
	d.report(diags...)
	if diags.HasErrors() || x == nil {
		return nil
	}
	if got := x.Kinds(); got.Never(want) {
		d.report(diag.Error(e.Range(), "Wrong type of expression",
			"%q takes %s, and this expression gives %s.", a.name, want, got))
		return nil
	}
	return x
}

// source is an expression as it was written.
func (d *decoding) source(e hcl.Expression) string {
	if d.Scope == nil {
		return ""
	}
	r := e.Range()
	src := d.Scope.Sources[r.Filename]
	if !r.CanSliceBytes(src) {
		return ""
	}
	return string(r.SliceBytes(src))
}
