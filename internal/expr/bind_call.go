package expr

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// callNode calls a function.
type callNode struct {
	fn     *fn
	args   []term
	expand bool // the last argument is a list of arguments
	prepared
	site site
	rng  hcl.Range
}

// site is a place in the files where a function is called.
type site struct {
	number int // within its expression
	file   string
	offset int
}

func (n *callNode) eval(f *frame) (attr.Value, error) {
	args := make([]attr.Value, len(n.args))
	for i := range n.args {
		v, err := n.args[i].eval(f)
		if err != nil {
			return attr.Value{}, err
		}
		args[i] = v
	}
	if n.expand {
		var err error
		if args, err = n.expanded(args); err != nil {
			return attr.Value{}, err
		}
	}
	v, err := n.fn.invoke(&call{run: f.run, args: args, prepared: n.prepared, frame: f, site: n.site})
	if err != nil {
		return attr.Value{}, n.explain(err, args)
	}
	return v, f.makes(len(v.Text())+elementBytes*(len(v.Elems())+len(v.Fields())), n.rng)
}

// expanded puts the elements of the last argument in its place.
func (n *callNode) expanded(args []attr.Value) ([]attr.Value, error) {
	last := len(args) - 1
	list, err := (&param{class: sequence}).convert(last, args[last])
	if err != nil {
		return nil, n.args[last].isNot(args[last], "a list of arguments")
	}
	args = append(args[:last:last], list.Elems()...)
	if wrong := n.fn.arity(len(args)); wrong != "" {
		return nil, errorf(n.rng, "%s", wrong)
	}
	return args, nil
}

// explain turns an error of a function into one that names the argument.
func (n *callNode) explain(err error, args []attr.Value) error {
	var at *argError
	var own *Error
	switch {
	case errors.As(err, &own):
		return err
	case !errors.As(err, &at):
		return errorf(n.rng, "%s: %s", n.fn.name, err)
	}
	t := &n.args[min(at.arg, len(n.args)-1)]
	if n.expand && at.arg >= len(n.args)-1 {
		t = &term{name: "an element of " + t.name, secret: t.secret, rng: t.rng}
	}
	what := at.what
	if !n.secret() {
		what += at.shown
	}
	return errorf(t.rng, "%s: %s, %s", n.fn.name, t.is(args[at.arg]), what)
}

// secret reports that a variable or local is among the arguments.
func (n *callNode) secret() bool {
	return slices.ContainsFunc(n.args, func(t term) bool { return t.secret })
}

// tryNode gives the first argument that does not fail.
type tryNode struct{ args []term }

func (n *tryNode) eval(f *frame) (attr.Value, error) {
	var last error
	for i := range n.args {
		v, err := n.args[i].eval(f)
		if err == nil {
			return v, nil
		}
		last = err
	}
	return attr.Value{}, last
}

// canNode says whether its argument does not fail.
type canNode struct{ arg term }

func (n *canNode) eval(f *frame) (attr.Value, error) {
	_, err := n.arg.eval(f)
	return attr.BoolValue(err == nil), nil
}

// call binds a function call.
func (c *compiler) call(e *hclsyntax.FunctionCallExpr) term {
	f := functions[e.Name]
	if wrong := c.checkName(e, f); wrong != nil {
		c.add(wrong)
		for _, arg := range e.Args {
			c.expr(arg) // for what else is wrong
		}
		return c.broken(e.Range())
	}
	if wrong := f.arity(len(e.Args)); wrong != "" && !e.ExpandFinal {
		at := hcl.RangeBetween(e.NameRange, e.CloseParenRange)
		if most := len(f.params); len(e.Args) > most {
			at = hcl.RangeBetween(e.Args[most].Range(), e.Args[len(e.Args)-1].Range())
		}
		c.add(diag.Error(at, "Wrong number of arguments", "%s.", wrong))
		return c.broken(e.Range())
	}
	if f.lazy {
		return c.lazyCall(e, f)
	}
	n := &callNode{fn: f, args: make([]term, len(e.Args)), expand: e.ExpandFinal, rng: e.Range()}
	t := term{node: n, kinds: f.result, rng: e.Range(), name: c.nameOf(e.Range())}
	for i, arg := range e.Args {
		n.args[i] = c.expr(arg)
		t.uses(n.args[i])
	}
	if f.perCall {
		t.deps |= onCall
		n.site = site{c.sites, filepath.Base(e.NameRange.Filename), e.NameRange.Start.Byte}
		c.sites++
	}
	if !e.ExpandFinal {
		c.checkArguments(n)
		if f.infer != nil {
			t.kinds = f.infer(n.args)
		}
	}
	return c.fold(t)
}

func (c *compiler) checkName(e *hclsyntax.FunctionCallExpr, f *fn) *hcl.Diagnostic {
	switch {
	case f == nil:
		return diag.Error(e.NameRange, "Unknown function", "There is no function %q.%s", e.Name,
			diag.DidYouMean(e.Name, slices.Collect(maps.Keys(functions))))
	case f.static:
		return diag.Error(e.NameRange, "No "+e.Name+"() for rows",
			"%s() can be used where no row is at hand. Give its value a name in a locals block and use local.NAME here.", e.Name)
	}
	return nil
}

// checkArguments reports what is known beforehand to be wrong with arguments.
func (c *compiler) checkArguments(n *callNode) {
	given := make([]attr.Value, len(n.args))
	known := make([]attr.Value, len(n.args))
	for i := range n.args {
		t, p := &n.args[i], n.fn.param(i)
		v, ok := t.value()
		if !ok {
			if t.kinds.Never(p.class.kinds()) {
				c.fails(diag.Error(t.rng, "Invalid argument", "%s is always %s, and %s() takes %s here.", capital(t.name), t.kinds, n.fn.name, p.class.wants()))
			}
			continue
		}
		var err error
		given[i] = v
		if known[i], err = p.convert(i, v); err != nil {
			c.badArgument(n, err, given)
			return
		}
	}
	if n.fn.check == nil {
		return
	}
	k := &call{run: c.run, args: known}
	if err := n.fn.check(k); err != nil {
		c.badArgument(n, err, given)
	}
	n.prepared = k.prepared
}

func (c *compiler) badArgument(n *callNode, err error, given []attr.Value) {
	if n.foldable() {
		return // folding the call says it
	}
	why := asError(n.explain(err, given), n.rng)
	c.fails(diag.Error(why.Range, "Invalid argument", "%s.", capital(why.Message)))
}

// foldable reports that every argument is known, so that folding the call
// reports what is wrong with them.
func (n *callNode) foldable() bool {
	for i := range n.args {
		if !n.args[i].constant() {
			return false
		}
	}
	return !n.fn.perCall
}

func (c *compiler) lazyCall(e *hclsyntax.FunctionCallExpr, f *fn) term {
	t := term{rng: e.Range(), name: c.nameOf(e.Range())}
	if e.ExpandFinal {
		c.add(diag.Error(e.Range(), "No list of arguments here", "%s() takes its arguments one by one, because it evaluates them only if needed.", f.name))
		return c.broken(e.Range())
	}
	args := make([]term, len(e.Args))
	c.quiet++
	for i, arg := range e.Args {
		args[i] = c.expr(arg)
		t.uses(args[i])
		t.kinds |= args[i].kinds
	}
	c.quiet--
	if f.name == "can" {
		t.node, t.kinds = &canNode{args[0]}, Bool
	} else {
		t.node = &tryNode{args}
	}
	return c.fold(t)
}
