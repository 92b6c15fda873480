package attr

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// MaxMadeBytes is what a ColumnMaker can be filled with, and one value more: all
// of it may have to be encoded anew as DynamoDB JSON, where a control character
// becomes six bytes, and an Arrow column ends at 2 GB.
const MaxMadeBytes = 256 << 20

// keptBytes is how much room a ColumnMaker keeps for the next column.
const keptBytes = 4 << 20

// ColumnMaker makes columns, a row's value after the other. Its buffers are
// used again for the next column. The zero ColumnMaker is ready.
type ColumnMaker struct {
	c    column
	rows int
}

// Absent adds a row that does not have the attribute.
func (m *ColumnMaker) Absent() { m.rows++ }

// Null adds a row where it is NULL.
func (m *ColumnMaker) Null() {
	m.c.reach(m.rows)
	m.c.finishNull(m.rows)
	m.rows++
}

// Text adds a row's string, number or binary. A number is one of which
// CheckNumber has found nothing to say.
func (m *ColumnMaker) Text(t record.Type, text string) {
	c := &m.c
	if len(c.ends) < m.rows {
		c.reach(m.rows)
	}
	if c.typ == t || c.accepts(t) {
		c.data = append(c.data, text...)
	} else {
		c.data = appendEncoded(c.data, t, bytesOf(text))
	}
	m.finish()
}

// Bool adds a row's bool.
func (m *ColumnMaker) Bool(v bool) { m.Value(BoolValue(v)) }

// Cell adds a row's list, map or set, encoded as in an any column.
func (m *ColumnMaker) Cell(cell string) {
	m.c.reach(m.rows)
	m.c.accepts(record.Any)
	m.c.data = append(m.c.data, cell...)
	m.finish()
}

// Value adds a row's value.
func (m *ColumnMaker) Value(v Value) {
	switch v.kind {
	case Absent:
		m.Absent()
	case Null:
		m.Null()
	default:
		m.c.reach(m.rows)
		m.c.put(v)
		m.finish()
	}
}

func (m *ColumnMaker) finish() {
	m.c.before = nil
	m.c.finish(m.rows)
	m.rows++
	if len(m.c.data) > maxColumnBytes {
		panic(fmt.Sprintf("attr: a column of more than %d bytes", maxColumnBytes))
	}
}

// Bytes is the size of what was added, as the column holds it.
func (m *ColumnMaker) Bytes() int { return len(m.c.data) }

// Column is the column of what was added. The maker starts anew.
func (m *ColumnMaker) Column(mem memory.Allocator, name string) record.Column {
	m.c.name = name
	out := m.c.cut(mem, m.rows)
	m.Reset()
	return out
}

// Reset forgets what was added.
func (m *ColumnMaker) Reset() {
	if cap(m.c.data) > keptBytes {
		m.c.data = nil
	}
	m.c.reset()
	m.rows = 0
}
