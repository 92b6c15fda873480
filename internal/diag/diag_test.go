package diag_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/diag"
)

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		name, candidates, want string
	}{
		{"delimeter", "path delimiter header", "delimiter"},
		{"cvs", "csv json", "csv"},
		{"gzpi", "gzip zstd", "gzip"},
		{"pth", "path set", "path"},
		{"x", "a b", ""},
		{"colour", "columns comment", ""},
		{"set", "get let", ""}, // both are one letter away
		{"a", "b", ""},         // nothing in common
		{"", "a", ""},          // nothing to go by
		{"conection", "", ""},  // nothing to choose from
		{"batch_wirte", "batch_write file", "batch_write"},
		{"users", "users", "users"},
		{"attempts", "max_attempts base_delay", "max_attempts"},
		{"delay", "max_delay base_delay", ""},
		{"max", "max_attempts maximum", "max_attempts"},
	} {
		if got := diag.Nearest(c.name, strings.Fields(c.candidates)); got != c.want {
			t.Errorf("Nearest(%q, %s) = %q, want %q", c.name, c.candidates, got, c.want)
		}
	}
}

func at(line, column, start, end int) hcl.Range {
	return hcl.Range{Filename: "p.hcl", Start: hcl.Pos{Line: line, Column: column, Byte: start}, End: hcl.Pos{Line: line, Column: column + end - start, Byte: end}}
}

func TestSort(t *testing.T) {
	second := diag.Error(at(2, 1, 10, 12), "second", "")
	first := diag.Error(at(1, 1, 0, 2), "first", "")
	warning := diag.Warning(at(1, 1, 0, 2), "a warning", "")
	nowhere := diag.Plain("nowhere", "")
	again := *first
	got := diag.Sort(hcl.Diagnostics{second, warning, first, &again, nowhere})
	var names []string
	for _, d := range got {
		names = append(names, d.Summary)
	}
	if s := strings.Join(names, ", "); s != "nowhere, first, a warning, second" {
		t.Errorf("sorted: %s", s)
	}
}

func parsed(t *testing.T, src string) map[string]*hcl.File {
	t.Helper()
	f, _ := hclsyntax.ParseConfig([]byte(src), "p.hcl", hcl.InitialPos)
	return map[string]*hcl.File{"p.hcl": f}
}

func TestText(t *testing.T) {
	long := "x = \"" + strings.Repeat("é", 300) + "\"\n"
	for _, c := range []struct {
		name, src string
		text      diag.Text
		d         *hcl.Diagnostic
		want      string
	}{
		{
			"the caret stands under its place, behind a tab too", "sink \"file\" \"a\" {\r\n\tpath = 1\r\n}\r\n", diag.Text{},
			diag.Error(at(2, 9, 27, 28), "Wrong", "No."),
			"Error: Wrong\n  on p.hcl:2:9, in sink \"file\" \"a\"\n    2 | \tpath = 1\n      | \t       ^\n  No.\n",
		},
		{
			"details are wrapped", "a = 1\n", diag.Text{Width: 30},
			diag.Warning(at(1, 1, 0, 1), "Odd", "One two three four five six seven."),
			"Warning: Odd\n  on p.hcl:1:1\n    1 | a = 1\n      | ^\n  One two three four five six\n  seven.\n",
		},
		{
			"control characters stay away from the terminal", "a = \"\x1b[31m\"\n", diag.Text{},
			diag.Error(at(1, 5, 4, 11), "Bad \x1b[0m", ""),
			"Error: Bad \ufffd[0m\n  on p.hcl:1:5\n    1 | a = \"\ufffd[31m\"\n      |     ^^^^^^^\n",
		},
		{
			"a long line is cropped by characters", long, diag.Text{},
			diag.Error(at(1, 1, 0, 1), "Long", ""),
			"Error: Long\n  on p.hcl:1:1\n    1 | x = \"" + strings.Repeat("é", 49) + "...\n      | ^\n",
		},
		{
			"a secret's line is not shown", "a = \"hunter2\"\n", diag.Text{},
			&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong", Subject: at(1, 5, 4, 13).Ptr(), Extra: diag.NoSource{}},
			"Error: Wrong\n  on p.hcl:1:5\n",
		},
		{
			"a place past the end of the file", "a", diag.Text{},
			diag.Error(at(9, 1, 100, 101), "Far", ""),
			"Error: Far\n  on p.hcl:9:1\n",
		},
		{
			"colours when they are asked for", "a = 1\n", diag.Text{Color: true},
			diag.Error(at(1, 1, 0, 1), "Red", ""),
			"\x1b[1;31mError\x1b[0m: \x1b[1mRed\x1b[0m\n  on p.hcl:1:1\n    1 | \x1b[1;31ma\x1b[0m = 1\n      | \x1b[1;31m^\x1b[0m\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := c.text.Write(&out, hcl.Diagnostics{c.d}, parsed(t, c.src)); err != nil {
				t.Fatal(err)
			}
			if out.String() != c.want {
				t.Errorf("got\n%q\nwant\n%q", out.String(), c.want)
			}
		})
	}
}

func TestWriteJSON(t *testing.T) {
	var out bytes.Buffer
	diags := hcl.Diagnostics{diag.Error(at(3, 2, 20, 24), "Wrong", "a < b"), diag.Warning(at(4, 1, 30, 31), "Odd", "")}
	if err := diag.WriteJSON(&out, diags); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "a < b") {
		t.Errorf("escaped for HTML: %s", out.String())
	}
	var doc diag.Document
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Valid || doc.Errors != 1 || doc.Warnings != 1 || len(doc.Diagnostics) != 2 {
		t.Errorf("counts: %+v", doc)
	}
	want := diag.Place{File: "p.hcl", Start: diag.Point{Line: 3, Column: 2, Byte: 20}, End: diag.Point{Line: 3, Column: 6, Byte: 24}}
	if got := doc.Diagnostics[0]; got.Severity != "error" || *got.Place != want {
		t.Errorf("first: %+v %+v", got, got.Place)
	}
	out.Reset()
	if err := diag.WriteJSON(&out, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"diagnostics": []`) || !strings.Contains(out.String(), `"valid": true`) {
		t.Errorf("nothing wrong: %s", out.String())
	}
}

func TestSecrets(t *testing.T) {
	var none *diag.Secrets
	none.Add("x")
	if got := none.Mask("x"); got != "x" {
		t.Errorf("a nil Secrets masks: %q", got)
	}
	s := &diag.Secrets{}
	s.Add("pass")
	s.Add("password")
	s.Add("")
	if got, want := s.Mask("a password, a pass"), "a (sensitive), a (sensitive)"; got != want {
		t.Errorf("Mask: %q, want %q", got, want)
	}
}
