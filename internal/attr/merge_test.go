package attr

import (
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

// TestMerge gathers any rows of any batches, wide ones among them.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		place := &record.Place{Source: "s", Segment: -1}
		var batches []*record.Batch
		var rows [][][]Field
		for n := range rapid.IntRange(1, 3).Draw(t, "batches") {
			in := rapid.SliceOfN(fields(2, 8), 1, 8).Draw(t, "rows")
			if rapid.IntRange(0, 3).Draw(t, "crowded") == 0 {
				in = append(in, manyFieldsOf(record.MaxColumns-2))
			}
			b := NewBuilder(mem)
			for i, row := range in {
				for _, f := range row {
					b.Set(f.Name, f.Value)
				}
				b.EndRow(record.Pos{Seq: int64(100*n + i)})
			}
			batches, rows = append(batches, b.Batch(place)), append(rows, in)
			b.Release()
		}
		order := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) RowOf {
			b := rapid.IntRange(0, len(batches)-1).Draw(t, "batch")
			return RowOf{b, rapid.IntRange(0, len(rows[b])-1).Draw(t, "row")}
		}), 0, 20).Draw(t, "order")
		merged := Merge(mem, batches, order)
		want := make([][]Field, len(order))
		for i, at := range order {
			want[i] = rows[at.Batch][at.Row]
			if got := merged.Origins().Pos[i].Seq; got != int64(100*at.Batch+at.Row) {
				t.Fatalf("row %d came from %d", i, got)
			}
		}
		checkRows(t, merged, want)
		if merged.Origins().Place != place {
			t.Fatal("the place is another")
		}
		merged.Release()
		for _, b := range batches {
			b.Release()
		}
		mem.AssertSize(t, 0)
	})
}

// BenchmarkMerge puts the two halves of a batch together again, a row of each in
// turn: what a union of a route's outputs costs.
func BenchmarkMerge(b *testing.B) {
	mem := memory.NewGoAllocator()
	batch := benchBatch(b)
	defer batch.Release()
	var even, odd []int
	for row := range batch.Rows() {
		if row%2 == 0 {
			even = append(even, row)
		} else {
			odd = append(odd, row)
		}
	}
	halves := []*record.Batch{Select(mem, batch, even), Select(mem, batch, odd)}
	order := make([]RowOf, batch.Rows())
	for row := range order {
		order[row] = RowOf{row % 2, row / 2}
	}
	b.ReportAllocs()
	for b.Loop() {
		Merge(mem, halves, order).Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(order)), "ns/row")
}
