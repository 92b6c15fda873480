package attr

import (
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Encoder is AppendRow, AppendRowJSON and Size for the rows of one batch: what is the same in every row
// is made once. It is valid until the batch is released.
type Encoder struct {
	batch   *record.Batch
	columns []encodedColumn
}

// encodedColumn is a column and what stands before each of its values.
type encodedColumn struct {
	record.Column
	name   []byte        // ,"name":
	head   []byte        // ,"name":{"S":
	text   *array.String // of a string or number column
	binary *array.Binary // of a binary or any column
}

// NewEncoder is an encoder of the batch's rows.
func NewEncoder(b *record.Batch) *Encoder {
	e := &Encoder{batch: b, columns: make([]encodedColumn, b.Columns())}
	for i := range e.columns {
		c := encodedColumn{Column: b.Column(i)}
		c.name = append(AppendJSONString([]byte{','}, c.Name), ':')
		c.head = c.name
		if kind := kindOfType(c.Type); kind != Absent {
			c.head = append(AppendJSONString(append(c.name[:len(c.name):len(c.name)], '{'), kind.Descriptor()), ':')
		}
		c.text, _ = c.Values.(*array.String)
		c.binary, _ = c.Values.(*array.Binary)
		e.columns[i] = c
	}
	return e
}

// AppendRow is what the function AppendRow is.
func (e *Encoder) AppendRow(dst []byte, row int) []byte {
	start := len(dst)
	for i := range e.columns {
		if c := &e.columns[i]; !c.Absent(row) {
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

// append appends the row's name and value, after a comma.
func (c *encodedColumn) append(dst []byte, row int) []byte {
	if c.Null(row) {
		dst = append(dst, c.name...)
		return append(dst, `{"NULL":true}`...)
	}
	dst = append(dst, c.head...)
	switch c.Type {
	case record.String:
		dst = AppendJSONString(dst, c.text.Value(row))
	case record.Number:
		dst = append(dst, '"')
		dst = append(dst, c.text.Value(row)...)
		dst = append(dst, '"')
	case record.Bool:
		dst = appendBool(dst, c.Bool(row))
	case record.Binary:
		dst = appendBase64(dst, c.binary.Value(row))
	default:
		return append(dst, c.binary.Value(row)...)
	}
	return append(dst, '}')
}
