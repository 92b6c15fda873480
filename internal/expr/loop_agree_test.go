package expr

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// writer writes expressions of every form that has a loop, and some that have
// none, over rows that do not always suit them.
type writer struct{ t *rapid.T }

func (w writer) of(choices ...string) string { return rapid.SampledFrom(choices).Draw(w.t, "choice") }

func (w writer) pick(forms ...func() string) string {
	return forms[rapid.IntRange(0, len(forms)-1).Draw(w.t, "form")]()
}

// numbers are digits where something happens.
var numbers = []string{
	"0", "-0", "1", "-1", "2", "3", "7", "10", "100.50", "0.1", "0.2", "-0.5", "1.19", "0.005", "12345.6789", "007", "1.000", "0.00",
	"999999999", "-1000000000", "999999999999999999", "1000000000000000000", "-999999999999999999", "123456789012345678", "0.99999999999999999",
	"9223372036854775807", "9223372036854775808", "18446744073709551616", "99999999999999999999999999999999999999", "-99999999999999999999999999999999999999",
	"0.33333333333333333333333333333333333333", "1e125", "-9.9999999999999999999999999999999999999E+125", "1e-130", "2.5E-3", "1E3", "1.20E+3", "+5", ".5", "5.",
	"0.00000000000000000001", "100000000000000000000", "4503599627370496.25", "0.000000000000000000000000000000000000000000000000001",
}

// texts are of what functions care about.
var someTexts = []string{"", "a", "abc", "ABC", " padded\t", "line\n", "true", "false", "Straße", "e\u0301", "ÀÉ", "日本", "x,y", "USER#1", "\"q\\", "\u0001", "null", "İ", "10", "2024-02-29T23:59:59Z", "1969-12-31T23:59:59.25+02:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2024-01-01T10:00:00.123456789Z", "ab", "b"}

func (w writer) literal() string {
	return w.pick(
		func() string {
			n := rapid.SampledFrom(numbers).Draw(w.t, "number")
			if strings.HasPrefix(n, "+") || strings.HasPrefix(n, ".") || strings.HasSuffix(n, ".") {
				return "1"
			}
			return n
		},
		func() string { return strconv.Itoa(rapid.IntRange(-5, 1000).Draw(w.t, "int")) },
		func() string {
			return w.quoted(rapid.SampledFrom(append(someTexts, numbers...)).Draw(w.t, "text"))
		},
		func() string { return w.of("true", "false", "null") },
	)
}

func (w writer) quoted(s string) string {
	s = strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n", "\t", "\\t", "\u0001", "").Replace(s)
	return `"` + s + `"`
}

func (w writer) any(depth int) string {
	if depth <= 0 {
		return w.pick(w.literal, w.attribute, w.attribute)
	}
	return w.pick(
		func() string { return w.number(depth) }, func() string { return w.text(depth) },
		func() string { return w.bool(depth) }, func() string { return w.mixed(depth) }, w.attribute,
	)
}

func (w writer) attribute() string {
	return w.of("row.n", "row.n", "row.k", "row.s", "row.s", "row.t", "row.b", "row.x", "row.y", "row.none",
		"row.m.n", "row.m.s", "row.m.m.n", `row.m["odd \"name\""]`, "row.l[0]", "row.l[1].n", "row.x.n", "row.l[row.k]", "row.m[row.s]",
		"row.m", "row.l", "row.ss", "meta.line", "meta.file", "meta.segment", "meta.source", "row.x[0]", `row[row.s]`)
}

func (w writer) number(depth int) string {
	d := depth - 1
	if d < 0 {
		return w.pick(w.literal, func() string { return w.of("row.n", "row.k", "row.x", "row.m.n", "meta.line") })
	}
	return w.pick(
		func() string {
			return "(" + w.number(d) + w.of(" + ", " - ", " * ", " / ", " % ") + w.number(d) + ")"
		},
		func() string {
			return "(" + w.number(d) + w.of(" + ", " - ", " * ", " / ", " % ") + w.number(d) + ")"
		},
		func() string { return "-" + w.number(d) },
		func() string { return w.of("abs", "floor", "ceil", "signum", "tonumber") + "(" + w.number(d) + ")" },
		func() string { return w.of("max", "min") + "(" + w.number(d) + ", " + w.number(d) + ")" },
		func() string { return w.of("max", "min", "pow", "log") + "(" + w.number(d) + ", " + w.any(d) + ")" },
		func() string { return "length(" + w.any(d) + ")" },
		func() string { return "textcmp(" + w.text(d) + ", " + w.text(d) + ")" },
		func() string { return "epoch(" + w.of("row.s", w.text(d)) + ")" },
		func() string { return "timecmp(" + w.of("row.s", "row.t") + ", " + w.text(d) + ")" },
		func() string { return "parseint(" + w.text(d) + ", 16)" },
		func() string { return "tonumber(" + w.any(d) + ")" },
		func() string { return "sum([for x in [1, 2] : x + " + w.number(d) + "])" },
	)
}

func (w writer) text(depth int) string {
	d := depth - 1
	if d < 0 {
		return w.pick(w.literal, func() string { return w.of("row.s", "row.t", "row.x", "row.m.s", "meta.file") })
	}
	return w.pick(
		func() string { return `"<${` + w.any(d) + `}|${` + w.text(d) + `}>"` },
		func() string { return `"${` + w.number(d) + `}${` + w.number(d) + `}"` },
		func() string { return `"%{ if ` + w.bool(d) + ` }y%{ else }${` + w.text(d) + `}%{ endif }"` },
		func() string {
			return w.of("upper", "lower", "trimspace", "chomp", "title", "strrev", "tostring", "md5", "sha1", "sha256", "sha512", "base64sha256", "base64encode", "base64decode", "urlencode") + "(" + w.any(d) + ")"
		},
		func() string {
			return w.of("trim", "trimprefix", "trimsuffix") + "(" + w.text(d) + ", " + w.text(0) + ")"
		},
		func() string { return "substr(" + w.text(d) + ", " + w.number(0) + ", " + w.number(0) + ")" },
		func() string {
			return "replace(" + w.text(d) + ", " + w.of(`"a"`, `""`, `"/[a-c]+/"`, `"/(.)b/"`, "row.t") + ", " + w.of(`"X"`, `""`, `"<$1>"`, "row.s") + ")"
		},
		func() string {
			return "regex(" + w.of(`"[a-z]+"`, `"^"`, `"(.)(.)"`, `"\\d*"`, "row.t") + ", " + w.text(d) + ")"
		},
		func() string { return `join(",", [` + w.any(d) + ", " + w.text(d) + "])" },
		func() string { return `format("%s-%v", ` + w.text(d) + ", " + w.any(d) + ")" },
		func() string { return "jsonencode(" + w.any(d) + ")" },
		func() string {
			return "formatdate(" + w.of(`"YYYY-MM-DD"`, `"EEE h:mm aa Z"`, "row.t") + ", " + w.of("row.s", w.text(d)) + ")"
		},
		func() string {
			return "timeadd(" + w.of("row.s", w.text(d)) + ", " + w.of(`"36h"`, `"-1ns"`, "row.t") + ")"
		},
		func() string { return "rfc3339(" + w.number(d) + ")" },
		func() string { return w.of("uuid()", "ulid()", `uuidv5("dns", row.s)`) },
	)
}

func (w writer) bool(depth int) string {
	d := depth - 1
	if d < 0 {
		return w.pick(w.literal, func() string { return w.of("row.b", "row.b", "row.x", "row.y", "row.none", "true", "false") })
	}
	return w.pick(
		func() string { return "(" + w.number(d) + w.of(" < ", " <= ", " > ", " >= ") + w.number(d) + ")" },
		func() string { return "(" + w.any(d) + w.of(" < ", " >= ") + w.any(d) + ")" },
		func() string { return "(" + w.any(d) + w.of(" == ", " != ") + w.any(d) + ")" },
		func() string { return "(" + w.number(d) + w.of(" == ", " != ") + w.number(d) + ")" },
		func() string { return "(" + w.attribute() + w.of(" == ", " != ") + w.literal() + ")" },
		func() string { return "(" + w.bool(d) + w.of(" && ", " || ") + w.bool(d) + ")" },
		func() string { return "!" + w.bool(d) },
		func() string { return "can(" + w.any(d) + ")" },
		func() string {
			return w.of("startswith", "endswith", "strcontains") + "(" + w.text(d) + ", " + w.text(0) + ")"
		},
		func() string { return "contains([" + w.literal() + ", " + w.literal() + "], " + w.any(d) + ")" },
		func() string { return "contains(" + w.any(d) + ", " + w.any(d) + ")" },
		func() string {
			return `contains(` + w.of("local.set", "var.list", `["a", 1, true, null, [1]]`) + ", " + w.any(d) + ")"
		},
		func() string { return "can(regex(" + w.of(`"^a"`, `"b$"`, `"^$"`) + ", " + w.any(d) + "))" },
		func() string { return "tobool(" + w.any(d) + ")" },
	)
}

func (w writer) mixed(depth int) string {
	d := depth - 1
	return w.pick(
		func() string { return "(" + w.bool(d) + " ? " + w.any(d) + " : " + w.any(d) + ")" },
		func() string { return "try(" + w.any(d) + ", " + w.any(d) + ")" },
		func() string { return "try(" + w.any(d) + ", " + w.any(d) + ", " + w.literal() + ")" },
		func() string { return "coalesce(" + w.any(d) + ", " + w.any(d) + ")" },
		func() string { return "[" + w.any(d) + ", " + w.any(d) + "]" },
		func() string { return "{ a = " + w.any(d) + ", b = { c = " + w.any(d) + " } }" },
		func() string { return "{ a = " + w.any(d) + ", (" + w.text(d) + ") = " + w.any(d) + " }" },
		func() string { return "{ n = " + w.any(d) + " }.n" },
		func() string { return "[" + w.any(d) + "][" + w.number(0) + "]" },
		func() string { return w.any(d) + "[" + w.of(`"n"`, "0", "1", "row.k", "row.s") + "]" },
		func() string { return "[for v in " + w.of("row.l", "row.ss", "[1]") + " : " + w.any(d) + "]" },
		func() string { return "row.l[*].n" },
		func() string { return "lookup(row.m, " + w.text(0) + ", " + w.any(d) + ")" },
		func() string { return "keys(row)" },
		func() string { return "max([" + w.number(d) + "]...)" },
		func() string { return "split(\",\", " + w.text(d) + ")" },
		func() string { return "dynamodb_null()" },
		func() string { return "string_set([" + w.text(d) + "])" },
	)
}

// cell is a value of a row, in DynamoDB JSON; empty for none.
func (w writer) cell(usual string) string {
	kind := usual
	if rapid.IntRange(0, 7).Draw(w.t, "odd") == 0 {
		kind = w.of("n", "s", "b", "null", "none", "m", "l", "ss", "bin", "digits")
	}
	switch kind {
	case "n":
		return `{"N":"` + rapid.SampledFrom(numbers).Draw(w.t, "n") + `"}`
	case "k":
		return `{"N":"` + rapid.SampledFrom([]string{"0", "1", "2", "-1", "1.0", "0.5", "12"}).Draw(w.t, "k") + `"}`
	case "digits":
		return `{"S":"` + rapid.SampledFrom(numbers).Draw(w.t, "digits") + `"}`
	case "s":
		return `{"S":` + string(attr.AppendJSONString(nil, rapid.SampledFrom(someTexts).Draw(w.t, "s"))) + `}`
	case "b":
		return w.of(`{"BOOL":true}`, `{"BOOL":false}`)
	case "null":
		return `{"NULL":true}`
	case "m":
		return `{"M":{"n":` + w.cell("n") + `,"s":` + w.cell("s") + `,"odd \"name\"":{"S":"o"},"a":{"B":"AQID"},"m":{"M":{"n":` + w.cell("n") + `}}}}`
	case "l":
		return w.of(`{"L":[]}`, `{"L":[`+w.cell("n")+`,{"M":{"n":{"N":"4"}}}]}`, `{"L":[{"L":[{"S":"]}\""}]},{"M":{"s":{"S":""},"n":{"NULL":true}}}]}`)
	case "ss":
		return w.of(`{"SS":["b","a"]}`, `{"NS":["2","10"]}`)
	case "bin":
		return `{"B":"AQID"}`
	}
	return `{"NULL":true}`
}

func (w writer) row() string {
	var fields []string
	for _, f := range [][2]string{{"n", "n"}, {"k", "k"}, {"s", "s"}, {"t", "s"}, {"b", "b"}, {"x", "digits"}, {"y", "null"}, {"m", "m"}, {"l", "l"}, {"ss", "ss"}} {
		if rapid.IntRange(0, 9).Draw(w.t, "absent") > 0 {
			fields = append(fields, `"`+f[0]+`":`+w.cell(f[1]))
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// rowsOf is a batch of rows; crowded, their attributes are in the overflow.
func rowsOf(t interface{ Fatalf(string, ...any) }, crowded bool, rows []string) *record.Batch {
	b := attr.NewBuilder(memory.DefaultAllocator)
	defer b.Release()
	if crowded {
		for i := range record.MaxColumns - 2 {
			b.String(fmt.Sprint("filler", i), "x")
		}
		b.EndRow(record.Pos{Line: 1})
	}
	for i, row := range rows {
		if err := b.AddItem([]byte(row)); err != nil {
			t.Fatalf("row %s: %v", row, err)
		}
		b.EndRow(record.Pos{Line: int64(i + 2), Seq: int64(i)})
	}
	return b.Batch(&record.Place{Source: "source.csv.users", Files: []string{"data/users.csv"}, Segment: -1})
}

// identical reports one kind and, for numbers, one spelling.
func identical(a, b attr.Value) bool {
	return a.Kind() == b.Kind() && string(attr.AppendDynamoJSON(nil, a)) == string(attr.AppendDynamoJSON(nil, b))
}

// Loops give what the walk gives, for every row: the value, its type and its
// spelling, or the rejection. Where a loop says that a row fails, the walk
// fails; what it does not decide, it leaves to the walk.
func TestLoopsAgreeWithTheWalk(t *testing.T) {
	decided := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := writer{rt}
		rows := make([]string, rapid.IntRange(1, 5).Draw(rt, "rows"))
		for i := range rows {
			rows[i] = w.row()
		}
		b := rowsOf(rt, rapid.IntRange(0, 5).Draw(rt, "crowded") == 0, rows)
		defer b.Release()
		for range 10 {
			src := w.any(rapid.IntRange(1, 4).Draw(rt, "depth"))
			e, diags := parseAny(src)
			if diags.HasErrors() {
				rt.Fatalf("%s: %s", src, diags)
			}
			if x, diags := Compile(e, scopeOf(runScope(), src)); !diags.HasErrors() {
				decided += agree(rt, x, b)
			}
		}
	})
	if decided == 0 {
		t.Fatal("the loops have decided nothing")
	}
}

// agree holds an expression's loops against its walk, and gives the number of
// rows that the loops decided.
func agree(t interface {
	Helper()
	Fatalf(string, ...any)
}, x *Expr, b *record.Batch) (decided int) {
	t.Helper()
	if x.program != nil {
		m := x.program.machine(b, x.run, x.slots)
		v, mask := x.program.chunk(m, 0, allRows[:b.Rows()])
		for row := range b.Rows() {
			want, err := x.Eval(b, row)
			at := row & mask
			shown := x.Source() + " on " + string(attr.AppendRow(nil, b, row))
			switch tag := v.tags[at]; {
			case tag == isUndecided:
			case (tag == isFailure) != (err != nil):
				t.Fatalf("%s: the walk gives %s, error %v; the loop's state is %d", shown, show(want), err, tag)
			case tag != isFailure && !identical(m.value(v, at), want):
				t.Fatalf("%s: the walk gives %s, the loop %s", shown, show(want), show(m.value(v, at)))
			default:
				decided++
			}
		}
		if m.partsUsed != 0 || m.argsUsed != 0 {
			t.Fatalf("%s: %d parts and %d arguments are not given back", x.Source(), m.partsUsed, m.argsUsed)
		}
		x.program.done(m)
	}
	why := map[int]string{}
	c := x.Column(memory.DefaultAllocator, "made", b, func(row int, err error) { why[row] = err.Error() })
	defer c.Values.Release()
	for row := range b.Rows() {
		want, err := x.Eval(b, row)
		if err != nil && err.Error() != why[row] || err == nil && why[row] != "" {
			t.Fatalf("%s: rejected with %q, the walk says %v", x.Source(), why[row], err)
		}
		if got := attr.At(c, row); !identical(got, want) {
			t.Fatalf("%s: row %d of the column is %s, the walk gives %s", x.Source(), row, show(got), show(want))
		}
	}
	agreeOnConditions(t, x, b)
	return decided
}

func agreeOnConditions(t interface {
	Helper()
	Fatalf(string, ...any)
}, x *Expr, b *record.Batch) {
	t.Helper()
	var rows []int
	for row := range b.Rows() {
		if row%3 != 1 {
			rows = append(rows, row)
		}
	}
	got := map[int]string{}
	for _, row := range x.Where(b, rows, nil, func(row int, err error) { got[row] = fmt.Sprint(false, err) }) {
		got[row] = fmt.Sprint(true, nil)
	}
	for _, row := range rows {
		is, err := x.Condition(b, row)
		if want := fmt.Sprint(is && err == nil, err); got[row] != want {
			t.Fatalf("%s as a condition on row %d: %s, the walk says %s", x.Source(), row, got[row], want)
		}
	}
	if len(got) != len(rows) {
		t.Fatalf("%s as a condition: %d rows of %d", x.Source(), len(got), len(rows))
	}
}
