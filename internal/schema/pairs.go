package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// Pair is one name = name of an argument like rename.
type Pair struct {
	Name, Value string
	Range       hcl.Range // of the name
}

// StringMap is name = string.
func StringMap(name string, target *map[string]string, doc string) Arg {
	return Arg{name: name, doc: doc, kind: "{ name = string, ... }", shape: or(namedJSON(textJSON())), decode: func(d *decoding, a *argument) {
		v, ok := d.static(a, a.expr, cty.Map(cty.String), "{ name = string, ... }")
		if !ok {
			return
		}
		out := map[string]string{}
		for k, elem := range v.AsValueMap() {
			if elem.IsNull() {
				d.wrong(a, a.expr.Range(), "a string for each name", "null")
				return
			}
			out[k] = elem.AsString()
		}
		*target = out
	}}
}

// Names is name = name, in order. A name on the left twice is an error.
func Names(name string, target *[]Pair, doc string) Arg {
	return Arg{name: name, doc: doc, kind: "{ name = name, ... }", shape: namedJSON(textJSON()), decode: func(d *decoding, a *argument) {
		pairs, ok := d.pairs(a, "name")
		if !ok {
			return
		}
		out := make([]Pair, 0, len(pairs))
		for _, p := range pairs {
			if word := hcl.ExprAsKeyword(p.value); word != "" {
				out = append(out, Pair{Name: p.name, Value: word, Range: p.at})
			} else if v, ok := d.static(a, p.value, cty.String, "a name"); ok {
				out = append(out, Pair{Name: p.name, Value: d.written(p.value, v.AsString()), Range: p.at})
			}
		}
		*target = out
		a.show(d.source(a.expr))
	}}
}

// Types is name = type, in order. A name twice is an error.
func Types(name string, target *[]TypedName, doc string) Arg {
	return Arg{name: name, doc: doc, kind: "{ name = type, ... }", shape: typesJSON(), decode: func(d *decoding, a *argument) {
		pairs, ok := d.pairs(a, "type")
		if !ok {
			return
		}
		out := make([]TypedName, 0, len(pairs))
		for _, p := range pairs {
			t, wrong := parseType(p.value)
			if wrong != nil {
				d.report(wrong)
				continue
			}
			out = append(out, TypedName{Name: p.name, Kind: t, Range: p.at})
		}
		*target = out
		a.show(d.source(a.expr))
	}}
}

type pair struct {
	name  string
	at    hcl.Range
	value hcl.Expression
}

// pairs reads { name = what, ... } without evaluating the right sides. A null
// literal is the argument left out.
func (d *decoding) pairs(a *argument, what string) ([]pair, bool) {
	if isNull(a.expr) {
		return nil, false
	}
	items, diags := hcl.ExprMap(a.expr)
	if diags.HasErrors() {
		d.report(diag.Error(a.expr.Range(), "Wrong form of argument",
			"%q takes names and values in braces: %s = { name = %s }.", a.name, a.name, what))
		return nil, false
	}
	seen := map[string]hcl.Range{}
	out := make([]pair, 0, len(items))
	for _, item := range items {
		name, ok := d.key(a, item.Key)
		if !ok {
			continue
		}
		if first, twice := seen[name]; twice {
			d.report(diag.Error(item.Key.Range(), "Name used twice",
				"%q already has a value in %q, at %s.", name, a.name, at(first)))
			continue
		}
		seen[name] = item.Key.Range()
		out = append(out, pair{name: name, at: item.Key.Range(), value: item.Value})
	}
	return out, true
}

// key is a name on the left side: a bare word, a string, or (an expression).
func (d *decoding) key(a *argument, e hcl.Expression) (string, bool) {
	if word := hcl.ExprAsKeyword(e); word != "" {
		return word, true
	}
	if k, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok && !k.ForceNonLiteral {
		if t, ok := k.Wrapped.(*hclsyntax.ScopeTraversalExpr); ok {
			d.report(diag.Error(t.Range(), "Not a name",
				"A name with a dot stands in quotes, for an attribute of that name; a computed name in parentheses."))
			return "", false
		}
	}
	v, ok := d.static(a, e, cty.String, "a name")
	if !ok {
		return "", false
	}
	if v.AsString() == "" {
		d.report(diag.Error(e.Range(), "Not a name", "A name can't be empty."))
		return "", false
	}
	return d.written(e, v.AsString()), true
}
