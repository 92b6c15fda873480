package lookup

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/transformtest"
)

func TestDiagnostics(t *testing.T) {
	get := func(name, rest string) string {
		return fmt.Sprintf("get %q {\ntable = \"users\"\nkey = { id = row.id }\n%s\n}\n", name, rest)
	}
	for body, want := range map[string]string{
		``:                                  "1,1-21: Missing block",
		"get \"x\" {\ntable = \"users\"\n}": `needs "key"`,
		"get \"x\" {\ntable = \"no table\"\nkey = { id = row.id }\n}":      `3,9-19: Not a table; "no table" is no table`,
		"get \"x\" {\ntable = \"users\"\nkey = {}\n}":                      "4,7-9: Not a key",
		"get \"x\" {\ntable = \"users\"\nkey = { a = 1, b = 2, c = 3 }\n}": "4,7-30: Not a key",
		"get \"x\" {\ntable = \"users\"\nkey = { a = null }\n}":            "4,13-17: Key is null",
		"get \"x\" {\ntable = \"users\"\nkey = { a = \"\" }\n}":            "4,13-15: Empty key",
		"get \"x\" {\ntable = \"users\"\nkey = { a = row.n > 1 }\n}":       "4,13-22: Wrong type of key; A key attribute is a string, a number or binary, and this expression gives bool",
		"get \"x\" {\ntable = \"users\"\nkey = { a = [row.n] }\n}":         "gives list",
		get("", ""):                                                    "2,5-7: Not a name",
		get("x", "projection = []"):                                    "5,14-16: Empty projection",
		get("x", `projection = ["a", "a.b"]`):                          "5,14-26: Overlapping paths",
		get("x", `projection = ["a..b"]`):                              "5,14-22: Invalid attribute path",
		get("x", "") + get("x", ""):                                    "7,5-8: Name used twice",
		get("x", "") + "mode = \"both\"":                               "Unknown value",
		get("x", "") + "on_missing = \"skip\"":                         "Unknown value",
		get("x", "") + "cache = -1":                                    "Number out of range",
		get("x", "") + "concurrency = 0":                               "Number out of range",
		get("x", "") + "cache = 5\nmode = \"transaction\"":             "7,9-10: Cache of a transaction",
		get("x", "consistent_read = false") + "mode = \"transaction\"": "2,5-8: Eventually consistent read in a transaction",
		get("x", "connection = connection.dynamodb.main"):              "Unknown reference",
		"mode = \"transaction\"\n" + many(101):                         "Too many items for a transaction; A row would ask for 101 items",
	} {
		diags := transformtest.Diagnose(t, New(), body)
		if !diags.HasErrors() || !strings.Contains(text(diags), want) {
			t.Errorf("%s\ngives %s\nwant %s", body, text(diags), want)
		}
	}
	for _, body := range []string{
		get("x", "") + get("y", "consistent_read = false\nflatten = true") + "cache = 10\nretry {\nmax_attempts = 3\n}",
		"mode = \"transaction\"\n" + many(100),
		get("x", "consistent_read = true") + "mode = \"transaction\"",
		"get \"x\" {\ntable = \"arn:aws:dynamodb:eu-west-1:123456789012:table/users\"\nkey = { id = 5, sk = \"a\" }\n}",
	} {
		if diags := transformtest.Diagnose(t, New(), body); len(diags) > 0 {
			t.Errorf("%s\ngives %s", body, text(diags))
		}
	}
	diags := transformtest.Diagnose(t, New(), get("x", "consistent_read = true")+"cache = 10")
	if len(diags) != 1 || diags[0].Severity != hcl.DiagWarning || diags[0].Summary != "Consistent reads that are kept" {
		t.Errorf("a cache of consistent reads gives %s", text(diags))
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "get \"g%d\" {\ntable = \"users\"\nkey = { id = row.id }\n}\n", i)
	}
	return b.String()
}

func text(diags hcl.Diagnostics) string {
	var lines []string
	for _, d := range diags {
		lines = append(lines, fmt.Sprintf("%s: %s; %s", strings.TrimPrefix(d.Subject.String(), "test.hcl:"), d.Summary, d.Detail))
	}
	return strings.Join(lines, "\n")
}

func TestShape(t *testing.T) {
	shape := func(body string, in expr.Shape) expr.Shape {
		c := New()
		if diags := transformtest.Diagnose(t, c, body); diags.HasErrors() {
			t.Fatal(diags)
		}
		return c.Shape(in)
	}
	in := expr.Shape{Attrs: map[string]expr.Kinds{"id": expr.String, "n": expr.Number | expr.Null}, Rest: expr.Null}
	const get = "get \"x\" {\ntable = \"users\"\nkey = { id = row.id }\n"
	out := shape(get+"}", in)
	if out.Attr("x") != expr.Map|expr.Null || out.Attr("id") != expr.String || out.Attr("y") != expr.Null || len(in.Attrs) != 2 {
		t.Errorf("attribute: %+v", out)
	}
	out = shape(get+"flatten = true\n}", in)
	if out.Attr("x") != expr.Unknown || out.Attr("id") != expr.String || out.Attr("n") != expr.Unknown {
		t.Errorf("flattened: %+v", out)
	}
	out = shape(get+"flatten = true\nprojection = [\"n\", \"id\", \"a.b\"]\n}", in)
	if out.Attr("a") != expr.Unknown || out.Attr("n") != expr.Unknown || out.Attr("id") != expr.String || out.Attr("y") != expr.Null {
		t.Errorf("flattened projection: %+v", out)
	}
}

func TestUses(t *testing.T) {
	for body, want := range map[string]string{
		"key = { id = row.a }":                                                 "a later x",
		"key = { id = \"${row.a}#${row.b}\" }":                                 "a b later x",
		"key = { id = row.a }\nflatten = true\nprojection = [\"c.d\", \"id\"]": "a c id later",
		"key = { id = row.a }\nflatten = true":                                 "all",
	} {
		c := New()
		if diags := transformtest.Diagnose(t, c, "get \"x\" {\ntable = \"users\"\n"+body+"\n}"); diags.HasErrors() {
			t.Fatal(diags)
		}
		names, all := c.(*Config).Uses(expr.UseOf("later")).Names()
		if got := strings.Join(names, " "); got != want && !(all && want == "all") {
			t.Errorf("%s uses %q, all %t, want %q", body, got, all, want)
		}
	}
}

func TestFacts(t *testing.T) {
	server := start(t)
	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
	c := New()
	body := fmt.Sprintf("cache = 100\non_missing = \"drop\"\nget \"x\" {\ntable = %q\nkey = { pk = row.a, sk = 1 }\n}\nget \"y\" {\ntable = %q\nkey = { pk = row.b }\n}\nget \"z\" {\ntable = \"nowhere\"\nkey = { pk = row.b }\n}", table, table)
	if diags := transformtest.Diagnose(t, c, body); diags.HasErrors() {
		t.Fatal(diags)
	}
	f, err := c.(*Config).Facts(t.Context())
	if err != nil || strings.Join(f.Calls, " ") != "DescribeTable BatchGetItem" || len(f.Tables) != 2 || f.Order == "" || f.Guarantee == "" {
		t.Fatalf("%v, %+v", err, f)
	}
	if u := f.Tables[0]; u.Name != table || u.Use != "read" || strings.Join(u.Keys, ", ") != "pk (S), sk (N)" || !strings.Contains(u.Note, "0 items when DynamoDB last counted") ||
		!strings.Contains(u.Note, `get "y": key lacks "sk"`) {
		t.Errorf("%+v", u)
	}
	if u := f.Tables[1]; u.Name != "nowhere" || u.Note != "there is no such table: a run would fail" {
		t.Errorf("%+v", u)
	}
	notes := strings.Join(f.Notes, "\n")
	for _, want := range []string{"requests of up to 100 keys, 3 keys for each row; equal keys of a batch are asked for once", "up to 100 items are kept", "a row without one of its items is filtered"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in %q", want, notes)
		}
	}
}
