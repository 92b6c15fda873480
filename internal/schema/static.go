package schema

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/dynapipe/dynapipe/internal/diag"
)

type mark string

// Sensitive marks values, by cty's marks, that must never be shown (promise 8).
const Sensitive = mark("sensitive")

// References checks the variables and locals an expression uses. known is false
// when one does not exist, or exists without a value because of an error that
// is already reported: the expression can't be evaluated. sensitive is true
// when a sensitive value is among them.
func References(e hcl.Expression, ctx *hcl.EvalContext) (known, sensitive bool, diags hcl.Diagnostics) {
	known = true
	for _, t := range e.Variables() {
		root := t.RootName()
		if root != "var" && root != "local" {
			continue
		}
		v, d := named(t, root, ctx)
		if d != nil {
			diags = append(diags, d)
		}
		known = known && d == nil && v.IsWhollyKnown()
		sensitive = sensitive || d == nil && v.ContainsMarked()
	}
	return known, sensitive, diags
}

// named is the value of the variable or local at the start of a traversal;
// all of them as an object when the name is not fixed.
func named(t hcl.Traversal, root string, ctx *hcl.EvalContext) (cty.Value, *hcl.Diagnostic) {
	all := map[string]cty.Value{}
	if ctx != nil {
		if v, ok := ctx.Variables[root]; ok {
			all = v.AsValueMap()
		}
	}
	if len(t) < 2 {
		return cty.ObjectVal(all), nil
	}
	step, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		return cty.ObjectVal(all), nil
	}
	if v, ok := all[step.Name]; ok {
		return v, nil
	}
	names := slices.Sorted(maps.Keys(all))
	at := hcl.RangeBetween(t[0].SourceRange(), t[1].SourceRange())
	if root == "var" {
		hint := diag.DidYouMean(step.Name, names)
		if hint == "" {
			hint = " Declare it: variable " + strconv.Quote(step.Name) + " { ... }."
		}
		return cty.NilVal, diag.Error(at, "Unknown variable", "There is no variable %q.%s", step.Name, hint)
	}
	return cty.NilVal, diag.Error(at, "Unknown local value", "There is no local value %q.%s", step.Name, diag.DidYouMean(step.Name, names))
}

// known is References for a decoding, which reports.
func (d *decoding) known(e hcl.Expression) bool {
	known, _, diags := References(e, d.Static)
	d.report(diags...)
	return known
}

// perRow are the names that have a value only while rows move.
var perRow = [...]string{"row", "meta", "item"}

// Fixed reports the use of a row where there is none. what names the place:
// `"delimiter"`, `a local`.
func Fixed(e hcl.Expression, what string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, t := range e.Variables() {
		root := t.RootName()
		switch {
		case slices.Contains(perRow[:], root):
			diags = append(diags, diag.Error(t.SourceRange(), "Fixed before the run",
				"%s has one value for the whole run, fixed before any row is read, so it can't use %q. It can use var, local and functions.", what, root))
		case root == "var" || root == "local":
		default:
			diags = append(diags, unknownRoot(t, root))
		}
	}
	return diags
}

func unknownRoot(t hcl.Traversal, root string) *hcl.Diagnostic {
	if slices.Contains([]string{"source", "transform", "sink", "connection"}, root) {
		return diag.Error(t.SourceRange(), "Reference in the wrong place",
			"Blocks are referred to in \"from\" and \"connection\" only; they are not values.")
	}
	hint := diag.DidYouMean(root, []string{"var", "local"})
	if hint == "" {
		hint = " A string stands in quotes; a variable is var.NAME, a local value local.NAME."
	}
	return diag.Error(t.SourceRange(), "Unknown name", "There is no %q here.%s", root, hint)
}

// Eval evaluates an expression without rows. what names its place. ok is false
// when there is no value: an error, reported here or where its cause is.
func Eval(e hcl.Expression, ctx *hcl.EvalContext, what string) (v cty.Value, ok bool, diags hcl.Diagnostics) {
	diags = Fixed(e, what)
	known, sensitive, wrong := References(e, ctx)
	diags = append(diags, wrong...)
	if diags.HasErrors() || !known {
		return cty.NilVal, false, diags
	}
	v, failed := e.Value(ctx)
	diags = append(diags, discreet(failed, e, sensitive)...)
	if failed.HasErrors() || !v.IsWhollyKnown() {
		return cty.NilVal, false, diags
	}
	return v, true, diags
}

// discreet keeps values out of the errors of an evaluation: those HCL would
// print beside it, and the whole reason when a sensitive value was in play.
func discreet(diags hcl.Diagnostics, e hcl.Expression, sensitive bool) hcl.Diagnostics {
	out := make(hcl.Diagnostics, 0, len(diags))
	for _, d := range diags {
		c := *d
		c.Expression, c.EvalContext = nil, nil
		if f, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			var p function.PanicError
			if errors.As(f.FunctionCallError(), &p) {
				c.Detail = fmt.Sprintf("The function %q broke down on these arguments, which is a fault of dynapipe. Please report it.", f.CalledFunctionName())
			}
		}
		if sensitive {
			c.Summary, c.Detail, c.Extra = "Expression failed", "A sensitive value is used here, so the reason is not shown.", nil
			if c.Subject == nil {
				c.Subject = e.Range().Ptr()
			}
		}
		out = append(out, &c)
	}
	return out
}

// static evaluates an argument, or part of one, and converts it to a type. ok
// is false when it has no value: it is null, or an error was reported.
func (d *decoding) static(a *argument, e hcl.Expression, want cty.Type, expected string) (cty.Value, bool) {
	whole := a.expr == e
	v, ok, diags := Eval(e, d.Static, strconv.Quote(a.name))
	d.report(diags...)
	if !ok {
		return cty.NilVal, false
	}
	v, marks := v.UnmarkDeep()
	a.sensitive = a.sensitive || len(marks) > 0
	if a.sensitive {
		AddSecrets(d.Secrets, v, ShortestSensitive)
	} else if a.secret {
		AddSecrets(d.Secrets, v, shortestCredential)
	}
	if v.IsNull() {
		if whole {
			a.null = true
		} else {
			d.wrong(a, e.Range(), expected, "null")
		}
		return cty.NilVal, false
	}
	converted, err := convert.Convert(v, want)
	if err != nil {
		d.wrong(a, e.Range(), expected, d.got(a, v, want))
		return cty.NilVal, false
	}
	if whole {
		a.show(display(v))
	}
	return converted, true
}

// A secret is looked for in texts from some length on: replacing each "a" would
// tell more than it hides. Where the pipeline has a credential in plain sight,
// only what looks like a real one counts (AWS's have 16 characters or more): that of
// an emulator is a word like "local".
const (
	ShortestSensitive  = 4
	shortestCredential = 16
)

// AddSecrets adds the texts and numbers inside an unmarked value to secrets,
// from a length on.
func AddSecrets(secrets *diag.Secrets, v cty.Value, shortest int) {
	// The callback never fails, so Walk doesn't either.
	_ = cty.Walk(v, func(_ cty.Path, part cty.Value) (bool, error) {
		if part.Type().IsPrimitiveType() && part.IsKnown() && !part.IsNull() && part.Type() != cty.Bool {
			if text, err := convert.Convert(part, cty.String); err == nil && len(text.AsString()) >= shortest {
				secrets.Add(text.AsString())
			}
		}
		return true, nil
	})
}

// wrong reports a value of the wrong type.
func (d *decoding) wrong(a *argument, at hcl.Range, expected, got string) {
	problem := diag.Error(at, "Wrong type of argument", "%q takes %s, not %s.", a.name, expected, got)
	if a.secret {
		problem.Extra = diag.NoSource{}
	}
	d.report(problem)
}

// got is what a value is, for a message that says what was expected.
func (d *decoding) got(a *argument, v cty.Value, want cty.Type) string {
	if v.Type() == cty.String && want.IsPrimitiveType() {
		return "the string " + d.quote(a, v)
	}
	return describe(v.Type())
}

// quote is a value for a message, masked when it must be.
func (d *decoding) quote(a *argument, v cty.Value) string {
	if a.sensitive || a.secret {
		return diag.Masked
	}
	return display(v)
}

// suggest is diag.DidYouMean, unless that would tell of a secret.
func (d *decoding) suggest(a *argument, given string, choices []string) string {
	if a.sensitive || a.secret {
		return ""
	}
	return diag.DidYouMean(given, choices)
}

func describe(t cty.Type) string {
	switch {
	case t.IsPrimitiveType():
		return "a " + t.FriendlyName()
	case t.IsTupleType(), t.IsListType():
		return "a list"
	case t.IsSetType():
		return "a set"
	case t.IsObjectType(), t.IsMapType():
		return "a map"
	}
	return "a value of type " + t.FriendlyName()
}

// longestShown is how much of a value a message or a plan shows, in bytes.
const longestShown = 200

// display is a value as a pipeline would write it, on one line.
func display(v cty.Value) string {
	if !v.IsWhollyKnown() || hasCapsule(v.Type()) {
		return describe(v.Type()) // what hclwrite has no syntax for
	}
	lines := strings.Split(string(hclwrite.TokensForValue(v).Bytes()), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	text := strings.Join(lines, " ")
	if len(text) <= longestShown {
		return text
	}
	return strings.ToValidUTF8(text[:longestShown], "") + "..."
}

// hasCapsule reports a type with a part that only Go code can make.
func hasCapsule(t cty.Type) bool {
	switch {
	case t.IsCollectionType():
		return hasCapsule(t.ElementType())
	case t.IsTupleType():
		return slices.ContainsFunc(t.TupleElementTypes(), hasCapsule)
	case t.IsObjectType():
		return slices.ContainsFunc(slices.Collect(maps.Values(t.AttributeTypes())), hasCapsule)
	}
	return t.IsCapsuleType()
}

// stringList is a string or a list of strings.
func stringList(v cty.Value) ([]string, error) {
	if v.Type().IsPrimitiveType() {
		s, err := convert.Convert(v, cty.String)
		if err != nil {
			return nil, err
		}
		return []string{s.AsString()}, nil
	}
	if !v.CanIterateElements() || v.Type().IsObjectType() || v.Type().IsMapType() {
		return nil, errors.New(describe(v.Type()))
	}
	out := []string{}
	for _, elem := range v.Elements() {
		if elem.IsNull() {
			return nil, errors.New("a list with null in it")
		}
		s, err := convert.Convert(elem, cty.String)
		if err != nil {
			return nil, errors.New("a list with " + describe(elem.Type()) + " in it")
		}
		out = append(out, s.AsString())
	}
	return out, nil
}
