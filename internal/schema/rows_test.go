package schema_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

func decodeOne(t *testing.T, src string, arg schema.Arg) hcl.Diagnostics {
	t.Helper()
	whole := "block \"x\" {\n" + src + "\n}\n"
	file, diags := hclsyntax.ParseConfig([]byte(whole), "p.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	static := &hcl.EvalContext{
		Functions: expr.Functions(nil, true),
		Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{"folder": cty.StringVal("out")}), "local": cty.EmptyObjectVal},
	}
	d := schema.Decoder{Static: static, Scope: &expr.Scope{Static: static, Sources: map[string][]byte{"p.hcl": []byte(whole)}}}
	_, diags = d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], schema.Block{Args: []schema.Arg{arg}})
	return diags
}

// A text that may use the row: what is fixed in it, by part.
func TestText(t *testing.T) {
	for src, want := range map[string]string{
		`text = "a.csv"`:                               "fixed a.csv",
		`text = "${var.folder}/a.csv"`:                 "fixed out/a.csv",
		`text = "${var.folder}/${row.a}-${1 + 1}.csv"`: "out|/|*|-|2|.csv",
		`text = row.a`:                                 "*",
		`text = format("%s/x", row.a)`:                 "*",
		`text = "${meta.file}"`:                        "*",
	} {
		var got schema.Template
		if diags := decodeOne(t, src, schema.Text("text", &got, "A text.")); len(diags) > 0 {
			t.Errorf("%s: %v", src, diags)
			continue
		}
		text := "fixed " + got.Text
		if got.Parts != nil {
			var parts []string
			for _, p := range got.Parts {
				literal, ok := schema.Literal(p)
				if !ok {
					literal = "*"
				}
				parts = append(parts, literal)
			}
			text = strings.Join(parts, "|")
		}
		if text != want {
			t.Errorf("%s: %s, not %s", src, text, want)
		}
	}
	for src, want := range map[string]string{
		`text = [row.a]`:              "gives list",
		`text = "${rov.a}"`:           "rov",
		`text = "${[row.a]}/x"`:       "list",
		`text = "${row.a}/${varr.x}"`: "varr",
		``:                            "Missing",
	} {
		var got schema.Template
		if diags := decodeOne(t, src, schema.Text("text", &got, "A text.").Require()); !diags.HasErrors() || !strings.Contains(diags.Error(), want) || got.Parts != nil {
			t.Errorf("%s: %v, which does not mention %q", src, diags, want)
		}
	}
}

// Functions of an argument's own, with what can be wrong with them.
func TestCalls(t *testing.T) {
	forms := []schema.CallForm{{Name: "count"}, {Name: "sum", Args: 1, Want: expr.Number | expr.String}}
	var got []schema.NamedCall
	if diags := decodeOne(t, `set = { n = count(), "odd name" = sum(row.a * 2) }`, schema.Calls("set", &got, forms, "Calls.")); len(diags) > 0 {
		t.Fatal(diags)
	}
	if len(got) != 2 || got[0].Function != "count" || got[0].Arg != nil || got[1].Name != "odd name" || got[1].Arg.Source() != "row.a * 2" {
		t.Errorf("%+v", got)
	}
	for src, want := range map[string]string{
		`set = { n = count(row.a) }`:       "no argument, not 1",
		`set = { n = sum(row.a, row.b) }`:  "1 argument, not 2",
		`set = { n = sum(row.a...) }`:      "1 argument",
		`set = { n = sun(row.a) }`:         `Did you mean "sum"`,
		`set = { n = 1 }`:                  "map transform after this one",
		`set = { n = sum({ a = row.a }) }`: "gives map",
		`set = row.a`:                      "names and values in braces",
	} {
		if diags := decodeOne(t, src, schema.Calls("set", &got, forms, "Calls.")); !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%s: %v, which does not mention %q", src, diags, want)
		}
	}
}
