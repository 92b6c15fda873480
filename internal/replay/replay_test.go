package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/replay"
	"github.com/dynapipe/dynapipe/pipeline"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seen takes the place of a sink: it keeps the rows that reach it.
type seen struct {
	sinks.Config
	rows []string
}

func (s *seen) Open(context.Context, sinks.Env) (sinks.Sink, error) { return s, nil }
func (s *seen) Flush(context.Context, sinks.Ending) error           { return nil }
func (s *seen) Close() error                                        { return nil }

func (s *seen) Write(_ context.Context, b *record.Batch, r *record.Receipt) error {
	for row := range b.Rows() {
		s.rows = append(s.rows, string(attr.AppendRow(nil, b, row)))
	}
	r.EndAll(record.Written)
	return nil
}

// pipe is a pipeline whose rows are exploded, then made with an expression, and
// then go through what rest says to where they are seen.
type pipe struct {
	testing.TB
	dir  string
	seen *seen
}

func newPipe(t testing.TB) *pipe { return &pipe{TB: t, dir: t.TempDir()} }

func (p *pipe) dead() string { return filepath.Join(p.dir, "dead.jsonl") }

// plan loads the pipeline, in which n is an expression.
func (p *pipe) plan(n, rest string) *plan.Plan {
	p.Helper()
	from := "transform.map.numbers"
	if rest != "" {
		from = "transform.limit.rest"
	}
	text := fmt.Sprintf(`
pipeline {
  max_rejects = 1000
  dead_letter = %q
  batch_rows  = 2
}
source "jsonl" "in" {
  path = %q
}
transform "explode" "each" {
  from  = source.jsonl.in
  field = "l"
  as    = "x"
}
transform "map" "numbers" {
  from = transform.explode.each
  set  = { n = %s }
}
%s
sink "file" "out" {
  from = %s
  path = "-"
  format = "jsonl"
}
`, p.dead(), filepath.Join(p.dir, "*.in.jsonl"), n, rest, from)
	out, _, diags := pipeline.LoadText("p.hcl", text, builtin.Catalog(), pipeline.Options{Run: &expr.Run{ID: "run"}})
	if diags.HasErrors() {
		p.Fatal(diags)
	}
	for _, n := range out.Nodes {
		if n.Kind == plan.Sink {
			p.seen = &seen{Config: n.Sink}
			n.Sink = p.seen
		}
	}
	return out
}

func (p *pipe) put(name, text string) {
	p.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o666); err != nil {
		p.Fatal(err)
	}
}

func run(pl *plan.Plan) error {
	_, err := engine.New(pl, engine.Options{Run: &expr.Run{ID: "run"}}).Run(context.Background())
	return err
}

// replay sends rows in as the command does.
func (p *pipe) replay(pl *plan.Plan) (*replay.Replay, error) {
	p.Helper()
	r, err := replay.Open(pl, p.dead(), "")
	if err != nil {
		return nil, err
	}
	if err := r.Begin(); err != nil {
		p.Fatal(err)
	}
	if err := run(r.Plan()); err != nil {
		return r, err
	}
	if err := r.Settle("run", ""); err != nil {
		p.Fatal(err)
	}
	return r, nil
}

// text is the dead letter; empty when there is none.
func (p *pipe) text() string {
	p.Helper()
	text, err := os.ReadFile(p.dead())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.Fatal(err)
	}
	return string(text)
}

// lines is what a dead letter has of its rows and where they are from.
func (p *pipe) lines() (lines []string) {
	p.Helper()
	for line, err := range engine.DeadLetterLines(p.dead()) {
		if err != nil {
			p.Fatal(err)
		}
		origin, err := json.Marshal(line.Origin)
		if err != nil {
			p.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", line.Node, origin, line.Item))
	}
	slices.Sort(lines)
	return lines
}

// line is a line of a dead letter.
func line(item, origin string) string {
	return fmt.Sprintf(`{"node":"transform.map.numbers","origin":{"source":"source.jsonl.in"%s},"item":%s}`, origin, item)
}

// Rows that explode made go in with the places that they had, of whatever file and
// segment: what is made of these, as a token, is the same again (promise 2).
func TestPlacesAreKept(t *testing.T) {
	p := newPipe(t)
	p.put("a.in.jsonl", `{"l":["1","one","two"]}`+"\n"+`{"l":["three"]}`+"\n")
	p.put("b.in.jsonl", `{"l":["four","2","five"]}`+"\n")
	if err := run(p.plan("tonumber(row.x)", "")); err != nil {
		t.Fatal(err)
	}
	text := p.text()
	for _, sub := range []string{`"sub":1`, `"sub":2`} {
		if !strings.Contains(text, sub) {
			t.Fatalf("no row with %s:\n%s", sub, text)
		}
	}
	p.put("dead.jsonl", text+line(`{"x":{"S":"six"}}`, `,"segment":0,"seq":7`)+"\n"+line(`{"x":{"S":"seven"}}`, `,"segment":1,"seq":7,"sub":3`)+"\n")
	before := p.lines()
	if _, err := p.replay(p.plan("tonumber(row.x)", "")); err != nil {
		t.Fatal(err)
	}
	if after := p.lines(); len(before) != 7 || !slices.Equal(before, after) {
		t.Errorf("the dead letter was\n%s\nand is\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	if _, err := p.replay(p.plan("row.x", "")); err != nil {
		t.Fatal(err)
	}
	if text := p.text(); text != "" || len(p.seen.rows) != 7 {
		t.Errorf("%d rows came, and the dead letter has\n%s", len(p.seen.rows), text)
	}
}

// No line is lost, whatever it is like (promise 2).
func TestDamagedDeadLetters(t *testing.T) {
	good := line(`{"x":{"S":"1"}}`, "")
	for name, test := range map[string]struct {
		text, fails, stays, why string
		rows                    int
	}{
		"whole":                         {text: good + "\n", rows: 1},
		"without the last line end":     {text: good + "\n" + good, rows: 2},
		"the last line is cut short":    {text: good + "\n" + good[:40], rows: 1, stays: good[:40], why: "the last line is cut short"},
		"cut short before its node":     {text: "{", stays: "{", why: "the last line is cut short"},
		"a line in the middle is short": {text: good[:40] + "\n" + good + "\n", fails: "line 1 of "},
		"an unknown node": {
			text: strings.ReplaceAll(good, "map.numbers", "map.nothing") + "\n" + good + "\n", rows: 1,
			stays: strings.ReplaceAll(good, "map.numbers", "map.nothing") + "\n", why: "the pipeline has no transform.map.nothing",
		},
		"no item":         {text: `{"node":"transform.map.numbers"}` + "\n", stays: `{"node":"transform.map.numbers"}` + "\n", why: "could not read them as rows"},
		"an item of text": {text: good + "\n" + line(`"x"`, "") + "\n", fails: "the row in line 2 of "},
		"a list":          {text: line(`[{"S":"x"}]`, "") + "\n", fails: "an item must be an object"},
		"null":            {text: line(`null`, "") + "\n", fails: "an item must be an object"},
		"plain JSON":      {text: line(`{"x":"y"}`, "") + "\n", fails: "a value in DynamoDB JSON must be an object"},
		"a name twice":    {text: line(`{"x":{"S":"1"},"x":{"S":"2"}}`, "") + "\n", fails: `the name "x" stands twice`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipe(t)
			p.put("dead.jsonl", test.text)
			r, err := p.replay(p.plan("row.x", ""))
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) || p.text() != test.text {
					t.Errorf("%v; the file is now\n%s", err, p.text())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(p.seen.rows) != test.rows || p.text() != test.stays {
				t.Errorf("%d rows came, not %d; the file is now\n%s", len(p.seen.rows), test.rows, p.text())
			}
			for why := range r.Stay {
				if test.why == "" || !strings.Contains(why, test.why) {
					t.Errorf("a row stays because %s", why)
				}
			}
			if len(r.Stay) == 0 && test.why != "" {
				t.Errorf("nothing stays")
			}
		})
	}
}

// A row that is sent in alone would pass a limit that others have used up.
func TestWhatRemembersIsRefused(t *testing.T) {
	p := newPipe(t)
	p.put("dead.jsonl", line(`{"x":{"S":"1"}}`, "")+"\n")
	_, err := p.replay(p.plan("row.x", "transform \"limit\" \"rest\" {\n  from = transform.map.numbers\n  rows = 2\n}"))
	if err == nil || !strings.Contains(err.Error(), "transform.limit.rest would see the replayed rows alone") {
		t.Error(err)
	}
}

// What can be read once can't be looked through before, and can't be written anew.
func TestOnlyRegularFiles(t *testing.T) {
	p := newPipe(t)
	if _, err := replay.Open(p.plan("row.x", ""), os.DevNull, ""); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
}

// A source that fails in the middle of a row gives all memory back.
func TestDamagedRowsKeepNoMemory(t *testing.T) {
	p := newPipe(t)
	p.put("dead.jsonl", line(`{"x":{"S":"1"}}`, "")+"\n"+line(`{"x":{"S":"2"},"y":{"S":"a"},"x":{"S":"3"}}`, "")+"\n")
	r, err := replay.Open(p.plan("row.x", ""), p.dead(), "")
	if err != nil {
		t.Fatal(err)
	}
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	s, err := r.Plan().Nodes[0].Source.Open(context.Background(), sources.Env{Mem: mem, Limits: record.Limits{Rows: 10, Bytes: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Partitions()[0].Next(context.Background()); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read as rows: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzReplay: each line of whatever stands in a dead letter has come through, or is
// there afterwards (promise 2).
func FuzzReplay(f *testing.F) {
	good := line(`{"x":{"S":"1"}}`, "")
	for _, text := range []string{
		good + "\n", good, good + "\n" + good[:50], good[:50] + "\n" + good + "\n", "{", "\n", "null\n",
		line(`{"x":{"S":"one"}}`, `,"file":"a","line":3,"seq":-1,"sub":2`) + "\n" + line(`{"x":{"S":"2"}}`, `,"segment":-5`) + "\n",
		strings.ReplaceAll(good, "map.numbers", "map.nothing") + "\n" + line(`[]`, "") + "\n",
		line(`{"x":{"L":[{"NULL":true}]}}`, "") + "\n" + strings.ReplaceAll(good, "transform.map.numbers", "source.jsonl.in") + "\n",
	} {
		f.Add([]byte(text))
	}
	p := newPipe(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		p := &pipe{TB: t, dir: p.dir}
		p.put("dead.jsonl", string(text))
		was := strings.Count(string(text), "\n")
		if len(text) > 0 && text[len(text)-1] != '\n' {
			was++
		}
		if _, err := p.replay(p.plan("tonumber(row.x)", "")); err != nil {
			if p.text() != string(text) {
				t.Errorf("%v, and the file is now\n%s", err, p.text())
			}
			return
		}
		is := strings.Count(p.text(), "\n")
		if left := p.text(); left != "" && left[len(left)-1] != '\n' {
			is++
		}
		if len(p.seen.rows)+is != was {
			t.Errorf("of %d lines, %d have come through and %d are there:\n%s", was, len(p.seen.rows), is, p.text())
		}
	})
}
