package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/sinks"
)

// interrupted is a sink killed after a checkpoint with a few rows.
func interrupted(t testing.TB, body string) (*Config, json.RawMessage) {
	t.Helper()
	c := config(t, body)
	r := open(t, c, 2)
	for range 3 {
		if err := r.write(`{"k":{"S":"a"},"n":{"N":"1"}}`, `{"k":{"S":"b"},"n":{"N":"2"}}`); err != nil {
			t.Fatal(err)
		}
	}
	state, err := r.checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	r.Sink.(sinks.Checkpointer).Keep()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return c, state
}

// The state is for people to read, too.
func TestStateIsReadable(t *testing.T) {
	folder := t.TempDir()
	_, state := interrupted(t, pathIs(folder+"/out.parquet"))
	var out map[string]any
	if err := json.Unmarshal(state, &out); err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`"crc32":\d+`).ReplaceAllString(strings.ReplaceAll(string(state), folder, ""), `"crc32":7`)
	want := `{"version":1,"run":"run1","format":"parquet","layouts":[{"columns":[{"name":"k"},{"name":"n","type":{"kind":"number","learned":true,"integer":true}}],"exact":true}],` +
		`"targets":[{"path":"/out.parquet","layout":0,"now":{"path":"/out.parquet","length":4,"rows":6,"side":{"length":155,"crc32":7}}}]}`
	if got != want {
		t.Errorf("the state is\n%s\nnot\n%s", got, want)
	}
}

// What can't be gone on with is refused with a reason, and stays for somebody to
// mend.
func TestRefusesToGoOn(t *testing.T) {
	partial, side := ".out.parquet.run1.partial", ".out.parquet.run1.partial.side"
	for want, spoil := range map[string]func(folder string) error{
		"is gone, so that":      func(f string) error { return os.Remove(filepath.Join(f, partial)) },
		"has 3 bytes and had 4": func(f string) error { return os.Truncate(filepath.Join(f, partial), 3) },
		"is no regular file": func(f string) error {
			return errors.Join(os.Remove(filepath.Join(f, partial)), os.Mkdir(filepath.Join(f, partial), 0o777))
		},
		partial + ".side, which belongs to the un": func(f string) error { return os.Remove(filepath.Join(f, side)) },
		"is not what it was when the checkpoint": func(f string) error {
			return os.WriteFile(filepath.Join(f, side), []byte(strings.Repeat(" ", 300)), 0o666)
		},
		partial + ", is not what it was": func(f string) error { return os.Truncate(filepath.Join(f, side), 10) },
	} {
		folder := t.TempDir()
		c, state := interrupted(t, pathIs(folder+"/out.parquet"))
		if err := spoil(folder); err != nil {
			t.Fatal(err)
		}
		before := below(t, folder)
		_, err := reopen(t, c, 2, state, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
		if got := below(t, folder); len(got) != len(before) {
			t.Errorf("%s: left are %v of %v", want, keys(got), keys(before))
		}
	}
	c, state := interrupted(t, pathIs(t.TempDir()+"/out.csv.gz"))
	c.compression = compressionZstd
	if _, err := reopen(t, c, 2, state, false); err == nil || !strings.Contains(err.Error(), "begun as csv with gzip and would be continued as csv with zstd") {
		t.Errorf("%v", err)
	}
}

// A file that is not in a state is written anew in a run that goes on, and not
// when the run starts: there it is a second writer.
func TestSecondWriter(t *testing.T) {
	folder := t.TempDir()
	c := config(t, args(folder, "${row.k}.jsonl")+"\nmax_open = 1")
	first, second := open(t, c, 2), open(t, c, 2)
	if err := first.write(`{"k":{"S":"a"}}`); err != nil {
		t.Fatal(err)
	}
	if err := second.write(`{"k":{"S":"a"}}`); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("%v", err)
	}
	if err := first.write(`{"k":{"S":"b"}}`); err != nil { // parks a
		t.Fatal(err)
	}
	state, err := first.checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	one, err := reopen(t, c, 2, state, false)
	if err != nil {
		t.Fatal(err)
	}
	other, err := reopen(t, c, 2, json.RawMessage(`{"version":1,"run":"run1","format":"jsonl","targets":[]}`), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.write(`{"k":{"S":"a"}}`, `{"k":{"S":"a"},"more":{"S":"x"}}`, `{"k":{"S":"c"}}`); err != nil {
		t.Fatal(err)
	}
	err = one.write(`{"k":{"S":"a"}}`)
	if err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("two sinks write one file, and: %v", err)
	}
	for _, r := range []*run{first, second, one, other} {
		r.Sink.(sinks.Checkpointer).Keep()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Thousands of files that are done take little in a state.
func TestStateIsCompact(t *testing.T) {
	folder := t.TempDir()
	r := open(t, config(t, args(folder, "${row.k}.csv")+"\nmax_open = 2"), 1)
	const files = 300
	for i := range files {
		if err := r.write(fmt.Sprintf(`{"k":{"S":"%05d"},"a":{"S":""},"b":{"N":"1"}}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	state, err := r.checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	if most := files*(120+len(folder)) + 500; len(state) > most {
		t.Errorf("%d bytes for %d files", len(state), files)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// Rows held by files that are still learning are part of a checkpoint up to a
// limit. Where it stays exceeded, files learn from fewer rows, those used longest
// ago first.
func TestTooManyRowsHeld(t *testing.T) {
	folder := t.TempDir()
	r := open(t, config(t, args(folder, "${row.k}.csv")), 100)
	r.Sink.(*split).maxHeld = 100
	for _, k := range []string{"a", "b", "c"} {
		if err := r.write(fmt.Sprintf(`{"k":{"S":"%s"},"text":{"S":"%s"}}`, k, strings.Repeat("x", 40))); err != nil {
			t.Fatal(err)
		}
	}
	for range maxRefused {
		if _, err := r.checkpoint(); !errors.Is(err, sinks.ErrNotNow) {
			t.Fatalf("%v", err)
		}
	}
	if _, err := r.checkpoint(); err != nil {
		t.Fatal(err)
	}
	held := r.Sink.(sinks.Holder).Held()
	if len(held) != 1 || !strings.Contains(string(held[0].Item), `"c"`) || r.tally.Written.Load() != 2 {
		t.Errorf("%d rows are held, and %d written", len(held), r.tally.Written.Load())
	}
	r.finish()
}

// A disk that is full fails the run with a reason, and leaves what the last
// checkpoint counts on.
func TestStateSurvivesAFailedWrite(t *testing.T) {
	for _, ending := range []string{"jsonl.gz", "parquet", "arrow"} {
		folder := t.TempDir()
		c, state := interrupted(t, pathIs(folder+"/out."+ending))
		r, err := reopen(t, c, 2, state, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.write(`{"k":{"S":"a"},"n":{"N":"3"}}`); err != nil {
			t.Fatal(err)
		}
		out := outputOf(r)
		if err := out.whole.Close(); err != nil { // what is written from now on fails
			t.Fatal(err)
		}
		_, err = r.checkpoint()
		if err == nil {
			err = r.Flush(t.Context(), sinks.EndOfInput)
		}
		if err == nil || !strings.Contains(err.Error(), "out."+ending) {
			t.Errorf("%s: %v", ending, err)
		}
		r.Sink.(sinks.Checkpointer).Keep()
		_ = r.Close()
		if r, err = reopen(t, c, 2, state, false); err != nil {
			t.Fatal(err)
		}
		if err := r.write(`{"k":{"S":"a"},"n":{"N":"4"}}`); err != nil {
			t.Fatal(err)
		}
		r.finish()
		whole := t.TempDir()
		w := open(t, config(t, pathIs(whole+"/out."+ending)), 2)
		for range 3 {
			if err := w.write(`{"k":{"S":"a"},"n":{"N":"1"}}`, `{"k":{"S":"b"},"n":{"N":"2"}}`); err != nil {
				t.Fatal(err)
			}
		}
		writeAll(t, w, `{"k":{"S":"a"},"n":{"N":"4"}}`)
		if got, want := contents(t, folder), contents(t, whole); !maps.Equal(got, want) {
			t.Errorf("%s: %q, not %q", ending, got, want)
		}
	}
}

func outputOf(r *run) *output { return r.Sink.(*publisher).out }

// A sink that was stopped leaves its file as it was at the checkpoint or longer,
// and publishes nothing (promise 9).
func TestStoppedLeavesTheFile(t *testing.T) {
	for _, path := range []string{"out.json", "out.parquet", "${row.k}.csv"} {
		folder := t.TempDir()
		r := open(t, config(t, args(folder, path)), 1)
		if err := r.write(`{"k":{"S":"a"},"n":{"N":"1"}}`); err != nil {
			t.Fatal(err)
		}
		before, err := r.checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Flush(t.Context(), sinks.Stopped); err != nil {
			t.Fatal(err)
		}
		if after, err := r.checkpoint(); err != nil || string(after) != string(before) {
			t.Errorf("the state is %s, %v, and was %s", after, err, before)
		}
		r.Sink.(sinks.Checkpointer).Keep()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for name := range below(t, folder) {
			if !strings.HasPrefix(name, ".") {
				t.Errorf("published: %s", name)
			}
		}
	}
}

// Whatever a state has become, a sink is open or says what is wrong, and writes
// nothing outside of its folder.
func FuzzState(f *testing.F) {
	for _, body := range []string{"out.jsonl", "out.csv.gz", "out.parquet", "out.arrow", "${row.k}.csv", "${row.k}.json\"\nmax_rows = \"2"} {
		folder := f.TempDir()
		_, state := interrupted(f, args(folder, body))
		f.Add(strings.ReplaceAll(string(state), folder, "FOLDER"))
	}
	for _, text := range []string{"", "{}", "null", `{"version":2}`, `{"version":1,"run":"../x"}`, `{"version":1,"run":"run1","format":"jsonl","targets":[{"path":"x"}]}`,
		`{"version":1,"run":"run1","format":"csv","targets":[{"path":"../../x","parked":true,"layout":0,"now":{"path":"/etc/passwd","length":0}}],"layouts":[{}]}`,
		`{"version":1,"run":"run1","format":"jsonl","targets":[{"path":"FOLDER/out.jsonl","now":{"path":"FOLDER/out.jsonl","length":-1}}]}`,
		`{"version":1,"run":"run1","format":"parquet","targets":[{"path":"FOLDER/out.parquet","survey":[{"name":"x"}],"now":{"path":"FOLDER/out.parquet","length":0}}]}`,
		`{"version":1,"run":"run1","format":"csv","direct":true,"targets":[]}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		above := t.TempDir()
		folder := filepath.Join(above, "f")
		if err := os.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		outside := filepath.Join(above, "other.partial")
		if err := os.WriteFile(outside, []byte("other"), 0o666); err != nil {
			t.Fatal(err)
		}
		state := json.RawMessage(strings.ReplaceAll(text, "FOLDER", folder))
		for _, body := range []string{"out.jsonl", "out.csv.gz", "out.parquet", "out.arrow", "${row.k}.csv", "${row.k}.json\"\nmax_rows = \"2"} {
			for _, done := range []bool{false, true} {
				if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o777)); err != nil {
					t.Fatal(err)
				}
				c, _ := interrupted(t, args(folder, body))
				if r, err := reopen(t, c, 2, state, done); err == nil {
					// What is wrong with the contents of a file shows here.
					_ = r.Flush(t.Context(), sinks.EndOfInput)
					_ = r.Close()
				}
				_ = c.Discard(state)
			}
		}
		if got, err := os.ReadFile(outside); err != nil || string(got) != "other" {
			t.Errorf("another file is %q, %v", got, err)
		}
	})
}
