package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// envPrefix begins the names of environment variables that set a variable.
const envPrefix = "DYNAPIPE_VAR_"

// givenValue is what a variable was set to from outside: a text, or a value
// from a file.
type givenValue struct {
	from  string // "--var", a file's place, an environment variable
	text  string
	value cty.Value // NilVal for a text
}

// given is what variables were set to: a flag wins over a file, a file over
// the environment.
func (l *loader) given(declared map[string]*variable) map[string]*givenValue {
	out := map[string]*givenValue{}
	for _, entry := range l.options.Environ {
		name, text, _ := strings.Cut(entry, "=")
		if name, ours := strings.CutPrefix(name, envPrefix); ours && declared[name] != nil {
			out[name] = &givenValue{from: envPrefix + name, text: text, value: cty.NilVal}
		}
	}
	for _, path := range l.options.VarFiles {
		l.readVarFile(path, declared, out)
	}
	for _, flag := range l.options.Vars {
		name, text, ok := strings.Cut(flag, "=")
		name = strings.TrimSpace(name)
		switch {
		case !ok:
			l.report(diag.Plain("Wrong form of --var", "A variable is set by --var NAME=VALUE; there is no \"=\" in what was given."))
		case declared[name] == nil:
			l.report(diag.Plain("Unknown variable in --var", "The pipeline declares no variable %q.%s",
				name, nearestVariable(name, declared)))
		default:
			out[name] = &givenValue{from: "--var", text: text, value: cty.NilVal}
		}
	}
	for _, v := range l.options.Values {
		if declared[v.Name] == nil {
			l.report(diag.Error(v.Range, "Unknown variable", "The pipeline declares no variable %q.%s", v.Name, nearestVariable(v.Name, declared)))
			continue
		}
		out[v.Name] = &givenValue{from: at(v.Range), value: v.Value}
	}
	return out
}

func nearestVariable(name string, declared map[string]*variable) string {
	names := slices.Sorted(maps.Keys(declared))
	if hint := diag.DidYouMean(name, names); hint != "" {
		return hint
	}
	if len(names) == 0 {
		return " It declares none."
	}
	return " It has: " + strings.Join(names, ", ") + "."
}

// readVarFile reads name = value lines of HCL. The file is not among those
// whose source is shown: what is in it may be sensitive (promise 8).
func (l *loader) readVarFile(path string, declared map[string]*variable, out map[string]*givenValue) {
	src, problem := readFile("variable", path)
	if problem != nil {
		l.report(problem)
		return
	}
	if d := nesting(src, path); d != nil {
		l.report(d)
		return
	}
	file, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	l.report(withoutValues(diags)...)
	if file == nil {
		return
	}
	attributes, diags := file.Body.JustAttributes()
	for _, d := range diags {
		l.report(diag.Error(*d.Subject, "Block in a variable file", "A variable file has lines like name = value, and no blocks."))
	}
	ctx := &hcl.EvalContext{} // no functions, no variables: only values
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		if declared[name] == nil {
			l.report(diag.Warning(a.NameRange, "Unknown variable", "The pipeline declares no variable %q.%s",
				name, nearestVariable(name, declared)))
			continue
		}
		value, diags := a.Expr.Value(ctx)
		if diags.HasErrors() {
			l.report(diag.Error(a.Expr.Range(), "Not a plain value",
				"A variable file has plain values: texts in quotes, numbers, bools, lists and maps of them."))
			delete(out, name)
			declared[name].broken = true
			continue
		}
		out[name] = &givenValue{from: at(a.NameRange), value: value}
	}
}

// withoutValues keeps what HCL evaluated out of a diagnostic.
func withoutValues(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		d.Expression, d.EvalContext = nil, nil
	}
	return diags
}

// convertGiven gives a value from outside the variable's type. A text is taken
// literally for a string, and read as HCL for a list, map or object.
func (l *loader) convertGiven(v *variable, g *givenValue) (cty.Value, bool) {
	if v.broken {
		return cty.NilVal, false
	}
	value := g.value
	if value == cty.NilVal {
		value = cty.StringVal(g.text)
		if !v.ty.IsPrimitiveType() && v.ty != cty.DynamicPseudoType {
			parsed, err := parseValue(g.text)
			if err != nil {
				l.report(diag.Error(v.at, "Wrong type of variable", "%q, set by %s, is of type %s, written as in a pipeline file, like %s: %s.",
					v.name, g.from, typeexpr.TypeString(v.ty), example(v.ty), err))
				return cty.NilVal, false
			}
			value = parsed
		}
	}
	converted, err := v.convert(value)
	if err != nil {
		l.report(diag.Error(v.at, "Wrong type of variable", "%q is of type %s, and what %s gives it is not: %s.",
			v.name, typeexpr.TypeString(v.ty), g.from, l.reason(v, err)))
		return cty.NilVal, false
	}
	return converted, true
}

// parseValue reads a text as a plain HCL value. Its error says no part of it.
func parseValue(text string) (cty.Value, error) {
	src := []byte(text)
	const place = "value"
	if d := nesting(src, place); d != nil {
		return cty.NilVal, fmt.Errorf("%s at column %d", strings.ToLower(d.Summary), d.Subject.Start.Column)
	}
	e, diags := hclsyntax.ParseExpression(src, place, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("syntax error at column %d", column(diags))
	}
	value, diags := e.Value(&hcl.EvalContext{})
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("no plain value at column %d; texts stand in quotes", column(diags))
	}
	return value, nil
}

func column(diags hcl.Diagnostics) int {
	for _, d := range diags {
		if d.Subject != nil {
			return d.Subject.Start.Column
		}
	}
	return 1
}

// example is how a value of a type may look.
func example(ty cty.Type) string {
	if ty.IsListType() || ty.IsSetType() || ty.IsTupleType() {
		return `["a", "b"]`
	}
	return `{ a = "b" }`
}
