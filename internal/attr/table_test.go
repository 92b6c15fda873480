package attr

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

// A table gives the rows that a builder would, whatever is dropped on the way,
// also past record.MaxColumns, and takes its memory from the allocator alone.
func TestTableIsABuilderOfKnownColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer func() {
			if n := mem.CurrentAlloc(); n != 0 {
				t.Errorf("%d bytes are left", n)
			}
		}()
		rows := NewTable(mem, rapid.IntRange(1, 5).Draw(t, "expected rows"))
		reference := NewBuilder(mem)
		defer reference.Release()
		defer rows.Release()
		for range rapid.IntRange(1, 2).Draw(t, "files") {
			columns := drawColumns(t)
			rows.Define(columns)
			for range rapid.IntRange(1, 3).Draw(t, "batches") {
				buildSame(t, rows, reference, columns)
				compareBatches(t, rows, reference)
			}
		}
	})
}

func drawColumns(t *rapid.T) []TableColumn {
	columns := make([]TableColumn, rapid.SampledFrom([]int{1, 3, record.MaxColumns + 2}).Draw(t, "columns"))
	for i := range columns {
		columns[i] = TableColumn{Name: fmt.Sprintf("c%d", i),
			Type: []record.Type{record.String, record.Number, record.Binary, 0}[i%4]}
	}
	return columns
}

func buildSame(t *rapid.T, rows *Table, reference *Builder, columns []TableColumn) {
	kept := rapid.IntRange(1, 20).Draw(t, "rows")
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for row := 0; row < kept; {
		stop := len(columns)
		drop := random.IntN(4) == 0
		if drop {
			stop = random.IntN(stop + 1)
		}
		for i, c := range columns[:stop] {
			setSame(random, rows, reference, i, c)
		}
		if drop {
			rows.Drop()
			reference.Drop()
			continue
		}
		rows.EndRow(record.Pos{Seq: int64(row)})
		reference.EndRow(record.Pos{Seq: int64(row)})
		row++
	}
}

// setSame sets or skips the same cell in both.
func setSame(random *rand.Rand, rows *Table, reference *Builder, i int, c TableColumn) {
	text := strings.Repeat("é", random.IntN(12))
	switch {
	case random.IntN(4) == 0:
		rows.Skip(i)
	case c.Type == record.String && random.IntN(2) == 0:
		rows.Append(i, append(make([]byte, 0, 64), text...)) // room after it
		reference.String(c.Name, text)
	case c.Type == record.String:
		rows.Append(i, []byte(text+"x"))
		reference.String(c.Name, text+"x")
	case c.Type == record.Number:
		rows.Append(i, []byte("1.50"))
		reference.Number(c.Name, "1.50")
	case c.Type == record.Binary:
		rows.Append(i, []byte(text))
		reference.Binary(c.Name, []byte(text))
	default:
		v := []Value{BoolValue(true), NullValue(), StringValue(text),
			ListValue([]Value{StringValue(text)})}[random.IntN(4)]
		rows.Set(i, v)
		reference.Set(c.Name, v)
	}
}

func compareBatches(t *rapid.T, rows *Table, reference *Builder) {
	if rows.Rows() != reference.Rows() || rows.Err() != nil {
		t.Fatalf("%d rows, want %d; error %v", rows.Rows(), reference.Rows(), rows.Err())
	}
	got, want := rows.Batch(nil), reference.Batch(nil)
	defer got.Release()
	defer want.Release()
	for row := range want.Rows() {
		g, w := MapValue(Fields(got, row)), MapValue(Fields(want, row))
		if !Equal(g, w) {
			t.Fatalf("row %d is %s, want %s", row, g, w)
		}
		if got.Origins().At(row) != want.Origins().At(row) {
			t.Fatalf("row %d comes from %s", row, got.Origins().At(row))
		}
	}
}

// A table has all of its columns, also those without a value.
func TestTableColumns(t *testing.T) {
	rows := NewTable(memory.NewGoAllocator(), 8)
	rows.Define([]TableColumn{{Name: "a", Type: record.String}, {Name: "n", Type: record.Number}})
	rows.Append(0, []byte("x"))
	rows.Skip(1)
	rows.EndRow(record.Pos{})
	b := rows.Batch(nil)
	defer b.Release()
	c, ok := b.Lookup("n")
	if !ok || c.Type != record.Number || !c.Absent(0) {
		t.Errorf("column n: %v %v", ok, c)
	}
	if rows.Has([]TableColumn{{Name: "a", Type: record.String}}) || !rows.Has([]TableColumn{{Name: "a", Type: record.String}, {Name: "n", Type: record.Number}}) {
		t.Error("the table does not know its columns")
	}
}

// A row past the limit is refused, and the table goes on without it.
func TestTableBoundsARow(t *testing.T) {
	rows := NewTable(memory.NewGoAllocator(), 8)
	rows.Define([]TableColumn{{Name: "a", Type: record.String}, {Name: "b", Type: record.String}})
	half := make([]byte, MaxRowBytes/2+1)
	rows.Append(0, half)
	rows.Append(1, half)
	if rows.Err() == nil {
		t.Error("a row past the limit is taken")
	}
	rows.Drop()
	rows.Append(0, half[:1])
	rows.Skip(1)
	rows.EndRow(record.Pos{})
	if b := rows.Batch(nil); b.Rows() != 1 || rows.Bytes() != 0 {
		t.Errorf("%d rows", b.Rows())
	}
}

func BenchmarkTable(b *testing.B) {
	rows := NewTable(memory.NewGoAllocator(), 2048)
	columns := make([]TableColumn, 10)
	for i := range columns {
		columns[i] = TableColumn{Name: fmt.Sprintf("c%d", i), Type: record.String}
	}
	rows.Define(columns)
	text := []byte("user123@example.com and more text")
	b.ReportAllocs()
	for b.Loop() {
		for i := range columns {
			rows.Append(i, text[:10])
		}
		rows.EndRow(record.Pos{})
		if rows.Rows() == 2048 {
			rows.Batch(nil).Release()
		}
	}
}
