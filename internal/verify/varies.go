package verify

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/plan"
)

// variesByRun are the functions that give something else in every run.
var variesByRun = []string{"timestamp", "ulid", "uuid"}

// Varying is the attributes that are different in every run, because they are
// made with one of variesByRun: they can't be compared.
type Varying struct {
	// Why says of each attribute what makes it different, and of each other
	// argument that depends on such a thing, that it does. It is for people.
	Why []string

	locals map[string]bool
	rows   map[*plan.Node]map[string]bool // attributes of the rows that leave
	items  map[*plan.Node]map[string]bool // of the items that a sink makes
}

// Vary finds them, by what the files of the pipeline say.
func Vary(p *plan.Plan, files map[string]*hcl.File) *Varying {
	v := &Varying{locals: map[string]bool{}, rows: map[*plan.Node]map[string]bool{}, items: map[*plan.Node]map[string]bool{}}
	blocks := map[string]*hclsyntax.Block{}
	var locals []*hclsyntax.Attribute
	for _, f := range files {
		body, ok := f.Body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		for _, b := range body.Blocks {
			if len(b.Labels) == 2 {
				blocks[b.Type+"."+b.Labels[0]+"."+b.Labels[1]] = b
			}
			if b.Type == "locals" {
				locals = slices.AppendSeq(locals, maps.Values(b.Body.Attributes))
			}
		}
	}
	for range locals { // each may use the others
		for _, a := range locals {
			v.locals[a.Name] = v.locals[a.Name] || v.varies(a.Expr, nil) != ""
		}
	}
	for _, n := range p.Nodes {
		if b := blocks[n.Address]; b != nil {
			v.node(n, b.Body)
		}
	}
	return v
}

// At is the attributes of the items that a sink makes.
func (v *Varying) At(n *plan.Node) map[string]bool {
	if v == nil {
		return nil
	}
	return v.items[n]
}

// node follows the attributes through a node.
func (v *Varying) node(n *plan.Node, body *hclsyntax.Body) {
	in := map[string]bool{}
	for _, from := range n.Inputs {
		maps.Copy(in, v.rows[from.From])
	}
	out := maps.Clone(in)
	made := map[string]bool{"set": n.Kind == plan.Transform, "by": n.Type == "aggregate"}
	if n.Type == "aggregate" {
		clear(out) // a group has the attributes of its own
	}
	for name, a := range body.Attributes {
		if made[name] {
			v.set(n, a, in, out)
		}
	}
	v.args(n, body, in, made)
	if n.Type == "map" {
		moveNames(body, out)
	}
	v.rows[n] = out
	if n.Kind == plan.Sink {
		v.items[n] = out
		for _, b := range body.Blocks {
			if item := b.Body.Attributes["item"]; b.Type == "put" && item != nil {
				v.set(n, item, in, out)
			}
		}
	}
}

// set notes the attributes of name = expression that vary, and that the others
// don't.
func (v *Varying) set(n *plan.Node, a *hclsyntax.Attribute, in, out map[string]bool) {
	object, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return
	}
	for _, item := range object.Items {
		name := hcl.ExprAsKeyword(item.KeyExpr)
		if value, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && value.Type().FriendlyName() == "string" {
			name = value.AsString()
		}
		why := v.varies(item.ValueExpr, in)
		if why == "" {
			delete(out, name)
			continue
		}
		if !out[name] {
			v.Why = append(v.Why, fmt.Sprintf("%s: %s is made with %s, so it is different in every run and not compared", n.Address, name, why))
		}
		out[name] = true
	}
}

// args notes what else in a block depends on something that varies: what rows
// there are, then, is different in every run.
func (v *Varying) args(n *plan.Node, body *hclsyntax.Body, in, made map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		if made[name] || name == "from" || name == "item" {
			continue
		}
		if why := v.varies(body.Attributes[name].Expr, in); why != "" {
			v.Why = append(v.Why, fmt.Sprintf("%s: %s depends on %s, so what it decides is different in every run; differences may be due to that", n.Address, name, why))
		}
	}
	for _, b := range body.Blocks {
		v.args(n, b.Body, in, nil)
	}
}

// moveNames is what map does with names after set.
func moveNames(body *hclsyntax.Body, out map[string]bool) {
	before := maps.Clone(out)
	if a := body.Attributes["rename"]; a != nil {
		pairs, _ := hcl.ExprMap(a.Expr) // it is one: it has been decoded
		for _, pair := range pairs {
			from, to := text(pair.Key), text(pair.Value)
			if before[from] {
				delete(out, from)
				out[to] = true
			}
		}
	}
	if a := body.Attributes["drop"]; a != nil {
		names, _ := hcl.ExprList(a.Expr)
		for _, name := range names {
			delete(out, text(name))
		}
	}
	if a := body.Attributes["keep"]; a != nil {
		kept := map[string]bool{}
		names, _ := hcl.ExprList(a.Expr)
		for _, name := range names {
			kept[text(name)] = true
		}
		maps.DeleteFunc(out, func(name string, _ bool) bool { return !kept[name] })
	}
}

// text is a name that stands in a block, bare or in quotes.
func text(e hcl.Expression) string {
	if word := hcl.ExprAsKeyword(e); word != "" {
		return word
	}
	if value, diags := e.Value(nil); !diags.HasErrors() && value.Type().FriendlyName() == "string" && value.IsKnown() && !value.IsNull() {
		return value.AsString()
	}
	return ""
}

// varies is what in an expression is different in every run, of rows with these
// attributes that are; empty for nothing.
func (v *Varying) varies(e hclsyntax.Expression, rows map[string]bool) string {
	why := ""
	_ = hclsyntax.VisitAll(e, func(node hclsyntax.Node) hcl.Diagnostics {
		switch x := node.(type) {
		case *hclsyntax.FunctionCallExpr:
			if slices.Contains(variesByRun, x.Name) {
				why = x.Name + "()"
			}
		case *hclsyntax.ScopeTraversalExpr:
			if found := v.reference(x.Traversal, rows); found != "" && why == "" {
				why = found
			}
		}
		return nil
	})
	return why
}

func (v *Varying) reference(t hcl.Traversal, rows map[string]bool) string {
	name := ""
	if len(t) > 1 {
		switch step := t[1].(type) {
		case hcl.TraverseAttr:
			name = step.Name
		case hcl.TraverseIndex:
			if step.Key.Type().FriendlyName() == "string" {
				name = step.Key.AsString()
			}
		}
	}
	switch {
	case t.RootName() == "local" && v.locals[name]:
		return "local." + name
	case t.RootName() == "row" && name != "" && rows[name]:
		return "row." + name
	case t.RootName() == "row" && name == "" && len(rows) > 0:
		return "row"
	}
	return ""
}
