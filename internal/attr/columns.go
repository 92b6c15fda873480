package attr

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Select is the chosen rows of a batch, in that order, with their origins. A
// row may be chosen more than once, as long as a column stays below 2 GB.
func Select(mem memory.Allocator, b *record.Batch, rows []int) *record.Batch {
	columns := make([]record.Column, b.Columns())
	runs := runsOf(rows)
	for i := range columns {
		columns[i] = selectColumn(mem, b.Column(i), rows, runs)
	}
	var over *array.Binary
	if all := b.OverflowArray(); all != nil {
		over = selectCells(mem, record.Binary, all, rows, runs).(*array.Binary)
		if over.NullN() == len(rows) {
			over.Release()
			over = nil
		}
	}
	return newBatch(columns, over, b.Origins().Select(rows))
}

// run is chosen rows that follow each other in the batch, too.
type run struct{ first, rows int }

func runsOf(rows []int) []run {
	runs := make([]run, 0, len(rows)/2+1)
	for i := 0; i < len(rows); {
		r := run{first: rows[i], rows: 1}
		for i+r.rows < len(rows) && rows[i+r.rows] == r.first+r.rows {
			r.rows++
		}
		runs = append(runs, r)
		i += r.rows
	}
	return runs
}

func selectColumn(mem memory.Allocator, c record.Column, rows []int, runs []run) record.Column {
	out := record.Column{Name: c.Name, Type: c.Type, Bare: c.Bare}
	if c.Nulls != nil {
		out.Nulls = selectBits(c.Nulls, 0, rows)
	}
	if values, ok := c.Values.(*array.Boolean); ok {
		validity, absent := selectValidity(mem, c.Values, rows)
		data := values.Data()
		bits := bufferOf(mem, selectBits(data.Buffers()[1].Bytes(), data.Offset(), rows), int(bitutil.BytesForBits(int64(len(rows)))))
		out.Values = newArray(c.Type, len(rows), absent, validity, bits)
		return out
	}
	out.Values = selectCells(mem, c.Type, c.Values, rows, runs)
	return out
}

// selectBits gathers bits, and nothing when none of them is set.
func selectBits(bitmap []byte, offset int, rows []int) []byte {
	out := make([]byte, bitutil.BytesForBits(int64(len(rows))))
	for i, row := range rows {
		if bitutil.BitIsSet(bitmap, offset+row) {
			bitutil.SetBit(out, i)
		}
	}
	return out
}

// selectValidity gathers which rows have a value; nil when all have one.
func selectValidity(mem memory.Allocator, values arrow.Array, rows []int) (*memory.Buffer, int) {
	if values.NullN() == 0 {
		return nil, 0
	}
	buf := bufferOf(mem, nil, int(bitutil.BytesForBits(int64(len(rows)))))
	absent := 0
	for i, row := range rows {
		if values.IsNull(row) {
			absent++
			continue
		}
		bitutil.SetBit(buf.Bytes(), i)
	}
	return buf, absent
}

// cellArray is what the arrays of strings and of bytes have in common.
type cellArray interface {
	arrow.Array
	ValueOffsets() []int32
	ValueBytes() []byte
}

func selectCells(mem memory.Allocator, t record.Type, values arrow.Array, rows []int, runs []run) arrow.Array {
	var offsets []int32
	var data []byte
	if len(rows) > 0 {
		cells := values.(cellArray)
		offsets, data = cells.ValueOffsets(), cells.ValueBytes()
	}
	size := 0
	for _, r := range runs {
		if size += int(offsets[r.first+r.rows] - offsets[r.first]); size > maxColumnBytes {
			panic("attr: Select of more than 2 GB: choose fewer rows at a time")
		}
	}
	room := memory.NewBufferWithAllocator(mem.Allocate((len(rows)+1)*arrow.Int32SizeBytes), mem)
	ends := arrow.Int32Traits.CastFromBytes(room.Bytes())
	ends[0] = 0
	buf := memory.NewBufferWithAllocator(mem.Allocate(size), mem)
	chosen := buf.Bytes()
	n, at := 1, int32(0)
	for _, r := range runs {
		from := offsets[r.first]
		for _, end := range offsets[r.first+1 : r.first+r.rows+1] {
			ends[n] = at + end - from
			n++
		}
		at += int32(copy(chosen[at:], data[from-offsets[0]:offsets[r.first+r.rows]-offsets[0]]))
	}
	validity, absent := selectValidity(mem, values, rows)
	return newArray(t, len(rows), absent, validity, room, buf)
}

// maxColumnBytes is where the 32-bit offsets of an Arrow column end.
const maxColumnBytes = 1<<31 - 1

// ColumnOf is a column of values, one a row: of their type when they have one,
// else any.
func ColumnOf(mem memory.Allocator, name string, values []Value) record.Column {
	var m ColumnMaker
	for _, v := range values {
		m.Value(v)
	}
	return m.Column(mem, name)
}
