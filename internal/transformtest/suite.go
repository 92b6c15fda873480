// Package transformtest is what every transform is tested with: a contract
// suite that holds one to what the engine relies on, and the means to write a
// block as text and rows as JSON.
package transformtest

import (
	"context"
	"slices"
	"sync"
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

// Open decodes a block's body, which must be right, and opens the transform.
func Open(t testing.TB, c transforms.Config, mem memory.Allocator, body string) transforms.Transform {
	t.Helper()
	if diags := Diagnose(t, c, body); diags.HasErrors() {
		t.Fatal(diags)
	}
	open, err := c.Open(context.Background(), transforms.Env{
		Node: Node, Mem: mem, Run: run(), Meter: progress.NewMeter(Node, nil),
	})
	if err != nil {
		t.Fatal(err)
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
	Rows                []string // in DynamoDB JSON, in order
	Lines               []int64  // where each came from
	Rejects             []record.Rejection
	Filtered, Coalesced int64
}

// Apply applies a block to one batch of rows in DynamoDB JSON.
func Apply(t testing.TB, c transforms.Config, body string, rows ...string) Result {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	return apply(t, Open(t, c, mem, body), mem, 0, rows)
}

func apply(t testing.TB, open transforms.Transform, mem memory.Allocator, first int, rows []string) (r Result) {
	t.Helper()
	in := Batch(t, mem, first, rows...)
	defer in.Release()
	out := &transforms.Out{}
	if err := open.Apply(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if got := attr.AppendRow(nil, in, i); !sameItem(t, string(got), row) {
			t.Errorf("the incoming row changed from %s to %s", row, got)
		}
	}
	ended := out.Filtered + out.Coalesced + int64(len(out.Rejects)) - out.Made
	for _, p := range out.Parts {
		ended += int64(p.Batch.Rows())
		for row := range p.Batch.Rows() {
			r.Rows = append(r.Rows, string(attr.AppendRow(nil, p.Batch, row)))
			r.Lines = append(r.Lines, p.Batch.Origins().At(row).Line)
		}
		p.Batch.Release()
	}
	if ended != int64(len(rows)) {
		t.Errorf("%d rows came in, %d are accounted for", len(rows), ended)
	}
	for _, reject := range out.Rejects {
		if reject.Operation == "" || reject.Code == "" || reject.Message == "" || len(reject.Item) == 0 || reject.Origin.Line == 0 {
			t.Errorf("a reject lacks what the dead letter needs: %+v", reject)
		}
	}
	r.Rejects, r.Filtered, r.Coalesced = out.Rejects, out.Filtered, out.Coalesced
	return r
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

// Contract holds a transform to its contract with the engine, over batches of
// rows of many shapes: input unchanged, memory given back, every row accounted
// for, origins kept and in order, and the same result whether batches come one
// by one or, unless it is Sequential, several at once.
func Contract(t *testing.T, create func() transforms.Config, body string) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	const batches = 24
	one := make([]Result, batches)
	open := Open(t, create(), mem, body)
	for i := range one {
		one[i] = apply(t, open, mem, i*len(shapes), shapes)
		if !slices.IsSorted(one[i].Lines) {
			t.Errorf("rows left batch %d out of order: %v", i, one[i].Lines)
		}
	}
	if _, sequential := open.(transforms.Sequential); sequential {
		return
	}
	again := make([]Result, batches)
	open = Open(t, create(), mem, body)
	var group sync.WaitGroup
	for i := range again {
		group.Go(func() { again[i] = apply(t, open, mem, i*len(shapes), shapes) })
	}
	group.Wait()
	for i := range one {
		if !slices.Equal(one[i].Rows, again[i].Rows) || len(one[i].Rejects) != len(again[i].Rejects) {
			t.Errorf("batch %d differs when batches are worked on at once:\n%v\n%v", i, one[i].Rows, again[i].Rows)
		}
	}
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
