package attr

import (
	"bytes"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

func TestCompactItem(t *testing.T) {
	var compactor Compactor
	for text, want := range map[string]string{
		`{}`:                        `{"M":{}}`,
		` { "a" : {"S":"\u0041"} }`: `{"M":{"a":{"S":"A"}}}`,
		`{"k":{"S":"key"},"a":{"N":"1.50"},"b":{"M":{"k":{"NULL":true}}}}`: `{"M":{"a":{"N":"1.50"},"b":{"M":{"k":{"NULL":true}}}}}`,
		`{"a":{"L":[]},"k":{"S":""},"\u006b2":{"BOOL":true}}`:              `{"M":{"a":{"L":[]}}}`,
		`{"k":{"S":"x"}}`: `{"M":{}}`,
	} {
		got, err := compactor.CompactItem([]byte("before "), []byte(text), []string{"k", "k2"})
		if err != nil || string(got) != "before "+want {
			t.Errorf("CompactItem(%s) = %s, %v, want %s", text, got, err, want)
		}
		if inner := ItemOf([]byte(want)); string(inner) != want[len(`{"M":`):len(want)-1] {
			t.Errorf("ItemOf(%s) = %s", want, inner)
		}
	}
	for _, text := range []string{``, `[]`, `{"a":{"S":"x"}`, `{"a":{"S":"x"},"a":{"S":"y"}}`, `{"k":{"S":"x"},"\u006b":{"S":"y"}}`, `{"k":{"X":1}}`, `{} x`} {
		if got, err := compactor.CompactItem([]byte("before"), []byte(text), []string{"k"}); err == nil || string(got) != "before" {
			t.Errorf("CompactItem(%s) = %s, %v", text, got, err)
		}
	}
}

// FuzzCompactItem demands that an item is taken exactly when it is as a row,
// and is the same.
func FuzzCompactItem(f *testing.F) {
	for _, s := range []string{
		`{"a":{"S":"x"},"b":{"N":"1"},"a":{"S":"y"}}`, `{"a":{"NULL":true}}`, `{"a":{"L":[{"M":{"x":{"B":"YQ=="}}}]},"\u0061b":{"BOOL":true}}`,
		`{"a":{"SS":["x"]}}{`, `{"":{"NS":["1","2"]}}`, ` { } `,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b := NewBuilder(memory.NewGoAllocator())
		wrong := b.AddItem(text)
		cell, err := new(Compactor).CompactItem(nil, text, nil)
		if (wrong == nil) != (err == nil) {
			t.Fatalf("as a row: %v, as a cell: %v", wrong, err)
		}
		if err != nil {
			return
		}
		b.EndRow(record.Pos{})
		batch := b.Batch(nil)
		defer batch.Release()
		if v := decodeCell(view(cell)); !Equal(v, MapValue(Fields(batch, 0))) {
			t.Fatalf("%s became %s", text, cell)
		}
	})
}

func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		n := rapid.IntRange(0, 8).Draw(t, "rows")
		rows := rapid.SliceOfN(fields(2, 5), n, n)
		left, right := rows.Draw(t, "left"), rows.Draw(t, "right")
		if n > 0 && rapid.Bool().Draw(t, "crowded") {
			left[0] = manyFieldsOf(record.MaxColumns - 2)
		}
		a, b := batchOf(mem, left), batchOf(mem, right)
		joined := Join(mem, a, b)
		want := make([][]Field, n)
		for row := range want {
			want[row] = slices.Clone(left[row])
			for _, f := range right[row] {
				if !slices.ContainsFunc(left[row], func(own Field) bool { return own.Name == f.Name }) {
					want[row] = append(want[row], f)
				}
			}
		}
		checkRows(t, joined, want)
		for row := range want {
			if joined.Origins().Pos[row].Seq != int64(row) {
				t.Fatalf("row %d comes from %v", row, joined.Origins().Pos[row])
			}
		}
		for _, batch := range []*record.Batch{a, b, joined} {
			batch.Release()
		}
		if n := mem.CurrentAlloc(); n != 0 {
			t.Fatalf("%d bytes are left", n)
		}
	})
}

func batchOf(mem memory.Allocator, rows [][]Field) *record.Batch {
	b := NewBuilder(mem)
	defer b.Release()
	for i, row := range rows {
		for _, f := range row {
			b.Set(f.Name, f.Value)
		}
		b.EndRow(record.Pos{Seq: int64(i)})
	}
	return b.Batch(nil)
}

func TestCellColumn(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	cells := [][]byte{[]byte(`{"M":{}}`), nil, []byte(`{"L":[{"S":"x"}]}`), nil}
	c := CellColumn(mem, "c", cells)
	defer c.Values.Release()
	for row, cell := range cells {
		switch {
		case cell == nil && !c.Absent(row):
			t.Errorf("row %d is there", row)
		case cell != nil && (c.Absent(row) || !bytes.Equal(c.Bytes(row), cell)):
			t.Errorf("row %d is %s", row, c.Bytes(row))
		}
	}
	if c.Values.NullN() != 2 || c.Type != record.Any || c.Name != "c" {
		t.Errorf("%+v", c)
	}
}

func BenchmarkCompactItem(b *testing.B) {
	item := []byte(`{"id":{"S":"customer-000001"},"email":{"S":"someone@example.com"},"balance":{"N":"1234.56"},"note":{"S":"a \"quoted\" note"},"tags":{"L":[{"S":"a"},{"S":"b"}]}}`)
	b.SetBytes(int64(len(item)))
	b.ReportAllocs()
	var dst []byte
	var compactor Compactor
	for b.Loop() {
		var err error
		if dst, err = compactor.CompactItem(dst[:0], item, nil); err != nil {
			b.Fatal(err)
		}
	}
}
