package pipetest

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
)

// rowReader evaluates rows that a test has written.
type rowReader struct {
	scope *expr.Scope
	diags hcl.Diagnostics
}

// written is a row, a map, and where it stands.
type written struct {
	attr.Value
	at hcl.Range
}

func (r *rowReader) report(d ...*hcl.Diagnostic) { r.diags = append(r.diags, d...) }

// read reads a list of rows; ok is false when something is wrong with it.
func (r *rowReader) read(e hcl.Expression) (rows []written, ok bool) {
	if list, literal := e.(*hclsyntax.TupleConsExpr); literal {
		rows, ok = []written{}, true
		for _, elem := range list.Exprs {
			v, fine := r.row(elem)
			if ok = ok && fine; fine {
				rows = append(rows, written{v, elem.Range()})
			}
		}
		return rows, ok
	}
	v, ok := r.value(e)
	if !ok {
		return nil, false
	}
	if v.Kind() != attr.List {
		r.report(diag.Error(e.Range(), "Not rows", "Rows are a list of objects, [{ name = value }, ...], and this is %s.", article(v.Kind())))
		return nil, false
	}
	for _, elem := range v.Elems() {
		if !r.isRow(elem, e.Range()) {
			return nil, false
		}
		rows = append(rows, written{elem, e.Range()})
	}
	return rows, true
}

// row reads one row. In one that is written out, null leaves an attribute out, as
// it does in a map transform.
func (r *rowReader) row(e hcl.Expression) (attr.Value, bool) {
	object, literal := e.(*hclsyntax.ObjectConsExpr)
	if !literal {
		v, ok := r.value(e)
		return v, ok && r.isRow(v, e.Range())
	}
	var fields []attr.Field
	seen, ok := map[string]bool{}, true
	for _, item := range object.Items {
		name, fine := r.name(item.KeyExpr)
		v, valued := r.value(item.ValueExpr)
		switch {
		case !fine || !valued:
			ok = false
		case seen[name]:
			r.report(diag.Error(item.KeyExpr.Range(), "Name used twice", "The row has an attribute %q already.", name))
			ok = false
		case v.Kind() != attr.Absent:
			fields = append(fields, attr.Field{Name: name, Value: v})
		}
		seen[name] = true
	}
	return attr.MapValue(fields), ok
}

// name is the name of an attribute, with the bytes that the file has.
func (r *rowReader) name(e hcl.Expression) (string, bool) {
	if word := hcl.ExprAsKeyword(e); word != "" {
		return word, true
	}
	if key, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		e = key.Wrapped
	}
	v, ok := r.value(e)
	if ok && (v.Kind() != attr.String || v.Text() == "") {
		r.report(diag.Error(e.Range(), "Not a name", "The name of an attribute is a text that is not empty."))
		return "", false
	}
	return v.Text(), ok
}

func (r *rowReader) isRow(v attr.Value, at hcl.Range) bool {
	if v.Kind() == attr.Map {
		return true
	}
	r.report(diag.Error(at, "Not rows", "A row is an object, { name = value }, and this is %s.", article(v.Kind())))
	return false
}

// value evaluates an expression of the language, in which there is no row.
func (r *rowReader) value(e hcl.Expression) (attr.Value, bool) {
	x, diags := expr.Compile(e, r.scope)
	r.report(diags...)
	if diags.HasErrors() {
		return attr.Value{}, false
	}
	v, constant := x.Constant()
	if !constant {
		r.report(diag.Error(e.Range(), "Not a fixed value", "A test has fixed values: there is no row or meta here, and uuid() and ulid() give something else each time."))
	}
	return v, constant
}

func article(k attr.Kind) string {
	switch k {
	case attr.Absent, attr.Null:
		return "null"
	}
	return "a " + strings.ReplaceAll(k.String(), "_", " ")
}
