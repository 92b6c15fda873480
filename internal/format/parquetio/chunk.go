package parquetio

import (
	"fmt"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
)

// physical is how a column's values are stored.
type physical uint8

const (
	text    physical = iota // BYTE_ARRAY, STRING
	integer                 // INT64
	decimal                 // FIXED_LEN_BYTE_ARRAY(16), DECIMAL(38, 18)
	boolean                 // BOOLEAN
	octets                  // BYTE_ARRAY
)

// chunk is the values of one column in the row group under way.
type chunk struct {
	physical physical
	levels   []int16 // a row: 1 with a value, 0 without
	data     []byte  // text, binary and decimal values, one after the other
	ends     []int   // where each text or binary value ends in data
	integers []int64
	bools    []bool
}

func newChunk(t layout.Type) *chunk {
	c := &chunk{physical: text}
	switch t.Kind {
	case attr.Number:
		if c.physical = decimal; t.Integer {
			c.physical = integer
		}
	case attr.Bool:
		c.physical = boolean
	case attr.Binary:
		c.physical = octets
	}
	return c
}

// node is the column's place in the file's schema.
func (c *chunk) node(name string) (schema.Node, error) {
	optional := parquet.Repetitions.Optional
	switch c.physical {
	case integer:
		return schema.NewInt64Node(name, optional, -1), nil
	case decimal:
		return schema.NewPrimitiveNodeLogical(name, optional, schema.NewDecimalLogicalType(precision, scale),
			parquet.Types.FixedLenByteArray, decimalWidth, -1)
	case boolean:
		return schema.NewBooleanNode(name, optional, -1), nil
	case octets:
		return schema.NewByteArrayNode(name, optional, -1), nil
	}
	return schema.NewPrimitiveNodeLogical(name, optional, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
}

func (c *chunk) isNumber() bool { return c.physical == integer || c.physical == decimal }

func (c *chunk) addAbsent() { c.levels = append(c.levels, 0) }

func (c *chunk) addText(s string) {
	c.data = append(c.data, s...)
	c.ends = append(c.ends, len(c.data))
	c.levels = append(c.levels, 1)
}

func (c *chunk) addBytes(b []byte) {
	c.data = append(c.data, b...)
	c.ends = append(c.ends, len(c.data))
	c.levels = append(c.levels, 1)
}

func (c *chunk) addBool(b bool) {
	c.bools = append(c.bools, b)
	c.levels = append(c.levels, 1)
}

// addNumber adds a number that the column can hold exactly. The error is a
// *layout.Misfit.
func (c *chunk) addNumber(attribute, number string) error {
	if c.physical == integer {
		n, ok := parseInteger(number)
		if !ok {
			return layout.WrongType("attribute %q is %s, and its column became a 64-bit integer by the first rows; "+
				"name the columns and write %s = number for a decimal, or %s = string for the text", attribute, number, attribute, attribute)
		}
		c.integers = append(c.integers, n)
	} else {
		n, ok := parseDecimal(number)
		if !ok {
			return layout.WrongType("attribute %q is %s, which DECIMAL(%d, %d) can't hold without rounding; "+
				"name the columns and write %s = string to keep its text", attribute, number, precision, scale, attribute)
		}
		c.data = append(c.data, n[:]...)
	}
	c.levels = append(c.levels, 1)
	return nil
}

func (c *chunk) bytes() int {
	return len(c.data) + 8*(len(c.ends)+len(c.integers)) + len(c.bools) + 2*len(c.levels)
}

// truncate forgets the rows from rows on.
func (c *chunk) truncate(rows int) {
	for len(c.levels) > rows {
		last := len(c.levels) - 1
		if c.levels[last] == 1 {
			c.dropValue()
		}
		c.levels = c.levels[:last]
	}
}

func (c *chunk) dropValue() {
	switch c.physical {
	case integer:
		c.integers = c.integers[:len(c.integers)-1]
	case decimal:
		c.data = c.data[:len(c.data)-decimalWidth]
	case boolean:
		c.bools = c.bools[:len(c.bools)-1]
	default:
		c.ends = c.ends[:len(c.ends)-1]
		start := 0
		if n := len(c.ends); n > 0 {
			start = c.ends[n-1]
		}
		c.data = c.data[:start]
	}
}

// write hands the column to Parquet's encoder.
func (c *chunk) write(column file.ColumnChunkWriter) error {
	var err error
	switch w := column.(type) {
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(c.integers, c.levels, nil)
	case *file.BooleanColumnChunkWriter:
		_, err = w.WriteBatch(c.bools, c.levels, nil)
	case *file.FixedLenByteArrayColumnChunkWriter:
		values := make([]parquet.FixedLenByteArray, 0, len(c.data)/decimalWidth)
		for at := 0; at < len(c.data); at += decimalWidth {
			values = append(values, c.data[at:at+decimalWidth])
		}
		_, err = w.WriteBatch(values, c.levels, nil)
	case *file.ByteArrayColumnChunkWriter:
		values := make([]parquet.ByteArray, len(c.ends))
		start := 0
		for i, end := range c.ends {
			values[i], start = c.data[start:end], end
		}
		_, err = w.WriteBatch(values, c.levels, nil)
	default:
		err = fmt.Errorf("parquetio: no way to write a %T", column)
	}
	return err
}
