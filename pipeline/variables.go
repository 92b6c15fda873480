package pipeline

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// variable is a declared variable.
type variable struct {
	name        string
	Type        hcl.Expression
	Default     hcl.Expression
	Description string
	Sensitive   bool
	Validations []validation

	ty       cty.Type
	defaults *typeexpr.Defaults // of optional attributes of objects
	at       hcl.Range
	broken   bool // its declaration has errors
}

// validation is a rule for a variable's value.
type validation struct {
	Condition, Message hcl.Expression
}

// Schema declares the variable block.
func (v *variable) Schema() schema.Block {
	return schema.Block{
		Summary: "A value that is given from outside: by --var, a variable file, or the environment.",
		Example: variableExample,
		Args: []schema.Arg{
			schema.Raw("type", &v.Type, "a type", "The type: string, number, bool, any, list(T), set(T), map(T), object({...}), tuple([...]). A given value is converted to it.").DefaultDoc("any").As(schema.JSON{"type": "string"}),
			schema.Raw("default", &v.Default, "a value", "The value when none is given. Without it, giving one is required.").As(schema.JSON{}),
			schema.String("description", &v.Description, "What the variable is for."),
			schema.Bool("sensitive", &v.Sensitive, "Keeps the value out of plans, logs, reports and messages."),
		},
		Blocks: []schema.Nested{
			schema.List("validation", &v.Validations, func(r *validation) schema.Block {
				return schema.Block{
					Summary: "A rule that the value has to keep.",
					Args: []schema.Arg{
						schema.Raw("condition", &r.Condition, "a bool", "True for values that are allowed. It refers to the variable.").Require().As(schema.JSON{"type": []string{"boolean", "string"}}),
						schema.Raw("error_message", &r.Message, "a string", "What is said about a value that is not allowed.").Require().As(schema.JSON{"type": "string"}),
					},
				}
			}),
		},
	}
}

// variables decodes the declarations and gives each its value. One without a
// value, after an error, is unknown, so that its uses are not errors too.
func (l *loader) variables() map[string]cty.Value {
	declared, order := l.declarations()
	given := l.given(declared)
	values := map[string]cty.Value{}
	for _, v := range order {
		values[v.name] = l.value(v, given[v.name])
	}
	ctx := l.decoder.Static.NewChild()
	ctx.Variables = map[string]cty.Value{"var": cty.ObjectVal(values)}
	for _, v := range order {
		if !values[v.name].IsWhollyKnown() {
			continue
		}
		for _, rule := range v.Validations {
			if !l.obeys(v, rule, ctx, given[v.name]) {
				values[v.name] = cty.DynamicVal
				break
			}
		}
	}
	return values
}

func (l *loader) declarations() (declared map[string]*variable, order []*variable) {
	declared = map[string]*variable{}
	first := map[string]*hclsyntax.Block{}
	for _, blk := range l.blocks["variable"] {
		name := blk.Labels[0]
		if !l.unique(first, "var."+name, blk) {
			continue
		}
		v := &variable{name: name, ty: cty.DynamicPseudoType, at: blk.DefRange()}
		_, diags := l.decoder.Decode(blk, v.Schema())
		if v.Type != nil {
			ty, defaults, wrong := typeexpr.TypeConstraintWithDefaults(v.Type)
			if wrong.HasErrors() {
				diags = append(diags, notType(wrong[0], v.Type))
			}
			if !wrong.HasErrors() {
				v.ty, v.defaults = ty, defaults
			}
		}
		l.report(diags...)
		v.broken = diags.HasErrors()
		declared[name] = v
		order = append(order, v)
	}
	return declared, order
}

// notType says which types variables have, at the place where HCL found none.
func notType(wrong *hcl.Diagnostic, whole hcl.Expression) *hcl.Diagnostic {
	at, hint := whole.Range(), ""
	if wrong.Subject != nil {
		at = *wrong.Subject
	}
	if word := hcl.ExprAsKeyword(whole); word != "" {
		hint = diag.DidYouMean(word, []string{"string", "number", "bool", "any"})
	}
	return diag.Error(at, "Not a type", "A variable's type is string, number, bool, any, list(T), set(T), map(T), object({...}) or tuple([...]).%s", hint)
}

// value is a variable's value: what was given, or its default.
func (l *loader) value(v *variable, g *givenValue) cty.Value {
	value, ok := l.defaultValue(v)
	switch {
	case g != nil:
		value, ok = l.convertGiven(v, g)
	case v.Default == nil && !v.broken:
		l.report(diag.Error(v.at, "Variable without a value",
			"%q has no default, and no value was given. Give one with --var %s=..., in a file with --var-file, or in the environment as %s%s.",
			v.name, v.name, envPrefix, v.name))
	}
	if !ok || v.broken {
		return cty.DynamicVal
	}
	if v.Sensitive {
		bare, _ := value.UnmarkDeep()
		schema.AddSecrets(l.secrets, bare, schema.ShortestSensitive)
		return value.Mark(schema.Sensitive)
	}
	return value
}

// defaultValue evaluates the default also where another value was given, so
// that its errors are seen.
func (l *loader) defaultValue(v *variable) (cty.Value, bool) {
	if v.Default == nil {
		return cty.NilVal, false
	}
	if used := v.Default.Variables(); len(used) > 0 {
		l.report(diag.Error(used[0].SourceRange(), "Default that is not fixed",
			"The default of a variable is a value of its own; functions may be used, names may not. A value made of variables is a local."))
		v.broken = true
		return cty.NilVal, false
	}
	value, ok, diags := schema.Eval(v.Default, l.decoder.Static, "The default of a variable")
	if ok {
		converted, err := v.convert(value)
		if err == nil {
			return converted, true
		}
		d := diag.Error(v.Default.Range(), "Wrong type of default", "%q is of type %s: %s.",
			v.name, typeexpr.TypeString(v.ty), l.reason(v, err))
		if v.Sensitive {
			d.Extra = diag.NoSource{}
		}
		diags = append(diags, d)
	}
	l.report(diags...)
	v.broken = true
	return cty.NilVal, false
}

// convert gives a value the variable's type.
func (v *variable) convert(value cty.Value) (cty.Value, error) {
	if v.defaults != nil {
		value = v.defaults.Apply(value)
	}
	return convert.Convert(value, v.ty)
}

// reason is a conversion's error; the type it names is of the declaration, and
// the path of a map's key may be data.
func (l *loader) reason(v *variable, err error) string {
	if v.Sensitive {
		return "the value can't be converted to it"
	}
	return err.Error()
}

// obeys checks one validation.
func (l *loader) obeys(v *variable, rule validation, ctx *hcl.EvalContext, g *givenValue) bool {
	if rule.Condition == nil || rule.Message == nil {
		return false
	}
	if !refersTo(rule.Condition, v.name) {
		l.report(diag.Error(rule.Condition.Range(), "Validation of something else",
			"The condition has to refer to var.%s, the variable that it is about.", v.name))
		return false
	}
	result, ok, diags := schema.Eval(rule.Condition, ctx, "The condition of a validation")
	l.report(diags...)
	if !ok {
		return false
	}
	result, _ = result.UnmarkDeep()
	result, err := convert.Convert(result, cty.Bool)
	if err != nil || result.IsNull() {
		l.report(diag.Error(rule.Condition.Range(), "Wrong type of condition", "The condition of a validation gives true or false."))
		return false
	}
	if result.True() {
		return true
	}
	l.report(diag.Error(rule.Condition.Range(), "Value not allowed", "Variable %q, set by %s: %s",
		v.name, g.origin(), l.ruleMessage(rule, ctx)))
	return false
}

func (l *loader) ruleMessage(rule validation, ctx *hcl.EvalContext) string {
	message, ok, diags := schema.Eval(rule.Message, ctx, "The message of a validation")
	l.report(diags...)
	if !ok {
		return "its error_message has errors itself."
	}
	if message.ContainsMarked() {
		return "its error_message is not shown, as it has a sensitive value in it."
	}
	message, err := convert.Convert(message, cty.String)
	if err != nil || message.IsNull() {
		l.report(diag.Error(rule.Message.Range(), "Wrong type of message", "error_message is a string."))
		return "the condition is false."
	}
	return message.AsString()
}

// refersTo reports that an expression uses a variable.
func refersTo(e hcl.Expression, name string) bool {
	for _, t := range e.Variables() {
		if len(t) < 2 || t.RootName() != "var" {
			continue
		}
		switch step := t[1].(type) {
		case hcl.TraverseAttr:
			if step.Name == name {
				return true
			}
		case hcl.TraverseIndex:
			if step.Key.RawEquals(cty.StringVal(name)) {
				return true
			}
		}
	}
	return false
}

// origin says where a value came from.
func (g *givenValue) origin() string {
	if g == nil {
		return "its default"
	}
	return g.from
}
