package parquetio

import (
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/parquet"
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

// width is how many bytes a value takes in a chunk; 0 when that varies.
func (p physical) width() int {
	switch p {
	case integer:
		return 8
	case decimal:
		return decimalWidth
	case boolean:
		return 1
	}
	return 0
}

// chunk is the values of one column in the row group under way. Its values are
// as PLAIN encoding has them, but for a bool, which is one byte, and the length
// of text and binary, which is in ends.
type chunk struct {
	physical physical
	rows     int
	nulls    int
	valid    []byte // bitmap: the row has a value
	data     []byte
	ends     []uint32 // where each text or binary value ends in data
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

// values is how many there are.
func (c *chunk) values() int { return c.rows - c.nulls }

// value is the i-th of them.
func (c *chunk) value(i int) []byte {
	from, to := c.span(i)
	return c.data[from:to]
}

func (c *chunk) span(i int) (from, to uint32) {
	if w := uint32(c.physical.width()); w > 0 {
		return uint32(i) * w, uint32(i+1) * w
	}
	if i > 0 {
		from = c.ends[i-1]
	}
	return from, c.ends[i]
}

// row ends a row, which has a value or none.
func (c *chunk) row(has bool) {
	if c.rows%8 == 0 {
		c.valid = append(c.valid, 0)
	}
	if has {
		bitutil.SetBit(c.valid, c.rows)
	} else {
		c.nulls++
	}
	c.rows++
}

func (c *chunk) addAbsent() { c.row(false) }

func (c *chunk) addText(s string) {
	c.data = append(c.data, s...)
	c.ends = append(c.ends, uint32(len(c.data)))
	c.row(true)
}

func (c *chunk) addBytes(b []byte) {
	c.data = append(c.data, b...)
	c.ends = append(c.ends, uint32(len(c.data)))
	c.row(true)
}

func (c *chunk) addBool(b bool) {
	c.appendBool(b)
	c.row(true)
}

func (c *chunk) appendBool(b bool) {
	if b {
		c.data = append(c.data, 1)
	} else {
		c.data = append(c.data, 0)
	}
}

// addNumber adds a number that the column can hold exactly. The error is a
// *layout.Misfit.
func (c *chunk) addNumber(attribute, number string) error {
	if !c.appendNumber(number) {
		if c.physical == integer {
			return layout.WrongType("attribute %q is %s, and its column became a 64-bit integer by the first rows; "+
				"name the columns and write %s = number for a decimal, or %s = string for the text", attribute, number, attribute, attribute)
		}
		return layout.WrongType("attribute %q is %s, which DECIMAL(%d, %d) can't hold without rounding; "+
			"name the columns and write %s = string to keep its text", attribute, number, precision, scale, attribute)
	}
	c.row(true)
	return nil
}

// appendNumber appends a number's value; false when the column can't hold it.
func (c *chunk) appendNumber(number string) bool {
	if c.physical == integer {
		n, ok := parseInteger(number)
		if ok {
			c.data = order.AppendUint64(c.data, uint64(n))
		}
		return ok
	}
	n, ok := parseDecimal(number)
	if ok {
		c.data = append(c.data, n[:]...)
	}
	return ok
}

func (c *chunk) bytes() int { return len(c.data) + 4*len(c.ends) + len(c.valid) }

// truncate forgets the rows from rows on.
func (c *chunk) truncate(rows int) {
	for c.rows > rows {
		c.rows--
		if !bitutil.BitIsSet(c.valid, c.rows) {
			c.nulls--
		}
	}
	c.valid = c.valid[:bitutil.BytesForBits(int64(rows))]
	if rows%8 != 0 {
		c.valid[rows/8] &= 1<<(rows%8) - 1
	}
	if w := c.physical.width(); w > 0 {
		c.data = c.data[:w*c.values()]
		return
	}
	c.ends = c.ends[:c.values()]
	c.data = c.data[:c.dataEnd()]
}

// dataEnd is where the last value ends in data.
func (c *chunk) dataEnd() int {
	if n := len(c.ends); n > 0 {
		return int(c.ends[n-1])
	}
	return 0
}
