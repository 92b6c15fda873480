package parquetio

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"

	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// addRange adds a column's rows from (included) to to (excluded), all at once.
// false is for what has to be looked at row by row; the chunk must then be
// truncated to the rows it had.
func (c *chunk) addRange(s *layout.Source, from, to int) bool {
	values := s.In.Values
	switch {
	case values == nil:
		c.addMask(nil, from, to)
		return true
	case !s.Direct || s.In.Nulls != nil:
		return false
	}
	switch t := s.In.Type; {
	case t == record.String && c.physical == text:
		c.appendCells(values.(*array.String), from, to)
	case t == record.Binary && c.physical == octets:
		c.appendCells(values.(*array.Binary), from, to)
	case t == record.Number && c.isNumber():
		if !c.appendNumbers(values.(*array.String), from, to) {
			return false
		}
	case t == record.Bool && c.physical == boolean:
		flags := values.(*array.Boolean)
		for row := from; row < to; row++ {
			if flags.IsValid(row) {
				c.appendBool(flags.Value(row))
			}
		}
	default:
		return false
	}
	c.addMask(values, from, to)
	return true
}

// addMask ends rows whose values have been appended; nil is for none.
func (c *chunk) addMask(values arrow.Array, from, to int) {
	start, n := c.rows, to-from
	c.rows += n
	for have := int(bitutil.BytesForBits(int64(c.rows))); len(c.valid) < have; {
		c.valid = append(c.valid, 0)
	}
	switch {
	case values == nil:
		c.nulls += n
	case values.NullN() == 0:
		bitutil.SetBitsTo(c.valid, int64(start), int64(n), true)
	default:
		for row := from; row < to; row++ {
			if values.IsValid(row) {
				bitutil.SetBit(c.valid, start+row-from)
			} else {
				c.nulls++
			}
		}
	}
}

// cellArray is what the arrays of strings and of bytes have in common.
type cellArray interface {
	arrow.Array
	ValueOffsets() []int32
	ValueBytes() []byte
}

func (c *chunk) appendCells(values cellArray, from, to int) {
	if from == to {
		return
	}
	offsets, data := values.ValueOffsets(), values.ValueBytes()
	first := offsets[0]
	if values.NullN() == 0 {
		base := uint32(len(c.data)) - uint32(offsets[from]-first)
		c.data = append(c.data, data[offsets[from]-first:offsets[to]-first]...)
		for _, end := range offsets[from+1 : to+1] {
			c.ends = append(c.ends, base+uint32(end-first))
		}
		return
	}
	for row := from; row < to; row++ {
		if values.IsValid(row) {
			c.data = append(c.data, data[offsets[row]-first:offsets[row+1]-first]...)
			c.ends = append(c.ends, uint32(len(c.data)))
		}
	}
}

func (c *chunk) appendNumbers(values *array.String, from, to int) bool {
	sparse := values.NullN() > 0
	for row := from; row < to; row++ {
		if sparse && values.IsNull(row) {
			continue
		}
		if !c.appendNumber(values.Value(row)) {
			return false
		}
	}
	return true
}
