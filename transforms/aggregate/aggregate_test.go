package aggregate_test

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/aggregate"
)

const every = `set = {
  rows  = count()
  sum   = sum(row.n)
  min   = min(row.n)
  max   = max(row.n)
  avg   = avg(row.n)
  first = first(row.n)
  last  = last(row.n)
  all   = collect(row.n)
}`

func TestContract(t *testing.T) {
	for _, body := range []string{
		every,
		"by = { id = row.id }\n" + every,
		"by = { id = row.id, ok = row.ok }\nset = { all = collect(row.m) }",
		"by = { n = row.n + 1 }",
		"set = { n = count() }",
	} {
		t.Run(body, func(t *testing.T) { transformtest.Contract(t, aggregate.New, body) })
	}
}

// made is the rows that a block makes of rows in two units, and its rejects.
func made(t testing.TB, body string, rows ...string) (out []string, rejects []string) {
	t.Helper()
	half := len(rows) / 2
	results := transformtest.Run(t, aggregate.New(), body, rows[:half], rows[half:])
	for _, r := range results {
		for _, reject := range r.Rejects {
			rejects = append(rejects, reject.Operation+": "+reject.Message)
		}
	}
	end := results[len(results)-1]
	if want := int64(len(end.Rows) + len(end.Rejects)); end.Made != want {
		t.Errorf("%d rows made of %d groups", end.Made, want)
	}
	return end.Rows, rejects
}

func TestFunctions(t *testing.T) {
	for name, test := range map[string]struct {
		rows []string
		want string
	}{
		"numbers": {[]string{`{"n":{"N":"2.50"}}`, `{"n":{"N":"-1"}}`, `{"n":{"N":"10"}}`},
			`{"rows":{"N":"3"},"sum":{"N":"11.5"},"min":{"N":"-1"},"max":{"N":"10"},"avg":{"N":"3.8333333333333333333333333333333333333"},"first":{"N":"2.50"},"last":{"N":"10"},"all":{"L":[{"N":"2.50"},{"N":"-1"},{"N":"10"}]}}`},
		"text that is numbers": {[]string{`{"n":{"S":"9"}}`, `{"n":{"S":"10"}}`, `{"n":{"N":"9.5"}}`},
			`{"rows":{"N":"3"},"sum":{"N":"28.5"},"min":{"S":"9"},"max":{"S":"10"},"avg":{"N":"9.5"},"first":{"S":"9"},"last":{"N":"9.5"},"all":{"L":[{"S":"9"},{"S":"10"},{"N":"9.5"}]}}`},
		"nulls are left out": {[]string{`{"n":{"NULL":true}}`, `{"n":{"N":"4"}}`, `{}`},
			`{"rows":{"N":"3"},"sum":{"N":"4"},"min":{"N":"4"},"max":{"N":"4"},"avg":{"N":"4"},"first":{"N":"4"},"last":{"N":"4"},"all":{"L":[{"N":"4"}]}}`},
		"nothing but nulls": {[]string{`{}`, `{"n":{"NULL":true}}`}, `{"rows":{"N":"2"},"all":{"L":[]}}`},
		"no row":            {nil, `{"rows":{"N":"0"},"all":{"L":[]}}`},
		"exact, whatever the order": {[]string{`{"n":{"N":"1e40"}}`, `{"n":{"N":"0.1"}}`, `{"n":{"N":"-1e40"}}`, `{"n":{"N":"0.2"}}`},
			`{"rows":{"N":"4"},"sum":{"N":"0.3"},"min":{"N":"-1e40"},"max":{"N":"1e40"},"avg":{"N":"0.075"},"first":{"N":"1e40"},"last":{"N":"0.2"},"all":{"L":[{"N":"1e40"},{"N":"0.1"},{"N":"-1e40"},{"N":"0.2"}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			rows, rejects := made(t, every, test.rows...)
			if len(rejects) > 0 || len(rows) != 1 || rows[0] != test.want {
				t.Errorf("got\n%s\nwant\n%s\nrejects %v", strings.Join(rows, "\n"), test.want, rejects)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	rows, rejects := made(t, "by = { k = row.k, big = row.n > 1 }\nset = { n = count(), s = sum(row.n) }",
		`{"k":{"S":"b"},"n":{"N":"1"}}`,
		`{"k":{"N":"1.0"},"n":{"N":"1"}}`,
		`{"n":{"N":"1"}}`,
		`{"k":{"S":"b"},"n":{"N":"2"}}`,
		`{"k":{"N":"1"},"n":{"N":"0.5"}}`,
		`{"k":{"S":"1"},"n":{"N":"1"}}`,
		`{"k":{"NULL":true},"n":{"N":"1"}}`,
		`{"k":{"S":"b"},"n":{"S":"?"}}`,
	)
	want := []string{
		`{"k":{"S":"b"},"big":{"BOOL":false},"n":{"N":"1"},"s":{"N":"1"}}`,
		`{"k":{"N":"1.0"},"big":{"BOOL":false},"n":{"N":"2"},"s":{"N":"1.5"}}`,
		`{"big":{"BOOL":false},"n":{"N":"2"},"s":{"N":"2"}}`,
		`{"k":{"S":"b"},"big":{"BOOL":true},"n":{"N":"1"},"s":{"N":"2"}}`,
		`{"k":{"S":"1"},"big":{"BOOL":false},"n":{"N":"1"},"s":{"N":"1"}}`,
	}
	if !slices.Equal(rows, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	if len(rejects) != 1 || !strings.HasPrefix(rejects[0], "by big: ") {
		t.Errorf("%v", rejects)
	}
}

// A row that one function can't take counts in none of them, and makes no group.
func TestRejectedRowsCountNowhere(t *testing.T) {
	body := "by = { k = row.k }\nset = { rows = count(), first = first(row.v), least = min(row.v), total = sum(row.n) }"
	rows, rejects := made(t, body,
		`{"k":{"S":"a"},"v":{"S":"x"},"n":{"N":"1"}}`,
		`{"k":{"S":"a"},"v":{"N":"1"},"n":{"N":"1"}}`,
		`{"k":{"S":"a"},"v":{"S":"w"},"n":{"S":"many"}}`,
		`{"k":{"S":"b"},"v":{"S":"x"},"n":{"BOOL":true}}`,
		`{"k":{"S":"c"},"v":{"M":{}},"n":{"N":"1"}}`,
	)
	if want := `{"k":{"S":"a"},"rows":{"N":"1"},"first":{"S":"x"},"least":{"S":"x"},"total":{"N":"1"}}`; len(rows) != 1 || rows[0] != want {
		t.Errorf("%v", rows)
	}
	for i, want := range []string{`set least: test.hcl`, `"many" is not a number`, `sum(row.n): a bool is not a number`, `a map has no order`} {
		if i >= len(rejects) || !strings.Contains(rejects[i], want) {
			t.Fatalf("%v: the rejects say nothing of %q", rejects, want)
		}
	}
}

// A group whose sum no number of DynamoDB's can hold is in the dead letter, with
// what can be said of it, and the others are made.
func TestSumOutOfRange(t *testing.T) {
	rows, rejects := made(t, "by = { k = row.k }\nset = { rows = count(), total = sum(row.n) }",
		`{"k":{"S":"a"},"n":{"N":"9e125"}}`, `{"k":{"S":"b"},"n":{"N":"1"}}`, `{"k":{"S":"a"},"n":{"N":"9e125"}}`)
	if len(rows) != 1 || rows[0] != `{"k":{"S":"b"},"rows":{"N":"1"},"total":{"N":"1"}}` {
		t.Errorf("%v", rows)
	}
	if len(rejects) != 1 || !strings.Contains(rejects[0], "too large") || !strings.Contains(rejects[0], "sum(row.n)") {
		t.Errorf("%v", rejects)
	}
}

// Sums and means of any numbers are what exact fractions give, rounded half-even
// to 38 digits.
func TestSumsOfAnyNumbers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,18})?(e-?[1-3]?[0-9])?`), 1, 30).Draw(rt, "numbers")
		total := new(big.Rat)
		var rows []string
		for _, text := range texts {
			r, ok := new(big.Rat).SetString(text)
			if !ok || attr.CheckNumber(text) != nil {
				continue
			}
			total.Add(total, r)
			rows = append(rows, `{"n":{"N":"`+text+`"}}`)
		}
		if len(rows) == 0 {
			return
		}
		got, rejects := made(t, "set = { sum = sum(row.n), avg = avg(row.n) }", rows...)
		mean := new(big.Rat).Quo(total, big.NewRat(int64(len(rows)), 1))
		want := fmt.Sprintf(`{"sum":{"N":"%s"},"avg":{"N":"%s"}}`, rounded(total), rounded(mean))
		if len(rejects) > 0 || len(got) != 1 || got[0] != want {
			rt.Fatalf("%v of %v: got %v, want %s", rejects, rows, got, want)
		}
	})
}

// rounded is a fraction as a decimal of 38 digits, half-even, computed with
// integers alone.
func rounded(r *big.Rat) string {
	if r.Sign() == 0 {
		return "0"
	}
	ten := big.NewRat(10, 1)
	x := new(big.Rat).Abs(r)
	exponent := 0 // so that x has 38 digits before the point
	low, high := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(37), nil)), new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil))
	for x.Cmp(low) < 0 {
		x.Mul(x, ten)
		exponent--
	}
	for x.Cmp(high) >= 0 {
		x.Quo(x, ten)
		exponent++
	}
	whole, rest := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	switch new(big.Int).Lsh(rest, 1).Cmp(x.Denom()) {
	case 1:
		whole.Add(whole, big.NewInt(1))
	case 0:
		whole.Add(whole, new(big.Int).And(whole, big.NewInt(1)))
	}
	sign := ""
	if r.Sign() < 0 {
		sign = "-"
	}
	return attr.CanonicalNumber(fmt.Sprintf("%s%se%d", sign, whole, exponent))
}

// Promise 6: one group too many, or too much to keep, is an error that says what
// to do.
func TestLimits(t *testing.T) {
	for body, want := range map[string]string{
		"by = { n = row.n }\nmax_groups = 3":                             "more than 3 groups",
		"set = { all = collect(row.text) }\nmax_bytes = \"4KB\"":         "raise max_bytes",
		"by = { t = row.text }\nmax_bytes = \"4KB\"":                     "raise max_bytes",
		"set = { l = last(row.text), m = max(row.n) }\nmax_bytes = 1024": "",
	} {
		t.Run(body, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer mem.AssertSize(t, 0)
			open := transformtest.Open(t, aggregate.New(), mem, body).(transforms.Flusher)
			var rows []string
			for i := range 100 {
				rows = append(rows, fmt.Sprintf(`{"n":{"N":"%d"},"text":{"S":"%d%s"}}`, i, i, strings.Repeat("x", 60)))
			}
			in := transformtest.Batch(t, mem, 0, rows...)
			defer in.Release()
			err := open.Apply(context.Background(), in, &transforms.Out{})
			switch {
			case want == "":
				if err != nil || open.Drop() != 100 {
					t.Errorf("%v", err)
				}
			case err == nil || !strings.Contains(err.Error(), want):
				t.Errorf("%v, which does not mention %q", err, want)
			case open.Drop() != 0:
				t.Error("rows of a batch that failed are counted")
			}
		})
	}
}

// Promise 9: a run that is stopped makes no row, and all rows count as unsettled.
func TestStop(t *testing.T) {
	if r := transformtest.Stop(t, aggregate.New(), "set = { n = count() }", []string{`{}`, `{}`}, []string{`{}`}); len(r) != 2 || len(r[0].Rows)+len(r[1].Rows) > 0 || r[0].Coalesced > 0 {
		t.Errorf("%+v", r)
	}
}

func TestShape(t *testing.T) {
	c := aggregate.New()
	if diags := transformtest.Diagnose(t, c, "by = { k = upper(row.k) }\nset = { n = count(), s = sum(row.n), l = collect(row.n), f = first(lower(row.k)) }"); len(diags) > 0 {
		t.Fatal(diags)
	}
	s := c.Shape(expr.Shape{})
	for name, want := range map[string]expr.Kinds{
		"k": expr.String | expr.Null, "n": expr.Number, "s": expr.Number | expr.Null, "l": expr.List, "f": expr.String | expr.Null, "other": expr.Null,
	} {
		if got := s.Attr(name); got != want {
			t.Errorf("%s: %b, not %b", name, got, want)
		}
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		``: "Nothing to aggregate",
		"by = { a = row.a }\nset = { a = count() }":      "Name used twice",
		"set = { a = count(), a = sum(row.b) }":          "Name used twice",
		"set = { a = count(row.b) }":                     "count() takes no argument, not 1",
		"set = { a = sum() }":                            "sum(x) takes 1 argument, not 0",
		"set = { a = sun(row.b) }":                       `Did you mean "sum"`,
		"set = { a = row.b }":                            "map transform after this one",
		"set = { a = sum(row.b) / count() }":             "map transform after this one",
		"set = { a = sum(rov.b) }":                       "row",
		"set = { a = sum([row.b]) }":                     "gives list",
		"set = { a = max({ b = row.b }) }":               "gives map",
		"set = { a = sum(row.b) }\nmax_groups = 0":       "at least 1",
		"set = { a = sum(row.b) }\nby = row.b":           "by",
		"set = { a = sum(row.b) }\ngroup_by = { b = 1 }": "group_by",
	} {
		diags := transformtest.Diagnose(t, aggregate.New(), body)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%q: %v, which does not mention %q", body, diags, want)
		}
	}
}

func BenchmarkAggregate(b *testing.B) {
	mem := memory.NewGoAllocator()
	open := transformtest.Open(b, aggregate.New(), mem, "by = { k = row.k }\nset = { rows = count(), total = sum(row.n), most = max(row.n) }")
	items := make([]string, 2048)
	for i := range items {
		items[i] = fmt.Sprintf(`{"k":{"S":"group-%d"},"name":{"S":"somebody"},"n":{"N":"%d.5"}}`, i%100, i)
	}
	in := transformtest.Batch(b, mem, 0, items...)
	defer in.Release()
	b.ReportAllocs()
	for b.Loop() {
		if err := open.Apply(b.Context(), in, &transforms.Out{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(items)), "ns/row")
}
