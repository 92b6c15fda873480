package expr

import (
	"fmt"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// generator writes expressions of the part of the language on which HCL's own
// rules agree with those for rows: integers and halves, ASCII, no nulls, no
// negative zero (HCL has one).
type generator struct {
	t    *rapid.T
	vars []string // number variables of the for expressions around
}

func (g *generator) pick(label string, of ...func() string) string {
	return of[rapid.IntRange(0, len(of)-1).Draw(g.t, label)]()
}

func (g *generator) number(depth int) string {
	leaf := func() string { return fmt.Sprint(rapid.IntRange(0, 999).Draw(g.t, "n")) }
	row := func() string { return rapid.SampledFrom(append(g.vars, "row.a", "row.b", "row.m.x")).Draw(g.t, "attr") }
	if depth == 0 {
		return g.pick("number", leaf, row)
	}
	d := depth - 1
	small := func() string { return fmt.Sprint(rapid.IntRange(1, 9).Draw(g.t, "small")) }
	op := func(symbol string) func() string {
		return func() string { return "(" + g.number(d) + " " + symbol + " " + g.number(d) + ")" }
	}
	return g.pick("number", leaf, row, op("+"), op("-"),
		func() string { return "(" + g.number(d) + " * " + small() + ")" },
		func() string { return "(" + g.number(d) + " % " + small() + ")" },
		func() string { return "(" + g.number(d) + " / 2)" },
		func() string { return "-(1 + abs(" + g.number(d) + "))" },
		func() string { return "(" + g.bool(d) + " ? " + g.number(d) + " : " + g.number(d) + ")" },
		func() string { return "abs(" + g.number(d) + ")" },
		func() string { return "max(" + g.number(d) + ", " + g.number(d) + ")" },
		func() string { return "length(" + g.list(d) + ")" },
		func() string { return "floor(abs(" + g.number(d) + "))" },
		func() string { return "{ k = " + g.number(d) + " }.k" },
		func() string { return g.list(d) + "[0]" },
	)
}

func (g *generator) text(depth int) string {
	leaf := func() string { return `"` + rapid.StringMatching(`[a-z -]{0,6}`).Draw(g.t, "s") + `"` }
	row := func() string { return rapid.SampledFrom([]string{"row.s", "row.m.y", `row["s"]`}).Draw(g.t, "attr") }
	if depth == 0 {
		return g.pick("text", leaf, row)
	}
	d := depth - 1
	return g.pick("text", leaf, row,
		func() string { return `"<${` + g.number(d) + `}|${` + g.bool(d) + `}|${` + g.text(d) + `}>"` },
		func() string { return "upper(" + g.text(d) + ")" },
		func() string { return "substr(" + g.text(d) + ", 1, 3)" },
		func() string { return `join(",", ` + g.list(d) + ")" },
		func() string { return `replace(` + g.text(d) + `, "a", ` + g.text(0) + ")" },
		func() string { return `format("%05d %s", floor(abs(` + g.number(d) + ")), " + g.text(d) + ")" },
		func() string { return "(" + g.bool(d) + " ? " + g.text(d) + " : " + g.text(d) + ")" },
		func() string { return `"%{ if ` + g.bool(d) + ` }y%{ else }${` + g.text(d) + `}%{ endif }"` },
		func() string { return `"%{ for x in ` + g.list(d) + ` }[${x}]%{ endfor }"` },
		func() string { return "jsonencode({ b = " + g.number(d) + ", a = " + g.list(d) + " })" },
	)
}

func (g *generator) bool(depth int) string {
	leaf := func() string { return rapid.SampledFrom([]string{"true", "false", "row.t"}).Draw(g.t, "bool") }
	if depth == 0 {
		return leaf()
	}
	d := depth - 1
	compare := func() string {
		return "(" + g.number(d) + rapid.SampledFrom([]string{" < ", " <= ", " > ", " >= ", " == ", " != "}).Draw(g.t, "op") + g.number(d) + ")"
	}
	return g.pick("bool", leaf, compare,
		func() string { return "(" + g.bool(d) + " && " + g.bool(d) + ")" },
		func() string { return "(" + g.bool(d) + " || " + g.bool(d) + ")" },
		func() string { return "!" + g.bool(d) },
		func() string { return "(" + g.text(d) + " == " + g.text(d) + ")" },
		func() string { return "(" + g.number(d) + " == " + g.text(d) + ")" },
		func() string { return "contains(" + g.list(d) + ", " + g.number(d) + ")" },
		func() string { return "startswith(" + g.text(d) + ", " + g.text(0) + ")" },
		func() string { return "can(tonumber(" + g.text(d) + "))" },
	)
}

// list is a list of numbers that is not empty.
func (g *generator) list(depth int) string {
	leaf := func() string { return "[" + g.number(0) + ", " + g.number(0) + "]" }
	if depth == 0 {
		return g.pick("list", leaf, func() string { return "row.l" })
	}
	d := depth - 1
	loop := func() string {
		name := fmt.Sprintf("v%d", len(g.vars))
		over := g.list(d)
		g.vars = append(g.vars, name)
		defer func() { g.vars = g.vars[:len(g.vars)-1] }()
		return "[for " + name + " in " + over + " : " + g.number(d) + "]"
	}
	return g.pick("list", leaf, loop,
		func() string { return "concat(" + g.list(d) + ", " + g.list(d) + ")" },
		func() string { return "reverse(" + g.list(d) + ")" },
		func() string { return "[" + g.number(d) + ", " + g.number(d) + "]" },
		func() string { return "(row.o[*].x)" },
		func() string { return "values({ for k, v in " + g.list(d) + ` : "k${k}" => v })` },
		func() string { return "distinct(" + g.list(d) + ")" },
	)
}

// Row expressions and HCL's own evaluation agree where their rules do.
func TestAgreesWithCty(t *testing.T) {
	b := batchOf(t, `{"a":{"N":"7"},"b":{"N":"-12"},"s":{"S":"banana"},"t":{"BOOL":true},"l":{"L":[{"N":"3"},{"N":"1"}]},
		"m":{"M":{"x":{"N":"40"},"y":{"S":"why"}}},"o":{"L":[{"M":{"x":{"N":"5"}}},{"M":{"x":{"N":"6"}}}]}}`)
	whole, err := compiled(t, Scope{}, "row").Eval(b, 0)
	if err != nil {
		t.Fatal(err)
	}
	row, err := ToCty(whole)
	if err != nil {
		t.Fatal(err)
	}
	// The functions are ours on both sides: what is compared is the walk and the loops.
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"row": row}, Functions: Functions(nil, false)}
	agreed := 0
	rapid.Check(t, func(rt *rapid.T) {
		g := &generator{t: rt}
		depth := rapid.IntRange(0, 4).Draw(rt, "depth")
		src := g.pick("kind", func() string { return g.number(depth) }, func() string { return g.text(depth) },
			func() string { return g.bool(depth) }, func() string { return g.list(depth) })
		want, diags := parse(t, src).Value(ctx)
		if diags.HasErrors() {
			return // HCL evaluates both sides of && and both arms of ?:
		}
		x, diags := Compile(parse(t, src), scopeOf(Scope{}, src))
		if diags.HasErrors() {
			rt.Fatalf("%s: %s", src, diags)
		}
		got, err := x.Eval(b, 0)
		if err != nil {
			rt.Fatalf("%s: %v", src, err)
		}
		expected, err := FromCty(want)
		if err != nil || !same(got, expected) {
			rt.Fatalf("%s: got %s, HCL gives %s (%v)", src, show(got), show(expected), err)
		}
		if !x.Kinds().Has(got.Kind()) {
			rt.Fatalf("%s: gave a %s, which Kinds does not have: %s", src, got.Kind(), x.Kinds())
		}
		agree(rt, x, b)
		agreed++
	})
	if agreed == 0 {
		t.Fatal("no expression was compared")
	}
}

// Compile and Eval never panic, every error has a message and a place, and loops
// agree with the walk.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		`row.a + 1`, `"USER#${row.id}"`, `row["odd name"].x[0]`, `{ for k, v in row : k => upper(v)... }`, `row.tags[*].x`,
		`try(jsondecode(row.name), row.nums[row.n], "x")`, `format("%-5s%05.2f%[1]v", row.name, row.n)`, `regexall("(a)|b", row.name)`,
		`range(row.n, 0, -0.5)`, `setproduct(row.tags, row.ns, [row])`, `pow(row.n, row.neg)`, `log(row.n, row.balance)`,
		`parsetime("YYYY-MM-DD'x'hh", row.name)`, `rfc3339(row.big)`, "<<-E\n  é ${~ row.id ~}\n  E\n", `row.total-row.tax`,
		`uuid() == ulid() || row.big % 1e-100 > row.exp / 3`, `csvdecode("a\n${row.name}")`, `textdecodebase64(row.name, "UTF-16")`,
		`%{ if row.vip }`, `transpose({ a = row.tags })`, `1e-99999999`, `row.n + 1e999999`, `replace(row.name, "/(?P<x>.)/", "$${x}")`, `flatten([row.tags, [[row.ss]]])`,
	} {
		f.Add(seed)
	}
	b := batchOf(f, testRow, `{}`)
	f.Fuzz(func(t *testing.T, src string) {
		e, diags := parseAny(src)
		if diags.HasErrors() {
			return
		}
		s := runScope()
		s.Shape = csvShape()
		x, diags := Compile(e, scopeOf(s, src))
		for _, d := range diags {
			if d.Summary == "" || d.Detail == "" || d.Subject == nil {
				t.Fatalf("diagnostic without summary, detail or place: %#v", d)
			}
		}
		if x == nil {
			return
		}
		agree(t, x, b)
		for row := range b.Rows() {
			v, err := x.Eval(b, row)
			if why, ok := err.(*Error); err != nil && (!ok || why.Message == "" || why.Range.Filename == "") {
				t.Fatalf("error without message or place: %#v", err)
			}
			if err == nil && v.Kind() == attr.Number && attr.CheckNumber(v.Text()) != nil {
				t.Fatalf("the number %s is none", v.Text())
			}
		}
	})
}

// BenchmarkRow is a filter and two attributes of a map, for one row.
func BenchmarkRow(b *testing.B) {
	batch := batchOf(b, testRow)
	exprs := []*Expr{
		compiled(b, Scope{}, `row.name == "Ada" && row.balance > 100`),
		compiled(b, Scope{}, `"USER#${row.id}"`),
		compiled(b, Scope{}, `row.balance * 1.1 > 100 ? "gold" : "standard"`),
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, x := range exprs {
			if _, err := x.Eval(batch, 0); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestSharedByGoroutines(t *testing.T) {
	b := batchOf(t, testRow)
	x := compiled(t, runScope(), `[for t in row.tags : "${t}${row.id}${uuid()}"][*]`)
	want, err := x.Eval(b, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	for range 8 {
		go func() {
			for range 100 {
				if got, err := x.Eval(b, 0); err != nil || !same(got, want) {
					done <- "differs: " + show(got)
					return
				}
			}
			done <- ""
		}()
	}
	for range 8 {
		if msg := <-done; msg != "" {
			t.Error(msg)
		}
	}
}
