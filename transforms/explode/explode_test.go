package explode_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/explode"
)

func TestContract(t *testing.T) {
	for _, body := range []string{
		`field = "tags"`,
		"field = \"tags\"\non_empty = \"keep\"",
		"field = \"tags\"\nas = \"tag\"\non_empty = \"keep\"",
		"field = \"tags\"\nas = \"id\"",
		"field = \"n\"",
		"field = \"nothing\"\nas = \"n\"\non_empty = \"keep\"",
	} {
		t.Run(body, func(t *testing.T) { transformtest.Contract(t, explode.New, body) })
	}
}

var rows = []string{
	`{"id":{"S":"a"},"l":{"L":[{"N":"1.0"},{"S":"x"},{"NULL":true},{"M":{"k":{"S":"v"}}}]}}`,
	`{"id":{"S":"b"},"l":{"L":[]}}`,
	`{"id":{"S":"c"}}`,
	`{"id":{"S":"d"},"l":{"NULL":true}}`,
	`{"id":{"S":"e"},"l":{"NS":["10","9","-1"]},"more":{"BOOL":true}}`,
	`{"id":{"S":"f"},"l":{"SS":["one"]}}`,
	`{"id":{"S":"g"},"l":{"S":"text"}}`,
	`{"id":{"S":"h"},"l":{"M":{"a":{"N":"1"}}}}`,
}

func TestExplode(t *testing.T) {
	for name, test := range map[string]struct {
		body     string
		want     []string
		lines    []int64
		filtered int64
	}{
		"in place": {`field = "l"`, []string{
			`{"id":{"S":"a"},"l":{"N":"1.0"}}`, `{"id":{"S":"a"},"l":{"S":"x"}}`, `{"id":{"S":"a"},"l":{"NULL":true}}`, `{"id":{"S":"a"},"l":{"M":{"k":{"S":"v"}}}}`,
			`{"id":{"S":"e"},"l":{"N":"-1"},"more":{"BOOL":true}}`, `{"id":{"S":"e"},"l":{"N":"9"},"more":{"BOOL":true}}`, `{"id":{"S":"e"},"l":{"N":"10"},"more":{"BOOL":true}}`,
			`{"id":{"S":"f"},"l":{"S":"one"}}`,
		}, []int64{1, 1, 1, 1, 5, 5, 5, 6}, 3},
		"empty kept": {"field = \"l\"\non_empty = \"keep\"", []string{
			`{"id":{"S":"a"},"l":{"N":"1.0"}}`, `{"id":{"S":"a"},"l":{"S":"x"}}`, `{"id":{"S":"a"},"l":{"NULL":true}}`, `{"id":{"S":"a"},"l":{"M":{"k":{"S":"v"}}}}`,
			`{"id":{"S":"b"}}`, `{"id":{"S":"c"}}`, `{"id":{"S":"d"}}`,
			`{"id":{"S":"e"},"l":{"N":"-1"},"more":{"BOOL":true}}`, `{"id":{"S":"e"},"l":{"N":"9"},"more":{"BOOL":true}}`, `{"id":{"S":"e"},"l":{"N":"10"},"more":{"BOOL":true}}`,
			`{"id":{"S":"f"},"l":{"S":"one"}}`,
		}, []int64{1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := transformtest.Apply(t, explode.New(), test.body, rows...)
			if !slices.Equal(r.Rows, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(r.Rows, "\n"), strings.Join(test.want, "\n"))
			}
			if !slices.Equal(r.Lines, test.lines) || r.Filtered != test.filtered || r.Made != 5 {
				t.Errorf("lines %v, %d filtered, %d made", r.Lines, r.Filtered, r.Made)
			}
			if len(r.Rejects) != 2 || r.Rejects[0].Code != transforms.CodeElements || !strings.Contains(r.Rejects[1].Message, "is a map") {
				t.Errorf("%+v", r.Rejects)
			}
		})
	}
}

// With as the list stays, and an attribute of that name is replaced.
func TestAs(t *testing.T) {
	r := transformtest.Apply(t, explode.New(), "field = \"l\"\nas = \"id\"", `{"id":{"S":"a"},"l":{"L":[{"N":"1"},{"N":"2"}]},"z":{"N":"0"}}`)
	want := []string{
		`{"id":{"N":"1"},"l":{"L":[{"N":"1"},{"N":"2"}]},"z":{"N":"0"}}`,
		`{"id":{"N":"2"},"l":{"L":[{"N":"1"},{"N":"2"}]},"z":{"N":"0"}}`,
	}
	if !slices.Equal(r.Rows, want) {
		t.Errorf("%s", strings.Join(r.Rows, "\n"))
	}
}

// A row with more attributes than a batch has columns, of which the list or the
// element may be one, is exploded like any other.
func TestWideRows(t *testing.T) {
	var wide strings.Builder
	for i := range record.MaxColumns + 3 {
		fmt.Fprintf(&wide, `"c%d":{"N":"%d"},`, i, i)
	}
	for name, row := range map[string]string{
		"list last":  `{` + wide.String() + `"l":{"L":[{"S":"x"},{"S":"y"}]}}`,
		"list first": `{"l":{"L":[{"S":"x"},{"S":"y"}]},` + strings.TrimSuffix(wide.String(), ",") + `}`,
	} {
		for _, as := range []string{"l", "c1", "new"} {
			t.Run(name+" as "+as, func(t *testing.T) {
				r := transformtest.Apply(t, explode.New(), fmt.Sprintf("field = \"l\"\nas = %q", as), row)
				if len(r.Rows) != 2 || !strings.Contains(r.Rows[0], fmt.Sprintf("%q:{\"S\":\"x\"}", as)) || !strings.Contains(r.Rows[1], fmt.Sprintf("%q:{\"S\":\"y\"}", as)) {
					t.Fatalf("%v", r.Rows)
				}
				for _, got := range r.Rows {
					if !strings.Contains(got, `"c258":{"N":"258"}`) || strings.Count(got, `"c1":`) != 1 {
						t.Errorf("%s", got)
					}
				}
			})
		}
	}
}

// Batches are cut by bytes as well: what is repeated counts.
func TestLargeRowsAreCut(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	open := transformtest.Open(t, explode.New(), mem, `field = "l"`)
	text := strings.Repeat("x", int(transformtest.Limits.Bytes)/2)
	in := transformtest.Batch(t, mem, 0, `{"l":{"L":[{"N":"1"},{"N":"2"},{"N":"3"},{"N":"4"},{"N":"5"}]},"text":{"S":"`+text+`"}}`)
	defer in.Release()
	var sizes []int
	take := func(piece transforms.Out) error {
		for _, p := range piece.Parts {
			sizes = append(sizes, p.Batch.Rows())
		}
		piece.Release()
		return nil
	}
	out := transforms.NewOut(take)
	if err := open.Apply(t.Context(), in, out); err != nil {
		t.Fatal(err)
	}
	if err := out.Send(); err != nil || !slices.Equal(sizes, []int{2, 2, 1}) {
		t.Errorf("%v: batches of %v rows", err, sizes)
	}
}

func TestShape(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		in   expr.Kinds
		want expr.Kinds
	}{
		"string set": {`field = "l"`, expr.StringSet, expr.String},
		"number set": {"field = \"l\"\non_empty = \"keep\"", expr.NumberSet, expr.Number | expr.Null},
		"list":       {`field = "l"`, expr.List, expr.Unknown},
		"unknown":    {`field = "l"`, expr.Unknown, expr.Unknown},
	} {
		c := explode.New()
		if diags := transformtest.Diagnose(t, c, test.body); len(diags) > 0 {
			t.Fatal(diags)
		}
		if got := c.Shape(expr.Shape{Attrs: map[string]expr.Kinds{"l": test.in}}).Attr("l"); got != test.want {
			t.Errorf("%s: %s, not %s", name, got, test.want)
		}
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		``:                                    "field",
		`field = ""`:                          "Not a name",
		"field = \"a\"\nas = \"\"":            "Not a name",
		"field = row.a":                       "row",
		"field = \"a\"\non_emty = 1":          "on_empty",
		"field = \"a\"\non_empty = \"droop\"": `Did you mean "drop"`,
	} {
		diags := transformtest.Diagnose(t, explode.New(), body)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%q: %v, which does not mention %q", body, diags, want)
		}
	}
}

func BenchmarkExplode(b *testing.B) {
	mem := memory.NewGoAllocator()
	open := transformtest.Open(b, explode.New(), mem, `field = "tags"`)
	items := make([]string, 2048)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":{"S":"%d"},"name":{"S":"somebody"},"n":{"N":"%d.5"},"tags":{"L":[{"S":"one"},{"S":"two"},{"S":"three"},{"S":"four"}]}}`, i, i)
	}
	in := transformtest.Batch(b, mem, 0, items...)
	defer in.Release()
	b.ReportAllocs()
	for b.Loop() {
		out := transforms.NewOut(func(piece transforms.Out) error { piece.Release(); return nil })
		if err := open.Apply(b.Context(), in, out); err != nil {
			b.Fatal(err)
		}
		out.Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(items)*4), "ns/row")
}
