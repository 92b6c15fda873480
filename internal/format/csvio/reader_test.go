package csvio

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

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

// readRecord is what a test sees of a record.
type readRecord struct {
	line  int64
	cells []string // quoted ones with a quote before them
	raw   string
	fault string
}

func readRecords(t testing.TB, text string, size int, o ReaderOptions, skip int) ([]readRecord, error) {
	t.Helper()
	in := &chunks{text: text, size: size}
	r := NewReader(in, o)
	if err := r.SkipLines(t.Context(), skip); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	in.hasty = true
	var out []readRecord
	for {
		err := r.Next(t.Context())
		var fault *stream.RowError
		rec := readRecord{line: r.Line(), raw: string(r.Raw())}
		switch {
		case errors.Is(err, stream.ErrIdle):
			continue
		case errors.Is(err, io.EOF):
			return out, nil
		case errors.As(err, &fault):
			rec.fault = fault.Error()
		case err != nil:
			return out, err
		default:
			for i := range r.Len() {
				text, quoted := r.Cell(i)
				cell := string(text)
				if quoted {
					cell = `"` + cell
				}
				rec.cells = append(rec.cells, cell)
			}
		}
		out = append(out, rec)
	}
}

func TestReader(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          ReaderOptions
		skip       int
		want       []readRecord
	}{
		{name: "line ends", text: "a,b\r\nc,d\ne,f", want: []readRecord{
			{line: 1, cells: []string{"a", "b"}, raw: "a,b"}, {line: 2, cells: []string{"c", "d"}, raw: "c,d"}, {line: 3, cells: []string{"e", "f"}, raw: "e,f"}}},
		{name: "line ends in quotes are kept", text: "\"a\r\nb\nc\",d\r\ne", want: []readRecord{
			{line: 1, cells: []string{"\"a\r\nb\nc", "d"}, raw: "\"a\r\nb\nc\",d"}, {line: 4, cells: []string{"e"}, raw: "e"}}},
		{name: "doubled quotes", text: `"say ""hi""","""",""`, want: []readRecord{
			{line: 1, cells: []string{`"say "hi"`, `""`, `"`}, raw: `"say ""hi""","""",""`}}},
		{name: "empty cells", text: ",\n\"\",\n,\"\"\n", want: []readRecord{
			{line: 1, cells: []string{"", ""}, raw: ","}, {line: 2, cells: []string{`"`, ""}, raw: `"",`}, {line: 3, cells: []string{"", `"`}, raw: `,""`}}},
		{name: "empty lines", text: "\n\r\na\n\n\"\"\n\r", want: []readRecord{
			{line: 3, cells: []string{"a"}, raw: "a"}, {line: 5, cells: []string{`"`}, raw: `""`}}},
		{name: "lone carriage return is text", text: "a\rb,c\n\r\r\n", want: []readRecord{
			{line: 1, cells: []string{"a\rb", "c"}, raw: "a\rb,c"}, {line: 2, cells: []string{"\r"}, raw: "\r"}}},
		{name: "spaces are kept", text: " a , b\n", want: []readRecord{{line: 1, cells: []string{" a ", " b"}, raw: " a , b"}}},
		{name: "spaces are trimmed", text: " a , \" b \" ,\t\n  \r\n", o: ReaderOptions{Trim: true}, want: []readRecord{
			{line: 1, cells: []string{"a", `" b `, ""}, raw: " a , \" b \" ,\t"}}},
		{name: "tabs that delimit are not trimmed", text: "\t a\t\n", o: ReaderOptions{Delimiter: "\t", Trim: true}, want: []readRecord{
			{line: 1, cells: []string{"", "a", ""}, raw: "\t a\t"}}},
		{name: "delimiter of several bytes", text: "a¦b§¦\"¦\"¦c", o: ReaderOptions{Delimiter: "¦"}, want: []readRecord{
			{line: 1, cells: []string{"a", "b§", `"¦`, "c"}, raw: "a¦b§¦\"¦\"¦c"}}},
		{name: "comments", text: "#one\na#b,\"#c\"\n#\"two\nd\n#", o: ReaderOptions{Comment: "#"}, want: []readRecord{
			{line: 2, cells: []string{"a#b", `"#c`}, raw: `a#b,"#c"`}, {line: 4, cells: []string{"d"}, raw: "d"}}},
		{name: "skipped lines", text: "report \"of\n\nid\n", skip: 2, want: []readRecord{{line: 3, cells: []string{"id"}, raw: "id"}}},
		{name: "more skipped than there are", text: "a\n", skip: 5},
		{name: "quote inside a cell", text: "a,5\" disk,b\nc\n", want: []readRecord{
			{line: 1, raw: "a,5\" disk,b", fault: "line 1, column 4: a quote inside a cell that does not begin with one: put the whole cell in quotes and double the quote inside them, as \"5\"\" disk\""},
			{line: 2, cells: []string{"c"}, raw: "c"}}},
		{name: "text after a closing quote", text: "\"é\n\"x,b\nc\n", want: []readRecord{
			{line: 1, raw: "\"é\n\"x,b", fault: "line 2, column 2: text after the closing quote of a cell: a quote inside quotes must be doubled, as \"5\"\" disk\""},
			{line: 3, cells: []string{"c"}, raw: "c"}}},
		{name: "quote that is not closed", text: "a\nb,\"c\nd\n", want: []readRecord{
			{line: 1, cells: []string{"a"}, raw: "a"},
			{line: 2, raw: "b,\"c\nd", fault: "line 2, column 3: the quote opened here is not closed before the end of the file"}}},
		{name: "not UTF-8", text: "é,\xe9\nb\n", want: []readRecord{
			{line: 1, raw: "é,\xe9", fault: `line 1, column 3: not valid UTF-8: if the file is in another encoding, say which, as encoding = "latin1"`},
			{line: 2, cells: []string{"b"}, raw: "b"}}},
		{name: "nothing", text: ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 1 << 20} {
				got, err := readRecords(t, c.text, size, c.o, c.skip)
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

func TestReaderUnclosedQuoteSwallowsRows(t *testing.T) {
	got, err := readRecords(t, "a\n\"b\n"+strings.Repeat("c,d\n", MaxRaw/4), 1<<16, ReaderOptions{}, 0)
	if len(got) != 1 || err == nil || !strings.Contains(err.Error(), "line 2, column 1: the quote opened here is not closed") {
		t.Errorf("%d rows, then %v", len(got), err)
	}
	if errors.As(err, new(*stream.RowError)) {
		t.Error("rows that can't be kept whole must not end as one reject")
	}
}

func TestReaderBoundsARow(t *testing.T) {
	endless := &chunks{text: "a\n\"" + strings.Repeat("x", stream.MaxRow+1), size: 1 << 20}
	r := NewReader(endless, ReaderOptions{})
	if err := r.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := r.Next(t.Context())
	if err == nil || !strings.Contains(err.Error(), "line 2: the row that starts here is longer than 64 MB") {
		t.Errorf("got %v", err)
	}
}

// FuzzReader compares with encoding/csv where the rules agree, which is on
// everything but line ends inside quotes: it turns CRLF into LF there.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"a,b\r\nc,d\n", "\"a\r\nb\",\"\"\"\"\n", "a\"b\n", "\"a\"b\n", "\"a", "\n\r\n\r", "a\rb\r", ",\n\"\",\r\n", "\"x\"\r", "é,\"€\"\n",
	} {
		f.Add(seed, 1)
		f.Add(seed, 7)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		if !utf8.ValidString(text) {
			t.Skip("not UTF-8: the reader refuses it")
		}
		got, err := readRecords(t, text, 1+(size&31), ReaderOptions{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := readRecords(t, text, 1<<20, ReaderOptions{}, 0)
		if !reflect.DeepEqual(got, whole) {
			t.Fatalf("%q reads differently in pieces:\n%+v\n%+v", text, got, whole)
		}
		theirs := csv.NewReader(strings.NewReader(text))
		theirs.FieldsPerRecord = -1
		for i, rec := range got {
			want, err := theirs.Read()
			if (err != nil) != (rec.fault != "") {
				t.Fatalf("record %d of %q: fault %q, encoding/csv says %v", i, text, rec.fault, err)
			}
			if err != nil {
				return
			}
			cells := make([]string, len(rec.cells))
			for j, cell := range rec.cells {
				cells[j] = strings.ReplaceAll(strings.TrimPrefix(cell, `"`), "\r\n", "\n")
				if !strings.HasPrefix(cell, `"`) {
					cells[j] = cell
				}
			}
			if line, _ := theirs.FieldPos(0); int64(line) != rec.line || !slices.Equal(cells, want) {
				t.Fatalf("record %d of %q: %q at line %d, encoding/csv reads %q at line %d", i, text, cells, rec.line, want, line)
			}
		}
		if rec, err := theirs.Read(); !errors.Is(err, io.EOF) {
			t.Fatalf("%q: encoding/csv goes on with %q, %v", text, rec, err)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	row := "123456,user123456@example.com,\"Doe, Jane\",active,1234.56,2026-11-22T17:31:21Z,42,DE,a|b|c,\"said \"\"hi\"\", left\"\n"
	text := strings.Repeat(row, 20000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(&chunks{text: text, size: 64 << 10}, ReaderOptions{})
		for r.Next(b.Context()) == nil {
			for i := range r.Len() {
				r.Cell(i)
			}
		}
	}
}
