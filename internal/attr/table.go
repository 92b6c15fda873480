package attr

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// TableColumn is a column that is known before any row is.
type TableColumn struct {
	Name string
	// Type is String, Number or Binary: then its cells come as bytes. Zero is
	// for whatever else: then they come as values, which give it its type.
	Type record.Type
}

// Table makes rows into batches as Builder does, but rows of columns that are
// known beforehand and are set by their number: what a file with a header has.
// Cells go straight into the memory of the batch. A row is built cell by cell,
// from the first column to the last, and then kept, by EndRow, or forgotten, by
// Drop. It is used by one goroutine.
//
// A batch has all of the columns, also those in which no row has a value, but
// those past record.MaxColumns are in its overflow.
type Table struct {
	mem     memory.Allocator
	columns []TableColumn
	cells   []cellColumn // of the columns that come as bytes
	others  []*column    // of the others; nil for one that comes as bytes
	rows    int          // how many rows a batch is expected to have

	pos   []record.Pos
	held  int // bytes of the values of the rows that were kept
	bytes int // of the row being built, at least
	over  overflow
}

// NewTable is a table without columns, for batches of about so many rows, with
// their memory from mem.
func NewTable(mem memory.Allocator, rows int) *Table {
	return &Table{mem: mem, rows: min(max(rows, 1), 64<<10)}
}

// Has reports whether the columns are these.
func (t *Table) Has(columns []TableColumn) bool {
	if len(columns) != len(t.columns) {
		return false
	}
	for i := range columns {
		if columns[i] != t.columns[i] {
			return false
		}
	}
	return true
}

// Define sets the columns, which have different names. No row has been kept
// since the last batch.
func (t *Table) Define(columns []TableColumn) {
	t.Release()
	t.columns = columns
	n := min(len(columns), record.MaxColumns)
	t.cells = make([]cellColumn, n)
	t.others = make([]*column, n)
	for i, c := range columns[:n] {
		if c.Type == 0 {
			t.others[i] = &column{name: c.Name}
		}
	}
}

// Rows is the number of rows kept since the last batch.
func (t *Table) Rows() int { return len(t.pos) }

// Bytes is the size of the kept rows' values as the columns hold them.
func (t *Table) Bytes() int { return t.held }

// Append sets the row's cell in a column of a type: its text or bytes, which it
// copies. Of a number CheckNumber has found nothing to say.
func (t *Table) Append(i int, cell []byte) {
	if t.bytes += len(cell); i >= len(t.cells) || t.bytes > MaxRowBytes {
		t.appendOdd(i, cell)
		return
	}
	c := &t.cells[i]
	end := c.used + len(cell)
	if end+short > len(c.data) || c.rows+1 >= len(c.ends) {
		c.reserve(t.mem, end+short, t.rows)
	}
	if len(cell) <= short && cap(cell) >= short {
		*(*[short]byte)(c.data[c.used:]) = *(*[short]byte)(cell[:short])
	} else {
		copy(c.data[c.used:end], cell)
	}
	c.used = end
	c.rows++
	c.ends[c.rows] = int32(end)
}

// appendOdd is Append for what has no column, or no room.
func (t *Table) appendOdd(i int, cell []byte) {
	if t.bytes -= len(cell); i >= len(t.cells) && t.bytes <= MaxRowBytes {
		t.overflow(i, Value{kind: kindOfType(t.columns[i].Type), text: view(cell)})
		return
	}
	t.bytes += len(cell)
}

// Skip leaves the row's attribute of a column out.
func (t *Table) Skip(i int) {
	if i >= len(t.cells) || t.others[i] != nil {
		return
	}
	c := &t.cells[i]
	if c.rows+1 >= len(c.ends) {
		c.reserve(t.mem, 0, t.rows)
	}
	c.absent = append(c.absent, int32(c.rows))
	c.rows++
	c.ends[c.rows] = int32(c.used)
}

// Set sets the row's cell in a column without a type; Absent sets nothing.
func (t *Table) Set(i int, v Value) {
	switch {
	case v.kind == Absent:
	case i >= len(t.cells):
		t.overflow(i, v)
	default:
		c, row := t.others[i], len(t.pos)
		c.begin(row)
		if v.kind == Null {
			c.finishNull(row)
		} else {
			c.put(v)
			c.finish(row)
		}
		t.bytes += len(c.data) - c.startOf(row)
	}
}

func (t *Table) overflow(i int, v Value) {
	before := len(t.over.row)
	t.over.put(t.columns[i].Name, v)
	t.bytes += len(t.over.row) - before
}

// Err is why the row being built can't be kept, as of Builder. The caller then
// calls Drop.
func (t *Table) Err() error { return checkSize(t.bytes, t.held) }

// EndRow keeps the row, which came from p. Its columns have all been set or
// skipped, and it has no error.
func (t *Table) EndRow(p record.Pos) {
	if err := t.Err(); err != nil {
		panic("attr: EndRow of a row that has an error: " + err.Error())
	}
	t.held += t.bytes
	row := len(t.pos)
	for _, c := range t.others {
		if c != nil && c.before != nil {
			t.held += c.startOf(row) - len(c.before.data)
			c.before = nil
		}
	}
	t.over.keep(row)
	if t.pos == nil {
		t.pos = make([]record.Pos, 0, t.rows)
	}
	t.pos = append(t.pos, p)
	t.bytes = 0
}

// Drop forgets the row being built.
func (t *Table) Drop() {
	row := len(t.pos)
	for i := range t.cells {
		t.cells[i].truncate(row)
		if c := t.others[i]; c != nil && c.row == row+1 {
			c.undo(row)
		}
	}
	t.over.drop()
	t.bytes = 0
}

// Batch is the rows kept so far, which came from place. The table starts anew
// with the same columns; a row being built is forgotten.
func (t *Table) Batch(place *record.Place) *record.Batch {
	t.Drop()
	rows := len(t.pos)
	columns := make([]record.Column, len(t.cells))
	for i := range columns {
		if c := t.others[i]; c != nil {
			columns[i] = c.cut(t.mem, rows)
			c.reset()
			continue
		}
		columns[i] = record.Column{Name: t.columns[i].Name, Type: t.columns[i].Type, Values: t.cells[i].cut(t.mem, t.columns[i].Type)}
	}
	over := t.over.cut(t.mem, rows)
	batch := newBatch(columns, over, record.Origins{Place: place, Pos: t.pos})
	t.pos, t.held = nil, 0
	t.over.reset()
	return batch
}

// Release gives the memory of rows that went into no batch back. The table may
// be used anew.
func (t *Table) Release() {
	for i := range t.cells {
		t.cells[i].release(t.mem)
	}
	*t = Table{mem: t.mem, rows: t.rows}
}

// cellColumn is a column of bytes in the making, in the memory that its array
// will have.
type cellColumn struct {
	data   []byte
	used   int     // of data
	ends   []int32 // the array's offsets: rows + 1 of them in use
	buffer []byte  // what ends is a view of
	rows   int
	absent []int32 // the rows without a value
	room   int     // how much data the last batch had
}

// A cell of up to short bytes is copied as if it had short bytes, which takes
// two instructions; what is too much of it is written over by the next one.
const short = 16

// reserve makes room for a row more, and for so much data in all.
func (c *cellColumn) reserve(mem memory.Allocator, data, rows int) {
	if c.ends == nil {
		if c.room == 0 {
			c.room = short * rows
		}
		c.data = mem.Allocate(max(data, c.room+c.room/8+short))
		c.buffer = mem.Allocate((rows + 2) * arrow.Int32SizeBytes)
		c.ends = arrow.Int32Traits.CastFromBytes(c.buffer)
		c.ends[0] = 0
	}
	if data > len(c.data) {
		c.data = grown(mem, c.data, max(data, 2*len(c.data)))
	}
	if c.rows+1 >= len(c.ends) {
		c.buffer = grown(mem, c.buffer, 2*len(c.buffer))
		c.ends = arrow.Int32Traits.CastFromBytes(c.buffer)
	}
}

// grown is memory of that size that starts with what old has, which is freed.
func grown(mem memory.Allocator, old []byte, size int) []byte {
	buf := mem.Allocate(size)
	copy(buf, old)
	mem.Free(old)
	return buf
}

// truncate forgets the rows from rows on.
func (c *cellColumn) truncate(rows int) {
	if c.rows <= rows {
		return
	}
	c.rows = rows
	c.used = int(c.ends[rows])
	for n := len(c.absent); n > 0 && int(c.absent[n-1]) >= rows; n-- {
		c.absent = c.absent[:n-1]
	}
}

// cut is the rows as an array, which takes over their memory.
func (c *cellColumn) cut(mem memory.Allocator, t record.Type) arrow.Array {
	var validity *memory.Buffer
	if len(c.absent) > 0 {
		validity = bufferOf(mem, nil, int(bitutil.BytesForBits(int64(c.rows))))
		bitutil.SetBitsTo(validity.Bytes(), 0, int64(c.rows), true)
		for _, row := range c.absent {
			bitutil.ClearBit(validity.Bytes(), int(row))
		}
	}
	offsets := bufferIn(mem, c.buffer, (c.rows+1)*arrow.Int32SizeBytes)
	values := newArray(t, c.rows, len(c.absent), validity, offsets, bufferIn(mem, c.data, c.used))
	*c = cellColumn{absent: c.absent[:0], room: max(c.used, short)}
	return values
}

// bufferIn is a buffer of the first size bytes of memory that it takes over.
func bufferIn(mem memory.Allocator, taken []byte, size int) *memory.Buffer {
	buf := memory.NewBufferWithAllocator(taken, mem)
	buf.ResizeNoShrink(size)
	return buf
}

func (c *cellColumn) release(mem memory.Allocator) {
	if c.ends != nil {
		mem.Free(c.data)
		mem.Free(c.buffer)
	}
	*c = cellColumn{}
}
