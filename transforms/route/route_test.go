package route_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/route"
)

const outputs = `
  output "big" {
    where = row.n > 10
  }
  output "odd" {
    where = row.n % 2 == 1
  }
  output "flagged" {
    where = row.ok
  }`

func TestContract(t *testing.T) {
	for name, body := range map[string]string{
		"several":  outputs,
		"all":      "output \"all\" {\n where = true\n}",
		"none":     "output \"none\" {\n where = false\n}",
		"by shape": "output \"text\" {\n where = can(row.id + 1) ? false : true\n}\noutput \"map\" {\n where = row.m != null\n}",
	} {
		t.Run(name, func(t *testing.T) { transformtest.Contract(t, route.New, body) })
	}
}

// The first output that matches takes the row, null is false, and a condition
// that fails rejects the row though a later one would have taken it.
func TestFirstThatMatches(t *testing.T) {
	r := transformtest.Apply(t, route.New(), outputs,
		`{"n":{"N":"11"},"ok":{"BOOL":true}}`,
		`{"n":{"N":"9"},"ok":{"BOOL":true}}`,
		`{"n":{"N":"2"},"ok":{"BOOL":true}}`,
		`{"n":{"N":"2"},"ok":{"NULL":true}}`,
		`{"n":{"N":"2"}}`,
		`{"n":{"S":"?"},"ok":{"BOOL":true}}`,
		`{"n":{"N":"20"}}`,
	)
	if want := []string{"big", "big", "odd", "flagged", route.Otherwise, route.Otherwise}; !slices.Equal(r.Outputs, want) {
		t.Errorf("the outputs are %v, not %v", r.Outputs, want)
	}
	if want := []int64{1, 7, 2, 3, 4, 5}; !slices.Equal(r.Lines, want) {
		t.Errorf("lines %v, not %v", r.Lines, want)
	}
	if len(r.Rejects) != 1 || r.Rejects[0].Operation != `output "big"` || r.Rejects[0].Code != transforms.CodeExpression {
		t.Errorf("%+v", r.Rejects)
	}
}

func TestOutputs(t *testing.T) {
	c := route.New().(*route.Config)
	if diags := transformtest.Diagnose(t, c, outputs); len(diags) > 0 {
		t.Fatal(diags)
	}
	if got := c.Outputs(); !slices.Equal(got, []string{"big", "odd", "flagged", "otherwise"}) {
		t.Errorf("%v", got)
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		``: "No output",
		"output \"otherwise\" {\n where = true\n}":                              "Reserved name",
		"output \"a b\" {\n where = true\n}":                                    "Not a name",
		"output \"a\" {\n where = false\n}\noutput \"a\" {\n where = false\n}":  "Name used twice",
		"output \"a\" {\n}":                                                     "where",
		"output \"a\" {\n where = 3\n}":                                         "number",
		"output \"a\" {\n where = true\n}\noutput \"b\" {\n where = row.b\n}\n": "get no row",
		"where = true": "where",
	} {
		diags := transformtest.Diagnose(t, route.New(), body)
		if len(diags) == 0 || !strings.Contains(diags.Error(), want) {
			t.Errorf("%q: %v, which does not mention %q", body, diags, want)
		}
	}
}
