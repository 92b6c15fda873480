package attr

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// The offsets of an Arrow column are of 32 bits and overflow silently. These
// two keep every column below that, even when all of it has to be encoded anew
// as DynamoDB JSON, where a control character becomes six bytes.
const (
	MaxRowBytes   = 64 << 20  // the values of one row
	MaxBatchBytes = 256 << 20 // the values of a batch to which a row is added
)

// Builder makes rows into batches. A row is built attribute by attribute and
// then kept, by EndRow, or forgotten, by Drop. It is used by one goroutine.
//
// An attribute set again in the same row replaces what was set before. A
// column whose rows bring another type becomes any; attributes beyond
// record.MaxColumns go into the overflow. The order of the columns is kept
// from batch to batch, for the columns that the last batch had; their types
// are found anew.
type Builder struct {
	mem     memory.Allocator
	columns []*column
	index   map[string]*column
	pos     []record.Pos

	// The row being built.
	next    int       // index of the column that is likely to come
	known   int       // how many columns there were before the row
	size    int       // bytes of its values in columns
	changed []*column // columns that it made any
	bytes   int       // of what it was given, at least

	held   int // bytes of the values of the rows that were kept
	steady bool
	over   overflow
	scan   scanner
}

// NewBuilder is a builder that takes the memory of its batches from mem.
func NewBuilder(mem memory.Allocator) *Builder {
	return &Builder{mem: mem, index: make(map[string]*column)}
}

// Steady has each batch made in memory like that of the batch before, which it
// takes over: for many batches, one like the other. Release must follow.
func (b *Builder) Steady() *Builder {
	b.steady = true
	return b
}

// Rows is the number of rows kept so far.
func (b *Builder) Rows() int { return len(b.pos) }

// Bytes is the size of the kept rows' values as the columns hold them.
func (b *Builder) Bytes() int { return b.held }

// String sets a string attribute of the row.
func (b *Builder) String(name, text string) { b.text(name, record.String, text) }

// StringBytes is String of bytes, which it copies.
func (b *Builder) StringBytes(name string, text []byte) { b.text(name, record.String, view(text)) }

// Number sets a number, of which CheckNumber has found nothing to say.
func (b *Builder) Number(name, text string) { b.text(name, record.Number, text) }

// NumberBytes is Number of bytes, which it copies.
func (b *Builder) NumberBytes(name string, text []byte) { b.text(name, record.Number, view(text)) }

// Binary sets a binary of these bytes, which it copies.
func (b *Builder) Binary(name string, data []byte) { b.text(name, record.Binary, view(data)) }

func (b *Builder) text(name string, t record.Type, text string) {
	if !b.room(len(text)) {
		return
	}
	c := b.column(name)
	if c == nil {
		b.over.put(name, Value{kind: kindOfType(t), text: text})
		return
	}
	if c.accepts(t) {
		c.data = append(c.data, text...)
	} else {
		c.data = appendEncoded(c.data, t, bytesOf(text))
	}
	b.finish(c)
}

// finish ends the row's cell of c, the data of which has been appended.
func (b *Builder) finish(c *column) {
	c.finish(len(b.pos))
	b.count(c)
}

// count counts the row's cell of c.
func (b *Builder) count(c *column) {
	b.size += len(c.data) - c.startOf(len(b.pos))
	if c.before != nil {
		b.changed = append(b.changed, c)
	}
}

// kindOfType is the kind of the values of a column that is not any.
func kindOfType(t record.Type) Kind {
	switch t {
	case record.String:
		return String
	case record.Number:
		return Number
	case record.Bool:
		return Bool
	case record.Binary:
		return Binary
	}
	return Absent
}

// Bool sets a bool attribute of the row.
func (b *Builder) Bool(name string, v bool) { b.Set(name, BoolValue(v)) }

// Null sets an attribute of the row to DynamoDB NULL.
func (b *Builder) Null(name string) { b.Set(name, NullValue()) }

// Any sets an attribute from a cell of an any column: one value in compact
// DynamoDB JSON, as AppendDynamoJSON and CompactDynamoJSON make it.
func (b *Builder) Any(name string, encoded []byte) {
	if !b.room(len(encoded)) {
		return
	}
	switch kind := (&decoder{text: view(encoded)}).descriptor(); kind {
	case String, Number, Bool, Binary, Null:
		b.Set(name, decodeCell(view(encoded)))
		return
	}
	c := b.column(name)
	if c == nil {
		b.over.putEncoded(name, encoded)
		return
	}
	c.accepts(record.Any)
	c.data = append(c.data, encoded...)
	b.finish(c)
}

// Set sets an attribute of the row; Absent sets nothing.
func (b *Builder) Set(name string, v Value) {
	if v.kind == Absent || !b.room(len(v.text)) {
		return
	}
	c := b.column(name)
	switch {
	case c == nil:
		b.over.put(name, v)
	case v.kind == Null:
		c.finishNull(len(b.pos))
	default:
		c.put(v)
		b.finish(c)
	}
}

// room counts n bytes of the row and reports whether they still fit.
func (b *Builder) room(n int) bool {
	b.bytes += n
	return b.bytes <= MaxRowBytes
}

// column starts the row's cell of that name; nil when the name has no column.
func (b *Builder) column(name string) *column {
	c := b.lookup(name)
	if c == nil {
		if len(b.columns) == record.MaxColumns {
			return nil
		}
		c = b.add(name)
	}
	row := len(b.pos)
	if c.row == row+1 {
		b.size -= len(c.data) - c.startOf(row)
		c.clear(row)
		return c
	}
	c.begin(row)
	return c
}

func (b *Builder) lookup(name string) *column {
	if b.next < len(b.columns) && b.columns[b.next].name == name {
		b.next++
		return b.columns[b.next-1]
	}
	c := b.index[name]
	if c != nil {
		b.next = c.place + 1
	}
	return c
}

func (b *Builder) add(name string) *column {
	c := &column{name: strings.Clone(name), place: len(b.columns)}
	if utf8.ValidString(name) {
		c.quoted = string(append(AppendJSONString(nil, name), ':'))
		c.heads = headsOf(c.quoted)
	}
	b.columns = append(b.columns, c)
	b.index[c.name] = c
	b.next = len(b.columns)
	return c
}

// Err is why the row being built can't be kept: it is larger than MaxRowBytes,
// or the batch has more than MaxBatchBytes. The caller then calls Drop.
func (b *Builder) Err() error { return b.check(b.rowBytes()) }

func (b *Builder) check(size int) error { return checkSize(max(b.bytes, size), b.held) }

// checkSize is why a row of that size can't be added to the rows held.
func checkSize(row, held int) error {
	switch {
	case row > MaxRowBytes:
		return fmt.Errorf("the row holds more than %d MB: a DynamoDB item ends at 400 KB", MaxRowBytes>>20)
	case held > MaxBatchBytes:
		return fmt.Errorf("the batch holds more than %d MB: cut it at a lower batch_bytes", MaxBatchBytes>>20)
	}
	return nil
}

// rowBytes is the size of what the row holds so far.
func (b *Builder) rowBytes() int { return b.size + len(b.over.row) }

// EndRow keeps the row, which came from p. Whoever builds rows of a size that
// nothing bounds asks Err before; a row that has an error can't be kept.
func (b *Builder) EndRow(p record.Pos) {
	row, size := len(b.pos), b.rowBytes()
	widened := 0 // by this much the rows before have become larger
	for _, c := range b.changed {
		if c.before != nil {
			widened += c.startOf(row) - len(c.before.data)
			c.before = nil
		}
	}
	if err := b.check(size); err != nil {
		panic("attr: EndRow of a row that has an error: " + err.Error())
	}
	b.held += size + widened
	b.over.keep(row)
	b.pos = append(b.pos, p)
	b.nextRow()
}

// Drop forgets the row being built.
func (b *Builder) Drop() {
	row := len(b.pos)
	for _, c := range b.columns {
		if c.row == row+1 {
			c.undo(row)
		}
	}
	for _, c := range b.columns[b.known:] {
		delete(b.index, c.name)
	}
	clear(b.columns[b.known:])
	b.columns = b.columns[:b.known]
	b.over.drop()
	b.nextRow()
}

func (b *Builder) nextRow() {
	b.next, b.known, b.bytes = 0, len(b.columns), 0
	b.size, b.changed = 0, b.changed[:0]
}

// Batch is the rows kept so far, which came from place. The builder starts
// anew; a row being built is forgotten.
func (b *Builder) Batch(place *record.Place) *record.Batch {
	b.Drop()
	rows := len(b.pos)
	var columns []record.Column
	for _, c := range b.columns {
		if c.present > 0 {
			columns = append(columns, c.cut(b.mem, rows))
		}
	}
	over := b.over.cut(b.mem, rows)
	batch := newBatch(columns, over, record.Origins{Place: place, Pos: slices.Clone(b.pos)})
	b.reset()
	return batch
}

// newBatch is a batch that takes over the columns' and the overflow's memory.
func newBatch(columns []record.Column, over *array.Binary, origins record.Origins) *record.Batch {
	batch := record.New(columns, over, origins)
	for _, c := range columns {
		c.Values.Release()
	}
	if over != nil {
		over.Release()
	}
	return batch
}

// reset starts a new batch. Columns that the last one did not need make room.
func (b *Builder) reset() {
	kept := b.columns[:0]
	for _, c := range b.columns {
		if c.present == 0 {
			delete(b.index, c.name)
			c.release(b.mem)
			continue
		}
		c.reset()
		if b.steady {
			c.prepare(b.mem)
		}
		c.place = len(kept)
		kept = append(kept, c)
	}
	clear(b.columns[len(kept):])
	b.columns = kept
	b.pos = b.pos[:0]
	b.held = 0
	b.over.reset()
	b.nextRow()
}

// Release gives the builder's own memory back. It may be used anew.
func (b *Builder) Release() {
	for _, c := range b.columns {
		c.release(b.mem)
	}
	*b = Builder{mem: b.mem, index: make(map[string]*column), steady: b.steady}
}
