package dryrun_test

import (
	"testing"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/dryrun"
	"github.com/dynapipe/dynapipe/internal/plan"
)

// TestEverySinkIsChecked fails for a sink whose rows a dry run would only count,
// and for one that it would leave to write.
func TestEverySinkIsChecked(t *testing.T) {
	source := &plan.Node{Address: "source.csv.a", Kind: plan.Source}
	p := &plan.Plan{Nodes: []*plan.Node{source}, Settings: plan.Settings{DeadLetter: "a.rejects.jsonl"}}
	for _, kind := range builtin.Catalog().Sinks {
		p.Nodes = append(p.Nodes, &plan.Node{
			Address: "sink." + kind.Type + ".a", Kind: plan.Sink, Sink: kind.New(), Inputs: []plan.Input{{From: source}},
		})
	}
	dry, counted := dryrun.Plan(p)
	if len(counted) > 0 {
		t.Errorf("only counted: %v", counted)
	}
	if dry.Settings.DeadLetter != "" || p.Settings.DeadLetter == "" {
		t.Errorf("the dead letters are %q and %q", dry.Settings.DeadLetter, p.Settings.DeadLetter)
	}
	for i, n := range dry.Nodes[1:] {
		if n.Sink == p.Nodes[i+1].Sink {
			t.Errorf("%s is what it was", n.Address)
		}
		if n.Inputs[0].From != dry.Nodes[0] || p.Nodes[i+1].Inputs[0].From != source {
			t.Errorf("%s reads a node of another plan", n.Address)
		}
	}
}
