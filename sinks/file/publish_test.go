package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/sinks"
)

// written is a run that has written everything, and what it would go on from.
func written(t *testing.T, folder string, args string) (c *Config, state json.RawMessage) {
	t.Helper()
	c = config(t, args)
	r := open(t, c, 3)
	for i := range 10 {
		if err := r.write(fmt.Sprintf(`{"k":{"S":"%c"},"n":{"N":"%d"}}`, 'a'+i%3, i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.checkpoint(); err != nil { // a Parquet file has a file beside it from now on
		t.Fatal(err)
	}
	if err := r.Flush(t.Context(), sinks.EndOfInput); err != nil {
		t.Fatal(err)
	}
	state, err := r.checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	r.Sink.(sinks.Checkpointer).Keep()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := below(t, folder); strings.Contains(strings.Join(keys(got), " "), "/out") {
		t.Errorf("published: %v", keys(got))
	}
	return c, state
}

func keys(m map[string][]byte) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// TestPublishGoesOn: a run is killed before, after and between any two files that
// it publishes. The next one publishes the others, and nothing is left beside
// them.
func TestPublishGoesOn(t *testing.T) {
	for name, path := range map[string]string{
		"single": "x/out.jsonl.gz", "parquet": "out.parquet", "by value": "${row.k}/out.csv", "in turn": "out.parquet\"\nmax_rows = \"3",
	} {
		t.Run(name, func(t *testing.T) {
			whole := t.TempDir()
			w := open(t, config(t, args(whole, path)), 3)
			for i := range 10 {
				if err := w.write(fmt.Sprintf(`{"k":{"S":"%c"},"n":{"N":"%d"}}`, 'a'+i%3, i)); err != nil {
					t.Fatal(err)
				}
			}
			w.finish()
			want := contents(t, whole)
			for published := range len(want) + 1 {
				folder := t.TempDir()
				c, state := written(t, folder, args(folder, path))
				r, err := reopen(t, c, 3, state, true)
				if err != nil {
					t.Fatal(err)
				}
				f := r.Sink.(*finished)
				if len(f.left) != len(want) {
					t.Fatalf("%d files are left to publish, of %d", len(f.left), len(want))
				}
				for _, o := range f.left[:published] {
					// As far as Publish had come: the file is in place, and what stood beside
					// it has not been removed.
					if err := os.Rename(o.whole.Name(), filepath.Join(o.whole.Folder(), filepath.Base(o.name))); err != nil {
						t.Fatal(err)
					}
				}
				for range 2 { // twice, since the second run may be killed too
					if r, err = reopen(t, c, 3, state, true); err != nil {
						t.Fatal(err)
					}
					if err := r.write(`{"n":{"N":"1"}}`); err == nil {
						t.Error("a finished file takes rows")
					}
					if again, err := r.checkpoint(); err != nil || !same(t, again, state) {
						t.Errorf("the state has become %s, %v", again, err)
					}
					r.finish()
				}
				if got := contents(t, folder); !maps.Equal(got, want) {
					t.Errorf("%d published before: %q, not %q", published, got, want)
				}
			}
		})
	}
}

func args(folder, path string) string {
	return strings.Replace("path = \""+folder+"/"+path+"\"", "= \"3\"", "= 3", 1)
}

func same(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

// A run that had written everything and whose files are all there goes on also
// where the engine does not know that it had: no rows come, and it publishes.
func TestWholeFilesGoOn(t *testing.T) {
	for _, path := range []string{"out.parquet", "${row.k}.csv.gz", "out.json\"\nmax_rows = \"4"} {
		folder := t.TempDir()
		c, state := written(t, folder, args(folder, path))
		r, err := reopen(t, c, 3, state, false)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := r.checkpoint(); err != nil || !same(t, again, state) {
			t.Errorf("%s: the state has become %s, %v", path, again, err)
		}
		r.finish()
		if got := contents(t, folder); len(got) == 0 {
			t.Errorf("%s: nothing was published", path)
		}
	}
	folder := t.TempDir()
	c, state := written(t, folder, args(folder, "${row.k}.csv.gz"))
	r, err := reopen(t, c, 3, state, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.write(`{"k":{"S":"a"},"n":{"N":"1"}}`); err == nil || !strings.Contains(err.Error(), "its source is not what it was") {
		t.Errorf("%v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// What was published and then removed or replaced is not taken for published.
func TestPublishedAndGone(t *testing.T) {
	for want, spoil := range map[string]func(file string) error{
		"is not there and neither is its unfinished file": os.Remove,
		"is not the file that the run had written":        func(file string) error { return os.WriteFile(file, []byte("another"), 0o666) },
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "out.jsonl")
		c, state := written(t, folder, pathIs(path))
		r, err := reopen(t, c, 3, state, true)
		if err != nil {
			t.Fatal(err)
		}
		r.finish()
		if err := spoil(path); err != nil {
			t.Fatal(err)
		}
		if _, err := reopen(t, c, 3, state, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// Discard removes what a run left, also what it had begun after its checkpoint,
// and the folders it had made, and nothing else.
func TestDiscard(t *testing.T) {
	for _, path := range []string{"new/out.parquet", "new/${row.k}/${row.k}.csv", "out.jsonl\"\nmax_rows = \"2"} {
		folder := t.TempDir()
		for _, name := range []string{"mine.jsonl", ".out.jsonl.run2.partial", ".hidden"} {
			if err := os.WriteFile(filepath.Join(folder, name), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		c := config(t, args(folder, path))
		r := open(t, c, 2)
		items := []string{`{"k":{"S":"a"},"n":{"N":"1"}}`, `{"k":{"S":"a"},"n":{"N":"2"}}`, `{"k":{"S":"a"},"n":{"N":"3"}}`}
		if err := r.write(items...); err != nil {
			t.Fatal(err)
		}
		state, err := r.checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.write(items...); err != nil {
			t.Fatal(err)
		}
		r.Sink.(sinks.Checkpointer).Keep()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if got := below(t, folder); len(got) < 4 {
			t.Fatalf("kept: %v", keys(got))
		}
		for range 2 {
			if err := c.Discard(state); err != nil {
				t.Fatal(err)
			}
		}
		if got := below(t, folder); len(got) != 3 {
			t.Errorf("%s: left are %v", path, keys(got))
		}
		if _, err := os.Stat(filepath.Join(folder, "new")); err == nil {
			t.Errorf("%s: the folder is left", path)
		}
	}
}

// Unfinished files of another run are nothing to a run that starts anew.
func TestAnotherRunsFilesStay(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "out.jsonl")
	other := atomicfile.Place{Path: path}.Partial("run0")
	if err := os.WriteFile(other, []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := open(t, config(t, pathIs(path)), 3)
	writeAll(t, r, `{"n":{"N":"1"}}`)
	if got := below(t, folder); len(got) != 2 || string(got[filepath.Base(other)]) != "half" {
		t.Errorf("%q", got)
	}
}
