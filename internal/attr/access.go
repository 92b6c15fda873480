package attr

import (
	"strings"

	"github.com/dynapipe/dynapipe/internal/record"
)

// At is the row's value in a column: Absent, Null or the value. It may share
// the batch's memory: Clone what outlives the batch's Release.
func At(c record.Column, row int) Value {
	switch {
	case c.Absent(row):
		return Value{}
	case c.Null(row):
		return NullValue()
	}
	switch c.Type {
	case record.String:
		return Value{kind: String, text: c.Text(row)}
	case record.Number:
		return Value{kind: Number, text: c.Text(row)}
	case record.Bool:
		return BoolValue(c.Bool(row))
	case record.Binary:
		return Value{kind: Binary, text: view(c.Bytes(row))}
	}
	return decodeCell(view(c.Bytes(row)))
}

// Get is the row's attribute of that name, from its column or the overflow; as
// At.
func Get(b *record.Batch, name string, row int) Value {
	if c, ok := b.Lookup(name); ok && !c.Absent(row) {
		return At(c, row)
	}
	for other, cell := range record.Cells(b.Overflow(row)) {
		if other == name {
			return decodeCell(view(cell))
		}
	}
	return Value{}
}

// Fields is all attributes that the row has, those with a column first; as At.
func Fields(b *record.Batch, row int) []Field {
	var out []Field
	for i := range b.Columns() {
		if c := b.Column(i); !c.Absent(row) {
			out = append(out, Field{Name: c.Name, Value: At(c, row)})
		}
	}
	for name, cell := range record.Cells(b.Overflow(row)) {
		out = append(out, Field{Name: name, Value: decodeCell(view(cell))})
	}
	return out
}

// Clone is the value with memory of its own.
func (v Value) Clone() Value {
	v.text = strings.Clone(v.text)
	if v.elems != nil {
		elems := make([]Value, len(v.elems))
		for i, e := range v.elems {
			elems[i] = e.Clone()
		}
		v.elems = elems
	}
	if v.fields != nil {
		fields := make([]Field, len(v.fields))
		for i, f := range v.fields {
			fields[i] = Field{Name: strings.Clone(f.Name), Value: f.Value.Clone()}
		}
		v.fields = fields
	}
	return v
}
