// Package explode makes one row of each element of a list or set.
package explode

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// What becomes of a row without elements.
const (
	emptyDrop = "drop"
	emptyKeep = "keep"
)

// Config is a transform "explode" block.
type Config struct {
	field   string
	as      string
	onEmpty string
}

var _ transforms.Config = (*Config)(nil)

// New is a block with the defaults.
func New() transforms.Config { return &Config{onEmpty: emptyDrop} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Makes one row of each element of a list or set.",
		Example: examples,
		Doc: "Each row has the attributes of the row it comes from, with the element in place of the list, or, with `as`, beside it. " +
			"The elements of a list come in their order, those of a set sorted. A row whose attribute is a map or no collection at all is rejected. " +
			"The rows made of one have its file and line, and are told apart by `sub` in the dead letter.",
		Args: []schema.Arg{
			schema.String("field", &c.field, "The attribute that holds the list or set.").Require(),
			schema.String("as", &c.as, "The attribute that the element becomes, in place of one of that name. The list then stays; `drop` of a map transform leaves it out.").
				DefaultDoc("field"),
			schema.Choice("on_empty", &c.onEmpty, []string{emptyDrop, emptyKeep},
				"What becomes of a row without elements, because the list is empty, null or not there: `drop` filters it, `keep` lets it go on without the attribute."),
		},
		Check: c.check,
	}
}

func (c *Config) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if c.field == "" {
		diags = append(diags, diag.Error(r.Of("field"), "Not a name", "An attribute's name can't be empty."))
	}
	if r.Has("as") && c.as == "" {
		diags = append(diags, diag.Error(r.Of("as"), "Not a name", "An attribute's name can't be empty. Leave %q out to put the element in place of the list.", "as"))
	}
	return diags
}

// Uses is the list and what the rows that are made are used for: the element
// replaces whatever has its name.
func (c *Config) Uses(out expr.Use) expr.Use {
	return out.Without(c.element()).With(c.field)
}

// element is the attribute that the element becomes.
func (c *Config) element() string {
	if c.as != "" {
		return c.as
	}
	return c.field
}

// Shape is that of the rows that come, with the element.
func (c *Config) Shape(in expr.Shape) expr.Shape {
	out := expr.Shape{Attrs: make(map[string]expr.Kinds, len(in.Attrs)+1), Rest: in.Rest}
	for name, kinds := range in.Attrs {
		out.Attrs[name] = kinds
	}
	kinds := elementKinds(in.Attr(c.field))
	if c.onEmpty == emptyKeep {
		kinds |= expr.Null
	}
	out.Attrs[c.element()] = kinds
	return out
}

// elementKinds is what the elements of a value may be.
func elementKinds(of expr.Kinds) (kinds expr.Kinds) {
	if of&expr.List != 0 {
		return expr.Unknown
	}
	for set, element := range map[expr.Kinds]expr.Kinds{expr.StringSet: expr.String, expr.NumberSet: expr.Number, expr.BinarySet: expr.Binary} {
		if of&set != 0 {
			kinds |= element
		}
	}
	if kinds == 0 {
		return expr.Unknown
	}
	return kinds
}

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	return &explode{field: c.field, as: c.element(), keepEmpty: c.onEmpty == emptyKeep, limits: env.Limits, mem: env.Mem}, nil
}

type explode struct {
	field, as string
	keepEmpty bool
	limits    record.Limits
	mem       memory.Allocator
}

// Apply emits the rows of each batch in one or more parts.
func (e *explode) Apply(ctx context.Context, in *record.Batch, out *transforms.Out) error {
	p := part{explode: e, in: in}
	for row := range in.Rows() {
		elems, why := e.elements(in, row)
		switch {
		case why != "":
			out.Rejects = append(out.Rejects, transforms.Reject(in, row, "field", transforms.CodeElements, why))
			continue
		case len(elems) == 0 && e.keepEmpty:
			elems = []attr.Value{{}}
		case len(elems) == 0:
			out.Filtered++
			continue
		}
		size := p.size(row)
		for i, v := range elems {
			if p.full() {
				p.emit(out)
				if err := out.Send(); err != nil {
					return err
				}
			}
			p.add(row, i, v, size)
			if i > 0 {
				out.Made++
			}
		}
	}
	p.emit(out)
	return ctx.Err()
}

// elements is what a row is made into, or why it is rejected.
func (e *explode) elements(in *record.Batch, row int) ([]attr.Value, string) {
	v := attr.Get(in, e.field, row)
	var elems []attr.Value
	switch v.Kind() {
	case attr.Absent, attr.Null:
	case attr.List:
		elems = v.Elems()
	case attr.StringSet, attr.NumberSet, attr.BinarySet:
		elems = v.SortedElems()
	default:
		return nil, fmt.Sprintf("%q is a %s, and explode takes a list or a set", e.field, v.Kind())
	}
	if len(elems) > record.MaxChildren {
		return nil, fmt.Sprintf("%q has %d elements, and explode takes at most %d", e.field, len(elems), record.MaxChildren)
	}
	return elems, ""
}

// part is rows of a batch in the making.
type part struct {
	*explode
	in    *record.Batch
	rows  []int // of the batch, one for each row made of it
	pos   []record.Pos
	elems []attr.Value
	bytes int64
}

func (p *part) full() bool {
	return len(p.rows) >= p.limits.Rows || p.bytes >= p.limits.Bytes
}

func (p *part) add(row, i int, elem attr.Value, size int64) {
	p.rows = append(p.rows, row)
	p.pos = append(p.pos, p.in.Origins().Pos[row].Child(i))
	p.elems = append(p.elems, elem)
	p.bytes += size + weight(elem)
}

// size is what a row's values take that each row made of it has as well.
func (p *part) size(row int) (n int64) {
	for i := range p.in.Columns() {
		c := p.in.Column(i)
		if c.Name == p.as || c.Absent(row) || c.Null(row) {
			continue
		}
		switch c.Type {
		case record.Bool:
			n++
		case record.Binary, record.Any:
			n += int64(len(c.Bytes(row)))
		default:
			n += int64(len(c.Text(row)))
		}
	}
	return n + int64(len(p.in.Overflow(row)))
}

// weight is about what a value takes.
func weight(v attr.Value) int64 {
	n := int64(len(v.Text())) + 8
	for _, e := range v.Elems() {
		n += weight(e)
	}
	for _, f := range v.Fields() {
		n += int64(len(f.Name)) + weight(f.Value)
	}
	return n
}

// emit adds the rows to out and starts anew.
func (p *part) emit(out *transforms.Out) {
	if len(p.rows) == 0 {
		return
	}
	if b, ok := p.byColumns(); ok {
		out.Emit(b)
	} else {
		out.Emit(p.byRows())
	}
	p.rows, p.pos, p.elems, p.bytes = p.rows[:0], nil, p.elems[:0], 0
}

// byColumns repeats the columns and puts the elements in theirs. It declines
// rows with attributes beyond the columns, and those that would get some.
func (p *part) byColumns() (*record.Batch, bool) {
	_, replaces := p.in.Lookup(p.as)
	if p.in.HasOverflow() || !replaces && p.in.Columns() == record.MaxColumns {
		return nil, false
	}
	var columns []record.Column
	at := -1
	for i := range p.in.Columns() {
		if c := p.in.Column(i); c.Name != p.as {
			columns = append(columns, c)
		} else {
			at = i
		}
	}
	rest := record.New(columns, nil, p.in.Origins())
	defer rest.Release()
	repeated := attr.Select(p.mem, rest, p.rows)
	defer repeated.Release()
	elements := attr.ColumnOf(p.mem, p.as, p.elems)
	defer elements.Values.Release()
	columns = columns[:0]
	for i := range repeated.Columns() {
		if i == at {
			columns = append(columns, elements)
		}
		columns = append(columns, repeated.Column(i))
	}
	if len(columns) == repeated.Columns() {
		columns = append(columns, elements)
	}
	return record.New(columns, nil, record.Origins{Place: p.in.Origins().Place, Pos: p.pos}), true
}

// byRows makes the rows one at a time.
func (p *part) byRows() *record.Batch {
	b := attr.NewBuilder(p.mem)
	defer b.Release()
	for i, row := range p.rows {
		for _, f := range attr.Fields(p.in, row) {
			if f.Name != p.as {
				b.Set(f.Name, f.Value)
			}
		}
		b.Set(p.as, p.elems[i])
		b.EndRow(p.pos[i])
	}
	return b.Batch(p.in.Origins().Place)
}
