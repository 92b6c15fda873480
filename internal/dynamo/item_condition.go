package dynamo

import (
	"fmt"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// operator is what a condition is made with, from what binds loosest.
type operator uint8

const (
	opConstant operator = iota
	opOr
	opAnd
	opNot
	opLeaf
)

// condition is a node of a compiled expression.
type condition struct {
	op       operator
	truth    bool         // opConstant
	parts    []*condition // opOr, opAnd: two or more; opNot: one
	test     string       // opLeaf: "=", "between", "in" or a function's name
	operands []operand    // opLeaf
}

// operand is a path, the size of what is there, a value, or an expression that
// gives one for each row.
type operand struct {
	path  Path
	size  bool
	value attr.Value

	row    *expr.Expr
	gate   int        // 1 + the clause that is left out when it is null
	column int        // 1 + the column of the row's attribute
	truth  bool       // it is read as a condition
	listed bool       // it is in a list, where a null is NULL
	kinds  expr.Kinds // that the row's value may have; 0: any but absent
	rule   string     // why
}

// static reports a value that is the same for every row.
func (o *operand) static() bool { return o.path == nil && o.row == nil }

// eval is the value for a row. The error, an *expr.Error, rejects the row.
func (o *operand) eval(b *record.Batch, row int) (attr.Value, error) {
	switch {
	case o.row == nil:
		return o.value, nil
	case o.truth:
		yes, err := o.row.Condition(b, row)
		return attr.BoolValue(yes), err
	}
	v, err := o.row.Eval(b, row)
	if err != nil {
		return v, err
	}
	if o.listed && v.IsNull() {
		return attr.NullValue(), nil
	}
	return v, o.check(v)
}

// check reports a row's value that DynamoDB could not use here.
func (o *operand) check(v attr.Value) error {
	switch kind := v.Kind(); {
	case kind == attr.Absent:
		return &expr.Error{Range: o.row.Range(), Message: o.name() + " is null for this row, and DynamoDB has no value to compare or compute with"}
	case o.kinds != 0 && !o.kinds.Has(kind):
		return &expr.Error{Range: o.row.Range(), Message: fmt.Sprintf("%s, and %s is %s %s for this row", o.rule, o.name(), article(kind), kind)}
	}
	return nil
}

// name is how a message speaks of a row's value.
func (o *operand) name() string {
	if text := o.row.Source(); text != "" && len(text) <= 60 {
		return text
	}
	return "the value"
}

func constant(truth bool) *condition { return &condition{truth: truth} }

// both joins two conditions. What was decided beforehand disappears, and
// chains become flat: DynamoDB refuses parentheses that change nothing.
func both(op operator, left, right *condition) *condition {
	decisive := op == opOr // the truth that decides alone
	for _, c := range []*condition{left, right} {
		if c.op == opConstant && c.truth == decisive {
			return c
		}
	}
	if left.op == opConstant {
		return right
	}
	if right.op == opConstant {
		return left
	}
	out := &condition{op: op}
	for _, c := range []*condition{left, right} {
		if c.op == op {
			out.parts = append(out.parts, c.parts...)
		} else {
			out.parts = append(out.parts, c)
		}
	}
	return out
}

func negate(c *condition) *condition {
	switch {
	case c.op == opConstant:
		return constant(!c.truth)
	case c.op == opNot:
		return c.parts[0]
	case c.op == opLeaf && c.test == "attribute_exists":
		return &condition{op: opLeaf, test: "attribute_not_exists", operands: c.operands}
	case c.op == opLeaf && c.test == "attribute_not_exists":
		return &condition{op: opLeaf, test: "attribute_exists", operands: c.operands}
	}
	return &condition{op: opNot, parts: []*condition{c}}
}

// render writes the condition. In DynamoDB NOT binds tighter than AND, and AND
// tighter than OR (AWS, "Comparison operator and function reference").
func (c *condition) render(b *strings.Builder, into *Placeholders) {
	switch c.op {
	case opLeaf:
		c.renderLeaf(b, into)
	case opNot:
		b.WriteString("NOT ")
		c.renderPart(b, c.parts[0], into)
	default:
		word := " AND "
		if c.op == opOr {
			word = " OR "
		}
		for i, part := range c.parts {
			if i > 0 {
				b.WriteString(word)
			}
			c.renderPart(b, part, into)
		}
	}
}

func (c *condition) renderPart(b *strings.Builder, part *condition, into *Placeholders) {
	if part.op > c.op {
		part.render(b, into)
		return
	}
	b.WriteByte('(')
	part.render(b, into)
	b.WriteByte(')')
}

func (c *condition) renderLeaf(b *strings.Builder, into *Placeholders) {
	texts := make([]string, len(c.operands))
	for i, o := range c.operands {
		texts[i] = o.render(into)
	}
	switch c.test {
	case "between":
		b.WriteString(texts[0] + " BETWEEN " + texts[1] + " AND " + texts[2])
	case "in":
		b.WriteString(texts[0] + " IN (" + strings.Join(texts[1:], ", ") + ")")
	case "=", "<>", "<", "<=", ">", ">=":
		b.WriteString(texts[0] + " " + c.test + " " + texts[1])
	default:
		b.WriteString(c.test + "(" + strings.Join(texts, ", ") + ")")
	}
}

func (o operand) render(into *Placeholders) string {
	switch {
	case o.path == nil:
		return into.add(o)
	case o.size:
		return "size(" + o.path.Render(into) + ")"
	}
	return o.path.Render(into)
}
