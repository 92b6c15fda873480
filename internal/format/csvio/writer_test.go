package csvio

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/formattest"
	"github.com/dynapipe/dynapipe/internal/format/layout"
)

func columns(names ...string) layout.Layout {
	l := layout.Layout{Fixed: true}
	for _, n := range names {
		l.Columns = append(l.Columns, layout.Column{Name: n})
	}
	return l
}

func TestWriter(t *testing.T) {
	chosen, learned := columns("a", "b"), columns("a", "b")
	learned.Exact = true
	number := columns("a", "b")
	number.Columns[0].Type.Kind = attr.Number
	for _, c := range []struct {
		name    string
		layout  layout.Layout
		strict  bool
		delim   byte
		items   []string
		want    string
		warned  map[string]int
		refused map[int]string // part of the reason
	}{
		{name: "absent and empty stay apart", layout: chosen,
			items: []string{`{"a":{"S":""}}`, `{"b":{"S":""}}`, `{"a":{"S":"x"},"b":{"S":"y"}}`},
			want:  "\"\",\n,\"\"\nx,y\n"},
		{name: "quotes where they must be", layout: chosen,
			items: []string{`{"a":{"S":"say \"hi\""},"b":{"S":"x,y"}}`, `{"a":{"S":"1\r\n2"},"b":{"S":" pad "}}`, `{"a":{"S":"#1"},"b":{"S":"\ufeffx"}}`},
			want:  "\"say \"\"hi\"\"\",\"x,y\"\n\"1\r\n2\",\" pad \"\n\"#1\",\"\ufeffx\"\n"},
		{name: "another delimiter", layout: chosen, delim: '|',
			items: []string{`{"a":{"S":"x|y"},"b":{"S":"x,y"}}`}, want: "\"x|y\"|x,y\n"},
		{name: "numbers as they are spelled", layout: chosen,
			items: []string{`{"a":{"N":"1.50"},"b":{"N":"1E+3"}}`}, want: "1.50,1E+3\n"},
		{name: "plainest forms are counted", layout: chosen,
			items: []string{`{"a":{"NULL":true},"b":{"BOOL":true}}`, `{"a":{"B":"AQI="},"b":{"SS":["x","y"]}}`, `{"b":{"M":{"k":{"L":[{"N":"1.0"}]}}}}`},
			want:  ",true\nAQI=,\"[\"\"x\"\",\"\"y\"\"]\"\n,\"{\"\"k\"\":[1.0]}\"\n", warned: map[string]int{"a": 2, "b": 2}},
		{name: "strict refuses them", layout: chosen, strict: true,
			items: []string{`{"a":{"S":"ok"}}`, `{"a":{"NULL":true}}`, `{"b":{"SS":["x"]}}`, `{"b":{"B":"AQ=="}}`},
			want:  "ok,\n", refused: map[int]string{1: "NULL", 2: "string_set", 3: "base64"}},
		{name: "chosen columns leave others out", layout: chosen,
			items: []string{`{"a":{"S":"x"},"c":{"S":"gone"}}`}, want: "x,\n"},
		{name: "learned columns refuse others", layout: learned,
			items: []string{`{"a":{"S":"x"}}`, `{"a":{"S":"x"},"c":{"S":"kept"}}`}, want: "x,\n", refused: map[int]string{1: `"c" is not among the columns`}},
		{name: "declared types convert or refuse", layout: number,
			items: []string{`{"a":{"S":"12"}}`, `{"a":{"N":"13"}}`, `{"a":{"S":"x"}}`, `{"a":{"BOOL":true}}`},
			want:  "12,\n13,\n", refused: map[int]string{2: `"a"`, 3: "declared number"}},
		{name: "no empty line", layout: columns("a"),
			items: []string{`{"a":{"S":"x"}}`, `{"b":{"S":"x"}}`, `{"a":{"S":""}}`}, want: "x\n\"\"\n", refused: map[int]string{1: "the only column"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			warned := map[string]int{}
			var out bytes.Buffer
			w := NewWriter(&out, WriterOptions{Layout: c.layout, Delimiter: cmp.Or(c.delim, ','),
				Losses: layout.Losses{Strict: c.strict, Warn: func(attribute, _ string) { warned[attribute]++ }}})
			refused := formattest.Write(t, w, formattest.Batch(t, c.items...))
			if out.String() != c.want {
				t.Errorf("wrote %q\nwant  %q", out.String(), c.want)
			}
			if !maps.Equal(warned, c.warned) && len(warned)+len(c.warned) > 0 {
				t.Errorf("warned %v, want %v", warned, c.warned)
			}
			if len(refused) != len(c.refused) {
				t.Errorf("refused %v", refused)
			}
			for row, part := range c.refused {
				if !strings.Contains(refused[row], part) {
					t.Errorf("row %d refused with %q, want %q in it", row, refused[row], part)
				}
			}
		})
	}
}

func TestWriterHeader(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, WriterOptions{Layout: columns("id", "full, name"), Delimiter: ',', Header: true})
	formattest.Write(t, w)
	if got, want := out.String(), "id,\"full, name\"\n"; got != want {
		t.Errorf("without rows: %q, want %q", got, want)
	}
}

// Rows of more attributes than a batch has columns keep theirs in the
// overflow; a file's columns come from there as well.
func TestWriterOverflow(t *testing.T) {
	names, item := []string{}, []string{}
	for i := range 300 {
		names = append(names, fmt.Sprintf("c%03d", i))
		item = append(item, fmt.Sprintf(`"c%03d":{"S":"v%d"}`, i, i))
	}
	var out bytes.Buffer
	w := NewWriter(&out, WriterOptions{Layout: columns(names...), Delimiter: ','})
	row := "{" + strings.Join(item, ",") + "}"
	formattest.Write(t, w, formattest.Batch(t, row, `{"c000":{"S":"alone"}}`, row))
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if rows[0][299] != "v299" || rows[1][299] != "" || rows[2][299] != "v299" {
		t.Errorf("last column: %q %q %q", rows[0][299], rows[1][299], rows[2][299])
	}
}

// cell is a value of a CSV cell: absent, or text.
type cell struct {
	there bool
	text  string
}

func writeCells(t testing.TB, rows [][]cell, delim byte) string {
	names := make([]string, len(rows[0]))
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	var out bytes.Buffer
	w := NewWriter(&out, WriterOptions{Layout: columns(names...), Delimiter: delim})
	for _, row := range rows {
		var fields []attr.Field
		for i, c := range row {
			if c.there {
				fields = append(fields, attr.Field{Name: names[i], Value: attr.StringValue(c.text)})
			}
		}
		b := formattest.Row(t, fields...)
		if err := w.Write(b, func(_ int, err error) error { return err }); err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// readBack reads with the package's own reader, in which an absent cell and an
// empty one differ by their quotes.
func readBack(t testing.TB, text string, o ReaderOptions) [][]cell {
	records, err := readRecords(t, text, 7, o, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]cell, 0, len(records))
	for _, rec := range records {
		if rec.fault != "" {
			t.Fatalf("line %d: %s in %q", rec.line, rec.fault, text)
		}
		row := make([]cell, 0, len(rec.cells))
		for _, text := range rec.cells {
			unquoted, quoted := strings.CutPrefix(text, `"`)
			row = append(row, cell{there: quoted || unquoted != "", text: unquoted})
		}
		out = append(out, row)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		delim := rapid.SampledFrom([]byte{',', ';', '\t', '|'}).Draw(rt, "delimiter")
		text := rapid.OneOf(
			rapid.StringOfN(rapid.SampledFrom([]rune("a\"',;|\t\r\n #é\ufeff\u2028😀")), 0, 12, -1),
			rapid.StringOfN(rapid.Rune(), 0, 12, -1))
		columns := rapid.IntRange(2, 4).Draw(rt, "columns")
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) cell {
			if rapid.Bool().Draw(rt, "absent") {
				return cell{}
			}
			return cell{true, text.Draw(rt, "text")}
		}), columns, columns), 1, 5).Draw(rt, "rows")

		written := writeCells(t, rows, delim)
		for _, trim := range []bool{false, true} {
			got := readBack(t, written, ReaderOptions{Delimiter: string(delim), Trim: trim, Comment: "#"})
			if !slices.EqualFunc(got, rows, slices.Equal) {
				rt.Fatalf("trim %v: %q\nread  %v\nwrote %v", trim, written, got, rows)
			}
		}
	})
}

func FuzzWriterRoundTrip(f *testing.F) {
	for _, s := range []string{"", "plain", `a "quote"`, "x,y", "line\nend", "cr\r", " lead", "trail\t", "\ufeffbom", "#no comment", `"`, `""`, "\x00"} {
		f.Add(s, "other")
		f.Add("other", s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		want := [][]cell{{{true, a}, {true, b}}, {{}, {true, a}}, {{true, b}, {}}}
		written := writeCells(t, want, ',')
		if got := readBack(t, written, ReaderOptions{}); !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%q\nread  %v\nwrote %v", written, got, want)
		}
	})
}

func TestValidDelimiter(t *testing.T) {
	for d, want := range map[string]bool{",": true, ";": true, "\t": true, "|": true, "": false, ",,": false,
		"a": false, "7": false, ".": false, "-": false, `"`: false, "\n": false, "é": false, "\x00": false, "Z": false} {
		if ValidDelimiter(d) != want {
			t.Errorf("ValidDelimiter(%q) = %v", d, !want)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	batch := formattest.Wide(b, 2048)
	var names []string
	for i := range batch.Columns() {
		names = append(names, batch.Column(i).Name)
	}
	size := &counter{}
	w := NewWriter(size, WriterOptions{Layout: columns(names...), Delimiter: ','})
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(size.n / int64(b.N))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Rows()), "ns/row")
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

var _ io.Writer = (*counter)(nil)
