// Package transformtest is what every transform is tested with: a contract
// suite that holds one to what the engine relies on, and the means to write a
// block as text and rows as JSON.
package transformtest

import (
	"context"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// Node is the address of the transform under test, and of the rows' source.
const Node = "transform.test.t"

// Limits are those that a transform under test cuts its batches by: low, so that
// it has to.
var Limits = record.Limits{Rows: 5, Bytes: 1 << 20}

func run() *expr.Run { return &expr.Run{ID: "run", Start: time.Unix(1700000000, 0).UTC()} }

// Diagnose decodes a block's body into c and returns what is wrong with it.
func Diagnose(t testing.TB, c transforms.Config, body string) hcl.Diagnostics {
	t.Helper()
	src := []byte("transform \"test\" \"t\" {\n" + body + "\n}\n")
	file, diags := hclsyntax.ParseConfig(src, "test.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	static := &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.EmptyObjectVal, "local": cty.EmptyObjectVal},
		Functions: expr.Functions(run(), false),
	}
	d := &schema.Decoder{Static: static, Scope: &expr.Scope{
		Static: static, Run: run(), Sources: map[string][]byte{"test.hcl": src},
	}}
	_, diags = d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], c.Schema())
	return diags
}

// Open decodes a block's body, which must be right, and opens the transform. It
// is closed when the test ends.
func Open(t testing.TB, c transforms.Config, mem memory.Allocator, body string) transforms.Transform {
	t.Helper()
	if diags := Diagnose(t, c, body); diags.HasErrors() {
		t.Fatal(diags)
	}
	open, err := c.Open(context.Background(), transforms.Env{
		Node: Node, Limits: Limits, Mem: mem, Run: run(), Meter: progress.NewMeter(Node, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, holds := open.(transforms.Closer); holds {
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return open
}

// Batch makes a batch of rows in DynamoDB JSON, the first of them number first.
func Batch(t testing.TB, mem memory.Allocator, first int, rows ...string) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(mem)
	defer b.Release()
	for i, row := range rows {
		if err := b.AddItem([]byte(row)); err != nil {
			t.Fatalf("%v in %s", err, row)
		}
		b.EndRow(record.Pos{Line: int64(first + i + 1), Seq: int64(first + i)})
	}
	return b.Batch(&record.Place{Source: "source.test.rows", Files: []string{"rows.jsonl"}, Segment: -1})
}

// Result is what a transform made of some rows.
type Result struct {
	Rows    []string // in DynamoDB JSON, in order
	Outputs []string // by row: which output it left on
	Lines   []int64  // by row: where it came from
	Rejects []record.Rejection

	Made, Filtered, Coalesced int64

	pos     []record.Pos
	largest int // rows in one batch
}

// Apply applies a block to one batch of rows in DynamoDB JSON.
func Apply(t testing.TB, c transforms.Config, body string, rows ...string) Result {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	open := Open(t, c, mem, body)
	if _, holds := open.(transforms.Flusher); holds {
		t.Fatal("a transform that holds rows back is tested with Run")
	}
	return apply(t, open, mem, 0, rows)
}

// apply is what a transform that holds nothing back makes of one batch.
func apply(t testing.TB, open transforms.Transform, mem memory.Allocator, first int, rows []string) (r Result) {
	t.Helper()
	out := transforms.NewOut(func(piece transforms.Out) error {
		r.add(&piece)
		return nil
	})
	give(t, open, mem, first, rows, out)
	r.add(out)
	r.check(t, int64(len(rows)))
	return r
}

// give gives a transform a batch, and checks that it leaves it as it is.
func give(t testing.TB, open transforms.Transform, mem memory.Allocator, first int, rows []string, out *transforms.Out) {
	t.Helper()
	in := Batch(t, mem, first, rows...)
	defer in.Release()
	if err := open.Apply(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if got := attr.AppendRow(nil, in, i); !sameItem(t, string(got), row) {
			t.Errorf("the incoming row changed from %s to %s", row, got)
		}
	}
}

// add takes over an answer of the transform.
func (r *Result) add(out *transforms.Out) {
	for _, p := range out.Parts {
		for row := range p.Batch.Rows() {
			r.Rows = append(r.Rows, string(attr.AppendRow(nil, p.Batch, row)))
			r.Outputs = append(r.Outputs, p.Output)
			r.Lines = append(r.Lines, p.Batch.Origins().At(row).Line)
			r.pos = append(r.pos, p.Batch.Origins().Pos[row])
		}
		r.largest = max(r.largest, p.Batch.Rows())
	}
	out.Release()
	r.Rejects = append(r.Rejects, out.Rejects...)
	r.Made += out.Made
	r.Filtered += out.Filtered
	r.Coalesced += out.Coalesced
}

// ended is how many of the rows that came in are accounted for.
func (r *Result) ended() int64 {
	return int64(len(r.Rows)) + int64(len(r.Rejects)) + r.Filtered + r.Coalesced - r.Made
}

func (r *Result) check(t testing.TB, came int64) {
	t.Helper()
	if ended := r.ended(); ended != came {
		t.Errorf("%d rows came in, %d are accounted for", came, ended)
	}
	for _, reject := range r.Rejects {
		if reject.Operation == "" || reject.Code == "" || reject.Message == "" || len(reject.Item) == 0 || reject.Origin.Source == "" {
			t.Errorf("a reject lacks what the dead letter needs: %+v", reject)
		}
	}
}

func sameItem(t testing.TB, a, b string) bool {
	t.Helper()
	x, errX := attr.ParseDynamoJSON([]byte(`{"M":` + a + `}`))
	y, errY := attr.ParseDynamoJSON([]byte(`{"M":` + b + `}`))
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	return attr.Equal(x, y)
}

// shapes are rows that differ in the attributes they have and in their types.
var shapes = []string{
	`{"id":{"S":"1"},"n":{"N":"1"},"ok":{"BOOL":true}}`,
	`{"id":{"S":"2"},"n":{"N":"2.50"},"ok":{"BOOL":false},"tags":{"SS":["a","b"]}}`,
	`{"id":{"S":"3"},"n":{"NULL":true},"m":{"M":{"deep":{"L":[{"N":"1"},{"S":"x"}]}}}}`,
	`{"id":{"S":"4"},"ok":{"NULL":true},"b":{"B":"AAEC"}}`,
	`{"id":{"N":"5"},"n":{"S":"five"}}`,
	`{}`,
	`{"id":{"S":""},"n":{"N":"99999999999999999999999999999999999999"},"ok":{"BOOL":true}}`,
}

// RunSequential applies a block that remembers, and holds nothing back, to
// batches in order. It gives what became of each.
func RunSequential(t testing.TB, c transforms.Config, body string, units ...[]string) []Result {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	open := Open(t, c, mem, body)
	var results []Result
	first := 0
	for _, rows := range units {
		results = append(results, apply(t, open, mem, first, rows))
		first += len(rows)
	}
	return results
}
