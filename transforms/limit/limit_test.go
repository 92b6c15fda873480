package limit_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/limit"
)

func TestContract(t *testing.T) {
	for _, rows := range []string{"0", "1", "7", "20", "100000"} {
		t.Run(rows, func(t *testing.T) { transformtest.Contract(t, limit.New, "rows = "+rows) })
	}
}

func TestLimitCountsAcrossBatches(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	open := transformtest.Open(t, limit.New(), mem, "rows = 5")
	var emitted, filtered int64
	for range 4 {
		in := transformtest.Batch(t, mem, 0, `{"a":{"S":"1"}}`, `{"a":{"S":"2"}}`)
		out := &transforms.Out{}
		if err := open.Apply(context.Background(), in, out); err != nil {
			t.Fatal(err)
		}
		for _, p := range out.Parts {
			emitted += int64(p.Batch.Rows())
			p.Batch.Release()
		}
		filtered += out.Filtered
		in.Release()
	}
	if emitted != 5 || filtered != 3 {
		t.Fatalf("%d rows let through, %d filtered", emitted, filtered)
	}
}

func TestWrongBlocks(t *testing.T) {
	for _, body := range []string{``, `rows = -1`, `rows = "many"`, `rows = 1.5`, `rows = row.n`} {
		if diags := transformtest.Diagnose(t, limit.New(), body); !diags.HasErrors() {
			t.Errorf("%q is accepted", body)
		}
	}
}

// A run that goes on lets through what the one before had left.
func TestLimitGoesOn(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	var state json.RawMessage
	var emitted int64
	for range 4 { // a run for each batch
		open, err := decoded(t, "rows = 5").Open(context.Background(), transforms.Env{Mem: mem, Resume: state})
		if err != nil {
			t.Fatal(err)
		}
		in := transformtest.Batch(t, mem, 0, `{"a":{"S":"1"}}`, `{"a":{"S":"2"}}`)
		out := &transforms.Out{}
		if err := open.Apply(context.Background(), in, out); err != nil {
			t.Fatal(err)
		}
		for _, p := range out.Parts {
			emitted += int64(p.Batch.Rows())
			p.Batch.Release()
		}
		in.Release()
		if state, err = open.(transforms.Checkpointer).Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	if emitted != 5 {
		t.Errorf("%d rows let through", emitted)
	}
	for _, damaged := range []string{`{"passed": -1}`, `[]`, `x`} {
		if _, err := decoded(t, "rows = 5").Open(context.Background(), transforms.Env{Mem: mem, Resume: json.RawMessage(damaged)}); err == nil {
			t.Errorf("%s is accepted", damaged)
		}
	}
}

func decoded(t *testing.T, body string) transforms.Config {
	t.Helper()
	c := limit.New()
	if diags := transformtest.Diagnose(t, c, body); diags.HasErrors() {
		t.Fatal(diags)
	}
	return c
}
