package plan_test

import (
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/transforms"
)

// files is a source of files, table one of none.
type (
	files struct{ component }
	table struct{ component }
	// remembering is a transform that remembers rows.
	remembering struct {
		transforms.Config
		saved bool
	}
)

func (files) ReadsFiles() []string { return []string{"in.csv"} }

func (r remembering) Remembers() (saved bool) { return r.saved }

// stdin is a source of standard input.
type stdin struct{ files }

func (stdin) ReadsFiles() []string { return []string{plan.StandardStream} }

func TestResumption(t *testing.T) {
	source := func(name string, n plan.Node) *plan.Node {
		n.Kind, n.Address = plan.Source, "source."+name
		return &n
	}
	through := func(name string, remembers bool, from ...*plan.Node) *plan.Node {
		n := &plan.Node{Kind: plan.Transform, Address: "transform." + name}
		if remembers {
			n.Transform = remembering{}
		}
		for _, f := range from {
			n.Inputs = append(n.Inputs, plan.Input{From: f})
		}
		return n
	}
	saving := func(from *plan.Node) *plan.Node {
		n := through("l", true, from)
		n.Transform = remembering{saved: true}
		return n
	}
	a, b := source("a", plan.Node{Source: files{}}), source("b", plan.Node{Source: files{}})
	scan, in := source("scan", plan.Node{Source: table{}}), source("in", plan.Node{Source: stdin{}})
	for name, test := range map[string]struct {
		nodes []*plan.Node
		again bool
		never string
	}{
		"files":                       {nodes: []*plan.Node{a, b, through("m", false, a, b)}},
		"a scan":                      {nodes: []*plan.Node{scan, through("m", false, scan)}},
		"one file source, remembered": {nodes: []*plan.Node{a, b, through("d", true, a)}, again: true},
		"a remembered scan":           {nodes: []*plan.Node{scan, through("d", true, scan)}, again: true, never: "transform.d remembers rows"},
		"a scan beside what is":       {nodes: []*plan.Node{a, scan, through("d", true, a)}, again: true, never: "source.scan"},
		"two sources, remembered":     {nodes: []*plan.Node{a, b, through("d", true, a, b)}, again: true, never: "several sources"},
		"a scan, and what is saved":   {nodes: []*plan.Node{scan, saving(scan)}},
		"two sources by one in between": {nodes: func() []*plan.Node {
			m := through("m", false, a, b)
			return []*plan.Node{a, b, m, through("d", true, m)}
		}(), again: true, never: "several sources"},
		"standard input":               {nodes: []*plan.Node{in}, never: "standard input"},
		"standard input beside a file": {nodes: []*plan.Node{a, in}, never: "standard input"},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&plan.Plan{Nodes: test.nodes}).Resumption()
			if got.Again != test.again || (got.Never == "") != (test.never == "") || !strings.Contains(got.Never, test.never) {
				t.Errorf("%+v", got)
			}
			if !strings.Contains(got.String(), got.Never) {
				t.Errorf("shown as %q", got)
			}
		})
	}
}
