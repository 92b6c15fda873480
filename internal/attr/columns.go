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
	for i := range columns {
		columns[i] = selectColumn(mem, b.Column(i), rows)
	}
	var over *array.Binary
	if all := b.OverflowArray(); all != nil {
		over = selectCells(mem, record.Binary, all, rows).(*array.Binary)
		if over.NullN() == len(rows) {
			over.Release()
			over = nil
		}
	}
	return newBatch(columns, over, b.Origins().Select(rows))
}

func selectColumn(mem memory.Allocator, c record.Column, rows []int) record.Column {
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
	out.Values = selectCells(mem, c.Type, c.Values, rows)
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

func selectValidity(mem memory.Allocator, values arrow.Array, rows []int) (*memory.Buffer, int) {
	buf := bufferOf(mem, nil, int(bitutil.BytesForBits(int64(len(rows)))))
	if values.NullN() == 0 {
		bitutil.SetBitsTo(buf.Bytes(), 0, int64(len(rows)), true)
		return buf, 0
	}
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

func selectCells(mem memory.Allocator, t record.Type, values arrow.Array, rows []int) arrow.Array {
	var offsets []int32
	var data []byte
	if len(rows) > 0 {
		cells := values.(cellArray)
		offsets, data = cells.ValueOffsets(), cells.ValueBytes()
	}
	room := memory.NewBufferWithAllocator(mem.Allocate((len(rows)+1)*arrow.Int32SizeBytes), mem)
	ends := arrow.Int32Traits.CastFromBytes(room.Bytes())
	ends[0] = 0
	size := 0
	for i, row := range rows {
		size += int(offsets[row+1] - offsets[row])
		if size > maxColumnBytes {
			panic("attr: Select of more than 2 GB: choose fewer rows at a time")
		}
		ends[i+1] = int32(size)
	}
	buf := memory.NewBufferWithAllocator(mem.Allocate(size), mem)
	for i := 0; i < len(rows); {
		first := rows[i]
		run := 1 // rows that follow each other
		for i+run < len(rows) && rows[i+run] == first+run {
			run++
		}
		copy(buf.Bytes()[ends[i]:], data[offsets[first]-offsets[0]:offsets[first+run]-offsets[0]])
		i += run
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
