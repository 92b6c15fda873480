package pipetest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/pipetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load loads two tests, the second of which fails, and has temporary files in a
// folder of their own.
func load(t *testing.T) (tests []*pipetest.Test, temporary string) {
	t.Helper()
	dir, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for name, text := range map[string]string{
		"p.hcl": `
pipeline {
  batch_rows       = 1
  channel_capacity = 1
}
source "csv" "in" {
  path = "nosuch.csv"
}
transform "map" "number" {
  from = source.csv.in
  set  = { n = tonumber(row.n) }
}
sink "file" "out" {
  from = transform.map.number
  path = "out.jsonl"
}
`,
		"p.test.hcl": `
test "first" {
  source "csv" "in" {
    rows = [for n in range(100) : { n = tostring(n) }]
  }
  expect "file" "out" {
    count = 100
  }
}
test "second" {
  source "csv" "in" {
    rows = [{ n = "x" }, { n = "2" }]
  }
  expect "file" "out" {
    rows = [{ n = 1 }]
  }
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tests, _, diags := pipetest.Load([]string{filepath.Join(dir, "p.test.hcl")}, pipetest.Options{Catalog: builtin.Catalog()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return tests, temporary
}

// empty fails when something was left in a folder.
func empty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRun(t *testing.T) {
	tests, temporary := load(t)
	var told []string
	report, err := pipetest.Run(t.Context(), tests, func(r *pipetest.Result) { told = append(told, r.Name) })
	if err != nil || report.Passed != 1 || report.Failed != 1 || len(told) != 2 {
		t.Fatalf("%v, %+v, told of %v", err, report, told)
	}
	kinds := map[pipetest.FailureKind]int{}
	for _, f := range report.Tests[1].Failures {
		kinds[f.Kind]++
	}
	if len(kinds) != 2 || kinds[pipetest.Rejected] != 1 || kinds[pipetest.WrongRows] != 1 {
		t.Errorf("failures: %v", kinds)
	}
	empty(t, temporary)
}

// An interrupt ends the run, says why, and leaves nothing behind (promise 9).
func TestRunIsInterrupted(t *testing.T) {
	tests, temporary := load(t)
	because := errors.New("because")
	ctx, cancel := context.WithCancelCause(t.Context())
	report, err := pipetest.Run(ctx, tests, func(*pipetest.Result) { cancel(because) })
	if !errors.Is(err, because) || len(report.Tests) != 1 {
		t.Errorf("%v, %+v", err, report)
	}
	if _, err := tests[1].Run(ctx); !errors.Is(err, because) {
		t.Errorf("a test ran all the same: %v", err)
	}
	empty(t, temporary)
}
