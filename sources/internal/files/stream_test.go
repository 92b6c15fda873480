package files_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/sources/csv"
	"github.com/dynapipe/dynapipe/sources/json"
	"github.com/dynapipe/dynapipe/sources/jsonl"
)

// format is a way to write the same rows.
type format struct {
	name, body, before, row, after string
	create                         func() sources.Config
}

var formats = []format{
	{
		name: "csv", create: csv.New, body: "columns = { balance = number }",
		before: "id,email,name,status,balance,created,age,country,tags,note\n",
		row:    "%d,user%[1]d@example.com,\"Doe, Jane\",active,1234.%02[1]d,2026-11-22T17:31:21Z,42,DE,a|b|c,\"said \"\"hi\"\", left\"\n",
	},
	{
		name: "jsonl", create: jsonl.New,
		row: `{"id":%d,"email":"user%[1]d@example.com","name":"Doe, Jane","status":"active","balance":1234.5,"created":"2026-11-22T17:31:21Z","tags":["a","b"],"note":"said \"hi\""}` + "\n",
	},
	{
		name: "json", create: json.New, body: `pointer = "/rows"`, before: `{"rows":[{}`, after: `]}`,
		row: `,{"id":%d,"email":"user%[1]d@example.com","name":"Doe, Jane","status":"active","balance":1234.5,"created":"2026-11-22T17:31:21Z","tags":["a","b"],"note":"said \"hi\""}`,
	},
}

// generate writes rows of some bytes of text in all to w: a block of different
// ones, again and again.
func (f format) generate(w io.Writer, size int) (rows int, err error) {
	const inBlock = 5000
	var block []byte
	for i := range inBlock {
		block = fmt.Appendf(block, f.row, i)
	}
	_, err = io.WriteString(w, f.before)
	for n := 0; err == nil && n < size; n += len(block) {
		_, err = w.Write(block)
		rows += inBlock
	}
	if err == nil {
		_, err = io.WriteString(w, f.after)
	}
	return rows, err
}

// file is a file of that much text, compressed so that it is quick to write.
func (f format) file(t testing.TB, size int) (path string, rows int) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "rows.zst")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	rows, err = f.generate(w, size)
	if err := errors.Join(err, w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path, rows
}

// read reads a file to its end and calls each after every chunk.
func (f format) read(t testing.TB, path string, each func()) (rows int) {
	t.Helper()
	c := f.create()
	if diags := sourcetest.Decode(t, c, fmt.Sprintf("path = %q\n%s", path, f.body), nil); diags.HasErrors() {
		t.Fatal(diags)
	}
	open, err := c.Open(t.Context(), sourcetest.Env(record.NewPool(), sourcetest.DefaultLimits))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := open.Close(); err != nil {
			t.Error(err)
		}
	}()
	for {
		chunk, err := open.Partitions()[0].Next(t.Context())
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil || len(chunk.Rejects) > 0 {
			t.Fatal(err, chunk.Rejects)
		}
		rows += chunk.Batch.Rows()
		chunk.Batch.Release()
		each()
	}
}

// TestMemoryIsBounded reads more than it may hold (promise 6).
func TestMemoryIsBounded(t *testing.T) {
	const bound = 40 << 20
	for _, f := range formats {
		size := 64 << 20
		if f.name == "csv" {
			size = 200 << 20
		}
		t.Run(f.name, func(t *testing.T) {
			path, want := f.file(t, size)
			runtime.GC()
			var peak uint64
			chunks := 0
			rows := f.read(t, path, func() {
				if chunks++; chunks%16 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak = max(peak, m.HeapAlloc)
				}
			})
			if f.name == "json" {
				want++ // the object before the first generated row
			}
			if rows != want {
				t.Errorf("read %d rows of %d", rows, want)
			}
			t.Logf("%d rows, heap at most %d MB", rows, peak>>20)
			if peak > bound {
				t.Errorf("the heap grew to %d MB", peak>>20)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	const size = 32 << 20
	for _, f := range formats {
		b.Run(f.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "rows")
			file, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			_, err = f.generate(file, size)
			if err := errors.Join(err, file.Close()); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				f.read(b, path, func() {})
			}
		})
	}
}
