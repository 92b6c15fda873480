package attr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

// TestRowsComeBack puts any rows into batches by Set and reads them back by
// every way there is.
func TestRowsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		b, again := NewBuilder(mem), NewBuilder(mem)
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			rows := rapid.SliceOfN(fields(2, 8), 0, 12).Draw(t, "rows")
			drop := rapid.SliceOfN(rapid.Bool(), len(rows), len(rows)).Draw(t, "drop")
			var kept [][]Field
			if rapid.Bool().Draw(t, "crowded") { // so that most names overflow
				row := manyFieldsOf(record.MaxColumns - 4)
				for _, f := range row {
					b.Set(f.Name, f.Value)
				}
				b.EndRow(record.Pos{})
				kept = append(kept, row)
			}
			for i, row := range rows {
				for _, f := range row {
					b.Set(f.Name, f.Value)
				}
				if drop[i] {
					b.Drop()
					continue
				}
				b.EndRow(record.Pos{Seq: int64(i)})
				kept = append(kept, row)
			}
			batch := b.Batch(nil)
			checkRows(t, batch, kept)
			for row := range kept {
				if err := again.AddItem(AppendRow(nil, batch, row)); err != nil {
					t.Fatal(err)
				}
				again.EndRow(record.Pos{})
			}
			second := again.Batch(nil)
			checkRows(t, second, kept)
			order := rapid.SliceOfN(rapid.IntRange(0, max(len(kept)-1, 0)), 0, 2*len(kept)).Draw(t, "order")
			picked := Select(mem, batch, order)
			var want [][]Field
			for _, row := range order {
				want = append(want, kept[row])
			}
			checkRows(t, picked, want)
			batch.Release()
			second.Release()
			picked.Release()
		}
		if n := mem.CurrentAlloc(); n != 0 {
			t.Fatalf("%d bytes are left", n)
		}
	})
}

func manyFieldsOf(n int) []Field {
	out := make([]Field, n)
	for i := range out {
		out[i] = Field{Name: fmt.Sprintf("column %d", i), Value: num(fmt.Sprint(i))}
	}
	return out
}

func checkRows(t *rapid.T, b *record.Batch, rows [][]Field) {
	if b.Rows() != len(rows) {
		t.Fatalf("%d rows, want %d", b.Rows(), len(rows))
	}
	for row, want := range rows {
		if got := MapValue(Fields(b, row)); !Equal(got, MapValue(want)) {
			t.Fatalf("row %d is %v, want %v", row, got, want)
		}
		size := 0
		for _, f := range want {
			size += len(f.Name) + f.Value.Size()
			if got := Get(b, f.Name, row); !Equal(got, f.Value) {
				t.Fatalf("row %d: %q is %v, want %v", row, f.Name, got, f.Value)
			}
		}
		if got := Size(b, row); got != size {
			t.Fatalf("row %d: size %d, want %d", row, got, size)
		}
		if got := NewEncoder(b).Size(row); got != size {
			t.Fatalf("row %d: size by an encoder %d, want %d", row, got, size)
		}
		item := AppendRow(nil, b, row)
		if size > len(item) {
			t.Fatalf("row %d: size %d, and its text has %d bytes: %s", row, size, len(item), item)
		}
		if got := NewEncoder(b).AppendRow(nil, row); !bytes.Equal(got, item) {
			t.Fatalf("row %d is %s, by an encoder %s", row, item, got)
		}
		var lost, lostToo []string
		plain := AppendRowJSON(nil, b, row, func(name string) { lost = append(lost, name) })
		if got := NewEncoder(b).AppendRowJSON(nil, row, func(name string) { lostToo = append(lostToo, name) }); !bytes.Equal(got, plain) || !slices.Equal(lost, lostToo) {
			t.Fatalf("row %d is %s, by an encoder %s; lost %v and %v", row, plain, got, lost, lostToo)
		}
		if whole, plainest := AppendJSON(nil, MapValue(Fields(b, row))); !bytes.Equal(whole, plain) || plainest != (len(lost) > 0) {
			t.Fatalf("row %d is %s, as a value %s; lost %v", row, plain, whole, lost)
		}
		if !json.Valid(item) || !json.Valid(plain) {
			t.Fatalf("row %d is no JSON: %s, %s", row, item, plain)
		}
	}
}

func FuzzAddItem(f *testing.F) {
	for _, s := range []string{
		`{"a":{"S":"x"},"b":{"N":"1"},"a":{"S":"y"}}`, `{"a":{"NULL":true}}`, `{"a":{"L":[{"M":{"x":{"B":"YQ=="}}}]},"\u0061b":{"BOOL":true}}`,
		`{"a":{"SS":["x"]}}{`, `{"":{"NS":["1","2"]}}`, ` { } `,
		`{"a":{"S":"x"},"b":{"N":"1"}}`, `{"a":{"S":"x\\n\u00e9"},"b":{"N":"1.5"},"c":{"S":"y"}}`, `{"a":{"S":"x\\q"},"b":{"N":"1"}}`,
		`{"a":{"S":"` + "\xff" + `"},"b":{"N":"1"}}`, `{"a":{"S":"x"},"b":{"N":"one"}}`, `{"a":{"S":"x"}`, `{"a":{"S":"x"},}`, `{"a":{"S":"x\\`,
		`{"a":{"L":[{"S":"x"},{"N":"-0.50"},{"BOOL":false},{"NULL":true},{"L":[]}]},"b":{"M":{"x":{"S":"é"},"y":{"M":{}}}},"c":{"BOOL":true},"d":{"N":"12345.678"}}`,
		`{"a":{"S":"eight or more \"é\" \ud83d\ude00\n"},"b":{"BOOL":false},"c":{"SS":["x"]},"d":{"N":"1E5"},"e":{"B":"YQ=="}}`,
		`{"a":{"N":"1"},"b":{"S":"1"}}`, `{"a":{"S":"x"} ,"b":{"N":"1" }}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzzRow(t, text, (*Builder).AddItem, func(text []byte) (Value, error) {
			return ParseDynamoJSON(slices.Concat([]byte(`{"M":`), text, []byte(`}`)))
		})
	})
}

func FuzzAddObject(f *testing.F) {
	for _, s := range []string{
		`{"a":"x","b":1,"a":2}`, `{"a":null,"b":[true,{"c":"\ud83d\ude00"}],"d":{}}`, `{"a":1} `, `{"\u0061":1e5,"b":-0.0}`, `[]`, `{"a":tru}`,
		`{"a":["x","é",-0.5,[],[1,[2]]],"b":true,"c":12345.678,"d":"eight or more \"é\" \ud83d\ude00\n","e":false}`, `{"a":[1,true],"b":1.0e5,"c":[ 1 ]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) { fuzzRow(t, text, (*Builder).AddObject, ParseJSON) })
}

// fuzzRow demands that a row is read as the same text is as a value, whatever
// types its columns have, also when the row before was the same, and that one
// that is refused leaves no trace.
func fuzzRow(t *testing.T, text []byte, add func(*Builder, []byte) error, parse func([]byte) (Value, error)) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	b := NewBuilder(mem)
	b.String("a", "first")
	b.Number("b", "1")
	b.EndRow(record.Pos{})
	err := add(b, text)
	want, wantErr := parse(text)
	// As a value, the row is one level deeper than as an item.
	if (err == nil) != (wantErr == nil && want.Kind() == Map) && !strings.Contains(fmt.Sprint(wantErr), "nested") {
		t.Fatalf("%q as a row: %v, as a value: %v", text, err, wantErr)
	}
	if err != nil {
		b.Drop()
	} else {
		b.EndRow(record.Pos{})
	}
	batch := b.Batch(nil)
	defer batch.Release()
	if got := string(AppendRow(nil, batch, 0)); got != `{"a":{"S":"first"},"b":{"N":"1"}}` {
		t.Fatalf("%q changes the row before it to %s", text, got)
	}
	if err != nil {
		if batch.Rows() != 1 || columns(batch) != "a:string b:number" {
			t.Fatalf("%q leaves a trace: %d rows, %s", text, batch.Rows(), columns(batch))
		}
		return
	}
	if wantErr != nil {
		return
	}
	again := NewBuilder(mem)
	defer again.Release()
	for range 3 {
		if err := add(again, text); err != nil {
			t.Fatalf("%q is a row, and none after itself: %v", text, err)
		}
		again.EndRow(record.Pos{})
	}
	alike := again.Batch(nil)
	defer alike.Release()
	for row, got := range []Value{MapValue(Fields(batch, 1)), MapValue(Fields(alike, 0)), MapValue(Fields(alike, 1)), MapValue(Fields(alike, 2))} {
		if !Equal(got, want) {
			t.Fatalf("%q as row %d: %v, as a value: %v", text, row, got, want)
		}
	}
	fuzzUnlike(t, text, add, parse)
}

// fuzzUnlike demands the same of a row after one that it resembles: the text
// with a byte less, or another one in its place.
func fuzzUnlike(t *testing.T, text []byte, add func(*Builder, []byte) error, parse func([]byte) (Value, error)) {
	if len(text) > 200 {
		return
	}
	b := NewBuilder(memory.DefaultAllocator)
	for at := range text {
		other := slices.Clone(text)
		if at%2 == 0 {
			other = slices.Delete(other, at, at+1)
		} else {
			other[at] = "\"\\,}]:0.e \xff"[(at/2)%11]
		}
		if err := add(b, text); err != nil {
			t.Fatal(err)
		}
		b.EndRow(record.Pos{})
		err := add(b, other)
		want, wantErr := parse(other)
		if (err == nil) != (wantErr == nil && want.Kind() == Map) && !strings.Contains(fmt.Sprint(wantErr), "nested") {
			t.Fatalf("%q as a row after %q: %v, as a value: %v", other, text, err, wantErr)
		}
		if err != nil {
			b.Drop()
		} else {
			b.EndRow(record.Pos{})
		}
		batch := b.Batch(nil)
		if err == nil && wantErr == nil && !Equal(MapValue(Fields(batch, 1)), want) {
			t.Fatalf("%q after %q: %v, as a value: %v", other, text, MapValue(Fields(batch, 1)), want)
		}
		batch.Release()
	}
}
