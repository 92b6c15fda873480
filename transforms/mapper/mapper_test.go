package mapper_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/mapper"
)

func TestContract(t *testing.T) {
	for _, body := range []string{
		``,
		`set = { x = "k#${row.id}", n = row.n }`,
		`rename = { id = n }`,
		`rename = { id = n, n = id }`,
		`drop = ["id", "tags", "gone"]`,
		`keep = ["n"]`,
		`keep = []`,
		"rename = { id = n }\nkeep = [\"b\"]",
		"set = { n = null, e = row.m.deep[0] }\nrename = { id = n, n = x }\ndrop = [\"ok\"]",
		"set = { x = length(row.tags) }\nkeep = [\"id\"]",
		"set = { x = jsonencode(row) }\nkeep = [\"x\"]",
		"set = { a = row.n * 2 }\nrename = { a = b }\nkeep = [\"b\"]",
	} {
		t.Run(body, func(t *testing.T) { transformtest.Contract(t, mapper.New, body) })
	}
}

func TestMap(t *testing.T) {
	for name, test := range map[string]struct {
		body      string
		row, want string
	}{
		"set adds last":                    {`set = { b = "x${row.a}" }`, `{"a":{"S":"1"}}`, `{"a":{"S":"1"},"b":{"S":"x1"}}`},
		"set replaces in place":            {`set = { a = 2 }`, `{"a":{"S":"1"},"b":{"S":"1"}}`, `{"a":{"N":"2"},"b":{"S":"1"}}`},
		"set sees incoming row":            {`set = { a = row.b, b = row.a }`, `{"a":{"S":"1"},"b":{"S":"2"}}`, `{"a":{"S":"2"},"b":{"S":"1"}}`},
		"null leaves out":                  {`set = { a = null }`, `{"a":{"S":"1"},"b":{"S":"2"}}`, `{"b":{"S":"2"}}`},
		"absent leaves out":                {`set = { a = row.gone }`, `{"a":{"S":"1"},"b":{"S":"2"}}`, `{"b":{"S":"2"}}`},
		"NULL stays NULL":                  {`set = { a = row.b }`, `{"b":{"NULL":true}}`, `{"b":{"NULL":true},"a":{"NULL":true}}`},
		"NULL can be written":              {`set = { a = dynamodb_null() }`, `{"b":{"S":"2"}}`, `{"b":{"S":"2"},"a":{"NULL":true}}`},
		"number keeps spelling":            {`set = { a = row.n }`, `{"n":{"N":"1.500"}}`, `{"n":{"N":"1.500"},"a":{"N":"1.500"}}`},
		"38 digits":                        {`set = { n = row.n + 1 }`, `{"n":{"N":"99999999999999999999999999999999999998"}}`, `{"n":{"N":"99999999999999999999999999999999999999"}}`},
		"rename":                           {`rename = { a = z }`, `{"a":{"S":"1"},"b":{"S":"2"}}`, `{"z":{"S":"1"},"b":{"S":"2"}}`},
		"rename quoted":                    {`rename = { "odd name" = "odder.name" }`, `{"odd name":{"S":"1"}}`, `{"odder.name":{"S":"1"}}`},
		"rename swaps":                     {`rename = { a = b, b = a }`, `{"a":{"S":"1"},"b":{"S":"2"}}`, `{"b":{"S":"1"},"a":{"S":"2"}}`},
		"rename of nothing":                {`rename = { gone = b }`, `{"b":{"S":"2"}}`, `{"b":{"S":"2"}}`},
		"rename then drop":                 {"rename = { a = z }\ndrop = [\"z\"]", `{"a":{"S":"1"},"b":{"S":"2"}}`, `{"b":{"S":"2"}}`},
		"set then rename":                  {"set = { a = \"n\" }\nrename = { a = z }", `{"b":{"S":"2"}}`, `{"b":{"S":"2"},"z":{"S":"n"}}`},
		"set of null, then rename onto it": {"set = { z = null }\nrename = { a = z }", `{"a":{"S":"1"},"z":{"S":"2"}}`, `{"z":{"S":"1"}}`},
		"keep":                             {`keep = ["b", "gone"]`, `{"a":{"S":"1"},"b":{"S":"2"}}`, `{"b":{"S":"2"}}`},
		"nothing left":                     {`drop = ["a"]`, `{"a":{"S":"1"}}`, `{}`},
		"sets and nested stay":             {`drop = ["a"]`, `{"a":{"S":"1"},"s":{"NS":["1","2.0"]},"m":{"M":{"x":{"B":"AA=="}}}}`, `{"s":{"NS":["1","2.0"]},"m":{"M":{"x":{"B":"AA=="}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := transformtest.Apply(t, mapper.New(), test.body, test.row)
			if len(r.Rejects) > 0 || len(r.Rows) != 1 || r.Rows[0] != test.want {
				t.Errorf("got %v %+v, want %s", r.Rows, r.Rejects, test.want)
			}
		})
	}
}

// Rows of one batch may have either of two attributes, both or neither.
func TestRenameOntoAName(t *testing.T) {
	r := transformtest.Apply(t, mapper.New(), `rename = { a = b }`,
		`{"a":{"S":"1"}}`, `{"b":{"N":"2"}}`, `{"a":{"S":"3"},"b":{"S":"4"}}`, `{"c":{"S":"5"}}`)
	want := []string{`{"b":{"S":"1"}}`, `{"b":{"N":"2"}}`, `{"c":{"S":"5"}}`}
	if !slices.Equal(r.Rows, want) {
		t.Errorf("rows %v", r.Rows)
	}
	if len(r.Rejects) != 1 || r.Rejects[0].Code != transforms.CodeRename || r.Rejects[0].Origin.Line != 3 {
		t.Fatalf("rejects %+v", r.Rejects)
	}
	if string(r.Rejects[0].Item) != `{"a":{"S":"3"},"b":{"S":"4"}}` {
		t.Errorf("the dead letter gets %s", r.Rejects[0].Item)
	}
}

func TestExpressionThatFailsRejectsItsRowAlone(t *testing.T) {
	r := transformtest.Apply(t, mapper.New(), `set = { x = row.n, half = row.n / 2, whole = row.n }`,
		`{"n":{"N":"1"}}`, `{"n":{"S":"one"}}`, `{"n":{"N":"3"}}`)
	want := []string{
		`{"n":{"N":"1"},"x":{"N":"1"},"half":{"N":"0.5"},"whole":{"N":"1"}}`,
		`{"n":{"N":"3"},"x":{"N":"3"},"half":{"N":"1.5"},"whole":{"N":"3"}}`,
	}
	if !slices.Equal(r.Rows, want) || len(r.Rejects) != 1 || r.Rejects[0].Operation != "set half" {
		t.Fatalf("%+v", r)
	}
}

// Rows with more attributes than a batch has columns are mapped a row at a time.
func TestWideRows(t *testing.T) {
	var wide strings.Builder
	for i := range 600 {
		fmt.Fprintf(&wide, `"a%03d":{"N":"%d"},`, i, i)
	}
	row := "{" + strings.TrimSuffix(wide.String(), ",") + "}"
	r := transformtest.Apply(t, mapper.New(), `
set = { a599 = row.a598 + 1, fresh = row.a300 }
rename = { a500 = renamed }
drop = ["a400"]`, row, `{"a599":{"S":"x"},"a598":{"N":"1"}}`)
	want := strings.NewReplacer(`"a599":{"N":"599"}`, `"a599":{"N":"599"},"fresh":{"N":"300"}`,
		`"a500":`, `"renamed":`, `"a400":{"N":"400"},`, "").Replace(row)
	if len(r.Rows) != 2 || len(r.Rejects) != 0 {
		t.Fatalf("%d rows, %v", len(r.Rows), r.Rejects)
	}
	if strings.Count(r.Rows[0], ":{") != strings.Count(want, ":{") {
		t.Errorf("got  %s\nwant %s", r.Rows[0], want)
	}
	for _, part := range []string{`"renamed":{"N":"500"}`, `"fresh":{"N":"300"}`, `"a599":{"N":"599"}`, `"a255":{"N":"255"}`, `"a256":{"N":"256"}`} {
		if !strings.Contains(r.Rows[0], part) {
			t.Errorf("%s is missing", part)
		}
	}
	if strings.Contains(r.Rows[0], "a400") || strings.Contains(r.Rows[0], "a500") {
		t.Error("an attribute that should be gone is there")
	}
	if !strings.Contains(r.Rows[1], `"a599":{"N":"2"}`) {
		t.Errorf("second row %s", r.Rows[1])
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		"drop = [\"a\"]\nkeep = [\"b\"]": "Drop and keep together",
		`rename = { a = c, b = c }`:      "Two attributes renamed to one",
		`set = { a = 1, a = 2 }`:         "Name used twice",
		`rename = { a = "" }`:            "empty",
		`set = { a = nosuch(1) }`:        "nosuch",
		`sett = { a = 1 }`:               "set",
	} {
		diags := transformtest.Diagnose(t, mapper.New(), body)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%q: %v, which does not mention %q", body, diags, want)
		}
	}
}

// BenchmarkApply is three attributes set, one renamed and one dropped, in a
// full batch of ten columns.
func BenchmarkApply(b *testing.B) {
	transformtest.Benchmark(b, mapper.New(), `
		set = {
			pk      = "USER#${row.id}"
			country = upper(row.country)
			tier    = row.balance * 1.19 > 100 ? "gold" : "standard"
		}
		rename = { note = "remark" }
		drop   = ["status"]`)
}
