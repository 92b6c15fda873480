package engine_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/transforms"
)

// jitter applies a transform after a random pause, so that parallel workers
// finish out of order.
func jitter(apply func(*record.Batch, *transforms.Out, memory.Allocator) error) *step {
	return &step{apply: func(in *record.Batch, out *transforms.Out, mem memory.Allocator) error {
		time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
		return apply(in, out, mem)
	}}
}

// Promise 10: one source, one path: rows come out in the order they came in.
func TestOrderThroughParallelWorkers(t *testing.T) {
	p := newPipe(t)
	src := p.source(&numbers{units: 200, rows: 7})
	a := p.transform(jitter(pass), src)
	b := p.transform(jitter(keepIf(func(seq int64) bool { return seq%3 != 0 })), a)
	out := &collect{}
	p.sink(out, b)
	p.mustRun()
	var want []string
	for seq := range 1400 {
		if seq%3 != 0 {
			want = append(want, fmt.Sprintf("source.test.n0/0-%d", seq))
		}
	}
	if !slices.Equal(out.rows, want) {
		t.Fatalf("rows out of order or missing: %d of %d", len(out.rows), len(want))
	}
}

// Promises 4 and 10: a union of branches of one source gives the rows in the
// order they were read, also within a unit; copies of a row in the order of the
// branches.
func TestUnionOfBranchesKeepsTheOrder(t *testing.T) {
	p := newPipe(t)
	src := p.source(&numbers{units: 100, rows: 4})
	slow := p.transform(jitter(keepIf(func(seq int64) bool { return seq%4 == 3 })), src)
	fast := p.transform(&step{apply: keepIf(func(seq int64) bool { return seq%4 < 2 })}, src)
	deeper := p.transform(jitter(pass), slow)
	out := &collect{}
	p.sink(out, deeper, fast, src)
	p.mustRun()
	var want []string
	for u := range 100 {
		for _, i := range []int{0, 0, 1, 1, 2, 3, 3} {
			want = append(want, fmt.Sprintf("source.test.n0/0-%d", u*4+i))
		}
	}
	if !slices.Equal(out.rows, want) {
		t.Fatalf("got %d rows, want %d, or their order differs:\n%v", len(out.rows), len(want), out.rows[:14])
	}
}

func TestUnionOfSourcesAndBranches(t *testing.T) {
	p := newPipe(t)
	one := p.source(&numbers{units: 50, rows: 3, partitions: 3})
	two := p.source(&numbers{units: 90, rows: 2})
	both := p.transform(jitter(pass), one, two)
	out := &collect{late: true}
	p.sink(out, both, two, one)
	r := p.mustRun()
	if want := 2*(3*50*3) + 2*(90*2); len(out.rows) != want {
		t.Fatalf("got %d rows, want %d", len(out.rows), want)
	}
	if r.Status != engine.Done {
		t.Fatalf("status %s", r.Status)
	}
}

func TestFlushComesAtTheEndOfInputOnly(t *testing.T) {
	build := func(p *pipe, src *numbers, out *collect) {
		var held []*record.Batch
		hold := &step{
			apply: func(in *record.Batch, o *transforms.Out, _ memory.Allocator) error {
				in.Retain()
				held = append(held, in)
				return nil
			},
			flush: func(o *transforms.Out, _ memory.Allocator) error {
				for _, b := range held {
					o.Emit(b)
					if err := o.Send(); err != nil {
						return err
					}
				}
				held = nil
				return nil
			},
			drop: func() (rows int64) {
				for _, b := range held {
					rows += int64(b.Rows())
					b.Release()
				}
				return rows
			},
		}
		s := p.source(src)
		p.sink(out, p.transform(hold, s), s)
	}
	t.Run("end of input", func(t *testing.T) {
		p, out := newPipe(t), &collect{}
		build(p, &numbers{units: 10, rows: 2}, out)
		p.mustRun()
		if len(out.rows) != 40 || out.how != sinks.EndOfInput {
			t.Fatalf("%d rows, ended %v", len(out.rows), out.how)
		}
	})
	t.Run("stopped", func(t *testing.T) {
		p, out := newPipe(t), &collect{}
		src := &numbers{units: 10, rows: 2, waits: make(chan struct{})}
		build(p, src, out)
		r, err := p.run(context.Background(), src.waits)
		if err != nil || r.Status != engine.Interrupted {
			t.Fatalf("%s, %v", r.Status, err)
		}
		if len(out.rows) != 20 || out.how != sinks.Stopped {
			t.Fatalf("%d rows, ended %v: what was held must stay there", len(out.rows), out.how)
		}
		if r.Unsettled != 20 {
			t.Errorf("%d rows unsettled, and 20 were held", r.Unsettled)
		}
	})
}

// Promise 9: a stop reads no more, drains, and publishes nothing.
func TestStopDrains(t *testing.T) {
	p := newPipe(t)
	src := &numbers{units: 20, rows: 3, waits: make(chan struct{})}
	s := p.source(src)
	kept, file := &collect{late: true}, &publishing{}
	p.sink(kept, p.transform(jitter(pass), s))
	p.sink(file, s)
	r, err := p.run(context.Background(), src.waits)
	if err != nil || r.Status != engine.Interrupted {
		t.Fatalf("%s, %v", r.Status, err)
	}
	if len(kept.rows) != 60 {
		t.Errorf("%d of 60 rows drained", len(kept.rows))
	}
	if file.published || r.Unsettled != 60 {
		t.Errorf("published %v, unsettled %d: the rows of an unpublished file are not settled", file.published, r.Unsettled)
	}
}

func TestCancelEndsAtOnce(t *testing.T) {
	p := newPipe(t)
	ctx, cancel := context.WithCancel(context.Background())
	src := &numbers{endless: true, rows: 3, partitions: 2}
	s := p.source(src)
	out := &collect{rejectIf: func(n string) bool {
		if strings.HasSuffix(n, "-300") {
			cancel()
		}
		return false
	}}
	p.sink(out, p.transform(jitter(pass), s))
	r, err := p.run(ctx, nil)
	if !errors.Is(err, engine.ErrAborted) || r.Status != engine.Interrupted {
		t.Fatalf("%s, %v", r.Status, err)
	}
	if !src.closed || out.closed != 1 {
		t.Errorf("source closed %v, sink closed %d times", src.closed, out.closed)
	}
}

func TestFailures(t *testing.T) {
	boom := errors.New("boom")
	ok := func() *numbers { return &numbers{units: 30, rows: 5, partitions: 2} }
	for name, test := range map[string]struct {
		src  *numbers
		step *step
		out  sinks.Config
		want string
	}{
		"source opens":      {&numbers{openErr: boom}, &step{apply: pass}, &collect{}, "source.test.n0: boom"},
		"sink opens":        {ok(), &step{apply: pass}, &collect{openErr: boom}, "sink.test.n2: boom"},
		"source fails":      {&numbers{units: 30, rows: 5, fail: boom}, &step{apply: pass}, &collect{}, "source.test.n0: boom"},
		"sink write fails":  {ok(), &step{apply: pass}, &collect{writeErr: boom}, "sink.test.n2: boom"},
		"sink flush fails":  {ok(), &step{apply: pass}, &collect{flushErr: boom}, "sink.test.n2: boom"},
		"publish fails":     {ok(), &step{apply: pass}, &publishing{publishErr: boom}, "sink.test.n2: boom"},
		"sink forgets rows": {ok(), &step{apply: pass}, &collect{forget: true}, "sink.test.n2 does not balance"},
		"transform fails": {ok(), &step{apply: func(*record.Batch, *transforms.Out, memory.Allocator) error { return boom }},
			&collect{}, "transform.test.n1: boom"},
		"transform panics": {ok(), &step{apply: func(*record.Batch, *transforms.Out, memory.Allocator) error { panic("ouch") }},
			&collect{}, "transform.test.n1: a defect in dynapipe ended the run (ouch)"},
		"source panics": {&numbers{panics: true}, &step{apply: pass}, &collect{}, "source.test.n0: a defect in dynapipe ended the run (ouch)"},
		"sink panics":   {ok(), &step{apply: pass}, &collect{panics: true}, "sink.test.n2: a defect in dynapipe ended the run (ouch)"},
		"transform loses a row": {ok(), &step{apply: func(in *record.Batch, out *transforms.Out, mem memory.Allocator) error {
			out.Emit(transforms.Keep(mem, in, []int{0, 1}))
			return nil
		}}, &collect{}, "5 rows went in and 2 are accounted for"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipe(t)
			p.sink(test.out, p.transform(test.step, p.source(test.src)))
			r, err := p.run(context.Background(), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "goroutine") {
				t.Errorf("the message holds a stack trace: %v", err)
			}
			if r.Status != engine.Failed {
				t.Errorf("status %s", r.Status)
			}
			if pub, ok := test.out.(*publishing); ok && pub.published {
				t.Error("published by a run that failed")
			}
		})
	}
}

// A ledger that does not balance fails the run (promise 1), and is said once,
// though it is looked at before results appear and at the end.
func TestLedgerErrorIsSaidOnce(t *testing.T) {
	p := newPipe(t)
	p.sink(&collect{lose: true}, p.transform(&step{apply: pass}, p.source(&numbers{units: 3, rows: 5})))
	r, err := engine.New(p.plan, engine.Options{Run: &expr.Run{ID: "run-1"}, Mem: p.mem}).Run(t.Context())
	if err == nil || strings.Count(err.Error(), "does not balance") != 1 || r.Status != engine.Failed {
		t.Errorf("%s: %v", r.Status, err)
	}
}

func TestMaxRejects(t *testing.T) {
	tenInHundred := func(n string) bool { return strings.HasSuffix(n, "0") }
	for name, test := range map[string]struct {
		units  int // of 10 rows, one of them rejected
		limit  plan.Limit
		status engine.Status
	}{
		"none allowed":                 {20, plan.Limit{}, engine.Failed},
		"as many as allowed":           {20, plan.Limit{Count: 20}, engine.DoneWithRejects},
		"one more than allowed":        {20, plan.Limit{Count: 19}, engine.Failed},
		"percentage kept":              {300, plan.Limit{Percent: 10, IsPercent: true}, engine.DoneWithRejects},
		"percentage passed, few rows":  {20, plan.Limit{Percent: 9.9, IsPercent: true}, engine.Failed},
		"percentage passed, many rows": {300, plan.Limit{Percent: 9.9, IsPercent: true}, engine.Failed},
		"no percentage":                {20, plan.Limit{Percent: 0, IsPercent: true}, engine.Failed},
		"everything may be rejected":   {20, plan.Limit{Percent: 100, IsPercent: true}, engine.DoneWithRejects},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipe(t)
			p.plan.Settings.MaxRejects = test.limit
			out := &publishing{collect: collect{rejectIf: tenInHundred}}
			p.sink(out, p.source(&numbers{units: test.units, rows: 10}))
			r, err := p.run(context.Background(), nil)
			if r.Status != test.status {
				t.Fatalf("status %s (%v), want %s", r.Status, err, test.status)
			}
			if out.published != (test.status != engine.Failed) {
				t.Errorf("published %v in a run that is %s", out.published, r.Status)
			}
			var many *engine.TooManyRejects
			if test.status == engine.Failed && !errors.As(err, &many) {
				t.Errorf("error %v", err)
			}
			if lines := deadLetter(t, p); int64(len(lines)) != r.Rejects {
				t.Errorf("%d lines in the dead letter, %d rejects", len(lines), r.Rejects)
			}
		})
	}
}

// Promise 2: the dead letter says where a row is from, where it was refused,
// and why.
func TestDeadLetterLines(t *testing.T) {
	p := newPipe(t)
	p.plan.Settings.MaxRejects = plan.Limit{Count: 100}
	older := p.plan.Settings.DeadLetter
	if err := os.WriteFile(older, []byte("an older run's\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	src := p.source(&numbers{units: 4, rows: 2, badEvery: 2})
	refuse := &step{apply: func(in *record.Batch, out *transforms.Out, mem memory.Allocator) error {
		out.Rejects = append(out.Rejects, transforms.Reject(in, 0, "where", "Code", "no"))
		out.Emit(transforms.Keep(mem, in, []int{1}))
		return nil
	}}
	p.sink(&collect{}, p.transform(refuse, src))
	r := p.mustRun()
	if r.Status != engine.DoneWithRejects || r.Rejects != 6 {
		t.Fatalf("%s with %d rejects", r.Status, r.Rejects)
	}
	byNode := map[string]int{}
	for _, line := range deadLetter(t, p) {
		var entry struct {
			Run, Node, Operation, Code, Message, Raw string
			Origin                                   record.Origin
			Item                                     map[string]map[string]any
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		byNode[entry.Node]++
		if !strings.Contains(line, `"segment":0`) {
			t.Errorf("the origin's segment is missing in %s", line)
		}
		if entry.Run != "run-1" || entry.Origin.Source != "source.test.n0" || entry.Operation == "" || entry.Code == "" || entry.Message == "" {
			t.Errorf("something is missing in %s", line)
		}
		want := fmt.Sprintf("source.test.n0/0-%d", entry.Origin.Seq)
		if entry.Node == "transform.test.n1" && entry.Item["n"]["S"] != want {
			t.Errorf("the row's content is %v, not %s", entry.Item, want)
		}
		if entry.Node == "source.test.n0" && entry.Raw != "bad" {
			t.Errorf("the unreadable input is %q", entry.Raw)
		}
	}
	if byNode["transform.test.n1"] != 4 || byNode["source.test.n0"] != 2 {
		t.Errorf("lines by node: %v", byNode)
	}
	aside, _ := filepath.Glob(older + ".*")
	if len(aside) != 1 {
		t.Fatalf("the older dead letter was not set aside: %v", aside)
	}
}

// Promise 8: a message that a secret has got into is kept without it.
func TestDeadLetterHidesSecrets(t *testing.T) {
	p := newPipe(t)
	p.plan.Settings.MaxRejects = plan.Limit{Count: 100}
	p.plan.Secrets = &diag.Secrets{}
	p.plan.Secrets.Add("hunter2hunter2hunter2")
	refuse := &step{apply: func(in *record.Batch, out *transforms.Out, _ memory.Allocator) error {
		out.Rejects = append(out.Rejects, transforms.Reject(in, 0, "rule", "No", "the key is hunter2hunter2hunter2"))
		return nil
	}}
	p.sink(&collect{}, p.transform(refuse, p.source(&numbers{units: 1, rows: 1})))
	r := p.mustRun()
	if lines := deadLetter(t, p); len(lines) != 1 || strings.Contains(lines[0], "hunter2") || strings.Contains(r.FirstReject, "hunter2") {
		t.Errorf("%q, %q", lines, r.FirstReject)
	}
}

func TestNoRejectsLeaveNoDeadLetter(t *testing.T) {
	p := newPipe(t)
	p.sink(&collect{}, p.source(&numbers{units: 2, rows: 2}))
	p.mustRun()
	if _, err := os.Stat(p.plan.Settings.DeadLetter); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the dead letter is there: %v", err)
	}
}

func TestDeadLetterThatCannotBeWritten(t *testing.T) {
	p := newPipe(t)
	p.plan.Settings.DeadLetter = filepath.Join(t.TempDir(), "file", "below", "x.jsonl")
	if err := os.WriteFile(filepath.Dir(filepath.Dir(p.plan.Settings.DeadLetter)), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	out := &collect{}
	p.sink(out, p.source(&numbers{units: 2, rows: 2}))
	r, err := p.run(context.Background(), nil)
	if err == nil || !strings.Contains(err.Error(), "dead letter") || r.Status != engine.Failed || len(out.rows) > 0 {
		t.Fatalf("%s, %v, %d rows written", r.Status, err, len(out.rows))
	}
}

func deadLetter(t *testing.T, p *pipe) (lines []string) {
	t.Helper()
	f, err := os.Open(p.plan.Settings.DeadLetter)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		lines = append(lines, scan.Text())
	}
	return lines
}

// Promise 6: a unit that becomes very many rows goes on part by part, while it
// is being made, and the rows that came with a failure in the middle count.
func TestPartsGoOnWhileOthersAreMade(t *testing.T) {
	const parts = 2000
	boom := errors.New("boom")
	for name, fail := range map[string]error{"to the end": nil, "fails in the middle": boom} {
		t.Run(name, func(t *testing.T) {
			p, out := newPipe(t), &collect{}
			grow := &step{apply: func(in *record.Batch, o *transforms.Out, mem memory.Allocator) error {
				if seq := in.Origins().Pos[0].Seq; seq != 3 {
					return pass(in, o, mem)
				}
				for i := range parts {
					o.Emit(transforms.Keep(mem, in, []int{0}))
					if i > 0 {
						o.Made++
					}
					if err := o.Send(); err != nil {
						return err
					}
					out.mu.Lock()
					ahead := i + 1 - len(out.rows)
					out.mu.Unlock()
					if ahead > 40 {
						t.Errorf("%d parts are under way", ahead)
						return boom
					}
					if fail != nil && i == parts/2 {
						return fail
					}
				}
				o.Filtered += int64(in.Rows() - 1)
				return nil
			}}
			p.sink(out, p.transform(grow, p.source(&numbers{units: 5, rows: 3})))
			r, err := p.run(context.Background(), nil)
			if !errors.Is(err, fail) || fail == nil && len(out.rows) != parts+4*3 {
				t.Fatalf("%v, %d rows", err, len(out.rows))
			}
			if fail != nil && r.Nodes[1].Made < parts/4 {
				t.Errorf("%+v", r.Nodes[1])
			}
		})
	}
}

// A unit that is held holds back those after it, and only those of its branch
// wait for it where branches meet.
func TestUnitsThatAreHeldKeepTheirPlace(t *testing.T) {
	p := newPipe(t)
	src := p.source(&numbers{units: 60, rows: 3})
	slow := p.transform(delay{units: 25}, src)
	out := &collect{}
	p.sink(out, slow, src)
	p.mustRun()
	for i, row := range out.rows {
		if want := fmt.Sprintf("source.test.n0/0-%d", i/2); row != want {
			t.Fatalf("row %d is %s, not %s", i, row, want)
		}
	}
	if len(out.rows) != 360 {
		t.Errorf("%d rows", len(out.rows))
	}
}

// Rows for an output that nobody reads are filtered (promise 1).
func TestUnreadOutputIsFiltered(t *testing.T) {
	p, out := newPipe(t), &collect{}
	n := p.transform(&step{apply: func(in *record.Batch, o *transforms.Out, mem memory.Allocator) error {
		o.EmitTo("a", transforms.Keep(mem, in, []int{0}))
		o.EmitTo("b", transforms.Keep(mem, in, []int{1, 2}))
		return nil
	}}, p.source(&numbers{units: 10, rows: 3}))
	p.sink(out).Inputs = []plan.Input{{From: n, Output: "a"}}
	r := p.mustRun()
	if got := r.Nodes[1]; got.In != 30 || got.Out != 10 || got.Filtered != 20 || len(out.rows) != 10 {
		t.Errorf("%+v", got)
	}
	if r.Edges[1].From != "transform.test.n1.a" {
		t.Errorf("%+v", r.Edges[1])
	}
}

// Whoever looks at what passes is shown all of it, by node and in the order in
// which it leaves.
func TestPassedRowsAreShown(t *testing.T) {
	p := newPipe(t)
	src := p.source(&numbers{units: 40, rows: 5})
	kept := p.transform(jitter(keepIf(func(seq int64) bool { return seq%2 == 0 })), src)
	out := &collect{}
	p.sink(out, kept)
	var mu sync.Mutex
	seen := map[*plan.Node][]string{}
	p.passed = func(from *plan.Node, output string, b *record.Batch) {
		mu.Lock()
		defer mu.Unlock()
		if output != "" {
			t.Errorf("%s has no output %q", from.Address, output)
		}
		for _, pos := range b.Origins().Pos {
			seen[from] = append(seen[from], fmt.Sprintf("source.test.n0/0-%d", pos.Seq))
		}
	}
	p.mustRun()
	if len(seen[src]) != 200 || !slices.Equal(seen[kept], out.rows) || len(seen) != 2 {
		t.Errorf("%d rows left the source, %d the transform, and %d came out", len(seen[src]), len(seen[kept]), len(out.rows))
	}
}
