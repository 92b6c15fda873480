package dynamo

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
)

// itemFunctions is the functions of item expressions, as messages list them.
var itemFunctions = []string{"between(x, a, b)", "contains(list, item.x)", "contains(item.x, v)",
	"exists(item.x)", "begins_with(item.x, s)", "size(item.x)", "attribute_type(item.x, \"S\")"}

// clauseFunctions are those of SET, likewise.
var clauseFunctions = []string{"if_not_exists(item.x, v)", "list_append(a, b)"}

// conditionFunctions are their names.
var conditionFunctions = []string{"between", "contains", "exists", "begins_with", "size", "attribute_type"}

// descriptors are DynamoDB's types, as attribute_type takes them.
var descriptors = []string{"S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"}

// function compiles a call that is a condition.
func (c *itemCompiler) function(e *hclsyntax.FunctionCallExpr) *condition {
	c.operators++
	var out *condition
	switch e.Name {
	case "between":
		out = c.between(e)
	case "contains":
		out = c.contains(e)
	case "exists":
		out = c.exists(e)
	case "begins_with":
		out = c.beginsWith(e)
	case "attribute_type":
		out = c.attributeType(e)
	case "size":
		c.fail(e, "No condition", "size() is a number. Compare it: size(item.x) > 3.")
	default:
		if near := diag.Nearest(e.Name, conditionFunctions); near != "" {
			c.diags = append(c.diags, diag.Error(e.NameRange, "Unknown function",
				"DynamoDB has no %s(). Did you mean %q?", e.Name, near))
		} else {
			c.impossible(e)
		}
	}
	if out == nil {
		return constant(true) // a diagnostic has been given
	}
	return out
}

func (c *itemCompiler) arity(e *hclsyntax.FunctionCallExpr, n int) bool {
	if len(e.Args) == n && !e.ExpandFinal {
		return true
	}
	all := slices.Concat(itemFunctions, clauseFunctions)
	usage := all[slices.IndexFunc(all, func(f string) bool { return strings.HasPrefix(f, e.Name+"(") })]
	c.fail(e, "Wrong number of arguments", "%s() is written %s.", e.Name, usage)
	return false
}

func (c *itemCompiler) between(e *hclsyntax.FunctionCallExpr) *condition {
	if !c.arity(e, 3) {
		return nil
	}
	operands := make([]operand, 3)
	for i, arg := range e.Args {
		o, ok := c.operand(arg)
		if !ok {
			return nil
		}
		operands[i] = o
	}
	for i, arg := range e.Args {
		if !c.comparable(arg, &operands[i], operands[0], true) {
			return nil
		}
	}
	low, high := operands[1], operands[2]
	if low.static() && high.static() {
		if low.value.Kind() != high.value.Kind() {
			c.fail(e, "Wrong type", "The bounds are %s and %s; DynamoDB takes two of one type.", low.value.Kind(), high.value.Kind())
			return nil
		}
		if orderOf(low.value, high.value) > 0 {
			c.fail(e, "Bounds out of order", "The lower bound comes first: nothing is between these.")
			return nil
		}
	}
	return &condition{op: opLeaf, test: "between", operands: operands}
}

// orderOf compares two values of one kind that DynamoDB orders.
func orderOf(a, b attr.Value) int {
	if a.Kind() == attr.Number {
		return attr.CompareNumbers(a.Text(), b.Text())
	}
	return strings.Compare(a.Text(), b.Text())
}

// contains is IN when the list is known here, and DynamoDB's contains when it
// is stored.
func (c *itemCompiler) contains(e *hclsyntax.FunctionCallExpr) *condition {
	if !c.arity(e, 2) {
		return nil
	}
	if !usesItem(e.Args[0]) {
		return c.in(e)
	}
	p, okPath := c.path(e.Args[0])
	o, okValue := c.operand(e.Args[1])
	if !okPath || !okValue || !c.comparable(e.Args[1], &o, operand{}, false) {
		return nil
	}
	return &condition{op: opLeaf, test: "contains", operands: []operand{{path: p}, o}}
}

func (c *itemCompiler) in(e *hclsyntax.FunctionCallExpr) *condition {
	values, okList := c.list(e.Args[0])
	o, okItem := c.operand(e.Args[1])
	if !okList || !okItem {
		return nil
	}
	if len(values) == 0 {
		return constant(false)
	}
	if len(values) > maxInOperands {
		c.fail(e.Args[0], "Too many values", "DynamoDB compares with at most %d values at once, and here are %d. "+
			"Join several contains() by ||, or filter in a transform after the source.", maxInOperands, len(values))
		return nil
	}
	return &condition{op: opLeaf, test: "in", operands: append([]operand{o}, values...)}
}

// list is the values of IN: those of a list that is known beforehand, or the
// parts of one that is written here, [row.a, row.b], whose number is known.
func (c *itemCompiler) list(e hcl.Expression) (values []operand, ok bool) {
	if tuple, written := bare(e).(*hclsyntax.TupleConsExpr); written {
		for _, part := range tuple.Exprs {
			o, ok := c.part(part)
			if !ok {
				return nil, false
			}
			if o.row != nil {
				o.listed = true
			} else if o.value.IsNull() {
				o.value = attr.NullValue()
			}
			values = append(values, o)
		}
		return values, true
	}
	list, ok := c.value(e)
	if !ok {
		return nil, false
	}
	switch list.Kind() {
	case attr.List, attr.StringSet, attr.NumberSet, attr.BinarySet:
	default:
		c.fail(e, "Wrong type", "contains() takes a list here, of the values that the attribute may have, and this is %s %s.",
			article(list.Kind()), list.Kind())
		return nil, false
	}
	for _, v := range list.Elems() {
		values = append(values, operand{value: v})
	}
	return values, true
}

func (c *itemCompiler) exists(e *hclsyntax.FunctionCallExpr) *condition {
	if !c.arity(e, 1) {
		return nil
	}
	p, ok := c.path(e.Args[0])
	if !ok {
		return nil
	}
	return &condition{op: opLeaf, test: "attribute_exists", operands: []operand{{path: p}}}
}

func (c *itemCompiler) beginsWith(e *hclsyntax.FunctionCallExpr) *condition {
	p, o, ok := c.pathAndValue(e)
	if !ok {
		return nil
	}
	if o.path == nil && !c.want(e.Args[1], &o, expr.String|expr.Binary, "begins_with() takes a string or a binary") {
		return nil
	}
	return &condition{op: opLeaf, test: "begins_with", operands: []operand{{path: p}, o}}
}

func (c *itemCompiler) attributeType(e *hclsyntax.FunctionCallExpr) *condition {
	p, o, ok := c.pathAndValue(e)
	if !ok {
		return nil
	}
	if !o.static() || o.value.Kind() != attr.String || !slices.Contains(descriptors, o.value.Text()) {
		c.fail(e.Args[1], "Unknown type", "attribute_type() takes one of DynamoDB's types: %s.", strings.Join(descriptors, ", "))
		return nil
	}
	return &condition{op: opLeaf, test: "attribute_type", operands: []operand{{path: p}, o}}
}

func (c *itemCompiler) pathAndValue(e *hclsyntax.FunctionCallExpr) (Path, operand, bool) {
	if !c.arity(e, 2) {
		return nil, operand{}, false
	}
	p, okPath := c.path(e.Args[0])
	o, okValue := c.operand(e.Args[1])
	return p, o, okPath && okValue
}

// keyTests checks that a condition has the form of a KeyConditionExpression
// (AWS API reference, Query): equality on the partition key, and perhaps one
// test of the sort key. Which attribute is which only the table can say.
func (c *itemCompiler) keyTests(e hcl.Expression, cond *condition) []KeyTest {
	leaves := []*condition{cond}
	if cond.op == opAnd {
		leaves = cond.parts
	}
	var tests []KeyTest
	equal := 0
	for _, leaf := range leaves {
		t, ok := keyTest(leaf)
		if !ok {
			c.keyForm(e)
			return nil
		}
		if t.Equal {
			equal++
		}
		tests = append(tests, t)
	}
	if len(tests) > 2 || equal == 0 || len(tests) == 2 && tests[0].Name == tests[1].Name {
		c.keyForm(e)
		return nil
	}
	return tests
}

func (c *itemCompiler) keyForm(e hcl.Expression) {
	c.fail(e, "No key condition", "A Query takes the partition key equal to a value, and perhaps && one test of the sort key: "+
		"==, <, <=, >, >=, between(item.sk, a, b) or begins_with(item.sk, s). Everything else belongs into filter.")
}

// keyTest turns a leaf into a key test, with the attribute on the left.
func keyTest(leaf *condition) (KeyTest, bool) {
	if leaf.op != opLeaf {
		return KeyTest{}, false
	}
	if mirrored, ok := mirrors[leaf.test]; ok && leaf.operands[0].path == nil {
		leaf.test = mirrored
		leaf.operands[0], leaf.operands[1] = leaf.operands[1], leaf.operands[0]
	}
	_, compares := mirrors[leaf.test]
	if !compares && leaf.test != "between" && leaf.test != "begins_with" {
		return KeyTest{}, false
	}
	key := leaf.operands[0]
	if len(key.path) != 1 || key.size {
		return KeyTest{}, false
	}
	for _, o := range leaf.operands[1:] {
		if o.path != nil || !scalarKey(o.value.Kind()) {
			return KeyTest{}, false
		}
	}
	return KeyTest{Name: key.path[0].Name, Equal: leaf.test == "=", Kind: leaf.operands[1].value.Kind()}, true
}

// mirrors is each comparison that a key condition may have, read from the right.
var mirrors = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
