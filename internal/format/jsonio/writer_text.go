package jsonio

import (
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// textColumn is a column of strings or numbers in one batch, whose values are
// written without a look at their type: a head, the text, a tail.
type textColumn struct {
	column  *record.Column // nil for a column that is written by other means
	head    []byte         // "name": or "name":{"S": or, before a text that needs no escape, its quote, too
	tail    string         // , or },
	frame   attr.Frame     // of a text that needs no escape
	offsets []int32
	data    []byte
	how     how
	sparse  bool // some row is absent or NULL
}

// how a text is written.
type how uint8

const (
	copied how = iota // it needs no escape
	quoted            // it may need some, and the quotes
	number            // as JSON has numbers
)

// bind turns to a column of the next batch; key is its name as JSON has it,
// with the colon.
func (t *textColumn) bind(s *layout.Source, key []byte, dynamoDB bool) {
	t.column = nil
	values, ok := s.In.Values.(*array.String)
	if !ok || !s.Direct || values.Len() == 0 {
		return
	}
	t.column = &s.In
	t.offsets, t.data = values.ValueOffsets(), values.ValueBytes()
	t.sparse = values.NullN() > 0 || s.In.Nulls != nil
	t.how = copied
	switch {
	case s.In.Type == record.Number && !dynamoDB:
		t.how = number
	case s.In.Type == record.String && !s.In.Bare && !attr.JSONHoldsBare(t.offsets, t.data):
		t.how = quoted
	}
	t.head, t.tail = append(t.head[:0], key...), ","
	if dynamoDB {
		t.head = append(t.head, `{"S":`...)
		if s.In.Type == record.Number {
			t.head = append(t.head[:len(key)], `{"N":`...)
		}
	}
	if dynamoDB {
		t.tail = "},"
	}
	if t.how == copied {
		t.head = append(t.head, '"')
		t.frame.Set(t.head, `"`+t.tail)
	}
}

// has reports that the row has a text, which is neither absent nor NULL.
func (t *textColumn) has(row int) bool {
	return t.column != nil && (!t.sparse || !t.column.Absent(row) && !t.column.Null(row))
}

// append appends the row's attribute and a comma.
func (t *textColumn) append(dst []byte, row int) []byte {
	first := t.offsets[0]
	text := t.data[t.offsets[row]-first : t.offsets[row+1]-first]
	if t.how == copied {
		return t.frame.Append(dst, text)
	}
	dst = append(dst, t.head...)
	if t.how == quoted {
		dst = attr.AppendJSONText(dst, text)
	} else {
		dst = attr.AppendJSONDigits(dst, text)
	}
	return append(dst, t.tail...)
}
