package attr

import (
	"encoding/base64"

	"github.com/dynapipe/dynapipe/internal/record"
)

// What values cost (AWS: "DynamoDB item sizes and formats").
const (
	flagSize      = 1 // NULL or BOOL
	containerSize = 3 // list or map, whatever is in it
	memberSize    = 1 // each of its elements
)

// Size is the value's size in bytes by AWS's rule, 0 for Absent. Numbers are
// AWS's approximation: half a byte a significant digit and one, and one more
// below zero.
func (v Value) Size() int {
	switch v.kind {
	case Null, Bool:
		return flagSize
	case Number:
		return numberSize(v.text)
	case List:
		n := containerSize
		for _, e := range v.elems {
			n += memberSize + e.Size()
		}
		return n
	case Map:
		n := containerSize
		for _, f := range v.fields {
			n += memberSize + len(f.Name) + f.Value.Size()
		}
		return n
	case StringSet, NumberSet, BinarySet:
		n := 0
		for _, e := range v.elems {
			n += e.Size()
		}
		return n
	}
	return len(v.text)
}

func numberSize(text string) int {
	d, _ := scanDecimal(text)
	n := (d.digits+1)/2 + 1
	if d.digits > 0 && d.neg {
		n++
	}
	return n
}

// Size is the row's size as an item, in bytes, by AWS's rule: names and values.
// It is never more than the length of the row as DynamoDB JSON.
func Size(b *record.Batch, row int) int {
	n := 0
	for i := range b.Columns() {
		if c := b.Column(i); !c.Absent(row) {
			n += len(c.Name) + cellSize(c, row)
		}
	}
	return n + overflowSize(b, row)
}

func overflowSize(b *record.Batch, row int) int {
	n := 0
	for name, cell := range record.Cells(b.Overflow(row)) {
		n += len(name) + encodedSize(cell)
	}
	return n
}

func cellSize(c record.Column, row int) int {
	if c.Null(row) {
		return flagSize
	}
	switch c.Type {
	case record.String:
		return len(c.Text(row))
	case record.Number:
		return numberSize(c.Text(row))
	case record.Binary:
		return len(c.Bytes(row))
	case record.Any:
		return encodedSize(c.Bytes(row))
	}
	return flagSize
}

// encodedSize is the size of a cell of an any column.
func encodedSize(cell []byte) int {
	d := decoder{text: view(cell)}
	return d.size()
}

func (d *decoder) size() int {
	n := 0
	switch kind := d.descriptor(); kind {
	case Null:
		d.pos += len("true")
		n = flagSize
	case Bool:
		d.boolean()
		n = flagSize
	case List:
		n = containerSize
		for more := d.enter(); more; more = d.more() {
			n += memberSize + d.size()
		}
	case Map:
		n = containerSize
		for more := d.enter(); more; more = d.more() {
			n += memberSize + d.textSize(String)
			d.pos++ // the colon
			n += d.size()
		}
	case StringSet, NumberSet, BinarySet:
		for more := d.enter(); more; more = d.more() {
			n += d.textSize(elementKind(kind))
		}
	default:
		n = d.textSize(kind)
	}
	d.pos++ // the brace
	return n
}

func (d *decoder) textSize(kind Kind) int {
	raw, escaped := d.raw()
	switch {
	case kind == Number:
		return numberSize(raw)
	case kind == Binary:
		return base64Size(raw)
	case escaped:
		text, _, _ := unescape(nil, bytesOf(raw))
		return len(text)
	}
	return len(raw)
}

func base64Size(text string) int {
	n := base64.StdEncoding.DecodedLen(len(text))
	for i := len(text) - 1; i >= 0 && text[i] == '='; i-- {
		n--
	}
	return n
}
