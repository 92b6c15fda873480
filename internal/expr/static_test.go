package expr

import (
	"math/big"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// static evaluates an expression by go-cty, with the functions of this package.
func static(t testing.TB, src string, vars map[string]cty.Value) (cty.Value, hcl.Diagnostics) {
	t.Helper()
	return parse(t, src).Value(&hcl.EvalContext{Variables: vars, Functions: Functions(runScope().Run, true)})
}

func TestStaticFunctions(t *testing.T) {
	t.Setenv("DYNAPIPE_TEST_ENV", "set")
	unknown := map[string]cty.Value{"u": cty.UnknownVal(cty.String), "s": cty.StringVal("hunter2").Mark("sensitive"),
		"n": cty.NullVal(cty.String), "set": cty.SetVal([]cty.Value{cty.StringVal("b"), cty.StringVal("a")})}
	for _, c := range []struct {
		src  string
		want cty.Value
	}{
		{`upper("a")`, cty.StringVal("A")},
		{`env("DYNAPIPE_TEST_ENV")`, cty.StringVal("set")},
		{`env("DYNAPIPE_TEST_NO_ENV", "none")`, cty.StringVal("none")},
		{`timestamp()`, cty.StringVal("2024-05-06T07:08:09Z")},
		{`try(tonumber("x"), 7)`, cty.NumberIntVal(7)},
		{`can(tonumber("x"))`, cty.False},
		{`coalesce(n, "x")`, cty.StringVal("x")},
		{`toset(["a", "a"])`, cty.SetVal([]cty.Value{cty.StringVal("a")})},
		{`join(",", set)`, cty.StringVal("a,b")},
		{`range(2)`, cty.TupleVal([]cty.Value{cty.Zero, cty.NumberIntVal(1)})},
		{`merge({ a = 1 }, { b = [true] })`, cty.ObjectVal(map[string]cty.Value{"a": cty.NumberIntVal(1), "b": cty.TupleVal([]cty.Value{cty.True})})},
		{`base64encode(binary("AQID"))`, cty.StringVal("AQID")},
		{`max([1, 2]...)`, cty.NumberIntVal(2)},
		{`upper(s)`, cty.StringVal("HUNTER2").Mark("sensitive")},
		{`merge({ a = s }, {})`, cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("hunter2")}).Mark("sensitive")},
		{`upper(u)`, cty.DynamicVal},
		{`dynamodb_null()`, cty.NullVal(cty.DynamicPseudoType)},
	} {
		got, diags := static(t, c.src, unknown)
		if diags.HasErrors() {
			t.Errorf("%s: %s", c.src, diags)
		} else if !got.RawEquals(c.want) {
			t.Errorf("%s: got %#v, want %#v", c.src, got, c.want)
		}
	}
	for src, want := range map[string]string{
		`uuid()`:                      "every row",
		`env("DYNAPIPE_TEST_NO_ENV")`: "is not set",
		`tonumber(s)`:                 "it is not a number",
		`upper(1, 2)`:                 "Too many function arguments",
		`range(1, 2, 3, 4)`:           "at most 3 arguments",
		`jsondecode("{")`:             "not JSON",
		`formatdate("YYYY", s)`:       "not an RFC 3339 timestamp",
		`nothing()`:                   "no function named",
	} {
		_, diags := static(t, src, unknown)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) || strings.Contains(diags.Error(), "hunter") {
			t.Errorf("%s: %v, want %s", src, diags, want)
		}
	}
	if _, ok := Functions(nil, false)["env"]; ok {
		t.Error("env() is there without being asked for")
	}
}

func TestCtyRoundTrip(t *testing.T) {
	for _, text := range []string{
		`{"S":"x"}`, `{"N":"0.1"}`, `{"N":"12345678901234567890123456789012345678"}`, `{"N":"-0.00000000000000000000000000000000000012345"}`,
		`{"N":"99999999999999999999999999999999999999000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"}`,
		`{"BOOL":true}`, `{"B":"AQID"}`, `{"SS":["a","b"]}`, `{"NS":["1","2.5"]}`, `{"BS":["AQID"]}`,
		`{"L":[{"S":"a"},{"NULL":true}]}`, `{"M":{"a":{"N":"1"},"b":{"L":[]}}}`,
	} {
		v := value(t, text)
		c, err := ToCty(v)
		if err != nil {
			t.Fatal(err)
		}
		back, err := FromCty(c.Mark("x"))
		if err != nil || !attr.Equal(v, back) {
			t.Errorf("%s comes back as %s (%v)", text, show(back), err)
		}
	}
	for name, c := range map[string]cty.Value{
		"unknown":  cty.UnknownVal(cty.String),
		"nested":   cty.TupleVal([]cty.Value{cty.UnknownVal(cty.String)}),
		"capsule":  cty.CapsuleVal(cty.Capsule("other", binaryType.EncapsulatedType()), new(string)),
		"infinite": cty.PositiveInfinity,
		"huge":     cty.NumberVal(new(big.Float).SetMantExp(big.NewFloat(1), 1<<30)),
		"tiny":     cty.NumberVal(new(big.Float).SetMantExp(big.NewFloat(1), -1<<30)),
		"digits":   cty.MustParseNumberVal("1.23456789012345678901234567890123456789"),
	} {
		if v, err := FromCty(c); err == nil {
			t.Errorf("%s gives %s", name, show(v))
		}
	}
	if v, err := FromCty(cty.SetValEmpty(cty.String)); err != nil || v.Kind() != attr.List {
		t.Errorf("an empty set gives %s (%v)", show(v), err)
	}
}

// Where Terraform's functions come from go-cty's standard library, ours give
// the same.
func TestSameAsTheStandardLibrary(t *testing.T) {
	theirs := map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "chomp": stdlib.ChompFunc, "chunklist": stdlib.ChunklistFunc,
		"coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"csvdecode": stdlib.CSVDecodeFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
		"floor": stdlib.FloorFunc, "format": stdlib.FormatFunc, "formatdate": stdlib.FormatDateFunc, "formatlist": stdlib.FormatListFunc,
		"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,
		"keys": stdlib.KeysFunc, "log": stdlib.LogFunc, "lower": stdlib.LowerFunc, "max": stdlib.MaxFunc, "merge": stdlib.MergeFunc,
		"min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc, "range": stdlib.RangeFunc, "regex": stdlib.RegexFunc,
		"regexall": stdlib.RegexAllFunc, "reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "signum": stdlib.SignumFunc, "slice": stdlib.SliceFunc,
		"sort": stdlib.SortFunc, "split": stdlib.SplitFunc, "strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "timeadd": stdlib.TimeAddFunc,
		"title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String), "tobool": stdlib.MakeToFunc(cty.Bool),
	}
	for _, src := range []string{
		`abs(-3)`, `abs(2.5)`, `ceil(1.2)`, `ceil(-1.2)`, `floor(1.7)`, `floor(-1.7)`, `log(16, 2)`, `pow(2, 8)`, `pow(2, -2)`,
		`pow(-2, 3)`, `pow(0, 0)`, `max(1, 5, 3)`, `min(4, 2)`, `signum(-4)`, `parseint("ff", 16)`, `parseint("-Zz", 62)`, `parseint("x", 10)`,
		`chomp("a\n\r\n")`, `chomp("a\nb")`, `indent(2, "a\nb\n\nc")`, `join("-", ["a", "b"], ["c"])`, `join(",", [])`, `lower("ÀB")`, `upper("àb")`,
		`split(",", "a,,b")`, `split("", "ab")`, `split(",", "")`, `strrev("abc")`, `substr("hello", 1, 2)`, `substr("hello", -3, 2)`,
		`substr("hello", 2, -1)`, `substr("hello", 4, 9)`, `substr("hello", 1, 0)`, `substr("hello", -9, 2)`, `title("hello wORLD foo-bar o'k 1a _b")`,
		`trim("xyaxy", "xy")`, `trimprefix("aab", "a")`, `trimsuffix("abb", "b")`, `trimspace(" \ta\n ")`,
		`chunklist(["a", "b", "c"], 2)`, `chunklist(["a", "b"], 0)`, `chunklist([], 2)`, `chunklist(["a"], -1)`, `coalescelist([], ["a"])`,
		`compact(["a", "", "b"])`, `concat(["a"], [], ["b"])`, `contains(["a", "b"], "b")`, `contains(["a"], "z")`, `distinct(["a", "b", "a"])`,
		`element(["a", "b", "c"], 4)`, `element(["a", "b", "c"], -1)`, `element([], 0)`, `flatten([["a", ["b"]], [], "c"])`,
		`keys({ b = 1, a = 2 })`, `values({ b = 1, a = 2 })`, `merge({ a = 1 }, { b = 2 }, { a = 3 })`, `range(3)`, `range(1, 7, 2)`, `range(5, 2)`,
		`range(4, 0, -2)`, `range(1, 5, -1)`, `range(1, 1)`, `range(0)`, `reverse(["a", "b"])`, `slice(["a", "b", "c"], 0, 2)`, `slice(["a"], 1, 1)`,
		`slice(["a"], 0, 2)`, `sort(["b", "a", "C"])`, `zipmap(["a", "b"], [1, 2])`, `zipmap(["a"], [1, 2])`,
		`setunion(["a"], ["b", "a"])`, `setintersection(["a", "b"], ["b"])`, `setsubtract(["a", "b"], ["b"])`,
		`regex("[a-z]+", "12ab34")`, `regex("([a-z])([0-9])", "a1b2")`, `regex("(?P<l>[a-z])", "1a")`, `regex("z", "a")`, `regexall("[a-z]", "a1b2")`,
		`regexall("z", "a")`, `csvdecode("a,b\n1,2\n3,4")`, `csvdecode("a\n\"x\ny\"")`, `jsondecode("{\"a\":[1,true,\"x\"]}")`, `jsondecode("[]")`, `jsondecode("x")`,
		`jsonencode({ b = [1, 2.5], a = "x", c = true })`, `jsonencode("a\"b\nc")`, `jsonencode([])`, `jsonencode(null)`,
		`format("%s %d %x %X %o %b %e %E %f %g %t %v %q %%", "a", 10, 255, 255, 8, 5, 1234.5, 1234.5, 1.5, 0.25, true, "v", "q\"")`,
		`format("%5d|%-5d|%05d|%+d|%5s|%-5s|%.2s|%5.1f|%05.1f", 1, 2, 3, 4, "a", "b", "xyz", 2.25, 3.5)`, `format("%v %v %v", 1, 1.5, [1, "a"])`,
		`format("%#v", { a = 1 })`, `format("%[2]s%[1]s", "a", "b")`, `format("%d", 1.5)`, `format("%s")`, `format("x", 1)`, `format("%z", 1)`,
		`format("%d", "12")`, `format("%s", 1.50)`, `format("%t", "true")`, `format("%3t", true)`, `formatlist("%s-%d", ["a", "b"], [1, 2])`, `formatlist("%s-%s", ["a", "b"], "c")`,
		`formatdate("YYYY-MM-DD'T'hh:mm:ssZ", "2024-03-05T13:04:05+02:00")`, `formatdate("EEE EEEE D DD M MMM MMMM YY h H HH m s AA aa ZZZZ ZZZZZ ZZZ", "2024-03-05T00:04:05Z")`,
		`formatdate("'it''s' hh", "2024-03-05T00:04:05Z")`, `formatdate("''", "2024-03-05T00:04:05Z")`, `formatdate("YYY", "2024-03-05T00:04:05Z")`, `formatdate("YYYY", "yesterday")`,
		`timeadd("2024-03-05T00:04:05Z", "1h")`, `timeadd("2024-03-05T00:04:05+01:00", "-90m")`, `timeadd("2024-03-05T00:04:05Z", "x")`,
		`tonumber("12.5")`, `tonumber("x")`, `tostring(12.50)`, `tostring(true)`, `tobool("true")`, `tobool("no")`, `tolist(["a", "b"])`, `toset(["b", "a", "b"])`,
	} {
		e := parse(t, src)
		name, _, _ := strings.Cut(src, "(")
		want, wantDiags := e.Value(&hcl.EvalContext{Functions: map[string]function.Function{name: theirs[name]}})
		got, gotDiags := static(t, src, nil)
		if wantDiags.HasErrors() != gotDiags.HasErrors() {
			t.Errorf("%s: ours: %v; theirs: %v", src, gotDiags, wantDiags)
			continue
		}
		if wantDiags.HasErrors() {
			continue
		}
		a, errA := FromCty(got)
		b, errB := FromCty(want)
		if errA != nil || errB != nil || !same(a, b) {
			t.Errorf("%s: ours %s, theirs %s", src, show(a), show(b))
		}
	}
}
