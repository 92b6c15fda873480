package attr

import (
	"slices"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// column is a column in the making. Its buffers are reused from batch to
// batch; what goes into a batch is copied from them, at its exact size, but for
// cells that were made in memory of the batch's own.
//
// Whatever the type, a cell is bytes: a bool is one byte until the batch is
// cut. A column has no type until a value comes that is not NULL.
type column struct {
	name    string
	quoted  string // its name as JSON spells it before a value; empty when it is not UTF-8
	heads   heads
	place   int // its index in the builder
	typ     record.Type
	data    []byte
	own     []byte  // memory of the batch to come that data starts in; nil: data is copied to the batch
	room    int     // how much data the last batch had
	ends    []int32 // where the cell of a row ends; rows not reached yet are absent
	sparse  bool    // some row is absent
	valid   []byte  // bitmap of a sparse column: the row has the attribute
	nulls   []byte  // bitmap: it is DynamoDB NULL
	present int     // rows that have it
	marked  int     // rows that are NULL
	bare    bool    // each cell is text that JSON holds as it is; false when that is not known

	// The row being built.
	row    int         // 1 + the last row that set it
	was    record.Type // the type before it
	rest   bool        // the cells before it are bare
	before *cells      // the cells before it changed the type
}

// heads is what stands before a value in a row of JSON, as the service and most
// programs spell it; empty when the name is not UTF-8.
type heads struct {
	itemText, itemNumber string // "name":{"S":" and "name":{"N":"
	text                 string // "name":"
}

func headsOf(quoted string) heads {
	return heads{itemText: quoted + `{"S":"`, itemNumber: quoted + `{"N":"`, text: quoted + `"`}
}

func (h *heads) aroundItemText() int { return len(h.itemText) + len(`"}`) }

func (h *heads) aroundText() int { return len(h.text) + len(`"`) }

// cells is what a change of type replaces.
type cells struct {
	data []byte
	ends []int32
}

// startOf is where the cell of a row starts.
func (c *column) startOf(row int) int {
	if row == 0 {
		return 0
	}
	return int(c.ends[row-1])
}

// reach makes the rows before row absent where they were not set.
func (c *column) reach(row int) {
	if len(c.ends) < row {
		c.skipTo(row)
	}
}

func (c *column) skipTo(row int) {
	if !c.sparse {
		c.sparse = true
		c.valid = slices.Grow(c.valid[:0], row/8+1)[:int(bitutil.BytesForBits(int64(len(c.ends))))]
		clear(c.valid)
		bitutil.SetBitsTo(c.valid, 0, int64(len(c.ends)), true)
	}
	end := int32(len(c.data))
	c.ends = slices.Grow(c.ends, row-len(c.ends))
	for len(c.ends) < row {
		c.ends = append(c.ends, end)
	}
}

// has reports that the row, which has been reached, has the attribute.
func (c *column) has(row int) bool {
	if c.sparse {
		return bitAt(c.valid, row)
	}
	return row < len(c.ends)
}

// begin starts the row's cell, in place of one that it may have.
func (c *column) begin(row int) {
	c.was = c.typ
	c.row = row + 1
	c.rest = c.present == 0 || c.bare
	c.bare = false
	c.reach(row)
}

// clear forgets the row's cell, whole or half-made.
func (c *column) clear(row int) {
	if c.has(row) {
		c.present--
		if c.sparse {
			bitutil.ClearBit(c.valid, row)
		}
		if bitAt(c.nulls, row) {
			c.marked--
			bitutil.ClearBit(c.nulls, row)
		}
	}
	c.bare = false
	c.ends = c.ends[:row]
	c.data = c.data[:c.startOf(row)]
}

// undo takes the column back to before the row.
func (c *column) undo(row int) {
	c.clear(row)
	if c.before != nil {
		c.data, c.ends = c.before.data, c.before.ends
		c.before = nil
	}
	c.typ = c.was
	c.row = 0
}

// finish ends the row's cell, the data of which has been appended.
func (c *column) finish(row int) {
	c.ends = append(c.ends, int32(len(c.data)))
	if c.sparse {
		c.valid = setBit(c.valid, row)
	}
	c.present++
}

// finishNull ends the row's cell as NULL.
func (c *column) finishNull(row int) {
	c.nulls = setBit(c.nulls, row)
	c.marked++
	c.finish(row)
}

// accepts makes the column ready for a value of that type and reports whether
// it is stored as such; otherwise the column is any.
func (c *column) accepts(t record.Type) bool {
	switch c.typ {
	case t:
		return t != record.Any
	case 0:
		c.typ = t
		return t != record.Any
	case record.Any:
		return false
	}
	c.widen()
	return false
}

// widen makes the column any: its cells are encoded anew.
func (c *column) widen() {
	old := &cells{data: c.data, ends: c.ends}
	c.data = make([]byte, 0, len(old.data)+12*len(old.ends))
	c.ends = make([]int32, 0, cap(old.ends))
	start := 0
	for row, end := range old.ends {
		if (!c.sparse || bitAt(c.valid, row)) && !bitAt(c.nulls, row) {
			c.data = appendEncoded(c.data, c.typ, old.data[start:end])
		}
		c.ends = append(c.ends, int32(len(c.data)))
		start = int(end)
	}
	c.before = old
	c.typ = record.Any
}

// appendEncoded appends a typed cell as compact DynamoDB JSON.
func appendEncoded(dst []byte, t record.Type, cell []byte) []byte {
	switch t {
	case record.String:
		dst = AppendJSONString(append(dst, `{"S":`...), view(cell))
	case record.Number:
		dst = append(dst, `{"N":"`...)
		dst = append(dst, cell...)
		dst = append(dst, '"')
	case record.Bool:
		dst = appendBool(append(dst, `{"BOOL":`...), cell[0] != 0)
	case record.Binary:
		dst = appendBase64(append(dst, `{"B":`...), cell)
	}
	return append(dst, '}')
}

// columnType is the type of a column that holds values of the kind.
func columnType(k Kind) record.Type {
	switch k {
	case String:
		return record.String
	case Number:
		return record.Number
	case Bool:
		return record.Bool
	case Binary:
		return record.Binary
	}
	return record.Any
}

// put appends the data of a value that is neither Absent nor NULL.
func (c *column) put(v Value) {
	switch {
	case !c.accepts(columnType(v.kind)):
		c.data = AppendDynamoJSON(c.data, v)
	case v.kind == Bool:
		c.data = append(c.data, boolByte(v.flag))
	default:
		c.data = append(c.data, v.text...)
	}
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// reset forgets the rows, and keeps the buffers.
func (c *column) reset() {
	*c = column{
		name: c.name, quoted: c.quoted, heads: c.heads, place: c.place, data: c.data[:0], own: c.own, room: c.room, ends: c.ends[:0],
		valid: c.valid[:0], nulls: c.nulls[:0],
	}
}

// cut is the column of a batch of that many rows.
func (c *column) cut(mem memory.Allocator, rows int) record.Column {
	c.reach(rows)
	out := record.Column{Name: c.name, Type: c.typ, Bare: c.bare}
	if c.typ == 0 {
		out.Type = record.String
	}
	if c.marked > 0 {
		out.Nulls = make([]byte, bitutil.BytesForBits(int64(rows)))
		copy(out.Nulls, c.nulls)
	}
	var validity *memory.Buffer
	if c.sparse {
		validity = bufferOf(mem, c.valid, int(bitutil.BytesForBits(int64(rows))))
	}
	if out.Type == record.Bool {
		out.Values = newArray(out.Type, rows, rows-c.present, validity, c.bits(mem))
		return out
	}
	out.Values = newArray(out.Type, rows, rows-c.present, validity, offsetsOf(mem, c.ends), c.values(mem))
	return out
}

// values is a buffer of the cells: the column's own memory, if they are still in
// it.
func (c *column) values(mem memory.Allocator) *memory.Buffer {
	c.room = len(c.data)
	if c.own == nil || unsafe.SliceData(c.data) != unsafe.SliceData(c.own) {
		return bufferOf(mem, c.data, len(c.data))
	}
	buf := bufferIn(mem, c.own, len(c.data))
	c.own, c.data = nil, nil
	return buf
}

// prepare has the next batch's cells made in memory that it takes over.
func (c *column) prepare(mem memory.Allocator) {
	if c.own == nil {
		c.own = mem.Allocate(c.room + c.room/8 + short)
	}
	c.data = c.own[:0:len(c.own)] // a buffer has no more than the length of its memory
}

func (c *column) release(mem memory.Allocator) {
	if c.own != nil {
		mem.Free(c.own)
		c.own, c.data = nil, nil
	}
}

// bits packs the cells of a bool column.
func (c *column) bits(mem memory.Allocator) *memory.Buffer {
	buf := bufferOf(mem, nil, int(bitutil.BytesForBits(int64(len(c.ends)))))
	start := int32(0)
	for row, end := range c.ends {
		if end > start && c.data[start] != 0 {
			bitutil.SetBit(buf.Bytes(), row)
		}
		start = end
	}
	return buf
}

// bufferOf is a buffer of size bytes that starts with src, the rest zero.
func bufferOf(mem memory.Allocator, src []byte, size int) *memory.Buffer {
	buf := memory.NewBufferWithAllocator(mem.Allocate(size), mem)
	n := copy(buf.Bytes(), src)
	clear(buf.Bytes()[n:])
	return buf
}

// offsetsOf is the offsets buffer of cells that end there.
func offsetsOf(mem memory.Allocator, ends []int32) *memory.Buffer {
	buf := memory.NewBufferWithAllocator(mem.Allocate((len(ends)+1)*arrow.Int32SizeBytes), mem)
	offsets := arrow.Int32Traits.CastFromBytes(buf.Bytes())
	offsets[0] = 0
	copy(offsets[1:], ends)
	return buf
}

// newArray makes an array of the buffers, which it takes over. The first may be
// nil when every row has a value.
func newArray(t record.Type, rows, nulls int, buffers ...*memory.Buffer) arrow.Array {
	data := array.NewData(t.Arrow(), rows, buffers, nil, nulls, 0)
	defer data.Release()
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	switch t {
	case record.Bool:
		return array.NewBooleanData(data)
	case record.Binary, record.Any:
		return array.NewBinaryData(data)
	}
	return array.NewStringData(data)
}

func bitAt(bitmap []byte, i int) bool {
	return i/8 < len(bitmap) && bitmap[i/8]&(1<<(i%8)) != 0
}

// setBit sets a bit of a bitmap that grows as needed.
func setBit(bitmap []byte, i int) []byte {
	at, bit := uint(i)/8, byte(1)<<(uint(i)%8)
	for at > uint(len(bitmap)) {
		bitmap = append(bitmap, 0)
	}
	if at == uint(len(bitmap)) {
		return append(bitmap, bit)
	}
	bitmap[at] |= bit
	return bitmap
}
