package schema

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
)

// CallForm is a function that an argument declared with Calls knows.
type CallForm struct {
	Name string
	Args int        // how many it takes: none or one
	Want expr.Kinds // what the argument may be, null aside
}

// String is the form as it is written.
func (f CallForm) String() string {
	if f.Args == 0 {
		return f.Name + "()"
	}
	return f.Name + "(x)"
}

// NamedCall is one name = function(x) of an argument declared with Calls.
type NamedCall struct {
	Name     string
	Function string
	Arg      *expr.Expr // nil for a function without an argument
	Range    hcl.Range  // of the name
}

// Calls is name = function(x), in order, with functions that are the argument's
// own and take an expression over a row. A name twice is an error.
func Calls(name string, target *[]NamedCall, forms []CallForm, doc string) Arg {
	texts := make([]string, len(forms))
	for i, f := range forms {
		texts[i] = f.String()
	}
	known := strings.Join(texts, ", ")
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = f.Name
	}
	shape := namedJSON(JSON{"type": "string", "pattern": `^\$\{\s*(` + strings.Join(names, "|") + `)\(`})
	return Arg{name: name, doc: doc, kind: "{ name = function, ... }, where a function is one of " + known, shape: shape, decode: func(d *decoding, a *argument) {
		pairs, ok := d.pairs(a, forms[len(forms)-1].String())
		if !ok {
			return
		}
		out := make([]NamedCall, 0, len(pairs))
		for _, p := range pairs {
			if c, ok := d.namedCall(a, p, forms, known); ok {
				out = append(out, c)
				if c.Arg != nil {
					a.evaluates(name+"."+p.name, c.Arg)
				}
			}
		}
		*target = out
		a.show(d.source(a.expr))
	}}
}

func (d *decoding) namedCall(a *argument, p pair, forms []CallForm, known string) (NamedCall, bool) {
	call, ok := p.value.(*hclsyntax.FunctionCallExpr)
	if !ok {
		d.report(diag.Error(p.value.Range(), "Not a function of "+a.name,
			"%q takes one function for each name: %s. What is to be made of its result goes into a map transform after this one.", a.name, known))
		return NamedCall{}, false
	}
	var names []string
	for _, f := range forms {
		if names = append(names, f.Name); f.Name != call.Name {
			continue
		}
		c := NamedCall{Name: p.name, Function: call.Name, Range: p.at}
		if len(call.Args) != f.Args || call.ExpandFinal {
			takes := "no argument"
			if f.Args > 0 {
				takes = fmt.Sprintf("%d argument", f.Args)
			}
			d.report(diag.Error(call.Range(), "Wrong number of arguments", "%s takes %s, not %d.", f, takes, len(call.Args)))
			return NamedCall{}, false
		}
		if f.Args == 0 {
			return c, true
		}
		c.Arg = d.argumentOf(f, call.Args[0])
		return c, c.Arg != nil
	}
	d.report(diag.Error(call.NameRange, "Unknown function", "%q takes %s.%s What is to be made of a result goes into a map transform after this one.",
		a.name, known, diag.DidYouMean(call.Name, names)))
	return NamedCall{}, false
}

func (d *decoding) argumentOf(f CallForm, e hcl.Expression) *expr.Expr {
	x, diags := expr.Compile(e, d.Scope)
	d.report(diags...)
	if diags.HasErrors() || x == nil {
		return nil
	}
	if got := x.Kinds(); got.Never(f.Want) {
		d.report(diag.Error(e.Range(), "Wrong type of expression", "%s takes %s, and this expression gives %s.", f, f.Want, got))
		return nil
	}
	return x
}
