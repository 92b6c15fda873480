package expr

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// vars is a scope with variables and locals.
func vars() Scope {
	return Scope{Static: &hcl.EvalContext{Variables: map[string]cty.Value{
		"var": cty.ObjectVal(map[string]cty.Value{
			"table":  cty.StringVal("users"),
			"limit":  cty.NumberIntVal(100),
			"secret": cty.StringVal("hunter2").Mark("sensitive"),
			"on":     cty.True,
			"none":   cty.NullVal(cty.String),
			"list":   cty.ListVal([]cty.Value{cty.StringVal("a"), cty.StringVal("z")}),
			"later":  cty.UnknownVal(cty.String),
		}),
		"local": cty.ObjectVal(map[string]cty.Value{
			"map": cty.ObjectVal(map[string]cty.Value{"x": cty.NumberIntVal(1), "y": cty.ObjectVal(map[string]cty.Value{"z": cty.True})}),
			"set": cty.SetVal([]cty.Value{cty.StringVal("p"), cty.StringVal("q")}),
		}),
	}}}
}

func TestReferences(t *testing.T) {
	runCases(t, vars(), []evalCase{
		{`row.id`, `{"S":"42"}`},
		{`row["odd name"]`, `{"S":"odd"}`},
		{`row["${"odd"} name"]`, `{"S":"odd"}`},
		{`row[row.missing == null ? "id" : "name"]`, `{"S":"42"}`},
		{`row.missing`, `null`},
		{`row.gone`, `null`},
		{`row.gone.deeper[3].x`, `null`},
		{`row.address.city`, `{"S":"London"}`},
		{`row.address["city"]`, `{"S":"London"}`},
		{`row.address.geo.lat`, `{"N":"51.5"}`},
		{`row.address.nothing.here`, `null`},
		{`row.tags[0]`, `{"S":"a"}`},
		{`row.tags[row.n - 6]`, `{"S":"b"}`},
		{`row.tags["1"]`, `{"S":"b"}`},
		{`row.tags[9]`, `null`},
		{`row.tags.0`, `{"S":"a"}`},
		{`row.tags[-1]`, `error: counts from 0`},
		{`row.tags[0.5]`, `error: whole number`},
		{`row.tags[row.missing]`, `error: row.missing is null, not an index`},
		{`row.tags.first`, `error: row.tags is a list, which has no attribute "first"`},
		{`row.name.first`, `error: row.name is text "Ada", which has no attribute "first"`},
		{`row.name[0]`, `error: row.name is text "Ada", which has no elements`},
		{`row.ss[0]`, `error: tolist(row.ss)`},
		{`row.total-row.tax`, `{"N":"3"}`},
		{`row.balance`, `{"N":"100.50"}`},
		{`(row).id`, `{"S":"42"}`},
		{`meta.source`, `{"S":"source.csv.users"}`},
		{`meta.file`, `{"S":"data/users.csv"}`},
		{`meta.line`, `{"N":"2"}`},
		{`meta.segment`, `null`},
		{`var.table`, `{"S":"users"}`},
		{`var.none`, `null`},
		{`var.list[1]`, `{"S":"z"}`},
		{`local.map.y.z`, `{"BOOL":true}`},
		{`local.set`, `{"SS":["p","q"]}`},
		{`local.map`, `{"M":{"x":{"N":"1"},"y":{"M":{"z":{"BOOL":true}}}}}`},
	})
}

func TestOperators(t *testing.T) {
	runCases(t, vars(), []evalCase{
		{`0.1 + 0.2 == 0.3`, `{"BOOL":true}`},
		{`0.1 + 0.2`, `{"N":"0.3"}`},
		{`1.1 * 1.1 * 1.1`, `{"N":"1.331"}`},
		{`1 / 3`, `{"N":"0.33333333333333333333333333333333333333"}`},
		{`2 / 3`, `{"N":"0.66666666666666666666666666666666666667"}`},
		{`row.big + 1`, `{"N":"100000000000000000000000000000000000000"}`},
		{`row.big * 10 + 4`, `{"N":"999999999999999999999999999999999999990"}`},
		{`row.balance - 0.5`, `{"N":"100"}`},
		{`row.zip + 1`, `{"N":"1235"}`},
		{`-row.n`, `{"N":"-7"}`},
		{`-row.neg`, `{"N":"7"}`},
		{`7 % 3`, `{"N":"1"}`},
		{`row.neg % 3`, `{"N":"-1"}`},
		{`7 % -3`, `{"N":"1"}`},
		{`5.5 % 2`, `{"N":"1.5"}`},
		{`row.big % 1e-100`, `{"N":"0"}`},
		{`1 / 0`, `error: division by zero`},
		{`row.n / (row.n - 7)`, `error: division by zero`},
		{`row.n % 0`, `error: division by zero`},
		{`1e125 * 10`, `error: out of the range`},
		{`row.big * 1e100 * 1e10`, `error: out of the range`},
		{`row.name * 2`, `error: row.name is text "Ada", not a number`},
		{`row.missing + 1`, `error: row.missing is null, not a number`},
		{`row.gone < 1`, `error: row.gone is null, not a number`},
		{`row.vip + 1`, `error: row.vip is bool true, not a number`},
		{`"abc" * 2`, `error: text "abc" is not a number`},
		{`row.balance > 100`, `{"BOOL":true}`},
		{`row.zip < 2000`, `{"BOOL":true}`},
		{`"10" > "9"`, `{"BOOL":true}`},
		{`row.name > "A"`, `error: not a number`},
		{`row.n >= 7 && row.n <= 7`, `{"BOOL":true}`},
		{`row.balance == 100.5`, `{"BOOL":true}`},
		{`row.exp == 1200`, `{"BOOL":true}`},
		{`row.id == 42`, `{"BOOL":false}`},
		{`row.id != 42`, `{"BOOL":true}`},
		{`row.missing == null`, `{"BOOL":true}`},
		{`row.gone == null`, `{"BOOL":true}`},
		{`row.gone == row.missing`, `{"BOOL":true}`},
		{`row.name != null`, `{"BOOL":true}`},
		{`row.ss == toset(["a", "b"])`, `{"BOOL":true}`},
		{`row.tags == ["a", "b"]`, `{"BOOL":true}`},
		{`row.tags == ["b", "a"]`, `{"BOOL":false}`},
		{`row.address.geo == { lat = 51.50 }`, `{"BOOL":true}`},
		{`row.missing && true`, `{"BOOL":false}`},
		{`row.missing || row.gone`, `{"BOOL":false}`},
		{`!row.missing`, `{"BOOL":true}`},
		{`row.vip && row.name == "Ada"`, `{"BOOL":true}`},
		{`row.vip || row.name`, `{"BOOL":true}`},
		{`!row.vip && row.name`, `{"BOOL":false}`},
		{`row.vip && row.name`, `error: row.name is text "Ada", not true or false`},
		{`row.n && true`, `error: row.n is number 7, not true or false`},
		{`"true" && row.vip`, `{"BOOL":true}`},
		{`row.vip ? 1 : "one"`, `{"N":"1"}`},
		{`row.missing ? 1 : "one"`, `{"S":"one"}`},
		{`row.vip ? row.balance : row.n / 0`, `{"N":"100.50"}`},
		{`row.vip ? row.gone : 1`, `null`},
		{`row.n ? 1 : 2`, `error: row.n is number 7, not true or false`},
		{`var.on ? row.n : tonumber("abc")`, `{"N":"7"}`},
		{`var.on || tonumber("abc") > 1`, `{"BOOL":true}`},
	})
}

func TestTemplates(t *testing.T) {
	runCases(t, vars(), []evalCase{
		{`"USER#${row.id}"`, `{"S":"USER#42"}`},
		{`"${row.balance}"`, `{"N":"100.50"}`},
		{`"${row.missing}"`, `null`},
		{`"${row.tags}"`, `{"L":[{"S":"a"},{"S":"b"}]}`},
		{`"b=${row.balance}"`, `{"S":"b=100.5"}`},
		{`"e=${row.exp}"`, `{"S":"e=1200"}`},
		{`"v=${row.vip}"`, `{"S":"v=true"}`},
		{`"x${row.missing}"`, `error: row.missing is null, not a value that can be written as text`},
		{`"x${row.bin}"`, `error: row.bin is a binary`},
		{`"x${row.ss}"`, `error: row.ss is a string_set`},
		{`"x${row.tags}"`, `error: row.tags is a list`},
		{`"x${row.address}"`, `error: row.address is a map`},
		{`""`, `{"S":""}`},
		{`"a\tb\u00e9 $${x} %%{y}"`, `{"S":"a\tbé ${x} %{y}"}`},
		{`"%{ if row.vip }yes%{ else }no%{ endif }"`, `{"S":"yes"}`},
		{`"%{ for t in row.tags }<${t}>%{ endfor }"`, `{"S":"<a><b>"}`},
		{`"%{ for k, t in row.tags ~}  ${k}=${t};%{ endfor }"`, `{"S":"0=a;1=b;"}`},
		{"<<-E\n    a ${row.id}\n      b\n    E\n", `{"S":"a 42\n  b\n"}`},
		{"<<E\n\\n stays\nE\n", `{"S":"\\n stays\n"}`},
	})
}

// HCL normalises literals; a key's bytes must not change.
func TestLiteralsKeepTheirBytes(t *testing.T) {
	const decomposed = "e\u0301" // NFC makes U+00E9 of it
	runCases(t, vars(), []evalCase{
		{`"` + decomposed + `"`, `{"S":"` + decomposed + `"}`},
		{`"x${row.id}` + decomposed + `\n"`, `{"S":"x42` + decomposed + `\n"}`},
		{"<<E\n" + decomposed + "\nE\n", `{"S":"` + decomposed + `\n"}`},
		{"<<-E\n    " + decomposed + " ${~ row.id ~}  " + decomposed + "\n    E\n", `{"S":"` + decomposed + `42` + decomposed + `\n"}`},
		{`{ "` + decomposed + `" = 1 }`, `{"M":{"` + decomposed + `":{"N":"1"}}}`},
		{`{ a = 1 }["` + decomposed + `"]`, `null`},
		{`{ "` + decomposed + `" = 1 }["` + decomposed + `"]`, `{"N":"1"}`},
		{`"` + decomposed + `" == "\u00e9"`, `{"BOOL":false}`},
		{`upper("` + decomposed + `")`, `{"S":"E` + "\u0301" + `"}`},
	})
}

func TestCollections(t *testing.T) {
	runCases(t, vars(), []evalCase{
		{`[row.id, row.missing, 1]`, `{"L":[{"S":"42"},{"NULL":true},{"N":"1"}]}`},
		{`{ a = row.missing, (row.id) = 2, "${row.name}x" = 3, 4 = 5 }`, `{"M":{"a":{"NULL":true},"42":{"N":"2"},"Adax":{"N":"3"},"4":{"N":"5"}}}`},
		{`{ a = 1, a = 2 }`, `{"M":{"a":{"N":"2"}}}`},
		{`{ true = 1, null = 2 }`, `{"M":{"true":{"N":"1"},"null":{"N":"2"}}}`},
		{`{ (row.missing) = 1 }`, `error: row.missing is null, not a key`},
		{`[for t in row.tags : upper(t)]`, `{"L":[{"S":"A"},{"S":"B"}]}`},
		{`[for i, t in row.tags : "${i}${t}" if t != "a"]`, `{"L":[{"S":"1b"}]}`},
		{`[for k, v in row.address.geo : k]`, `{"L":[{"S":"lat"}]}`},
		{`[for x in row.ns : x]`, `{"L":[{"N":"9"},{"N":"10"}]}`},
		{`[for x in row.ss : x]`, `{"L":[{"S":"a"},{"S":"b"}]}`},
		{`{ for u in row.users : u.name => u.age }`, `{"M":{"x":{"N":"30"},"y":{"NULL":true}}}`},
		{`{ for u in row.users : "all" => u.name... }`, `{"M":{"all":{"L":[{"S":"x"},{"S":"y"}]}}}`},
		{`{ for u in row.users : "all" => u.name }`, `error: two elements have the same key`},
		{`[for x in row.name : x]`, `error: row.name is text "Ada", not a list`},
		{`[for x in row.missing : x]`, `error: row.missing is null, not a list`},
		{`[for a in row.tags : [for b in row.tags : "${a}${b}"]]`, `{"L":[{"L":[{"S":"aa"},{"S":"ab"}]},{"L":[{"S":"ba"},{"S":"bb"}]}]}`},
		{`[for row in row.users : row.name]`, `{"L":[{"S":"x"},{"S":"y"}]}`},
		{`row.users[*].name`, `{"L":[{"S":"x"},{"S":"y"}]}`},
		{`row.users.*.age`, `{"L":[{"N":"30"},{"NULL":true}]}`},
		{`row.users[*].name[0]`, `error: has no elements`},
		{`row.users.*.name[0]`, `{"S":"x"}`},
		{`row.missing[*].x`, `{"L":[]}`},
		{`row.name[*]`, `{"L":[{"S":"Ada"}]}`},
		{`row.ss[*]`, `{"L":[{"S":"a"},{"S":"b"}]}`},
		{`{ for k, v in { a = row.id } : k => v }`, `{"M":{"a":{"S":"42"}}}`},
		{`keys({ for k, v in row : k => v if k == "id" || k == "gone" })`, `{"L":[{"S":"gone"},{"S":"id"}]}`},
		{`row == { for k, v in row : k => v }`, `{"BOOL":true}`},
		{`[for x in [] : 1 / 0]`, `{"L":[]}`},
	})
}
