package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// saved is what an engine keeps of a checkpoint: what the sink gave, the rows
// that it held, and how many batches came before.
type saved struct {
	state    json.RawMessage
	held     []string
	next     int
	rejected []string
}

// reopen opens a sink that goes on from a checkpoint.
func reopen(t testing.TB, c *Config, rows int, state json.RawMessage, done bool) (*run, error) {
	t.Helper()
	r := &run{t: t, meter: progress.NewMeter("sink.file.out", nil)}
	var err error
	r.Sink, err = c.Open(t.Context(), sinks.Env{
		Node: "sink.file.out", Limits: record.Limits{Rows: rows, Bytes: 1 << 20}, Mem: memory.NewGoAllocator(),
		Run: &expr.Run{ID: "run1", Start: time.Now()}, Meter: r.meter, Resume: state, Done: done,
	})
	return r, err
}

func (r *run) checkpoint() (json.RawMessage, error) {
	return r.Sink.(sinks.Checkpointer).Checkpoint(r.t.Context())
}

// take takes a checkpoint as an engine does; nil when it is refused.
func (r *run) take(next int, before []string) *saved {
	r.t.Helper()
	state, err := r.checkpoint()
	if errors.Is(err, sinks.ErrNotNow) {
		return nil
	}
	if err != nil {
		r.t.Fatal(err)
	}
	var compact bytes.Buffer // as it comes back from the engine's file
	if err := json.Indent(&compact, state, "", " "); err != nil {
		r.t.Fatal(err)
	}
	s := &saved{state: compact.Bytes(), next: next, rejected: slices.Clone(before)}
	for _, h := range r.Sink.(sinks.Holder).Held() {
		s.held = append(s.held, string(h.Item))
		if h.Receipt == nil {
			r.t.Fatal("a row is held without its receipt")
		}
	}
	return s
}

func (r *run) rejectedItems() []string {
	var out []string
	for _, why := range r.rejected {
		out = append(out, why.Code+" "+string(why.Item))
	}
	return out
}

// contents is what the files below a folder hold, without what depends on where
// a checkpoint was: compressed members, row groups, record batches.
func contents(t testing.TB, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, data := range below(t, folder) {
		if strings.HasPrefix(filepath.Base(name), ".") {
			t.Errorf("left behind: %s", name)
			continue
		}
		switch filepath.Ext(name) {
		case ".gz":
			data = gunzip(t, data)
		case ".zst":
			data = unzstd(t, data)
		case ".parquet":
			data = parquetText(t, data)
		case ".arrow":
			data = arrowText(t, data)
		}
		out[name] = string(data)
	}
	return out
}

func parquetText(t testing.TB, data []byte) []byte {
	t.Helper()
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	schema, err := r.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() == 0 {
		fmt.Fprintln(&out, schema)
		return out.Bytes()
	}
	table, err := r.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var columns [][]arrow.Array
	for i := range int(table.NumCols()) {
		columns = append(columns, table.Column(i).Data().Chunks())
	}
	text(&out, schema, columns)
	return out.Bytes()
}

func arrowText(t testing.TB, data []byte) []byte {
	t.Helper()
	f, err := ipc.NewFileReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	columns := make([][]arrow.Array, f.Schema().NumFields())
	for i := range f.NumRecords() {
		rec, err := f.RecordAt(i)
		if err != nil {
			t.Fatal(err)
		}
		for j := range columns {
			columns[j] = append(columns[j], rec.Column(j))
		}
	}
	var out bytes.Buffer
	text(&out, f.Schema(), columns)
	return out.Bytes()
}

func text(out *bytes.Buffer, schema *arrow.Schema, columns [][]arrow.Array) {
	for i, field := range schema.Fields() {
		fmt.Fprintf(out, "%s %s:", field.Name, field.Type)
		for _, chunk := range columns[i] {
			for row := range chunk.Len() {
				fmt.Fprintf(out, " %q", chunk.ValueStr(row))
			}
		}
		out.WriteByte('\n')
	}
}

// shape is a way to write files.
type shape struct {
	name, path, args string
	exact            bool // where a file ends does not depend on what a compressor holds
}

func shapes(ending string) []shape {
	plain := ending == "jsonl" || ending == "csv" || ending == "json"
	out := []shape{
		{"single", "out." + ending, "", true},
		{"in turn", "out." + ending, "max_rows = 7", true},
		{"by size", "out." + ending, "max_bytes = 300", plain},
		{"by value", "${row.k}/${row.j}." + ending, "", true},
		{"by value, in turn", "${row.k}." + ending, "max_rows = 5\nmax_open = 2", true},
	}
	if strings.HasPrefix(ending, "jsonl") || strings.HasPrefix(ending, "csv") {
		out = append(out, shape{"by value, parked", "${row.k}/${row.j}." + ending, "max_open = 2", true})
	}
	return out
}

var numberOf = regexp.MustCompile(`-\d{5}\.`)

// joined is the contents of numbered files as if they had been one: where one
// ends may differ.
func joined(files map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		all := numberOf.ReplaceAllString(name, ".")
		if strings.Contains(name, ".csv") && out[all] != "" {
			_, text, _ = strings.Cut(text, "\n")
		}
		if strings.Contains(name, ".json") || strings.Contains(name, ".csv") {
			out[all] += text
			continue
		}
		before := strings.Split(out[all], "\n")
		for i, line := range strings.Split(text, "\n") { // a column each
			if i >= len(before) {
				before = append(before, "")
			}
			head, cells, _ := strings.Cut(line, ":")
			if before[i] == "" {
				before[i] = head + ":"
			}
			before[i] += cells
		}
		out[all] = strings.Join(before, "\n")
	}
	for name, text := range out {
		if strings.Contains(name, ".json") {
			out[name] = strings.NewReplacer("[\n", "", "\n]", "", ",\n", "\n", "[]\n", "").Replace(text)
		}
	}
	return out
}

// rowsOf draws rows of which some do not fit what is learned from the first.
func rowsOf(rt *rapid.T) [][]string {
	var batches [][]string
	n := 0
	for range rapid.IntRange(1, 9).Draw(rt, "batches") {
		var items []string
		for range rapid.IntRange(1, 12).Draw(rt, "rows") {
			item := fmt.Sprintf(`{"k":{"S":"%c"},"j":{"S":"%d"},"n":{"N":"%d"}`, 'a'+rapid.IntRange(0, 2).Draw(rt, "k"), rapid.IntRange(0, 1).Draw(rt, "j"), n)
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0:
				item += `,"n2":{"N":"1.5"}`
			case 1:
				item += `,"s":{"S":""}`
			case 2:
				item += `,"s":{"S":"x\ny,\"z"}`
			case 3:
				item += `,"ok":{"BOOL":true}`
			case 4:
				item += `,"b":{"B":"AAEC"}`
			case 5:
				item += `,"l":{"L":[{"N":"1"}]},"s":{"NULL":true}`
			case 6:
				item += fmt.Sprintf(`,"late%d":{"S":"y"}`, n/20)
			}
			items = append(items, item+"}")
			n++
		}
		batches = append(batches, items)
	}
	return batches
}

// garbage is what a run that was killed after its checkpoint may have left: bytes
// behind what the checkpoint counts on, and files it does not know.
func garbage(t testing.TB, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), ".") {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("\x1f\x8bgarbage{\"group\":\n")
		return errors.Join(err, f.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
}

var endings = []string{"jsonl", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "csv.zst", "json", "json.gz", "json.zst", "parquet", "arrow"}

// TestResume: whatever rows come, wherever checkpoints are and however runs end
// between them, the files are in the end those of a run that nothing interrupts
// (promise 5), and so are the rejected rows.
func TestResume(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		resumes(t, rt, rapid.SampledFrom(shapes(rapid.SampledFrom(endings).Draw(rt, "ending"))).Draw(rt, "shape"))
	})
}

// TestResumeAfterEachBatch is TestResume for each way to write files: a run is
// killed after each checkpoint, and there is one after each batch.
func TestResumeAfterEachBatch(t *testing.T) {
	batches := [][]string{
		{`{"k":{"S":"a"},"j":{"S":"0"},"n":{"N":"1"}}`, `{"k":{"S":"b"},"j":{"S":"0"},"n":{"N":"2"},"s":{"S":"x"}}`, `{"k":{"S":"a"},"j":{"S":"1"},"n":{"N":"3"}}`},
		{`{"k":{"S":"a"},"j":{"S":"0"},"n":{"N":"4"},"late":{"S":"?"}}`, `{"k":{"S":"c"},"j":{"S":"0"},"n":{"N":"5"}}`},
		{`{"k":{"S":"b"},"j":{"S":"0"},"n":{"N":"6"},"s":{"S":""}}`, `{"k":{"S":"a"},"j":{"S":"0"},"n":{"N":"7"}}`, `{"k":{"S":"c"},"j":{"S":"0"},"n":{"N":"8"}}`},
		{`{"k":{"S":"a"},"j":{"S":"0"},"n":{"N":"9"}}`, `{"k":{"S":"b"},"j":{"S":"0"},"n":{"N":"10.5"},"s":{"S":""}}`},
		{`{"k":{"S":"b"},"j":{"S":"1"},"n":{"N":"11"}}`, `{"k":{"S":"a"},"j":{"S":"0"},"n":{"N":"12"}}`},
	}
	for _, ending := range endings {
		for _, s := range shapes(ending) {
			t.Run(ending+", "+s.name, func(t *testing.T) {
				folders := []string{t.TempDir(), t.TempDir()}
				whole := open(t, config(t, pathIs(folders[0]+"/"+s.path)+s.args), 3)
				c := config(t, pathIs(folders[1]+"/"+s.path)+s.args)
				r := open(t, c, 3)
				var rejected []string
				for i, b := range batches {
					for _, r := range []*run{whole, r} {
						if err := r.write(b...); err != nil {
							t.Fatal(err)
						}
					}
					at := r.take(i+1, append(rejected, r.rejectedItems()...))
					if err := r.write(batches[0]...); err != nil && !strings.Contains(err.Error(), "max_open") {
						t.Fatal(err)
					}
					if _, err := r.checkpoint(); err != nil { // of which nothing is known later
						t.Fatal(err)
					}
					garbage(t, folders[1])
					var err error
					if r, err = reopen(t, c, 3, at.state, false); err != nil {
						t.Fatal(err)
					}
					rejected = at.rejected
					if len(at.held) > 0 {
						if err := r.write(at.held...); err != nil {
							t.Fatal(err)
						}
					}
				}
				whole.finish()
				r.finish()
				got, want := contents(t, folders[1]), contents(t, folders[0])
				if !s.exact {
					got, want = joined(got), joined(want)
				}
				if !maps.Equal(got, want) {
					t.Errorf("the files are\n%q\nand of a whole run\n%q", got, want)
				}
				gone, all := append(rejected, r.rejectedItems()...), whole.rejectedItems()
				slices.Sort(gone)
				slices.Sort(all)
				if !slices.Equal(gone, all) {
					t.Errorf("rejected are\n%q\nand of a whole run\n%q", gone, all)
				}
			})
		}
	}
}

func resumes(t *testing.T, rt *rapid.T, s shape) {
	batches := rowsOf(rt)
	sampled := rapid.IntRange(1, 15).Draw(rt, "rows to learn from")
	block := func() (string, *Config) {
		folder, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		return folder, config(t, pathIs(folder+"/"+s.path)+s.args)
	}
	wholeFolder, c := block()
	whole := open(t, c, sampled)
	for _, b := range batches {
		if err := whole.write(b...); err != nil {
			if strings.Contains(err.Error(), "max_open") {
				return // a parquet file can't be continued
			}
			rt.Fatal(err)
		}
	}
	whole.finish()

	folder, c := block()
	var at *saved // the checkpoint to go on from
	for rapid.IntRange(0, 3).Draw(rt, "another run") > 0 {
		r, next, rejected := begin(t, rt, c, sampled, at)
		for _, b := range batches[next:] {
			if rapid.IntRange(0, 4).Draw(rt, "ends here") == 0 {
				break
			}
			if err := r.write(b...); err != nil {
				rt.Fatal(err)
			}
			next++
			if rapid.Bool().Draw(rt, "checkpoint") {
				taken := r.take(next, append(rejected, r.rejectedItems()...))
				if taken != nil && rapid.IntRange(0, 3).Draw(rt, "lost") > 0 {
					at = taken
				}
			}
		}
		crash(t, rt, r, at != nil)
		if rapid.Bool().Draw(rt, "garbage") {
			garbage(t, folder)
		}
	}
	r, next, rejected := begin(t, rt, c, sampled, at)
	for _, b := range batches[next:] {
		if err := r.write(b...); err != nil {
			rt.Fatal(err)
		}
	}
	r.finish()
	got, want := contents(t, folder), contents(t, wholeFolder)
	if !s.exact {
		got, want = joined(got), joined(want)
	}
	if !maps.Equal(got, want) {
		rt.Fatalf("the files are\n%q\nand of a whole run\n%q", got, want)
	}
	gone, all := append(rejected, r.rejectedItems()...), whole.rejectedItems()
	slices.Sort(gone)
	slices.Sort(all)
	if !slices.Equal(gone, all) {
		rt.Fatalf("rejected are\n%q\nand of a whole run\n%q", gone, all)
	}
}

// begin opens a sink, from a checkpoint if there is one, and gives it the rows
// that it held then.
func begin(t *testing.T, rt *rapid.T, c *Config, sampled int, at *saved) (r *run, next int, rejected []string) {
	if at == nil {
		if err := removeHidden(filepath.Dir(strings.Split(c.path, "*")[0] + "x")); err != nil { // a run of its own would have another id
			rt.Fatal(err)
		}
		return open(t, c, sampled), 0, nil
	}
	r, err := reopen(t, c, sampled, at.state, false)
	if err != nil {
		rt.Fatal(err)
	}
	if len(at.held) > 0 {
		if err := r.write(at.held...); err != nil {
			rt.Fatal(err)
		}
	}
	return r, at.next, slices.Clone(at.rejected)
}

func removeHidden(folder string) error {
	return filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), ".") {
			return os.Remove(path)
		}
		return err
	})
}

// crash ends a run in one of the ways in which one ends unfinished.
func crash(t *testing.T, rt *rapid.T, r *run, keep bool) {
	how := rapid.IntRange(0, 3).Draw(rt, "how it ends")
	switch how {
	case 1:
		if err := r.Flush(t.Context(), sinks.Stopped); err != nil {
			rt.Fatal(err)
		}
	case 2:
		if err := r.Flush(t.Context(), sinks.EndOfInput); err != nil {
			rt.Fatal(err)
		}
	case 3:
		return // killed
	}
	if keep {
		r.Sink.(sinks.Checkpointer).Keep()
	}
	if err := r.Close(); err != nil {
		rt.Fatal(err)
	}
}

// Rows that were held and come again change nothing of which file was used last,
// and so of which one is closed next.
func TestHeldRowsAreNoNewUse(t *testing.T) {
	row := func(k string) string { return fmt.Sprintf(`{"k":{"S":"%s"}}`, k) }
	const shape = "${row.k}.parquet\"\nmax_open = 2\nmax_rows = \"3"
	folders := []string{t.TempDir(), t.TempDir()}
	for i, folder := range folders {
		c := config(t, args(folder, shape))
		r := open(t, c, 2)
		if err := r.write(row("a"), row("b"), row("b")); err != nil { // a is learning
			t.Fatal(err)
		}
		if i == 1 {
			at := r.take(1, nil)
			if len(at.held) != 1 {
				t.Fatalf("held: %q", at.held)
			}
			var err error
			if r, err = reopen(t, c, 2, at.state, false); err != nil {
				t.Fatal(err)
			}
			if err := r.write(at.held...); err != nil {
				t.Fatal(err)
			}
		}
		writeAll(t, r, row("c"), row("b"), row("a")) // c closes a
	}
	got, want := contents(t, folders[1]), contents(t, folders[0])
	if !maps.Equal(got, want) {
		t.Errorf("the files are\n%q\nand of a whole run\n%q", got, want)
	}
}
