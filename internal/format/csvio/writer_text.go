package csvio

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// textColumn is a column of strings or numbers in one batch, whose values are
// written without a look at their type.
type textColumn struct {
	column  *record.Column // nil for a column that is written by other means
	offsets []int32
	data    []byte
	number  bool
	special bool // some text has a byte that needs quotes
	sparse  bool // some row is absent or NULL
}

// bind turns to a column of the next batch.
func (t *textColumn) bind(s *layout.Source, delimiter byte) {
	*t = textColumn{}
	values, ok := s.In.Values.(*array.String)
	if !ok || !s.Direct || values.Len() == 0 {
		return
	}
	t.column = &s.In
	t.offsets, t.data = values.ValueOffsets(), values.ValueBytes()
	t.number = s.In.Type == record.Number
	t.special = !t.number && hasSpecial(t.data, delimiter)
	t.sparse = values.NullN() > 0 || s.In.Nulls != nil
}

// has reports that the row has a text, which is neither absent nor NULL.
func (t *textColumn) has(row int) bool {
	return t.column != nil && (!t.sparse || !t.column.Absent(row) && !t.column.Null(row))
}

// text is the row's text, and whether it can stand in the file as it is.
func (t *textColumn) text(row int) (text []byte, bare bool) {
	first := t.offsets[0]
	text = t.data[t.offsets[row]-first : t.offsets[row+1]-first]
	return text, t.number || !t.special && len(text) > 0 && !oddEnds(text)
}

// oddEnds reports that a text begins or ends with what may not stand there
// without quotes: a space or a control character, what may begin a comment, or
// a byte order mark.
func oddEnds[T string | []byte](text T) bool {
	first, last := text[0], text[len(text)-1]
	return first <= ' ' || last <= ' ' || first == '#' || first == byteOrderMark[0] && len(text) >= 3 && string(text[:3]) == byteOrderMark
}

// hasSpecial reports a quote, a line end or the delimiter.
func hasSpecial(b []byte, delimiter byte) bool {
	delims := uint64(delimiter) * eachByte
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		if nonZero(x^delims)&nonZero(x^'"'*eachByte)&nonZero(x^'\n'*eachByte)&nonZero(x^'\r'*eachByte)&highBits != highBits {
			return true
		}
	}
	for _, c := range b {
		if c == delimiter || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}
