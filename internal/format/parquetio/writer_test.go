package parquetio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/formattest"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// learn is the layout that a survey of a batch gives.
func learn(b *record.Batch) layout.Layout {
	var s Survey
	s.Add(b)
	return layout.Layout{Columns: s.Columns(), Fixed: true, Exact: true}
}

// read reads a file with Arrow's own reader.
func read(t testing.TB, data []byte) arrow.Table {
	t.Helper()
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// cells is a column as text; what is null is ~.
func cells(table arrow.Table, name string) []string {
	at := table.Schema().FieldIndices(name)
	if len(at) != 1 {
		return nil
	}
	var out []string
	for _, chunk := range table.Column(at[0]).Data().Chunks() {
		for i := range chunk.Len() {
			out = append(out, cellText(chunk, i))
		}
	}
	return out
}

func cellText(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "~"
	}
	switch a := a.(type) {
	case *array.Binary:
		return fmt.Sprintf("%x", a.Value(i))
	case *array.Decimal128:
		return attr.CanonicalNumber(a.Value(i).ToString(scale)) // its ValueStr rounds
	}
	return a.ValueStr(i)
}

func TestWriter(t *testing.T) {
	for _, c := range []struct {
		name   string
		items  []string // the first two are what is learned from
		kind   string   // of column a
		want   []string
		warned int
	}{
		{name: "text", items: []string{`{"a":{"S":"x"}}`, `{"a":{"S":""}}`, `{}`}, kind: "utf8", want: []string{"x", "", "~"}},
		{name: "whole numbers", items: []string{`{"a":{"N":"-9223372036854775808"}}`, `{"a":{"N":"1.0"}}`, `{"a":{"N":"9223372036854775807"}}`, `{"a":{"N":"12E2"}}`},
			kind: "int64", want: []string{"-9223372036854775808", "1", "9223372036854775807", "1200"}},
		{name: "decimals", items: []string{`{"a":{"N":"0.1"}}`, `{"a":{"N":"-2.50"}}`, `{"a":{"N":"12345678901234567890.123456789012345678"}}`, `{"a":{"N":"1E-18"}}`, `{"a":{"N":"0"}}`},
			kind: "decimal(38, 18)", want: []string{"0.1", "-2.5", "12345678901234567890.123456789012345678", "0.000000000000000001", "0"}},
		{name: "numbers that no decimal holds are text", items: []string{`{"a":{"N":"1"}}`, `{"a":{"N":"1E+100"}}`, `{"a":{"N":"0.1"}}`},
			kind: "utf8", want: []string{"1", "1E+100", "0.1"}, warned: 3},
		{name: "bools", items: []string{`{"a":{"BOOL":true}}`, `{"a":{"BOOL":false}}`, `{}`}, kind: "bool", want: []string{"true", "false", "~"}},
		{name: "binary", items: []string{`{"a":{"B":"AQI="}}`, `{}`, `{"a":{"B":"/w=="}}`}, kind: "binary", want: []string{"0102", "~", "ff"}},
		{name: "NULL", items: []string{`{"a":{"N":"1"}}`, `{"a":{"NULL":true}}`}, kind: "int64", want: []string{"1", "~"}, warned: 1},
		{name: "sets and nesting", items: []string{`{"a":{"SS":["x"]}}`, `{"a":{"M":{"k":{"N":"1.0"}}}}`}, kind: "utf8", want: []string{`["x"]`, `{"k":1.0}`}, warned: 2},
		{name: "several types", items: []string{`{"a":{"N":"1"}}`, `{"a":{"S":"x"}}`, `{"a":{"BOOL":true}}`}, kind: "utf8", want: []string{"1", "x", "true"}, warned: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			warned := 0
			var out bytes.Buffer
			w, err := NewWriter(&out, WriterOptions{Layout: learn(formattest.Batch(t, c.items[:2]...)),
				Losses: layout.Losses{Warn: func(string, string) { warned++ }}})
			if err != nil {
				t.Fatal(err)
			}
			if refused := formattest.Write(t, w, formattest.Batch(t, c.items...)); len(refused) > 0 {
				t.Fatalf("refused %v", refused)
			}
			table := read(t, out.Bytes())
			if got := table.Schema().Field(0).Type.String(); got != c.kind {
				t.Errorf("column is %s, want %s", got, c.kind)
			}
			if got := cells(table, "a"); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("read %q\nwant %q", got, c.want)
			}
			if warned != c.warned {
				t.Errorf("%d warnings, want %d", warned, c.warned)
			}
		})
	}
}

// A row that does not fit is refused whole: columns before the one that does
// not fit keep no value of it.
func TestWriterRefuses(t *testing.T) {
	learned := learn(formattest.Batch(t, `{"s":{"S":"x"},"n":{"N":"1"},"d":{"N":"1.5"},"t":{"BOOL":true},"b":{"B":"AQ=="},"z":{"S":"x"}}`))
	items := []string{
		`{"s":{"S":"first"},"n":{"N":"1"},"d":{"N":"2"},"t":{"BOOL":true},"b":{"B":"AQ=="},"z":{"S":"a"}}`,
		`{"s":{"S":"bad"},"n":{"N":"1.5"}}`,
		`{"s":{"S":"bad"},"n":{"N":"2"},"d":{"N":"0.1234567890123456789"}}`,
		`{"s":{"S":"bad"},"n":{"N":"2"},"d":{"N":"3"},"t":{"S":"true"}}`,
		`{"s":{"S":"bad"},"n":{"N":"2"},"d":{"N":"3"},"t":{"BOOL":false},"b":{"S":"AQ=="}}`,
		`{"s":{"S":"bad"},"new":{"S":"x"}}`,
		`{"n":{"S":"7"}}`,
		`{"s":{"S":"last"},"n":{"N":"9"},"d":{"N":"4"},"t":{"BOOL":false},"b":{"B":"Ag=="},"z":{"S":"b"}}`,
	}
	data := &bytes.Buffer{}
	w, err := NewWriter(data, WriterOptions{Layout: learned})
	if err != nil {
		t.Fatal(err)
	}
	refused := formattest.Write(t, w, formattest.Batch(t, items...))
	for row, part := range map[int]string{1: "64-bit integer", 2: "without rounding", 3: `"t" is a string`, 4: `"b" is a string`, 5: `"new"`, 6: `"n" is a string`} {
		if !strings.Contains(refused[row], part) {
			t.Errorf("row %d refused with %q, want %q in it", row, refused[row], part)
		}
	}
	if len(refused) != 6 {
		t.Errorf("refused %v", refused)
	}
	table := read(t, data.Bytes())
	for name, want := range map[string]string{"s": "[first last]", "n": "[1 9]", "d": "[2 4]", "t": "[true false]", "b": "[01 02]", "z": "[a b]"} {
		if got := fmt.Sprint(cells(table, name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// Declared types convert what loses nothing.
func TestWriterDeclared(t *testing.T) {
	l := layout.Layout{Fixed: true, Columns: []layout.Column{
		{Name: "n", Type: layout.Type{Kind: attr.Number}}, {Name: "s", Type: layout.Type{Kind: attr.String}}}}
	var out bytes.Buffer
	w, err := NewWriter(&out, WriterOptions{Layout: l})
	if err != nil {
		t.Fatal(err)
	}
	refused := formattest.Write(t, w, formattest.Batch(t,
		`{"n":{"S":"12.5"},"s":{"N":"007.10"},"gone":{"S":"x"}}`, `{"n":{"S":"twelve"}}`, `{"n":{"N":"1"}}`))
	if len(refused) != 1 || !strings.Contains(refused[1], `"n"`) {
		t.Errorf("refused %v", refused)
	}
	table := read(t, out.Bytes())
	if got := fmt.Sprint(table.Schema().Field(0).Type, cells(table, "n"), cells(table, "s")); got != "decimal(38, 18) [12.5 1] [007.10 ~]" {
		t.Errorf("read %s", got)
	}
}

// Row groups end at their bounds, every row is there and in order, whatever
// the pages' compression; statistics of decimals are by value.
func TestWriterRowGroups(t *testing.T) {
	const batches, rows = 70, 2048
	for _, compression := range []Compression{Snappy, Zstd, Gzip, None} {
		var out bytes.Buffer
		var w *Writer
		for i := range batches {
			b := attr.NewBuilder(memory.NewGoAllocator())
			for j := range rows {
				n := i*rows + j
				b.Number("n", fmt.Sprint(n))
				b.Number("d", fmt.Sprintf("%d.5", n-1000))
				if n%3 == 0 {
					b.String("s", fmt.Sprintf("row %d", n))
				}
				b.EndRow(record.Pos{})
			}
			batch := b.Batch(nil)
			if w == nil {
				var err error
				if w, err = NewWriter(&out, WriterOptions{Layout: learn(batch), Compression: compression}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
				t.Fatal(err)
			}
			batch.Release()
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if want := (batches*rows + maxGroupRows - 1) / maxGroupRows; f.NumRowGroups() != want || f.MetaData().RowGroup(0).NumRows() != maxGroupRows {
			t.Errorf("%d row groups, the first of %d rows", f.NumRowGroups(), f.MetaData().RowGroup(0).NumRows())
		}
		chunk, err := f.MetaData().RowGroup(0).ColumnChunk(1)
		if err != nil {
			t.Fatal(err)
		}
		if stats, err := chunk.Statistics(); err != nil || !stats.HasMinMax() {
			t.Errorf("no statistics: %v", err)
		} else if low := signed(stats.EncodeMin()); low.Cmp(scaledInt("-1000.5")) != 0 {
			t.Errorf("%s: the least decimal is said to be %s", compression, low)
		}
		table := read(t, out.Bytes())
		numbers, texts := cells(table, "n"), cells(table, "s")
		if len(numbers) != batches*rows {
			t.Fatalf("%d rows", len(numbers))
		}
		for i := range numbers {
			want := "~"
			if i%3 == 0 {
				want = fmt.Sprintf("row %d", i)
			}
			if numbers[i] != fmt.Sprint(i) || texts[i] != want {
				t.Fatalf("row %d is %s, %s", i, numbers[i], texts[i])
			}
		}
	}
}

func signed(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

func scaledInt(number string) *big.Int {
	r, _ := new(big.Rat).SetString(number)
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(scale), nil)))
	return r.Num()
}

// Wide text ends a row group before its rows do.
func TestWriterGroupBytes(t *testing.T) {
	b := formattest.Row(t, attr.Field{Name: "s", Value: attr.StringValue(strings.Repeat("x", 1<<20))})
	var out bytes.Buffer
	w, err := NewWriter(&out, WriterOptions{Layout: learn(b)})
	if err != nil {
		t.Fatal(err)
	}
	for range 70 {
		if err := w.Write(b, func(_ int, err error) error { return err }); err != nil {
			t.Fatal(err)
		}
		if w.bytes() > maxGroupBytes+2<<20 {
			t.Fatalf("%d bytes held", w.bytes())
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, out.Bytes()).NumRows(); got != 70 {
		t.Errorf("%d rows", got)
	}
}

func TestWriterWithoutRows(t *testing.T) {
	for _, l := range []layout.Layout{{Fixed: true}, {Fixed: true, Columns: []layout.Column{{Name: "a.b"}, {Name: "n", Type: layout.Type{Kind: attr.Number}}}}} {
		var out bytes.Buffer
		w, err := NewWriter(&out, WriterOptions{Layout: l})
		if err != nil {
			t.Fatal(err)
		}
		formattest.Write(t, w)
		f, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if f.NumRows() != 0 || f.MetaData().Schema.NumColumns() != len(l.Columns) {
			t.Errorf("%d rows, %d columns", f.NumRows(), f.MetaData().Schema.NumColumns())
		}
	}
}

// failing is a disk that is full after so many bytes.
type failing struct{ left int }

var errDisk = errors.New("no space left on device")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

// Wherever writing fails, the error comes out of the writer, which does not
// panic and does not go on as if nothing were.
func TestWriterFails(t *testing.T) {
	b := formattest.Wide(t, 50)
	whole := &failing{left: 1 << 30}
	attempt := func(out *failing) error {
		w, err := NewWriter(out, WriterOptions{Layout: learn(b)})
		if err != nil {
			return err
		}
		if err := w.Write(b, func(_ int, err error) error { return err }); err != nil {
			return err
		}
		return w.Close()
	}
	if err := attempt(whole); err != nil {
		t.Fatal(err)
	}
	for left := range 1<<30 - whole.left {
		if err := attempt(&failing{left: left}); !errors.Is(err, errDisk) {
			t.Fatalf("full after %d bytes: %v", left, err)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	batch := formattest.Wide(b, 2048)
	w, err := NewWriter(&failing{left: 1 << 62}, WriterOptions{Layout: learn(batch)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Rows()), "ns/row")
}
