package files_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/sources/jsonl"
)

// share is what a source of files says when it has given some chunks.
func share(t *testing.T, body string, rows, chunks int) sources.Share {
	t.Helper()
	c := jsonl.New()
	if diags := sourcetest.Decode(t, c, body, nil); diags.HasErrors() {
		t.Fatal(diags)
	}
	open, err := c.Open(t.Context(), sourcetest.Env(memory.NewGoAllocator(), record.Limits{Rows: rows, Bytes: 1 << 20}))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	partition := open.Partitions()[0]
	for range chunks {
		chunk, err := partition.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		chunk.Batch.Release()
	}
	return open.(sources.Sampled).Share()
}

// The share of plain files is known to the byte; of compressed ones a
// decompressor reads ahead.
func TestShare(t *testing.T) {
	t.Chdir(t.TempDir())
	line := `{"id":"%04d"}` + "\n" // 14 bytes
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, line, i)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, text.String()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"1.jsonl": text.String(), "2.jsonl": text.String()[:140], "3.jsonl.gz": packed.String()} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plain := `path = ["1.jsonl", "2.jsonl"]`
	for chunks, want := range map[int]sources.Share{
		0: {Part: 0, Whole: 14140},
		1: {Part: 4200, Whole: 14140},
		3: {Part: 12600, Whole: 14140},
		9: {Part: 14140, Whole: 14140, Ended: true},
	} {
		got := share(t, plain, 300, chunks)
		if got.By == "" {
			t.Error("by nothing")
		}
		if got.By = ""; got != want {
			t.Errorf("after %d chunks: %+v, not %+v", chunks, got, want)
		}
	}
	if got := share(t, `path = "*.gz"`, 300, 1); got.Ended || got.Part <= 0 || got.Part > got.Whole || got.Whole != float64(packed.Len()) {
		t.Errorf("of a compressed file: %+v", got)
	}
	if got := share(t, `path = "*.gz"`, 300, 9); !got.Ended || got.Part != got.Whole {
		t.Errorf("of a whole compressed file: %+v", got)
	}
}

// What can be read only once says so before it is opened.
func TestFleeting(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.jsonl", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, fleeting := range map[string]bool{`"-"`: true, `"a.jsonl"`: false, `["a.jsonl", "-"]`: true, `"nowhere.jsonl"`: false} {
		c := jsonl.New()
		if diags := sourcetest.Decode(t, c, "path = "+path, nil); diags.HasErrors() {
			t.Fatal(diags)
		}
		if why := c.(sources.Fleeting).Fleeting(); (why != "") != fleeting {
			t.Errorf("%s: %q", path, why)
		}
	}
}
