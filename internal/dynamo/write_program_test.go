package dynamo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// write is a block with the expressions of a write.
type write struct {
	condition *schema.ItemExpr
	clauses   Clauses
}

func (w *write) schema() schema.Block {
	return schema.Block{Args: []schema.Arg{
		schema.Item("condition", &w.condition, "."),
		schema.Items("set", &w.clauses.Set, "."), schema.Items("add", &w.clauses.Add, "."), schema.Items("delete", &w.clauses.Delete, "."),
		schema.Strings("remove", &w.clauses.Remove, "."),
		schema.Bool("others", &w.clauses.Others, "."),
	}}
}

func compileWrite(t testing.TB, body string) (*WriteProgram, hcl.Diagnostics) {
	t.Helper()
	src := []byte("w {\n" + body + "\n}\n")
	file, diags := hclsyntax.ParseConfig(src, "p.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %s", body, diags)
	}
	static := &hcl.EvalContext{Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{"one": cty.NumberIntVal(1)}), "local": cty.EmptyObjectVal}}
	d := &schema.Decoder{Static: static, Scope: &expr.Scope{Static: static, Run: &expr.Run{}, Sources: map[string][]byte{"p.hcl": src}}}
	w := &write{}
	if _, diags := d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], w.schema()); diags.HasErrors() {
		return nil, diags
	}
	return CompileWrite(w.condition, w.clauses)
}

func rows(t testing.TB, items ...string) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i, item := range items {
		if err := b.AddItem([]byte(item)); err != nil {
			t.Fatal(err)
		}
		b.EndRow(record.Pos{File: -1, Seq: int64(i)})
	}
	return b.Batch(&record.Place{Source: "source.test.rows", Segment: -1})
}

// members spells the text, names and values so that they can be compared.
func members(update, condition, names, values string) string {
	var out string
	for _, m := range [][2]string{{"UpdateExpression", update}, {"ConditionExpression", condition}} {
		if m[1] != "" {
			out += fmt.Sprintf(`,%q:%q`, m[0], m[1])
		}
	}
	if names != "" {
		var pairs []string
		for i, name := range strings.Fields(names) {
			pairs = append(pairs, fmt.Sprintf(`"#n%d":%q`, i, name))
		}
		out += `,"ExpressionAttributeNames":{` + strings.Join(pairs, ",") + "}"
	}
	if values != "" {
		var pairs []string
		for i, value := range strings.Fields(values) {
			pairs = append(pairs, fmt.Sprintf(`":v%d":%s`, i, value))
		}
		out += `,"ExpressionAttributeValues":{` + strings.Join(pairs, ",") + "}"
	}
	return out
}

func TestWriteExpressions(t *testing.T) {
	const row = `{"pk":{"S":"a"},"n":{"N":"2"},"s":{"S":"x"},"t":{"SS":["u"]},"l":{"L":[{"N":"1"}]},"z":{"NULL":true},"b":{"BOOL":true}}`
	for body, want := range map[string]string{
		`condition = !exists(item.pk) || item.at < row.n`:  members("", "attribute_not_exists(#n0) OR #n1 < :v0", "pk at", `{"N":"2"}`),
		`condition = row.b || item.at < row.n + var.one`:   members("", ":v0 = :v1 OR #n0 < :v2", "at", `{"BOOL":true} {"BOOL":true} {"N":"3"}`),
		`condition = contains([row.s, "y", null], item.s)`: members("", "#n0 IN (:v0, :v1, :v2)", "s", `{"S":"x"} {"S":"y"} {"NULL":true}`),
		`condition = contains([row.none], item.s)`:         members("", "#n0 IN (:v0)", "s", `{"NULL":true}`),
		`condition = item.z == row.z`:                      members("", "#n0 = :v0", "z", `{"NULL":true}`),
		`condition = begins_with(item.s, row.s)`:           members("", "begins_with(#n0, :v0)", "s", `{"S":"x"}`),
		`set = { n = row.n, gone = row.none, lit = null }`: members("SET #n0 = :v0", "", "n", `{"N":"2"}`),
		`set = { gone = row.none }`:                        "",
		`set = { z = row.z }`:                              members("SET #n0 = :v0", "", "z", `{"NULL":true}`),
		`set = { "a.b[2]" = 1, "[\"x.y\"]" = 2 }`:          members("SET #n0.#n1[2] = :v0, #n2 = :v1", "", "a b x.y", `{"N":"1"} {"N":"2"}`),
		`set = { n = item.n + row.n * 2 }`:                 members("SET #n0 = #n0 + :v0", "", "n", `{"N":"4"}`),
		`set = { n = if_not_exists(item.n, 0) - (row.n) }`: members("SET #n0 = if_not_exists(#n0, :v0) - :v1", "", "n", `{"N":"0"} {"N":"2"}`),
		`set = { n = if_not_exists(item.n, row.none) }`:    "",
		`set = { l = list_append(if_not_exists(item.l, []), row.l) }`: members("SET #n0 = list_append(if_not_exists(#n0, :v0), :v1)", "", "l",
			`{"L":[]} {"L":[{"N":"1"}]}`),
		`set = { a = item["odd name"].b }`: `,"UpdateExpression":"SET #n0 = #n1.#n2","ExpressionAttributeNames":{"#n0":"a","#n1":"odd name","#n2":"b"}`,
		"set = { a = 1 }\nadd = { n = row.n, t = row.t, no = row.none }\nremove = [\"r\", \"m.x\"]\ndelete = { d = row.t }\ncondition = exists(item.a)": members(
			"SET #n0 = :v0 REMOVE #n1, #n2.#n3 ADD #n4 :v1, #n5 :v2 DELETE #n6 :v3", "attribute_exists(#n0)", "a r m x n t d", `{"N":"1"} {"N":"2"} {"SS":["u"]} {"SS":["u"]}`),
		`others = true`: members("SET #n0 = :v0, #n1 = :v1, #n2 = :v2, #n3 = :v3, #n4 = :v4, #n5 = :v5", "", "n s t l z b",
			`{"N":"2"} {"S":"x"} {"SS":["u"]} {"L":[{"N":"1"}]} {"NULL":true} {"BOOL":true}`),
	} {
		p, diags := compileWrite(t, body)
		if diags.HasErrors() {
			t.Errorf("%s: %s", body, diags)
			continue
		}
		if err := p.CheckKeys("t", []string{"pk"}); err != nil {
			t.Error(err)
		}
		b := rows(t, row)
		p.Begin(b)
		for range 2 { // made, and found again
			got, err := p.Append(nil, 0)
			if err != nil || string(got) != want {
				t.Errorf("%s (%v)\n got %s\nwant %s", body, err, got, want)
			}
		}
		p.End()
		b.Release()
	}
}

// What a row changes decides the text; the row before leaves nothing behind.
func TestRowsOfDifferentShapes(t *testing.T) {
	p, diags := compileWrite(t, `others = true`)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if err := p.CheckKeys("t", []string{"pk"}); err != nil {
		t.Fatal(err)
	}
	for _, batch := range [][]string{
		{`{"pk":{"S":"1"},"a":{"N":"1"}}`, `{"pk":{"S":"2"},"b":{"N":"2"}}`, `{"pk":{"S":"3"}}`, `{"pk":{"S":"4"},"a":{"N":"4"}}`},
		{`{"c":{"N":"1"},"pk":{"S":"1"}}`, `{"a":{"N":"2"},"pk":{"S":"1"}}`},
	} {
		b := rows(t, batch...)
		p.Begin(b)
		for i, row := range batch {
			want := ""
			for _, name := range []string{"a", "b", "c"} {
				if _, value, ok := strings.Cut(row, `"`+name+`":`); ok {
					value, _, _ = strings.Cut(value, "}")
					want = members("SET #n0 = :v0", "", name, value+"}")
				}
			}
			if got, err := p.Append(nil, i); err != nil || string(got) != want {
				t.Errorf("%s (%v)\n got %s\nwant %s", row, err, got, want)
			}
		}
		p.End()
		b.Release()
	}
}

// Attributes that have no column of their own are set like the others.
func TestOtherAttributesBeyondTheColumns(t *testing.T) {
	p, diags := compileWrite(t, `others = true`)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if err := p.CheckKeys("t", []string{"pk"}); err != nil {
		t.Fatal(err)
	}
	items := make([]string, record.MaxColumns+50)
	for i := range items {
		items[i] = fmt.Sprintf(`{"a%d":{"N":"%d"},"pk":{"S":"a"}}`, i, i)
	}
	b := rows(t, items...)
	defer b.Release()
	if !b.HasOverflow() {
		t.Fatal("every attribute has a column")
	}
	p.Begin(b)
	defer p.End()
	for i := range items {
		want := members("SET #n0 = :v0", "", fmt.Sprintf("a%d", i), fmt.Sprintf(`{"N":"%d"}`, i))
		if got, err := p.Append(nil, i); err != nil || string(got) != want {
			t.Fatalf("row %d (%v)\n got %s\nwant %s", i, err, got, want)
		}
	}
}

func TestRowsThatExpressionsRefuse(t *testing.T) {
	wide := `{"pk":{"S":"a"}`
	for i := range 300 {
		wide += fmt.Sprintf(`,"a%03d":{"N":"1"}`, i)
	}
	for _, c := range [][3]string{
		{`condition = item.a < row.none`, `{"pk":{"S":"a"}}`, "row.none is null for this row"},
		{`condition = item.a < row.x`, `{"x":{"BOOL":true}}`, "DynamoDB orders strings, numbers and binaries, and row.x is a bool for this row"},
		{`condition = size(item.a) > row.x`, `{"x":{"S":"3"}}`, "size() is a number, and row.x is a string"},
		{`condition = begins_with(item.a, row.x)`, `{"x":{"N":"3"}}`, "begins_with() takes a string or a binary"},
		{`condition = row.x || exists(item.a)`, `{"x":{"N":"3"}}`, ""},
		{`add = { n = row.x }`, `{"x":{"S":"3"}}`, "ADD takes a number, or a set to add to a set, and row.x is a string"},
		{`add = { n = row.x }`, `{"x":{"NULL":true}}`, "row.x is a null"},
		{`delete = { n = row.x }`, `{"x":{"N":"3"}}`, "DELETE takes a set"},
		{`set = { n = item.n + row.x }`, `{"x":{"S":"3"}}`, "+ and - take numbers"},
		{`set = { n = item.n + row.x }`, `{}`, "row.x is null"},
		{`set = { n = list_append(item.n, row.x) }`, `{"x":{"S":"3"}}`, "list_append() takes lists"},
		{`others = true`, wide + "}", "sets too many attributes"},
	} {
		p, diags := compileWrite(t, c[0])
		if diags.HasErrors() {
			t.Errorf("%s: %s", c[0], diags)
			continue
		}
		b := rows(t, c[1])
		p.Begin(b)
		if _, err := p.Append(nil, 0); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s on %.60s: %v, want %s", c[0], c[1], err, c[2])
		}
		p.End()
		b.Release()
	}
}

func TestWriteDiagnostics(t *testing.T) {
	long := "set = {\n"
	for i := range 400 {
		long += fmt.Sprintf("a%d = 1\n", i)
	}
	for _, c := range []struct {
		body         string
		line, column int
		want         string
	}{
		{`condition = row.a > 1`, 2, 13, "filter transform"},
		{`condition = item.a == null`, 2, 23, "!exists(item.x)"},
		{`condition = item[row.a] == 1`, 2, 18, "Not the same for every row"},
		{`condition = contains(row.list, item.a)`, 2, 22, "Not the same for every row"},
		{`condition = item.a + 1 > row.x`, 2, 13, "arithmetic"},
		{`condition = if_not_exists(item.a, 1) > row.x`, 2, 13, "if_not_exists() over the stored item"},
		{`set = { a = item.a * 2 }`, 2, 13, "one + or - between two"},
		{`set = { a = item.a + 1 + row.b }`, 2, 13, "one + or - in a clause"},
		{`set = { a = item.a + "1" }`, 2, 22, "+ and - take numbers, and this is a string"},
		{`set = { a = item.a + null }`, 2, 22, "null"},
		{`set = { a = row.x ? item.a : 1 }`, 2, 13, "conditionals"},
		{`set = { a = "x${item.a}" }`, 2, 13, "templates"},
		{`set = { a = exists(item.a) }`, 2, 13, "exists() over the stored item"},
		{`set = { a = if_not_exist(item.a, 1) }`, 2, 13, `Did you mean "if_not_exists"`},
		{`set = { a = if_not_exists(item.a) }`, 2, 13, "if_not_exists(item.x, v)"},
		{`set = { a = if_not_exists(row.a, item.b) }`, 2, 27, "An attribute of the stored item is expected"},
		{`set = { a = list_append(item.a, 1) }`, 2, 33, "list_append() takes lists, and this is a number"},
		{`set = { "a..b" = 1 }`, 2, 9, "no attribute path"},
		{`set = { "[0]" = 1 }`, 2, 9, "starts with an index"},
		{`add = { a = item.b }`, 2, 13, "nothing that is stored"},
		{`add = { a = "x" }`, 2, 13, "ADD takes a number"},
		{`delete = { a = 1 }`, 2, 16, "DELETE takes a set"},
		{"set = { a = 1 }\nadd = { a = 1 }", 3, 9, "overlap"},
		{"set = {\na = 1\n\"a.b\" = 2\n}", 4, 1, "overlap"},
		{`set = { a = nosuch(row.x) }`, 2, 13, "nosuch"},
		{long + "}", 3, 1, "bytes long"},
	} {
		_, diags := compileWrite(t, c.body)
		if len(diags.Errs()) != 1 {
			t.Errorf("%.60s: %d errors, want one: %v", c.body, len(diags.Errs()), diags)
			continue
		}
		at := diags[0].Subject.Start
		if at.Line != c.line || at.Column != c.column || !strings.Contains(diags[0].Summary+diags[0].Detail, c.want) {
			t.Errorf("%.60s\n%d:%d: %s: %s\nwant %d:%d with %q", c.body, at.Line, at.Column, diags[0].Summary, diags[0].Detail, c.line, c.column, c.want)
		}
	}
}

func TestKeysStay(t *testing.T) {
	p, _ := compileWrite(t, `set = { "sk.x" = 1 }`)
	if err := p.CheckKeys("users", []string{"pk", "sk"}); err == nil || !strings.Contains(err.Error(), "sk is part of the key of table users") || !strings.Contains(err.Error(), "p.hcl:2,") {
		t.Errorf("error: %v", err)
	}
}

func TestRepeatable(t *testing.T) {
	for body, want := range map[string]bool{
		`set = { a = row.x }`: true, `remove = ["a"]`: true, `delete = { a = row.x }`: true, `set = { a = if_not_exists(item.a, 1) }`: true,
		`add = { a = 1 }`: false, `set = { a = item.a + 1 }`: false, `set = { a = item.b }`: false, `set = { a = list_append(item.a, row.x) }`: false,
	} {
		if p, diags := compileWrite(t, body); diags.HasErrors() || p.Repeatable() != want {
			t.Errorf("%s: %v", body, diags)
		}
	}
}

// BenchmarkWriteProgram is the cost of the expressions of one row.
func BenchmarkWriteProgram(b *testing.B) {
	for name, body := range map[string]string{
		"set":       "set = {\nname = row.name\nat = row.at\n}\nadd = { n = row.n }\ncondition = item.at < row.at",
		"others":    "others = true",
		"condition": "condition = !exists(item.pk) || item.at < row.at",
	} {
		b.Run(name, func(b *testing.B) {
			p, diags := compileWrite(b, body)
			if diags.HasErrors() {
				b.Fatal(diags)
			}
			_ = p.CheckKeys("t", []string{"pk"})
			batch := rows(b, `{"pk":{"S":"a"},"name":{"S":"A name, of two parts"},"at":{"S":"2021-03-04T05:06:07Z"},"n":{"N":"42"},"vip":{"BOOL":true}}`)
			defer batch.Release()
			p.Begin(batch)
			defer p.End()
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = p.Append(dst[:0], 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
