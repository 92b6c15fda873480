package filter_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/filter"
)

func TestContract(t *testing.T) {
	for _, where := range []string{`row.ok`, `true`, `false`, `row.n > 1`, `row.id != "1"`} {
		t.Run(where, func(t *testing.T) { transformtest.Contract(t, filter.New, "where = "+where) })
	}
}

func TestFilter(t *testing.T) {
	r := transformtest.Apply(t, filter.New(), `where = row.n > 10`,
		`{"id":{"S":"a"},"n":{"N":"11"}}`,
		`{"id":{"S":"b"},"n":{"N":"9"}}`,
		`{"id":{"S":"c"},"n":{"S":"12"}}`,
		`{"id":{"S":"d"},"n":{"S":"many"}}`,
		`{"id":{"S":"e"}}`,
	)
	want := []string{`{"id":{"S":"a"},"n":{"N":"11"}}`, `{"id":{"S":"c"},"n":{"S":"12"}}`}
	if !slices.Equal(r.Rows, want) || r.Filtered != 1 || len(r.Rejects) != 2 {
		t.Fatalf("%+v", r)
	}
	if m := r.Rejects[0].Message; !strings.Contains(m, "many") || !strings.Contains(m, "test.hcl:2") {
		t.Errorf("the message does not say what and where: %s", m)
	}
	if r.Rejects[0].Code != transforms.CodeExpression || r.Rejects[0].Origin.String() != "rows.jsonl:4" {
		t.Errorf("%+v", r.Rejects[0])
	}
}

// A where that is null filters the row: it neither passes nor is rejected.
func TestNullIsFalse(t *testing.T) {
	r := transformtest.Apply(t, filter.New(), `where = row.flag`,
		`{"id":{"S":"a"},"flag":{"NULL":true}}`, `{"id":{"S":"b"}}`, `{"id":{"S":"c"},"flag":{"BOOL":true}}`)
	if len(r.Rows) != 1 || r.Filtered != 2 || len(r.Rejects) != 0 {
		t.Fatalf("%+v", r)
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		``:                          "where",
		`where = 12`:                "number",
		`where = row.a + 1`:         "number",
		`where = "yes"`:             `"yes"`,
		`where = rov.a`:             "row",
		"where = true\nwhen = true": "when",
	} {
		diags := transformtest.Diagnose(t, filter.New(), body)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%q: %v, which does not mention %q", body, diags, want)
		}
	}
}

// BenchmarkApply lets two thirds of a full batch through.
func BenchmarkApply(b *testing.B) {
	transformtest.Benchmark(b, filter.New(), `where = row.status == "active" && row.age >= 18`)
}

// BenchmarkApplyToAll lets every row through.
func BenchmarkApplyToAll(b *testing.B) {
	transformtest.Benchmark(b, filter.New(), `where = row.age >= 18`)
}
