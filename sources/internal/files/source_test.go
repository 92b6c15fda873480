package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources/csv"
	"github.com/dynapipe/dynapipe/sources/jsonl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFilesInOrder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"b/2.csv": "id,x\n21,1\n22,2\n", "b/1.csv": "id\n11\n", "a.csv": "y,id\n,1\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := csv.New()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	if diags := sourcetest.Decode(t, c, `path = ["b/*.csv", "a.csv", "b/2.csv"]`, nil); diags.HasErrors() {
		t.Fatal(diags)
	}
	facts, err := c.Facts(t.Context())
	if want := []string{"b/1.csv (6 bytes)", "b/2.csv (15 bytes)", "a.csv (8 bytes)"}; err != nil || !slices.Equal(facts.Files, want) {
		t.Errorf("the plan says %v, %v", facts.Files, err)
	}
	env := sourcetest.Env(mem, sourcetest.DefaultLimits)
	open, err := c.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	// Each of these files has other columns, and so batches of its own.
	var got []string
	partition := open.Partitions()[0]
	for {
		chunk, err := partition.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for row := range chunk.Batch.Rows() {
			got = append(got, chunk.Batch.Origins().At(row).String())
		}
		if place := chunk.Batch.Origins().Place; !slices.Equal(place.Files, []string{"b/1.csv", "b/2.csv", "a.csv"}) || place.Segment != -1 {
			t.Errorf("the partition is %+v", place)
		}
		chunk.Batch.Release()
	}
	if want := []string{"b/1.csv:2", "b/2.csv:2", "b/2.csv:3", "a.csv:2"}; !slices.Equal(got, want) {
		t.Errorf("rows come from %v, want %v", got, want)
	}
	if s := env.Meter.Snapshot(); s.BytesRead != 29 || s.BytesTotal != 29 {
		t.Errorf("read %d bytes of %d", s.BytesRead, s.BytesTotal)
	}
	if err := open.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, c := range []struct{ body, want string }{
		{`path = "*.csv"`, "no file matches *.csv (looked in " + dir + ")"},
		{`path = "users.csv"`, "no such file: users.csv (looked in " + dir + ")"},
		{`path = []`, "path is an empty list"},
		{`path = "."`, ". is a folder"},
	} {
		out := sourcetest.Read(t, csv.New(), c.body)
		if out.Err == nil || !strings.Contains(out.Err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.body, out.Err, c.want)
		}
	}
	if out := sourcetest.Read(t, csv.New(), "path = \"*.csv\"\nallow_missing = true"); out.Err != nil || len(out.Rows) > 0 {
		t.Errorf("allow_missing: %+v", out)
	}
}

// TestStandardInput reads rows from a pipe, and is stopped while its writer
// says nothing.
func TestStandardInput(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	real := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = real }()

	c := jsonl.New()
	if diags := sourcetest.Decode(t, c, `path = "-"`, nil); diags.HasErrors() {
		t.Fatal(diags)
	}
	open, err := c.Open(t.Context(), sourcetest.Env(memory.NewGoAllocator(), record.Limits{Rows: 2, Bytes: 1 << 20}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(out, "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n"); err != nil {
		t.Fatal(err)
	}
	p := open.Partitions()[0]
	chunk, err := p.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := chunk.Batch.Origins().At(1).String(); got != "<stdin>:2" || chunk.Batch.Rows() != 2 {
		t.Errorf("%d rows, the second from %s", chunk.Batch.Rows(), got)
	}
	chunk.Batch.Release()
	ctx, cancel := context.WithCancel(t.Context())
	next := make(chan error)
	go func() {
		_, err := p.Next(ctx)
		next <- err
	}()
	cancel()
	if err := <-next; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Next: %v", err)
	}
	for _, c := range []io.Closer{open, in, out} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
