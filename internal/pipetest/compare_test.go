package pipetest

import (
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
)

func readAll(t *testing.T, text string) []attr.Value {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(text), "x.test.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	r := &rowReader{scope: &expr.Scope{Shape: expr.Shape{Rest: expr.Null}}}
	all, ok := r.read(e)
	if !ok {
		t.Fatal(r.diags)
	}
	var out []attr.Value
	for _, row := range all {
		out = append(out, row.Value)
	}
	return out
}

func TestAlign(t *testing.T) {
	for _, test := range []struct {
		name, want, have string
		ordered          bool
		kinds            []DifferenceKind
	}{
		{"equal as DynamoDB has it", `[{n = 1, s = string_set(["a", "b"])}]`, `[{s = string_set(["b", "a"]), n = 1.0}]`, true, nil},
		{"38 digits", `[{n = 12345678901234567890123456789012345678}]`, `[{n = 12345678901234567890123456789012345677}]`, true, []DifferenceKind{Changed}},
		{"text is no number", `[{n = 1, i = 1}]`, `[{n = "1", i = 1}]`, false, []DifferenceKind{Changed}},
		{"NULL is not absent", `[{i = 1, n = dynamodb_null()}]`, `[{i = 1, n = null}]`, true, []DifferenceKind{Changed}},
		{"missing in the middle", `[{i = 1}, {i = 2}, {i = 3}]`, `[{i = 1}, {i = 3}]`, true, []DifferenceKind{Missing}},
		{"extra at the start", `[{i = 1}]`, `[{i = 0}, {i = 1}]`, true, []DifferenceKind{Extra}},
		{"order", `[{i = 1}, {i = 2}]`, `[{i = 2}, {i = 1}]`, true, []DifferenceKind{Moved}},
		{"any order", `[{i = 1}, {i = 2}]`, `[{i = 2}, {i = 1}]`, false, nil},
		{"the same row twice", `[{i = 1}, {i = 1}]`, `[{i = 1}]`, false, []DifferenceKind{Missing}},
		{"twice where once was expected", `[{i = 1}]`, `[{i = 1}, {i = 1}]`, false, []DifferenceKind{Extra}},
		{"the one most alike", `[{i = 1, a = 1, b = 1}]`, `[{i = 2, a = 1, b = 2}, {i = 1, a = 1, b = 2}]`, false, []DifferenceKind{Changed, Extra}},
	} {
		want, have := readAll(t, test.want), readAll(t, test.have)
		var kinds []DifferenceKind
		for _, p := range align(want, have, test.ordered) {
			if d, differs := difference(want, have, p); differs {
				kinds = append(kinds, d.Kind)
			}
		}
		if !slices.Equal(kinds, test.kinds) {
			t.Errorf("%s: %v, not %v", test.name, kinds, test.kinds)
		}
	}
}

// TestSpelledIsRead: what is shown of a row can be written in a test.
func TestSpelledIsRead(t *testing.T) {
	const text = `[{ "odd name" = "a\"${"$"}{b}\n", b = binary("aGk="), bs = binary_set(["aGk="]), e = {}, f = false, l = [1, null, { x = "y" }], ` +
		`n = -0.10, none = dynamodb_null(), ns = number_set([10, 9]), "null" = 1, ss = string_set(["é", "b"]) }]`
	row := readAll(t, text)[0]
	again := readAll(t, "["+Spell(row)+"]")[0]
	if !attr.Equal(row, again) || len(row.Fields()) != 11 {
		t.Errorf("%s was read as\n%s", Spell(row), Spell(again))
	}
}
