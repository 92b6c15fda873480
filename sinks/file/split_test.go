package file

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/sinktest"
)

// readArrow reads column n with Arrow's own reader.
func readArrow(t *testing.T, data []byte) (out []int) {
	f, err := ipc.NewFileReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range f.NumRecords() {
		rec, err := f.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(rec.NumRows()) {
			switch a := rec.Column(0).(type) {
			case *array.Int64:
				out = append(out, int(a.Value(row)))
			case *array.Decimal128:
				whole, _ := a.Value(row).Div(decimal128.GetScaleMultiplier(18))
				out = append(out, int(whole.LowBits()))
			default:
				t.Fatalf("column n is %s", a.DataType())
			}
		}
	}
	return out
}

// below is every file below a folder, by its path from there.
func below(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestContractOfSeveralFiles runs the suite of all sinks for files by value and
// files that are full in turn.
func TestContractOfSeveralFiles(t *testing.T) {
	gz := func(t *testing.T, data []byte) []int { return readLines(t, gunzip(t, data)) }
	for name, c := range map[string]struct {
		path, args string
		read       func(t *testing.T, data []byte) []int
	}{
		"by value":                {"out/${row.n % 3}/${row.n % 2}.jsonl", "", readLines},
		"by value, one open":      {"${row.n % 3}.jsonl.gz", "max_open = 1", gz},
		"by value, csv, two open": {"p-${row.n % 5}.csv", "max_open = 2", readCSV},
		"full in turn":            {"out.jsonl", "max_rows = 40", readLines},
		"large in turn":           {"out.csv", "max_bytes = 200", readCSV},
		"parquet in turn":         {"out.parquet", "max_rows = 30", readParquet},
		"arrow by value, in turn": {"${row.n % 3}.arrow", "max_rows = 20\nmax_open = 2", readArrow},
		"json by value, in turn":  {"${row.n % 3}.json.zst", "max_bytes = 640\nmax_open = 2", func(t *testing.T, data []byte) []int { return readArray(t, unzstd(t, data)) }},
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Suite{
				New: func(t *testing.T) sinktest.Subject {
					folder := t.TempDir()
					return sinktest.Subject{
						Config: config(t, fmt.Sprintf("path = \"%s/%s\"\nstrict = true\n%s", filepath.ToSlash(folder), c.path, c.args)),
						Written: func(t *testing.T) (out []int) {
							for _, data := range below(t, folder) {
								out = append(out, c.read(t, data)...)
							}
							return out
						},
						Clean: func(t *testing.T) { empty(t, folder) },
					}
				},
				Row: func(b *attr.Builder, n int) { b.Number("n", strconv.Itoa(n)) },
				Misfit: func(b *attr.Builder) {
					b.Number("n", "-1")
					b.Any("tags", []byte(`{"SS":["x"]}`))
				},
			}.Run(t)
		})
	}
}

// write all writes each row as a batch of its own, and publishes.
func writeAll(t *testing.T, r *run, items ...string) {
	t.Helper()
	for _, item := range items {
		if err := r.write(item); err != nil {
			t.Fatal(err)
		}
	}
	r.finish()
}

// Files by value: rows in order, each file with columns of its own, continued
// when it had to be closed.
func TestFilesByValue(t *testing.T) {
	for _, open1 := range []int{1, 2, 64} {
		folder := t.TempDir()
		r := open(t, config(t, fmt.Sprintf("path = \"%s/${row.k}/${row.ok}.csv\"\nmax_open = %d", folder, open1)), 2)
		writeAll(t, r,
			`{"k":{"S":"a"},"ok":{"BOOL":true},"n":{"N":"1"}}`, `{"k":{"S":"b"},"ok":{"BOOL":true},"x":{"N":"2"}}`,
			`{"k":{"S":"a"},"ok":{"BOOL":true},"n":{"N":"3"}}`, `{"k":{"N":"1.50"},"ok":{"BOOL":false}}`,
			`{"k":{"S":"b"},"ok":{"BOOL":true},"x":{"N":"4"}}`, `{"k":{"S":"a"},"ok":{"BOOL":true},"n":{"N":"5"}}`)
		got := below(t, folder)
		want := map[string]string{
			"a/true.csv": "k,ok,n\na,true,1\na,true,3\na,true,5\n", "b/true.csv": "k,ok,x\nb,true,2\nb,true,4\n", "1.5/false.csv": "k,ok\n1.50,false\n",
		}
		for name, text := range want {
			if string(got[name]) != text {
				t.Errorf("max_open %d: %s is %q, not %q", open1, name, got[name], text)
			}
		}
		if len(got) != len(want) || r.tally.Written.Load() != 6 {
			t.Errorf("max_open %d: files %v, %d rows written", open1, slices.Collect(maps.Keys(got)), r.tally.Written.Load())
		}
	}
}

// No more files are open than max_open says, whatever comes.
func TestMaxOpen(t *testing.T) {
	r := open(t, config(t, fmt.Sprintf("path = \"%s/${row.n}.jsonl\"\nmax_open = 3", t.TempDir())), 10)
	before := descriptors(t)
	for i := range 60 {
		if err := r.write(fmt.Sprintf(`{"n":{"N":"%d"}}`, i*i%23)); err != nil {
			t.Fatal(err)
		}
		if now := descriptors(t); now > before+3 {
			t.Fatalf("%d files are open", now-before)
		}
	}
	r.finish()
}

// A format that can't be continued says so, and what to do.
func TestArrayIsNotContinued(t *testing.T) {
	r := open(t, config(t, fmt.Sprintf("path = \"%s/${row.k}.json\"\nmax_open = 1", t.TempDir())), 10)
	defer r.Close()
	var err error
	for _, k := range []string{"a", "a", "b", "a"} {
		if err = r.write(`{"k":{"S":"` + k + `"}}`); err != nil && k != "a" {
			t.Fatal(err)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "Raise max_open, or sort the input") || !strings.Contains(err.Error(), "a.json") {
		t.Errorf("%v", err)
	}
}

func TestFullInTurn(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		rows int
		want map[string]int // lines by file
	}{
		"exactly full": {"max_rows = 2", 4, map[string]int{"x-00001.jsonl": 2, "x-00002.jsonl": 2}},
		"one more":     {"max_rows = 2", 5, map[string]int{"x-00001.jsonl": 2, "x-00002.jsonl": 2, "x-00003.jsonl": 1}},
		"none":         {"max_rows = 2", 0, map[string]int{"x-00001.jsonl": 0}},
		"by bytes":     {"max_bytes = 30", 6, map[string]int{"x-00001.jsonl": 4, "x-00002.jsonl": 2}},
		"both":         {"max_bytes = 30\nmax_rows = 3", 6, map[string]int{"x-00001.jsonl": 3, "x-00002.jsonl": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			r := open(t, config(t, pathIs(filepath.Join(folder, "x.jsonl"))+test.args), 10)
			var items []string
			for i := range test.rows {
				items = append(items, fmt.Sprintf(`{"n":{"N":"%d"}}`, i)) // {"n":0} and a line end: 8 bytes
			}
			writeAll(t, r, items...)
			got := below(t, folder)
			for file, lines := range test.want {
				if data, ok := got[file]; !ok || bytes.Count(data, []byte("\n")) != lines {
					t.Errorf("%s has %d lines, not %d", file, bytes.Count(data, []byte("\n")), lines)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("files %v", slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

// Files of a large batch grow to about max_bytes, compressed or not, and the
// batch's rows are there once and in order.
func TestMaxBytes(t *testing.T) {
	for _, ending := range []string{"jsonl", "csv.gz", "parquet", "arrow"} {
		folder := t.TempDir()
		const limit = 20000
		r := open(t, config(t, fmt.Sprintf("path = \"%s/x.%s\"\nmax_bytes = %d", folder, ending, limit)), 2000)
		var items []string
		for i := range 8000 {
			items = append(items, fmt.Sprintf(`{"n":{"N":"%d"},"text":{"S":"%x"}}`, i, i*7919*i))
		}
		if err := r.write(items...); err != nil {
			t.Fatal(err)
		}
		r.finish()
		files := below(t, folder)
		var all []int
		for _, name := range slices.Sorted(maps.Keys(files)) {
			data := files[name]
			switch ending {
			case "jsonl":
				all = append(all, readLines(t, data)...)
				if len(data) > limit*11/10 {
					t.Errorf("%s has %d bytes", name, len(data))
				}
			case "csv.gz":
				all = append(all, readCSV(t, gunzip(t, data))...)
			case "parquet":
				all = append(all, readParquet(t, data)...)
			default:
				all = append(all, readArrow(t, data)...)
			}
		}
		if len(files) < 3 || len(all) != 8000 || !slices.IsSorted(all) {
			t.Errorf("%s: %d files with %d rows", ending, len(files), len(all))
		}
	}
}

// Files of an earlier run behind the last one are warned of, and stay.
func TestOlderFilesAreWarnedOf(t *testing.T) {
	folder := t.TempDir()
	for n := 1; n <= 4; n++ {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("x-%05d.jsonl", n)), []byte("old\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, config(t, pathIs(filepath.Join(folder, "x.jsonl"))+"max_rows = 1"), 10)
	writeAll(t, r, `{"n":{"N":"1"}}`, `{"n":{"N":"2"}}`)
	if w := r.meter.Snapshot().Warnings; len(w) != 1 || !strings.Contains(w[0].Message, "x-00003.jsonl") {
		t.Errorf("%+v", w)
	}
	if got := below(t, folder); string(got["x-00002.jsonl"]) != "{\"n\":2}\n" || string(got["x-00003.jsonl"]) != "old\n" {
		t.Errorf("%q", got)
	}
}

// No value leads out of the folder of the path's constant part, or to something
// that is no file: the row is rejected, and the others are there.
func TestNoWayOut(t *testing.T) {
	outside, folder := t.TempDir(), t.TempDir()
	for _, link := range []struct{ to, name string }{{outside, "link"}, {filepath.Join(outside, "f.jsonl"), "file.jsonl"}, {filepath.Join(outside, "gone"), "dangling"}} {
		if err := os.Symlink(link.to, filepath.Join(folder, link.name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, "folder.jsonl"), 0o777); err != nil {
		t.Fatal(err)
	}
	bad := []string{"../x", "a/../../x", "/etc/x", "a//b", "./a", "a/./b", "a/", `a\\b`, `a\u0000b`, "", "link/x", "link/new/x", "dangling/x", "file", "folder", strings.Repeat("x", 300)}
	r := open(t, config(t, fmt.Sprintf("path = \"%s/${row.k}.jsonl\"", folder)), 10)
	for _, k := range bad {
		if err := r.write(`{"k":{"S":"`+k+`"}}`, `{"k":{"S":"good"}}`); err != nil {
			t.Fatalf("%q: %v", k, err)
		}
	}
	if err := r.write(`{"none":{"S":"x"}}`, `{"k":{"L":[]}}`, `{"k":{"S":"good/deeper"}}`); err != nil {
		t.Fatal(err)
	}
	r.finish()
	if got := below(t, outside); len(got) > 0 {
		t.Errorf("outside of the folder: %v", got)
	}
	files := below(t, filepath.Join(folder, "good"))
	if good, err := os.ReadFile(filepath.Join(folder, "good.jsonl")); err != nil || bytes.Count(good, []byte("\n")) != len(bad) || len(files) != 1 {
		t.Errorf("%v, %q, %v", err, good, files)
	}
	if len(r.rejected) != len(bad)+2 {
		t.Errorf("%d rejects, not %d", len(r.rejected), len(bad)+2)
	}
	for i, reject := range r.rejected {
		if reject.Operation != "path" || reject.Code != codePath && reject.Code != codeExpression || reject.Message == "" || len(reject.Item) == 0 {
			t.Errorf("%d: %+v", i, reject)
		}
	}
}

// Whatever the value, its file is below the folder, or the row is rejected.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"a", "..", "../..", "a/b", "/", "a\x00", "..\\..", "CON", "a/../b", ".", "…", "a b", "\xff", "c:\\x", "~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if checkPath(value+".jsonl") != nil {
			return
		}
		const folder = "/home/user/out"
		full := filepath.Join(folder, filepath.FromSlash(value+".jsonl"))
		if rel, err := filepath.Rel(folder, full); err != nil || !filepath.IsLocal(rel) || filepath.ToSlash(rel) != value+".jsonl" {
			t.Errorf("%q leads to %s", value, full)
		}
	})
}

// One value is not a folder of another one's file.
func TestFileAndFolderOfOneName(t *testing.T) {
	for _, order := range [][]string{{"a", "a/b"}, {"a/b", "a"}} {
		folder := t.TempDir()
		r := open(t, config(t, fmt.Sprintf("path = \"%s/${row.k}\"\nformat = \"jsonl\"", folder)), 10)
		writeAll(t, r, `{"k":{"S":"`+order[0]+`"}}`, `{"k":{"S":"`+order[1]+`"}}`)
		if len(r.rejected) != 1 || r.rejected[0].Code != codePath || len(below(t, folder)) != 1 {
			t.Errorf("%v: %+v", order, r.rejected)
		}
	}
}

func TestNumbered(t *testing.T) {
	for path, want := range map[string]string{
		"a.jsonl": "a-00007.jsonl", "x/a.csv.gz": "x/a-00007.csv.gz", "a.b.parquet": "a.b-00007.parquet", "a.txt": "a-00007.txt", "a": "a-00007",
		"d.csv/a": "d.csv/a-00007", "A.CSV": "A-00007.CSV", "a.gz": "a-00007.gz",
	} {
		if got := numbered(path, 7); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
}

// Any rows, by value, in turn, with few open: each row is in the file of its
// value, in order.
func TestAnyRowsByValue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		folder, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		body := fmt.Sprintf("path = \"%s/${row.k}%s\"\nmax_open = %d\n", folder, rapid.SampledFrom([]string{".jsonl", ".jsonl.gz"}).Draw(rt, "ending"), rapid.IntRange(1, 3).Draw(rt, "open"))
		if n := rapid.IntRange(0, 4).Draw(rt, "rows"); n > 0 {
			body += fmt.Sprintf("max_rows = %d\n", n)
		}
		r := open(t, config(t, body), 10)
		want := map[string][]int{}
		n := 0
		for range rapid.IntRange(0, 6).Draw(rt, "batches") {
			var items []string
			for range rapid.IntRange(1, 6).Draw(rt, "rows of the batch") {
				k := rapid.SampledFrom([]string{"a", "b", "c", "d/e"}).Draw(rt, "k")
				items = append(items, fmt.Sprintf(`{"k":{"S":"%s"},"n":{"N":"%d"}}`, k, n))
				want[k] = append(want[k], n)
				n++
			}
			if err := r.write(items...); err != nil {
				rt.Fatal(err)
			}
		}
		r.finish()
		got := map[string][]int{}
		files := below(t, folder)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			data := files[name]
			if strings.HasSuffix(name, ".gz") {
				data = gunzip(t, data)
			}
			k := name[:strings.IndexAny(name, "-.")]
			got[k] = append(got[k], readLines(t, data)...)
		}
		if !maps.EqualFunc(got, want, slices.Equal) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}
