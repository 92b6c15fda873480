package dynamo

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/expr"
)

func compileItem(t testing.TB, text string, role Role) (*ItemProgram, hcl.Diagnostics) {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(text), "p.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %s", text, diags)
	}
	return CompileItem(e, &expr.Scope{
		Static: &hcl.EvalContext{Variables: map[string]cty.Value{
			"var": cty.ObjectVal(map[string]cty.Value{
				"min": cty.NumberIntVal(5), "on": cty.True, "off": cty.False, "i": cty.NumberIntVal(2),
				"states": cty.TupleVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")}),
				"name":   cty.StringVal("odd.name"), "none": cty.ListValEmpty(cty.String),
			}),
		}},
		Run: &expr.Run{}, Sources: map[string][]byte{"p.hcl": []byte(text)},
	}, role)
}

// rendered is the expression with names and values behind it.
func rendered(p *ItemProgram) string {
	var names Placeholders
	text := p.Render(&names)
	return strings.TrimSpace(text + " " + string(names.Append(nil)))
}

func TestFilter(t *testing.T) {
	const n0 = ` ,"ExpressionAttributeNames":{"#n0":"a"}`
	const v = `,"ExpressionAttributeValues":`
	tests := []struct{ text, want string }{
		{`item.a == "x"`, `#n0 = :v0` + n0 + v + `{":v0":{"S":"x"}}`},
		{`"x" != item.a`, `:v0 <> #n0` + n0 + v + `{":v0":{"S":"x"}}`},
		{`item.a > var.min + 1`, `#n0 > :v0` + n0 + v + `{":v0":{"N":"6"}}`},
		{`item.a == 1.50`, `#n0 = :v0` + n0 + v + `{":v0":{"N":"1.5"}}`},
		{`between(item.a, 1, 2)`, `#n0 BETWEEN :v0 AND :v1` + n0 + v + `{":v0":{"N":"1"},":v1":{"N":"2"}}`},
		{`contains(var.states, item.a)`, `#n0 IN (:v0, :v1)` + n0 + v + `{":v0":{"S":"a"},":v1":{"S":"b"}}`},
		{`contains(item.a, "x")`, `contains(#n0, :v0)` + n0 + v + `{":v0":{"S":"x"}}`},
		{`exists(item.a)`, `attribute_exists(#n0)` + n0},
		{`!exists(item.a)`, `attribute_not_exists(#n0)` + n0},
		{`begins_with(item.a, upper("x"))`, `begins_with(#n0, :v0)` + n0 + v + `{":v0":{"S":"X"}}`},
		{`size(item.a) > 3`, `size(#n0) > :v0` + n0 + v + `{":v0":{"N":"3"}}`},
		{`attribute_type(item.a, "NS")`, `attribute_type(#n0, :v0)` + n0 + v + `{":v0":{"S":"NS"}}`},
		{`item.a == dynamodb_null()`, `#n0 = :v0` + n0 + v + `{":v0":{"NULL":true}}`},
		{`item.a.b[0].a == item.c`, `#n0.#n1[0].#n0 = #n2 ,"ExpressionAttributeNames":{"#n0":"a","#n1":"b","#n2":"c"}`},
		{`exists(item["odd.name"])`, `attribute_exists(#n0) ,"ExpressionAttributeNames":{"#n0":"odd.name"}`},
		{`exists(item[var.name][var.i])`, `attribute_exists(#n0[2]) ,"ExpressionAttributeNames":{"#n0":"odd.name"}`},
		{"exists(item[\"e\u0301\"])", "attribute_exists(#n0) ,\"ExpressionAttributeNames\":{\"#n0\":\"e\u0301\"}"},
	}
	for _, test := range tests {
		p, diags := compileItem(t, test.text, Filter)
		if diags.HasErrors() {
			t.Errorf("%s: %s", test.text, diags)
			continue
		}
		if got := rendered(p); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

// Parentheses stand where DynamoDB's precedence needs them and nowhere else:
// it refuses redundant ones.
func TestFilterPrecedence(t *testing.T) {
	tests := []struct{ text, want string }{
		{`exists(item.a) && exists(item.b) && exists(item.c)`, `A AND B AND C`},
		{`exists(item.a) && (exists(item.b) && exists(item.c))`, `A AND B AND C`},
		{`exists(item.a) || exists(item.b) && exists(item.c)`, `A OR B AND C`},
		{`(exists(item.a) || exists(item.b)) && exists(item.c)`, `(A OR B) AND C`},
		{`((exists(item.a)))`, `A`},
		{`!(exists(item.a) && exists(item.b))`, `NOT (A AND B)`},
		{`!(begins_with(item.a, "x"))`, `NOT begins_with(#n0, :v0)`},
		{`!!(exists(item.a) || exists(item.b))`, `A OR B`},
		{`!(exists(item.a) || exists(item.b)) && exists(item.c)`, `NOT (A OR B) AND C`},
		{`var.on && exists(item.a)`, `A`},
		{`var.off || exists(item.a)`, `A`},
		{`exists(item.a) || !var.off`, ``},
		{`exists(item.a) || contains(var.none, item.b)`, `A`},
	}
	for _, test := range tests {
		p, diags := compileItem(t, test.text, Filter)
		if diags.HasErrors() {
			t.Errorf("%s: %s", test.text, diags)
			continue
		}
		got := strings.NewReplacer("attribute_exists(#n0)", "A", "attribute_exists(#n1)", "B", "attribute_exists(#n2)", "C").Replace(p.Render(&Placeholders{}))
		if got != test.want {
			t.Errorf("%s\n got %q\nwant %q", test.text, got, test.want)
		}
	}
}

func TestItemDiagnostics(t *testing.T) {
	many := strings.Repeat(`exists(item.a) || `, 200) + "exists(item.b)"
	tests := []struct {
		name, text string
		role       Role
		column     int
		want       string // in summary or detail
	}{
		{"arithmetic", `item.a + 1 > 2`, Filter, 1, "arithmetic"},
		{"function over item", `exists(item.a) && lower(item.b) == "x"`, Filter, 19, "lower()"},
		{"conditional", `item.a ? true : false`, Filter, 1, "conditional"},
		{"template", `"x${item.a}" == "xy"`, Filter, 1, "templates"},
		{"bare attribute", `!item.a`, Filter, 2, "item.active == true"},
		{"null", `item.a == null`, Filter, 11, "!exists"},
		{"whole item", `item == "x"`, Filter, 1, "item.name"},
		{"row", `item.a == row.b`, Filter, 11, "before there is a row"},
		{"no item", `1 == 1`, Filter, 1, ""},
		{"never", `exists(item.a) && var.off`, Filter, 1, "false whatever is stored"},
		{"ordered bool", `item.a < true`, Filter, 10, "orders"},
		{"bounds of two types", `between(item.a, 1, "x")`, Filter, 1, "one type"},
		{"bounds out of order", `between(item.a, 2, 1)`, Filter, 1, "lower bound"},
		{"size against text", `size(item.a) > "3"`, Filter, 16, "size() is a number"},
		{"bare size", `size(item.a)`, Filter, 1, "Compare it"},
		{"unknown type", `attribute_type(item.a, "string")`, Filter, 24, "BOOL"},
		{"misspelt", `begin_with(item.a, "x")`, Filter, 1, "begins_with"},
		{"arity", `exists(item.a, item.b)`, Filter, 1, "exists(item.x)"},
		{"stored index", `exists(item.a[item.b])`, Filter, 15, "known here"},
		{"splat", `exists(item.a[*].b)`, Filter, 8, "loops"},
		{"computed part fails", `item.a == nosuch("x")`, Filter, 11, "nosuch"},
		{"too many operators", many, Filter, 1, "operators"},
		{"key: no equality", `item.pk > 1`, KeyCondition, 1, "partition key equal"},
		{"key: or", `item.pk == 1 || item.pk == 2`, KeyCondition, 1, "partition key equal"},
		{"key: three", `item.a == 1 && item.b == 2 && item.c == 3`, KeyCondition, 1, "partition key equal"},
		{"key: path", `item.a.b == 1`, KeyCondition, 1, "partition key equal"},
		{"key: not equal", `item.a == 1 && item.b != 1`, KeyCondition, 1, "partition key equal"},
		{"key: contains", `item.a == 1 && contains(item.b, "x")`, KeyCondition, 1, "partition key equal"},
		{"key: bool", `item.a == true`, KeyCondition, 1, "partition key equal"},
		{"key: constant", `var.on`, KeyCondition, 1, "whatever is stored"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, diags := compileItem(t, test.text, test.role)
			if test.name == "no item" {
				if diags.HasErrors() {
					t.Errorf("a filter that always holds is none: %s", diags)
				}
				return
			}
			if len(diags.Errs()) != 1 {
				t.Fatalf("%d errors, want one: %v", len(diags.Errs()), diags)
			}
			if got := diags[0].Subject.Start.Column; got != test.column || !strings.Contains(diags[0].Summary+diags[0].Detail, test.want) {
				t.Errorf("column %d: %s: %s\nwant column %d with %q", got, diags[0].Summary, diags[0].Detail, test.column, test.want)
			}
		})
	}
}

func TestManyValues(t *testing.T) {
	list := func(n int) string { return `contains([` + strings.Repeat(`"x",`, n) + `], item.a)` }
	if _, diags := compileItem(t, list(100), Filter); diags.HasErrors() {
		t.Error(diags)
	}
	if _, diags := compileItem(t, list(101), Filter); !diags.HasErrors() {
		t.Error("101 values passed")
	}
}

func TestTextLimit(t *testing.T) {
	long := strings.Repeat(`item.abc.def.ghi.jkl.mno.pqr.stu == item.bcd.efg.hij.klm.nop.qrs.tuv || `, 99) + `exists(item.b)`
	_, diags := compileItem(t, long, Filter)
	if !diags.HasErrors() || !strings.Contains(diags.Error(), "bytes long") {
		t.Errorf("got %v", diags)
	}
}

func TestKeyCondition(t *testing.T) {
	for text, want := range map[string]string{
		`item.pk == "a"`:                               "#n0 = :v0",
		`"a" == item.pk && 3 <= item.sk`:               "#n0 = :v0 AND #n1 >= :v1",
		`item.pk == "a" && begins_with(item.sk, "b")`:  "#n0 = :v0 AND begins_with(#n1, :v1)",
		`between(item.sk, "a", "b") && item.pk == "a"`: "#n0 BETWEEN :v0 AND :v1 AND #n1 = :v2",
		`(item.pk == "a" && item.sk < 5)`:              "#n0 = :v0 AND #n1 < :v1",
	} {
		p, diags := compileItem(t, text, KeyCondition)
		if diags.HasErrors() {
			t.Errorf("%s: %s", text, diags)
			continue
		}
		if got := p.Render(&Placeholders{}); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
		if keys := p.Keys(); keys[0].Name != "pk" && keys[1].Name != "pk" {
			t.Errorf("%s: keys %+v", text, keys)
		}
	}
}
