package layout

import (
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Binding reads the columns of a layout from one batch, a row at a time. It is
// valid until the batch is released and belongs to one goroutine.
type Binding struct {
	layout  *Layout
	batch   *record.Batch
	columns []Source
	beyond  []record.Column // columns of the batch that a fixed layout has not
	slots   map[string]int  // layout column by name, to place overflow cells
}

// Source is where one column of the file comes from in the batch.
type Source struct {
	Column
	// In is the batch's column; it has no Values when the attribute is in no
	// column of this batch.
	In record.Column
	// Direct says that the values of In are of the column's type: no row needs
	// a conversion.
	Direct bool
	// cell is the attribute's overflow value in the current row.
	cell []byte
}

// NewBinding makes a binding for files of a layout; Bind gives it a batch.
func NewBinding(l *Layout) *Binding {
	x := &Binding{layout: l, slots: make(map[string]int, len(l.Columns))}
	for i, c := range l.Columns {
		x.columns = append(x.columns, Source{Column: c})
		x.slots[c.Name] = i
	}
	return x
}

// Bind turns to the next batch.
func (x *Binding) Bind(b *record.Batch) {
	x.batch = b
	x.beyond = x.beyond[:0]
	if !x.layout.Fixed {
		x.columns = x.columns[:0]
		for i := range b.Columns() {
			in := b.Column(i)
			x.columns = append(x.columns, Source{Column: Column{Name: in.Name}, In: in, Direct: true})
		}
		return
	}
	for i := range x.columns {
		s := &x.columns[i]
		s.In, _ = b.Lookup(s.Name)
		s.Direct = s.In.Values != nil && s.Type.direct(s.In.Type)
	}
	for i := range b.Columns() {
		c := b.Column(i)
		if _, known := x.slots[c.Name]; !known {
			x.beyond = append(x.beyond, c)
		}
	}
}

// direct reports that every value of a batch column is of the type.
func (t Type) direct(in record.Type) bool {
	switch t.Kind {
	case attr.Absent:
		return true
	case attr.String:
		return in == record.String
	case attr.Number:
		return in == record.Number
	case attr.Bool:
		return in == record.Bool
	case attr.Binary:
		return in == record.Binary
	}
	return false
}

// Columns is the columns of the file; the slice is the binding's own.
func (x *Binding) Columns() []Source { return x.columns }

// Fits reports that no row of the batch can have an attribute that the layout
// has no room for, nor one in the overflow.
func (x *Binding) Fits() bool {
	if x.batch.HasOverflow() {
		return false
	}
	if x.layout.Exact {
		for _, c := range x.beyond {
			if c.Values.NullN() < c.Values.Len() {
				return false
			}
		}
	}
	return true
}

// Row turns to a row. The error, a *Misfit, says that it has an attribute that
// the layout has no room for.
func (x *Binding) Row(row int) error {
	if !x.layout.Fixed {
		return nil
	}
	if x.layout.Exact {
		for _, c := range x.beyond {
			if !c.Absent(row) {
				return beyond(c.Name)
			}
		}
	}
	if x.batch.HasOverflow() {
		return x.placeOverflow(row)
	}
	return nil
}

func (x *Binding) placeOverflow(row int) error {
	for i := range x.columns {
		x.columns[i].cell = nil
	}
	for name, cell := range record.Cells(x.batch.Overflow(row)) {
		if i, known := x.slots[name]; known {
			x.columns[i].cell = cell
		} else if x.layout.Exact {
			return beyond(name)
		}
	}
	return nil
}

func beyond(name string) error {
	return misfit(CodeUnknownColumn, "attribute %q is not among the columns, which were taken from the first rows; "+
		"name the columns of the file with columns = [...]", name)
}

// Value is the current row's value of a column, decoded and converted. The
// error is a *Misfit.
func (x *Binding) Value(s *Source, row int) (attr.Value, error) {
	var v attr.Value
	switch {
	case s.In.Values != nil && !s.In.Absent(row):
		v = attr.At(s.In, row)
	case s.cell != nil:
		var err error
		if v, err = attr.ParseDynamoJSON(s.cell); err != nil {
			return attr.Value{}, WrongType("attribute %q can't be decoded: %v", s.Name, err)
		}
	default:
		return attr.Value{}, nil
	}
	return s.Type.Convert(s.Name, v)
}

// Overflow is the row's attributes beyond the batch's columns, for a layout
// that takes every attribute.
func (x *Binding) Overflow(row int) []byte {
	if x.layout.Fixed {
		return nil
	}
	return x.batch.Overflow(row)
}
