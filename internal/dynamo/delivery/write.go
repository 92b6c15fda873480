package delivery

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Write is one write of an item for each row, as a block declares it.
type Write struct {
	Table     *expr.Expr
	Key       []schema.NamedExpr // nil: the row's attributes of the table's key
	Put       bool               // the item is put; else the write names its key
	Fields    []schema.NamedExpr // of the item that is put
	Whole     *expr.Expr         // or the item as one expression; neither: the row
	Clauses   dynamo.Clauses     // of an update
	Condition *schema.ItemExpr
}

// FixedTable is the table when it is the same for every row.
func (w *Write) FixedTable() (string, bool) {
	v, ok := w.Table.Constant()
	return v.Text(), ok
}

// Writer makes rows into a write's members of a request:
// "TableName":"t","Key":{...},"UpdateExpression":...
type Writer struct {
	Write
	mem    memory.Allocator
	tables *Tables
	fixed  *Table
	plans  map[*Table]*plan
	page   *Page

	// Values of the batch: the items that are put, or the values by expression.
	items            *made
	fieldsAt, keysAt []*expr.Cursor
	wholeAt          *expr.Cursor

	key    Key
	fields []attr.Field
}

// plan is a write to one table.
type plan struct {
	table   *Table
	program *dynamo.WriteProgram
	keys    []int // of each key attribute, its place in Write.Key
}

// Target is the item that a row writes.
type Target struct {
	Table *Table
	Key   []byte  // valid until the next row
	Units float64 // that the write is expected to take
	Size  int     // of the item that is put, or more than that
	// From and To are where the item stands in what was appended, when it may be
	// smaller than Size, which is then at most a KB. ItemSize tells.
	From, To int
	// ItemFrom and ItemTo are where the item that is put stands.
	ItemFrom, ItemTo int
}

// NewWriter is a writer of rows to tables. One that is known beforehand is found
// now.
func NewWriter(ctx context.Context, mem memory.Allocator, w Write, tables *Tables) (*Writer, error) {
	out := &Writer{Write: w, mem: mem, tables: tables, plans: map[*Table]*plan{}}
	name, fixed := w.FixedTable()
	if !fixed {
		return out, nil
	}
	t, err := tables.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	out.fixed = t
	_, err = out.plan(t)
	return out, err
}

// Begin says which batch the rows to come are of. They come in rising order.
func (w *Writer) Begin(p *Page) {
	w.page = p
	for _, plan := range w.plans {
		plan.program.Begin(p.Batch)
	}
	if w.inColumns() {
		w.items = makeItems(w.mem, w.Fields, p.Batch)
	} else {
		for _, f := range w.Fields {
			w.fieldsAt = append(w.fieldsAt, f.Expr.Over(p.Batch))
		}
	}
	for _, k := range w.Key {
		w.keysAt = append(w.keysAt, k.Expr.Over(p.Batch))
	}
	if w.Whole != nil {
		w.wholeAt = w.Whole.Over(p.Batch)
	}
}

// End forgets the batch.
func (w *Writer) End() {
	w.page = nil
	if w.items != nil {
		w.items.Batch.Release()
		w.items = nil
	}
	for _, at := range slices.Concat(w.fieldsAt, w.keysAt) {
		at.Done()
	}
	w.fieldsAt, w.keysAt = w.fieldsAt[:0], w.keysAt[:0]
	if w.wholeAt != nil {
		w.wholeAt.Done()
		w.wholeAt = nil
	}
	clear(w.fields[:cap(w.fields)])
	clear(w.key.values[:cap(w.key.values)])
	for _, plan := range w.plans {
		plan.program.End()
	}
}

// plan is that of a table. An error is what is wrong with the block for it.
func (w *Writer) plan(t *Table) (*plan, error) {
	if p := w.plans[t]; p != nil {
		return p, nil
	}
	p := &plan{table: t}
	var names []string
	for _, k := range t.Keys {
		names = append(names, k.Name)
		place := slices.IndexFunc(w.Key, func(n schema.NamedExpr) bool { return n.Name == k.Name })
		if place < 0 && w.Key != nil {
			return nil, fmt.Errorf("%s: key has no value for %s, the %s of table %s", w.Key[0].Range, k.Name, k.Role, t.Name)
		}
		p.keys = append(p.keys, place)
	}
	for _, n := range w.Key {
		if !t.IsKey(n.Name) {
			return nil, fmt.Errorf("%s: %s is not part of the key of table %s, which is %s", n.Range, n.Name, t.Name, strings.Join(names, ", "))
		}
	}
	program, diags := dynamo.CompileWrite(w.Condition, w.Clauses) // a program is for one table
	if diags.HasErrors() {
		return nil, diags
	}
	if err := program.CheckKeys(t.Name, names); err != nil {
		return nil, err
	}
	if w.page != nil {
		program.Begin(w.page.Batch)
	}
	p.program = program
	w.plans[t] = p
	return p, nil
}

// Append appends the row's write. A row that can't be written is refused; an
// error fails the run.
func (w *Writer) Append(ctx context.Context, dst []byte, row int) ([]byte, Target, Refusal, error) {
	t := w.fixed
	if t == nil {
		found, no, err := w.tables.Of(ctx, w.Table, w.page.Batch, row)
		if no.Refused() || err != nil {
			return dst, Target{}, no, err
		}
		t = found
	}
	p, err := w.plan(t)
	if err != nil {
		return dst, Target{}, Refusal{}, err
	}
	target := Target{Table: t}
	dst = attr.AppendJSONString(append(dst, `"TableName":`...), t.Name)
	var no Refusal
	switch {
	case w.items != nil && w.items.failed[row] != nil:
		return dst, target, Failed(w.items.failed[row]), nil
	case w.items != nil:
		dst, no = w.putRow(dst, &target, w.items.Page, row)
	case w.Put && w.Fields == nil && w.Whole == nil:
		dst, no = w.putRow(dst, &target, w.page, row)
	case w.Put:
		dst, no = w.putItem(dst, &target, row)
	default:
		dst, no = w.byKey(dst, &target, p, row)
	}
	if no.Refused() {
		return dst, target, no, nil
	}
	target.Key = w.key.Bytes()
	dst, err = p.program.Append(dst, row)
	if err != nil {
		return dst, target, Failed(err), nil
	}
	return dst, target, Refusal{}, nil
}

// RowKey is the key of the item that the last Append was about.
func (w *Writer) RowKey() *Key { return &w.key }

const itemMember = `,"Item":`

// putRow puts a row of the page.
func (w *Writer) putRow(dst []byte, target *Target, p *Page, row int) ([]byte, Refusal) {
	view := p.View(target.Table)
	if no := view.Key(&w.key, row); no.Refused() {
		return dst, no
	}
	dst = append(dst, itemMember...)
	from := len(dst)
	dst = p.Items.AppendRow(dst, row)
	target.ItemFrom, target.ItemTo = from, len(dst)
	units, size, exact, no := view.measure(row, len(dst)-from)
	if target.Units, target.Size = units, size; !exact {
		target.From, target.To = from, len(dst)
	}
	return dst, no
}

// putItem puts what expressions give. Of fields that are written out a null
// leaves the attribute out.
func (w *Writer) putItem(dst []byte, target *Target, row int) ([]byte, Refusal) {
	if no := w.evaluate(row); no.Refused() {
		return dst, no
	}
	t := target.Table
	w.key.Reset(t)
	for _, k := range t.Keys {
		if no := w.key.take(w.field(k.Name), itemArgument); no.Refused() {
			return dst, no
		}
	}
	within, outside := t.Count, ""
	for i := range t.Indexes {
		x := &t.Indexes[i]
		v := w.field(x.Name)
		if no := t.CheckIndex(x, v); no.Refused() {
			return dst, no
		}
		if v.Kind() == attr.Absent && x.Index != outside {
			within, outside = within-1, x.Index
		}
	}
	for i, f := range w.fields {
		target.Size += len(f.Name) + f.Value.Size()
		if i == 0 {
			dst = append(dst, itemMember...)
			target.ItemFrom = len(dst)
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = attr.AppendDynamoJSON(append(attr.AppendJSONString(dst, f.Name), ':'), f.Value)
	}
	target.Units = deliver.WriteUnits(target.Size) * (1 + within)
	dst = append(dst, '}')
	target.ItemTo = len(dst)
	return dst, CheckSize(target.Size)
}

func (w *Writer) evaluate(row int) Refusal {
	w.fields = w.fields[:0]
	if w.Whole != nil {
		v, err := w.wholeAt.At(row)
		switch {
		case err != nil:
			return Failed(err)
		case v.Kind() != attr.Map:
			return Refuse(CodeExpression, "%s: item is a map of attributes, and for this row it is %s", w.Whole.Range(), v.Kind())
		}
		w.fields = append(w.fields, v.Fields()...)
		return Refusal{}
	}
	for i, f := range w.Fields {
		v, err := w.fieldsAt[i].At(row)
		if err != nil {
			return Failed(err)
		}
		if v.Kind() != attr.Absent {
			w.fields = append(w.fields, attr.Field{Name: f.Name, Value: v})
		}
	}
	return Refusal{}
}

func (w *Writer) field(name string) attr.Value {
	for i := range w.fields {
		if w.fields[i].Name == name {
			return w.fields[i].Value
		}
	}
	return attr.Value{}
}

func (w *Writer) byKey(dst []byte, target *Target, p *plan, row int) ([]byte, Refusal) {
	if w.Key == nil {
		if no := w.page.View(target.Table).Key(&w.key, row); no.Refused() {
			return dst, no
		}
	} else {
		w.key.Reset(target.Table)
		for _, place := range p.keys {
			v, err := w.keysAt[place].At(row)
			if err != nil {
				return dst, Failed(err)
			}
			if no := w.key.Add(v); no.Refused() {
				return dst, no
			}
		}
	}
	// What an update or delete takes depends on the item that is stored.
	target.Units = deliver.WriteUnits(w.page.Items.Size(row)) * (1 + target.Table.Count)
	return w.key.Append(append(dst, `,"Key":`...)), Refusal{}
}
