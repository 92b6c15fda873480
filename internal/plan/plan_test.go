package plan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOrder draws graphs: every node is ordered after its inputs, or is in a
// cycle or behind one; every cycle is one, along edges.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := make([]*plan.Node, rapid.IntRange(0, 8).Draw(t, "nodes"))
		for i := range nodes {
			nodes[i] = &plan.Node{Address: fmt.Sprint(i)}
		}
		for i, n := range nodes {
			for _, from := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(nodes)-1), 0, min(2, len(nodes)), rapid.ID[int]).Draw(t, "inputs of "+n.Address) {
				nodes[i].Inputs = append(nodes[i].Inputs, plan.Input{From: nodes[from]})
			}
		}
		ordered, cycles := plan.Order(nodes)
		for i, n := range ordered {
			for _, in := range n.Inputs {
				if !slices.Contains(ordered[:i], in.From) {
					t.Fatalf("%s comes before its input %s", n.Address, in.From.Address)
				}
			}
		}
		if (len(cycles) == 0) != (len(ordered) == len(nodes)) {
			t.Fatalf("%d cycles, and %d of %d nodes ordered", len(cycles), len(ordered), len(nodes))
		}
		for _, c := range cycles {
			for i, n := range c {
				next := c[(i+1)%len(c)]
				if !slices.Contains(next.Inputs, plan.Input{From: n}) {
					t.Fatalf("%s does not read %s", next.Address, n.Address)
				}
			}
		}
	})
}

// A node without constraints stays where the files have it.
func TestOrderIsStable(t *testing.T) {
	a, b, c := &plan.Node{Address: "a"}, &plan.Node{Address: "b"}, &plan.Node{Address: "c"}
	a.Inputs = []plan.Input{{From: c}}
	ordered, _ := plan.Order([]*plan.Node{a, b, c})
	if !slices.Equal(ordered, []*plan.Node{b, c, a}) {
		t.Errorf("order: %s %s %s", ordered[0].Address, ordered[1].Address, ordered[2].Address)
	}
}

// component is a source or sink whose facts are given.
type component struct {
	sources.Config
	facts func(context.Context) (schema.Facts, error)
}

func (c component) Facts(ctx context.Context) (schema.Facts, error) { return c.facts(ctx) }
func (c component) Shape() expr.Shape                               { return expr.Shape{} }

type sink struct{ component }

func (s sink) Open(context.Context, sinks.Env) (sinks.Sink, error) { return nil, errors.ErrUnsupported }

func example(facts func(context.Context) (schema.Facts, error)) *plan.Plan {
	secrets := &diag.Secrets{}
	secrets.Add("hunter2")
	source := &plan.Node{Address: "source.csv.users", Kind: plan.Source, Type: "csv", Name: "users",
		Source:   component{facts: func(context.Context) (schema.Facts, error) { return schema.Facts{Files: []string{"hunter2.csv"}}, nil }},
		Settings: []schema.Setting{{Name: "path", Value: diag.Masked}}}
	return &plan.Plan{
		Name:     "p",
		Settings: plan.Settings{MaxRejects: plan.Limit{Percent: 2.5, IsPercent: true}, DeadLetter: "hunter2.rejects.jsonl", BatchRows: 10, BatchBytes: 1500},
		State:    plan.State{Path: "hunter2/state", Every: plan.DefaultStateEvery},
		Secrets:  secrets,
		Nodes: []*plan.Node{source, {Address: "sink.t.out", Kind: plan.Sink, Type: "t", Name: "out",
			Inputs: []plan.Input{{From: source, Output: "rich"}}, Sink: sink{component{facts: facts}}}},
	}
}

func TestView(t *testing.T) {
	v := plan.NewView(t.Context(), example(func(context.Context) (schema.Facts, error) {
		return schema.Facts{
			Calls:     []string{"BatchWriteItem", "DescribeTable"},
			Tables:    []schema.TableUse{{Name: "hunter2", Use: "write", Keys: []string{"pk (S)", "sk (N)"}, Note: "on demand"}},
			Order:     "none",
			Guarantee: "each row once",
			Notes:     []string{"two\nlines"},
		}, errors.New("no answer for hunter2")
	}))
	var text, doc bytes.Buffer
	if err := errors.Join(v.WriteText(&text, 0), v.WriteJSON(&doc)); err != nil {
		t.Fatal(err)
	}
	want := `Pipeline p
  rejects: at most 2.5%, kept in (sensitive).rejects.jsonl
  batches: up to 10 rows or 1500 bytes, 0 per channel, parallelism 0
  state: in (sensitive)/state, every 5s; --resume goes on from the last checkpoint

  1. source.csv.users
       path  (sensitive)
       [file]  (sensitive).csv

  2. sink.t.out  <- source.csv.users.rich
       [calls]      BatchWriteItem, DescribeTable
       [table]      write (sensitive), keys pk (S), sk (N) (on demand)
       [order]      none
       [guarantee]  each row once
       [note]       two
                    lines
       [unknown]    no answer for (sensitive)
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
	if strings.Contains(doc.String(), "hunter2") {
		t.Errorf("a secret in the JSON: %s", doc.String())
	}
	var back plan.View
	if err := json.Unmarshal(doc.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Nodes) != 2 || back.Nodes[1].From[0] != "source.csv.users.rich" || back.Settings.MaxRejects != "2.5%" || back.Warnings == nil {
		t.Errorf("JSON: %s", doc.String())
	}
}

// A node that never answers costs its timeout and its facts, not the plan.
func TestViewTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := plan.NewView(t.Context(), example(func(ctx context.Context) (schema.Facts, error) {
			<-ctx.Done()
			return schema.Facts{Calls: []string{"BatchWriteItem"}}, fmt.Errorf("describe: %w", ctx.Err())
		}))
		n := v.Nodes[1]
		if n.Unknown != "no answer within 10s" || len(n.Facts.Calls) != 1 {
			t.Errorf("got %q and %v", n.Unknown, n.Facts.Calls)
		}
	})
}
