package expr

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

const testFile = "test.hcl"

// parse reads an expression, which must be one.
func parse(t testing.TB, src string) hcl.Expression {
	t.Helper()
	e, diags := parseAny(src)
	if diags.HasErrors() {
		t.Fatalf("parse %s: %s", src, diags)
	}
	return e
}

func parseAny(src string) (hcl.Expression, hcl.Diagnostics) {
	return hclsyntax.ParseExpression([]byte(src), testFile, hcl.InitialPos)
}

// scopeOf completes a scope with the source of an expression.
func scopeOf(s Scope, src string) *Scope {
	s.Sources = map[string][]byte{testFile: []byte(src)}
	return &s
}

// compiled is the expression, which must have no diagnostics.
func compiled(t testing.TB, s Scope, src string) *Expr {
	t.Helper()
	x, diags := Compile(parse(t, src), scopeOf(s, src))
	if len(diags) > 0 {
		t.Fatalf("compile %s: %s: %s", src, diags[0].Summary, diags[0].Detail)
	}
	return x
}

// batchOf is a batch of rows written as DynamoDB JSON maps.
func batchOf(t testing.TB, rows ...string) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i, row := range rows {
		if err := b.AddItem([]byte(row)); err != nil {
			t.Fatalf("row %s: %v", row, err)
		}
		b.EndRow(record.Pos{File: 0, Line: int64(i + 2), Seq: int64(i)})
	}
	batch := b.Batch(&record.Place{Source: "source.csv.users", Files: []string{"data/users.csv"}, Segment: -1})
	t.Cleanup(batch.Release)
	return batch
}

// value is a value written as DynamoDB JSON, or "null".
func value(t testing.TB, text string) attr.Value {
	t.Helper()
	if text == "null" {
		return attr.Value{}
	}
	v, err := attr.ParseDynamoJSON([]byte(text))
	if err != nil {
		t.Fatalf("value %s: %v", text, err)
	}
	return v
}

// show is a value as the tests write it.
func show(v attr.Value) string {
	if v.IsNull() {
		return "null"
	}
	return string(attr.AppendDynamoJSON(nil, v))
}

// testRow is the row that most tests look at.
const testRow = `{
	"id": {"S": "42"}, "name": {"S": "Ada"}, "zip": {"S": "01234"}, "balance": {"N": "100.50"},
	"n": {"N": "7"}, "neg": {"N": "-7"}, "vip": {"BOOL": true}, "gone": {"NULL": true}, "empty": {"S": ""},
	"big": {"N": "99999999999999999999999999999999999999"}, "exp": {"N": "1.20E+3"},
	"bin": {"B": "AQID"}, "odd name": {"S": "odd"}, "total-row": {"M": {"tax": {"N": "3"}}},
	"tags": {"L": [{"S": "a"}, {"S": "b"}]}, "nums": {"L": [{"N": "3"}, {"N": "1"}, {"N": "2"}]},
	"ss": {"SS": ["b", "a"]}, "ns": {"NS": ["10", "9"]},
	"address": {"M": {"city": {"S": "London"}, "geo": {"M": {"lat": {"N": "51.5"}}}, "none": {"NULL": true}}},
	"users": {"L": [{"M": {"name": {"S": "x"}, "age": {"N": "30"}}}, {"M": {"name": {"S": "y"}}}]}
}`

// evalCase is an expression over testRow and what it gives, or the error.
type evalCase struct{ src, want string }

// runCases evaluates each expression. A wanted text that begins with "error: "
// is a part of the error's message.
func runCases(t *testing.T, s Scope, cases []evalCase) {
	t.Helper()
	b := batchOf(t, testRow)
	for _, c := range cases {
		t.Run(c.src, func(t *testing.T) {
			x, diags := Compile(parse(t, c.src), scopeOf(s, c.src))
			part, wantErr := strings.CutPrefix(c.want, "error: ")
			if diags.HasErrors() {
				if got := diags[0].Detail; !wantErr || !strings.Contains(got, part) {
					t.Fatalf("got diagnostic %q, want %s", got, c.want)
				}
				return
			}
			v, err := x.Eval(b, 0)
			if err != nil {
				if !wantErr || !strings.Contains(err.Error(), part) {
					t.Fatalf("got error %q, want %s", err, c.want)
				}
				return
			}
			if wantErr {
				t.Fatalf("got %s, want %s", show(v), c.want)
			}
			if got := show(v); got != c.want && !attr.Equal(v, value(t, c.want)) {
				t.Fatalf("got %s, want %s", got, c.want)
			}
			if !x.Kinds().Has(v.Kind()) {
				t.Fatalf("gave a %s, which Kinds says it never does: %s", v.Kind(), x.Kinds())
			}
		})
	}
}
