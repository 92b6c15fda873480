package pipeline

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// locals evaluates the values of all locals blocks, each after those it uses.
// One that has errors is unknown, so that its uses are not errors too.
func (l *loader) locals() map[string]cty.Value {
	e := &localEval{loader: l, attributes: map[string]*hclsyntax.Attribute{}, values: map[string]cty.Value{}, state: map[string]localState{}}
	for _, blk := range l.blocks["locals"] {
		for _, inner := range blk.Body.Blocks {
			l.report(diag.Error(inner.TypeRange, "Block in locals", "locals has lines like name = value. Write %s = { ... }.", inner.Type))
		}
		for _, a := range slices.SortedFunc(maps.Values(blk.Body.Attributes), byPlace) {
			if first, twice := e.attributes[a.Name]; twice {
				l.report(diag.Error(a.NameRange, "Name used twice", "local.%s is already declared at %s.", a.Name, at(first.NameRange)))
				continue
			}
			e.attributes[a.Name] = a
			e.values[a.Name] = cty.DynamicVal
			e.order = append(e.order, a.Name)
		}
	}
	for _, name := range e.order {
		e.eval(name)
	}
	return e.values
}

func byPlace(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte }

type localState uint8

const (
	localWaiting localState = iota
	localUnderWay
	localDone
)

// localEval evaluates locals, depth first.
type localEval struct {
	*loader
	attributes map[string]*hclsyntax.Attribute
	order      []string // as the files have them
	values     map[string]cty.Value
	state      map[string]localState
	path       []string // locals under way
}

func (e *localEval) eval(name string) {
	e.state[name] = localUnderWay
	e.path = append(e.path, name)
	a := e.attributes[name]
	sound := true
	for _, t := range a.Expr.Variables() {
		if t.RootName() == "local" {
			sound = e.needs(t) && sound
		}
	}
	if sound {
		ctx := e.decoder.Static.NewChild()
		ctx.Variables = map[string]cty.Value{"var": e.decoder.Static.Variables["var"], "local": cty.ObjectVal(e.values)}
		value, ok, diags := schema.Eval(a.Expr, ctx, "A local value")
		e.report(diags...)
		if ok {
			e.values[name] = value
		}
	}
	e.path = e.path[:len(e.path)-1]
	e.state[name] = localDone
}

// needs evaluates the local at the start of a traversal, and reports a cycle.
func (e *localEval) needs(t hcl.Traversal) bool {
	if len(t) < 2 {
		e.report(diag.Error(t.SourceRange(), "All locals at once", "A local value can use another by its name, local.NAME, not all of them."))
		return false
	}
	step, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		e.report(diag.Error(t.SourceRange(), "Computed name of a local", "A local value can use another by its name: local.NAME."))
		return false
	}
	if e.attributes[step.Name] == nil {
		return true // schema.Eval reports it
	}
	switch e.state[step.Name] {
	case localWaiting:
		e.eval(step.Name)
	case localUnderWay:
		cycle := append(slices.Clone(e.path[slices.Index(e.path, step.Name):]), step.Name)
		e.report(diag.Error(t.SourceRange(), "Locals in a circle", "These need each other: local.%s.", strings.Join(cycle, " needs local.")))
		return false
	}
	return true
}
