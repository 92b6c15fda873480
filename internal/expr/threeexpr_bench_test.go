package expr

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// threeExpressions are what `make bench` compares with go-cty, on a row of the
// benchmark's data: a template, a function, and a product that is compared.
var threeExpressions = []string{
	`"USER#${row.id}"`,
	`upper(row.country)`,
	`row.balance * 1.19 > 12000 ? "gold" : "standard"`,
}

const benchmarkRows = 2048

// BenchmarkThreeExpressions evaluates three expressions on one row. go-cty's
// way is the usual one: the row becomes an object of its context.
func BenchmarkThreeExpressions(b *testing.B) {
	rows := make([]string, benchmarkRows)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"id":{"S":"u%09d"},"email":{"S":"ada.%d@example.com"},"name":{"S":"Ada Lovelace"},"status":{"S":"active"},`+
			`"balance":{"N":"%d.%02d"},"created":{"S":"2020-11-14T18:14:27Z"},"age":{"N":"%d"},"country":{"S":"us"},`+
			`"tags":{"S":"trial|partner"},"note":{"S":"no remarks so far, and none to be expected"}}`, i, i, i*10, i%100, 18+i%70)
	}
	batch := batchOf(b, rows...)
	exprs := make([]*Expr, len(threeExpressions))
	for i, src := range threeExpressions {
		exprs[i] = compiled(b, Scope{}, src)
	}
	// An iteration is a row: the columns of a whole batch are made with the
	// first of its rows.
	b.Run("compiled", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%benchmarkRows > 0 {
				continue
			}
			for _, x := range exprs {
				x.Column(memory.DefaultAllocator, "made", batch, func(_ int, err error) { b.Fatal(err) }).Values.Release()
			}
		}
	})
	b.Run("walk", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			for _, x := range exprs {
				if _, err := x.Eval(batch, i%benchmarkRows); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("go-cty", func(b *testing.B) {
		var list []hcl.Expression
		for _, src := range threeExpressions {
			list = append(list, parse(b, src))
		}
		values := make([][]attr.Field, benchmarkRows)
		for i := range values {
			v, err := attr.ParseDynamoJSON([]byte(`{"M":` + rows[i] + `}`))
			if err != nil {
				b.Fatal(err)
			}
			values[i] = v.Fields()
		}
		functions := map[string]function.Function{"upper": stdlib.UpperFunc}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			row := make(map[string]cty.Value, len(values[i%benchmarkRows]))
			for _, f := range values[i%benchmarkRows] {
				switch f.Value.Kind() {
				case attr.Number:
					row[f.Name] = cty.MustParseNumberVal(f.Value.Text())
				default:
					row[f.Name] = cty.StringVal(f.Value.Text())
				}
			}
			ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"row": cty.ObjectVal(row)}, Functions: functions}
			for _, x := range list {
				if _, diags := x.Value(ctx); diags.HasErrors() {
					b.Fatal(diags)
				}
			}
		}
	})
}
