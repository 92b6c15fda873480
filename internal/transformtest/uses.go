package transformtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/transforms"
)

// contractOfUser holds a transform that says what it uses to that: rows that
// have nothing else end as whole ones do, and the attributes that are used
// downstream come out the same.
func contractOfUser(t *testing.T, create func() transforms.Config, body string) {
	t.Helper()
	user, ok := create().(transforms.User)
	if !ok {
		return
	}
	if diags := Diagnose(t, user, body); diags.HasErrors() {
		t.Fatal(diags)
	}
	whole := Apply(t, create(), body, shapes...)
	for _, out := range []expr.Use{{}, expr.UseOf("id"), expr.UseOf("n", "gone"), expr.UseOf("tags", "ok"),
		expr.UseOf("m", "x", "a", "b", "e"), expr.UseOf("id", "n", "b"), expr.Everything()} {
		narrow := Apply(t, create(), body, narrowed(t, shapes, user.Uses(out))...)
		names, all := out.Names()
		if got, want := summary(t, narrow, out), summary(t, whole, out); !slices.Equal(got, want) {
			used, everything := user.Uses(out).Names()
			t.Errorf("when %q (all: %t) is used downstream it uses %q (all: %t), and gives\n%q\nin place of\n%q", names, all, used, everything, got, want)
		}
	}
}

// narrowed is rows without what is not used.
func narrowed(t testing.TB, rows []string, use expr.Use) []string {
	t.Helper()
	out := make([]string, len(rows))
	for i, row := range rows {
		v, err := attr.ParseDynamoJSON([]byte(`{"M":` + row + `}`))
		if err != nil {
			t.Fatal(err)
		}
		fields := slices.DeleteFunc(slices.Clone(v.Fields()), func(f attr.Field) bool { return !use.Has(f.Name) })
		slices.SortFunc(fields, func(a, b attr.Field) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) })
		wrapped := attr.AppendDynamoJSON(nil, attr.MapValue(fields))
		out[i] = string(wrapped[len(`{"M":`) : len(wrapped)-1])
	}
	return out
}

// summary is what became of rows, as far as it is used, each attribute in order
// of its name.
func summary(t testing.TB, r Result, use expr.Use) []string {
	t.Helper()
	out := []string{fmt.Sprint(r.Made, r.Filtered, r.Coalesced)}
	for i, row := range narrowed(t, r.Rows, use) {
		out = append(out, fmt.Sprint(r.Outputs[i], r.Lines[i], row))
	}
	for _, reject := range r.Rejects {
		out = append(out, fmt.Sprint(reject.Origin, reject.Operation, reject.Code, reject.Message))
	}
	return out
}
