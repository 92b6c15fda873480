package expr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// csvShape is the rows of a CSV whose column balance was declared a number.
func csvShape() Shape {
	return Shape{Rest: Null, Attrs: map[string]Kinds{
		"id": String | Null, "zip": String | Null, "name": String, "total": Number, "tax": Number,
		"balance": Number | Null, "vip": Bool | Null, "tags": List, "address": Map, "ss": StringSet, "any": Unknown,
	}}
}

// diagCase is an expression and its diagnostics: each "error" or "warning", the
// text that its range covers, and a part of its detail.
type diagCase struct {
	src  string
	want []string
}

func TestDiagnostics(t *testing.T) {
	for _, c := range []diagCase{
		{`row.balance > 100 && row.vip`, nil},
		{`row.balnce > 100`, []string{`warning|row.balnce|Did you mean "balance"?`, `error|row.balnce|always null`}},
		{`rwo.balance`, []string{`error|rwo|Did you mean "row"?`}},
		{`balance`, []string{`error|balance|The row's attribute is row.balance`}},
		{`item.balance`, []string{`error|item|stored in DynamoDB`}},
		{`source.csv.users`, []string{`error|source|Another block`}},
		{`[for r in row.tags : r-row.x]`, []string{`error|r-row|Write "r - row" to subtract`}},
		{`row.total-row.tax`, []string{`warning|.total-row|Written without spaces, this is the attribute "total-row".`, `warning|row.total-row|No row has an attribute "total-row"`}},
		{`row.total-tax`, []string{`warning|.total-tax|Write "total - tax" to subtract`, `warning|row.total-tax|No row has`}},
		{`meta.lin`, []string{`error|.lin|Did you mean "line"?`}},
		{`meta`, []string{`error|meta|write one of meta.source`}},
		{`row[0]`, []string{`error|[0]|have names`}},
		{`var.tabel`, []string{`error|.tabel|Did you mean "table"?`}},
		{`var`, []string{`error|var|Write var.NAME`}},
		{`local.nothing`, []string{`error|.nothing|There is no local value "nothing"`}},
		{`local.map.z`, []string{`error|.z|local.map has no attribute "z"`}},
		{`local.map.y.zz`, []string{`error|.zz|local.map.y has no attribute "zz"`}},
		{`var.later`, nil},
		{`uper(row.name)`, []string{`error|uper|Did you mean "upper"?`}},
		{`upper()`, []string{`error|upper()|upper(text) takes 1 argument, not 0`}},
		{`upper(row.id, 1, 2)`, []string{`error|1, 2|takes 1 argument, not 3`}},
		{`coalesce()`, []string{`error|coalesce()|at least 1 argument`}},
		{`range(1, 2, 3, 4)`, []string{`error|4|range(start, [limit], [step]) takes at most 3 arguments, not 4`}},
		{`nope(row.x, wrong)`, []string{`error|nope|no function "nope"`, `warning|row.x|No row has`, `error|wrong|There is no "wrong"`}},
		{`env("X")`, []string{`error|env|locals block`}},
		{`"abc" * 2`, []string{`error|"abc"|text "abc" is not a number`}},
		{`row.vip + 1`, []string{`error|row.vip|is always bool, not a number`}},
		{`row.tags < 1`, []string{`error|row.tags|is always list, not a number`}},
		{`row.balance && true`, []string{`error|row.balance|A condition is true or false`}},
		{`row.tags ? 1 : 2`, []string{`error|row.tags|A condition`}},
		{`!row.balance`, []string{`error|row.balance|A condition`}},
		{`null + 1`, []string{`error|null|always null`}},
		{`5 ? 1 : 2`, []string{`error|5|always number`}},
		{`"yes" && row.vip`, []string{`error|"yes"|not true or false`}},
		{`row.vip || "yes"`, []string{`error|"yes"|not true or false`}},
		{`false && "yes"`, nil},
		{`"x${row.tags}"`, []string{`error|row.tags|jsonencode()`}},
		{`row.name.first`, []string{`error|.first|row.name is always string`}},
		{`row.tags["x"]`, []string{`error|["x"]|not an index`}},
		{`row.tags[-1]`, []string{`error|-1|counts from 0`}},
		{`row.balance[0]`, []string{`error|row.balance[0]|only a list or a map can be indexed`}},
		{`[for x in row.name : x]`, []string{`error|row.name|not a list, a map or a set`}},
		{`upper(row.tags)`, []string{`error|row.tags|is always list, and upper() takes text here`}},
		{`keys(row.name)`, []string{`error|row.name|is always string, and keys() takes a map here`}},
		{`regex("(", row.name)`, []string{`error|"("|regular expression: missing closing )`}},
		{`replace(row.name, "/[/", "")`, []string{`error|"/[/"|regular expression`}},
		{`formatdate("YYYYY", row.id)`, []string{`error|"YYYYY"|no field of a date`}},
		{`parseint(row.id, 99)`, []string{`error|99|from 2 to 62`}},
		{`substr(row.id, "x", 1)`, []string{`error|"x"|not a number`}},
		{`timeadd(row.id, "soon")`, []string{`error|"soon"|a duration`}},
		{`format("%d", row.id, row.zip)`, []string{`error|format("%d", row.id, row.zip)|verbs for 1 values, and there are 2`}},
		{`uuidv5("x", row.id)`, []string{`error|"x"|a namespace`}},
		{`1 / 0`, []string{`error|1 / 0|division by zero`}},
		{`row.total + 1 / 0`, []string{`error|1 / 0|division by zero`}},
		{`true ? 1 : 1 / 0`, nil},
		{`false && 1 / 0 > 1`, nil},
		{`row.vip ? 1 : 1 / 0`, []string{`error|1 / 0|division by zero`}},
		{`try(1 / 0, tonumber("x"), row.name.x, 1)`, nil},
		{`can(jsondecode("{"))`, nil},
		{`try(upper())`, []string{`error|upper()|takes 1 argument`}},
		{`row.zip == 1234`, []string{`warning|row.zip == 1234|tonumber(row.zip)`}},
		{`1 != row.id`, []string{`warning|1 != row.id|so this is always true`}},
		{`row.vip == "true"`, []string{`warning|row.vip == "true"|tobool()`}},
		{`row.tags == row.ss`, []string{`warning|row.tags == row.ss|is list`}},
		{`row.zip == null`, nil},
		{`row.any == 1`, nil},
		{`{ a.b = 1 }`, []string{`error|a.b|Write (a.b)`}},
		{`length(row.nothing...)`, []string{`warning|row.nothing|No row has`}},
		{`try([1]...)`, []string{`error|try([1]...)|one by one`}},
		{`row.total * 1e-99999999`, []string{`error|1e-99999999|does not fit DynamoDB`}},
		{`123456789012345678901234567890123456789`, []string{`error|123456789012345678901234567890123456789|38 significant digits`}},
	} {
		t.Run(c.src, func(t *testing.T) {
			s := runScope()
			s.Shape = csvShape()
			x, diags := Compile(parse(t, c.src), scopeOf(s, c.src))
			var got []string
			for _, d := range diags {
				severity := "error"
				if d.Severity == hcl.DiagWarning {
					severity = "warning"
				}
				if d.Summary == "" || !strings.ContainsAny(d.Detail[len(d.Detail)-1:], ".?") {
					t.Errorf("no summary, or no sentence: %q: %q", d.Summary, d.Detail)
				}
				got = append(got, fmt.Sprintf("%s|%s|%s", severity, d.Subject.SliceBytes([]byte(c.src)), d.Detail))
			}
			ok := len(got) == len(c.want)
			for i := 0; ok && i < len(got); i++ {
				head, part := cutLast(c.want[i])
				ok = strings.HasPrefix(got[i], head+"|") && strings.Contains(got[i][len(head):], part)
			}
			if !ok {
				t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
			if diags.HasErrors() != (x == nil) {
				t.Fatalf("errors %t, but the expression is %v", diags.HasErrors(), x)
			}
		})
	}
}

func cutLast(s string) (head, tail string) {
	i := strings.LastIndex(s, "|")
	return s[:i], s[i+1:]
}

// What is wrong with all variables was said where they are: here is no word.
func TestVariablesThatAreNotKnown(t *testing.T) {
	s := Scope{Static: &hcl.EvalContext{Variables: map[string]cty.Value{"var": cty.DynamicVal}}}
	x := compiled(t, s, `var.a.b + 1`)
	if _, err := x.Eval(batchOf(t, testRow), 0); err == nil || !strings.Contains(err.Error(), "var.a is not known") {
		t.Fatalf("got %v", err)
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		src  string
		want Kinds
	}{
		{`row.total`, Number},
		{`row.total + 1`, Number},
		{`row.any`, Unknown},
		{`row.vip ? row.total : "x"`, Number | String},
		{`"a${row.total}"`, String},
		{`"${row.total}"`, Number},
		{`[row.total]`, List},
		{`{ a = row.total }`, Map},
		{`row.total > 1`, Bool},
		{`!row.vip`, Bool},
		{`-row.total`, Number},
		{`row`, Map},
		{`coalesce(row.balance, row.id)`, Number | String},
		{`try(row.balance, true)`, Number | Bool | Null},
		{`tonumber(row.id)`, Number | Null},
		{`meta.line`, Number | Null},
		{`null`, 1 << attr.Absent},
		{`dynamodb_null()`, 1 << attr.Null},
		{`row.tags[*].x`, List},
		{`{ for k, v in row.address : k => v }`, Map},
	} {
		s := runScope()
		s.Shape = csvShape()
		if got := compiled(t, s, c.src).Kinds(); got != c.want {
			t.Errorf("%s: %s, want %s", c.src, got, c.want)
		}
	}
}

func TestConstantsAndAttributes(t *testing.T) {
	for _, c := range []struct {
		src      string
		constant bool
		uses     bool
		names    []string
		all      bool
	}{
		{`1 + 2`, true, false, nil, false},
		{`upper("x")`, true, false, nil, false},
		{`[for x in [1, 2] : x * 2]`, true, false, nil, false},
		{`[1, 2][*]`, true, false, nil, false},
		{`var.limit * 2`, true, false, nil, false},
		{`var.on ? 1 : row.n`, true, true, []string{"n"}, false},
		{`timestamp()`, true, false, nil, false},
		{`uuid()`, false, false, nil, false},
		{`meta.line`, false, false, nil, false},
		{`row.b + row.a.c + row["b"]`, false, true, []string{"a", "b"}, false},
		{`row["${"x"}y"]`, false, true, []string{"xy"}, false},
		{`row[row.key]`, false, true, []string{"key"}, true},
		{`keys(row)`, false, true, nil, true},
		{`[for row in row.users : row.name]`, false, true, []string{"users"}, false},
	} {
		x := compiled(t, runScope(), c.src)
		_, constant := x.Constant()
		names, all := x.Attributes()
		if constant != c.constant || x.UsesRow() != c.uses || !slices.Equal(names, c.names) || all != c.all {
			t.Errorf("%s: constant %t, uses row %t, attributes %q, all %t", c.src, constant, x.UsesRow(), names, all)
		}
		if x.Source() != c.src || x.Range().Filename != testFile {
			t.Errorf("%s: source %q at %s", c.src, x.Source(), x.Range())
		}
	}
}

func TestCondition(t *testing.T) {
	b := batchOf(t, testRow)
	for _, c := range []struct {
		src  string
		want string
	}{
		{`row.vip`, "true"},
		{`row.missing`, "false"},
		{`row.gone`, "false"},
		{`"true"`, "true"},
		{`row.n`, `row.n is number 7, not true or false`},
	} {
		is, err := compiled(t, Scope{}, c.src).Condition(b, 0)
		got := fmt.Sprint(is)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.src, got, c.want)
		}
	}
}

// No message says the value of a variable or a local (promise 8), nor more than
// the beginning of a long one.
func TestMessagesKeepSecrets(t *testing.T) {
	b := batchOf(t, testRow)
	for _, src := range []string{
		`var.secret * 2`,
		`var.secret.x`,
		`var.secret[0]`,
		`"${var.secret}x" + row.n`,
		`row.n + tonumber(var.secret)`,
		`parseint(var.secret, 10)`,
		`upper([var.secret])`,
		`tonumber(row.vip ? var.secret : "1")`,
		`[for x in [var.secret] : x * 2]`,
		`[var.secret][*].x`,
		`regex(var.secret, row.name)`,
		`regex("(${var.secret}", row.name)`,
		`jsondecode(var.secret)`,
		`timeadd(var.secret, "1h")`,
		`timeadd(row.id, var.secret)`,
		`formatdate(var.secret, "2024-01-01T00:00:00Z")`,
		`format(var.secret, 1)`,
		`format("%d", var.secret)`,
		`base64decode("${var.secret}?")`,
		`lookup({}, var.secret)`,
		`row.tags[var.secret]`,
		`var.secret ? 1 : 2`,
		`max(var.secret, 1)`,
		`max([var.secret]...)`,
		`uuidv5(var.secret, "x")`,
		`string_set([var.secret, var.secret])`,
		`{ for x in [1, 2] : var.secret => x }`,
		`keys(var.secret)`,
		`join(",", [[var.secret]])`,
		`epoch(var.secret)`,
	} {
		x, diags := Compile(parse(t, src), scopeOf(runScope(), src))
		text := ""
		for _, d := range diags {
			text += d.Summary + d.Detail
		}
		if x != nil {
			_, err := x.Eval(b, 0)
			if err == nil {
				t.Errorf("%s does not fail", src)
				continue
			}
			text += err.Error()
		}
		if strings.Contains(text, "hunter") || text == "" {
			t.Errorf("%s: %q", src, text)
		}
	}
}

func TestErrors(t *testing.T) {
	long := strings.Repeat("ä", 300)
	b := batchOf(t, `{"id": {"S": "`+long+`"}}`)
	src := `1 + (row.id * 2)`
	_, err := compiled(t, Scope{}, src).Eval(b, 0)
	why, ok := err.(*Error)
	if !ok {
		t.Fatalf("got %T", err)
	}
	if at := string(why.Range.SliceBytes([]byte(src))); at != "row.id" {
		t.Errorf("the error is at %q", at)
	}
	if len(why.Message) > 120 || !strings.HasPrefix(why.Message, `row.id is text "ä`) || strings.ContainsRune(why.Message, '\uFFFD') {
		t.Errorf("message %q", why.Message)
	}
}

func TestDeepExpressions(t *testing.T) {
	for _, src := range []string{
		strings.Repeat("(", 2000) + "1" + strings.Repeat(")", 2000),
		"1" + strings.Repeat(" + 1", 2000),
		strings.Repeat("!", 2000) + "true",
		strings.Repeat("[", 2000) + strings.Repeat("]", 2000),
	} {
		x, diags := Compile(parse(t, src), scopeOf(Scope{}, src))
		if x != nil || len(diags) != 1 || diags[0].Summary != "Expression too deep" {
			t.Errorf("%s...: %v", src[:20], diags)
		}
	}
	src := "1" + strings.Repeat(" + 1", 400)
	if v, ok := compiled(t, Scope{}, src).Constant(); !ok || v.Text() != "401" {
		t.Errorf("400 additions give %v", v)
	}
}

// What could fill the memory is an error.
func TestResultsAreBounded(t *testing.T) {
	for _, src := range []string{
		`join("", [for a in range(60000) : join("", [for b in range(100) : "0123456789"])])`,
		`range(65537)`,
		`setproduct(range(60000), range(60000), range(60000))`,
		`flatten([for a in range(20) : range(60000)])`,
		`indent(9999999999, "a\nb")`,
		`format("%99999d", 1)`,
		`replace(join("", [for a in range(60000) : "ab"]), "/b/", join("", [for a in range(60000) : "$0"]))`,
		`replace(join("", [for a in range(60000) : "ab"]), "b", join("", [for a in range(60000) : "ab"]))`,
		`pow(9.99, 1e18)`,
		`jsonencode(` + strings.Repeat(`[for a in `, 30) + `[1]` + strings.Repeat(` : [a, a]]`, 30) + `)`,
		`[for a in range(60000) : [for b in range(60000) : "x" if a * b < 0]]`,
		`[for a in range(60000) : join("", [for b in range(60000) : "${a}0123456789"])]`,
		`"%{ for a in range(60000) }%{ for b in range(60000) }01234567890123456789%{ endfor }%{ endfor }"`,
	} {
		_, diags := Compile(parse(t, src), scopeOf(Scope{}, src))
		if !diags.HasErrors() {
			t.Errorf("%s is not refused", src)
		}
	}
}

// A form of expression that a later HCL may have is a diagnostic. Of those that
// this one has, only what stands for a syntax error is not compiled.
func TestUnsupportedExpression(t *testing.T) {
	_, diags := Compile(&hclsyntax.ExprSyntaxError{}, scopeOf(Scope{}, ""))
	if len(diags) != 1 || diags[0].Summary != "Unsupported expression" {
		t.Errorf("%v", diags)
	}
}

// The plan says which way an expression runs.
func TestWay(t *testing.T) {
	for _, c := range []struct {
		src   string
		way   Way
		parts []string
	}{
		{`1 + 2`, Constant, nil},
		{`row.n`, AsColumns, nil},
		{`"USER#${row.id}"`, AsColumns, nil},
		{`row.balance * 1.19 > 100 ? "gold" : "standard"`, AsColumns, nil},
		{`try(regex("(a)(b)", row.name)[0], coalesce(row.n, -row.neg), { a = [row.n, uuid()] }.a)`, AsColumns, nil},
		{`[for t in row.tags : t]`, RowByRow, []string{"for expression"}},
		{`row.tags[*].x`, RowByRow, []string{"splat"}},
		{`"${row.n}${length(row.tags[*].x)}${max(row.nums...)}"`, AsColumns, []string{"splat", "call with a list of arguments"}},
		{`{ (row.name) = length(keys(row)) }`, RowByRow, []string{"map with computed names"}},
		{`"%{ for t in row.tags }${t}%{ endfor }"`, AsColumns, []string{"for in a template"}},
	} {
		way, parts := compiled(t, Scope{}, c.src).Way()
		var what []string
		for _, p := range parts {
			what = append(what, p.What)
			if p.Range.Filename != testFile {
				t.Errorf("%s: %s stands nowhere", c.src, p.What)
			}
		}
		if way != c.way || !slices.Equal(what, c.parts) {
			t.Errorf("%s: %s %q, want %s %q", c.src, way, what, c.way, c.parts)
		}
	}
}
