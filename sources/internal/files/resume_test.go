package files_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/sources/csv"
	"github.com/dynapipe/dynapipe/sources/json"
	"github.com/dynapipe/dynapipe/sources/jsonl"
)

// A text is drawn as pieces, so that what is odd about files meets what is odd
// about positions: a boundary may stand before or after each.
var (
	csvPieces = []string{
		"1,x,2\n", "2,\"a\nb\r\nc\",3\r\n", "3,é€😀,4\n", "#,comment,5\n", "\n", "\r\n", "4,\"say \"\"hi\"\"\",\r\n", ",,\n",
		"5,x\n", "6,5\" disk,1\n", "7,\"x\"y,1\n", "8,x,no number\n", "9," + strings.Repeat("long ", 60) + ",1\n", "10,\xff,1\n",
	}
	jsonlPieces = []string{
		"{\"a\":1}\n", "{\"a\":\"é€😀\"}\r\n", "\n", " \t\n", "  {\"a\":[1,{\"b\":null}]} \n", "broken\n", "[1]\n", "{\"a\":1,\"a\":2}\n",
		"{\"a\":\"" + strings.Repeat("long ", 60) + "\"}\n", "{\"a\":\"\xff\"}\n",
	}
	jsonPieces = []string{
		`{"a":1}`, "\n {\"a\":\n\"é]}\\\"\"}", `7`, "\r\n\tnull ", `[{}]`, `{"a":1,"a":2}`, `{"a":"` + strings.Repeat("long ", 60) + `"}`, ` {}`,
	}
	jsonBroken = []string{`{"a"}`, `nope`, `{"a":tru}`, `{"a":1`, ``, `{} {}`}
)

// drawn is a source over files that were drawn.
type drawn struct {
	sourcetest.Suite
	limits record.Limits
}

func join(rt *rapid.T, pieces []string, between string) string {
	texts := rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(rt, "pieces")
	return strings.Join(texts, between)
}

func drawCSV(rt *rapid.T) (text, body string) {
	body = "columns = { n = number }\ncomment = \"#\""
	end := rapid.SampledFrom([]string{"", "11,x,1", "12,\"not closed\n1,2,3\n", "\r"}).Draw(rt, "end")
	text = join(rt, csvPieces, "") + end
	switch rapid.IntRange(0, 2).Draw(rt, "head") {
	case 0:
		return "\ufeffid,s,n\n" + text, body
	case 1:
		return "made \"by\n#x\n\n\"id\",s,\"n\"\r\n" + text, body + "\nskip_rows = 1\ntrim = true"
	}
	return text, body + "\nheader = false\ncolumn_names = [\"id\", \"s\", \"n\"]"
}

func drawJSONL(rt *rapid.T) (text, body string) {
	end := rapid.SampledFrom([]string{"", `{"a":1}`, "x", " "}).Draw(rt, "end")
	return join(rt, jsonlPieces, "") + end, ""
}

func drawJSON(rt *rapid.T) (text, body string) {
	rows := join(rt, jsonPieces, ",")
	if rapid.IntRange(0, 4).Draw(rt, "break it") == 0 {
		rows += "," + rapid.SampledFrom(jsonBroken).Draw(rt, "broken")
	}
	switch rapid.IntRange(0, 3).Draw(rt, "document") {
	case 0:
		return "[" + rows + rapid.SampledFrom([]string{"]", "] \n", "", "] x"}).Draw(rt, "end"), ""
	case 1:
		return join(rt, []string{`{"a":1}`, "\n{\"b\":\n2} ", "\t{}", `"x"`, "7 "}, ""), ""
	case 2:
		document := `{"meta":{"n":[1,"]"]},"data":[0,{"rows" : [` + rows + `],"z":{}}],"more":7}`
		return document + rapid.SampledFrom([]string{"", "\n", " " + document, "}", document[:len(document)-5]}).Draw(rt, "end"), `pointer = "/data/1/rows"`
	}
	one := `{"row":{"a":1},"b":[2]}`
	return one + "\n" + one + rapid.SampledFrom([]string{"", one, `{"row":{},"b":[2}`, `{"row":7}`}).Draw(rt, "end"), `pointer = "/row"`
}

// pack writes a text the way a file may hold it.
func pack(rt *rapid.T, text, ending string) []byte {
	half := len(text) / 2
	var out bytes.Buffer
	for _, part := range []string{text[:half], text[half:]} {
		switch ending {
		case ".gz":
			w := gzip.NewWriter(&out)
			if _, err := w.Write([]byte(part)); err != nil {
				rt.Fatal(err)
			}
			if err := w.Close(); err != nil {
				rt.Fatal(err)
			}
		case ".zst":
			w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
			if err != nil {
				rt.Fatal(err)
			}
			if _, err := w.Write([]byte(part)); err != nil {
				rt.Fatal(err)
			}
			if err := w.Close(); err != nil {
				rt.Fatal(err)
			}
		default:
			out.WriteString(part)
		}
	}
	packed := out.Bytes()
	if ending != "" && rapid.IntRange(0, 5).Draw(rt, "cut it short") == 0 {
		packed = packed[:len(packed)-1]
	}
	return packed
}

func inUTF16(text string) string {
	out := []byte("\xfe\xff")
	for _, unit := range utf16.Encode([]rune(strings.TrimPrefix(text, "\ufeff"))) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return string(out)
}

func draw(t *testing.T, rt *rapid.T) drawn {
	kind := rapid.IntRange(0, 2).Draw(rt, "kind")
	d := drawn{limits: record.Limits{
		Rows:  rapid.IntRange(1, 5).Draw(rt, "rows"),
		Bytes: rapid.SampledFrom([]int64{1, 40, 400, 4 << 20}).Draw(rt, "bytes"),
	}}
	var body string
	texts := rapid.IntRange(1, 3).Draw(rt, "files")
	dir := t.TempDir()
	for i := range texts {
		var text, more string
		switch kind {
		case 0:
			d.New = csv.New
			text, more = drawCSV(rt)
		case 1:
			d.New = jsonl.New
			text, more = drawJSONL(rt)
		default:
			d.New = json.New
			text, more = drawJSON(rt)
		}
		if i == 0 {
			body = more
			if kind == 0 && rapid.Bool().Draw(rt, "utf-16") {
				body += "\nencoding = \"utf-16\""
			}
		} else if more != strings.TrimSuffix(body, "\nencoding = \"utf-16\"") {
			continue // it would be read another way
		}
		if strings.Contains(body, "utf-16") {
			text = inUTF16(text)
		} else if strings.HasPrefix(text, "\xff\xfe") {
			continue
		}
		ending := rapid.SampledFrom([]string{"", ".gz", ".zst"}).Draw(rt, "compression")
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d%s", i, ending)), pack(rt, text, ending), 0o600); err != nil {
			rt.Fatal(err)
		}
	}
	d.Body = fmt.Sprintf("path = %q\n%s", filepath.Join(dir, "*"), body)
	return d
}

// TestAnyFileGoesOn cuts the reading of any files anywhere. What a resumed
// reading gives, and how it ends, is what an uninterrupted one does (promise 5).
func TestAnyFileGoesOn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := draw(t, rt)
		whole, err := d.Start(t, d.limits)
		if err != nil {
			rt.Fatal(err)
		}
		for range 2 {
			at := rapid.IntRange(0, len(whole.Parts[0].Cuts)-1).Draw(rt, "cut")
			cut := func(int, int) int { return at }
			got, err := d.Resume(t, d.limits, whole, cut)
			if err != nil {
				rt.Fatal(err)
			}
			if err := sourcetest.Differ(t, whole, got, cut); err != nil {
				rt.Fatalf("%s\n%v", d.Body, err)
			}
			// And once more: what a resumed run notes is as good.
			if more := len(got.Parts[0].Cuts); more > 1 {
				again := rapid.IntRange(1, more-1).Draw(rt, "cut again")
				cut := func(int, int) int { return again }
				third, err := d.Resume(t, d.limits, got, cut)
				if err != nil {
					rt.Fatal(err)
				}
				if err := sourcetest.Differ(t, got, third, cut); err != nil {
					rt.Fatalf("resumed twice: %s\n%v", d.Body, err)
				}
			}
		}
	})
}

// TestGoesOnToTheSameError has files that can't be read to their end. The rows
// before that have been sent on, and a resumed run is not to pass over the error.
func TestGoesOnToTheSameError(t *testing.T) {
	const swallowed = "a\n1\n2\n\"3\n"
	for name, c := range map[string]struct {
		create     func() sources.Config
		text, body string
		cut        bool // a compressed file that ends within a record
	}{
		"csv, cut within a cell":          {create: csv.New, text: "a,b\n1,x\n2,\"y\ny\"\n3,\"z\nand", cut: true},
		"csv, cut within a plain cell":    {create: csv.New, text: "a,b\n1,x\n2,y\n3,z", cut: true},
		"csv, cut within a comment":       {create: csv.New, text: "a,b\n1,x\n2,y\n#", body: `comment = "#"`, cut: true},
		"csv, a quote that takes it all":  {create: csv.New, text: swallowed + strings.Repeat("4\n", 40_000)},
		"jsonl, cut":                      {create: jsonl.New, text: "{\"a\":1}\n\n{\"a\":2}\n\n{\"a\":", cut: true},
		"json, cut":                       {create: json.New, text: "[{\"a\":1},\n{\"a\":2},{\"a\":", cut: true},
		"json, ends":                      {create: json.New, text: "[{\"a\":1},\n{\"a\":2}"},
		"json, a row that is not":         {create: json.New, text: "[{\"a\":1},\n{\"a\":2},{\"a\"},{}]"},
		"json, no row in the second":      {create: json.New, text: `{"r":[{"a":1},{"a":2}]} {"r":[{"a"}]}`, body: `pointer = "/r"`},
		"json, broken after the rows":     {create: json.New, text: `{"r":[{"a":1},{"a":2}],"s":[}`, body: `pointer = "/r"`},
		"json, broken after an object":    {create: json.New, text: `{"r":{"a":1},"s":[}`, body: `pointer = "/r"`},
		"json, no row in the second file": {create: json.New, text: `{"a":1} {"a":2} {"a":3] `},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			data := []byte(c.text)
			if c.cut {
				path += ".gz"
				var out bytes.Buffer
				w := gzip.NewWriter(&out)
				if _, err := w.Write(data); err != nil {
					t.Fatal(err)
				}
				if err := w.Flush(); err != nil { // and never closed
					t.Fatal(err)
				}
				data = out.Bytes()
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			s := sourcetest.Suite{New: c.create, Body: fmt.Sprintf("path = %q\n%s", path, c.body)}
			for _, rows := range []int{1, 2, 100} {
				limits := record.Limits{Rows: rows, Bytes: 4 << 20}
				whole, err := s.Start(t, limits)
				if err != nil || whole.Parts[0].Err == nil || len(whole.Parts[0].Rows) == 0 {
					t.Fatalf("%v, %+v", err, whole.Parts)
				}
				for at := range whole.Parts[0].Cuts {
					cut := func(int, int) int { return at }
					got, err := s.Resume(t, limits, whole, cut)
					if err != nil {
						t.Fatal(err)
					}
					if err := sourcetest.Differ(t, whole, got, cut); err != nil {
						t.Errorf("%.500s", err.Error())
					}
					// The error is met again by a run that notes nothing else.
					last := func(_, cuts int) int { return cuts - 1 }
					third, err := s.Resume(t, limits, got, last)
					if err != nil {
						t.Fatal(err)
					}
					if err := sourcetest.Differ(t, got, third, last); err != nil {
						t.Errorf("resumed twice: %.500s", err.Error())
					}
				}
			}
		})
	}
}

// TestLongFilesGoOn reads files that are much longer than what is held of them,
// from places all over them.
func TestLongFilesGoOn(t *testing.T) {
	dir := t.TempDir()
	limits := record.Limits{Rows: 700, Bytes: 4 << 20}
	suites := map[string]sourcetest.Suite{
		"bzip2": {New: csv.New, Body: `path = "testdata/rows.csv.bz2"`},
	}
	for _, f := range formats {
		var text bytes.Buffer
		if _, err := f.generate(&text, 1); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		suites[f.name] = sourcetest.Suite{New: f.create, Body: fmt.Sprintf("path = %q\n%s", path, f.body)}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(text.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".gz", packed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		suites[f.name+", gzip"] = sourcetest.Suite{New: f.create, Body: fmt.Sprintf("path = %q\n%s", path+".gz", f.body)}
	}
	for name, s := range suites {
		t.Run(name, func(t *testing.T) {
			whole, err := s.Start(t, limits)
			if err != nil || whole.Parts[0].Err != nil {
				t.Fatal(err, whole.Parts)
			}
			if len(whole.Parts[0].Cuts) < 5 {
				t.Fatalf("only %d chunks", len(whole.Parts[0].Cuts))
			}
			for i := range 2 {
				cut := func(_, cuts int) int { return (i + 1) * (cuts - 1) / 3 }
				got, err := s.Resume(t, limits, whole, cut)
				if err != nil {
					t.Fatal(err)
				}
				if err := sourcetest.Differ(t, whole, got, cut); err != nil {
					t.Fatalf("%.500s", err.Error())
				}
				if got.Meter.BytesRead != whole.Meter.BytesTotal {
					t.Errorf("%d bytes of %d read in all", got.Meter.BytesRead, whole.Meter.BytesTotal)
				}
			}
		})
	}
}
