package inspect

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func TestColumnTypes(t *testing.T) {
	for _, c := range []struct {
		want  string
		cells []string
	}{
		{"number", []string{"1", "-20", "0", "0.5", "-0.25"}},
		{"number", []string{"19.90", "5.00"}},                 // prices: every one has two decimals
		{"number", []string{"1.0", "3.25", "-2.0"}},           // as programs write numbers
		{"", []string{"1.9", "1.10"}},                         // versions
		{"", []string{"10001", "00501"}},                      // ZIP codes
		{"", []string{"1", "+49"}},                            // telephone numbers
		{"", []string{"1", "1e5"}},                            // not as it is spelled
		{"", []string{"-0"}},                                  // would come back as 0
		{"", []string{"1", ""}},                               // an empty string is no number
		{"", []string{"1."}},                                  //
		{"", []string{".5"}},                                  //
		{"", []string{"1,5"}},                                 //
		{"", []string{" 1"}},                                  //
		{"", []string{strings.Repeat("9", attr.MaxDigits+1)}}, // DynamoDB would round it
		{"number", []string{strings.Repeat("9", attr.MaxDigits)}},
		{"bool", []string{"true", "FALSE"}},
		{"", []string{"true", "yes"}},
		{"", []string{"0", "true"}},
		{"list", []string{"[1]", " []"}},
		{"", []string{"[1]", "[1"}},
		{"", []string{"[1]", "{}"}},
		{"map", []string{`{"a":1}`, "{}"}},
		{"", []string{`{"a":1,"a":2}`}},
		{"", []string{"text"}},
		{"", nil},
	} {
		var g guess
		for _, cell := range c.cells {
			g.see(cell)
		}
		if got := g.column(); got != c.want {
			t.Errorf("%q: %q, not %q", c.cells, got, c.want)
		}
	}
}

// FuzzPlainNumber: a plain number comes back from DynamoDB as it went in, but
// for zeros at the end of its fraction.
func FuzzPlainNumber(f *testing.F) {
	for _, seed := range []string{"0", "-1.50", "00501", "+1", "1e5", "-0", "1.", ".5", "12345678901234567890.000100", "0.0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		decimals, ok := plainNumber(text)
		if !ok || attr.CheckNumber(text) != nil {
			return
		}
		back := attr.CanonicalNumber(text)
		want := text
		if decimals > 0 {
			want = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		if back != want {
			t.Errorf("%q comes back as %q", text, back)
		}
	})
}

func TestBlock(t *testing.T) {
	b := Block{Type: "csv", Name: "users", Args: []Arg{{"path", cty.StringVal("data/*.csv")}, {"delimiter", cty.StringVal("\t")}},
		Columns: []Column{{"age", "number"}, {"odd name", "bool"}, {"for", "list"}}}
	const want = `source "csv" "users" {
  path      = "data/*.csv"
  delimiter = "\t"
  columns = {
    age        = number
    "odd name" = bool
    "for"      = list
  }
}
`
	if b.String() != want {
		t.Errorf("%s", b)
	}
	if more := b.With("header", cty.False); len(b.Args) != 2 || !strings.Contains(more.String(), "header    = false") {
		t.Errorf("%s", more)
	}
}

// FuzzBlock: whatever a file and its columns are called, the block is HCL, and
// says just that.
func FuzzBlock(f *testing.F) {
	for _, seed := range []string{"users.csv", "a b", `"`, "${x}", "%{if}", "\n", "for", "null", "", "é", "$${", "a.b", "-"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, path, column string) {
		if !Spellable(path) || !Spellable(column) {
			return
		}
		text := Block{Type: "csv", Name: Label(path), Args: []Arg{{"path", cty.StringVal(path)}}, Columns: []Column{{column, "number"}}}.String()
		file, diags := hclsyntax.ParseConfig([]byte(text), "p.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, text)
		}
		block := file.Body.(*hclsyntax.Body).Blocks[0]
		if !hclsyntax.ValidIdentifier(block.Labels[1]) {
			t.Errorf("%q is no name", block.Labels[1])
		}
		got, diags := block.Body.Attributes["path"].Expr.Value(nil)
		if diags.HasErrors() || got.AsString() != path {
			t.Errorf("path %q: %v %v", path, got, diags)
		}
		pairs, diags := hcl.ExprMap(block.Body.Attributes["columns"].Expr)
		if diags.HasErrors() || len(pairs) != 1 {
			t.Fatalf("columns: %v\n%s", diags, text)
		}
		name := hcl.ExprAsKeyword(pairs[0].Key)
		if name == "" {
			v, diags := pairs[0].Key.Value(nil)
			if diags.HasErrors() {
				t.Fatalf("column %q: %v\n%s", column, diags, text)
			}
			name = v.AsString()
		}
		if name != column {
			t.Errorf("column %q is %q", column, name)
		}
	})
}

func TestLabels(t *testing.T) {
	for text, want := range map[string]string{"users": "users", "my-table.v2": "my_table_v2", "2024-01": "rows", "2024_users": "users", "é": "rows", "a b ": "a_b", "": "rows"} {
		if got := Label(text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
	if !Spellable("é") || Spellable("e\u0301") || Spellable("\xff") || !utf8.ValidString(Label("\xff")) {
		t.Error("names that HCL can spell")
	}
}
