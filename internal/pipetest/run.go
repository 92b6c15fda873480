package pipetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/plan"
)

// Run runs tests one after the other. done, which may be nil, is told of each. The
// error is why the others did not run: ctx is done, or there is no place for
// temporary files.
func Run(ctx context.Context, tests []*Test, done func(*Result)) (*Report, error) {
	r := &Report{Tests: []*Result{}}
	for _, t := range tests {
		result, err := t.Run(ctx)
		if err != nil {
			return r, err
		}
		r.add(result)
		if done != nil {
			done(result)
		}
	}
	return r, nil
}

// Run runs the test, once.
func (t *Test) Run(ctx context.Context) (r *Result, err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "dynapipe-test-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder for rejected rows: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p := *t.plan
	p.Settings.MaxRejects = plan.Limit{Count: math.MaxInt64} // they are looked at below
	p.Settings.DeadLetter = filepath.Join(dir, "rejects.jsonl")
	_, failure := engine.New(&p, engine.Options{Run: t.run}).Run(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r = &Result{File: t.File, Line: t.Line, Name: t.Name, Pipeline: t.Pipeline, Status: Passed, mask: p.Secrets.Mask}
	rejects, err := readRejects(p.Settings.DeadLetter)
	if err != nil {
		return nil, err
	}
	if failure != nil {
		r.fail(Failure{Kind: RunFailed, Line: t.Line, Message: "the run failed: " + failure.Error()})
	}
	t.rejected(r, rejects)
	if failure == nil {
		for _, e := range t.expects {
			e.compare(r)
		}
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}
