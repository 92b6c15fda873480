package dynamo

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
)

// Role is what an item expression is for, which decides what it may contain.
type Role uint8

// The roles.
const (
	// Filter is the FilterExpression of a Scan or Query.
	Filter Role = iota + 1
	// KeyCondition is the KeyConditionExpression of a Query: the partition key
	// equal to something, and perhaps one condition on the sort key.
	KeyCondition
	// Condition is the ConditionExpression of a write: parts without item are
	// computed for each row.
	Condition
	// clause is the right side of one name of an UpdateExpression.
	clause
)

// Limits of expressions (AWS, "Quotas in Amazon DynamoDB", expression parameters).
const (
	maxExpressionText = 4096
	maxOperators      = 300
	maxInOperands     = 100
)

// rootItem is the name of the stored item.
const rootItem = "item"

// ItemProgram is a compiled item expression.
type ItemProgram struct {
	cond  *condition
	paths []Path
	keys  []KeyTest
}

// KeyTest is one condition of a KeyCondition: a key attribute and how it is
// compared with a value of a kind.
type KeyTest struct {
	Name  string
	Equal bool
	Kind  attr.Kind
}

// CompileItem compiles an expression over the stored item. Its parts without
// item are computed now. What DynamoDB can't evaluate is a diagnostic at its
// place. A program is nil when there are errors.
func CompileItem(e hcl.Expression, scope *expr.Scope, role Role) (*ItemProgram, hcl.Diagnostics) {
	c := &itemCompiler{scope: scope, role: role}
	cond := c.condition(e)
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	p := &ItemProgram{cond: cond, paths: c.paths}
	if role == Condition && cond.op != opConstant && len(c.paths) == 0 {
		c.fail(e, "Condition without item", "It looks at nothing that is stored. Leave rows out by a filter transform: where = ...")
	}
	if cond.op == opConstant && (!cond.truth || role == KeyCondition) {
		c.fail(e, "Expression without item", "This is %t whatever is stored. Compare an attribute of the stored item: item.status == \"active\".", cond.truth)
	} else if role == KeyCondition {
		p.keys = c.keyTests(e, cond)
	}
	c.limits(e, p)
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	return p, c.diags
}

// limits checks the rendered text, which nothing but its placeholders can make
// longer than this.
func (c *itemCompiler) limits(e hcl.Expression, p *ItemProgram) {
	if c.operators > maxOperators {
		c.fail(e, "Expression too large", "It has %d operators and functions; DynamoDB takes %d. "+
			"Do a part of it in a transform after the source.", c.operators, maxOperators)
	} else if n := len(p.Render(&Placeholders{})); n > maxExpressionText {
		c.fail(e, "Expression too large", "It is %d bytes long for DynamoDB, which takes %d. "+
			"Do a part of it in a transform after the source.", n, maxExpressionText)
	}
}

// Always reports a condition that holds whatever is stored: it needs no
// expression.
func (p *ItemProgram) Always() bool { return p.cond.op == opConstant }

// Render writes the expression in DynamoDB's language, with its names and
// values as placeholders.
func (p *ItemProgram) Render(into *Placeholders) string {
	if p.Always() {
		return ""
	}
	var b strings.Builder
	p.cond.render(&b, into)
	return b.String()
}

// Paths is every path of the item that the expression uses.
func (p *ItemProgram) Paths() []Path { return p.paths }

// Keys is the tests of a KeyCondition: one or two, on different attributes.
func (p *ItemProgram) Keys() []KeyTest { return p.keys }

// itemCompiler is the state of one CompileItem.
type itemCompiler struct {
	scope     *expr.Scope
	role      Role
	diags     hcl.Diagnostics
	paths     []Path
	operators int
	depth     int
}

func (c *itemCompiler) fail(e hcl.Expression, summary, format string, args ...any) {
	c.diags = append(c.diags, diag.Error(e.Range(), summary, format, args...))
}

// usesItem reports whether any part of e reads the stored item.
func usesItem(e hcl.Expression) bool {
	for _, t := range e.Variables() {
		if t.RootName() == rootItem {
			return true
		}
	}
	return false
}

func bare(e hcl.Expression) hcl.Expression {
	for {
		p, ok := e.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return e
		}
		e = p.Expression
	}
}

// value computes a part without item that has to be known beforehand.
func (c *itemCompiler) value(e hcl.Expression) (attr.Value, bool) {
	o, ok := c.part(e)
	if ok && o.row != nil {
		c.fail(e, "Not the same for every row", "The text of the expression is made once, before any row comes, and this part of it would "+
			"change it. It can use var, local and functions that give the same every time.")
		ok = false
	}
	return o.value, ok
}

// part is a part without item: a value, or an expression that is computed for
// each row.
func (c *itemCompiler) part(e hcl.Expression) (operand, bool) {
	x, diags := expr.Compile(e, c.scope)
	c.diags = append(c.diags, diags...)
	if diags.HasErrors() {
		return operand{}, false
	}
	if v, ok := x.Constant(); ok {
		return operand{value: v}, true
	}
	if c.role < Condition {
		c.fail(e, "No row here", "This expression is evaluated by DynamoDB while it reads, before there is a row: "+
			"it can use item, var, local and functions that give the same every time.")
		return operand{}, false
	}
	return operand{row: x}, true
}

// condition compiles what is true or false.
func (c *itemCompiler) condition(e hcl.Expression) *condition {
	c.depth++
	defer func() { c.depth-- }()
	// Each level but parentheses has an operator, so that deeper is too large.
	if c.depth > maxOperators {
		if c.depth == maxOperators+1 {
			c.fail(e, "Expression too large", "It nests more than %d operators deep; DynamoDB takes as many in all.", maxOperators)
		}
		return constant(true)
	}
	e = bare(e)
	if !usesItem(e) {
		return c.staticCondition(e)
	}
	switch e := e.(type) {
	case *hclsyntax.BinaryOpExpr:
		return c.binary(e)
	case *hclsyntax.UnaryOpExpr:
		if e.Op == hclsyntax.OpLogicalNot {
			c.operators++
			return negate(c.condition(e.Val))
		}
	case *hclsyntax.FunctionCallExpr:
		return c.function(e)
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.IndexExpr:
		c.fail(e, "No condition", "DynamoDB takes no attribute as a condition by itself. "+
			"Compare it: item.active == true; or ask whether it is there: exists(item.active).")
		return constant(true)
	}
	c.impossible(e)
	return constant(true)
}

// staticCondition is a part without item that decides something: it is decided
// now, or for each row.
func (c *itemCompiler) staticCondition(e hcl.Expression) *condition {
	o, ok := c.part(e)
	v := o.value
	switch {
	case !ok:
	case o.row != nil:
		o.truth = true
		return &condition{op: opLeaf, test: "=", operands: []operand{o, {value: attr.BoolValue(true)}}}
	case v.Kind() == attr.Bool:
		return constant(v.True())
	case v.IsNull():
		return constant(false)
	default:
		c.fail(e, "No condition", "This is %s %s, and a condition is true or false.", article(v.Kind()), v.Kind())
	}
	return constant(true)
}

func article(k attr.Kind) string {
	if strings.ContainsRune("aeiou", rune(k.String()[0])) {
		return "an"
	}
	return "a"
}

func (c *itemCompiler) binary(e *hclsyntax.BinaryOpExpr) *condition {
	switch e.Op {
	case hclsyntax.OpLogicalAnd:
		c.operators++
		return both(opAnd, c.condition(e.LHS), c.condition(e.RHS))
	case hclsyntax.OpLogicalOr:
		c.operators++
		return both(opOr, c.condition(e.LHS), c.condition(e.RHS))
	}
	if symbol, ok := comparisons[e.Op]; ok {
		c.operators++
		return c.comparison(e, symbol)
	}
	c.impossible(e)
	return constant(true)
}

var comparisons = map[*hclsyntax.Operation]string{
	hclsyntax.OpEqual: "=", hclsyntax.OpNotEqual: "<>",
	hclsyntax.OpLessThan: "<", hclsyntax.OpLessThanOrEqual: "<=",
	hclsyntax.OpGreaterThan: ">", hclsyntax.OpGreaterThanOrEqual: ">=",
}

func (c *itemCompiler) comparison(e *hclsyntax.BinaryOpExpr, symbol string) *condition {
	left, okLeft := c.operand(e.LHS)
	right, okRight := c.operand(e.RHS)
	if !okLeft || !okRight {
		return constant(true)
	}
	ordered := symbol != "=" && symbol != "<>"
	if !c.comparable(e.LHS, &left, right, ordered) || !c.comparable(e.RHS, &right, left, ordered) {
		return constant(true)
	}
	return &condition{op: opLeaf, test: symbol, operands: []operand{left, right}}
}

// comparable checks a value against what it is compared with.
func (c *itemCompiler) comparable(e hcl.Expression, o *operand, with operand, ordered bool) bool {
	switch {
	case o.path != nil:
		return true
	case with.size:
		return c.want(e, o, expr.Number, "size() is a number")
	case ordered:
		return c.want(e, o, expr.String|expr.Number|expr.Binary, "DynamoDB orders strings, numbers and binaries")
	}
	return c.want(e, o, expr.Unknown&^expr.Null|expr.KindsOf(attr.Null), "")
}

// want has a value be of one of the kinds, now or for each row. rule says why.
func (c *itemCompiler) want(e hcl.Expression, o *operand, kinds expr.Kinds, rule string) bool {
	kind := o.value.Kind()
	switch {
	case o.row != nil:
		o.kinds, o.rule = kinds, rule
		if got := o.row.Kinds(); got.Never(kinds) {
			c.fail(e, "Wrong type", "%s, and this is %s.", rule, got)
			return false
		}
		return true
	case kind == attr.Absent:
		c.fail(e, "Comparison with null", "In DynamoDB an attribute that is not there is equal to nothing. "+
			`Write !exists(item.x) for one that is not there, attribute_type(item.x, "NULL") for one that is NULL.`)
		return false
	case !kinds.Has(kind):
		c.fail(e, "Wrong type", "%s, and this is %s %s.", rule, article(kind), kind)
		return false
	}
	return true
}

// scalarKey reports the kinds that DynamoDB orders, and takes for keys.
func scalarKey(k attr.Kind) bool { return k == attr.String || k == attr.Number || k == attr.Binary }

// operand compiles one side of a comparison: a path, its size, or a value.
func (c *itemCompiler) operand(e hcl.Expression) (operand, bool) {
	e = bare(e)
	if !usesItem(e) {
		return c.part(e)
	}
	if call, ok := e.(*hclsyntax.FunctionCallExpr); ok && call.Name == "size" {
		c.operators++
		if !c.arity(call, 1) {
			return operand{}, false
		}
		p, ok := c.path(call.Args[0])
		return operand{path: p, size: true}, ok
	}
	p, ok := c.path(e)
	return operand{path: p}, ok
}

// impossible reports what has no counterpart in DynamoDB's language.
func (c *itemCompiler) impossible(e hcl.Expression) {
	what := "this"
	switch e := e.(type) {
	case *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr:
		what = "arithmetic on the stored item here"
	case *hclsyntax.ConditionalExpr:
		what = "conditionals: write (a && b) || (!a && c)"
	case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr:
		what = "templates over the stored item"
	case *hclsyntax.FunctionCallExpr:
		what = fmt.Sprintf("%s() over the stored item", e.Name)
	case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
		what = "loops over the stored item"
	}
	if c.role == clause {
		c.fail(e, "DynamoDB can't evaluate this", "DynamoDB has no %s. A clause of an update takes item.x, a value without item, %s, and one + or - between two of them. "+
			"Anything else is computed from the row alone, or from an item that a lookup transform has read.", what, strings.Join(clauseFunctions, ", "))
		return
	}
	c.fail(e, "DynamoDB can't evaluate this", "DynamoDB has no %s. Of the stored item it takes comparisons, &&, ||, !, %s. "+
		"Anything else can be done with row in a transform after the source.", what, strings.Join(itemFunctions, ", "))
}
