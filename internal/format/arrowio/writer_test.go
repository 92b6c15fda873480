package arrowio

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/formattest"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/format/parquetio"
	"github.com/dynapipe/dynapipe/internal/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func learn(batches ...*record.Batch) layout.Layout {
	var s parquetio.Survey
	for _, b := range batches {
		s.Add(b)
	}
	return layout.Layout{Columns: s.Columns(), Fixed: true, Exact: true}
}

// read reads a file with Arrow's own reader: the fields, and each column's
// cells as text, where what is null is ~.
func read(t testing.TB, data []byte) (fields []string, cells map[string][]string) {
	t.Helper()
	f, err := ipc.NewFileReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cells = map[string][]string{}
	for _, field := range f.Schema().Fields() {
		fields = append(fields, field.Name+" "+field.Type.String())
	}
	for i := range f.NumRecords() {
		rec, err := f.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		for j, field := range f.Schema().Fields() {
			for row := range int(rec.NumRows()) {
				cells[field.Name] = append(cells[field.Name], cellText(rec.Column(j), row))
			}
		}
	}
	return fields, cells
}

func cellText(a arrow.Array, row int) string {
	if a.IsNull(row) {
		return "~"
	}
	switch a := a.(type) {
	case *array.Decimal128:
		return attr.CanonicalNumber(a.Value(row).ToString(18))
	case *array.Binary:
		return fmt.Sprintf("%x", a.Value(row))
	}
	return a.ValueStr(row)
}

func TestTypes(t *testing.T) {
	for _, zstd := range []bool{false, true} {
		batch := formattest.Batch(t,
			`{"s":{"S":"a"},"whole":{"N":"9223372036854775807"},"dec":{"N":"0.10"},"long":{"N":"1e-30"},"ok":{"BOOL":true},"b":{"B":"AAE="},"l":{"L":[{"N":"1"}]}}`,
			`{"s":{"S":""},"whole":{"N":"-1e3"},"dec":{"N":"-99999999999999999999.999999999999999999"},"long":{"N":"2"},"ok":{"BOOL":false},"l":{"SS":["x"]}}`,
			`{"dec":{"NULL":true}}`,
		)
		defer batch.Release()
		var out bytes.Buffer
		warned := map[string]int{}
		w, err := NewWriter(&out, WriterOptions{Layout: learn(batch), Zstd: zstd, Losses: layout.Losses{Warn: func(a, _ string) { warned[a]++ }}})
		if err != nil {
			t.Fatal(err)
		}
		if rejected := formattest.Write(t, w, batch); len(rejected) > 0 {
			t.Errorf("rejected %v", rejected)
		}
		fields, cells := read(t, out.Bytes())
		if want := []string{"s utf8", "whole int64", "dec decimal(38, 18)", "long utf8", "ok bool", "b binary", "l utf8"}; !slices.Equal(fields, want) {
			t.Errorf("%v, not %v", fields, want)
		}
		for name, want := range map[string][]string{
			"s": {"a", "", "~"}, "whole": {"9223372036854775807", "-1000", "~"},
			"dec":  {"0.1", "-99999999999999999999.999999999999999999", "~"},
			"long": {"1e-30", "2", "~"}, "ok": {"true", "false", "~"}, "b": {"0001", "~", "~"}, "l": {`[1]`, `["x"]`, "~"},
		} {
			if !slices.Equal(cells[name], want) {
				t.Errorf("%s: %q, not %q", name, cells[name], want)
			}
		}
		if warned["dec"] != 1 || warned["l"] != 2 || warned["long"] != 2 || len(warned) != 3 {
			t.Errorf("warnings %v", warned)
		}
	}
}

// A number that would have to be rounded rejects its row, whole, and the rows
// around it are there.
func TestNeverRounded(t *testing.T) {
	first := formattest.Batch(t, `{"a":{"S":"x"},"n":{"N":"1"},"d":{"N":"0.5"}}`)
	later := formattest.Batch(t,
		`{"a":{"S":"y"},"n":{"N":"1.5"},"d":{"N":"1"}}`,
		`{"a":{"S":"z"},"n":{"N":"2"},"d":{"N":"0.0000000000000000001"}}`,
		`{"a":{"S":"w"},"n":{"N":"3"},"d":{"N":"1E19"}}`,
		`{"a":{"S":"v"},"n":{"N":"3"},"late":{"S":"?"}}`,
	)
	defer first.Release()
	defer later.Release()
	var out bytes.Buffer
	w, err := NewWriter(&out, WriterOptions{Layout: learn(first)})
	if err != nil {
		t.Fatal(err)
	}
	rejected := map[int]string{}
	for _, b := range []*record.Batch{first, later} {
		if err := w.Write(b, func(row int, why error) error {
			var misfit *layout.Misfit
			if !errors.As(why, &misfit) {
				t.Errorf("%v is no misfit", why)
			}
			rejected[row] = why.Error()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, cells := read(t, out.Bytes())
	if !slices.Equal(cells["a"], []string{"x", "w"}) || !slices.Equal(cells["n"], []string{"1", "3"}) || !slices.Equal(cells["d"], []string{"0.5", "10000000000000000000"}) {
		t.Errorf("%v", cells)
	}
	for row, want := range map[int]string{0: "64-bit integer", 1: "without rounding", 3: `"late"`} {
		if !strings.Contains(rejected[row], want) {
			t.Errorf("row %d: %q says nothing of %q", row, rejected[row], want)
		}
	}
}

// A file of several record batches, and one without rows.
func TestManyRowsAndNone(t *testing.T) {
	for _, n := range []int{0, maxBatchRows + 10} {
		layout := layout.Layout{Fixed: true, Columns: []layout.Column{{Name: "n", Type: layout.Type{Kind: attr.Number}}}}
		var out bytes.Buffer
		w, err := NewWriter(&out, WriterOptions{Layout: layout})
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			items := make([]string, n)
			for i := range items {
				items[i] = fmt.Sprintf(`{"n":{"N":"%d"}}`, i)
			}
			batch := formattest.Batch(t, items...)
			defer batch.Release()
			formattest.Write(t, w, batch)
		} else if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, cells := read(t, out.Bytes()); len(cells["n"]) != n || n > 0 && cells["n"][n-1] != fmt.Sprint(n-1) {
			t.Errorf("%d rows, not %d", len(cells["n"]), n)
		}
	}
}

// Every number is in the file exactly, or refused.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "1e18", "123.456", "99999999999999999999.999999999999999999", "1e-18", "1e-19", "1E20"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if attr.CheckNumber(text) != nil {
			return
		}
		c := newColumn(layout.Type{Kind: attr.Number})
		v, err := attr.NumberValue(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.read("n", v); err != nil {
			return
		}
		if got := decimal128.Num(c.decimal).ToString(18); attr.CompareNumbers(got, text) != 0 {
			t.Errorf("%s became %s", text, got)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	batch := formattest.Wide(b, 2048)
	defer batch.Release()
	l := learn(batch)
	b.ReportAllocs()
	for b.Loop() {
		w, err := NewWriter(&bytes.Buffer{}, WriterOptions{Layout: l})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Write(batch, func(int, error) error { return nil }); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Rows()), "ns/row")
}
