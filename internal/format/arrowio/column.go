package arrowio

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/format/parquetio"
)

// column is one column of the record batch under way, and its value in the row
// at hand, which may yet be refused.
type column struct {
	builder array.Builder
	kind    attr.Kind
	integer bool

	absent  bool
	text    []byte
	flag    bool
	whole   int64
	decimal decimal128.Num
}

func newColumn(t layout.Type) *column {
	c := &column{kind: kindOfColumn(t), integer: t.Integer}
	c.builder = array.NewBuilder(memory.DefaultAllocator, c.arrow())
	return c
}

func (c *column) arrow() arrow.DataType {
	switch {
	case c.kind == attr.Number && c.integer:
		return arrow.PrimitiveTypes.Int64
	case c.kind == attr.Number:
		return &arrow.Decimal128Type{Precision: parquetio.Precision, Scale: parquetio.Scale}
	case c.kind == attr.Bool:
		return arrow.FixedWidthTypes.Boolean
	case c.kind == attr.Binary:
		return arrow.BinaryTypes.Binary
	}
	return arrow.BinaryTypes.String
}

// read takes the value of the row at hand, converted to the column's type. lost
// says that the column holds it in a plainer form. The error is a
// *layout.Misfit.
func (c *column) read(attribute string, v attr.Value) (lost bool, err error) {
	if c.absent = v.IsNull(); c.absent {
		return v.Kind() == attr.Null, nil
	}
	switch c.kind {
	case attr.Number:
		return false, c.readNumber(attribute, v.Text())
	case attr.Bool:
		c.flag = v.True()
	case attr.Binary:
		c.text = append(c.text[:0], v.Text()...)
	default:
		c.text = layout.AppendText(c.text[:0], v)
		return v.Kind() != attr.String, nil
	}
	return false, nil
}

func (c *column) readNumber(attribute, number string) error {
	if c.integer {
		n, ok := parquetio.Integer(number)
		if !ok {
			return layout.WrongType("attribute %q is %s, and its column became a 64-bit integer by the first rows; "+
				"name the columns and write %s = number for a decimal, or %s = string for the text", attribute, number, attribute, attribute)
		}
		c.whole = n
		return nil
	}
	high, low, ok := parquetio.Decimal(number)
	if !ok {
		return layout.WrongType("attribute %q is %s, which decimal128(%d, %d) can't hold without rounding; "+
			"name the columns and write %s = string to keep its text", attribute, number, parquetio.Precision, parquetio.Scale, attribute)
	}
	c.decimal = decimal128.New(high, low)
	return nil
}

// keep adds the value of the row at hand, and says about how many bytes it takes.
func (c *column) keep() int {
	if c.absent {
		c.builder.AppendNull()
		return 1
	}
	switch b := c.builder.(type) {
	case *array.Int64Builder:
		b.Append(c.whole)
		return 8
	case *array.Decimal128Builder:
		b.Append(c.decimal)
		return 16
	case *array.BooleanBuilder:
		b.Append(c.flag)
		return 1
	case *array.BinaryBuilder:
		b.Append(c.text)
	case *array.StringBuilder:
		b.BinaryBuilder.Append(c.text)
	}
	return len(c.text) + 4
}
