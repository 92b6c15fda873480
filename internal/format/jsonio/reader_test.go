package jsonio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/format/stream"
)

// chunks is a text that gives a few bytes at a time.
type chunks struct {
	text string
	size int

	hasty bool // every other time that a reader waits it gets ErrIdle
	gave  bool
}

func (c *chunks) Wait(context.Context) error {
	if c.gave = c.hasty && !c.gave; c.gave {
		return stream.ErrIdle
	}
	return nil
}

func (c *chunks) Read(_ context.Context, p []byte) (int, error) {
	if c.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.text)
	c.text = c.text[n:]
	return n, nil
}

type readRow struct {
	text   string
	line   int64
	column int
	fault  string
}

// rows reads everything; broken reports a row that is not JSON.
func rows(t testing.TB, next func(context.Context) (Row, error)) (out []readRow, broken bool, err error) {
	t.Helper()
	for {
		row, err := next(t.Context())
		got := readRow{text: string(row.Text), line: row.Line, column: row.Column}
		var fault *stream.RowError
		switch {
		case errors.Is(err, stream.ErrIdle):
			continue
		case errors.Is(err, io.EOF):
			return out, broken, nil
		case errors.As(err, &fault):
			got.fault = fault.Error()
		case err != nil:
			return out, broken, err
		}
		broken = broken || row.Broken() != nil
		out = append(out, got)
	}
}

func readDocument(t testing.TB, text, pointer string, size int) ([]readRow, bool, error) {
	t.Helper()
	p, err := ParsePointer(pointer)
	if err != nil {
		t.Fatal(err)
	}
	return rows(t, NewDocumentReader(&chunks{text: text, size: size, hasty: true}, p).Next)
}

func TestDocumentReader(t *testing.T) {
	for _, c := range []struct {
		name, text, pointer string
		want                []readRow
	}{
		{"array", "[{\"a\":1},\n {\"b\":\"]}\\\"\"}\n]\n", "", []readRow{{text: `{"a":1}`, line: 1, column: 2}, {text: `{"b":"]}\""}`, line: 2, column: 2}}},
		{"empty array", " [ ] ", "", nil},
		{"nothing", " \n", "", nil},
		{"one object", `{"a":[1,{"b":2}]}`, "", []readRow{{text: `{"a":[1,{"b":2}]}`, line: 1, column: 1}}},
		{"objects", "{\"é\":1} {\"b\":2}\n\n{}", "", []readRow{{text: `{"é":1}`, line: 1, column: 1}, {text: `{"b":2}`, line: 1, column: 9}, {text: `{}`, line: 3, column: 1}}},
		{"not objects", "[1,\"x\",null,[{}],{}]", "", []readRow{
			{text: "1", line: 1, column: 2, fault: "line 1, column 2: a row is an object, this is a number"},
			{text: `"x"`, line: 1, column: 4, fault: "line 1, column 4: a row is an object, this is a string"},
			{text: "null", line: 1, column: 8, fault: "line 1, column 8: a row is an object, this is null"},
			{text: "[{}]", line: 1, column: 13, fault: "line 1, column 13: a row is an object, this is an array"},
			{text: "{}", line: 1, column: 18}}},
		{"array after object", "{}\n[1]", "", []readRow{
			{text: "{}", line: 1, column: 1}, {text: "[1]", line: 2, column: 1, fault: "line 2, column 1: a row is an object, this is an array"}}},
		{"pointer", `{"x":{"rows":[9]},"rows" : [{"a":1}], "y":["]"]}`, "/rows", []readRow{{text: `{"a":1}`, line: 1, column: 29}}},
		{"pointer through arrays", `[0,[{"é/~":[{}]}],1]`, "/1/0/é~1~0", []readRow{{text: "{}", line: 1, column: 13}}},
		{"pointer with escapes in the name", `{"\u0061":[{}]}`, "/a", []readRow{{text: "{}", line: 1, column: 12}}},
		{"pointer to an object", `{"a":{"b":1},"c":2}`, "/a", []readRow{{text: `{"b":1}`, line: 1, column: 6}}},
		{"pointer to an empty name", `{"":[{}]}`, "/", []readRow{{text: "{}", line: 1, column: 6}}},
		{"pointer in several documents", "{\"Items\":[{}]}\n{\"Items\":[{}]}", "/Items", []readRow{{text: "{}", line: 1, column: 11}, {text: "{}", line: 2, column: 11}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 3, 1 << 20} {
				got, _, err := readDocument(t, c.text, c.pointer, size)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, c.want) {
					t.Errorf("in pieces of %d:\n got %+v\nwant %+v", size, got, c.want)
				}
			}
		})
	}
}

func TestDocumentReaderErrors(t *testing.T) {
	for _, c := range []struct {
		text, pointer string
		rows          int
		want          string
	}{
		{`[{"a":1},`, "", 1, "line 1, column 10: the file ends inside the array of rows: it was cut short"},
		{"[{},\n{\"a\":[1}", "", 1, `line 2, column 8: expected ']', found '}'`},
		{`[{} {}]`, "", 1, `line 1, column 5: expected ',' in the array of rows, found '{'`},
		{`[{},]`, "", 1, `line 1, column 5: expected a value, found ']'`},
		{`[{}] x`, "", 1, `line 1, column 6: 'x' after the end of the array that is the document`},
		{`[{"a":"b`, "", 0, "the file ends inside a string: it was cut short"},
		{`12`, "", 0, "line 1, column 1: the document is a number: rows are the elements of an array, or one object"},
		{`id,name`, "", 0, "line 1, column 1: expected a value, found 'i'"},
		{`{"a":{"b":[]}}`, "/a/c", 0, `pointer "/a/c" finds nothing: it leads to "/a", and that object has no "c"; it has b`},
		{`{"a":[1,2]}`, "/a/2", 0, `it leads to "/a", and that array has 2 elements, numbered from 0`},
		{`{"a":[1,2]}`, "/a/x", 0, `"x" is no such number`},
		{`{"a":"text"}`, "/a/b", 0, `it leads to "/a", and that is a string, in which there is nothing to follow`},
		{`{"a":"text"}`, "/a", 0, `what pointer "/a" names is a string`},
		{`{}`, "/a", 0, `it leads to the whole document, and that is an empty object`},
		{``, "/a", 0, `pointer "/a" finds nothing: the file is empty`},
		{`{"a":[{}],"b":[1`, "/a", 1, "the file ends inside an object or array"},
		{`{"a":[{}],5}`, "/a", 1, "expected a name in quotes, found '5'"},
	} {
		got, _, err := readDocument(t, c.text, c.pointer, 2)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(got) != c.rows {
			t.Errorf("%s %s: %d rows, then %v\nwant %d rows, then %s", c.text, c.pointer, len(got), err, c.rows, c.want)
		}
	}
	if _, broken, err := readDocument(t, `[{"a"},{}]`, "", 4); err != nil || !broken {
		t.Errorf("a row that is not JSON was not found: %v", err)
	}
	for _, bad := range []string{"features", "/a~2", "/a~"} {
		if p, err := ParsePointer(bad); err == nil {
			t.Errorf("pointer %q was read as %q", bad, p)
		}
	}
}

func TestRowBroken(t *testing.T) {
	row := Row{Text: []byte("{\"é\":1,\n \"b\":x}"), Line: 5, Column: 3}
	if got := row.Broken(); got == nil || got.Line != 6 || got.Column != 6 {
		t.Errorf("got %v", got)
	}
	row.Text = []byte(`{"a":1,"a":2}`)
	if got := row.Broken(); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestDocumentReaderBoundsARow(t *testing.T) {
	r := NewDocumentReader(&chunks{text: `{"rows":[` + strings.Repeat(`{"a":"0123456789012345678901234567890123456789"},`, 1<<21), size: 1 << 20}, nil)
	_, err := r.Next(t.Context())
	if err == nil || !strings.Contains(err.Error(), "line 1, column 1: the row that starts here is longer than 64 MB") {
		t.Errorf("got %v", err)
	}
}

func TestLineReader(t *testing.T) {
	text := "{\"a\":1}\r\n\n \t\n  {\"b\":\nlast"
	want := []readRow{{text: `{"a":1}`, line: 1, column: 1}, {text: `  {"b":`, line: 4, column: 1}, {text: "last", line: 5, column: 1}}
	for _, size := range []int{1, 5, 1 << 20} {
		got, _, err := rows(t, NewLineReader(&chunks{text: text, size: size}).Next)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in pieces of %d: %+v", size, got)
		}
	}
	_, err := NewLineReader(&chunks{text: "\n" + strings.Repeat("x", stream.MaxRow), size: 1 << 20}).Next(t.Context())
	if err == nil || !strings.Contains(err.Error(), "line 2: the line is longer than 64 MB") {
		t.Errorf("got %v", err)
	}
}

// TestLineReaderMark asks where lines ended, also after one that can't be read.
func TestLineReaderMark(t *testing.T) {
	text := "{}\n\n{}\n" + strings.Repeat("x", stream.MaxRow)
	r := NewLineReader(&chunks{text: text, size: 1 << 20})
	for _, want := range []stream.Mark{{Offset: 3, Line: 2}, {Offset: 7, Line: 4}, {Offset: 7, Line: 4}} {
		_, err := r.Next(t.Context())
		if m := r.Mark(); m.Offset != want.Offset || m.Line != want.Line {
			t.Errorf("after %v: %+v, want %+v", err, m, want)
		}
	}
}

// FuzzDocumentReader compares with encoding/json: the same rows from what is
// JSON, and nothing that is not JSON read as if it were.
func FuzzDocumentReader(f *testing.F) {
	for _, seed := range []string{
		`[{"a":1},{"b":[2,{}]}]`, "{}\n{\"a\":\"\\\"\"} ", `[1,"x",null,true,-1.5e3]`, `[{"a":1}`, `[{},]`, `{"a"}`, `[] []`, `[{"a":"\\"}]`, `[}`,
	} {
		f.Add(seed, 1)
		f.Add(seed, 9)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		got, broken, err := readDocument(t, text, "", 1+(size&63))
		whole, brokenToo, errToo := readDocument(t, text, "", 1<<20)
		if !reflect.DeepEqual(got, whole) || broken != brokenToo || (err == nil) != (errToo == nil) {
			t.Fatalf("%q reads differently in pieces:\n%+v %v\n%+v %v", text, got, err, whole, errToo)
		}
		want, ok := decoded(t, text)
		if !ok {
			if err == nil && !broken {
				t.Fatalf("%q was read as %+v", text, got)
			}
			return
		}
		texts := make([]string, len(got))
		for i, row := range got {
			texts[i] = row.text
		}
		if err != nil || broken || !slices.Equal(texts, want) {
			t.Fatalf("%q: read %q, %v; encoding/json reads %q", text, texts, err, want)
		}
	})
}

// decoded is the rows of a text as encoding/json reads them; ok is false for
// what is not rows. Numbers that nothing separates are left out of the
// comparison: encoding/json reads {}00 as three values.
func decoded(t *testing.T, text string) (out []string, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	for n := 0; ; n++ {
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return out, errors.Is(err, io.EOF)
		}
		value = bytes.TrimSpace(value)
		switch {
		case n == 0 && value[0] == '[':
			var elements []json.RawMessage
			if err := json.Unmarshal(value, &elements); err != nil {
				return nil, false
			}
			for _, e := range elements {
				out = append(out, string(e))
			}
			return out, errors.Is(d.Decode(&value), io.EOF)
		case n == 0 && value[0] != '{':
			return nil, false
		case value[0] != '{':
			t.Skip("encoding/json takes apart what nothing separates, as {}00")
		}
		out = append(out, string(value))
	}
}
