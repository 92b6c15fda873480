package files_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/klauspost/compress/gzip"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/sources/csv"
	jsonsource "github.com/dynapipe/dynapipe/sources/json"
	"github.com/dynapipe/dynapipe/sources/jsonl"
)

// interrupted is a reading of a.csv and b.csv in the working directory, cut in a.csv.
func interrupted(t *testing.T) (sourcetest.Suite, sourcetest.Reading, func(int, int) int) {
	t.Helper()
	t.Chdir(t.TempDir())
	put(t, "a.csv", "id\n1\n2\n3\n4\n")
	put(t, "b.csv", "id\n5\n")
	s := sourcetest.Suite{New: csv.New, Body: `path = "*.csv"`}
	whole, err := s.Start(t, record.Limits{Rows: 2, Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s, whole, func(int, int) int { return 1 }
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func modified(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

func date(t *testing.T, path string, to time.Time) {
	t.Helper()
	if err := os.Chtimes(path, to, to); err != nil {
		t.Fatal(err)
	}
}

func TestChangedFiles(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T)
		want   []string
	}{
		"gone": {func(t *testing.T) {
			if err := os.Remove("b.csv"); err != nil {
				t.Fatal(err)
			}
		}, []string{"b.csv is gone (looked in "}},
		"shorter": {func(t *testing.T) { put(t, "a.csv", "id\n1\n") }, []string{"a.csv has 5 bytes and had 11"}},
		"grown":   {func(t *testing.T) { put(t, "a.csv", "id\n1\n2\n3\n4\n5\n") }, []string{"a.csv has grown from 11 bytes to 13"}},
		"another of the same size": {func(t *testing.T) {
			at := modified(t, "a.csv")
			put(t, "a.csv", "id\n1\n2\n3\n9\n")
			date(t, "a.csv", at)
		}, []string{"a.csv begins with other bytes"}},
		"written to": {func(t *testing.T) { date(t, "b.csv", time.Unix(1e9, 5)) },
			[]string{"b.csv was written to or replaced at 2001-09-09T01:46:40.000000005Z, and was of "}},
		"a folder": {func(t *testing.T) {
			if err := os.Remove("a.csv"); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir("a.csv", 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"a.csv is no file any more"}},
		"several": {func(t *testing.T) {
			put(t, "a.csv", "")
			put(t, "b.csv", "id\n")
		}, []string{"a.csv has 0 bytes and had 11; b.csv has 3 bytes and had 5"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, whole, cut := interrupted(t)
			c.change(t)
			_, err := s.Resume(t, sourcetest.DefaultLimits, whole, cut)
			want := append(c.want, "the files are not as they were when the run to be resumed started: ", "without --resume")
			for _, part := range want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v\nwant %s", err, part)
				}
			}
		})
	}
}

// TestFileWrittenOverInPlace has a file that shows nothing of it from outside:
// what stands before the position is compared.
func TestFileWrittenOverInPlace(t *testing.T) {
	for _, ending := range []string{"", ".gz"} {
		t.Chdir(t.TempDir())
		head := "id\n" + strings.Repeat("0123456\n", 20_000) // more than is compared of the beginning
		write := func(rows string) {
			text := head + rows
			if ending == ".gz" {
				// Stored, so that another text is as long.
				text = gzipStored(t, text)
			}
			put(t, "a.csv"+ending, text)
		}
		write("a\nb\nc\nd\n")
		s := sourcetest.Suite{New: csv.New, Body: `path = "a.csv` + ending + `"`}
		whole, err := s.Start(t, record.Limits{Rows: 20_003, Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		at := modified(t, "a.csv"+ending)
		write("a\nx\nc\nd\n")
		date(t, "a.csv"+ending, at)
		got, err := s.Resume(t, sourcetest.DefaultLimits, whole, func(int, int) int { return 1 })
		if err != nil {
			t.Fatal(err)
		}
		want := "a.csv" + ending + ": what stands before byte 160009, near line 20005, is not what was read there, although the file has its size and time of then; run without --resume"
		if part := got.Parts[0]; part.Err == nil || !strings.Contains(part.Err.Error(), want) || len(part.Rows) > 0 {
			t.Errorf("%d rows, then %v\nwant %s", len(part.Rows), part.Err, want)
		}
	}
}

// gzipStored is a gzip file whose length goes by that of the text alone.
func gzipStored(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestNewFilesAreLeftOut(t *testing.T) {
	s, whole, cut := interrupted(t)
	put(t, "aa.csv", "id\n1\n")
	put(t, "c.csv", "id\n1\n")
	got, err := s.Resume(t, sourcetest.DefaultLimits, whole, cut)
	if err != nil {
		t.Fatal(err)
	}
	if err := sourcetest.Differ(t, whole, got, cut); err != nil {
		t.Error(err)
	}
	warnings := got.Meter.Warnings
	if len(warnings) != 1 || warnings[0].Count != 1 || warnings[0].Message != "2 files that were not there when this run started are not read by it: aa.csv, c.csv" {
		t.Errorf("warnings %+v", warnings)
	}
}

func TestWhatIsReadOnceCanNotBeResumed(t *testing.T) {
	s := sourcetest.Suite{New: jsonl.New, Body: `path = "-"`}
	_, err := s.Start(t, sourcetest.DefaultLimits)
	if want := "a run that reads <stdin> can't be resumed: standard input gives what it has only once. Write it to a file first and read that"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	s.Body = `path = "/dev/null"`
	_, err = s.Start(t, sourcetest.DefaultLimits)
	if want := "a run that reads /dev/null can't be resumed: it is a named pipe or a device"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestStateIsReadable(t *testing.T) {
	_, whole, _ := interrupted(t)
	at := modified(t, "a.csv").UTC().Format(time.RFC3339Nano)
	head := sha256.Sum256([]byte("id\n1\n2\n3\n4\n"))
	want := fmt.Sprintf(`{"files":[{"path":"a.csv","size":11,"modified":"%s","head_sha256":"%x"},{"path":"b.csv","size":5,`, at, head)
	if got := string(whole.Identity); !strings.HasPrefix(got, want) {
		t.Errorf("identity %s\nwant %s", got, want)
	}
	for i, want := range []string{
		`null`,
		`{"file":0,"path":"a.csv","rows":2,"offset":7,"line":4,"checked":7,"crc32":`,
		`{"file":0,"path":"a.csv","rows":4,"offset":11,"line":6,"checked":11,"crc32":`,
		`{"file":2,"rows":0}`,
	} {
		if got := string(whole.Parts[0].Cuts[i].Position); !strings.HasPrefix(got, want) {
			t.Errorf("position %d is %s, want %s", i, got, want)
		}
	}
}

// damaged opens a source with a state that is not what was saved, and reads it.
func damaged(t testing.TB, create func() sources.Config, body, identity, position string) error {
	c := create()
	if diags := sourcetest.Decode(t, c, body, nil); diags.HasErrors() {
		t.Fatal(diags)
	}
	env := sourcetest.Env(memory.NewGoAllocator(), sourcetest.DefaultLimits)
	env.Resume = &sources.Resume{Identity: json.RawMessage(identity), Positions: []json.RawMessage{json.RawMessage(position)}}
	open, err := c.Open(t.Context(), env)
	if err != nil {
		return err
	}
	defer func() {
		if err := open.Close(); err != nil {
			t.Error(err)
		}
	}()
	for {
		chunk, err := open.Partitions()[0].Next(t.Context())
		if err != nil {
			return err
		}
		if chunk.Batch != nil {
			chunk.Batch.Release()
		}
	}
}

func TestDamagedState(t *testing.T) {
	s, whole, _ := interrupted(t)
	identity := string(whole.Identity)
	for _, c := range []struct{ identity, position, want string }{
		{`x`, `null`, "the saved list of files is damaged"},
		{`{}`, `null`, "the saved list of files is damaged: it has no files"},
		{`{"files":[{"path":"-"}]}`, `null`, `the saved list of files is damaged: number 1 is "-"`},
		{`{"files":[{"path":"a.csv","size":-1}]}`, `null`, "a.csv has grown from -1 bytes to 11"},
		{identity, `{`, "the saved position of the files is damaged"},
		{identity, `{"file":"a.csv"}`, "the saved position of the files is damaged"},
		{identity, `{"file":-1}`, "it is in file 0 of 2"},
		{identity, `{"file":3}`, "it is in file 4 of 2"},
		{identity, `{"file":1,"path":"a.csv"}`, `its file 2 is "a.csv", and was "b.csv" when the run started`},
		{identity, `{"file":0,"path":"a.csv","rows":2}`, "2 rows do not go with the rest of it"},
		{identity, `{"file":0,"path":"a.csv","rows":0,"offset":7,"line":4}`, "0 rows do not go with the rest of it"},
		{identity, `{"file":2,"rows":2,"offset":7,"line":4}`, "2 rows do not go with the rest of it"},
		{identity, `{"file":0,"path":"a.csv","rows":-2,"offset":7,"line":4}`, "-2 rows do not go with the rest of it"},
		{identity, `{"file":0,"path":"a.csv","rows":2,"offset":2,"line":4,"checked":2}`, "a.csv: the saved position is damaged: no row can end at byte 2"},
		{identity, `{"file":0,"path":"a.csv","rows":2,"offset":-7,"line":4}`, "no row can end at byte -7"},
		{identity, `{"file":0,"path":"a.csv","rows":2,"offset":7,"line":0}`, "no row can end at byte 7, line 0"},
		{identity, `{"file":0,"path":"a.csv","rows":2,"offset":7,"line":4,"checked":-1}`, "with -1 bytes checked"},
		{identity, `{"file":0,"path":"a.csv","rows":2,"offset":7,"line":4,"checked":8}`, "with 8 bytes checked"},
		{identity, `{"file":0,"path":"a.csv","rows":2,"offset":7,"line":4,"checked":7,"crc32":1}`, "a.csv: what stands before byte 7, near line 4, is not what was read there"},
		{identity, `{"file":0,"path":"a.csv","rows":2,"offset":7000,"line":4,"checked":7,"crc32":1}`, "what stands before byte 7000"},
		{identity, `{"file":0,"path":"a.csv","rows":2,"offset":9007199254740993,"line":4}`, "what stands before byte 9007199254740993"},
	} {
		err := damaged(t, csv.New, s.Body, c.identity, c.position)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--resume") {
			t.Errorf("%s %s: %v\nwant %s", c.identity, c.position, err, c.want)
		}
	}
}

// FuzzPosition reads files from positions that nobody saved: that ends with an
// error or at the end of the files, whatever it says.
func FuzzPosition(f *testing.F) {
	for _, seed := range []string{
		`null`, ``, `{"file":0,"path":"%s","rows":2,"offset":8,"line":3}`, `{"file":0,"path":"%s","rows":1,"offset":8,"line":1,"column":9,"inside":"]"}`,
		`{"file":0,"path":"%s","rows":1,"offset":8,"line":1,"column":9,"inside":"-"}`, `{"file":1}`, `{"file":1e3}`, `{"offset":1}`, `[]`,
		`{"file":0,"path":"%s","rows":9,"offset":9223372036854775807,"line":1,"checked":64,"crc32":4294967295}`,
	} {
		for kind := range 3 {
			f.Add(seed, kind)
		}
	}
	dir := f.TempDir()
	kinds := []struct {
		create func() sources.Config
		text   string
	}{{csv.New, "id\n1\n\"2\n\"\n3"}, {jsonl.New, "{\"a\":1}\n\n{\"a\":2}\n"}, {jsonsource.New, "[{\"a\":1},{\"a\":2}, 7 ]"}}
	f.Fuzz(func(t *testing.T, position string, kind int) {
		k := kinds[(kind%3+3)%3]
		path := filepath.Join(dir, strconv.Itoa((kind%3+3)%3))
		if _, err := os.Stat(path); err != nil {
			put(t, path, k.text)
		}
		s := sourcetest.Suite{New: k.create, Body: fmt.Sprintf("path = %q", path)}
		whole, err := s.Start(t, sourcetest.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(position, "%s", path)
		if err := damaged(t, k.create, s.Body, string(whole.Identity), text); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("position %s: %v", text, err)
		}
		if err := damaged(t, k.create, s.Body, text, "null"); err == nil {
			t.Errorf("identity %s: no error", text)
		}
	})
}
