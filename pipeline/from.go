package pipeline

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// tie reads a node's from.
func (g *graph) tie(n *plan.Node) {
	attribute := g.blockOf[n].Body.Attributes["from"]
	if attribute == nil {
		return // where it is required, the declaration says so
	}
	if n.Kind == plan.Source {
		g.report(diag.Error(attribute.NameRange, "Source that reads a node", "A source is where rows come from: it takes no \"from\"."))
		return
	}
	elements := []hcl.Expression{attribute.Expr}
	if list, diags := hcl.ExprList(attribute.Expr); !diags.HasErrors() {
		elements = list
		if len(list) == 0 {
			g.report(diag.Error(attribute.Expr.Range(), "Nothing to read", "\"from\" is an empty list. %s", formOfReference))
		}
	}
	for _, e := range elements {
		in, ok := g.resolve(e)
		if !ok {
			g.lost = true
			continue
		}
		if slices.Contains(n.Inputs, in) {
			g.report(diag.Error(e.Range(), "Node named twice", "%s is already in this list: a node's rows are read once.", in))
			continue
		}
		n.Inputs = append(n.Inputs, in)
		g.readAt[n] = append(g.readAt[n], e.Range())
	}
}

const formOfReference = "A node is named by its block, without quotes: source.TYPE.NAME or transform.TYPE.NAME."

// resolve finds the node that an element of from names.
func (g *graph) resolve(e hcl.Expression) (plan.Input, bool) {
	traversal, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() {
		g.report(g.notReference(e))
		return plan.Input{}, false
	}
	address, ok := schema.Address(traversal)
	parts := strings.Split(address, ".")
	if !ok || len(parts) < 3 || len(parts) > 4 {
		g.report(g.unknownNode(e.Range(), address))
		return plan.Input{}, false
	}
	n := g.byAddress[strings.Join(parts[:3], ".")]
	switch {
	case n == nil:
		g.report(g.unknownNode(e.Range(), address))
		return plan.Input{}, false
	case n.Kind == plan.Sink:
		g.report(diag.Error(e.Range(), "Sink that is read", "%s is a sink, where rows end. Read what it reads itself.", n.Address))
		return plan.Input{}, false
	}
	in := plan.Input{From: n}
	if len(parts) == 4 {
		in.Output = parts[3]
	}
	return in, true
}

// notReference explains an element of from that is no reference at all.
func (g *graph) notReference(e hcl.Expression) *hcl.Diagnostic {
	if text, ok := literal(e); ok {
		if g.byAddress[text] != nil {
			return diag.Error(e.Range(), "Reference in quotes", "A reference stands without quotes: from = %s", text)
		}
		return diag.Error(e.Range(), "Reference in quotes", "%s%s", formOfReference, g.nearest(text))
	}
	return diag.Error(e.Range(), "Not a reference", "\"from\" names nodes, it computes nothing. %s", formOfReference)
}

// literal is the text of a string literal.
func literal(e hcl.Expression) (string, bool) {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return "", false
	}
	v, diags := t.Value(nil)
	if diags.HasErrors() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

func (g *graph) unknownNode(at hcl.Range, address string) *hcl.Diagnostic {
	hint := g.nearest(address)
	if hint == "" {
		hint = " " + formOfReference
	}
	return diag.Error(at, "Unknown reference", "There is no %s.%s", address, hint)
}

// nearest is a hint: the address that is spelled almost so, or the only one of
// that name.
func (g *graph) nearest(address string) string {
	var readable, sameName []string
	name := address[strings.LastIndexByte(address, '.')+1:]
	for _, a := range slices.Sorted(maps.Keys(g.byAddress)) {
		if n := g.byAddress[a]; n.Kind != plan.Sink {
			readable = append(readable, a)
			if n.Name == name {
				sameName = append(sameName, a)
			}
		}
	}
	if near := diag.Nearest(address, readable); near != "" {
		sameName = []string{near}
	}
	if len(sameName) != 1 {
		return ""
	}
	return " Did you mean " + sameName[0] + "?"
}

// output checks the output that the i-th input names, once the node that is read
// is decoded.
func (g *graph) output(n *plan.Node, i int) {
	in, at := n.Inputs[i], g.readAt[n][i]
	if in.From.Config() == nil || g.broken[in.From] {
		return
	}
	outputs := in.From.Outputs()
	if in.Output == "" && len(outputs) == 0 || slices.Contains(outputs, in.Output) {
		return
	}
	g.lost = true
	switch {
	case len(outputs) == 0:
		g.report(diag.Error(at, "Unknown reference", "%s has a single output, and is named as a whole: %s", in.From.Address, in.From.Address))
	case in.Output == "":
		g.report(diag.Error(at, "Missing output", "%s has several outputs; name one: %s.", in.From.Address, in.From.Address+"."+strings.Join(outputs, ", "+in.From.Address+".")))
	default:
		hint := diag.DidYouMean(in.Output, outputs)
		if hint == "" {
			hint = " It has: " + strings.Join(outputs, ", ") + "."
		}
		g.report(diag.Error(at, "Unknown reference", "%s has no output %q.%s", in.From.Address, in.Output, hint))
	}
}

// unreadOutputs warns of outputs with a name of their own that nobody reads. The
// rest of a route, which has its name from the language, may well go nowhere.
func (g *graph) unreadOutputs() {
	read := map[plan.Input]bool{}
	anything := map[*plan.Node]bool{}
	for _, n := range g.all {
		for _, in := range n.Inputs {
			read[in], anything[in.From] = true, true
		}
	}
	for _, n := range g.all {
		if g.broken[n] || !anything[n] {
			continue
		}
		for _, blk := range g.blockOf[n].Body.Blocks {
			if len(blk.Labels) != 1 || !slices.Contains(n.Outputs(), blk.Labels[0]) || read[plan.Input{From: n, Output: blk.Labels[0]}] {
				continue
			}
			g.report(diag.Warning(blk.DefRange(), "Nobody reads this output", "No \"from\" names %s.%s, so its rows are filtered.", n.Address, blk.Labels[0]))
		}
	}
}
