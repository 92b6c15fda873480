package record

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"
)

// MaxColumns is how many attributes of a batch get a column of their own. The
// rest of a row's attributes go into its overflow cell: 5,000 columns holding
// one value each in 1,024 rows cost 43 MB, the same as overflow well under 1.
const MaxColumns = 256

// Type is the type of a column.
type Type uint8

// The column types and the Arrow type that stores each.
const (
	String Type = iota + 1 // utf8
	Number                 // utf8: decimal text, as it came
	Bool                   // bool
	Binary                 // binary
	Any                    // binary: one compact DynamoDB JSON value per row, as {"S":"x"}
)

func (t Type) String() string {
	switch t {
	case String:
		return "string"
	case Number:
		return "number"
	case Bool:
		return "bool"
	case Binary:
		return "binary"
	case Any:
		return "any"
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// Arrow is the Arrow type that stores a column of type t.
func (t Type) Arrow() arrow.DataType {
	switch t {
	case Bool:
		return arrow.FixedWidthTypes.Boolean
	case Binary, Any:
		return arrow.BinaryTypes.Binary
	default:
		return arrow.BinaryTypes.String
	}
}

// Column is one attribute of a batch. The zero Column holds no row.
type Column struct {
	Name string
	Type Type
	// Values is a *array.String, *array.Boolean or *array.Binary, by Type.
	// A null is an attribute that the row does not have.
	Values arrow.Array
	// Nulls marks DynamoDB NULL, one bit a row; nil when the column has none.
	// A marked row is valid in Values, where it holds an empty value.
	Nulls []byte
	// Bare says that each value of a string column stands in JSON between quotes
	// as it is: UTF-8 without anything to be escaped. Without it that is not known.
	Bare bool
}

// Absent reports that the row does not have the attribute.
func (c Column) Absent(row int) bool { return c.Values.IsNull(row) }

// Null reports that the row's attribute is DynamoDB NULL.
func (c Column) Null(row int) bool { return c.Nulls != nil && bitutil.BitIsSet(c.Nulls, row) }

// Text is the row's value in a string or number column. It shares the column's
// memory: copy it to keep it beyond the batch's Release.
func (c Column) Text(row int) string { return c.Values.(*array.String).Value(row) }

// Bool is the row's value in a bool column.
func (c Column) Bool(row int) bool { return c.Values.(*array.Boolean).Value(row) }

// Bytes is the row's value in a binary or any column, sharing its memory.
func (c Column) Bytes(row int) []byte { return c.Values.(*array.Binary).Value(row) }

// Batch is a unit's rows, or a part of them. It is immutable.
type Batch struct {
	rec      arrow.Record
	columns  []Column      // into rec, whose own accessor copies a schema field
	overflow *array.Binary // nil when no row overflows
	index    map[string]int
	origins  Origins
}

// New makes a batch of columns of equal length, which it retains, and of the
// overflow cells, which may be nil. Columns have different names, at most
// MaxColumns of them; origins has one entry a row.
func New(columns []Column, overflow *array.Binary, origins Origins) *Batch {
	fields := make([]arrow.Field, len(columns))
	values := make([]arrow.Array, len(columns))
	b := &Batch{
		columns:  slices.Clone(columns),
		index:    make(map[string]int, len(columns)),
		overflow: overflow,
		origins:  origins,
	}
	for i, c := range columns {
		if _, twice := b.index[c.Name]; twice {
			panic("record: column " + c.Name + " twice in a batch")
		}
		if c.Values.Len() != origins.Len() {
			panic(fmt.Sprintf("record: column %s has %d rows of %d", c.Name, c.Values.Len(), origins.Len()))
		}
		fields[i] = arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: true}
		values[i] = c.Values
		b.index[c.Name] = i
	}
	if overflow != nil {
		overflow.Retain()
	}
	b.rec = array.NewRecord(arrow.NewSchema(fields, nil), values, int64(origins.Len()))
	return b
}

// Rows is the number of rows.
func (b *Batch) Rows() int { return b.origins.Len() }

// Columns is the number of columns, the overflow not counted.
func (b *Batch) Columns() int { return len(b.columns) }

// Column is the i-th column, valid until the batch is released.
func (b *Batch) Column(i int) Column { return b.columns[i] }

// Lookup is the column of that name. An attribute without a column may still
// be in a row's overflow.
func (b *Batch) Lookup(name string) (Column, bool) {
	i, ok := b.index[name]
	if !ok {
		return Column{}, false
	}
	return b.columns[i], true
}

// HasOverflow reports that some row has attributes beyond the columns.
func (b *Batch) HasOverflow() bool { return b.overflow != nil }

// Overflow is the row's overflow cell, to be read with Cells; nil when empty.
func (b *Batch) Overflow(row int) []byte {
	if b.overflow == nil || b.overflow.IsNull(row) {
		return nil
	}
	return b.overflow.Value(row)
}

// OverflowArray is the overflow as an array, for a transform that passes it on
// unchanged; nil when no row overflows.
func (b *Batch) OverflowArray() *array.Binary { return b.overflow }

// Origins says where each row came from.
func (b *Batch) Origins() Origins { return b.origins }

// Retain adds a reader.
func (b *Batch) Retain() {
	b.rec.Retain()
	if b.overflow != nil {
		b.overflow.Retain()
	}
}

// Release ends a reader; after the last one the memory is gone.
func (b *Batch) Release() {
	b.rec.Release()
	if b.overflow != nil {
		b.overflow.Release()
	}
}
