package dynamo

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Clauses are what an update does, as it is written: DynamoDB's four clauses.
type Clauses struct {
	Set, Add, Delete []schema.NamedItem
	Remove           []string
	RemoveAt         hcl.Range
	// Others has every attribute of the row set but those of the key.
	Others bool
}

// action is a clause of an UpdateExpression.
type action uint8

const (
	actionSet action = iota
	actionRemove
	actionAdd
	actionDelete
)

// String is DynamoDB's word.
func (a action) String() string { return [...]string{"SET", "REMOVE", "ADD", "DELETE"}[a] }

// change is what an update does at one path.
type change struct {
	action action
	path   Path
	value  *term // nil: none, or the one of a row's attribute
	gate   *operand
	at     hcl.Range
}

// term is the right side of SET: a path or a value, a function of such, or two
// of them with + or - between.
type term struct {
	op      string // "": the operand
	operand operand
	args    []*term
}

// repeatable reports that the value is the same when it is set twice.
func (t *term) repeatable() bool {
	switch t.op {
	case "":
		return t.operand.path == nil
	case "if_not_exists":
		return t.args[1].repeatable()
	}
	return false
}

// compileChanges compiles clauses, in the order in which DynamoDB wants them.
func compileChanges(from Clauses) (changes []change, diags hcl.Diagnostics) {
	add := func(action action, list []schema.NamedItem) {
		for _, item := range list {
			c := &itemCompiler{scope: item.Scope, role: clause}
			made, ok := c.change(action, item)
			c.limit(item.Expr)
			diags = append(diags, c.diags...)
			if ok && !c.diags.HasErrors() {
				changes = append(changes, made)
			}
		}
	}
	add(actionSet, from.Set)
	for _, text := range from.Remove {
		path, err := ParsePath(text)
		if err != nil {
			diags = append(diags, diag.Error(from.RemoveAt, "Invalid attribute path", "%s.", err))
			continue
		}
		changes = append(changes, change{action: actionRemove, path: path, at: from.RemoveAt})
	}
	add(actionAdd, from.Add)
	add(actionDelete, from.Delete)
	return changes, append(diags, overlaps(changes)...)
}

// limit checks the number of operators.
func (c *itemCompiler) limit(e hcl.Expression) {
	if c.operators > maxOperators {
		c.fail(e, "Expression too large", "It has %d operators and functions; DynamoDB takes %d.", c.operators, maxOperators)
	}
}

// overlaps finds changes at one place: DynamoDB refuses them.
func overlaps(changes []change) (diags hcl.Diagnostics) {
	for i := range changes {
		for _, other := range changes[:i] {
			if changes[i].path.Overlaps(other.path) {
				diags = append(diags, diag.Error(changes[i].at, "Changed twice",
					"%s and %s overlap, and DynamoDB changes each place of an item once in an update.", other.path, changes[i].path))
				break
			}
		}
	}
	return diags
}

// change compiles one name = expression; ok is false when it changes nothing.
func (c *itemCompiler) change(action action, item schema.NamedItem) (out change, ok bool) {
	path, err := ParsePath(item.Name)
	if err != nil {
		c.diags = append(c.diags, diag.Error(item.Range, "Invalid attribute path", "%s.", err))
		return out, false
	}
	out = change{action: action, path: path, at: item.Range}
	if action == actionSet {
		out.value, ok = c.setValue(item.Expr)
	} else {
		out.value, ok = c.element(action, item.Expr)
	}
	if !ok {
		return out, false
	}
	return out, out.close()
}

// close finds what leaves the attribute alone when it is null. A literal null
// does so for every row: it reports false.
func (c *change) close() bool {
	plain := c.value
	if plain.op == "if_not_exists" {
		plain = plain.args[1]
	}
	switch {
	case plain.op != "" || plain.operand.path != nil:
	case plain.operand.row != nil:
		c.gate = &plain.operand
	case plain.operand.value.Kind() == attr.Absent:
		return false
	}
	return true
}

// element is the value of ADD or DELETE: no part of it is stored.
func (c *itemCompiler) element(action action, e hcl.Expression) (*term, bool) {
	kinds, rule := expr.Number|expr.Sets, "ADD takes a number, or a set to add to a set"
	if action == actionDelete {
		kinds, rule = expr.Sets, "DELETE takes a set, whose elements it takes out of a stored one"
	}
	if usesItem(e) {
		c.fail(e, "DynamoDB can't evaluate this", "%s, and nothing that is stored. Arithmetic on the item is for set = { n = item.n + 1 }.", rule)
		return nil, false
	}
	o, ok := c.part(e)
	if !ok {
		return nil, false
	}
	if o.row == nil && o.value.Kind() == attr.Absent {
		return &term{operand: o}, true // it leaves the attribute alone
	}
	ok = c.want(e, &o, kinds, rule)
	return &term{operand: o}, ok
}

// setValue compiles the right side of SET.
func (c *itemCompiler) setValue(e hcl.Expression) (*term, bool) {
	e = bare(e)
	if op, ok := e.(*hclsyntax.BinaryOpExpr); ok && usesItem(e) && (op.Op == hclsyntax.OpAdd || op.Op == hclsyntax.OpSubtract) {
		symbol := "+"
		if op.Op == hclsyntax.OpSubtract {
			symbol = "-"
		}
		c.operators++
		left, okLeft := c.setOperand(op.LHS)
		right, okRight := c.setOperand(op.RHS)
		if !okLeft || !okRight || !c.numeric(op.LHS, left) || !c.numeric(op.RHS, right) {
			return nil, false
		}
		return &term{op: symbol, args: []*term{left, right}}, true
	}
	return c.setOperand(e)
}

func (c *itemCompiler) numeric(e hcl.Expression, t *term) bool {
	return t.op != "" || t.operand.path != nil || c.want(e, &t.operand, expr.Number, "+ and - take numbers")
}

// setOperand compiles what SET computes with.
func (c *itemCompiler) setOperand(e hcl.Expression) (*term, bool) {
	e = bare(e)
	if !usesItem(e) {
		o, ok := c.part(e)
		return &term{operand: o}, ok
	}
	switch e := e.(type) {
	case *hclsyntax.FunctionCallExpr:
		return c.setFunction(e)
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.IndexExpr:
		p, ok := c.path(e)
		return &term{operand: operand{path: p}}, ok
	case *hclsyntax.BinaryOpExpr:
		if e.Op == hclsyntax.OpAdd || e.Op == hclsyntax.OpSubtract {
			c.fail(e, "DynamoDB can't evaluate this", "DynamoDB takes one + or - in a clause, at its top. "+
				"Put the parts without item into parentheses: item.n + (row.a - row.b).")
			return nil, false
		}
	}
	c.impossible(e)
	return nil, false
}

// setFunctions are the functions of SET.
var setFunctions = []string{"if_not_exists", "list_append"}

func (c *itemCompiler) setFunction(e *hclsyntax.FunctionCallExpr) (*term, bool) {
	if !slices.Contains(setFunctions, e.Name) {
		if near := diag.Nearest(e.Name, setFunctions); near != "" && !slices.Contains(conditionFunctions, e.Name) {
			c.diags = append(c.diags, diag.Error(e.NameRange, "Unknown function", "DynamoDB has no %s(). Did you mean %q?", e.Name, near))
		} else {
			c.impossible(e)
		}
		return nil, false
	}
	c.operators++
	if !c.arity(e, 2) {
		return nil, false
	}
	out := &term{op: e.Name}
	for i, arg := range e.Args {
		if e.Name == "if_not_exists" && i == 0 {
			p, ok := c.path(arg)
			if !ok {
				return nil, false
			}
			out.args = append(out.args, &term{operand: operand{path: p}})
			continue
		}
		t, ok := c.setOperand(arg)
		if !ok || e.Name == "list_append" && !c.listed(arg, t) {
			return nil, false
		}
		out.args = append(out.args, t)
	}
	return out, true
}

func (c *itemCompiler) listed(e hcl.Expression, t *term) bool {
	return t.op != "" || t.operand.path != nil || c.want(e, &t.operand, expr.List, "list_append() takes lists")
}
