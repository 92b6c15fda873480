package attr

import (
	"sync"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Encoder is AppendRow, AppendRowJSON and Size for the rows of one batch: what is the same in every row
// is made once. It is valid until the batch is released, and may be used by several goroutines.
type Encoder struct {
	batch   *record.Batch
	columns []encodedColumn
	looked  sync.Once
}

// encodedColumn is a column and what stands before each of its values.
type encodedColumn struct {
	record.Column
	name   []byte // ,"name":
	head   []byte // ,"name":{"S": and the quote of what is between quotes
	frame  Frame  // of a value between quotes
	around int    // about what a value takes beside the cell

	validity []byte // bitmap; nil when every row has a value
	first    int    // the column's first row in it
	way      way
	simple   bool    // every row has a value that is bare
	offsets  []int32 // of the cells, but for those of a bool column
	data     []byte
}

// way is how the cells of a column become JSON.
type way uint8

const (
	bare    way = iota // as they are, between quotes
	escaped            // text that may need escapes, between quotes
	base64ed
	whole // as they are
	truth
)

// NewEncoder is an encoder of the batch's rows.
func NewEncoder(b *record.Batch) *Encoder {
	e := &Encoder{batch: b, columns: make([]encodedColumn, b.Columns())}
	for i := range e.columns {
		e.columns[i].set(b.Column(i))
	}
	return e
}

// look finds out which columns have nothing to be escaped, before the first row
// is appended.
func (e *Encoder) look() {
	for i := range e.columns {
		c := &e.columns[i]
		if c.Type == record.String && !c.Bare && !JSONHoldsBare(c.offsets, c.data) {
			c.way, c.head = escaped, c.head[:len(c.head)-1]
		}
		c.simple = c.way == bare && c.Nulls == nil && c.validity == nil
		c.checkBare()
	}
}

func (c *encodedColumn) set(column record.Column) {
	c.Column = column
	c.name = append(AppendJSONString([]byte{','}, c.Name), ':')
	c.head = c.name
	if kind := kindOfType(c.Type); kind != Absent {
		c.head = append(AppendJSONString(append(c.name[:len(c.name):len(c.name)], '{'), kind.Descriptor()), ':')
	}
	if c.Values.NullN() > 0 {
		c.validity, c.first = c.Values.NullBitmapBytes(), c.Values.Data().Offset()
	}
	switch values := c.Values.(type) {
	case *array.String:
		c.offsets, c.data = values.ValueOffsets(), values.ValueBytes()
	case *array.Binary:
		c.offsets, c.data = values.ValueOffsets(), values.ValueBytes()
		if c.way = whole; c.Type == record.Binary {
			c.way = base64ed
		}
	default:
		c.way = truth
	}
	c.data = c.data[:len(c.data):len(c.data)]
	if c.way == bare {
		c.head = append(c.head, '"')
		c.frame.Set(c.head, `"}`)
	}
	c.around = len(c.head) + len(`"}`)
}

func (c *encodedColumn) absent(row int) bool {
	return c.validity != nil && !bitutil.BitIsSet(c.validity, c.first+row)
}

// cell is the bytes of the row's value.
func (c *encodedColumn) cell(row int) []byte {
	from := c.offsets[0]
	return c.data[c.offsets[row]-from : c.offsets[row+1]-from]
}

// AppendRow is what the function AppendRow is.
func (e *Encoder) AppendRow(dst []byte, row int) []byte {
	e.looked.Do(e.look)
	start := len(dst)
	for i := range e.columns {
		switch c := &e.columns[i]; {
		case c.simple:
			dst = c.frame.Append(dst, c.cell(row))
		case c.absent(row):
		default:
			dst = c.append(dst, row)
		}
	}
	for name, cell := range record.Cells(e.batch.Overflow(row)) {
		dst = AppendJSONString(append(dst, ','), name)
		dst = append(dst, ':')
		dst = append(dst, cell...)
	}
	return closeRow(dst, start)
}

// AppendRowJSON is what the function AppendRowJSON is.
func (e *Encoder) AppendRowJSON(dst []byte, row int, lost func(attribute string)) []byte {
	start := len(dst)
	for i := range e.columns {
		c := &e.columns[i]
		if c.Absent(row) {
			continue
		}
		var plainest bool
		dst, plainest = appendCellJSON(append(dst, c.name...), c.Column, row)
		if plainest && lost != nil {
			lost(c.Name)
		}
	}
	for name, cell := range record.Cells(e.batch.Overflow(row)) {
		var plainest bool
		dst = AppendJSONString(append(dst, ','), name)
		dst, plainest = appendEncodedJSON(append(dst, ':'), cell)
		if plainest && lost != nil {
			lost(name)
		}
	}
	return closeRow(dst, start)
}

// closeRow ends a row whose members stand after a comma each.
func closeRow(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

// Size is what the function Size is.
func (e *Encoder) Size(row int) int {
	n := 0
	for i := range e.columns {
		if c := &e.columns[i]; !c.Absent(row) {
			n += len(c.Name) + cellSize(c.Column, row)
		}
	}
	return n + overflowSize(e.batch, row)
}

// Lengths is about how long AppendRow makes each row, which takes no look at
// their values.
func (e *Encoder) Lengths() []int32 {
	lengths := make([]int32, e.batch.Rows())
	for i := range e.columns {
		e.columns[i].addLengths(lengths)
	}
	if e.batch.HasOverflow() {
		for row := range lengths {
			lengths[row] += int32(len(e.batch.Overflow(row)))
		}
	}
	return lengths
}

// addLengths adds what the column takes of each row.
func (c *encodedColumn) addLengths(lengths []int32) {
	around := int32(c.around)
	switch {
	case c.validity != nil:
		for row := range lengths {
			if c.absent(row) {
				continue
			}
			if lengths[row] += around; c.offsets != nil {
				lengths[row] += int32(len(c.cell(row)))
			}
		}
	case c.offsets == nil:
		for row := range lengths {
			lengths[row] += around
		}
	default:
		start := c.offsets[0]
		for row, end := range c.offsets[1 : 1+len(lengths)] {
			lengths[row] += around + end - start
			start = end
		}
	}
}

// append appends the row's name and value, after a comma.
func (c *encodedColumn) append(dst []byte, row int) []byte {
	if c.Null(row) {
		dst = append(dst, c.name...)
		return append(dst, `{"NULL":true}`...)
	}
	if c.way == bare {
		return c.frame.Append(dst, c.cell(row))
	}
	dst = append(dst, c.head...)
	switch c.way {
	case escaped:
		dst = AppendJSONText(dst, c.cell(row))
	case base64ed:
		dst = appendBase64(dst, c.cell(row))
	case whole:
		return append(dst, c.cell(row)...)
	default:
		dst = appendBool(dst, c.Bool(row))
	}
	return append(dst, '}')
}
