package estimate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/pipeline"
	"github.com/dynapipe/dynapipe/sources"
)

// stuck is a source that a test says the behaviour of.
type stuck struct {
	sources.Config
	open func(ctx context.Context) error
	next func(ctx context.Context, env sources.Env) (sources.Chunk, error)
	env  sources.Env
}

func (s *stuck) Open(ctx context.Context, env sources.Env) (sources.Source, error) {
	s.env = env
	if s.open != nil {
		if err := s.open(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *stuck) Partitions() []sources.Partition { return []sources.Partition{s} }

func (s *stuck) Next(ctx context.Context) (sources.Chunk, error) { return s.next(ctx, s.env) }

func (s *stuck) Close() error { return nil }

// forEver waits until it may not any longer.
func forEver(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

const twoSources = `
source "csv" "stuck" {
  path = "testdata/in.csv"
}
source "csv" "in" {
  path = "testdata/in.csv"
}
sink "file" "first" {
  from = source.csv.stuck
  path = "first.csv"
}
sink "file" "second" {
  from = source.csv.in
  path = "second.csv"
}
`

// planned is the plan of two sources, the first of which is another one.
func planned(t *testing.T, s *stuck) (*plan.Plan, plan.View, Options) {
	t.Helper()
	o := Options{Run: &expr.Run{ID: "run"}}
	p, _, diags := pipeline.LoadText("p.hcl", twoSources, builtin.Catalog(), pipeline.Options{Run: o.Run})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	v := plan.NewView(t.Context(), p)
	for _, n := range p.Nodes {
		if n.Address == "source.csv.stuck" {
			s.Config = n.Source
			n.Source = s
		}
	}
	return p, v, o
}

func estimates(v *plan.View) map[string]*plan.NodeEstimate {
	out := map[string]*plan.NodeEstimate{}
	for _, n := range v.Nodes {
		out[n.Address] = n.Estimate
	}
	return out
}

// A sample ends in time whatever its sources do, and tells of the others.
func TestSampleEndsInTime(t *testing.T) {
	for name, test := range map[string]struct {
		stuck *stuck
		most  time.Duration
		note  string
	}{
		"slow to open": {
			stuck: &stuck{open: forEver}, most: opening, note: "source.csv.stuck: context deadline exceeded",
		},
		"gives nothing": {
			stuck: &stuck{next: func(ctx context.Context, _ sources.Env) (sources.Chunk, error) {
				return sources.Chunk{}, forEver(ctx)
			}},
			most: 2 * patience, note: fmt.Sprintf("the sample was ended after %v", patience),
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, v, o := planned(t, test.stuck)
				began := time.Now()
				Fill(t.Context(), p, &v, o)
				if took := time.Since(began); took > test.most {
					t.Errorf("it took %v, more than %v", took, test.most)
				}
				if notes := strings.Join(v.Sampling.Notes, "\n"); notes != test.note || v.Sampling.Error != "" {
					t.Errorf("noted is %q, want %q; %s", notes, test.note, v.Sampling.Error)
				}
				if other := estimates(&v)["sink.file.second"]; other.In.Value != 2 || other.In.Exact != (test.stuck.open != nil) {
					t.Errorf("of the other source's sink: %+v", other)
				}
			})
		})
	}
}

// Rejects that are too many already say that a run fails, also where it can't be
// told how many rows there are.
func TestTooManyRejectsOfAnUnknownNumberOfRows(t *testing.T) {
	row := int64(0)
	s := &stuck{next: func(_ context.Context, env sources.Env) (sources.Chunk, error) {
		row++
		at := record.Origins{Place: &record.Place{Source: env.Node}, Pos: []record.Pos{{Seq: row}}}.At(0)
		return sources.Chunk{Rejects: []record.Rejection{{Origin: at, Operation: "read", Code: "Bad", Message: "no good"}}}, nil
	}}
	p, v, o := planned(t, s)
	o.Rows = 3
	warnings := Fill(t.Context(), p, &v, o)
	if e := estimates(&v)["source.csv.stuck"]; e.Out.Exact {
		t.Errorf("the rows of a source without end are known: %+v", e)
	}
	if v.Sampling.Fails == "" || len(warnings) != 1 || !strings.Contains(warnings[0].Detail, "3 of the 5 rows looked at would be rejected") {
		t.Errorf("fails: %q; %v", v.Sampling.Fails, warnings)
	}
}

// A sample has the rows that were asked for, and of the last batch hardly more.
func TestSampleOfSoManyRows(t *testing.T) {
	const lines, batch = 900, 100
	path := filepath.Join(t.TempDir(), "in.csv")
	if err := os.WriteFile(path, []byte("id\n"+strings.Repeat("a\n", lines)), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Run: &expr.Run{ID: "run"}}
	p, _, diags := pipeline.LoadText("p.hcl", fmt.Sprintf(`
pipeline {
  batch_rows = %d
}
source "csv" "in" {
  path = %q
}
sink "file" "out" {
  from = source.csv.in
  path = "out.csv"
}
`, batch, path), builtin.Catalog(), pipeline.Options{Run: o.Run})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, rows := range []int64{1, 7, 99, 100, 101, 199, 250, 800, 899, 900, 901, 5000} {
		o.Rows = rows
		v := plan.NewView(t.Context(), p)
		s := newSample(p, &v, o)
		s.run(t.Context())
		got := s.nodes[p.Nodes[0]].report.Read
		batches := (rows + batch - 1) / batch
		if least, most := min(rows, lines), min(rows+batches-1, lines); got < least || got > most {
			t.Errorf("a sample of %d rows has %d, want %d to %d", rows, got, least, most)
		}
	}
}
