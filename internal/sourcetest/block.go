package sourcetest

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sources"
)

// Node is the address of the source under test.
const Node = "source.test.s"

// DefaultLimits are those of a pipeline that sets none.
var DefaultLimits = record.Limits{Rows: 2048, Bytes: 4 << 20}

func run() *expr.Run { return &expr.Run{ID: "run", Start: time.Unix(1700000000, 0).UTC()} }

// Env is what the engine would lend the source.
func Env(mem memory.Allocator, limits record.Limits) sources.Env {
	return sources.Env{Node: Node, Limits: limits, Mem: mem, Run: run(), Meter: progress.NewMeter(Node, nil)}
}

// Decode decodes a block's body into c and returns what is wrong with it.
// blocks are what references in it name; usually nil.
func Decode(t testing.TB, c sources.Config, body string, blocks map[string]any) hcl.Diagnostics {
	t.Helper()
	src := []byte("source \"test\" \"s\" {\n" + body + "\n}\n")
	file, diags := hclsyntax.ParseConfig(src, "test.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	static := &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.EmptyObjectVal, "local": cty.EmptyObjectVal},
		Functions: expr.Functions(run(), true),
	}
	d := &schema.Decoder{Static: static, Blocks: blocks, Scope: &expr.Scope{
		Static: static, Run: run(), Sources: map[string][]byte{"test.hcl": src},
	}}
	_, diags = d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], c.Schema())
	return diags
}

// Read decodes a block's body, which must be right, and reads the source to
// its end, one partition after the other. The error of opening or reading is
// in the output.
func Read(t testing.TB, c sources.Config, body string) (out Output) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	if diags := Decode(t, c, body, nil); diags.HasErrors() {
		t.Fatal(diags)
	}
	open, err := c.Open(t.Context(), Env(mem, DefaultLimits))
	if err != nil {
		return Output{Err: err}
	}
	defer func() {
		if err := open.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	for _, p := range open.Partitions() {
		if out.Err = readAll(t, p, &out); out.Err != nil {
			return out
		}
	}
	return out
}

func readAll(t testing.TB, p sources.Partition, out *Output) error {
	t.Helper()
	for {
		chunk, err := p.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		out.add(chunk)
		release(chunk)
	}
}
