package dynamo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// maxTemplates bounds the texts that a program keeps. Past it they are made
// anew.
const maxTemplates = 512

// WriteProgram is the expressions of a write: its condition and, for an update,
// its clauses. The text is made once for each set of attributes that rows
// change; from row to row only the values differ. One goroutine uses it.
type WriteProgram struct {
	cond    *ItemProgram // nil: none
	changes []change
	others  bool

	keys      []string // attributes that others leaves out
	templates map[string]*template
	gates     []attr.Value // of changes, for the row at hand
	mask      []byte       // which changes the row makes

	batch   *record.Batch
	columns []record.Column // that others sets
}

// template is the expressions of a write as members of a JSON object, but for
// the values.
type template struct {
	head   []byte
	values []operand
	err    error // they can't be sent
}

// CompileWrite compiles the expressions of a write; condition may be nil.
func CompileWrite(condition *schema.ItemExpr, from Clauses) (*WriteProgram, hcl.Diagnostics) {
	p := &WriteProgram{others: from.Others, templates: map[string]*template{}}
	var diags hcl.Diagnostics
	if condition != nil {
		p.cond, diags = CompileItem(condition.Expr, condition.Scope, Condition)
		if p.cond != nil && p.cond.Always() {
			p.cond = nil
		}
	}
	changes, more := compileChanges(from)
	p.changes = changes
	diags = append(diags, more...)
	p.gates = make([]attr.Value, len(changes))
	for i := range p.changes {
		if gate := p.changes[i].gate; gate != nil {
			gate.gate = i + 1
		}
	}
	if n := len(p.text(&Placeholders{}, nil)); n > maxExpressionText && len(changes) > 0 {
		diags = append(diags, diag.Error(changes[0].at, "Update too large",
			"The clauses are %d bytes long for DynamoDB, which takes %d. Change less, or put whole items.", n, maxExpressionText))
	}
	return p, diags
}

// Conditional reports that there is a condition.
func (p *WriteProgram) Conditional() bool { return p.cond != nil }

// Repeatable reports that the update, done twice, leaves the same as done once:
// it adds to nothing and computes with nothing that is stored.
func (p *WriteProgram) Repeatable() bool {
	return !slices.ContainsFunc(p.changes, func(c change) bool {
		return c.action == actionAdd || c.action == actionSet && !c.value.repeatable()
	})
}

// CheckKeys says of the table's key attributes that they stay, and reports an
// update that would change one.
func (p *WriteProgram) CheckKeys(table string, keys []string) error {
	p.keys = keys
	for _, c := range p.changes {
		if slices.Contains(keys, c.path[0].Name) {
			return fmt.Errorf("%s: %s is part of the key of table %s, which no update can change: "+
				"leave it out, or delete the item and put another", c.at, c.path[0].Name, table)
		}
	}
	return nil
}

// Begin says which batch the rows to come are of.
func (p *WriteProgram) Begin(b *record.Batch) {
	p.batch = b
	if !p.others {
		return
	}
	names := func(c record.Column) string { return c.Name }
	columns := make([]record.Column, 0, b.Columns())
	same := true
	for i := range b.Columns() {
		if c := b.Column(i); !slices.Contains(p.keys, c.Name) {
			same = same && len(columns) < len(p.columns) && names(p.columns[len(columns)]) == c.Name
			columns = append(columns, c)
		}
	}
	if !same || len(columns) != len(p.columns) {
		clear(p.templates)
	}
	p.columns = columns
}

// End forgets the batch.
func (p *WriteProgram) End() {
	p.batch = nil
	clear(p.gates)
	for i := range p.columns {
		p.columns[i].Values, p.columns[i].Nulls = nil, nil
	}
}

// Append appends the row's expressions to the JSON object that dst ends in,
// each member after a comma. The error rejects the row.
func (p *WriteProgram) Append(dst []byte, row int) ([]byte, error) {
	if err := p.look(row); err != nil {
		return dst, err
	}
	var spilled []operand
	if p.others {
		for name, cell := range record.Cells(p.batch.Overflow(row)) {
			if !slices.Contains(p.keys, name) {
				v, err := attr.ParseDynamoJSON(cell)
				if err != nil {
					return dst, err
				}
				spilled = append(spilled, operand{path: Path{{Name: name}}, value: v})
			}
		}
	}
	t := p.template(spilled)
	if t.err != nil {
		return dst, t.err
	}
	return p.fill(append(dst, t.head...), t, row)
}

// look computes which changes the row makes.
func (p *WriteProgram) look(row int) error {
	p.mask = p.mask[:0]
	for i := range p.changes {
		c := &p.changes[i]
		made := byte(1)
		if c.gate != nil {
			v, err := c.gate.row.Eval(p.batch, row)
			if err != nil {
				return err
			}
			if v.Kind() == attr.Absent {
				made = 0
			} else if err := c.gate.check(v); err != nil {
				return err
			}
			p.gates[i] = v
		}
		p.mask = append(p.mask, made)
	}
	for i := range p.columns {
		made := byte(1)
		if p.columns[i].Absent(row) {
			made = 0
		}
		p.mask = append(p.mask, made)
	}
	return nil
}

// template is the text for what the row changes.
func (p *WriteProgram) template(spilled []operand) *template {
	if len(spilled) == 0 {
		if t := p.templates[string(p.mask)]; t != nil {
			return t
		}
	}
	t := p.render(spilled)
	if len(spilled) == 0 && len(p.templates) < maxTemplates {
		p.templates[string(p.mask)] = t
	}
	return t
}

func (p *WriteProgram) render(spilled []operand) *template {
	var into Placeholders
	t := &template{}
	if text := p.text(&into, spilled); text != "" {
		if len(text) > maxExpressionText {
			t.err = &expr.Error{Message: fmt.Sprintf("the update is %d bytes long for DynamoDB, which takes %d: it sets too many attributes at once", len(text), maxExpressionText)}
			return t
		}
		t.head = attr.AppendJSONString(append(t.head, `,"UpdateExpression":`...), text)
	}
	if p.cond != nil {
		t.head = attr.AppendJSONString(append(t.head, `,"ConditionExpression":`...), p.cond.Render(&into))
	}
	t.head = into.appendNames(t.head)
	t.values = into.values
	return t
}

// text is the UpdateExpression of the changes that the mask chooses; without a
// mask, of all that there can be.
func (p *WriteProgram) text(into *Placeholders, spilled []operand) string {
	var b strings.Builder
	last := action(255)
	begin := func(a action) {
		switch {
		case a == last:
			b.WriteString(", ")
		case last != 255:
			b.WriteString(" " + a.String() + " ")
		default:
			b.WriteString(a.String() + " ")
		}
		last = a
	}
	for i := range p.columns {
		if p.mask[len(p.changes)+i] == 1 {
			begin(actionSet)
			b.WriteString(into.Name(p.columns[i].Name) + " = " + into.add(operand{column: i + 1}))
		}
	}
	for _, o := range spilled {
		begin(actionSet)
		b.WriteString(o.path.Render(into) + " = " + into.Value(o.value))
	}
	for i := range p.changes {
		c := &p.changes[i]
		if i < len(p.mask) && p.mask[i] == 0 {
			continue
		}
		begin(c.action)
		b.WriteString(c.path.Render(into))
		switch c.action {
		case actionSet:
			b.WriteString(" = ")
			c.value.render(&b, into)
		case actionAdd, actionDelete:
			b.WriteByte(' ')
			c.value.render(&b, into)
		}
	}
	return b.String()
}

func (t *term) render(b *strings.Builder, into *Placeholders) {
	switch t.op {
	case "":
		b.WriteString(t.operand.render(into))
	case "+", "-":
		t.args[0].render(b, into)
		b.WriteString(" " + t.op + " ")
		t.args[1].render(b, into)
	default:
		b.WriteString(t.op + "(")
		t.args[0].render(b, into)
		b.WriteString(", ")
		t.args[1].render(b, into)
		b.WriteByte(')')
	}
}

// fill appends the row's values.
func (p *WriteProgram) fill(dst []byte, t *template, row int) ([]byte, error) {
	for i := range t.values {
		o := &t.values[i]
		dst = appendValueName(dst, i)
		switch {
		case o.column > 0:
			dst = attr.AppendCell(dst, p.columns[o.column-1], row)
		case o.gate > 0:
			dst = attr.AppendDynamoJSON(dst, p.gates[o.gate-1])
		default:
			v, err := o.eval(p.batch, row)
			if err != nil {
				return dst, err
			}
			dst = attr.AppendDynamoJSON(dst, v)
		}
	}
	return closeValues(dst, len(t.values)), nil
}
