package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/internal/sinktest"
	"github.com/dynapipe/dynapipe/sinks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// decode decodes the body of a sink "file" block.
func decode(t testing.TB, body string) (*Config, hcl.Diagnostics) {
	t.Helper()
	const name = "test.hcl"
	text := "sink \"file\" \"out\" {\n" + body + "\n}\n"
	parsed, diags := hclparse.NewParser().ParseHCL([]byte(text), name)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	c := New().(*Config)
	d := schema.Decoder{Scope: &expr.Scope{Sources: map[string][]byte{name: []byte(text)}}}
	_, diags = d.Decode(parsed.Body.(*hclsyntax.Body).Blocks[0], c.Schema())
	return c, diags
}

func config(t testing.TB, body string) *Config {
	t.Helper()
	c, diags := decode(t, body)
	if len(diags) > 0 {
		t.Fatalf("%s: %v", body, diags)
	}
	return c
}

func pathIs(path string) string { return "path = " + strconv.Quote(filepath.ToSlash(path)) + "\n" }

// TestContract runs the suite of all sinks for each way to write a file.
func TestContract(t *testing.T) {
	for name, c := range map[string]struct {
		file, args string
		read       func(t *testing.T, data []byte) []int
	}{
		"jsonl":           {"out.jsonl", "strict = true", readLines},
		"jsonl, gzip":     {"out.jsonl.gz", "strict = true", func(t *testing.T, data []byte) []int { return readLines(t, gunzip(t, data)) }},
		"json, zstd":      {"new/folder/out.json.zst", "strict = true", func(t *testing.T, data []byte) []int { return readArray(t, unzstd(t, data)) }},
		"csv, learned":    {"out.csv", "strict = true", readCSV},
		"csv, columns":    {"out.csv", "strict = true\ncolumns = { n = number, tags = string }", readCSV},
		"parquet":         {"out.parquet", "strict = true", readParquet},
		"arrow":           {"out.arrow", "strict = true", readArrow},
		"arrow, zstd":     {"out.arrow", "columns = [\"n\"]\ncompression = \"zstd\"", readArrow},
		"parquet, column": {"out.parquet", "columns = [\"n\"]\ncompression = \"zstd\"", readParquet},
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Suite{
				New: func(t *testing.T) sinktest.Subject {
					folder := t.TempDir()
					path := filepath.Join(folder, c.file)
					return sinktest.Subject{
						Config: config(t, pathIs(path)+c.args),
						Written: func(t *testing.T) []int {
							data, err := os.ReadFile(path)
							if err != nil {
								t.Fatal(err)
							}
							return c.read(t, data)
						},
						Clean: func(t *testing.T) { empty(t, folder) },
					}
				},
				Row: func(b *attr.Builder, n int) { b.Number("n", strconv.Itoa(n)) },
				Misfit: func(b *attr.Builder) {
					if strings.Contains(c.args, "strict") {
						b.Number("n", "-1")
						b.Any("tags", []byte(`{"SS":["x"]}`))
					} else {
						b.String("n", "no number")
					}
				},
			}.Run(t)
		})
	}
}

func empty(t testing.TB, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", e.Name())
	}
}

func gunzip(t testing.TB, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func unzstd(t testing.TB, data []byte) []byte {
	t.Helper()
	r, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out, err := r.DecodeAll(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readLines(t *testing.T, data []byte) []int {
	var out []int
	for line := range bytes.Lines(data) {
		var row struct{ N int }
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		out = append(out, row.N)
	}
	return out
}

func readArray(t *testing.T, data []byte) []int {
	var rows []struct{ N int }
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	var out []int
	for _, r := range rows {
		out = append(out, r.N)
	}
	return out
}

func readCSV(t *testing.T, data []byte) []int {
	var out []int
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if i == 0 {
			continue // the header
		}
		cell, _, _ := strings.Cut(line, ",")
		n, err := strconv.Atoi(cell)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// run is a sink open in a test.
type run struct {
	sinks.Sink
	t        testing.TB
	meter    *progress.Meter
	tally    record.Tally
	rejected []record.Rejection
}

func (r *run) Reject(_ string, why record.Rejection) error {
	r.rejected = append(r.rejected, why)
	return nil
}

func open(t testing.TB, c *Config, rows int) *run {
	t.Helper()
	r := &run{t: t, meter: progress.NewMeter("sink.file.out", nil)}
	var err error
	r.Sink, err = c.Open(t.Context(), sinks.Env{
		Node: "sink.file.out", Limits: record.Limits{Rows: rows, Bytes: 1 << 20}, Mem: memory.NewGoAllocator(),
		Run: &expr.Run{ID: "run1", Start: time.Now()}, Meter: r.meter,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// write writes items as one batch.
func (r *run) write(items ...string) error {
	r.t.Helper()
	b := attr.NewBuilder(memory.NewGoAllocator())
	defer b.Release()
	for i, item := range items {
		if err := b.AddItem([]byte(item)); err != nil {
			r.t.Fatal(err)
		}
		b.EndRow(record.Pos{File: -1, Seq: int64(i)})
	}
	batch := b.Batch(&record.Place{Source: "source.test.rows", Segment: -1})
	defer batch.Release()
	return r.Write(r.t.Context(), batch, record.NewReceipt("sink.file.out", &r.tally, batch.Origins(), r, nil))
}

func (r *run) finish() {
	r.t.Helper()
	if err := r.Flush(r.t.Context(), sinks.EndOfInput); err != nil {
		r.t.Fatal(err)
	}
	if p, ok := r.Sink.(sinks.Publisher); ok {
		if err := p.Publish(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// Columns are the union of the attributes of the first batch_rows rows,
// whatever batches they come in; what comes later must fit.
func TestColumnsAreLearned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.csv")
	r := open(t, config(t, pathIs(path)), 3)
	for _, items := range [][]string{
		{`{"id":{"S":"1"}}`, `{"id":{"S":"2"},"z":{"S":"x"}}`},
		{`{"a":{"S":"y"}}`},
		{`{"id":{"S":"4"},"late":{"S":"no room"}}`, `{"a":{"S":"z"},"id":{"S":"5"}}`},
	} {
		if err := r.write(items...); err != nil {
			t.Fatal(err)
		}
	}
	r.finish()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "id,z,a\n1,,\n2,x,\n,,y\n5,,z\n"; string(got) != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	if len(r.rejected) != 1 || r.rejected[0].Code != "UnknownColumn" || string(r.rejected[0].Item) != `{"id":{"S":"4"},"late":{"S":"no room"}}` || r.rejected[0].Origin.Seq != 0 {
		t.Errorf("rejected %+v", r.rejected)
	}
	if r.tally.Written.Load() != 4 || r.tally.Rejected.Load() != 1 {
		t.Errorf("%d written, %d rejected", r.tally.Written.Load(), r.tally.Rejected.Load())
	}
}

// One warning per attribute, counted, with what is lost.
func TestWarnings(t *testing.T) {
	r := open(t, config(t, pathIs(filepath.Join(t.TempDir(), "out.csv"))), 10)
	if err := r.write(`{"a":{"SS":["x"]},"b":{"NULL":true}}`, `{"a":{"SS":["y"]}}`); err != nil {
		t.Fatal(err)
	}
	r.finish()
	w := r.meter.Snapshot().Warnings
	if len(w) != 2 || w[0].Key != "a" || w[0].Count != 2 || !strings.Contains(w[0].Message, "string_set") || w[1].Count != 1 {
		t.Errorf("warnings %+v", w)
	}
}

// An existing file stays as it is until Publish.
func TestReplacedAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	if err := os.WriteFile(path, []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, publish := range []bool{false, true} {
		r := open(t, config(t, pathIs(path)), 10)
		if err := r.write(`{"n":{"N":"1"}}`); err != nil {
			t.Fatal(err)
		}
		if err := r.Flush(t.Context(), sinks.EndOfInput); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != "old\n" {
			t.Errorf("after Flush it is %q", got)
		}
		want := "old\n"
		if publish {
			if err := r.Sink.(sinks.Publisher).Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			want = "{\"n\":1}\n"
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("publish %v: it is %q", publish, got)
		}
	}
}

// A file that can't be opened is an error of Open, by the name the user wrote.
func TestOpenFails(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "d.jsonl"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"d.jsonl": "is a folder", "file/out.jsonl": "file"} {
		c := config(t, pathIs(filepath.Join(folder, path)))
		_, err := c.Open(t.Context(), sinks.Env{Run: &expr.Run{ID: "run1"}, Meter: progress.NewMeter("n", nil)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	for body, want := range map[string]string{
		`path = "out.txt"`:                           "Unknown format",
		`path = "out/"`:                              "Not a file",
		`path = "out.csv.bz2"`:                       "Unfitting compression",
		`path = "out.parquet.gz"`:                    "Unfitting compression",
		"path = \"a.csv\"\ncompression = \"snappy\"": "Unfitting compression",
		"path = \"a.csv\"\nencoding = \"dynamodb\"":  "Unfitting encoding",
		"path = \"a.jsonl\"\ndelimiter = \";\"":      "Unfitting argument",
		"path = \"a.jsonl\"\nheader = false":         "Unfitting argument",
		"path = \"a.csv\"\ndelimiter = \"ab\"":       "Not a delimiter",
		"path = \"a.csv\"\ncolumns = []":             "No columns",
		"path = \"a.csv\"\ncolumns = [\"a\", \"a\"]": "Name used twice",
		"path = \"a.csv\"\ncolumns = { a = strin }":  "Unknown type",
		"path = \"a.csv\"\nmax_row = 5":              "Unknown argument",
		"path = \"a.csv\"\nmax_rows = -1":            "Number out of range",
		"path = \"a.csv\"\nmax_open = 5":             "Unfitting argument",
		"path = \"-\"\nmax_rows = 5":                 "Unfitting argument",
		"path = \"a.arrow.gz\"":                      "Unfitting compression",
		"path = \"a.arrow\"\ncompression = \"gzip\"": "Unfitting compression",
		`path = "out/${row.a}"`:                      "Unknown format",
		`path = "out/a.${row.ending}"`:               "Unknown format",
		`path = "${row.folder}/"`:                    "Not a file",
		`path = ["${row.a}.csv"]`:                    "Wrong type of expression",
		"path = \"${row.a}.csv\"\nmax_open = 0":      "Number out of range",
		"path = \"a.csv\"\nformat = \"xlsx\"":        "Unknown value",
		"format = \"csv\"":                           "Missing argument",
	} {
		_, diags := decode(t, body)
		if len(diags) != 1 || diags[0].Summary != want {
			t.Errorf("%s: %v, want %q", body, diags, want)
		}
	}
}

func TestFormatByEnding(t *testing.T) {
	for path, want := range map[string]string{
		"a.csv": "csv ", "A.CSV": "csv ", "a.csv.gz": "csv gzip", "a.json.zst": "json zstd", "a.jsonl": "jsonl ", "a.ndjson.gz": "jsonl gzip",
		"a.parquet": "parquet ", "a.arrow": "arrow ", "-": "jsonl ", "/dev/stdout": "jsonl ",
	} {
		c := config(t, pathIs(path))
		if got := c.formatName() + " " + c.compressionName(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestFacts(t *testing.T) {
	f, err := config(t, `path = "./out//a.csv"`).Facts(context.Background())
	if err != nil || len(f.Files) != 1 || f.Files[0] != filepath.Join("out", "a.csv") || f.Order == "" || f.Guarantee == "" || len(f.Notes) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}

// What nothing else may write is the file itself, or the first of numbered ones.
func TestWritesFiles(t *testing.T) {
	for args, want := range map[string]string{
		`path = "out//a.csv"`:                       "[out/a.csv]",
		"path = \"out/a.csv.gz\"\nmax_rows = 9":     "[out/a-00001.csv.gz]",
		"path = \"a.parquet\"\nmax_bytes = \"1MB\"": "[a-00001.parquet]",
		`path = "-"`: "[-]",
		`path = "/dev/null"
format = "csv"`: "[]",
		`path = "out/${row.k}.csv"`: "[]",
	} {
		if got := fmt.Sprint(config(t, args).WritesFiles()); got != filepath.FromSlash(want) {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}
