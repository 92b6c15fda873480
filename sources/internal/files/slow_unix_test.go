//go:build unix

package files_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/sources/csv"
	"github.com/dynapipe/dynapipe/sources/json"
	"github.com/dynapipe/dynapipe/sources/jsonl"
)

// TestSlowPipe writes to a pipe now and then: the rows that are there go on, and
// nothing else is different.
func TestSlowPipe(t *testing.T) {
	// Each text is written when the rows of the one before have come, which are
	// those that end in it, with their lines.
	type step struct{ text, rows string }
	for name, test := range map[string]struct {
		create func() sources.Config
		body   string
		steps  []step
	}{
		"csv": {csv.New, "", []step{
			{"a,b\n1,x\n", `2:{"a":"1","b":"x"}`},
			{"2,\"in\nquotes\"\n3,\"more\n", `3:{"a":"2","b":"in\nquotes"}`},
			{"\"\n\n4", `5:{"a":"3","b":"more\n"}`},
			{",y\n", `8:{"a":"4","b":"y"}`},
			{"5\n", "rejected 9"},
			{"6,z", `10:{"a":"6","b":"z"}`},
		}},
		"csv, two characters, comments": {csv.New, "delimiter = \"é\"\ncomment = \"##\"\ntrim = true", []step{
			{"aéb\n1éx\n#", `2:{"a":"1","b":"x"}`},
			{"#\n##\n2 \xc3", ``},
			{"\xa9\ty\n  ", `5:{"a":"2","b":"y"}`},
			{"3éz\n", `6:{"a":"3","b":"z"}`},
		}},
		"jsonl": {jsonl.New, "", []step{
			{"\n{\"a\":1}\n", `2:{"a":1}`},
			{"\n{\"a\":2}\n{\"a\":", `4:{"a":2}`},
			{"3}\n[]\n", `5:{"a":3} rejected 6`},
			{"{\"a\":4}", `7:{"a":4}`},
		}},
		"json, an array": {json.New, "", []step{
			{"[{\"a\":1}\n", `1:{"a":1}`},
			{",{\"a\":2},\n", `2:{"a":2}`},
			{"\n{\"a\":3}, {\"a", `4:{"a":3}`},
			{"\":4}", `4:{"a":4}`},
			{"]", ``},
		}},
		"json, one after the other": {json.New, "", []step{
			{"{\"a\":1}\n", `1:{"a":1}`},
			{"{\"a\":2} {", `2:{"a":2}`},
			{"}\n", `2:{}`},
		}},
		"json, below": {json.New, `pointer = "/l"`, []step{
			{`{"l":[{"a":1},`, `1:{"a":1}`},
			{`{"a":2}]`, `1:{"a":2}`},
			{`}`, ``},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer mem.AssertSize(t, 0)
			path := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			c := test.create()
			if diags := sourcetest.Decode(t, c, fmt.Sprintf("path = %q\n%s", path, test.body), nil); diags.HasErrors() {
				t.Fatal(diags)
			}
			s, err := c.Open(t.Context(), sourcetest.Env(mem, sourcetest.DefaultLimits))
			if err != nil {
				t.Fatal(err)
			}
			next := make(chan string)
			go func() {
				defer close(next)
				p := s.Partitions()[0]
				for {
					chunk, err := p.Next(t.Context())
					if errors.Is(err, io.EOF) {
						return
					}
					if err != nil {
						next <- err.Error()
						return
					}
					next <- shown(chunk)
				}
			}()
			w, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i, step := range test.steps {
				if _, err := w.WriteString(step.text); err != nil {
					t.Fatal(err)
				}
				if i == len(test.steps)-1 {
					if err := w.Close(); err != nil {
						t.Fatal(err)
					}
				}
				if step.rows == "" {
					continue
				}
				select {
				case got := <-next:
					if got != step.rows {
						t.Errorf("after %q came %q, want %q", step.text, got, step.rows)
					}
				case <-time.After(time.Minute):
					t.Fatalf("after %q nothing came", step.text)
				}
			}
			if got, more := <-next; more {
				t.Errorf("at the end came %q", got)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// shown is a chunk's rows as JSON, and its rejects, each with its line.
func shown(chunk sources.Chunk) string {
	var parts []string
	if b := chunk.Batch; b != nil {
		for row := range b.Rows() {
			parts = append(parts, fmt.Sprintf("%d:%s", b.Origins().At(row).Line, attr.AppendRowJSON(nil, b, row, nil)))
		}
		b.Release()
	}
	for _, r := range chunk.Rejects {
		parts = append(parts, fmt.Sprintf("rejected %d", r.Origin.Line))
	}
	return strings.Join(parts, " ")
}
