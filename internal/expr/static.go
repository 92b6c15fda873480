package expr

import (
	"errors"
	"os"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Functions is the functions for go-cty: for variables, locals and arguments
// that have no row. env() is among them only with getenv. Marks go through
// from the arguments to the result, and no error says a value (promise 8).
func Functions(run *Run, getenv bool) map[string]function.Function {
	if run == nil {
		run = &Run{}
	}
	out := make(map[string]function.Function, len(functions))
	for name, f := range functions {
		if f.static && !getenv {
			continue
		}
		out[name] = wrap(f, run)
	}
	out["try"] = tryfunc.TryFunc
	out["can"] = tryfunc.CanFunc
	return out
}

// wrap makes a go-cty function of one of ours.
func wrap(f *fn, run *Run) function.Function {
	spec := &function.Spec{Description: f.description}
	for _, p := range f.params[:len(f.params)-f.optional] {
		spec.Params = append(spec.Params, ctyParam(p.name))
	}
	if f.optional > 0 {
		p := ctyParam(f.params[len(f.params)-f.optional].name)
		spec.VarParam = &p
	} else if f.rest != nil {
		p := ctyParam(f.rest.name)
		spec.VarParam = &p
	}
	spec.Type = func(args []cty.Value) (cty.Type, error) {
		v, err := f.onCty(run, args)
		return v.Type(), err
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return f.onCty(run, args)
	}
	return function.New(spec)
}

func ctyParam(name string) function.Parameter {
	return function.Parameter{
		Name: name, Type: cty.DynamicPseudoType,
		AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true,
	}
}

// onCty calls the function with values of go-cty.
func (f *fn) onCty(run *Run, args []cty.Value) (cty.Value, error) {
	if wrong := f.arity(len(args)); wrong != "" {
		return cty.DynamicVal, errors.New(wrong)
	}
	if f.rowOnly {
		return cty.DynamicVal, errors.New(f.name + "() gives something new for every row: use it where a row is at hand")
	}
	marks := cty.ValueMarks{}
	values := make([]attr.Value, len(args))
	known := true
	for i, arg := range args {
		plain, m := arg.UnmarkDeep()
		for mark := range m {
			marks[mark] = struct{}{}
		}
		if !plain.IsWhollyKnown() {
			known = false
			continue
		}
		v, err := FromCty(plain)
		if err != nil {
			return cty.DynamicVal, function.NewArgError(i, err)
		}
		values[i] = v
	}
	if !known {
		return cty.DynamicVal.WithMarks(marks), nil
	}
	v, err := f.invoke(&call{run: run, args: values})
	var at *argError
	if errors.As(err, &at) {
		what := at.what
		if len(marks) == 0 {
			what += at.shown
		}
		return cty.DynamicVal, function.NewArgErrorf(at.arg, "it is %s", what)
	}
	if err != nil {
		return cty.DynamicVal, err
	}
	out, err := ToCty(v)
	if err != nil {
		return cty.DynamicVal, err
	}
	return out.WithMarks(marks), nil
}

func lookupEnv(c *call) (attr.Value, error) {
	name := c.args[0].Text()
	if v, ok := os.LookupEnv(name); ok {
		return attr.StringValue(v), nil
	}
	if len(c.args) > 1 {
		return c.args[1], nil
	}
	return attr.Value{}, errors.New("the environment variable is not set: set it, or give a default as second argument")
}
