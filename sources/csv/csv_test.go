package csv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources/csv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes a file and gives its path as HCL.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return strconv.Quote(path)
}

func TestContract(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.csv", "id,n\n1,1\n2,\"x\ny\"\n3,2.50\n4,3\n5\n")
	write(t, dir, "b.csv", "")
	write(t, dir, "c.csv", "n,id,more\n7,8,\n\n9,10,11\n,\"a\"b,\n")
	write(t, dir, "d.csv", "n,id\n")
	sourcetest.Run(t, sourcetest.Suite{
		New:  csv.New,
		Body: fmt.Sprintf("path = %q\ncolumns = { n = number }", filepath.Join(dir, "*.csv")),
		Rows: 5, Rejects: 3,
	})
	none := fmt.Sprintf("path = %q\nallow_missing = true", filepath.Join(dir, "none"))
	t.Run("no file", func(t *testing.T) { sourcetest.Run(t, sourcetest.Suite{New: csv.New, Body: none}) })
}

func TestRows(t *testing.T) {
	for _, c := range []struct{ name, text, body, want string }{
		{"text stays text", "zip,name\n00501,\"Smith, J\"\n", "", `{"zip":{"S":"00501"},"name":{"S":"Smith, J"}}`},
		{"absent and empty", "a,b,c\n,\"\",x\n", "", `{"b":{"S":""},"c":{"S":"x"}}`},
		{"null values", "a,b,c\nNA,\"NA\",\n", `null_values = ["NA", "-"]`, `{"b":{"S":"NA"},"c":{"S":""}}`},
		{"numbers keep their spelling", "n,m\n1.50,-0\n", `columns = { n = number, m = number }`, `{"n":{"N":"1.50"},"m":{"N":"-0"}}`},
		{"bool and binary", "b,d,e\nTRUE,AAEC,false\n", `columns = { b = bool, d = binary, e = bool }`, `{"b":{"BOOL":true},"d":{"B":"AAEC"},"e":{"BOOL":false}}`},
		{"JSON in cells", "s,n,l,m,x\n\"[\"\"a\"\",\"\"b\"\"]\",\"[1,\"\"2\"\"]\",\"[1,null]\",\"{\"\"k\"\":1}\",true\n",
			"columns = {\n s = string_set\n n = number_set\n l = list(string)\n m = map(string)\n x = any\n}",
			`{"s":{"SS":["a","b"]},"n":{"NS":["1","2"]},"l":{"L":[{"S":"1"},{"NULL":true}]},"m":{"M":{"k":{"S":"1"}}},"x":{"BOOL":true}}`},
		{"separators", "s,n,l\na|b,1;2,x||\n",
			"columns = {\n s = string_set\n n = number_set\n l = list\n}\nseparators = { s = \"|\", n = \";\", l = \"|\" }",
			`{"s":{"SS":["a","b"]},"n":{"NS":["1","2"]},"l":{"L":[{"S":"x"},{"S":""},{"S":""}]}}`},
		{"no header", "1,2\n", "header = false\ncolumn_names = [\"a\", \"b\"]", `{"a":{"S":"1"},"b":{"S":"2"}}`},
		{"preamble, comments, tabs", "made by x\n\n#c\na\tb\n#d\n 1\t2\n", "skip_rows = 2\ncomment = \"#\"\ndelimiter = \"\\t\"\ntrim = true", `{"a":{"S":"1"},"b":{"S":"2"}}`},
		{"latin1", "stra\xdfe\n\xfc\n", `encoding = "latin1"`, `{"straße":{"S":"ü"}}`},
		{"byte order mark", "\ufeffid\n1\n", "", `{"id":{"S":"1"}}`},
		{"header only", "id,name\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := sourcetest.Read(t, csv.New(), "path = "+write(t, t.TempDir(), "x.csv", c.text)+"\n"+c.body)
			if out.Err != nil || len(out.Rejects) > 0 {
				t.Fatalf("%v, rejects %+v", out.Err, out.Rejects)
			}
			if got := strings.Join(out.Rows, "\n"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRejects(t *testing.T) {
	for _, c := range []struct{ text, body, raw, want string }{
		{"a,b\n1\n", "", "1", `the row has 1 cell, the header 2; is "," the delimiter of this file?`},
		{"a,b\n1,2,3\n", "", "1,2,3", "the row has 3 cells, the header 2"},
		{"1,2\n3\n", "header = false\ncolumn_names = [\"a\", \"b\"]", "3", "the row has 1 cell, column_names 2"},
		{"a,b\n1,x\"y\n", "", `1,x"y`, "line 2, column 4: a quote inside a cell"},
		{"a\n\"x\n", "", "\"x", "line 2, column 1: the quote opened here is not closed"},
		{"a\n\xff\n", "", "\xff", "line 2, column 1: not valid UTF-8"},
		{"a,n\nx, 1\n", `columns = { n = number }`, "x, 1", `column "n": " 1" is not a number`},
		{"a\nyes\n", `columns = { a = bool }`, "yes", `column "a": "yes" is not a bool: it is true or false`},
		{"a\n*\n", `columns = { a = binary }`, "*", `column "a": "*" is not base64`},
		{"a\n[1\n", `columns = { a = list }`, "[1", `column "a": the cell does not hold JSON`},
		{"a\nx|x\n", "columns = { a = string_set }\nseparators = { a = \"|\" }", "x|x", `column "a": a string_set can't have the element "x" twice`},
		{"a\n5\n", `columns = { a = map }`, "5", `column "a": a number can't become a map`},
	} {
		out := sourcetest.Read(t, csv.New(), "path = "+write(t, t.TempDir(), "x.csv", c.text)+"\n"+c.body)
		if out.Err != nil || len(out.Rejects) != 1 {
			t.Errorf("%q: %v, %d rejects", c.text, out.Err, len(out.Rejects))
			continue
		}
		r := out.Rejects[0]
		if !strings.Contains(r.Message, c.want) || string(r.Raw) != c.raw || r.Origin.Line != int64(strings.Count(c.text[:strings.Index(c.text, c.raw)], "\n"))+1 {
			t.Errorf("%q: rejected %q at line %d: %s\nwant %s", c.text, r.Raw, r.Origin.Line, r.Message, c.want)
		}
	}
}

func TestRunErrors(t *testing.T) {
	for _, c := range []struct{ text, body, want string }{
		{"a,b,a\n", "", `x.csv: the header, line 1: the name "a" stands twice, for columns 1 and 3: rename one of them; or name the columns yourself: header = false, skip_rows = 1 and column_names`},
		{"a,,b\n", "", "x.csv: the header, line 1: column 2 has no name"},
		{"a\rb\r1", "", "lines must end in LF or CRLF"},
		{"\"a\n", "", "x.csv: the header can't be read: line 1, column 1: the quote opened here"},
		{"id,name\n", "columns = { nmae = number }", `columns gives a type to "nmae", and there is no such column. Did you mean "name"? It has id, name`},
		{"\xff\xfea\x00", "", `write encoding = "utf-16"`},
	} {
		out := sourcetest.Read(t, csv.New(), "path = "+write(t, t.TempDir(), "x.csv", c.text)+"\n"+c.body)
		if out.Err == nil || !strings.Contains(out.Err.Error(), c.want) || len(out.Rows)+len(out.Rejects) > 0 {
			t.Errorf("%q: %v, want %s", c.text, out.Err, c.want)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`delimiter = ",,"`, "Not a delimiter"},
		{`delimiter = "\""`, "Not a delimiter"},
		{`comment = ",c"`, "Not a comment sign"},
		{`column_names = ["a"]`, "Column names twice"},
		{`header = false`, "No column names"},
		{"header = false\ncolumn_names = [\"a\", \"a\"]", "Wrong column names"},
		{"header = false\ncolumn_names = [\"name\"]\ncolumns = { nmae = number }", "Unknown column"},
		{`separators = { a = "|" }`, "Not a set or list"},
		{"columns = { a = list }\nseparators = { a = \"\" }", "Empty separator"},
		{`encoding = "utf8"`, "Unknown value"},
		{`skip_rows = -1`, "Number out of range"},
	} {
		diags := sourcetest.Decode(t, csv.New(), "path = \"x\"\n"+c.body, nil)
		if len(diags) != 1 || diags[0].Summary != c.want {
			t.Errorf("%s: %v, want %s", c.body, diags, c.want)
		}
	}
}

// TestRowsBeforeAnError cuts a gzip file short: what could be read is sent on.
func TestRowsBeforeAnError(t *testing.T) {
	var text strings.Builder
	text.WriteString("id\n")
	for i := range 100_000 {
		fmt.Fprintln(&text, i*7919)
	}
	var packed strings.Builder
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(text.String())); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := write(t, t.TempDir(), "x.csv.gz", packed.String()[:packed.Len()/2])
	out := sourcetest.Read(t, csv.New(), "path = "+path)
	want := fmt.Sprintf("the gzip data stops in the middle: the file was cut short, perhaps by a copy or download that did not finish (the %d rows before it were read and sent on)", len(out.Rows))
	if out.Err == nil || !strings.HasSuffix(out.Err.Error(), want) || len(out.Rows) < 10_000 {
		t.Errorf("%d rows, then %v", len(out.Rows), out.Err)
	}
	for i, row := range out.Rows {
		if row != fmt.Sprintf(`{"id":{"S":"%d"}}`, i*7919) {
			t.Fatalf("row %d is %s", i, row)
		}
	}
}

func TestRealFiles(t *testing.T) {
	out := sourcetest.Read(t, csv.New(), `path = ["../../examples/data/zipcodes.csv", "../../examples/data/airports.csv"]`)
	if out.Err != nil || len(out.Rejects) > 0 {
		t.Fatal(out.Err, out.Rejects)
	}
	first := `{"zip_code":{"S":"00501"},"latitude":{"S":"40.922326"},"longitude":{"S":"-72.637078"},"city":{"S":"Holtsville"},"state":{"S":"NY"},"county":{"S":"Suffolk"}}`
	if out.Rows[0] != first {
		t.Errorf("got  %s\nwant %s", out.Rows[0], first)
	}
	if n := slices.IndexFunc(out.Rows, func(row string) bool { return strings.Contains(row, "iata") }); len(out.Rows)-n != 3376 || n != 2000 {
		t.Errorf("%d zip codes and %d airports", n, len(out.Rows)-n)
	}
}
