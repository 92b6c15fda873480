package schema_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

type inner struct {
	name  string
	count int
}

type config struct {
	text    string
	flag    bool
	number  int
	big     int64
	rate    float64
	bytes   int64
	wait    time.Duration
	list    []string
	choice  string
	mapping map[string]string
	pairs   []schema.Pair
	types   []schema.TypedName
	columns []schema.TypedName
	where   *expr.Expr
	set     []schema.NamedExpr
	item    *schema.ItemExpr
	key     string
	one     *inner
	many    []inner
	checked int
}

func newConfig() *config {
	return &config{text: "a", number: 3, big: 7, bytes: 4 << 20, wait: time.Second, list: []string{"x"}, choice: "put"}
}

func declareInner(i *inner) schema.Block {
	i.count = 9
	return schema.Block{
		Summary: "An inner block.",
		Labels:  []schema.Label{{Name: "name", Target: &i.name}},
		Args:    []schema.Arg{schema.Int("count", &i.count, "A count.")},
	}
}

func (c *config) Schema() schema.Block {
	return schema.Block{
		Summary: "A block of every kind of argument.",
		Doc:     "More about it.",
		Args: []schema.Arg{
			schema.String("text", &c.text, "A text."),
			schema.Bool("flag", &c.flag, "A flag."),
			schema.Int("number", &c.number, "A number.").Between(1, 10).Unit("rows"),
			schema.Int64("big", &c.big, "A big number.").Require(),
			schema.Float("rate", &c.rate, "A rate.").DefaultDoc("by size"),
			schema.Bytes("bytes", &c.bytes, "A size.").AtLeast(1024),
			schema.Duration("wait", &c.wait, "A duration.").Between(0.5, 90),
			schema.Strings("list", &c.list, "Texts."),
			schema.Choice("choice", &c.choice, []string{"put", "delete"}, "A choice."),
			schema.StringMap("mapping", &c.mapping, "Texts by name."),
			schema.Names("pairs", &c.pairs, "Names | by name."),
			schema.Types("types", &c.types, "Types by name."),
			schema.Columns("columns", &c.columns, "Columns."),
			schema.Expr("where", &c.where, expr.Bool, "A condition."),
			schema.Exprs("set", &c.set, "Expressions."),
			schema.Item("item", &c.item, "An expression over the item."),
			schema.String("key", &c.key, "A key.").Secret(),
		},
		Blocks: []schema.Nested{
			schema.Optional("one", &c.one, declareInner),
			schema.List("many", &c.many, declareInner),
		},
		Check: func(schema.Ranges) hcl.Diagnostics { c.checked++; return nil },
	}
}

func decode(t interface{ Fatal(...any) }, src string, c *config) (schema.Decoded, hcl.Diagnostics, *diag.Secrets) {
	whole := "block \"x\" {\n" + src + "\n}\n"
	file, diags := hclsyntax.ParseConfig([]byte(whole), "p.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	secrets := &diag.Secrets{}
	static := &hcl.EvalContext{
		Functions: expr.Functions(nil, true),
		Variables: map[string]cty.Value{
			"var": cty.ObjectVal(map[string]cty.Value{
				"null":   cty.NullVal(cty.String),
				"secret": cty.StringVal("hunter2").Mark(schema.Sensitive),
				"broken": cty.DynamicVal,
			}),
			"local": cty.EmptyObjectVal,
		},
	}
	d := schema.Decoder{Static: static, Secrets: secrets,
		Scope: &expr.Scope{Static: static, Sources: map[string][]byte{"p.hcl": []byte(whole)}}}
	decoded, diags := d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], c.Schema())
	return decoded, diags, secrets
}

func TestDecode(t *testing.T) {
	c := newConfig()
	decoded, diags, _ := decode(t, `
		text = "b"
		flag = "true"
		number = 10
		big = 1e3
		rate = 0.5
		bytes = "64KB"
		wait = "1m30s"
		list = ["y", 5]
		choice = "delete"
		mapping = { a = "b" }
		pairs = { a = b, "c d" = "e f" }
		types = { n = number, l = list(string), o = object({ m = map(bool) }), x = any }
		columns = ["p", "q"]
		where = row.a == "x"
		set = { (upper("k")) = row.b, "odd name" = 1 }
		item = item.x > 1
		one "first" {
		}
		many "second" {
			count = 1
		}
		many "third" {
			count = 2
		}`, c)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if c.text != "b" || !c.flag || c.number != 10 || c.big != 1000 || c.rate != 0.5 || c.bytes != 65536 || c.wait != 90*time.Second || c.choice != "delete" {
		t.Errorf("simple arguments: %+v", c)
	}
	if !reflect.DeepEqual(c.list, []string{"y", "5"}) || c.mapping["a"] != "b" {
		t.Errorf("collections: %v %v", c.list, c.mapping)
	}
	if len(c.pairs) != 2 || c.pairs[0].Value != "b" || c.pairs[1].Name != "c d" || c.pairs[1].Value != "e f" {
		t.Errorf("pairs: %v", c.pairs)
	}
	var types []string
	for _, n := range c.types {
		types = append(types, n.Name+":"+n.Kind.String())
	}
	if got := strings.Join(types, " "); got != "n:number l:list(string) o:object({ m = map(bool) }) x:any" {
		t.Errorf("types: %s", got)
	}
	if len(c.columns) != 2 || c.columns[1].Name != "q" || c.columns[1].Kind.Kind != attr.Absent {
		t.Errorf("columns: %v", c.columns)
	}
	if c.where == nil || c.where.Source() != `row.a == "x"` || c.item == nil || c.item.Scope == nil {
		t.Errorf("expressions: %v %v", c.where, c.item)
	}
	if len(c.set) != 2 || c.set[0].Name != "K" || c.set[1].Name != "odd name" {
		t.Errorf("set: %v", c.set)
	}
	if c.one == nil || *c.one != (inner{"first", 9}) || !reflect.DeepEqual(c.many, []inner{{"second", 1}, {"third", 2}}) {
		t.Errorf("blocks: %v %v", c.one, c.many)
	}
	if c.checked != 1 {
		t.Errorf("checked %d times", c.checked)
	}
	last := decoded.Settings[len(decoded.Settings)-1]
	if !reflect.DeepEqual(last, schema.Setting{Name: "many.third.count", Value: "2"}) {
		t.Errorf("last setting: %v", last)
	}
	ways := map[string]expr.Way{}
	for _, s := range decoded.Settings {
		for _, e := range s.Evaluations {
			ways[e.Name] = e.Way
		}
	}
	if len(ways) != 3 || ways["where"] != expr.AsColumns {
		t.Errorf("evaluations: %v", ways)
	}
	if r := decoded.Ranges; !r.Has("where") || r.Has("key") || r.Of("where").Start.Line != 16 || r.Of("key") != r.Block() {
		t.Errorf("ranges: %v %v", r.Of("where"), r.Of("key"))
	}
}

// Null is an argument that is not set, whatever null it is.
func TestNull(t *testing.T) {
	for _, null := range []string{"null", "var.null"} {
		c := newConfig()
		src := "big = 1\n"
		for _, name := range []string{"text", "flag", "number", "rate", "bytes", "wait", "list", "choice", "mapping", "where", "key", "columns"} {
			src += fmt.Sprintf("%s = %s\n", name, null)
		}
		decoded, diags, _ := decode(t, src, c)
		if len(diags) > 0 {
			t.Errorf("%s: %v", null, diags)
		}
		want := newConfig()
		want.big, want.checked = 1, 1
		if !reflect.DeepEqual(c, want) {
			t.Errorf("%s: got %+v, want %+v", null, c, want)
		}
		if len(decoded.Settings) != 1 || decoded.Ranges.Has("text") {
			t.Errorf("%s: settings %v", null, decoded.Settings)
		}
	}
}

// What depends on something broken is not a second error, and is not checked.
func TestBroken(t *testing.T) {
	c := newConfig()
	_, diags, _ := decode(t, "big = var.broken\ntext = upper(var.broken)\nwhere = row.a == var.broken\nlist = [var.broken]", c)
	if len(diags) > 0 {
		t.Errorf("reported again: %v", diags)
	}
	c = newConfig()
	if _, diags, _ = decode(t, "big = \"x\"", c); len(diags) != 1 || c.checked != 0 {
		t.Errorf("%d diagnostics, checked %d times", len(diags), c.checked)
	}
}

// Secrets are masked in settings and known to be looked for (promise 8).
func TestSecrets(t *testing.T) {
	c := newConfig()
	decoded, diags, secrets := decode(t, "big = 1\nkey = \"AKIA-0123456789-LONG\"\ntext = \"<${var.secret}>\"\nlist = [upper(var.secret)]\nchoice = \"delete\"", c)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	shown := fmt.Sprint(decoded.Settings)
	if strings.Contains(strings.ToLower(shown), "hunter2") || strings.Contains(shown, "AKIA") || strings.Count(shown, diag.Masked) != 3 {
		t.Errorf("settings: %s", shown)
	}
	if c.text != "<hunter2>" || c.list[0] != "HUNTER2" {
		t.Errorf("values: %q %q", c.text, c.list)
	}
	if got := secrets.Mask("AKIA-0123456789-LONG HUNTER2 <hunter2> delete"); got != "(sensitive) (sensitive) (sensitive) delete" {
		t.Errorf("masked: %s", got)
	}
	_, _, secrets = decode(t, "big = 1\nkey = \"local\"", newConfig())
	if got := secrets.Mask("local.x"); got != "local.x" {
		t.Errorf("an emulator's credential is masked everywhere: %s", got)
	}
}

// HCL normalises strings; file and attribute names keep their bytes.
func TestBytesAreKept(t *testing.T) {
	const composed, decomposed = "\u00e9", "e\u0301"
	for _, name := range []string{composed, decomposed} {
		c := newConfig()
		src := fmt.Sprintf("big = 1\ntext = %[1]q\nlist = [%[1]q, \"b\"]\npairs = { %[1]q = %[1]q }\nset = { %[1]q = 1 }\ncolumns = [%[1]q]", name)
		if _, diags, _ := decode(t, src, c); len(diags) > 0 {
			t.Fatal(diags)
		}
		got := []string{c.text, c.list[0], c.pairs[0].Name, c.pairs[0].Value, c.set[0].Name, c.columns[0].Name}
		for i, g := range got {
			if g != name {
				t.Errorf("%q became %q (%d)", name, g, i)
			}
		}
	}
	c := newConfig()
	if _, diags, _ := decode(t, "big = 1\ntext = \"a\\te\\u0301 $${x}\"\nlist = upper(\"x\")", c); len(diags) > 0 || c.text != "a\te\u0301 ${x}" || c.list[0] != "X" {
		t.Errorf("escapes: %q %q %v", c.text, c.list, diags)
	}
}

func TestDocs(t *testing.T) {
	docs := schema.Docs{Header: `block "x"`, Block: newConfig().Schema()}
	var text, markdown bytes.Buffer
	if err := docs.WriteText(&text, 60); err != nil {
		t.Fatal(err)
	}
	if err := docs.WriteMarkdown(&markdown, 2); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"block \"x\" { ... }\n  A block of every kind of argument.\n\n  More about it.\n",
		"  text = a string  (default: \"a\")\n    A text.\n",
		"  number = a whole number from 1 to 10 rows  (default: 3)\n",
		"  big = a whole number  (required)\n",
		"  rate = a number  (default: by size)\n",
		"  bytes = a size like 4194304 or \"4MB\", at least \"1KB\"\n  (default: \"4MB\")\n",
		"from \"500ms\" to \"1m30s\"",
		"  key = a string\n    A key. Its value is never shown.\n",
		"  many \"NAME\" { ... }\n    An inner block. Any number of them.\n\n    count = a whole number  (default: 9)\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("text lacks %q:\n%s", want, text.String())
		}
	}
	for _, want := range []string{
		"## `block \"x\"`\n\nA block of every kind of argument.\n\nMore about it.\n\n| argument |",
		"| `text` | a string | `\"a\"` | A text. |\n",
		"| `big` | a whole number | **required** | A big number. |\n",
		"| `flag` | a bool | `false` | A flag. |\n",
		"| `rate` | a number | by size | A rate. |\n",
		"Names \\| by name.",
		"### `one \"NAME\"`\n\nAn inner block. At most one.\n",
	} {
		if !strings.Contains(markdown.String(), want) {
			t.Errorf("Markdown lacks %q:\n%s", want, markdown.String())
		}
	}
}

func TestUndocumented(t *testing.T) {
	if missing := schema.Undocumented(newConfig().Schema()); len(missing) > 0 {
		t.Errorf("missing: %v", missing)
	}
	var text string
	bare := schema.Block{Args: []schema.Arg{schema.String("a", &text, ""), schema.String("b", &text, "no period")}}
	outer := schema.Block{Summary: "Fine.", Blocks: []schema.Nested{schema.Optional("n", new(*inner), func(*inner) schema.Block { return bare })}}
	if got := strings.Join(schema.Undocumented(outer), " "); got != "n.summary n.a n.b" {
		t.Errorf("got %s", got)
	}
}

// TestBytesText: a size is read back from each way to write it.
func TestBytesText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1024, 1<<40).Draw(t, "n")
		text := fmt.Sprint(n)
		for _, u := range []struct {
			shift uint
			names []string
		}{{10, []string{"KB", "kib", "KiB"}}, {20, []string{"MB", " MiB", "mb"}}, {30, []string{"GB", "GiB"}}} {
			if n%(1<<u.shift) == 0 || rapid.Bool().Draw(t, "whole") {
				n = max(n>>u.shift, 1)
				text = fmt.Sprintf("%q", fmt.Sprint(n)+rapid.SampledFrom(u.names).Draw(t, "unit"))
				n <<= u.shift
			}
		}
		c := newConfig()
		if _, diags, _ := decode(t, "big = 1\nbytes = "+text, c); len(diags) > 0 || c.bytes != n {
			t.Fatalf("%s gives %d, want %d: %v", text, c.bytes, n, diags)
		}
	})
}

// A duration may have days, and is written as it may be read.
func TestDurations(t *testing.T) {
	for text, want := range map[string]string{
		"7d": "7d", "48h": "2d", "36h": "36h", "1d12h": "36h", "90m": "1h30m", "1m30s": "1m30s", "1h": "1h", "10s": "10s", "1h0m1s": "1h0m1s", "0.5s": "500ms", " 1d ": "1d",
		"d": "", "1.5d": "", "-1d": "", "1d-2h": "", "70000d": "", "7 d": "", "d7": "", "1d2d": "", "-5s": "",
	} {
		var got time.Duration
		file, diags := hclsyntax.ParseConfig(fmt.Appendf(nil, "block {\nwait = %q\n}\n", text), "p.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		d := schema.Decoder{Static: &hcl.EvalContext{}, Scope: &expr.Scope{Static: &hcl.EvalContext{}}}
		_, diags = d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], schema.Block{Args: []schema.Arg{schema.Duration("wait", &got, "A duration.")}})
		switch {
		case want == "" && !diags.HasErrors():
			t.Errorf("%q is %v", text, got)
		case want != "" && (diags.HasErrors() || schema.FormatDuration(got) != want):
			t.Errorf("%q is %q, want %q (%v)", text, schema.FormatDuration(got), want, diags)
		}
	}
}
