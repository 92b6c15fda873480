package attr

import (
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// RowOf is a row of one of several batches.
type RowOf struct{ Batch, Row int }

// Merge is rows of several batches as one batch, in the order given, with their
// origins, which are of one place. What no column has room for goes into the
// overflow. The rows together hold less than 2 GB.
func Merge(mem memory.Allocator, batches []*record.Batch, rows []RowOf) *record.Batch {
	names, ok := unionOfColumns(batches)
	if !ok {
		return mergeRows(mem, batches, rows)
	}
	origins := record.Origins{Place: batches[0].Origins().Place, Pos: make([]record.Pos, len(rows))}
	for i, at := range rows {
		origins.Pos[i] = batches[at.Batch].Origins().Pos[at.Row]
	}
	columns := make([]record.Column, 0, len(names))
	from := make([]record.Column, len(batches))
	for _, name := range names {
		for i, b := range batches {
			from[i], _ = b.Lookup(name)
		}
		columns = append(columns, mergeColumn(mem, name, from, rows))
	}
	return newBatch(columns, nil, origins)
}

// unionOfColumns is the names of all columns, in order of first appearance;
// false when they are too many for a batch, or some row has an overflow.
func unionOfColumns(batches []*record.Batch) ([]string, bool) {
	var names []string
	known := map[string]bool{}
	for _, b := range batches {
		if b.HasOverflow() {
			return nil, false
		}
		for i := range b.Columns() {
			if name := b.Column(i).Name; !known[name] {
				known[name] = true
				names = append(names, name)
			}
		}
	}
	return names, len(names) <= record.MaxColumns
}

// mergeColumn gathers an attribute from the columns that the batches have of it;
// one that has none gives the zero Column.
func mergeColumn(mem memory.Allocator, name string, from []record.Column, rows []RowOf) record.Column {
	if t, same := commonType(from); same && t != record.Bool {
		return mergeCells(mem, name, t, from, rows)
	}
	c := column{name: name}
	for row, at := range rows {
		src := &from[at.Batch]
		if src.Values == nil || src.Absent(at.Row) {
			continue
		}
		c.reach(row)
		if src.Null(at.Row) {
			c.finishNull(row)
			continue
		}
		c.copy(*src, at.Row)
		c.finish(row)
		c.before = nil
		if len(c.data) > maxColumnBytes {
			panic(mergeTooLarge)
		}
	}
	return c.cut(mem, len(rows))
}

const mergeTooLarge = "attr: Merge of more than 2 GB of values: choose fewer rows at a time"

// commonType is the type of all columns that there are.
func commonType(from []record.Column) (t record.Type, same bool) {
	for i := range from {
		switch c := &from[i]; {
		case c.Values == nil:
		case t == 0:
			t = c.Type
		case t != c.Type:
			return 0, false
		}
	}
	return t, true
}

// cellSource is a column to gather cells from.
type cellSource struct {
	offsets []int32
	data    []byte // from the first offset on
	valid   []byte // bitmap; nil when every row has the attribute
	shift   int    // of the first row in valid
	none    bool   // no row has it
	nulls   []byte
}

func cellSourceOf(c record.Column) (s cellSource) {
	if c.Values == nil || c.Values.Len() == 0 {
		return cellSource{none: true}
	}
	cells := c.Values.(cellArray)
	s = cellSource{offsets: cells.ValueOffsets(), data: cells.ValueBytes(), nulls: c.Nulls}
	if c.Values.NullN() > 0 {
		s.valid, s.shift = c.Values.NullBitmapBytes(), c.Values.Data().Offset()
	}
	return s
}

func (s *cellSource) absent(row int) bool {
	return s.none || s.valid != nil && !bitutil.BitIsSet(s.valid, s.shift+row)
}

// cell is where the row's bytes are in data.
func (s *cellSource) cell(row int) []byte {
	return s.data[s.offsets[row]-s.offsets[0] : s.offsets[row+1]-s.offsets[0]]
}

// mergeCells is mergeColumn for columns of one type whose cells are bytes.
func mergeCells(mem memory.Allocator, name string, t record.Type, from []record.Column, rows []RowOf) record.Column {
	sources := make([]cellSource, len(from))
	for i := range from {
		sources[i] = cellSourceOf(from[i])
	}
	out := record.Column{Name: name, Type: t}
	ends := make([]int32, len(rows))
	validity := bufferOf(mem, nil, int(bitutil.BytesForBits(int64(len(rows)))))
	size, absent := 0, 0
	for i, at := range rows {
		if s := &sources[at.Batch]; s.absent(at.Row) {
			absent++
		} else {
			bitutil.SetBit(validity.Bytes(), i)
			if s.nulls != nil && bitutil.BitIsSet(s.nulls, at.Row) {
				out.Nulls = markNull(out.Nulls, i, len(rows))
			}
			size += int(s.offsets[at.Row+1] - s.offsets[at.Row])
		}
		if size > maxColumnBytes {
			panic(mergeTooLarge)
		}
		ends[i] = int32(size)
	}
	data := memory.NewBufferWithAllocator(mem.Allocate(size), mem)
	end := 0
	for i, at := range rows {
		if int(ends[i]) > end {
			end += copy(data.Bytes()[end:], sources[at.Batch].cell(at.Row))
		}
	}
	out.Values = newArray(t, len(rows), absent, validity, offsetsOf(mem, ends), data)
	return out
}

func markNull(nulls []byte, row, rows int) []byte {
	if nulls == nil {
		nulls = make([]byte, bitutil.BytesForBits(int64(rows)))
	}
	bitutil.SetBit(nulls, row)
	return nulls
}

// copy appends the data of a cell of another column.
func (c *column) copy(src record.Column, row int) {
	switch same := c.accepts(src.Type); {
	case !same:
		c.data = AppendCell(c.data, src, row)
	case src.Type == record.Bool:
		c.data = append(c.data, boolByte(src.Bool(row)))
	case src.Type == record.Binary:
		c.data = append(c.data, src.Bytes(row)...)
	default:
		c.data = append(c.data, src.Text(row)...)
	}
}

// mergeRows is Merge a row at a time.
func mergeRows(mem memory.Allocator, batches []*record.Batch, rows []RowOf) *record.Batch {
	b := NewBuilder(mem)
	defer b.Release()
	for _, at := range rows {
		for _, f := range Fields(batches[at.Batch], at.Row) {
			b.Set(f.Name, f.Value)
		}
		b.EndRow(batches[at.Batch].Origins().Pos[at.Row])
	}
	return b.Batch(batches[0].Origins().Place)
}
