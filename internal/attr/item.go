package attr

import (
	"slices"

	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Compactor is CompactItem for many items, whose working memory it keeps. It is
// used by one goroutine.
type Compactor struct{ scan scanner }

// CompactItem checks an item in DynamoDB JSON, a map of names to values in any
// legal spelling, and appends it as the cell of a map: {"M":{"id":{"S":"1"}}}.
// Attributes of the names in without are left out.
func (c *Compactor) CompactItem(dst, text []byte, without []string) ([]byte, error) {
	s := &c.scan
	s.reset(text)
	defer func() { s.text = nil }()
	out := append(dst, itemHead...)
	s.seen.push()
	n := 0
	for more := s.open('{', '}', "an item"); more; more = s.more('}') {
		s.peek()
		at, start := s.pos, len(out)
		name := s.name()
		if s.err == nil && !s.seen.add(name) {
			s.failDuplicate(at, name)
		}
		leave := slices.Contains(without, view(name))
		out = append(AppendJSONString(appendComma(out, n), view(name)), ':')
		out = s.dynamo(out, 1)
		if leave {
			out = out[:start]
			continue
		}
		n++
	}
	s.seen.pop()
	if err := s.end(); err != nil {
		return dst, err
	}
	return append(out, "}}"...), nil
}

const itemHead = `{"M":{`

// ItemOf is the item in a cell that CompactItem made, as Builder.AddItem reads it.
func ItemOf(cell []byte) []byte { return cell[len(itemHead)-1 : len(cell)-1] }

// CellColumn is a column of cells of an any column, one a row: nil is absent.
func CellColumn(mem memory.Allocator, name string, cells [][]byte) record.Column {
	size, absent := 0, 0
	ends := make([]int32, len(cells))
	validity := bufferOf(mem, nil, int(bitutil.BytesForBits(int64(len(cells)))))
	for i, cell := range cells {
		if cell == nil {
			absent++
		} else {
			bitutil.SetBit(validity.Bytes(), i)
		}
		if size += len(cell); size > maxColumnBytes {
			panic("attr: CellColumn of more than 2 GB: make it of fewer rows")
		}
		ends[i] = int32(size)
	}
	data := memory.NewBufferWithAllocator(mem.Allocate(size), mem)
	end := 0
	for _, cell := range cells {
		end += copy(data.Bytes()[end:], cell)
	}
	return record.Column{
		Name: name, Type: record.Any,
		Values: newArray(record.Any, len(cells), absent, validity, offsetsOf(mem, ends), data),
	}
}

// Join is the rows of a batch, each with the attributes that the same row of
// another one has and it has not.
func Join(mem memory.Allocator, b, with *record.Batch) *record.Batch {
	columns, made, ok := joinColumns(mem, b, with)
	defer func() {
		for _, c := range made {
			c.Values.Release()
		}
	}()
	if !ok {
		return joinRows(mem, b, with)
	}
	return record.New(columns, nil, b.Origins())
}

// joinColumns shares the columns that only one of the two has, and says which
// ones were made. It declines batches with attributes that have no column, or
// would not.
func joinColumns(mem memory.Allocator, b, with *record.Batch) (columns, made []record.Column, ok bool) {
	if b.HasOverflow() || with.HasOverflow() {
		return nil, nil, false
	}
	for i := range b.Columns() {
		own := b.Column(i)
		if other, both := with.Lookup(own.Name); both && !covers(own, other) {
			own = joinColumn(mem, own, other)
			made = append(made, own)
		}
		columns = append(columns, own)
	}
	for i := range with.Columns() {
		if c := with.Column(i); !hasColumn(b, c.Name) {
			columns = append(columns, c)
		}
	}
	return columns, made, len(columns) <= record.MaxColumns
}

func hasColumn(b *record.Batch, name string) bool {
	_, ok := b.Lookup(name)
	return ok
}

// covers reports that the first column has a value wherever the second has.
func covers(own, other record.Column) bool {
	if own.Values.NullN() == 0 {
		return true
	}
	for row := range own.Values.Len() {
		if own.Absent(row) && !other.Absent(row) {
			return false
		}
	}
	return true
}

func joinColumn(mem memory.Allocator, own, other record.Column) record.Column {
	values := make([]Value, own.Values.Len())
	for row := range values {
		if values[row] = At(own, row); values[row].kind == Absent {
			values[row] = At(other, row)
		}
	}
	return ColumnOf(mem, own.Name, values)
}

func joinRows(mem memory.Allocator, b, with *record.Batch) *record.Batch {
	out := NewBuilder(mem)
	defer out.Release()
	for row := range b.Rows() {
		for _, f := range Fields(with, row) {
			out.Set(f.Name, f.Value)
		}
		for _, f := range Fields(b, row) { // replaces what it has too
			out.Set(f.Name, f.Value)
		}
		out.EndRow(b.Origins().Pos[row])
	}
	return out.Batch(b.Origins().Place)
}
