package expr

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// andNode and orNode look at the right side only when the left does not decide.
type (
	andNode struct{ left, right term }
	orNode  struct{ left, right term }
	notNode struct{ of term }
)

func (n *andNode) eval(f *frame) (attr.Value, error) {
	if left, err := n.left.test(f); err != nil || !left {
		return attr.BoolValue(false), err
	}
	right, err := n.right.test(f)
	return attr.BoolValue(right), err
}

func (n *orNode) eval(f *frame) (attr.Value, error) {
	if left, err := n.left.test(f); err != nil || left {
		return attr.BoolValue(true), err
	}
	right, err := n.right.test(f)
	return attr.BoolValue(right), err
}

func (n *notNode) eval(f *frame) (attr.Value, error) {
	is, err := n.of.test(f)
	return attr.BoolValue(!is), err
}

// test evaluates a term as a condition.
func (t *term) test(f *frame) (bool, error) {
	v, err := t.eval(f)
	if err != nil {
		return false, err
	}
	return truth(v, t)
}

// equalNode compares by value and converts nothing. Absent and NULL are both
// null, and null equals null.
type equalNode struct {
	left, right term
	not         bool
}

func (n *equalNode) eval(f *frame) (attr.Value, error) {
	l, err := n.left.eval(f)
	if err != nil {
		return attr.Value{}, err
	}
	r, err := n.right.eval(f)
	if err != nil {
		return attr.Value{}, err
	}
	return attr.BoolValue(same(l, r) != n.not), nil
}

// same is the == of the language.
func same(l, r attr.Value) bool {
	if l.IsNull() || r.IsNull() {
		return l.IsNull() && r.IsNull()
	}
	return attr.Equal(l, r)
}

// orderNode compares numbers, and texts that are numbers.
type orderNode struct {
	left, right term
	holds       func(order int) bool
}

func (n *orderNode) eval(f *frame) (attr.Value, error) {
	l, err := n.left.number(f)
	if err != nil {
		return attr.Value{}, err
	}
	r, err := n.right.number(f)
	if err != nil {
		return attr.Value{}, err
	}
	return attr.BoolValue(n.holds(attr.CompareNumbers(l, r))), nil
}

// number evaluates a term as a number and gives its text.
func (t *term) number(f *frame) (string, error) {
	v, err := t.eval(f)
	if err != nil {
		return "", err
	}
	text, ok := numberText(v)
	if !ok {
		return "", t.isNot(v, "a number")
	}
	return text, nil
}

// numberText is the text of a number, or of a text that is one.
func numberText(v attr.Value) (string, bool) {
	switch v.Kind() {
	case attr.Number:
		return v.Text(), true
	case attr.String:
		return v.Text(), attr.CheckNumber(v.Text()) == nil
	}
	return "", false
}

// arithmetic is an operator on numbers.
type arithmetic struct {
	left, right term
	op          func(l, r string) (attr.Value, error)
	symbol      *hclsyntax.Operation
	term        *term // the operation itself, for its errors
}

func (n *arithmetic) eval(f *frame) (attr.Value, error) {
	l, err := n.left.number(f)
	if err != nil {
		return attr.Value{}, err
	}
	r, err := n.right.number(f)
	if err != nil {
		return attr.Value{}, err
	}
	v, err := n.op(l, r)
	if err != nil {
		return attr.Value{}, errorf(n.term.rng, "%s: %s", n.term.name, err)
	}
	return v, nil
}

// negateNode is the unary minus.
type negateNode struct{ of term }

func (n *negateNode) eval(f *frame) (attr.Value, error) {
	text, err := n.of.number(f)
	if err != nil {
		return attr.Value{}, err
	}
	return negate(text)
}

// choiceNode is c ? a : b. Only the chosen one is evaluated.
type choiceNode struct{ cond, yes, no term }

func (n *choiceNode) eval(f *frame) (attr.Value, error) {
	is, err := n.cond.test(f)
	if err != nil {
		return attr.Value{}, err
	}
	if is {
		return n.yes.eval(f)
	}
	return n.no.eval(f)
}

func (c *compiler) conditional(e *hclsyntax.ConditionalExpr) term {
	cond := c.expr(e.Condition)
	c.wantBool(cond)
	known, isKnown := false, false
	if v, ok := cond.value(); ok {
		if is, err := truth(v, &cond); err == nil {
			known, isKnown = is, true
		}
	}
	yes := c.exprIf(!isKnown || known, e.TrueResult)
	no := c.exprIf(!isKnown || !known, e.FalseResult)
	if isKnown {
		chosen := no
		if known {
			chosen = yes
		}
		chosen.secret = chosen.secret || cond.secret
		return chosen
	}
	t := term{node: &choiceNode{cond, yes, no}, kinds: yes.kinds | no.kinds, rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	t.uses(cond, yes, no)
	return c.fold(t)
}

// exprIf binds an expression that is evaluated only if reached.
func (c *compiler) exprIf(reached bool, e hclsyntax.Expression) term {
	if !reached {
		c.quiet++
		defer func() { c.quiet-- }()
	}
	return c.expr(e)
}

func (c *compiler) wantBool(t term) {
	if v, ok := t.value(); ok && v.Kind() == attr.String {
		if _, err := truth(v, &t); err != nil {
			c.fails(diag.Error(t.rng, "Not a condition", "%s.", capital(asError(err, t.rng).Message)))
		}
	}
	if t.kinds.Never(Bool | String) {
		c.fails(diag.Error(t.rng, "Not a condition", "%s is always %s. A condition is true or false: compare it with something, as in %s == ...", capital(t.name), t.kinds, t.name))
	}
}

func (c *compiler) wantNumber(t term) {
	switch {
	case t.kinds.Never(Number | String):
		c.fails(diag.Error(t.rng, "Not a number", "%s is always %s, not a number.", capital(t.name), t.kinds))
	case t.kinds&^Null == 0:
		c.fails(diag.Error(t.rng, "Not a number", "%s is always null. coalesce() can put a number in its place.", capital(t.name)))
	}
}

func (c *compiler) unary(e *hclsyntax.UnaryOpExpr) term {
	of := c.expr(e.Val)
	t := term{rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	t.uses(of)
	if e.Op == hclsyntax.OpLogicalNot {
		c.wantBool(of)
		t.node, t.kinds = &notNode{of}, Bool
	} else {
		c.wantNumber(of)
		t.node, t.kinds = &negateNode{of}, Number
	}
	return c.fold(t)
}

func (c *compiler) binary(e *hclsyntax.BinaryOpExpr) term {
	switch e.Op {
	case hclsyntax.OpLogicalAnd, hclsyntax.OpLogicalOr:
		return c.logical(e)
	}
	left, right := c.expr(e.LHS), c.expr(e.RHS)
	t := term{kinds: Bool, rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	t.uses(left, right)
	switch e.Op {
	case hclsyntax.OpEqual, hclsyntax.OpNotEqual:
		c.warnUnequal(e, left, right)
		t.node = &equalNode{left, right, e.Op == hclsyntax.OpNotEqual}
		return c.fold(t)
	}
	c.wantNumber(left)
	c.wantNumber(right)
	if holds := ordering(e.Op); holds != nil {
		t.node = &orderNode{left, right, holds}
		return c.fold(t)
	}
	t.kinds = Number
	n := &arithmetic{left: left, right: right, op: operation(e.Op), symbol: e.Op}
	t.node, n.term = n, &term{rng: t.rng, name: t.name}
	return c.fold(t)
}

// logical binds && and ||. The right side of one that the left decides is
// never evaluated.
func (c *compiler) logical(e *hclsyntax.BinaryOpExpr) term {
	left := c.expr(e.LHS)
	c.wantBool(left)
	or := e.Op == hclsyntax.OpLogicalOr
	decided := false
	if v, ok := left.value(); ok {
		is, err := truth(v, &left)
		decided = err == nil && is == or
	}
	right := c.exprIf(!decided, e.RHS)
	if decided {
		t := c.constant(attr.BoolValue(or), e.SrcRange)
		t.secret = left.secret
		return t
	}
	c.wantBool(right)
	t := term{node: &andNode{left, right}, kinds: Bool, rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	if or {
		t.node = &orNode{left, right}
	}
	t.uses(left, right)
	return c.fold(t)
}

// warnUnequal says so when the sides of == can never be equal.
func (c *compiler) warnUnequal(e *hclsyntax.BinaryOpExpr, left, right term) {
	l, r := left.kinds&^Null, right.kinds&^Null
	if c.quiet > 0 || l == 0 || r == 0 || l&r != 0 {
		return
	}
	result := "false"
	if e.Op == hclsyntax.OpNotEqual {
		result = "true"
	}
	hint := ""
	switch text, number := left, right; {
	case l == String && r == Number || l == Number && r == String:
		if r == String {
			text, number = right, left
		}
		hint = " Convert the text with tonumber(" + text.name + ") or by the source's columns argument"
		if _, written := number.value(); written && !number.secret {
			hint += ", or write the number in quotes"
		}
		hint += "."
	case (l|r)&^(String|Bool) == 0:
		hint = " Convert the text with tobool()."
	}
	c.add(diag.Warning(e.SrcRange, "Never equal", "%s is %s and %s is %s: == converts neither, so this is always %s.%s",
		capital(left.name), l, right.name, r, result, hint))
}

// ordering is what an ordering operator asks of a comparison; nil for others.
func ordering(op *hclsyntax.Operation) func(int) bool {
	switch op {
	case hclsyntax.OpLessThan:
		return func(order int) bool { return order < 0 }
	case hclsyntax.OpLessThanOrEqual:
		return func(order int) bool { return order <= 0 }
	case hclsyntax.OpGreaterThan:
		return func(order int) bool { return order > 0 }
	case hclsyntax.OpGreaterThanOrEqual:
		return func(order int) bool { return order >= 0 }
	}
	return nil
}
