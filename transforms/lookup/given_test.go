package lookup

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/transformtest"
)

// openGiven opens a lookup whose gets find these items.
func openGiven(t *testing.T, body string, items ...attr.Value) *opened {
	t.Helper()
	c := New().(*Config)
	if diags := transformtest.Diagnose(t, c, body); diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, g := range c.Gets() {
		if err := c.Give(g.Name, items); err != nil {
			t.Fatal(err)
		}
	}
	o, err := openConfig(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestGivenIsAsATable holds what a lookup makes of given items against what it
// makes of the same items in a real table.
func TestGivenIsAsATable(t *testing.T) {
	server := start(t)
	table := putEveryType(t, server)
	item, err := attr.ParseDynamoJSON([]byte(`{"M":{"id":{"S":"a"},` + everyType + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{`{"k":{"S":"a"}}`, `{"k":{"S":"b"}}`, `{"k":{"S":"a"},"n":{"N":"1"}}`, `{"k":{"N":"1"}}`, `{"x":{"N":"1"}}`, `{"q":{"N":"1"}}`, `{"k":{"S":""}}`}
	for _, mode := range []string{"batch", "transaction"} {
		for _, missing := range []string{"null", "drop", "reject"} {
			for _, more := range []string{
				"", "flatten = true", `projection = ["name", "n"]`, `projection = ["m[\"a b\"]", "[\"a.b\"]", "l[1]", "l[0]", "id"]`,
				`projection = ["nothing", "id.deeper", "ss"]`, `projection = "nothing"`, "projection = [\"m.e\", \"t\"]\nflatten = true",
			} {
				body := fmt.Sprintf("mode = %q\non_missing = %q\nget \"x\" {\ntable = %q\nkey = { id = row.k }\n%s\n}\n"+
					"get \"y\" {\ntable = %q\nkey = { id = row.k }\nprojection = \"name\"\n}", mode, missing, table, more, table)
				if mode == "transaction" { // which reads an item once
					body = fmt.Sprintf("mode = %q\non_missing = %q\nget \"x\" {\ntable = %q\nkey = { id = row.k }\n%s\n}", mode, missing, table, more)
				}
				want, got := open(t, body).apply(t, rows...), openGiven(t, body, item).apply(t, rows...)
				if len(want.rows) != len(got.rows) || want.filtered != got.filtered || !reflect.DeepEqual(want.rejects, got.rejects) {
					t.Errorf("%s:\n%s, %d filtered, %+v, and of a table\n%s, %d filtered, %+v", body, got.rows, got.filtered, got.rejects, want.rows, want.filtered, want.rejects)
					continue
				}
				got.want(t, want.rows...)
			}
		}
	}
}

// TestGivenKeys: keys compare by value, and an item without its key is none.
func TestGivenKeys(t *testing.T) {
	const body = "get \"x\" {\ntable = \"tab\"\nkey = { a = row.k, b = \"s\" }\n}"
	parse := func(text string) attr.Value {
		v, err := attr.ParseDynamoJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	item := parse(`{"M":{"b":{"S":"s"},"a":{"N":"1.0"}}}`)
	openGiven(t, body, item).apply(t, `{"k":{"N":"1"}}`, `{"k":{"N":"2"}}`).want(t, `{"k":{"N":"1"},"x":{"M":{"a":{"N":"1.0"},"b":{"S":"s"}}}}`, `{"k":{"N":"2"}}`)
	openGiven(t, body).apply(t, `{"k":{"S":"1"}}`).want(t, `{"k":{"S":"1"}}`)
	c := New().(*Config)
	if diags := transformtest.Diagnose(t, c, body); diags.HasErrors() {
		t.Fatal(diags)
	}
	var not *NotAnItem
	if err := c.Give("x", []attr.Value{item, parse(`{"M":{"a":{"N":"2"}}}`)}); !errors.As(err, &not) || not.Item != 1 {
		t.Errorf("an item without a part of its key: %v", err)
	}
}
