package record

import (
	"encoding/binary"
	"iter"
)

// An overflow cell is a run of attributes, each a length-prefixed name and a
// length-prefixed DynamoDB JSON value.

// AppendCell adds an attribute to an overflow cell.
func AppendCell(cell []byte, name string, value []byte) []byte {
	cell = binary.AppendUvarint(cell, uint64(len(name)))
	cell = append(cell, name...)
	cell = binary.AppendUvarint(cell, uint64(len(value)))
	return append(cell, value...)
}

// Cells walks the attributes of an overflow cell in the order they were added.
// Both the name and the value share the cell's memory.
func Cells(cell []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(cell) > 0 {
			var name, value []byte
			name, cell = cutPrefixed(cell)
			value, cell = cutPrefixed(cell)
			if !yield(string(name), value) {
				return
			}
		}
	}
}

func cutPrefixed(b []byte) (head, rest []byte) {
	n, w := binary.Uvarint(b)
	return b[w : w+int(n)], b[w+int(n):]
}
