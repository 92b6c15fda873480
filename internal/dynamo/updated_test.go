package dynamo

import (
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// An update whose answer was lost is known by what it leaves, when that says
// everything.
func TestUpdated(t *testing.T) {
	const row = `{"pk":{"S":"a"},"n":{"N":"2"},"s":{"S":"x"},"l":{"L":[{"N":"1"}]}}`
	for _, c := range []struct {
		body, item string
		want       bool
	}{
		{`set = { n = row.n }`, `{"n":{"N":"2.0"}}`, true},
		{`set = { n = row.n }`, `{"n":{"N":"3"}}`, false},
		{`set = { n = row.n }`, `{}`, false},
		{"set = {\nn = row.n\ns = row.s\n}", `{"n":{"N":"2"},"s":{"S":"x"},"z":{"N":"1"}}`, true},
		{"set = {\nn = row.n\ns = row.s\n}", `{"n":{"N":"2"},"s":{"S":"y"}}`, false},
		{`set = { "m.k[1]" = row.s }`, `{"m":{"M":{"k":{"L":[{"N":"1"},{"S":"x"}]}}}}`, true},
		{`set = { "m.k[1]" = row.s }`, `{"m":{"M":{"k":{"L":[{"N":"1"}]}}}}`, false},
		{"set = { n = row.n }\nremove = [\"r\", \"m.x\"]", `{"n":{"N":"2"},"m":{"M":{}}}`, true},
		{"set = { n = row.n }\nremove = [\"r\", \"m.x\"]", `{"n":{"N":"2"},"r":{"N":"2"}}`, false},
		{"set = { n = row.n }\nremove = [\"r\", \"m.x\"]", `{"n":{"N":"2"},"m":{"M":{"x":{"N":"2"}}}}`, false},
		{`remove = ["r"]`, `{}`, true},
		{`remove = ["r"]`, `{"r":{"NULL":true}}`, false},
		{`add = { n = row.n }`, `{"n":{"N":"2"}}`, false},
		{"set = { s = row.s }\nadd = { n = row.n }", `{"n":{"N":"2"},"s":{"S":"x"}}`, false},
		{"remove = [\"r\"]\nadd = { n = row.n }", `{"n":{"N":"2"}}`, false},
		{`set = { n = item.n + row.n }`, `{"n":{"N":"2"}}`, false},
		{`set = { n = row.n - item.n }`, `{"n":{"N":"2"}}`, false},
		{`set = { n = if_not_exists(item.n, row.n) }`, `{"n":{"N":"2"}}`, false},
		{"others = true", `{"pk":{"S":"a"},"n":{"N":"2"},"s":{"S":"x"},"l":{"L":[{"N":"1"}]},"more":{"N":"0"}}`, true},
		{"others = true", `{"pk":{"S":"a"},"n":{"N":"2"},"s":{"S":"x"},"l":{"L":[{"N":"2"}]}}`, false},
	} {
		p, diags := compileWrite(t, c.body+"\ncondition = !exists(item.done)")
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if err := p.CheckKeys("t", []string{"pk"}); err != nil {
			t.Fatal(err)
		}
		b := rows(t, row)
		p.Begin(b)
		body, err := p.Append([]byte(`{"TableName":"t"`), 0)
		p.End()
		b.Release()
		item, wrong := attr.ParseDynamoJSON([]byte(`{"M":` + c.item + `}`))
		if err != nil || wrong != nil {
			t.Fatal(err, wrong)
		}
		if got := Updated(body, item); got != c.want {
			t.Errorf("%s on %s: %v", c.body, c.item, got)
		}
	}
}
